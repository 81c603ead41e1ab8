//! Names with `*` and `?`, as rules, policies and asset files write them.

use serde::{Deserialize, Serialize};

/// A pattern over names: `*` stands for any run of characters, `?` for one. Compared byte by byte, case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(pub String);

impl Glob {
    /// Whether the whole of `name` fits. Linear in practice, at worst the product of both lengths.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            if p < pattern.len() && pattern[p] == b'*' {
                star = Some((p, n));
                p += 1;
            } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == name[n]) {
                p += 1;
                n += 1;
            } else if let Some((at, from)) = star {
                p = at + 1;
                n = from + 1;
                star = Some((at, from + 1));
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|&b| b == b'*')
    }

    /// How specific the pattern is: its number of literal characters. The most specific of several that fit wins.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.bytes().filter(|b| !matches!(b, b'*' | b'?')).count()
    }
}

impl From<&str> for Glob {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let check = |pattern: &str, name: &str, fits: bool| {
            assert_eq!(Glob::from(pattern).fits(name), fits, "{pattern} {name}");
        };
        check("php*-fpm.service", "php8.2-fpm.service", true);
        check("php*-fpm.service", "php8.2-fpm.service.evil", false);
        check("*", "", true);
        check("", "x", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*a*b*", "xxaxxbxx", true);
        check("*.service", "nginx.service", true);
        check("web.*", "web", false);
    }
}

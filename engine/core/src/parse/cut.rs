//! Cuts fields off the front of a line. Every method either takes what it promises or leaves the line as it was.

/// The part of a line that is not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    pub(super) rest: &'a str,
}

/// No-break spaces come from lines that were copied from a web page.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}')
}

impl<'a> Cut<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.bytes().next()
    }

    /// Takes exactly this text.
    pub(super) fn eat(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Takes a number of `min` to `max` digits (`max` at most 9) that no further digit follows.
    pub(super) fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let digits = self.rest.bytes().take(max + 1).take_while(u8::is_ascii_digit).count();
        if digits < min || digits > max {
            return None;
        }
        let number = self.rest[..digits].parse().ok()?;
        self.rest = &self.rest[digits..];
        Some(number)
    }

    /// Takes all digits, however many.
    pub(super) fn digits(&mut self) -> &'a str {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (taken, rest) = self.rest.split_at(digits);
        self.rest = rest;
        taken
    }

    /// Takes one or more spaces.
    pub(super) fn spaces(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(is_space);
        if rest.len() == self.rest.len() {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// Takes the spaces there are.
    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    /// Takes everything up to the next space or the end; the space stays.
    pub(super) fn word(&mut self) -> &'a str {
        let end = self.rest.find(is_space).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Takes everything up to `end`, and `end` itself, which must come.
    pub(super) fn until(&mut self, end: char) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes a text in double quotes, in which a backslash protects the next character. Returned as it stands.
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        let inner = self.rest.strip_prefix('"')?;
        let mut protected = false;
        for (at, byte) in inner.bytes().enumerate() {
            match byte {
                _ if protected => protected = false,
                b'\\' => protected = true,
                b'"' => {
                    self.rest = &inner[at + 1..];
                    return Some(&inner[..at]);
                }
                _ => {}
            }
        }
        None
    }
}

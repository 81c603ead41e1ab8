//! Whether the settings can mean what they say.
//!
//! Start at [`Policy::strays`]: what names rules that are not there.

use std::collections::BTreeSet;

use super::Policy;
use crate::glob::Glob;
use crate::near;
use crate::rule::RuleId;

impl Policy {
    /// The patterns for rules that fit none of these, each as a sentence with the way out. No error: the rule may come
    /// later. But until then a bolder pattern may count in the place of a mistyped one.
    #[must_use]
    pub fn strays<'r>(&self, rules: impl IntoIterator<Item = &'r RuleId>) -> Vec<String> {
        let rules: Vec<&RuleId> = rules.into_iter().collect();
        let modes = self.modes.keys().map(|glob| ("modes", glob));
        let look = self.drafts.look.iter().map(|glob| ("drafts.look", glob));
        let fix = self.drafts.fix.iter().map(|glob| ("drafts.fix", glob));
        let all = modes.chain(look).chain(fix);
        let strays = all.filter(|(_, glob)| glob.0 != "*" && !rules.iter().any(|rule| glob.fits(&rule.0)));
        strays.map(|(key, glob)| format!("`policy.{key}`: no rule fits `{}`; {}", glob.0, way(glob, &rules))).collect()
    }
}

/// What may have been meant.
fn way(stray: &Glob, rules: &[&RuleId]) -> String {
    let packs: BTreeSet<String> = rules.iter().map(|rule| format!("{}.*", rule.pack())).collect();
    let known = rules.iter().map(|rule| &*rule.0).chain(packs.iter().map(String::as_str));
    // A pack's bare name is no slip of one letter.
    let pack = packs.get(&format!("{}.*", stray.0)).map(String::as_str);
    match pack.or_else(|| near::nearest(&stray.0, known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`heinzel rules list` shows those there are".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::policy::{Drafts, Mode};

    #[test]
    fn a_pattern_that_fits_no_rule_is_named_with_what_was_meant() {
        let rules: [RuleId; 3] = ["fake.down".into(), "fake.slow".into(), "mail.queue".into()];
        let check = |pattern: &str, expected: &str| {
            let modes = BTreeMap::from([("*".into(), Mode::Auto), (pattern.into(), Mode::Observe)]);
            assert_eq!(Policy { modes, ..Policy::default() }.strays(&rules).join("\n"), expected);
        };
        check("*", "");
        check("fake.down", "");
        check("fake.*", "");
        check("*.queue", "");
        check("fake.dwon", "`policy.modes`: no rule fits `fake.dwon`; did you mean `fake.down`?");
        check("fkae.*", "`policy.modes`: no rule fits `fkae.*`; did you mean `fake.*`?");
        check("fake", "`policy.modes`: no rule fits `fake`; did you mean `fake.*`?");
        check("web.*", "`policy.modes`: no rule fits `web.*`; `heinzel rules list` shows those there are");
    }

    #[test]
    fn patterns_for_drafts_are_looked_at_too_and_a_star_alone_never_strays() {
        let drafts =
            Drafts { look: vec!["fake.dwon".into(), "*".into()], fix: vec!["web.*".into()], ..Drafts::default() };
        let policy = Policy { drafts, ..Policy::default() };
        let strays = policy.strays(&["fake.down".into()]);
        assert!(strays[0].starts_with("`policy.drafts.look`: no rule fits `fake.dwon`"), "{strays:?}");
        assert!(strays[1].starts_with("`policy.drafts.fix`: no rule fits `web.*`"), "{strays:?}");
        assert_eq!((strays.len(), policy.strays([]).len()), (2, 2));
    }
}

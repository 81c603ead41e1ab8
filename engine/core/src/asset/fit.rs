//! Whether assets that another system sends fit in with those that are known.
//!
//! Start at [`Assets::misfits`]; [`Assets::misfit`] says the same of a single one.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Asset, AssetError, Assets};

impl Assets {
    /// Which of the assets that are sent contradict those listed here, those stored before, or each other: by their place,
    /// the first reason of each. No id is sent twice.
    ///
    /// A sent asset stands in place of the stored one with its id, unless it is refused, and the order of what refers to
    /// each other does not matter. Each is looked at a few times, however many there are.
    #[must_use]
    pub fn misfits(&self, stored: &[Asset], sent: &[&Asset]) -> BTreeMap<usize, AssetError> {
        let unlisted = || stored.iter().filter(|one| !self.by_id.contains_key(&one.id));
        let mut fit = Fit {
            listed: self,
            stored: unlisted().map(|one| (&*one.id, one)).collect(),
            sent,
            places: sent.iter().enumerate().map(|(place, one)| (&*one.id, place)).collect(),
            needed_by: HashMap::new(),
            claims: HashMap::new(),
            refused: BTreeMap::new(),
        };
        for one in unlisted().filter(|one| !fit.places.contains_key(&*one.id)) {
            fit.claims.extend(one.aliases.iter().map(|alias| (&**alias, &*one.id)));
        }
        for (place, one) in sent.iter().enumerate() {
            for on in &one.depends_on {
                fit.needed_by.entry(on).or_default().push(place);
            }
        }
        for (place, one) in sent.iter().enumerate() {
            if let Some(on) = one.depends_on.iter().find(|on| !fit.is_there(on)) {
                fit.refuse(place, AssetError::Unknown { asset: one.id.clone(), on: on.clone() });
            }
        }
        // What is refused until here claims no alias.
        for place in 0..sent.len() {
            fit.claim(place);
        }
        fit.refused
    }

    /// Why an asset that is sent alone would contradict those here, whoever listed or sent them, in place of the one with its id:
    /// what [`Assets::misfits`] says, without a look at each of them.
    #[must_use]
    pub fn misfit(&self, sent: &Asset) -> Option<AssetError> {
        let is_there = |id: &str| id == sent.id || self.by_id.contains_key(id);
        if let Some(on) = sent.depends_on.iter().find(|on| !is_there(on)) {
            return Some(AssetError::Unknown { asset: sent.id.clone(), on: on.clone() });
        }
        let mut own = HashSet::new();
        sent.aliases.iter().find_map(|alias| {
            let other = self.by_alias.get(alias).filter(|first| **first != sent.id);
            let twice = !own.insert(alias);
            let first = other.or_else(|| twice.then_some(&sent.id))?;
            Some(AssetError::Alias { alias: alias.clone(), first: first.clone(), second: sent.id.clone() })
        })
    }

    /// Whose alias a name is.
    #[must_use]
    pub fn holder(&self, alias: &str) -> Option<&str> {
        self.by_alias.get(alias).map(|id| &**id)
    }
}

/// What there is while one sent asset after the other is looked at.
struct Fit<'a> {
    listed: &'a Assets,
    /// Those that are not listed.
    stored: HashMap<&'a str, &'a Asset>,
    sent: &'a [&'a Asset],
    /// Where each id stands in `sent`.
    places: HashMap<&'a str, usize>,
    /// The places of those that need an id.
    needed_by: HashMap<&'a str, Vec<usize>>,
    /// To whom each alias belongs, but for those of the listed.
    claims: HashMap<&'a str, &'a str>,
    refused: BTreeMap<usize, AssetError>,
}

impl Fit<'_> {
    fn is_there(&self, id: &str) -> bool {
        self.listed.by_id.contains_key(id)
            || self.stored.contains_key(id)
            || self.places.get(id).is_some_and(|place| !self.refused.contains_key(place))
    }

    /// Gives a sent asset its aliases, or refuses it.
    fn claim(&mut self, place: usize) {
        let one = self.sent[place];
        if self.refused.contains_key(&place) {
            return;
        }
        for alias in &one.aliases {
            let listed = self.listed.by_alias.get(alias).filter(|first| **first != one.id);
            if let Some(first) = listed.map(|first| &**first).or_else(|| self.claims.get(&**alias).copied()) {
                let (alias, first, second) = (alias.clone(), first.to_owned(), one.id.clone());
                return self.refuse(place, AssetError::Alias { alias, first, second });
            }
            self.claims.insert(alias, &one.id);
        }
    }

    /// Refuses a sent asset, and those that no longer fit without it.
    fn refuse(&mut self, place: usize, error: AssetError) {
        let mut next = vec![(place, error)];
        while let Some((place, error)) = next.pop() {
            if self.refused.contains_key(&place) {
                continue;
            }
            self.refused.insert(place, error);
            let one = self.sent[place];
            for alias in &one.aliases {
                if self.claims.get(&**alias).is_some_and(|holder| *holder == one.id) {
                    self.claims.remove(&**alias);
                }
            }
            if let Some(before) = self.stored.get(&*one.id) {
                // The stored one counts again, with the aliases that it had.
                for alias in &before.aliases {
                    let holder = self.claims.insert(alias, &before.id).filter(|holder| **holder != *before.id);
                    if let Some(second) = holder.and_then(|holder| self.places.get(holder)) {
                        let (first, id) = (before.id.clone(), self.sent[*second].id.clone());
                        next.push((*second, AssetError::Alias { alias: alias.clone(), first, second: id }));
                    }
                }
            } else if !self.listed.by_id.contains_key(&one.id) {
                for needs in self.needed_by.get(&*one.id).into_iter().flatten() {
                    let (asset, on) = (self.sent[*needs].id.clone(), one.id.clone());
                    next.push((*needs, AssetError::Unknown { asset, on }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::asset;
    use super::*;

    /// Assets as text: `id alias,… needs,…`, `-` for none.
    fn read(text: &str) -> Vec<Asset> {
        let list = |names: &str| -> Vec<String> {
            names.split(',').filter(|name| *name != "-").map(ToOwned::to_owned).collect()
        };
        text.split("; ")
            .filter(|one| !one.is_empty())
            .map(|one| {
                let (id, rest) = one.split_once(' ').unwrap();
                let (aliases, needs) = rest.split_once(' ').unwrap();
                Asset { aliases: list(aliases), depends_on: list(needs), ..asset(id, &[], None, &[]) }
            })
            .collect()
    }

    fn check(stored: &str, sent: &str, expected: &[(usize, &str)]) {
        let listed = Assets::new(read("host:pve1 pve1 -")).unwrap();
        let (stored, sent) = (read(stored), read(sent));
        let misfits = listed.misfits(&stored, &sent.iter().collect::<Vec<_>>());
        let said: Vec<(usize, String)> = misfits.iter().map(|(place, error)| (*place, error.to_string())).collect();
        let is_expected = said.len() == expected.len()
            && said.iter().zip(expected).all(|(said, wanted)| said.0 == wanted.0 && said.1.starts_with(wanted.1));
        assert!(is_expected, "{sent:?}: {said:?}");
    }

    #[test]
    fn what_contradicts_is_left_out() {
        check("vm:1 a -", "vm:1 a,b host:pve1; vm:2 c vm:1", &[]);
        check("vm:1 a -", "vm:2 a -", &[(0, "alias `a` names both `vm:1` and `vm:2`")]);
        check("", "vm:1 a -; vm:2 a -", &[(1, "alias `a` names both `vm:1` and `vm:2`")]);
        check("", "vm:1 a,a -", &[(0, "alias `a`")]);
        check("", "vm:1 pve1 -; host:pve1 pve1,x -", &[(0, "alias `pve1` names both `host:pve1` and `vm:1`")]);
        check("", "vm:1 - host:nope", &[(0, "asset `vm:1` depends on `host:nope`, which is not known")]);
    }

    #[test]
    fn what_is_sent_together_may_refer_to_each_other() {
        check("", "vm:1 - vm:2; vm:2 - vm:1", &[]);
        check("vm:1 a -; vm:2 b -", "vm:1 b -; vm:2 a -", &[]);
    }

    #[test]
    fn what_needs_a_refused_one_is_refused() {
        check("", "vm:1 - vm:2; vm:2 - vm:3; vm:3 - vm:4; vm:5 - -", &[(0, ""), (1, ""), (2, "")]);
        // The stored one is still there.
        check("vm:2 - -", "vm:1 - vm:2; vm:2 - vm:4", &[(1, "")]);
        // Whoever is refused claims nothing.
        check("", "vm:1 a vm:4; vm:2 a -", &[(0, "asset")]);
        // An alias that would have become free does not.
        check("vm:1 a -", "vm:2 a -; vm:1 - vm:4", &[(0, "alias `a` names both `vm:1` and `vm:2`"), (1, "asset")]);
        check("vm:1 a -; vm:3 c -", "vm:2 a -; vm:1 c -", &[(0, "alias `a`"), (1, "alias `c`")]);
    }

    /// One that is sent alone is judged, and taken in, without a look at all the others: with the same result.
    #[test]
    fn one_is_judged_and_taken_in_as_among_all() {
        let listed = Assets::new(read("host:pve1 pve1 -; host:pve2 - host:pve1")).unwrap();
        // A generator of its own: the same numbers on every run.
        let mut seed = 7_u64;
        let mut pick = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut stored, mut whole): (Vec<Asset>, Assets) = (Vec::new(), listed.clone());
        let mut refused = 0;
        for _ in 0..3_000 {
            let mut names = |among: &[&str]| -> Vec<String> {
                (0..pick(3)).map(|_| among[pick(among.len() as u64) as usize].to_owned()).collect()
            };
            let aliases = names(&["a", "b", "c", "d", "e", "f", "pve1"]);
            let depends_on = names(&["vm:0", "vm:1", "vm:2", "vm:3", "host:pve1", "host:pve2", "host:gone"]);
            let owner = names(&["K1", "K2"]).pop();
            let one = Asset { aliases, depends_on, owner, ..asset(&format!("vm:{}", pick(6)), &[], None, &[]) };
            let expected = listed.misfits(&stored, &[&one]).remove(&0);
            assert_eq!(whole.misfit(&one), expected, "{one:?} beside {stored:?}");
            if expected.is_some() {
                refused += 1;
                continue;
            }
            stored.retain(|other| other.id != one.id);
            stored.push(one.clone());
            whole = whole.with_one(one);
            let (anew, errors) = listed.with(&stored);
            assert_eq!((&whole, errors.len()), (&anew, 0));
        }
        assert!((500..2_500).contains(&refused), "{refused}");
    }

    /// With a look at all for each, this takes minutes.
    #[test]
    fn many_at_once() {
        let chain: Vec<Asset> = (0..20_000)
            .map(|at| asset(&format!("vm:{at}"), &[&format!("web{at}")], None, &[&format!("vm:{}", at + 1)]))
            .collect();
        let sent: Vec<&Asset> = chain.iter().collect();
        assert_eq!(Assets::default().misfits(&[], &sent).len(), 20_000);
        assert_eq!(Assets::default().misfits(&[asset("vm:20000", &[], None, &[])], &sent).len(), 0);
    }
}

//! Which of the assets that a shop sends cannot be written down beside those that are known, and why.
//!
//! Start at [`misfits`]; [`misfit`] says the same of a single one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use heinzel_core::asset::{Asset, AssetError, Assets};
use heinzel_server::front::Refused;

/// Why an asset does not fit in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It stands in the operator's file, which counts.
    Listed(String),
    /// One of its aliases is the id of another asset.
    AliasIsId(String),
    /// It is new, and its id is an alias of another asset.
    IdIsAlias {
        /// Its id.
        id: String,
        /// The other asset.
        of: String,
    },
    /// It contradicts others.
    Against(AssetError),
}

impl Misfit {
    const fn field(&self) -> &'static str {
        match self {
            Self::Listed(_) | Self::IdIsAlias { .. } => "id",
            Self::AliasIsId(_) => "aliases",
            Self::Against(error) => error.field(),
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Listed(id) => {
                format!("`{id}` stands in assets.toml, which counts; change it there, or take it out there first")
            }
            Self::AliasIsId(alias) => {
                format!("`{alias}` is the id of another asset; an alias must name one asset, leave it out")
            }
            Self::IdIsAlias { id, of } => {
                format!(
                    "`{id}` is an alias of `{of}`, and a name must name one asset; take it out of the `aliases` of `{of}` first (where that \
                     is listed: in assets.toml, or by `PUT /v1/assets/{of}`), or choose another id"
                )
            }
            Self::Against(error) => error.to_string(),
        }
    }
}

/// With its field, as an import says it.
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field(), self.why())
    }
}

impl From<Misfit> for Refused {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Listed(_) => Self::Elsewhere(misfit.why()),
            misfit => Self::Invalid { field: misfit.field().to_owned(), why: misfit.why() },
        }
    }
}

/// Which of `sent` do not fit in with those `listed` in the operator's file, those `stored` before, and each other: by their
/// place. No id is sent twice.
pub(super) fn misfits(listed: &Assets, stored: &[Asset], sent: &[&Asset]) -> BTreeMap<usize, Misfit> {
    let known: HashSet<&str> = listed.iter().chain(stored).map(|one| &*one.id).collect();
    let sent_ids: HashSet<&str> = sent.iter().map(|one| &*one.id).collect();
    let left = listed.iter().chain(stored.iter().filter(|one| !sent_ids.contains(&*one.id)));
    let aliases: HashMap<&str, &str> =
        left.flat_map(|one| one.aliases.iter().map(|alias| (&**alias, &*one.id))).collect();
    let by_name = |one: &Asset| {
        if listed.get(&one.id).is_some() {
            return Some(Misfit::Listed(one.id.clone()));
        }
        let is_id = |alias: &&String| **alias != one.id && (known.contains(&***alias) || sent_ids.contains(&***alias));
        if let Some(alias) = one.aliases.iter().find(is_id) {
            return Some(Misfit::AliasIsId(alias.clone()));
        }
        // What was stored like that before may still be put.
        let of = aliases.get(&*one.id).filter(|_| !known.contains(&*one.id))?;
        Some(Misfit::IdIsAlias { id: one.id.clone(), of: (*of).to_owned() })
    };
    let mut found: BTreeMap<usize, Misfit> =
        sent.iter().enumerate().filter_map(|(place, one)| Some((place, by_name(one)?))).collect();
    let (places, rest): (Vec<usize>, Vec<&Asset>) =
        sent.iter().enumerate().filter(|(place, _)| !found.contains_key(place)).unzip();
    let against = listed.misfits(stored, &rest).into_iter();
    found.extend(against.filter_map(|(at, error)| Some((*places.get(at)?, Misfit::Against(error)))));
    found
}

/// Why one does not fit in with all that are `known`, of which those `listed` stand in the operator's file, and none contradicts
/// another: what [`misfits`] says, without a look at each of them.
pub(super) fn misfit(listed: &Assets, known: &Assets, sent: &Asset) -> Option<Misfit> {
    if listed.get(&sent.id).is_some() {
        return Some(Misfit::Listed(sent.id.clone()));
    }
    let is_id = |alias: &&String| **alias != sent.id && known.get(alias).is_some();
    if let Some(alias) = sent.aliases.iter().find(is_id) {
        return Some(Misfit::AliasIsId(alias.clone()));
    }
    match known.holder(&sent.id).filter(|_| known.get(&sent.id).is_none()) {
        Some(of) => Some(Misfit::IdIsAlias { id: sent.id.clone(), of: of.to_owned() }),
        None => known.misfit(sent).map(Misfit::Against),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(id: &str, aliases: &[&str], on: &[&str]) -> Asset {
        let all = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Asset { id: id.to_owned(), aliases: all(aliases), owner: None, depends_on: all(on), protected: false }
    }

    #[test]
    fn what_contradicts_the_names_of_others_is_refused() {
        let listed = Assets::new(vec![asset("vm:100", &["web100"], &[])]).unwrap();
        let stored = [asset("vm:1", &["a", "vm:5"], &[]), asset("vm:5", &[], &[]), asset("vm:8", &["vm:9"], &[])];
        let check = |sent: &[Asset], expected: &[(usize, &str)]| {
            let found = misfits(&listed, &stored, &sent.iter().collect::<Vec<_>>());
            if let [one] = sent {
                assert_eq!(misfit(&listed, &listed.with(&stored).0, one).as_ref(), found.get(&0), "{one:?}");
            }
            let said: Vec<(usize, String)> = found.iter().map(|(place, why)| (*place, why.to_string())).collect();
            let is_expected = said.len() == expected.len()
                && said.iter().zip(expected).all(|(said, wanted)| said.0 == wanted.0 && said.1.starts_with(wanted.1));
            assert!(is_expected, "{sent:?}: {said:?}");
        };
        check(&[asset("vm:100", &[], &[])], &[(0, "id: `vm:100` stands in assets.toml")]);
        check(&[asset("vm:2", &["vm:100"], &[])], &[(0, "aliases: `vm:100` is the id of another asset")]);
        check(&[asset("vm:2", &["vm:1"], &[])], &[(0, "aliases: `vm:1` is the id")]);
        check(&[asset("vm:2", &["vm:3"], &[]), asset("vm:3", &[], &[])], &[(0, "aliases: `vm:3` is the id")]);
        check(&[asset("vm:9", &[], &[])], &[(0, "id: `vm:9` is an alias of `vm:8`")]);
        let way = misfits(&listed, &stored, &[&asset("vm:9", &[], &[])])[&0].to_string();
        assert!(way.contains("by `PUT /v1/assets/vm:8`"), "{way}");
        check(&[asset("vm:2", &["vm:2", "b"], &[])], &[]);
        // It was stored so before, or the other gives it up.
        check(&[asset("vm:5", &[], &[])], &[]);
        check(&[asset("vm:9", &[], &[]), asset("vm:8", &[], &[])], &[]);
        // What needs one that is left out for its name does not fit, either.
        let both = [asset("vm:2", &["vm:1"], &[]), asset("vm:3", &[], &["vm:2", "vm:100"])];
        check(&both, &[(0, "aliases"), (1, "depends_on: asset `vm:3` depends on `vm:2`")]);
    }
}

//! What incidents concern: hosts, virtual machines, pools, mailboxes, and whom they belong to.

mod fit;
mod shards;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::shards::Shards;
use crate::field::FieldType;
use crate::glob::Glob;

/// An asset's id: kind and name, `pool:www`, `vm:100`.
pub type AssetId = String;

/// One `[[asset]]` of `assets.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// `kind:name`.
    pub id: AssetId,
    /// The names that logs and task histories use for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The customer it belongs to.
    #[serde(default)]
    pub owner: Option<String>,
    /// The assets it needs to work.
    #[serde(default)]
    pub depends_on: Vec<AssetId>,
    /// No fix ever touches it, or what it needs, without approval.
    #[serde(default)]
    pub protected: bool,
}

impl Asset {
    /// The part before the colon.
    #[must_use]
    pub fn kind(&self) -> &str {
        kind_of(&self.id)
    }
}

/// The kind in an asset's id: `vm` of `vm:100`; empty if it has none.
#[must_use]
pub fn kind_of(id: &str) -> &str {
    id.split_once(':').map_or("", |(kind, _)| kind)
}

/// What stands behind the kind: all of a name without one.
#[must_use]
pub fn name_of(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, name)| name)
}

/// Whether it is an id of an asset: a kind, a colon, a name.
#[must_use]
pub fn is_id(id: &str) -> bool {
    id.split_once(':').is_some_and(|(kind, name)| !kind.is_empty() && !name.is_empty())
}

/// The longest id, in characters.
const LONGEST_ID: usize = 200;

/// Whether a text is a kind of assets: a lower-case word.
#[must_use]
pub fn is_kind(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_lowercase())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

/// Whether a text may be an asset's id: a kind, a colon and a name that no program can take for an option or another path.
/// The same for rules, `assets.toml` and what a shop sends.
///
/// # Errors
/// Why not, in words that fit behind the id.
pub fn check_id(id: &str) -> Result<(), &'static str> {
    let Some((kind, name)) = id.split_once(':') else {
        return Err("has no kind; write `kind:name`, like \"pool:www\"");
    };
    if id.chars().count() > LONGEST_ID {
        return Err("is longer than 200 characters");
    }
    if !is_kind(kind) {
        return Err("has a kind that is not a lower-case word");
    }
    if name.is_empty() || name.starts_with(['-', '.']) {
        return Err("has an empty name, or one that begins with `-` or `.`");
    }
    // Latin letters with accents: domains and mailboxes are written so, too.
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ('\u{c0}'..='\u{24f}').contains(&c);
    if !name.chars().all(|c| is_letter(c) || "_.:@+-/\\".contains(c)) {
        return Err("has a name with other characters than letters, digits and _ . : @ + - / \\");
    }
    if name.split('/').any(|part| part == "..") {
        return Err("has a name with a `..` part");
    }
    Ok(())
}

/// Whether an asset's id or alias says by itself who its customer is: a mail address, or the customer's own id.
#[must_use]
pub fn tells_of(name: &str, customer: &str) -> bool {
    let bare = name_of(name);
    name.contains('@') || [name, bare].iter().any(|name| name.eq_ignore_ascii_case(customer))
}

/// The name behind an id's kind, if it is plain enough to be a word of a command.
#[must_use]
pub fn plain_name(id: &str) -> Option<String> {
    let (_, name) = id.split_once(':')?;
    FieldType::Ident.accept(name).is_ok().then(|| name.to_owned())
}

/// Many ids, which are copied whole when one is added: without their letters.
type Ids = Arc<BTreeSet<Arc<str>>>;

/// The whole of `assets.toml`. Cheap to copy, however many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    by_id: Shards<Arc<Asset>>,
    by_alias: Shards<AssetId>,
    dependants: Shards<Ids>,
    /// In the order of their ids.
    by_owner: Shards<Ids>,
}

/// The asset file contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// A text that is no id.
    #[error("asset `{id}`: the id {why}")]
    Id {
        /// The text.
        id: String,
        /// Why it is none.
        why: &'static str,
    },
    /// Two assets with one id.
    #[error("asset `{0}` is listed twice; keep one of the two")]
    Twice(AssetId),
    /// One alias for two assets.
    #[error("alias `{alias}` names both `{first}` and `{second}`; an alias must name one asset")]
    Alias {
        /// The alias.
        alias: String,
        /// The first owner.
        first: AssetId,
        /// The second.
        second: AssetId,
    },
    /// A dependency that nobody knows.
    #[error("asset `{asset}` depends on `{on}`, which is not known; add it or correct the name")]
    Unknown {
        /// The asset.
        asset: AssetId,
        /// What it names.
        on: AssetId,
    },
}

impl AssetError {
    /// Which key of the asset is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Id { .. } | Self::Twice(_) => "id",
            Self::Alias { .. } => "aliases",
            Self::Unknown { .. } => "depends_on",
        }
    }
}

impl Assets {
    /// Builds the graph.
    ///
    /// # Errors
    /// [`AssetError`] when ids or aliases clash or a dependency is unknown.
    pub fn new(assets: Vec<Asset>) -> Result<Self, AssetError> {
        let mut graph = Self::default();
        for asset in assets {
            if let Err(why) = check_id(&asset.id) {
                return Err(AssetError::Id { id: asset.id, why });
            }
            if graph.by_id.contains_key(&asset.id) {
                return Err(AssetError::Twice(asset.id));
            }
            for alias in &asset.aliases {
                if let Some(first) = graph.by_alias.insert(alias.clone(), asset.id.clone()) {
                    return Err(AssetError::Alias { alias: alias.clone(), first, second: asset.id });
                }
            }
            graph.insert(asset);
        }
        let lack = |asset: &Asset| asset.depends_on.iter().find(|on| !graph.by_id.contains_key(on)).cloned();
        let lacking = graph.iter().filter_map(|asset| Some((&asset.id, lack(asset)?))).min();
        match lacking {
            Some((asset, on)) => Err(AssetError::Unknown { asset: asset.clone(), on }),
            None => Ok(graph),
        }
    }

    /// Takes an asset in that contradicts none and has an id of its own.
    fn insert(&mut self, asset: Asset) {
        for alias in &asset.aliases {
            self.by_alias.insert(alias.clone(), asset.id.clone());
        }
        for on in &asset.depends_on {
            self.dependants.change(on, |all| Arc::make_mut(all).insert(asset.id.as_str().into()));
        }
        if let Some(owner) = &asset.owner {
            self.by_owner.change(owner, |all| Arc::make_mut(all).insert(asset.id.as_str().into()));
        }
        self.by_id.insert(asset.id.clone(), Arc::new(asset));
    }

    /// Takes an asset out, with all that is known by it but not what others say of it.
    fn take_out(&mut self, id: &str) {
        let Some(asset) = self.by_id.remove(id) else { return };
        for alias in &asset.aliases {
            self.by_alias.remove(alias);
        }
        for on in &asset.depends_on {
            remove(&mut self.dependants, on, id);
        }
        if let Some(owner) = &asset.owner {
            remove(&mut self.by_owner, owner, id);
        }
    }

    /// The graph with an asset in place of the one with its id, if there is one: as from the start, but at a small part of the
    /// cost. Only for what fits in: see [`Assets::misfit`].
    #[must_use]
    pub fn with_one(&self, asset: Asset) -> Self {
        let mut graph = self.clone();
        graph.take_out(&asset.id);
        graph.insert(asset);
        graph
    }

    /// The graph with others added, as another system knows them. What is listed here already stays as it is; what contradicts it, or another of
    /// them, is left out and said.
    #[must_use]
    pub fn with(&self, others: &[Asset]) -> (Self, Vec<AssetError>) {
        let mut errors = Vec::new();
        let mut new: BTreeMap<&str, Asset> = BTreeMap::new();
        let mut aliases: BTreeMap<&str, &str> = BTreeMap::new();
        for other in others {
            if let Err(why) = check_id(&other.id) {
                errors.push(AssetError::Id { id: other.id.clone(), why });
                continue;
            }
            if self.by_id.contains_key(&other.id) || new.contains_key(&*other.id) {
                continue;
            }
            let mut own = Vec::new();
            for alias in &other.aliases {
                let first = self.by_alias.get(alias).map(|first| &**first).or_else(|| aliases.get(&**alias).copied());
                if let Some(first) = first {
                    let (alias, first, second) = (alias.clone(), first.to_owned(), other.id.clone());
                    errors.push(AssetError::Alias { alias, first, second });
                } else {
                    aliases.insert(alias, &other.id);
                    own.push(alias.clone());
                }
            }
            new.insert(&other.id, Asset { aliases: own, ..other.clone() });
        }
        let known: BTreeSet<&str> = new.keys().copied().collect();
        let mut graph = self.clone();
        for mut asset in new.into_values() {
            let id = &asset.id;
            asset.depends_on.retain(|on| {
                let there = known.contains(&**on) || self.by_id.contains_key(on);
                if !there {
                    errors.push(AssetError::Unknown { asset: id.clone(), on: on.clone() });
                }
                there
            });
            graph.insert(asset);
        }
        (graph, errors)
    }

    /// The id for a name that a log or rule uses: the id itself, an alias, or an alias behind a kind (`vm:web1`).
    /// An unknown name stays as it is.
    #[must_use]
    pub fn resolve(&self, name: &str) -> AssetId {
        if self.by_id.contains_key(name) {
            return name.to_owned();
        }
        let bare = name.split_once(':').map(|(_, bare)| bare);
        let kind = name.split_once(':').map(|(kind, _)| kind);
        self.by_alias
            .get(name)
            .or_else(|| bare.and_then(|b| self.by_alias.get(b)).filter(|id| id.split(':').next() == kind))
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    }

    /// Whether one of the patterns means the asset: by its id, or by an alias with or without a kind in front.
    #[must_use]
    pub fn is_meant(&self, patterns: &[Glob], name: &str) -> bool {
        let id = self.resolve(name);
        let asset = self.get(&id);
        let aliases = asset.into_iter().flat_map(|a| a.aliases.iter().map(move |alias| (a.kind(), alias)));
        let fits = |name: &str| patterns.iter().any(|pattern| pattern.fits(name));
        fits(name)
            || fits(&id)
            || aliases.into_iter().any(|(kind, alias)| fits(alias) || fits(&format!("{kind}:{alias}")))
    }

    /// The asset with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Asset> {
        self.by_id.get(id).map(|asset| &**asset)
    }

    /// All assets, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        self.by_id.values().map(|asset| &**asset)
    }

    /// What belongs to a customer.
    pub fn of_owner(&self, customer: &str) -> impl Iterator<Item = &Asset> {
        self.by_owner.get(customer).into_iter().flat_map(|all| all.iter()).filter_map(|id| self.get(id))
    }

    /// Everything that needs `id`, directly or through others, in a stable order. Cycles are harmless.
    #[must_use]
    pub fn dependants(&self, id: &str) -> BTreeSet<AssetId> {
        let mut found = BTreeSet::new();
        let mut todo = vec![id.to_owned()];
        while let Some(next) = todo.pop() {
            for dependant in self.dependants.get(&next).into_iter().flat_map(|all| all.iter()) {
                if **dependant != *id && found.insert(dependant.to_string()) {
                    todo.push(dependant.to_string());
                }
            }
        }
        found
    }

    /// The customers concerned when `id` fails: its owner and those of its dependants.
    #[must_use]
    pub fn customers(&self, id: &str) -> BTreeSet<String> {
        let mut concerned = self.dependants(id);
        concerned.insert(id.to_owned());
        concerned.iter().filter_map(|a| self.get(a)?.owner.clone()).collect()
    }
}

/// Takes an id out of those under a name, and the name with the last of them.
fn remove(all: &mut Shards<Ids>, name: &str, id: &str) {
    match all.get(name) {
        Some(ids) if ids.iter().any(|one| **one != *id) => {
            all.change(name, |ids| Arc::make_mut(ids).remove(id));
        }
        _ => drop(all.remove(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn asset(id: &str, aliases: &[&str], owner: Option<&str>, on: &[&str]) -> Asset {
        Asset {
            id: id.into(),
            aliases: aliases.iter().map(|&a| a.into()).collect(),
            owner: owner.map(Into::into),
            depends_on: on.iter().map(|&a| a.into()).collect(),
            protected: false,
        }
    }

    #[test]
    fn a_name_that_tells_of_its_customer() {
        for name in ["mailbox:kim@example.com", "kim@example.com", "account:k1", "K1", "vm:a@b/c"] {
            assert!(tells_of(name, "K1"), "{name}");
        }
        for name in ["vm:100", "account:K10", "host:k1.example.com", "mailbox:kim", ""] {
            assert!(!tells_of(name, "K1"), "{name}");
        }
    }

    #[test]
    fn customers_are_found_through_dependants() {
        let assets = Assets::new(vec![
            asset("host:pve1", &["pve1"], None, &[]),
            asset("vm:100", &["100", "web1"], Some("kim"), &["host:pve1"]),
            asset("site:example.com", &[], Some("lee"), &["vm:100"]),
        ])
        .unwrap();
        assert_eq!(assets.customers("host:pve1"), BTreeSet::from(["kim".into(), "lee".into()]));
        let of = |customer| assets.of_owner(customer).map(|asset| &*asset.id).collect::<Vec<_>>();
        assert_eq!(
            (of("kim"), of("nobody")),
            (assets.iter().filter(|a| a.owner.as_deref() == Some("kim")).map(|a| &*a.id).collect(), vec![])
        );
        assert_eq!(assets.resolve("web1"), "vm:100");
        assert_eq!(assets.resolve("vm:web1"), "vm:100");
        assert_eq!(assets.resolve("pool:web1"), "pool:web1");
    }

    #[test]
    fn what_another_system_knows_comes_beside_what_is_listed() {
        let listed = Assets::new(vec![asset("vm:100", &["web1"], Some("kim"), &[])]).unwrap();
        let (all, errors) = listed.with(&[
            asset("vm:100", &[], Some("lee"), &[]),
            asset("vm:101", &["web1", "web2"], Some("lee"), &["vm:100", "host:gone"]),
            asset("vm", &[], None, &[]),
        ]);
        assert_eq!(all.get("vm:100").unwrap().owner.as_deref(), Some("kim"), "what the operator lists counts");
        assert_eq!(all.resolve("web2"), "vm:101");
        assert_eq!(all.resolve("web1"), "vm:100");
        assert_eq!(all.customers("vm:100"), BTreeSet::from(["kim".into(), "lee".into()]));
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "alias `web1` names both `vm:100` and `vm:101`; an alias must name one asset",
                "asset `vm`: the id has no kind; write `kind:name`, like \"pool:www\"",
                "asset `vm:101` depends on `host:gone`, which is not known; add it or correct the name",
            ]
        );
    }

    #[test]
    fn contradictions_are_named() {
        let clash = Assets::new(vec![asset("vm:1", &["a"], None, &[]), asset("vm:2", &["a"], None, &[])]);
        assert_eq!(
            clash.unwrap_err().to_string(),
            "alias `a` names both `vm:1` and `vm:2`; an alias must name one asset"
        );
        for id in [
            "vm",
            "vm:-x",
            "vm:.x",
            "vm:<script>",
            "vm:a b",
            "vm:a%2fb",
            "vm:a/../b",
            "VM:1",
            "vm:\u{202e}",
            &format!("vm:{}", "x".repeat(198)),
        ] {
            assert!(matches!(Assets::new(vec![asset(id, &[], None, &[])]), Err(AssetError::Id { .. })), "{id}");
        }
        for id in ["vm:100", "mailbox:info@müller.de", "disk:/dev/sda", "array:a:b", "drive:C:\\web"] {
            assert!(Assets::new(vec![asset(id, &[], None, &[])]).is_ok(), "{id}");
        }
        assert!(matches!(Assets::new(vec![asset("vm:1", &[], None, &["vm:9"])]), Err(AssetError::Unknown { .. })));
        let cycle = Assets::new(vec![asset("vm:1", &[], None, &["vm:2"]), asset("vm:2", &[], Some("x"), &["vm:1"])]);
        assert_eq!(cycle.unwrap().customers("vm:1").len(), 1);
    }
}

//! A map in parts, which its copies share: a change copies only the part that it is in.
//!
//! The assets of a shop are many, and one of them at a time is new: the graph with it is another one, beside which the one
//! before is still read.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Of 100,000 keys some 200 stand in each.
const PARTS: usize = 512;

/// Values by text, in no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shards<V>(Vec<Arc<BTreeMap<String, V>>>);

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self(vec![Arc::default(); PARTS])
    }
}

impl<V: Clone> Shards<V> {
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.0[part(key)].get(key)
    }

    pub(super) fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// What was there under this key before.
    pub(super) fn insert(&mut self, key: String, value: V) -> Option<V> {
        Arc::make_mut(&mut self.0[part(&key)]).insert(key, value)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        if !self.contains_key(key) {
            return None;
        }
        Arc::make_mut(&mut self.0[part(key)]).remove(key)
    }

    /// Changes a value, from the default where there is none.
    pub(super) fn change<T>(&mut self, key: &str, change: impl FnOnce(&mut V) -> T) -> T
    where
        V: Default,
    {
        let part = Arc::make_mut(&mut self.0[part(key)]);
        match part.get_mut(key) {
            Some(value) => change(value),
            None => change(part.entry(key.to_owned()).or_default()),
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().flat_map(|part| part.values())
    }
}

fn part(key: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    // The rest of a division is below the number of parts.
    usize::try_from(hasher.finish() % PARTS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_notice_what_changes_later() {
        let mut map: Shards<Vec<u32>> = Shards::default();
        for number in 0..2_000 {
            assert_eq!(map.insert(format!("vm:{number}"), vec![number]), None);
        }
        let before = map.clone();
        map.change("vm:7", |list| list.push(8));
        map.change("vm:x", |list| list.push(9));
        assert_eq!(map.remove("vm:8"), Some(vec![8]));
        assert_eq!(map.remove("vm:8"), None);
        assert_eq!((map.get("vm:7"), map.get("vm:x"), map.get("vm:8")), (Some(&vec![7, 8]), Some(&vec![9]), None));
        assert_eq!((before.get("vm:7"), before.get("vm:x"), before.values().count()), (Some(&vec![7]), None, 2_000));
        // All but three parts are one and the same.
        let others = before.0.iter().zip(&map.0).filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert!((1..=3).contains(&others), "{others}");
    }
}

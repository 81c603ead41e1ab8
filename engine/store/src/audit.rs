//! The audit trail's chain: each entry holds the hash of the one before.
//!
//! Start at [`hash`] for what is hashed and at [`Check`] for how a chain is judged. No database here.
//!
//! Known limit: there is no secret in the chain. Someone who may write the store can compute a whole new one. Whoever
//! needs more writes [`AuditReport::newest_hash`] down elsewhere from time to time: a chain that once led to that hash
//! and no longer does was rewritten.

use heinzel_core::state::Entry;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What stands before entry 1.
pub(crate) const GENESIS: Hash = *b"heinzel: the audit chain, part 1";

/// The hash of entry number `seq` that follows an entry with the hash `prev`.
///
/// SHA-256 over `prev`, then each field with its length in bytes before it (8 bytes, little endian): seq and time in
/// microseconds as 8 bytes, the incident as nothing or 8 bytes, then who, what and text as UTF-8. The lengths make it
/// impossible to move text from one field to the next without changing the hash.
#[must_use]
pub fn hash(prev: &Hash, seq: u64, entry: &Entry) -> Hash {
    let mut sha = Sha256::new();
    let mut field = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    field(prev);
    field(&seq.to_le_bytes());
    field(&entry.at.as_micros().to_le_bytes());
    match entry.incident {
        None => field(&[]),
        Some(id) => field(&id.to_le_bytes()),
    }
    field(entry.by.as_bytes());
    field(entry.what.as_bytes());
    field(entry.text.as_bytes());
    sha.finalize().into()
}

/// A hash as people write it.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One end of the trail: a number and the hash of the entry with that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The number; 0 before the first entry.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl End {
    /// Before the first entry.
    pub const GENESIS: Self = Self { seq: 0, hash: GENESIS };
}

/// What a check of the trail found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Entries that are in order, from the oldest kept one.
    pub checked: u64,
    /// The number of the last entry that retention removed; 0 when nothing was removed.
    pub removed_up_to: u64,
    /// The hash of the newest entry in order, as 64 hex digits.
    pub newest_hash: String,
    /// The first place where the chain is broken.
    pub broken: Option<Broken>,
}

/// Where and how the chain is broken. What comes after is not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The first entry that is not in order.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// A row of the trail as it is stored.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its number.
    pub seq: u64,
    /// The entry.
    pub entry: Entry,
    /// The stored hash of the entry before.
    pub prev: Vec<u8>,
    /// The stored hash of this entry.
    pub hash: Vec<u8>,
}

/// A check on its way along the chain.
#[derive(Debug)]
pub struct Check {
    anchor: End,
    last: End,
}

impl Check {
    /// Starts behind `anchor`: the last removed entry, or [`End::GENESIS`].
    #[must_use]
    pub const fn behind(anchor: End) -> Self {
        Self { anchor, last: anchor }
    }

    /// Judges the next link; links come in the order of their numbers.
    ///
    /// # Errors
    /// [`Broken`] when it does not belong there.
    pub fn next(&mut self, link: &Link) -> Result<(), Broken> {
        let expected = self.last.seq + 1;
        if link.seq > expected {
            let why = match link.seq - expected {
                1 => "it is missing".to_owned(),
                missing => format!("it and the {} after it are missing", missing - 1),
            };
            return Err(Broken { seq: expected, why });
        }
        if link.seq < expected {
            return Err(Broken { seq: link.seq, why: "its number is not in order: it was inserted".into() });
        }
        if link.prev != self.last.hash {
            let why = format!("it does not follow entry {}: one of the two was replaced or moved", self.last.seq);
            return Err(Broken { seq: link.seq, why });
        }
        let hash = hash(&self.last.hash, link.seq, &link.entry);
        if link.hash != hash {
            return Err(Broken { seq: link.seq, why: "its content was altered after it was written".into() });
        }
        self.last = End { seq: link.seq, hash };
        Ok(())
    }

    /// Judges the end: `head` is what the store keeps as its newest entry.
    ///
    /// # Errors
    /// [`Broken`] when the chain does not end there.
    pub fn end(&self, head: Option<End>) -> Result<(), Broken> {
        let last = self.last.seq;
        let Some(head) = head else {
            return Err(Broken { seq: last + 1, why: "the record of the newest entry is missing".into() });
        };
        if head.seq > last {
            let why = format!("it is missing: the newest part, up to entry {}, was cut off", head.seq);
            Err(Broken { seq: last + 1, why })
        } else if head.seq < last {
            Err(Broken { seq: head.seq + 1, why: "it was not written by Heinzel".into() })
        } else if head.hash != self.last.hash {
            Err(Broken { seq: last, why: "it is not the entry that was written last".into() })
        } else {
            Ok(())
        }
    }

    /// What was found.
    #[must_use]
    pub fn report(&self, broken: Option<Broken>) -> AuditReport {
        AuditReport {
            checked: self.last.seq - self.anchor.seq,
            removed_up_to: self.anchor.seq,
            newest_hash: hex(&self.last.hash),
            broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use heinzel_core::time::Timestamp;

    use super::*;

    fn entry(by: &str, what: &str, text: &str) -> Entry {
        Entry { at: Timestamp::EPOCH, incident: None, by: by.into(), what: what.into(), text: text.into() }
    }

    #[test]
    fn every_field_counts_and_none_runs_into_the_next() {
        let plain = entry("ab", "c", "d");
        let mut others = vec![entry("a", "bc", "d"), entry("ab", "cd", ""), entry("ab", "c", "D")];
        others.push(Entry { incident: Some(0), ..plain.clone() });
        others.push(Entry { at: Timestamp::from_micros(1), ..plain.clone() });
        let of = hash(&GENESIS, 1, &plain);
        for other in others {
            assert_ne!(hash(&GENESIS, 1, &other), of, "{other:?}");
        }
        assert_ne!(hash(&GENESIS, 2, &plain), of);
        assert_ne!(hash(&of, 1, &plain), of);
    }

    #[test]
    fn the_encoding_never_changes() {
        // Computed once by another program (Python's hashlib) from the words of `hash`.
        let entry = Entry { incident: Some(7), ..entry("engine", "opened", "nginx is down") };
        assert_eq!(hex(&hash(&GENESIS, 1, &entry)), "20e4767d4ee38b1077becb3f7efcebccf7f6742996c354e77013b39dbcea2715");
    }
}

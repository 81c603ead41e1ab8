//! Drafts that are being written just now: what they say, which incidents they follow. In memory only.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use heinzel_core::incident::IncidentId;
use heinzel_knowledge::answer::Language;

/// Drafts kept at most; beyond that the oldest half goes.
const MOST: usize = 20_000;
/// How long an untouched draft is kept.
const KEPT: Duration = Duration::from_secs(2 * 3600);
/// Lists shown for one draft that are written down. Whoever writes a ticket sees some ten of them.
const LISTS: u32 = 200;
/// So many bytes of a text are kept, which is more than an example is made of; 20,000 drafts of 80 KB would take all the memory there is.
pub(super) const TEXT: usize = 4_000;

/// What a draft says now.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    /// The beginning of subject and text, of a customer whom the shop vouches for; of a stranger nothing, as nothing is learned
    /// from them. Never stored, never logged.
    pub(super) body: String,
    pub(super) language: Language,
}

impl Spoken {
    pub(super) fn of(whole: &str, is_stranger: bool, language: Language) -> Self {
        let body = if is_stranger { "" } else { &whole[..whole.floor_char_boundary(TEXT)] };
        Self { body: body.to_owned(), language }
    }
}

struct Talk {
    spoken: Spoken,
    /// What it was about when looks were asked for: the asset, and the answer that fits.
    asked: Vec<(String, String)>,
    follows: Vec<IncidentId>,
    /// The list that was shown last, hashed.
    shown: u64,
    /// How many lists were.
    lists: u32,
    touched: Instant,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Drafts {
    talks: Mutex<HashMap<String, Talk>>,
}

impl Drafts {
    fn talks(&self) -> MutexGuard<'_, HashMap<String, Talk>> {
        self.talks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a draft says now. Whether nothing was known of it.
    pub(super) fn hear(&self, draft: &str, spoken: Spoken) -> bool {
        let mut talks = self.talks();
        if let Some(talk) = talks.get_mut(draft) {
            talk.spoken = spoken;
            talk.touched = Instant::now();
            return false;
        }
        if talks.len() >= MOST {
            let mut ages: Vec<Instant> = talks.values().map(|talk| talk.touched).collect();
            let (_, middle, _) = ages.select_nth_unstable(MOST / 2);
            let (middle, old) = (*middle, Instant::now().checked_sub(KEPT));
            talks.retain(|_, talk| talk.touched > middle && old.is_none_or(|old| talk.touched > old));
        }
        let talk = Talk { spoken, asked: Vec::new(), follows: Vec::new(), shown: 0, lists: 0, touched: Instant::now() };
        talks.insert(draft.to_owned(), talk);
        true
    }

    /// What nobody has touched for long is forgotten, also where there is room.
    pub(super) fn age(&self) {
        let Some(old) = Instant::now().checked_sub(KEPT) else { return };
        self.talks().retain(|_, talk| talk.touched > old);
    }

    /// These were never heard of.
    pub(super) fn forget(&self, drafts: &[String]) {
        let mut talks = self.talks();
        drafts.iter().for_each(|draft| drop(talks.remove(draft)));
    }

    /// What it says; `None`: it was not heard of lately.
    pub(super) fn spoken(&self, draft: &str) -> Option<Spoken> {
        self.talks().get(draft).map(|talk| talk.spoken.clone())
    }

    /// Whether it has come to be about something else since a look was last asked for; notes that one is asked for.
    pub(super) fn asks_anew(&self, draft: &str, asset: &str, intent: &str) -> bool {
        let mut talks = self.talks();
        let Some(talk) = talks.get_mut(draft) else { return false };
        let known = talk.asked.iter().any(|(at, about)| at == asset && about == intent);
        if !known {
            talk.asked.push((asset.to_owned(), intent.to_owned()));
        }
        !known
    }

    /// It was not possible to ask.
    pub(super) fn asks_again(&self, draft: &str) {
        if let Some(talk) = self.talks().get_mut(draft) {
            talk.asked.clear();
        }
    }

    /// These incidents are its own from now on.
    pub(super) fn follow(&self, draft: &str, incidents: &[IncidentId]) {
        if let Some(talk) = self.talks().get_mut(draft) {
            talk.follows.extend(incidents.iter().filter(|id| !talk.follows.contains(id)).copied().collect::<Vec<_>>());
        }
    }

    /// The incidents it follows.
    pub(super) fn follows(&self, draft: &str) -> Vec<IncidentId> {
        self.talks().get(draft).map(|talk| talk.follows.clone()).unwrap_or_default()
    }

    /// Whether another list is shown than before; notes it. After [`LISTS`] of them no more are new.
    pub(super) fn shows_anew<'a>(&self, draft: &str, items: impl Iterator<Item = &'a str>) -> bool {
        let mut hasher = DefaultHasher::new();
        items.for_each(|item| item.hash(&mut hasher));
        let list = hasher.finish();
        self.talks().get_mut(draft).is_none_or(|talk| {
            let is_new = std::mem::replace(&mut talk.shown, list) != list && talk.lists < LISTS;
            talk.lists += u32::from(is_new);
            is_new
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken() -> Spoken {
        Spoken { body: "Mein Server startet nicht".into(), language: Language::De }
    }

    #[test]
    fn a_look_is_asked_for_once_for_what_a_draft_is_about() {
        let drafts = Drafts::default();
        assert!(!drafts.asks_anew("unknown", "vm:1", "a/b"));
        assert!(drafts.hear("d", spoken()));
        assert!(!drafts.hear("d", spoken()));
        assert!(drafts.asks_anew("d", "vm:1", "a/b"));
        assert!(!drafts.asks_anew("d", "vm:1", "a/b"));
        assert!(drafts.asks_anew("d", "vm:1", "a/c"));
        assert!(drafts.asks_anew("d", "vm:2", "a/b"), "its customer means another server");
        assert!(!drafts.asks_anew("d", "vm:1", "a/b"));
        drafts.asks_again("d");
        assert!(drafts.asks_anew("d", "vm:1", "a/c"));
        drafts.follow("d", &[3, 4]);
        drafts.follow("d", &[4, 5]);
        assert_eq!(drafts.follows("d"), [3, 4, 5]);
        assert!(drafts.shows_anew("d", ["x"].into_iter()));
        assert!(!drafts.shows_anew("d", ["x"].into_iter()));
        let noted =
            (0..1_000).filter(|number| drafts.shows_anew("d", [if number % 2 == 0 { "y" } else { "x" }].into_iter()));
        assert_eq!(noted.count(), 199, "who goes to and fro does not fill the disk");
    }

    #[test]
    fn what_nobody_touches_any_more_is_forgotten() {
        let drafts = Drafts::default();
        drafts.hear("old", spoken());
        drafts.hear("new", spoken());
        // A machine that has just started knows no time so long ago.
        let Some(long_ago) = Instant::now().checked_sub(KEPT * 2) else { return };
        drafts.talks().get_mut("old").unwrap().touched = long_ago;
        drafts.age();
        assert!(drafts.spoken("old").is_none() && drafts.spoken("new").is_some());
    }

    #[test]
    fn strangers_drafts_do_not_fill_the_memory() {
        let drafts = Drafts::default();
        for number in 0..=MOST {
            drafts.hear(&number.to_string(), spoken());
        }
        let long = "ä".repeat(20_000);
        assert_eq!(Spoken::of(&long, true, Language::De).body, "");
        let kept = Spoken::of(&long, false, Language::De).body;
        assert!(kept.capacity() <= TEXT && kept.chars().all(|c| c == 'ä'), "{}", kept.len());
        assert!(drafts.talks().len() <= MOST / 2 + 1);
        assert!(drafts.spoken(&MOST.to_string()).is_some(), "the newest is there");
    }
}

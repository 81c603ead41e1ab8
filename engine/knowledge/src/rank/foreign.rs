//! Which words of a draft are about everyday life rather than about anything that the answers are about.
//!
//! Start at [`Foreign::learn`]: a plane between what everyday things mean and what the words of the answers mean. It judges words
//! that neither has: nobody listed `piano`, and no answer has it.

use std::collections::HashSet;

use super::discriminant::{Discriminant, Row, Shrinkage, dot};
use crate::text::everyday::{everyday, usual};
use crate::text::sense::{DIMENSIONS, sense_of_word};

/// Of more words of the answers than this every second is taken, of more than twice as many every third.
const WORDS: usize = 3_000;
/// Words of any conversation and of the trade count so often: they are few, and must not look strange.
const OFTEN: usize = 3;
/// A word is strange when it is more surely so than this.
const SURE: f32 = 0.5;
/// Measured with the shipped answers: drafts about everyday life, and those of hosting customers.
const SHRINKAGE: Shrinkage = Shrinkage { covariance: 0.3, centre: 0.0 };

/// How surely a word is strange that stands in the table and in no answer.
pub(super) const BY_NAME: f32 = 1.0;

/// The plane, and behind its numbers how far it is from the origin; empty when nothing was learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Foreign(Vec<f32>);

impl Foreign {
    /// Learns from the folded words of the answers, in order of the alphabet.
    pub(super) fn learn<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Self {
        let step = words.clone().count().div_ceil(WORDS).max(1);
        let usual = usual().iter().map(String::as_str).flat_map(|word| [word; OFTEN]);
        let own = words.clone().step_by(step).chain(usual).filter_map(sense_of_word).map(|sense| (sense, 0));
        let known: HashSet<&str> = words.collect();
        let strange = everyday().iter().map(String::as_str).filter(|word| !known.contains(word));
        let all: Vec<_> = own.chain(strange.filter_map(sense_of_word).map(|sense| (sense, 1))).collect();
        let rows: Vec<Row<'_>> = all.iter().map(|(vector, class)| Row { vector, class: *class }).collect();
        let Some(trained) = Discriminant::train(&rows, 2, SHRINKAGE) else { return Self::default() };
        let mut scores = Vec::new();
        let mut above = |point: &[f32; DIMENSIONS]| {
            trained.discriminant.scores(point, &mut scores);
            scores[1] - scores[0]
        };
        let offset = above(&[0.0; DIMENSIONS]);
        let mut plane: Vec<f32> = (0..DIMENSIONS)
            .map(|axis| above(&std::array::from_fn(|at| f32::from(u8::from(at == axis)))) - offset)
            .collect();
        plane.push(offset);
        Self(plane)
    }

    /// How surely a folded word is strange, 0 to 1; `known`: some answer has it.
    pub(super) fn surely(&self, word: &str, known: bool) -> f32 {
        let Some((offset, plane)) = self.0.split_last() else { return 0.0 };
        if !known && everyday().contains(word) {
            return BY_NAME;
        }
        let Some(sense) = sense_of_word(word) else { return 0.0 };
        let probability = 1.0 / (1.0 + (-(dot(&sense, plane) + offset)).exp());
        ((probability - SURE).max(0.0) / (1.0 - SURE)).min(BY_NAME.next_down())
    }

    /// Its numbers, for [`Self::of_plane`].
    pub(super) fn plane(&self) -> &[f32] {
        &self.0
    }

    /// From its numbers, if they can be some.
    pub(super) fn of_plane(plane: Vec<f32>) -> Option<Self> {
        (plane.is_empty() || plane.len() == DIMENSIONS + 1).then_some(Self(plane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_everyday_words_are_strange() {
        let own = [
            "server",
            "domain",
            "website",
            "mail",
            "postfach",
            "rechnung",
            "invoice",
            "passwort",
            "backup",
            "datenbank",
        ];
        let foreign = Foreign::learn(own.into_iter());
        for word in ["auto", "piano", "toyota", "zwiebel"] {
            assert!(foreign.surely(word, false) > 0.5, "{word} {}", foreign.surely(word, false));
        }
        for word in ["nameserver", "zertifikat", "login", "montag", "xqzt"] {
            assert!(foreign.surely(word, false) < 0.2, "{word} {}", foreign.surely(word, false));
        }
        assert!(foreign.surely("wetter", true) > 0.0, "an answer may have the word and be about something else");
    }

    #[test]
    fn numbers_are_kept() {
        let foreign = Foreign::learn(["server", "mail", "domain"].into_iter());
        assert_eq!(Foreign::of_plane(foreign.plane().to_vec()), Some(foreign));
        assert_eq!(Foreign::of_plane(Vec::new()), Some(Foreign::default()));
        assert_eq!(Foreign::of_plane(vec![0.0; 3]), None);
        assert_eq!(Foreign::default().surely("auto", false), 0.0);
    }
}

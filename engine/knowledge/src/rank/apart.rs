//! Drafts of several matters, or with a matter among much else: anger, excuses, how the day went. As one text they are like no
//! answer, though one of their sentences is.
//!
//! Start at [`Lexical::heard_apart`]. Only the gate listens to sentences: to those that name a thing that a host keeps, and only for
//! answers that the whole draft is about. Of many sentences one is like some answer by chance.

use super::lexical::Lexical;
use super::query::beginning;
use super::{Draft, LOOKED_AT, Ranked};
use crate::text::analyse;
use crate::text::everyday::names_hosting;
use crate::text::strip::{clauses, strip};

/// Of a longer text only the first so many clauses are looked at.
const CLAUSES: usize = 6;
/// So many words that carry meaning say something by themselves.
const FEWEST: usize = 2;
/// How much less a clause counts than a whole draft.
const ALONE: f32 = 0.06;

impl Lexical {
    /// Raises the raw scores of the first few answers to what they are for the clause that they fit best.
    pub(super) fn heard_apart(&self, draft: &Draft<'_>, ranked: &mut [Ranked]) {
        let body = strip(beginning(draft.body));
        let language = analyse(&body, draft.language).language;
        let is_ours = |clause: &&str| {
            let analysis = analyse(clause, language);
            let is_ours = analysis.words.iter().any(|word| names_hosting(analysis.word(word)));
            is_ours && analysis.content_words() >= FEWEST && clause.trim().len() < body.trim().len()
        };
        for body in clauses(&body).filter(is_ours).take(CLAUSES) {
            let apart = self.rank_whole(&Draft { subject: "", body, language }, LOOKED_AT);
            for one in ranked.iter_mut().take(LOOKED_AT) {
                let heard = apart.iter().find(|other| other.document == one.document).map(|other| other.raw - ALONE);
                if let Some(raw) = heard.filter(|raw| *raw > one.raw) {
                    (one.raw, one.confidence) = (raw, self.confidence(raw));
                }
            }
        }
    }
}

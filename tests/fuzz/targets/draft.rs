//! Anything that a customer may type: stripped, analysed, ranked among the shipped answers, read for its tone, redacted.
//! No panic, and no text that takes the time of many (run it with `-timeout=2`).
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use heinzel_core::redact::Redacted;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::library::Library;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::{Draft, Ranker as _};
use heinzel_knowledge::{text, tone};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Typed<'a> {
    subject: &'a str,
    body: &'a str,
    language: u8,
}

static ANSWERS: LazyLock<Lexical> = LazyLock::new(|| {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let (library, _) = Library::load(&[rules]);
    assert!(!library.is_empty(), "no answers in ../../rules");
    Lexical::build(&library.documents())
});

fuzz_target!(init: LazyLock::force(&ANSWERS), |typed: Typed| {
    let Typed { subject, body, language } = typed;
    let language = [None, Some(Language::De), Some(Language::En)][usize::from(language % 3)];
    let stripped = text::strip::strip(body);
    assert!(stripped.len() <= body.len() + 4, "{stripped:?}");
    let analysis = text::analyse(body, language);
    let _ = (analysis.content_words(), text::guess::guess(&analysis, language));
    let _ = tone::read(body);
    let _ = Redacted::of(body, &["Kim Beispiel", "web1.example.com"]).bare();
    let ranked = ANSWERS.rank(&Draft { subject, body, language }, 8);
    let distinct: BTreeSet<usize> = ranked.iter().map(|one| one.document).collect();
    assert_eq!(distinct.len(), ranked.len(), "{ranked:?}");
    for one in &ranked {
        assert!((0.0..=1.0).contains(&one.confidence) && one.rank_score.is_finite(), "{one:?}");
    }
    assert!(ranked.windows(2).all(|two| two[0].rank_score >= two[1].rank_score), "{ranked:?}");
});

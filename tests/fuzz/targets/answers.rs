//! Any file of answers, from an author or another system, and any list of customers and assets: read with complaints, never
//! a panic; what is taken can be written, read again as the same, linted, and shown without a raw placeholder.
//!
//! The first byte says what it is.
#![no_main]

use std::path::{Path, PathBuf};

use heinzel_knowledge::answer::Language;
use heinzel_knowledge::complaint::Complaint;
use heinzel_knowledge::exchange::{self, Defaults, Kind};
use heinzel_knowledge::front_matter::{self, AnswerFile};
use heinzel_knowledge::import;
use heinzel_knowledge::library::Library;
use heinzel_knowledge::lint::{Around, lint};
use heinzel_knowledge::render::{Context, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u8, &[u8])| {
    let (what, bytes) = data;
    match what % 6 {
        0 => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                let (file, complaints) = front_matter::parse(Path::new("mail/x.de.md"), "mail/x", Language::De, text);
                sound(&complaints);
                look(file.into_iter().collect());
            }
        }
        1 => {
            let customers = import::customers(bytes, |_| None, |_| Ok(()));
            assert!(customers.rows.len() <= bytes.len());
        }
        2 => {
            let assets = import::assets(bytes, |_| None, |_| Ok(()));
            assert!(assets.rows.len() <= bytes.len());
        }
        kind => {
            let kind = [Kind::Csv, Kind::Json, Kind::Zammad][usize::from(kind) - 3];
            let defaults = Defaults {
                pack: Some("mail".into()),
                language: Some(Language::De),
                category: Some("mail".into()),
                audience: None,
            };
            let (files, complaints) = exchange::read(kind, bytes, Path::new("list"), &defaults);
            sound(&complaints);
            look(files);
        }
    }
});

fn sound(complaints: &[Complaint]) {
    for complaint in complaints {
        assert!(!complaint.message.is_empty() && complaint.to_string().contains(complaint.rule), "{complaint:?}");
    }
}

fn look(files: Vec<AnswerFile>) {
    for file in &files {
        let written = front_matter::write(file);
        let (again, complaints) = front_matter::parse(&file.variant.file, &file.id, file.variant.language, &written);
        let Some(again) = again else { panic!("what was written is not read: {complaints:?}\n{written}") };
        assert_eq!((&again.id, &again.shared, &again.allow), (&file.id, &file.shared, &file.allow), "{written}");
        assert_eq!(again.variant, file.variant, "{written}");
    }
    sound(&lint(
        &files,
        &Around { today: Some("2026-11-22".into()), folder: PathBuf::from("rules"), ..Around::default() },
    ));
    let (library, complaints) = Library::build(files);
    sound(&complaints);
    let mut context = Context::default();
    context.set("customer_name", "<b>{{ 7 * 7 }}</b> [x](javascript:1)");
    context.set("asset_name", "*web1*");
    for answer in library.iter() {
        for variant in answer.variants.values() {
            for context in [&Context::default(), &context] {
                let Ok(shown) = render(variant, context) else { continue };
                for (part, text) in shown.parts.iter() {
                    assert!(!text.contains("<b>"), "{part}: {text}");
                }
            }
        }
    }
}

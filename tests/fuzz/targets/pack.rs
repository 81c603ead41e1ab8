//! Any rule file can be loaded, and called, without harm; what is wrong with it is said at a place inside it.
//!
//! The input is a rule file, with its samples behind a line `----`.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use heinzel_core::rule::Case;
use heinzel_script::pack;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|text: &[u8]| {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            fs::create_dir_all(folder.path().join("web/samples")).expect("make the pack's folders");
            let head = "name = \"web\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\n";
            fs::write(folder.path().join("web/pack.toml"), head).expect("write pack.toml");
            folder
        });
        look(folder, text);
    });
});

fn look(folder: &TempDir, text: &[u8]) {
    const BORDER: &[u8] = b"\n----\n";
    let border = text.windows(BORDER.len()).position(|part| part == BORDER);
    let (rule, samples) = match border {
        Some(at) => (&text[..at], &text[at + BORDER.len()..]),
        None => (text, &b""[..]),
    };
    fs::write(folder.path().join("web/x.rhai"), rule).expect("write the rule");
    fs::write(folder.path().join("web/samples/x.toml"), samples).expect("write the samples");
    let loaded = pack::load(folder.path());
    for problem in &loaded.problems {
        let said = problem.to_string();
        assert!(!said.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{said:?}");
        assert!(problem.line >= 1 && problem.column >= 1, "{said}");
        assert!(!problem.message.is_empty(), "{said}");
    }
    for rule in loaded.packs.iter().flat_map(|pack| &pack.rules) {
        let case = Case {
            incident: 1,
            asset: "host:web1".into(),
            host: None,
            fields: BTreeMap::new(),
            task: BTreeMap::new(),
            count: 1,
            fixes_24h: 0,
            round: 0,
            draft: false,
            name: None,
        };
        // Errors are answers; a panic or an endless call is not.
        let facts = heinzel_core::probe::Facts::new();
        let _ = rule.logic.probe(&case);
        let _ = rule.logic.fix(&case, &facts, &[]);
        let _ = rule.logic.verify(&case, &facts);
        let _ = rule.logic.rollback(&case, &facts);
    }
}

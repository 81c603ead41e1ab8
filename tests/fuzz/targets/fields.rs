//! No type but `text` accepts what could leave its place: an option, a folder above, a control character.
#![no_main]

use heinzel_core::field::{FieldType, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let words = FieldType::WORDS.split(", ").map(|word| word.parse::<FieldType>().expect("a listed type"));
    for kind in words {
        let Ok(value) = kind.accept(text) else { continue };
        // What is stored comes back as it was.
        let json = serde_json::to_string(&value).expect("a value is JSON");
        let back: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{kind} {value:?} as {json}: {e}"));
        assert_eq!(back, value, "{kind} as {json}");
        if kind == FieldType::Text {
            continue;
        }
        let number = matches!(value, Value::Int(_) | Value::Float(_));
        let said = value.to_string();
        assert!(number || said == text, "{kind} changed {text:?} to {said:?}");
        assert!(number || !said.starts_with('-'), "{kind} accepts an option: {said:?}");
        assert!(!said.is_empty() && !said.contains(char::is_control), "{kind} accepts {said:?}");
        assert!(!said.split('/').any(|part| part == ".."), "{kind} accepts a way up: {said:?}");
        if !matches!(kind, FieldType::Path) {
            assert!(!said.contains('/'), "{kind} accepts a path: {said:?}");
            assert!(
                !said.contains(['$', '`', ';', '|', '&', '<', '>', '"', '\\', '\n', ' ']) || kind == FieldType::Unit,
                "{kind} accepts {said:?}"
            );
        }
        assert!(!said.contains('*'), "{kind} accepts a pattern: {said:?}");
        match kind {
            FieldType::Path => assert!(said.starts_with('/') && !said.split('/').any(|part| part.starts_with('-'))),
            FieldType::Unit => assert!(said.len() <= 255),
            FieldType::Ident => assert!(said.len() <= 128 && !said.starts_with('.')),
            _ => {}
        }
    }
});

//! The description against the routes, and the committed file against the description.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

#[test]
fn the_committed_description_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = heinzel_server::openapi::text();
    if std::env::var_os("HEINZEL_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == made,
        "engine/server/openapi.json is stale; write it anew with `HEINZEL_WRITE=1 cargo test -p heinzel-server`"
    );
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let api: Value = serde_json::from_str(&heinzel_server::openapi::text()).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let described: BTreeSet<&str> = api["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(described, heinzel_server::ROUTES.into());
}

#[test]
fn what_is_referred_to_is_there() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| match value {
                Value::String(text) if key == "$ref" => found.push(text),
                value => walk(value, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let api: Value = serde_json::from_str(&heinzel_server::openapi::text()).unwrap();
    let mut references = Vec::new();
    walk(&api, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        assert!(api.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

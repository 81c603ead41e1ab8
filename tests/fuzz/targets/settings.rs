//! The tables that operators write: sources, policy, assets, samples, patterns.
#![no_main]

use std::path::Path;

use heinzel_core::asset::{Asset, Assets};
use heinzel_core::pattern;
use heinzel_core::policy::{Mode, Policy};
use heinzel_core::rule::RuleId;
use heinzel_core::time::{Span, Timestamp};
use heinzel_script::sample::Samples;
use heinzel_source::settings::Settings;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    source: Vec<Settings>,
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    asset: Vec<Asset>,
}

fuzz_target!(|text: &str| {
    if let Ok(file) = toml::from_str::<File>(text) {
        for source in &file.source {
            if let Err(wrong) = source.check() {
                assert!(!wrong.what.is_empty() && !wrong.key.is_empty());
            }
        }
        let rule = RuleId::from("web.x");
        let _ = (file.policy.mode(&rule, Mode::Auto), file.policy.strays([&rule]));
        if let Err(wrong) = file.policy.check() {
            assert!(wrong.to_string().starts_with("`policy."), "{wrong}");
        }
        if let Ok(assets) = Assets::new(file.asset) {
            for asset in assets.iter() {
                assert_eq!(assets.resolve(&asset.id), asset.id);
                for alias in &asset.aliases {
                    let _ = assets.resolve(alias);
                }
                let _ = (assets.customers(&asset.id), assets.dependants(&asset.id));
            }
        }
    }
    if let Err(problems) = Samples::parse(Path::new("samples/x.toml"), text) {
        assert!(!problems.is_empty());
        for problem in problems {
            let said = problem.to_string();
            assert!(!said.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{said:?}");
        }
    }
    if let Err(error) = pattern::compile(text) {
        assert!(error.at + error.len <= text.len(), "{error:?} points behind the pattern");
    }
    if let Ok(span) = text.parse::<Span>() {
        let said = span.to_string();
        assert_eq!(said.parse::<Span>().ok(), Some(span), "{said}");
        let _ = Timestamp::from_micros(1_790_000_000_000_000) - span.0;
    }
    let _ = text.parse::<Timestamp>();
});

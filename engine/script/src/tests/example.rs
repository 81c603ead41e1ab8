//! One whole rule, as `rules/README.md` tells it: load, asset, probe, fix, verify, plan samples.

use std::path::Path;

use heinzel_core::block::SourceId;
use heinzel_core::event::{Clock, Event, Header};
use heinzel_core::field::Value;
use heinzel_core::finding::{Finding, Role};
use heinzel_core::probe::{Fact, Facts, Probe};
use heinzel_core::rule::{Case, Rule};
use heinzel_core::severity::Severity;
use heinzel_core::time::Timestamp;
use heinzel_core::trigger::Trigger;
use serde_json::json;

use super::shown;
use crate::pack::{Version, load};
use crate::plan_sample::run_plan_samples;
use crate::sample::Samples;

const RULE: &str = r#"#{
    title:    "PHP-FPM pool has run out of workers",
    about:    "Requests wait for a free worker.",
    severity: "high",
    program:  ["php-fpm*"],
    match:    [`\[pool (?<pool>[^\]]+)\] server reached (?:pm\.)?max_children setting \((?<limit>\d+)\)`],
    unless:   [],
    fields:   #{ pool: "ident", limit: "int" },
    trigger:  #{ count: 3, within: "10m", by: ["host", "pool"] },
    asset:    |e| "pool:" + e.pool,
    probe:    |i| #{ unit: probe.unit("php*-fpm.service"), load: probe.load() },
    fix:      |i, facts| [ step.systemd_reload(facts.unit.name) ],
    verify:   |i, facts| [ check.unit_active(facts.unit.name), check.quiet("5m") ],
    rollback: |i, facts| [],
    answer:   "web/pool-busy",
    escalate: "web-oncall",
}
"#;

const SAMPLES: &str = r#"
[[sample]]
line = "[21-Nov-2026 10:00:00] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it"
program = "php-fpm"
fires = true
fields = { pool = "www", limit = 5 }
asset = "pool:www"
matches = [0]

[[sample]]
line = "[21-Nov-2026 10:00:00] NOTICE: fpm is running, pid 1"
fires = false

[[plan]]
fields = { pool = "www", limit = 5 }
facts = { unit = { name = "php8.2-fpm.service", active = true } }
steps = ["systemctl reload php8.2-fpm.service"]
verify = ["unit php8.2-fpm.service: active is true", "quiet for 5m"]
rollback = []
"#;

/// What the first pattern of a rule makes of a message.
pub(super) fn finding(rule: &Rule, message: &str) -> Finding {
    let regex = heinzel_core::pattern::compile(&rule.patterns[0]).unwrap();
    let found = regex.captures(message.as_bytes()).unwrap();
    let names = regex.capture_names().flatten();
    let captures: Vec<(&str, &str)> =
        names.filter_map(|n| Some((n, std::str::from_utf8(found.name(n)?.as_bytes()).unwrap()))).collect();
    let name = SourceId::from("test");
    let event = Event {
        source: &name,
        stream: &name,
        offset: 0,
        time: Timestamp::EPOCH,
        clock: Clock::Own,
        read_at: Timestamp::EPOCH,
        header: Header { host: Some("web1".into()), program: Some("php-fpm".into()), ..Header::default() },
        message: message.into(),
    };
    Finding::claim(rule, Role::Match(0), &event, &captures).unwrap()
}

fn pack(rule: &str, samples: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web");
    std::fs::create_dir_all(web.join("samples")).unwrap();
    std::fs::write(web.join("pack.toml"), "name = \"web\"\nversion = \"1.2.3\"\nmin_engine = \"0.1.0\"\n").unwrap();
    std::fs::write(web.join("php-fpm-max-children.rhai"), rule).unwrap();
    std::fs::write(web.join("samples/php-fpm-max-children.toml"), samples).unwrap();
    folder
}

#[test]
fn the_whole_way_of_a_rule() {
    let folder = pack(RULE, SAMPLES);
    let loaded = load(folder.path());
    assert!(loaded.problems.is_empty(), "{}", shown(&loaded.problems));
    assert_eq!(loaded.packs[0].version, Version { major: 1, minor: 2, patch: 3 });
    let set = loaded.rule_set();
    let (id, rule) = set.rules.iter().next().unwrap();
    assert_eq!(id.to_string(), "web.php-fpm-max-children");
    assert_eq!(rule.severity, Severity::High);
    assert_eq!(rule.by, ["host", "pool"]);
    assert!(matches!(rule.trigger, Trigger::Count { count: 3, .. }));
    assert!(rule.has.asset && rule.has.probe && rule.has.fix && rule.has.verify && rule.has.rollback);
    assert!(rule.version.0.len() == 16 && rule.version.0.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(loaded.packs[0].stories[id].about.as_deref(), Some("Requests wait for a free worker."));

    let finding = finding(rule, "[pool www] server reached pm.max_children setting (5), consider raising it");
    let asset = rule.logic.asset(&finding).unwrap().unwrap();
    assert_eq!(asset, "pool:www");
    let case = Case {
        incident: 1,
        asset,
        name: Some("www".into()),
        draft: false,
        host: finding.host.clone(),
        fields: finding.fields.clone(),
        task: [].into(),
        count: 3,
        fixes_24h: 0,
        round: 0,
    };
    assert_eq!(case.fields["limit"], Value::Int(5));
    let probes = rule.logic.probe(&case).unwrap();
    assert_eq!(probes["unit"], Probe::Unit { name: "php*-fpm.service".into() });
    assert_eq!(probes["load"], Probe::Load);
    let facts = Facts::from([
        ("unit".into(), Fact::Seen { report: json!({ "name": "php8.2-fpm.service" }) }),
        ("load".into(), Fact::Blind { why: "no /proc".into() }),
    ]);
    assert_eq!(
        rule.logic.fix(&case, &facts, &[]).unwrap().steps()[0].action.describe(),
        "systemctl reload php8.2-fpm.service"
    );
    assert_eq!(rule.logic.verify(&case, &facts).unwrap().len(), 2);
    assert!(rule.logic.rollback(&case, &facts).unwrap().is_empty());
    let problems = run_plan_samples(rule, loaded.samples(id).unwrap(), &|_| Ok(()));
    assert!(problems.is_empty(), "{}", shown(&problems));
}

#[test]
fn a_plan_that_differs_from_its_sample_is_shown() {
    let check = |from: &str, to: &str, message: &str, hint: &str| {
        let samples = SAMPLES.replace(from, to);
        assert_ne!(samples, SAMPLES);
        let folder = pack(RULE, &samples);
        let loaded = load(folder.path());
        assert!(!loaded.has_errors(), "{}", shown(&loaded.problems));
        let rule = &loaded.packs[0].rules[0];
        let problems = run_plan_samples(rule, loaded.samples(&rule.id).unwrap(), &|_| Ok(()));
        assert_eq!(problems.len(), 1, "{}", shown(&problems));
        assert_eq!((problems[0].message.as_str(), problems[0].line), (message, 14));
        assert!(problems[0].hint.as_deref().unwrap().contains(hint), "{:?}", problems[0].hint);
    };
    check(
        "reload php",
        "restart php",
        "steps[0]: the sample expects `systemctl restart php8.2-fpm.service`, the rule makes `systemctl reload php8.2-fpm.service`",
        "write steps = [\"systemctl reload php8.2-fpm.service\"]",
    );
    check(", \"quiet for 5m\"", "", "verify[1]: the sample expects nothing, the rule makes `quiet for 5m`", "verify =");
    check(
        "facts = { unit = { name",
        "facts = { unit = { nam",
        "the probe `unit` (unit php*-fpm.service) reports no `nam`",
        "did you mean `name`?",
    );
    check(
        "active = true",
        "active = \"yes\"",
        "the probe `unit` (unit php*-fpm.service) never reports this `active`",
        "it is true or false",
    );
    check("facts = { unit", "facts = { unti", "the rule has no probe `unti`", "did you mean `unit`?");
    check(
        "fields = { pool = \"www\", limit = 5 }\nfacts",
        "fields = { pool = \"-w\", limit = 5 }\nfacts",
        "the field `pool` begins with `-`, which programs read as an option",
        "declared as ident",
    );
}

#[test]
fn sample_files_are_checked() {
    let check = |text: &str, expected: &str| {
        let problems = Samples::parse(Path::new("samples/x.toml"), text).unwrap_err();
        let said: Vec<String> = problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.message)).collect();
        assert_eq!(said, [expected], "{text}");
    };
    check(
        "[[sample]]\nline = \"x\"\nfire = true\n",
        "3:1 unknown field `fire`, expected one of `line`, `program`, `host`, `unit`, `source`, `format`, `task`, `made_by`, `fires`, `fields`, `asset`, `matches`",
    );
    check("[[sample]]\nfires = true\n", "1:1 the sample has neither `line` nor `task`");
    check(
        "\n[[sample]]\nline = \"x\"\nfires = false\nmatches = [0]\n",
        "2:1 the sample does not fire, so it has no fields, asset or matches",
    );
    check(
        "[[sample]]\nline = \"x\"\nfires = true\nfields = { a = true }\n",
        "1:1 the field `a` is neither a text nor a number",
    );
    check(
        "[[sample]]\ntask = { kind = \"a\", state = \"bad\" }\nfires = true\n",
        "2:30 unknown variant `bad`, expected one of `queued`, `running`, `ok`, `warning`, `failed`",
    );
    check("[[plan]]\nsteps = []\nfacts = { a = 1 }\n", "1:1 the fact `a` is no table");
}

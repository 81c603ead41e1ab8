//! What Heinzel costs when nothing happens: CPU time with 50 watched files, resident memory with 500 rules.
//!
//! Before it rests, every rule has met matching lines, so that all patterns are compiled and every rule has an incident.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use crate::Settings;
use crate::engine::{Engine, Memory, PATIENCE};
use crate::latency::rfc3339;

const FILES: usize = 50;
const PACKS: usize = 5;
const RULES_A_PACK: usize = 100;
/// Matching lines for each rule.
const LINES_A_RULE: usize = 10;

/// Measures memory empty and after reading, then the CPU at rest.
pub fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let folder = tempfile::Builder::new().prefix("idle-").tempdir_in(&settings.folder)?;
    let folder = folder.path();
    write_rules(folder)?;
    let engine = Engine::start(settings, folder)?;
    engine.await_ready()?;
    let fresh = engine.memory()?;
    write_lines(folder)?;
    await_incidents(&engine)?;
    settle(&engine)?;
    let used = engine.memory()?;
    let (cpu, wakeups, begin) = (engine.cpu()?, engine.wakeups(), Instant::now());
    std::thread::sleep(settings.rest);
    let elapsed = begin.elapsed();
    let cpu = engine.cpu()?.saturating_sub(cpu);
    let percent = cpu.as_secs_f64() / elapsed.as_secs_f64() * 100.0;
    let wakeups = engine.wakeups().saturating_sub(wakeups) as f64 / elapsed.as_secs_f64();
    let lines = PACKS * RULES_A_PACK * LINES_A_RULE;
    println!("\n{FILES} files, {} rules, {} threads:\n", PACKS * RULES_A_PACK, engine.threads());
    println!("| | RSS | heap and stacks | Pss | most so far |\n|---|---|---|---|---|");
    println!("{}", row("after the start", fresh));
    println!("{}", row(&format!("after {lines} matching lines"), used));
    println!("\nat rest: {percent:.3} % CPU ({cpu:?} in {elapsed:.0?}), {wakeups:.1} wake-ups a second");
    Ok(json!({
        "files": FILES,
        "rules": PACKS * RULES_A_PACK,
        "threads": engine.threads(),
        "fresh": kib(fresh),
        "used": kib(used),
        "cpu_percent": (percent * 1000.0).round() / 1000.0,
        "cpu_ms": u64::try_from(cpu.as_millis())?,
        "rest_s": elapsed.as_secs(),
        "wakeups_per_second": (wakeups * 10.0).round() / 10.0,
    }))
}

fn row(name: &str, memory: Memory) -> String {
    let [rss, anonymous, pss, most] =
        [memory.rss, memory.anonymous, memory.pss, memory.most].map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0));
    format!("| {name} | {rss} | {anonymous} | {pss} | {most} |")
}

fn kib(memory: Memory) -> Value {
    json!({ "rss_kib": memory.rss, "anonymous_kib": memory.anonymous, "pss_kib": memory.pss, "most_kib": memory.most })
}

/// Rules like those that come with Heinzel: two patterns with captures, a look-alike, a probe, a fix, checks.
fn write_rules(folder: &Path) -> anyhow::Result<()> {
    for pack in 0..PACKS {
        let path = folder.join(format!("rules/pack{pack}"));
        fs::create_dir_all(path.join("samples"))?;
        fs::write(
            path.join("pack.toml"),
            format!("name = \"pack{pack}\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\ndescription = \"memory\"\n"),
        )?;
        for rule in 0..RULES_A_PACK {
            let name = format!("service{}", pack * RULES_A_PACK + rule);
            fs::write(path.join(format!("{name}.rhai")), RULE.replace("NAME", &name))?;
            fs::write(path.join(format!("samples/{name}.toml")), SAMPLES.replace("NAME", &name))?;
        }
    }
    fs::create_dir_all(folder.join("logs"))?;
    for file in 0..FILES {
        fs::write(folder.join(format!("logs/app{file}.log")), "")?;
    }
    let logs = folder.join("logs");
    fs::write(
        folder.join("heinzel.toml"),
        format!(
            "[rules]\nfolders = [\"rules\"]\n[store]\nfolder = \"state\"\n\
             [[source]]\nname = \"logs\"\nkind = \"file\"\npath = \"{}/*.log\"\nformat = \"auto\"\n",
            logs.display()
        ),
    )?;
    Ok(())
}

const RULE: &str = r##"#{
    title: "A worker pool of NAME is exhausted",
    about: `All workers of the pool are busy; its callers wait. Causes: a slow back end, a crawler, or a limit that is too
        low. The fix reloads NAME where it keeps no file; otherwise a person decides.`,
    severity: "medium",
    match: [
        `^NAME: pool (?<pool>[a-z0-9_]+) reached its limit of (?<limit>\d+) workers`,
        `^NAME: connect\(\) to (?<upstream>\S+) failed \((?<code>\d+): (?<why>[^)]*)\) while reading`,
    ],
    unless: [`NAME: pool \S+ reached its limit of \d+ workers, as in the self-test`],
    fields: #{ pool: "ident", limit: "int", upstream: "text", code: "int", why: "text" },
    clear: [`^NAME: pool (?<pool>[a-z0-9_]+) is well again`],
    asset: |e| "service:NAME",
    probe: |i| #{ load: probe.load(), file: probe.file("/run/NAME.pid") },
    fix: |i, facts| {
        if facts.file.exists == true || facts.load.blind == true || facts.load.per_core >= 99.0 { return []; }
        let unit = "NAME.service";
        if i.fixes_24h >= 3 { return []; }
        [step.command(["NAMEctl", "check"]), step.systemd_reload(unit)]
    },
    verify: |i, facts| [check.unit_active("NAME.service"), check.quiet("5m")],
    rollback: |i, facts| [step.systemd_restart("NAME.service")],
    within: "6m",
    cooldown: "30m",
}
"##;

const SAMPLES: &str = r#"[[sample]]
line = "NAME: pool www reached its limit of 5 workers"
fires = true
fields = { pool = "www", limit = 5 }
asset = "service:NAME"

[[sample]]
line = "NAME: connect() to unix:/run/NAME.sock failed (11: Resource temporarily unavailable) while reading"
fires = true

[[sample]]
line = "NAME: pool www reached its limit of 5 workers, as in the self-test"
fires = false

[[plan]]
fields = { pool = "www", limit = 5 }
facts = { load = { per_core = 0.2 }, file = { exists = false } }
steps = ["run NAMEctl check", "systemctl reload NAME.service"]
verify = ["unit NAME.service: active is true", "quiet for 5m"]
rollback = ["systemctl restart NAME.service"]
"#;

fn write_lines(folder: &Path) -> anyhow::Result<()> {
    for round in 0..LINES_A_RULE {
        for rule in 0..PACKS * RULES_A_PACK {
            let file = folder.join(format!("logs/app{}.log", rule % FILES));
            let header = format!("{} host1 app[1]:", rfc3339());
            let line = if round == 1 {
                format!("{header} service{rule}: connect() to unix:/run/x failed (11: try again) while reading\n")
            } else {
                format!("{header} service{rule}: pool www reached its limit of 5 workers\n")
            };
            OpenOptions::new().append(true).open(file)?.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

/// Waits until every rule has found its lines.
fn await_incidents(engine: &Engine) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let report = engine.ask(&["status"])?;
        let findings = report["sources"]["logs"]["findings"].as_u64().unwrap_or_default();
        if findings == (PACKS * RULES_A_PACK * LINES_A_RULE) as u64 {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("only {findings} findings: {report}\n{}", engine.log());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until no CPU time was used for 15 seconds, when threads that wait for work have ended as well (or, if it never rests, for the patience).
fn settle(engine: &Engine) -> anyhow::Result<()> {
    let begin = Instant::now();
    let (mut before, mut since) = (engine.cpu()?, Instant::now());
    while since.elapsed() < Duration::from_secs(15) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(200));
        let now = engine.cpu()?;
        if now > before + Duration::from_millis(10) {
            (before, since) = (now, Instant::now());
        }
    }
    Ok(())
}

//! CrowdSec in its time machine: all rules as nodes of one parser, no scenarios.
//!
//! It wants its local API to be there even so; that gets a database of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::Peer;
use crate::children::{is_installed, run as run_child};
use crate::generated::Generated;
use crate::inputs::Inputs;

/// The classes behind the generator's captures, as patterns that grok can name.
const CLASSES: [(&str, &str); 5] = [
    ("int", r"\d+"),
    ("ip", r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"),
    ("hex", "(?:0x)?[0-9a-fA-F]+"),
    ("word", r"\S+"),
    ("any", ".*"),
];

struct Crowdsec {
    program: PathBuf,
    settings: PathBuf,
}

/// Writes configuration, parsers and an account for the local API.
pub fn prepare(rules: &[Generated], folder: &Path, inputs: &Inputs) -> anyhow::Result<Box<dyn Peer>> {
    let unpacked = inputs.folder().join("peers/crowdsec/usr/bin");
    let find = |name: &str| match unpacked.join(name) {
        file if file.is_file() => file,
        _ => PathBuf::from(name),
    };
    let (program, control) = (find("crowdsec"), find("cscli"));
    ensure!(
        program.is_file() || is_installed("crowdsec"),
        "there is no `crowdsec`, installed or unpacked in {}",
        unpacked.display()
    );
    for part in
        ["parsers/s00-raw", "parsers/s01-parse", "patterns", "scenarios", "postoverflows", "hub", "data", "plugins"]
    {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).with_context(|| format!("write CrowdSec's {name}"))
    };
    let class = |(kind, class): &(&str, &str)| format!("BENCH{} {class}\n", kind.to_uppercase());
    write("patterns/bench", CLASSES.iter().map(class).collect())?;
    write(
        "hub/index.json",
        json!({ "parsers": {}, "scenarios": {}, "collections": {}, "postoverflows": {} }).to_string(),
    )?;
    write("simulation.yaml", "simulation: false\n".to_owned())?;
    write("acquis.yaml", "\n".to_owned())?;
    write("profiles.yaml", "name: none\nfilters: [\"false\"]\ndecisions: []\n".to_owned())?;
    // JSON is YAML.
    let raw = json!({
        "name": "bench/raw", "filter": "true", "onsuccess": "next_stage",
        "statics": [{ "parsed": "message", "expression": "evt.Line.Raw" }],
    });
    write("parsers/s00-raw/raw.yaml", raw.to_string())?;
    let node = |rule: &Generated| json!({ "grok": { "pattern": as_grok(rule), "apply_on": "message" } });
    let nodes: Vec<_> = rules.iter().map(node).collect();
    let parser = json!({ "name": "bench/rules", "filter": "true", "onsuccess": "next_stage", "nodes": nodes });
    write("parsers/s01-parse/rules.yaml", parser.to_string())?;
    // A port that is free now.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let account = json!({ "url": format!("http://{address}/"), "login": "bench", "password": "bench" });
    write("account.yaml", account.to_string())?;
    write("config.yaml", configuration(folder, &address).to_string())?;
    let settings = folder.join("config.yaml");
    let mut add = Command::new(control);
    add.arg("-c").arg(&settings).args(["machines", "add", "bench", "--password", "bench", "-f"]);
    run_child(add.arg(folder.join("unused.yaml")), None, 0).context("make an account for CrowdSec's local API")?;
    Ok(Box::new(Crowdsec { program, settings }))
}

fn configuration(folder: &Path, address: &str) -> serde_json::Value {
    let at = |name: &str| folder.join(name).display().to_string();
    json!({
        "common": { "daemonize": false, "log_media": "stdout", "log_level": "error", "log_dir": at("."), "working_dir": "." },
        "config_paths": {
            "config_dir": at(""), "data_dir": at("data"), "simulation_path": at("simulation.yaml"), "hub_dir": at("hub"),
            "index_path": at("hub/index.json"), "notification_dir": at("plugins"), "plugin_dir": at("plugins"),
        },
        "crowdsec_service": { "acquisition_path": at("acquis.yaml"), "parser_routines": 1 },
        "cscli": { "output": "human" },
        "db_config": { "log_level": "error", "type": "sqlite", "db_path": at("data/crowdsec.db") },
        "plugin_config": { "user": "nobody", "group": "nogroup" },
        "api": {
            "client": { "credentials_path": at("account.yaml") },
            "server": {
                "log_level": "error", "listen_uri": address, "profiles_path": at("profiles.yaml"),
                "console_path": at("console.yaml"),
            },
        },
        "prometheus": { "enabled": false },
    })
}

/// A named group of a raw pattern is no capture to grok: `%{BENCHINT:int2}` is.
fn as_grok(rule: &Generated) -> String {
    rule.captures().fold(rule.pattern.clone(), |pattern, (name, kind)| {
        let class = CLASSES.iter().find(|(other, _)| *other == kind).map_or("", |(_, class)| class);
        pattern.replace(&format!("(?P<{name}>{class})"), &format!("%{{BENCH{}:{name}}}", kind.to_uppercase()))
    })
}

impl Peer for Crowdsec {
    fn name(&self) -> &'static str {
        "CrowdSec"
    }

    fn lines(&self) -> usize {
        3_000
    }

    fn command(&self, log: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&self.settings);
        command.arg("-dsn").arg(format!("file://{}", log.display())).args(["-type", "syslog"]);
        command
    }

    fn found(&self, _: &str) -> Option<usize> {
        None
    }

    /// Its dump says which lines each parser took; writing it costs more than the work, so no timed run does.
    fn proved(&self, log: &Path) -> anyhow::Result<Option<usize>> {
        let folder = log.with_extension("dump");
        std::fs::create_dir_all(&folder)?;
        run_child(self.command(log).arg("-dump-data").arg(&folder), None, 0)?;
        let dump = std::fs::read_to_string(folder.join("parser-dump.yaml")).context("read CrowdSec's dump")?;
        let rules = dump.split_once("s01-parse:").context("CrowdSec's dump lacks the rules")?.1;
        Ok(Some(rules.lines().filter(|line| *line == "    success: true").count()))
    }
}

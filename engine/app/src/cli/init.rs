//! `heinzel init`: looks at the machine and writes a commented configuration.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::discover;
use crate::exit::{Ends, Exit};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to write it; `-` is stdout.
    #[arg(default_value = "heinzel.toml")]
    file: PathBuf,
    /// Write over an existing file.
    #[arg(long)]
    force: bool,
}

/// Writes the configuration.
pub(super) fn init(arguments: &Arguments) -> anyhow::Result<Exit> {
    let text = text();
    if arguments.file.as_os_str() == "-" {
        super::print(&text)?;
        return Ok(Exit::Ok);
    }
    let path = arguments.file.display();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(!arguments.force).create(arguments.force).truncate(arguments.force);
    let mut file = match options.open(&arguments.file) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = format!("{path} exists; give another name, or `--force` to write over it");
            return Err(Ends::with(Exit::Refused, text));
        }
        opened => opened.with_context(|| format!("write {path}"))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("write {path}"))?;
    super::print(&format!(
        "wrote {path}; check it with `heinzel --config {path} check`, then `heinzel --config {path} run`\n"
    ))?;
    Ok(Exit::Ok)
}

fn text() -> String {
    let mut out = String::from(HEAD);
    let tables = discover::tables();
    if tables.is_empty() {
        out.push_str("# No known log was found on this machine. An example:\n#\n# [[source]]\n# name = \"app\"\n# kind = \"file\"\n# path = \"/var/log/app/*.log\"\n");
    }
    for table in tables {
        out.push_str("[[source]]\n");
        out.push_str(&table);
        out.push('\n');
    }
    out.push_str(REST);
    out
}

const HEAD: &str = r#"# Heinzel: what is watched, and what may be done. Every key is checked at the start; unknown keys are errors.
# Until a rule is given another mode below, it only observes.

# ── Sources ── found on this machine. Kinds: file, journald, syslog, exec, proxmox, task_lines, cron, push.
# Common keys: format ("auto" finds out), timezone (of times that name none), start ("end", "beginning", "since 2h").

"#;

const REST: &str = r#"# ── Rules ── folders of packs; the first folder that has a pack wins.
[rules]
# folders = ["/etc/heinzel/rules", "/usr/share/heinzel/rules"]

# ── Assets ── whom incidents concern; a file with [[asset]] tables.
# assets = "assets.toml"      (this key belongs above the first [table])

# ── What may be done ──
[policy]
# protected = ["host:db1"]           # never without approval
# approval_expires = "24h"           # an unanswered plan is dropped after this
# max_targets = 100                  # files or processes one step may touch

[policy.modes]                       # observe | suggest | approve | auto; the most specific pattern counts
"*" = "observe"
# "web.nginx-killed" = "auto"

[policy.allow]                       # what steps may touch; nothing by default
# units = ["nginx.service", "php*-fpm.service"]
# commands = [["nginx", "-t"], ["postqueue", "-f"]]
# paths = ["/var/cache/nginx"]
# http = ["https://panel.example.com/api/*"]
# processes = ["php-fpm*"]
# tasks = { vzdump = ["vzdump", "{target}"] }

[policy.budget]                      # how many fixes may run
# rule = "6/1h"
# asset = "3/1h"
# host = "20/1h"

[policy.breaker]                     # when fixes do not hold
# failures = "3/1d"                  # opens the breaker
# demote = "2/1d"                    # takes the rule one mode down

# [[policy.maintenance]]             # no fix on these assets in this time
# assets = ["host:*"]
# from = "2026-01-01T22:00:00Z"
# until = "2026-01-02T02:00:00Z"

# ── Who is told ──
# [act.webhooks.operator]
# url = "https://alerts.example.com/hook"
# bearer = "…"

# ── Store ──
[store]
# folder = "/var/lib/heinzel"
# incidents = "90d"                  # resolved incidents are kept so long
# audit = "400d"                     # and the audit trail so long

# ── HTTP API ── push, health, metrics
[server]
# listen = "127.0.0.1:4780"
"#;

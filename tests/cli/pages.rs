//! Pages made from the declarations: completions, man page, reference.

use std::process::{Command, Stdio};

use crate::lab::{Lab, packs};

#[test]
fn completions_are_shell_code() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = lab.bare(&["completions", shell]).ends(0, &["heinzel", "replay", "incident"]).out;
        lab.write(shell, &script);
        // `-n` reads and runs nothing; where the shell is not installed there is nothing to ask.
        let asked = Command::new(shell).arg("-n").arg(lab.path(shell)).stderr(Stdio::piped()).output();
        match asked {
            Ok(ended) => assert!(ended.status.success(), "{shell}: {}", String::from_utf8_lossy(&ended.stderr)),
            Err(_) => eprintln!("{shell} is not installed: its completions are not read"),
        }
    }
    lab.bare(&["completions", "tcsh"]).ends(2, &["tcsh", "bash"]);
}

#[test]
fn the_man_page_has_every_command() {
    let lab = Lab::new();
    let page = lab.bare(&["man"]).ends(0, &[".TH heinzel", ".SH SYNOPSIS", "Exit status: 0"]).out;
    for command in [
        "run",
        "check",
        "test",
        "explain",
        "replay",
        "status",
        "incident",
        "approve",
        "deny",
        "pause",
        "resume",
        "policy",
        "audit",
        "init",
        "completions",
        "man",
    ] {
        assert!(page.contains(&format!("heinzel\\-{command}(1)")), "{command}");
    }
}

#[test]
fn the_reference_is_printed() {
    let lab = Lab::new();
    lab.run(&["reference"]).ends(0, &["| `web.busy` | high | a pool is busy | every finding | fix, verify |"]);
    lab.bare(&["reference", "--definitions"]).ends(0, &["systemd_restart", "quiet"]);
    lab.bare(&["--rules", &packs(), "reference"]).ends(0, &["## web", "web.nginx-killed"]);
}

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
        "retry",
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
fn every_command_has_a_page_of_its_own() {
    let lab = Lab::new();
    lab.bare(&["man", "--into", "pages/man1"]).ends(0, &[]);
    let names = |folder: &str| {
        let entries = std::fs::read_dir(lab.path(folder)).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let pages = names("pages/man1");
    assert!(pages.len() > 20, "{pages:?}");
    for (page, words) in
        [("heinzel.1", "heinzel\\-run(1)"), ("heinzel-policy-promote.1", "promote"), ("heinzel-replay.1", "html")]
    {
        assert!(lab.read(&format!("pages/man1/{page}")).contains(words), "{page}");
    }
    lab.bare(&["man", "--into", "heinzel.toml/x"]).ends(1, &["write the man pages into heinzel.toml/x"]);
}

#[test]
fn the_reference_is_printed() {
    let lab = Lab::new();
    lab.run(&["reference"]).ends(0, &["| `web.busy` | high | a pool is busy | every finding | fix, verify |"]);
    lab.bare(&["reference", "--definitions"]).ends(0, &["systemd_restart", "quiet"]);
    lab.bare(&["--rules", &packs(), "reference"]).ends(0, &["## web", "web.nginx-killed"]);
}

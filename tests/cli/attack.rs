//! Log lines that were written to harm: nothing of them is obeyed, and what is refused is said by name.

use std::io::{BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;

use crate::lab::{Lab, RULE, SAMPLES, wait};

/// Captures that no `ident` is, and the named reason.
const ATTACKS: [(&str, &str); 12] = [
    ("$(reboot)", "contains `$`, which no ident has"),
    ("`reboot`", "which no ident has"),
    ("www;reboot", "contains `;`, which no ident has"),
    ("www|reboot", "contains `|`, which no ident has"),
    ("www&reboot", "contains `&`, which no ident has"),
    ("'OR'1'='1", "contains `\\'`, which no ident has"),
    ("x');DROP", "contains `\\'`, which no ident has"),
    ("<script>alert(1)</script>", "contains `<`, which no ident has"),
    // Colours are taken out of logs; this sets a terminal's title.
    ("\u{1b}]0;red", "contains a control character"),
    ("-rf", "begins with `-`, which programs read as an option"),
    ("/srv/../etc/shadow", "contains `/`, which no ident has"),
    ("..", "begins with `.`"),
];

#[test]
fn injected_values_are_refused_by_name_everywhere() {
    let lab = Lab::with(
        "\n[policy.modes]\n\"*\" = \"auto\"\n[policy.allow]\ncommands = [[\"/bin/true\", \"*\"]]\n[server]\nlisten = \"127.0.0.1:0\"\n",
    );
    let engine = lab.start();
    for (number, (value, reason)) in (1..).zip(ATTACKS) {
        let line = format!("pool {value} is busy");
        lab.run(&["explain", "--source", "app", &line]).ends(0, &["field", reason]);
        lab.append("logs/a.log", format!("{line}\n"));
        wait("it is counted", || {
            let json = lab.run(&["status", "--json"]).json();
            json[0]["rules"][0]["refused"].as_u64() == Some(number)
        });
        assert!(lab.status_says(reason), "{reason}: {}", lab.run(&["status"]).out);
    }
    let total = format!("heinzel_rule_refused_total{{rule=\"web.busy\"}} {}", ATTACKS.len());
    wait("it is in the metrics", || engine.http("GET", "/metrics", "", "").1.contains(&total));
    assert!(lab.incidents().is_empty(), "{:?}", lab.incidents());
    // The engine is well, and the honest line still counts.
    lab.append("logs/a.log", "pool www is busy\n");
    lab.expect("pool:www");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let lab = Lab::new();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{85}";
    lab.append("logs/a.log", format!("pool www is busy {evil}\n\u{1b}[31mpool {evil} is busy\n"));
    let name = [b"\x1b[2J\xff.log".as_slice()].concat();
    let hostile = lab.path("logs").join(std::ffi::OsStr::from_bytes(&name));
    std::os::unix::fs::symlink(&hostile, &hostile).unwrap();
    lab.append("logs/\u{1b}[7mb.log", "pool mail is busy\n");
    let engine = lab.start();
    lab.expect("pool:www");
    lab.expect("pool:mail");
    wait("the engine has shown it", || engine.stdout().matches("opened").count() == 2);
    lab.write("old.log", format!("pool www is busy {evil}\n"));
    lab.write("\u{1b}[2Jold.log", format!("pool www is busy {evil}\n"));
    let line = format!("pool {evil} is busy");
    let mut said = vec![engine.stdout(), engine.stderr()];
    let asked: [&[&str]; 11] = [
        &["status"],
        &["incident", "list"],
        &["incident", "view", "1"],
        &["incident", "view", "2"],
        &["audit", "show"],
        &["explain", "--source", "app", &line],
        &["explain", "--incident", "1"],
        &["replay", "--program", "app", "old.log"],
        &["replay", "--program", "app", "\u{1b}[2Jold.log"],
        &["replay", "\u{1b}[2Jnope.log"],
        &["policy", "show"],
    ];
    for arguments in asked {
        let (text, json) = (lab.run(arguments), lab.run(&[arguments, &["--json"]].concat()));
        said.extend([text.out, text.err, json.out, json.err]);
    }
    for text in said {
        let harmful = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(harmful), "{text:?}");
    }
    // It is shown, made harmless.
    let id = lab.expect("pool:www")["id"].to_string();
    lab.run(&["incident", "view", &id]).ends(0, &["\\u{1b}[2J"]);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn random_bytes_and_endless_lines_are_read_in_bounded_memory() {
    const LONG: usize = 100 << 20;
    let lab = Lab::new();
    let engine = lab.start();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()
    };
    let noise: Vec<u8> = (0..1 << 17).flat_map(|_| next()).collect();
    lab.append("logs/noise.log", [&noise[..], b"\npool noise is busy\n"].concat());
    lab.expect("pool:noise");
    let mut file = BufWriter::new(std::fs::File::create(lab.path("logs/long.log")).unwrap());
    let piece = b"pool long is busy \x1b[2J ".repeat(5000);
    let mut written = 0;
    while written < LONG {
        file.write_all(&piece).unwrap();
        written += piece.len();
    }
    file.write_all(b"\npool behind is busy\n").unwrap();
    file.into_inner().unwrap();
    lab.expect("pool:behind");
    assert!(lab.status_says("1"), "{}", lab.run(&["status"]).out);
    let peak = engine.peak_kib();
    assert!(peak < 200 << 10, "{peak} KiB for a line of {LONG} bytes");
    println!("most memory with a line of 100 MiB: {peak} KiB");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_path_cannot_leave_its_folder_or_become_a_pattern() {
    let lab = Lab::with("\n[policy.modes]\n\"*\" = \"auto\"\n[policy.allow]\npaths = [\"LAB/cache\"]\n");
    let rule = RULE
        .replace("pool (?<pool>[^ ]+) is busy", "file (?<file>[^ ]+) is damaged")
        .replace("pool: \"ident\"", "file: \"path\"")
        .replace("asset: |e| \"pool:\" + e.pool,\n", "")
        .replace("step.command([\"/bin/true\", i.pool])", "step.remove(i.file)")
        .replace("check.file_exists(\"/etc/passwd\")", "check.file_absent(i.file)")
        .replace("cooldown: \"1m\"", "cooldown: \"1s\", stable: \"100ms\"");
    lab.write("rules/web/busy.rhai", rule);
    let samples = SAMPLES
        .replace("pool www is busy", "file /srv/x is damaged")
        .replace("pool www is idle", "file /srv/x is fine")
        .replace("pool = \"www\"", "file = \"/srv/x\"")
        .replace("run /bin/true www", "remove /srv/x");
    lab.write("rules/web/samples/busy.toml", samples);
    lab.run(&["test"]).ends(0, &[]);
    for name in ["cache/bad", "cache/good", "other"] {
        lab.write(name, "x");
    }
    std::os::unix::fs::symlink(lab.path("other"), lab.path("cache/link")).unwrap();
    let engine = lab.start();
    let attacks = [
        ("LAB/cache/../other", "/../"),
        ("LAB/cache/*", "contains `*`"),
        ("cache/good", "is not an absolute path"),
        ("LAB/cache/-rf", "begins with `-`"),
    ];
    for (number, (path, reason)) in (1..).zip(attacks) {
        lab.append("logs/a.log", lab.text(&format!("file {path} is damaged\n")));
        wait(reason, || {
            let json = lab.run(&["status", "--json"]).json();
            json[0]["rules"][0]["refused"].as_u64() == Some(number)
        });
        assert!(lab.status_says(reason), "{}", lab.run(&["status"]).out);
    }
    assert!(lab.incidents().is_empty());
    // What is a path, but outside of what is allowed, stops at a gate; a link inside is not followed.
    lab.append("logs/a.log", lab.text("file LAB/other is damaged\n"));
    wait("the gate refuses", || lab.run(&["incident", "list", "--all"]).out.contains("web.busy"));
    wait("it names itself", || lab.run(&["audit", "show"]).out.contains("gate `allow-list` refused"));
    lab.append("logs/a.log", lab.text("file LAB/cache/bad is damaged\n"));
    for name in ["cache/good", "other", "cache/link"] {
        assert!(lab.path(name).exists(), "{name}");
    }
    assert_eq!(engine.stop(), 0);
}

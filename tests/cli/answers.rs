//! Answers at the command line: listed, shown, checked, brought in and taken out.

use crate::lab::{CONFIG, Lab};

const ANSWER: &str = r##"+++
title = "My pool is slow"
category = "web"
questions = ["pool slow", "pool busy", "pool hangs", "pool waits", "pool stuck", "pool overloaded"]
[variables]
"asset.name" = true
reply_time = "within one working day"
+++
## acknowledge
A slow pool keeps your visitors waiting. We know how that hurts.
## clarify
## agree
## act
1. Reload {{ asset.name }} once.
2. If it stays slow, write to us. We reply {{ reply_time }}.
## advise
"##;

fn lab() -> Lab {
    let lab = Lab::with("[answers.words]\nreply_time = { en = \"in two hours\" }\n");
    lab.write("rules/web/answers/slow.en.md", ANSWER);
    let german = ANSWER
        .replace("My pool is slow", "Mein Pool ist langsam")
        .replace(
            "A slow pool keeps your visitors waiting. We know how that hurts.",
            "Ihre Besucher warten. Das ist ärgerlich.",
        )
        .replace("Reload {{ asset.name }} once.", "Laden Sie {{ asset.name }} neu.")
        .replace("If it stays slow, write to us. We reply", "Bleibt er langsam, schreiben Sie uns. Wir antworten")
        .replace("within one working day", "innerhalb eines Tages")
        .replace("[\"pool slow\", \"pool busy\", \"pool", "[\"pool lahm\", \"pool voll\", \"der pool")
        .replace(
            "pool waits\", \"pool stuck\", \"pool overloaded",
            "pool wartet\", \"pool klemmt\", \"pool überlastet",
        );
    lab.write("rules/web/answers/slow.de.md", german);
    lab
}

#[test]
fn answers_are_listed_and_shown_as_customers_read_them() {
    let lab = lab();
    lab.run(&["answers", "list"]).ends(0, &["web/slow", "de en", "Mein Pool ist langsam", "1 answer"]);
    lab.run(&["answers", "list", "mail/*"]).ends(4, &["no answer fits `mail/*`", "heinzel answers lint"]);
    assert_eq!(lab.run(&["answers", "list", "--json"]).json()[0]["texts"]["en"]["title"], "My pool is slow");
    let show = ["answers", "show", "web/slow", "--language", "en"];
    lab.run(&show).ends(0, &["not shown: no value for asset.name", "--with"]);
    let shown = lab.run(&[&show[..], &["--with", "asset.name=www *1*"]].concat());
    let shown = shown.ends(0, &["Reload www \\*1\\* once.", "We reply in two hours.", "pool overloaded"]);
    assert!(!shown.out.contains("Mein Pool"), "{}", shown.out);
    lab.run(&["answers", "show", "web/slwo"]).ends(4, &["did you mean `web/slow`"]);
    lab.run(&[&show[..], &["--with", "asset.nmae=x"]].concat()).ends(2, &["did you mean `asset.name`"]);
}

#[test]
fn lint_says_what_is_wrong_where_and_how_it_is_better() {
    let lab = lab();
    lab.run(&["answers", "lint"]).ends(0, &["1 answer in 2 files: 0 errors, 0 warnings, 0 hints"]);
    lab.write("rules/web/answers/slow.en.md", ANSWER.replace("We know how that hurts.", "Please calm down."));
    let words = ["slow.en.md:10:49", "error [calm-down]", "better: ", "1 error"];
    lab.run(&["answers", "lint"]).ends(3, &words);
    let complaint = lab.run(&["answers", "lint", "--json"]).ends(3, &[]).json()[0]["complaints"][0].clone();
    let of = |key: &str| complaint[key].as_str().unwrap_or_default().to_owned();
    assert_eq!((&*of("rule"), &*of("severity"), complaint["line"].as_u64()), ("calm-down", "error", Some(10)));
    assert!(of("suggestion").starts_with("better: "));
    lab.run(&["answers", "lint", "--allow", "calm-down"]).ends(0, &["0 errors"]);
    lab.run(&["answers", "lint", "--allow", "calm-dwon"]).ends(2, &["did you mean `calm-down`"]);
    lab.run(&["answers", "lint", "--severity", "loud"]).ends(2, &["`loud` is no severity"]);
    lab.run(&["answers", "lint", "--list"]).ends(0, &["understanding-first", "nothing-i-can-do"]);

    // A rule that names an answer which nobody wrote.
    lab.write("rules/web/answers/slow.en.md", ANSWER);
    lab.write("rules/web/busy.rhai", crate::lab::RULE.replace("cooldown:", "answer: \"web/slwo\",\n    cooldown:"));
    lab.run(&["answers", "lint"]).ends(3, &["no answer `web/slwo`", "web.busy", "did you mean `web/slow`"]);
    let folder = lab.path("rules").display().to_string();
    lab.run(&["answers", "lint", &folder]).ends(0, &["0 errors"]);
    lab.run(&["answers", "lint", "absent"]).ends(3, &["list the folder absent"]);
}

#[test]
fn rows_become_files_that_nobody_loses() {
    let lab = lab();
    let csv =
        "title;language;category;questions;text\nFull mailbox;en;mail;mailbox full;We look at it.\nBad;en;male;x;y\n";
    lab.write("own.csv", csv);
    let file = lab.path("own.csv").display().to_string();
    let import = ["answers", "import", &file, "--pack", "own"];
    let written = lab.path("rules/own/answers/full-mailbox.en.md");
    lab.run(&import).ends(3, &["row 3: `male` is no category", "new        ", "1 kept out", "--write"]);
    assert!(!written.exists());
    lab.run(&[&import[..], &["--write"]].concat()).ends(3, &["1 new", "heinzel answers lint"]);
    assert!(std::fs::read_to_string(&written).unwrap().contains("## act\nWe look at it."));
    // A pack that begins with it is one.
    lab.run(&["check"]).ends(0, &["0 errors"]);

    lab.write("own.csv", csv.lines().take(2).collect::<Vec<_>>().join("\n"));
    lab.run(&[&import[..], &["--write"]].concat()).ends(0, &["1 unchanged"]);
    lab.write(
        "rules/own/answers/full-mailbox.en.md",
        std::fs::read_to_string(&written).unwrap().replace("look", "LOOK"),
    );
    lab.run(&[&import[..], &["--write"]].concat()).ends(4, &["differs", "--replace"]);
    assert!(std::fs::read_to_string(&written).unwrap().contains("LOOK"));
    lab.run(&[&import[..], &["--write", "--replace", "--json"]].concat()).ends(0, &["\"is\":\"replaced\""]);
    assert!(!std::fs::read_to_string(&written).unwrap().contains("LOOK"));

    lab.write("own.csv", "nonsense");
    lab.run(&import).ends(3, &["looks like no answers", "--kind"]);
    lab.write("own.csv", b"title;text\nPostfach f\xfcr alle;x\n");
    lab.run(&import).ends(3, &["own.csv:2:11", "not UTF-8", "CSV UTF-8"]);
    lab.run(&["answers", "import", "absent.csv"]).ends(1, &["open absent.csv"]);
    lab.run(&["answers", "import", &file, "--pack", "../etc"]).ends(2, &["can name no pack"]);
}

#[test]
fn what_goes_out_comes_in_unchanged() {
    let lab = lab();
    for format in ["csv", "json"] {
        let file = lab.path(&format!("out.{format}")).display().to_string();
        lab.run(&["answers", "export", "--format", format, "--to", &file]).ends(0, &["2 texts"]);
        lab.run(&["answers", "import", &file]).ends(0, &["2 unchanged", "0 kept out"]);
    }
    lab.run(&["answers", "export", "mail/*"]).ends(4, &["no answers to export"]);
    lab.run(&["answers", "export", "--format", "zammad"]).ends(2, &["Zammad"]);
}

#[test]
fn status_names_answers_that_are_broken() {
    let lab = lab();
    let engine = lab.start();
    let well = lab.run(&["status"]).ends(0, &["running since"]);
    assert!(!well.out.contains("broken"), "{}", well.out);
    lab.write("rules/web/answers/slow.en.md", ANSWER.replace("category", "kategory"));
    lab.write("rules/web/answers/other.en.md", "no front matter");
    let said = [
        "! 2 files of answers are broken",
        "rules/web/answers/slow.en.md:3:",
        "kategory",
        "other.en.md:1",
        "answers lint",
    ];
    let status = lab.run(&["status"]).ends(0, &said);
    assert!(status.out.find("broken").unwrap() < status.out.find("Sources").unwrap(), "{}", status.out);
    let json = lab.run(&["status", "--json"]).ends(0, &[]).json();
    let broken = &json[0]["broken_answers"];
    assert_eq!((broken["files"].as_u64(), json[0]["rules"][0]["id"].as_str()), (Some(2), Some("web.busy")));
    assert!(broken["first"][0]["file"].as_str().is_some_and(|file| file.ends_with(".en.md")), "{broken}");
    assert_eq!(engine.stop(), 0);
}

#[test]
fn answers_kept_elsewhere_are_settings_that_are_checked() {
    let source =
        "[[knowledge]]\nkind = \"csv\"\npath = \"own.csv\"\npack = \"own\"\nlanguage = \"en\"\ncategory = \"mail\"\n";
    let lab = lab();
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{source}")));
    lab.run(&["answers", "lint"]).ends(3, &["own.csv"]);
    lab.write("own.csv", "title;text\nFull mailbox;We look at it.\n");
    lab.run(&["answers", "list"]).ends(0, &["own/full-mailbox", "web/slow", "2 answers"]);
    lab.run(&["answers", "fetch"]).ends(4, &["no `[[knowledge]]` with a `url`"]);
    for (from, to, words) in [
        ("path =", "#", ["line 16", "either `path` or `url`"]),
        ("\"mail\"", "\"male\"", ["line 16", "`category` is `male`"]),
        ("pack =", "packs =", ["unknown field", "packs"]),
    ] {
        lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{}", source.replacen(from, to, 1))));
        lab.run(&["answers", "list"]).ends(3, &words);
    }
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}[answers.words]\npanel = \"http://x\"\n")));
    lab.run(&["answers", "list"]).ends(3, &["answers.words.panel", "https://panel.example.com"]);
}

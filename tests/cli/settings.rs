//! What is wrong with configuration, rules and assets is said with its place and the way out, and ends with 3.

use crate::lab::{self, CONFIG, Lab, RULE, SAMPLES, packs};

/// A configuration with these bytes is refused with these words.
#[track_caller]
fn refused(config: &str, words: &[&str]) {
    let lab = Lab::new();
    lab.write("heinzel.toml", lab.text(config));
    lab.run(&["check"]).ends(3, words);
    lab.run(&["--json", "check"]).ends(3, words);
    lab.run(&["run"]).ends(3, words);
}

#[test]
fn a_missing_configuration_is_named() {
    let lab = Lab::new();
    lab.bare(&["--config", "nope.toml", "check"]).ends(3, &["heinzel: ", "nope.toml", "heinzel init"]);
}

#[test]
fn an_unknown_key_shows_its_line() {
    refused(
        "[rules]\nfolder = [\"x\"]\n",
        &["heinzel.toml", "line 2, column 1", "2 | folder = [\"x\"]", "expected `folders`"],
    );
}

#[test]
fn a_wrong_value_says_what_is_right() {
    refused("[policy.modes]\n\"*\" = \"obsrve\"\n", &["line 2, column 7", "`obsrve`", "`observe`"]);
    let dot = "so it stands in quotes: \"web.nginx-killed\" = \"auto\"";
    refused("[policy.modes]\nweb.nginx-killed = \"auto\"\n", &["line 2", "`nginx-killed`", dot]);
    let list = "write a list in square brackets, like [\"one\", \"two\"]";
    refused("[policy.allow]\nunits = \"nginx.service\"\n", &["line 2, column 9", list]);
    refused("[policy.allow]\ncommands = [\"nginx -t\"]\n", &["line 2, column 13", "[[\"nginx\", \"-t\"]]"]);
    let table = "`rules` is a table: write [rules] on a line of its own, and below it folders = [";
    refused("rules = [\"/srv/rules\"]\n", &["line 1, column 10", table]);
    refused("server = 4780\n", &["line 1, column 10", "`server` is a table: write [server]"]);
    refused("[server]\nassets = \"assets.toml\"\n", &["line 2, column 1", "it stands above the first [table]"]);
    refused("[source]\nname = \"a\"\n", &["line 1", "in double brackets: [[source]]"]);
    refused("[policy]\nmodes = \"auto\"\n", &["line 2, column 9", "write [policy.modes], and a line for each"]);
    refused("[suggestions]\nenabled = \"no\"\n", &["line 2, column 11", "true or false, without quotes"]);
    refused("[suggestions]\nhold_out = \"5%\"\n", &["line 2, column 12", "a number without quotes, like 0.05"]);
    refused(
        "[server]\nproxies = [\"10.0.0.0/8\"]\n",
        &["line 2, column 12", "names and networks (10.0.0.0/8) are not taken"],
    );
    refused("[store]\naudit = 400\n", &["line 2, column 9", "a length of time has its unit, like \"10m\""]);
    refused("[answers.words]\ncompany = 3\n", &["line 2, column 11", "a text in quotes, or { de = "]);
    refused("[server]\nlisten = \"localhost:80\"\n", &["line 2", "`localhost:80`", "127.0.0.1:4780"]);
}

#[test]
fn a_pattern_that_fits_no_rule_is_said_before_a_bolder_one_counts() {
    let lab = Lab::with(
        "\n[policy.modes]\n\"*\" = \"auto\"\n\"web.bsuy\" = \"observe\"\n\n[policy.drafts]\nlook = [\"gone.*\"]\n",
    );
    let slip = "`policy.modes`: no rule fits `web.bsuy`; did you mean `web.busy`?";
    let gone = "`policy.drafts.look`: no rule fits `gone.*`";
    let json = lab.run(&["--json", "check"]).ends(0, &[slip, gone]).json();
    assert_eq!((json[0]["errors"].as_u64(), json[0]["warnings"].as_u64()), (Some(0), Some(2)));
    let problem = &json[0]["problems"][0];
    assert_eq!((problem["file"].as_str(), problem["severity"].as_str()), (Some("heinzel.toml"), Some("warning")));
    lab.run(&["check"]).ends(0, &[&format!("warning: {slip}"), gone, "0 errors, 2 warnings"]);
    let engine = lab.start();
    assert!(engine.stderr().contains(slip) && engine.stderr().contains(gone), "{}", engine.stderr());
    lab.write("rules/web/bsuy.rhai", RULE);
    lab.write("rules/web/samples/bsuy.toml", SAMPLES);
    lab::wait("it is reloaded", || engine.stderr().matches(gone).count() >= 2);
    assert_eq!(engine.stderr().matches(slip).count(), 1, "{}", engine.stderr());
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_policy_that_can_never_do_what_it_says_is_refused() {
    refused("[policy.allow]\npaths = [\"tmp\"]\n", &["heinzel.toml: `policy.allow.paths` has \"tmp\"", "absolute"]);
    refused("[policy.budget]\nrule = \"0/1h\"\n", &["`policy.budget.rule` is `0/1h`", "the mode `observe`"]);
    let late =
        "[[policy.maintenance]]\nassets = [\"*\"]\nfrom = \"2026-02-01T00:00:00Z\"\nuntil = \"2026-01-01T00:00:00Z\"\n";
    refused(late, &["`policy.maintenance` is from 2026-02-01", "`from` comes before `until`"]);
    let lab = Lab::with("\n[suggestions]\nmodel = \"nix\"\n");
    lab.run(&["check"]).ends(0, &["warning: `suggestions.model` is `nix`", "heinzel model add", "0 errors, 1 warning"]);
}

#[test]
fn what_run_would_refuse_is_refused_by_check() {
    refused(
        "[act.webhooks.operator]\nurl = \"alerts\"\n",
        &["heinzel.toml: `act.webhooks.operator`: its `url` is no URL"],
    );
    refused(
        "[answers]\ntime_zone = \"Mars/Olympus\"\n",
        &["`answers.time_zone`", "Mars/Olympus", "like Europe/Berlin"],
    );
    refused("[store]\nfolder = \"heinzel.toml\"\n", &["is no folder; name another folder in `store.folder`"]);
    let token = "[[server.token]]\nname = \"shop\"\nscopes = [\"ingest\"]\ntoken_file = \"none\"\n";
    let lab = Lab::with(&format!("\n[server]\nlisten = \"127.0.0.1:0\"\n{token}"));
    lab.run(&["check"]).ends(3, &["error: `server.token shop`: read ", "none", "1 error"]);
    assert!(!lab.path("state").exists(), "check makes nothing");
    lab.run(&["run"]).ends(3, &["`server.token shop`: read ", "none"]);
}

#[test]
fn two_sources_of_one_name_are_told_apart_by_their_lines() {
    let one = "[[source]]\nname = \"a\"\nkind = \"file\"\npath = \"/x\"\n";
    refused(&format!("{one}\n{one}"), &["heinzel.toml, line 6", "`a`", "must be unique"]);
}

#[test]
fn a_wrong_source_names_line_source_key_and_way_out() {
    let source = |line: &str| format!("\n[[source]]\nname = \"a\"\nkind = \"file\"\npath = \"/x\"\n{line}\n");
    let zone = source("timezone = \"Europe/Berln\"");
    refused(&zone, &["line 2", "source `a`", "`timezone`", "`Europe/Berln`", "`Europe/Berlin`"]);
    refused(&source("units = [\"x.service\"]"), &["line 2", "`units`", "kind `journald`"]);
}

#[test]
fn a_wrong_rule_shows_file_line_column_text_and_hint() {
    let lab = Lab::new();
    lab.write("rules/web/busy.rhai", RULE.replace("\"high\"", "\"hgih\""));
    let words = ["rules/web/busy.rhai:3:15", "3 |     severity: \"hgih\"", "hint: did you mean `high`?", "1 error"];
    lab.run(&["check"]).ends(3, &words);
    lab.run(&["test"]).ends(3, &words[..3]);
    let json = lab.run(&["check", "--json"]).ends(3, &[]).json();
    assert_eq!((json[0]["errors"].as_u64(), json[0]["rules"].as_u64()), (Some(1), Some(0)));
    for problem in [&json[0]["problems"][0], &lab.run(&["test", "--json"]).ends(3, &[]).json()[0]["failed"][0]] {
        assert!(problem["file"].as_str().unwrap().ends_with("rules/web/busy.rhai"), "{problem}");
        assert_eq!((problem["line"].as_u64(), problem["column"].as_u64()), (Some(3), Some(15)), "{problem}");
        assert_eq!((&problem["severity"], &problem["hint"]), (&"error".into(), &"did you mean `high`?".into()));
        assert!(problem["message"].is_string(), "{problem}");
    }
    // Whoever asks other things is told, too, and nobody wonders where the rule is.
    lab.run(&["explain", "pool www is busy"]).ends(0, &["1 error", "heinzel check"]);
    lab.run(&["policy", "show"]).ends(4, &["1 error", "heinzel check"]);
    lab.write("x.log", "x\n");
    lab.run(&["replay", "x.log"]).ends(3, &["no rule could be loaded from", "heinzel check"]);
}

#[test]
fn a_failing_sample_says_what_was_expected() {
    let lab = Lab::new();
    lab.write("rules/web/samples/busy.toml", SAMPLES.replace("is idle", "is busy"));
    lab.run(&["test"]).ends(3, &["samples/busy.toml:7", "fires on this line and should not (match[0])"]);
    for (program, named) in [("program = \"nginx\"\n", "program nginx"), ("", "no program")] {
        lab.write("rules/web/samples/busy.toml", SAMPLES.replacen("program = \"app\"\n", program, 1));
        lab.run(&["test"]).ends(3, &[&format!("web.busy does not fire on this line ({named}, no unit)")]);
    }
}

#[test]
fn an_asset_that_cannot_be_named_fails_the_sample() {
    for (asset, why) in [("\"POOL:\" + e.pool", "has a kind that is not a lower-case word"), ("3", "it gives a number")]
    {
        let lab = Lab::new();
        lab.write("rules/web/busy.rhai", RULE.replace("\"pool:\" + e.pool", asset));
        lab.run(&["test"]).ends(3, &["samples/busy.toml", "web.busy: `asset`", why]);
    }
}

#[test]
fn a_template_that_cannot_be_rendered_fails_the_plan_sample() {
    for (template, why) in [("limit {{ limt }}", "undefined value"), ("{% if", "syntax error")] {
        let lab = Lab::new();
        let step = format!("step.write_template(\"/etc/x.conf\", \"{template}\", #{{ limit: 5 }})");
        lab.write("rules/web/busy.rhai", RULE.replace("step.command([\"/bin/true\", i.pool])", &step));
        let samples = SAMPLES.replace("run /bin/true www", "write /etc/x.conf");
        lab.write("rules/web/samples/busy.toml", &samples);
        lab.run(&["test"])
            .ends(3, &["samples/busy.toml:12", "`write /etc/x.conf` cannot be done: the template: ", why]);
        let step = step.replace(template, "limit {{ limit }}");
        lab.write("rules/web/busy.rhai", RULE.replace("step.command([\"/bin/true\", i.pool])", &step));
        lab.run(&["test"]).ends(0, &["0 problems"]);
    }
}

#[test]
fn a_verify_that_cannot_be_made_fails_the_plan_sample() {
    let lab = Lab::new();
    lab.write("rules/web/busy.rhai", RULE.replace("\"/etc/passwd\"", "`/${\"\"}`"));
    lab.run(&["test"]).ends(3, &["samples/busy.toml:12", "`verify`", "names a folder"]);
}

#[test]
fn wrong_assets_are_shown_and_stop_the_start() {
    let check = |assets: &str, words: &[&str]| {
        let lab = Lab::new();
        lab.write("assets.toml", assets);
        lab.run(&["check"]).ends(3, words);
        lab.run(&["run"]).ends(3, words);
    };
    let two = "[[asset]]\nid = \"vm:1\"\naliases = [\"a\"]\n\n[[asset]]\nid = \"vm:2\"\naliases = [\"a\"]\n";
    check(two, &["assets.toml:5:1", "alias `a` names both"]);
    check("[[asset]]\nid = \"vm:1\"\n[[asset]]\nid = \"vm:1\"\n", &["assets.toml:3:1", "listed twice"]);
    check("[[asset]]\nid = \"vm:1\"\nowners = \"x\"\n", &["assets.toml:3:1", "3 | owners = \"x\"", "`owners`"]);
    check("[[asset]]\nid = \"vm\"\n", &["assets.toml:1:1", "kind:name"]);
}

#[test]
fn a_named_pipe_in_the_place_of_a_file_is_said_and_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let files =
        ["heinzel.toml", "assets.toml", "rules/web/pack.toml", "rules/web/busy.rhai", "rules/web/samples/busy.toml"];
    for name in files {
        let lab = Lab::new();
        std::fs::remove_file(lab.path(name)).unwrap();
        mknodat(CWD, lab.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let mut check = lab.launch(&["--config", "heinzel.toml", "check"]);
        assert_eq!(check.ended(), 3, "{name}");
        let said = format!("{}{}", check.stdout(), check.stderr());
        assert!(said.contains(name) && said.contains("this is not a regular file"), "{said}");
        assert!(said.contains("replace it by a plain text file"), "{said}");
    }
}

#[test]
fn all_is_well_ends_with_0() {
    let lab = Lab::new();
    lab.run(&["check"]).ends(0, &["sources: app", "rules: 1 in web 1.0.0", "assets: 1", "0 errors"]);
    let json = lab.run(&["--json", "check"]).ends(0, &[]).json();
    assert_eq!((json[0]["errors"].as_u64(), json[0]["assets"].as_u64()), (Some(0), Some(1)));
    lab.run(&["test"]).ends(0, &["1 rule and 2 samples (0 % of them written by the real program) in web 1.0.0"]);
    let json = lab.run(&["test", "--json"]).ends(0, &[]).json();
    assert_eq!(json[0]["failed"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_first_configuration_without_packs_is_warned_of() {
    let lab = Lab::new();
    lab.write("empty/keep", "");
    lab.bare(&["init", "empty/heinzel.toml"]).ends(0, &["wrote empty/heinzel.toml"]);
    // Where the package is installed there are packs.
    if std::path::Path::new("/usr/share/heinzel/rules").exists() || std::path::Path::new("/etc/heinzel/rules").exists()
    {
        return;
    }
    let words = ["warning: there are no packs in any folder", "`[rules] folders`", "rules: 0", "1 warning"];
    lab.bare(&["--config", "empty/heinzel.toml", "check"]).ends(0, &words);
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let lab = Lab::new();
    lab.bare(&["fly"]).ends(2, &["fly"]);
    lab.bare(&[]).ends(2, &["Usage"]);
    lab.run(&["incident", "view", "x"]).ends(2, &["x"]);
    lab.run(&["policy", "promote", "web.busy", "--to", "bold"]).ends(2, &["observe, suggest, approve or auto"]);
    lab.bare(&["--version"]).ends(0, &["heinzel 0"]);
    lab.bare(&["--help"]).ends(0, &["Exit status: 0 "]);
}

#[test]
fn the_written_configuration_loads() {
    let lab = Lab::new();
    let text = lab.bare(&["init", "-"]).ends(0, &["[policy.modes]"]).out;
    lab.write("first.toml", &text);
    lab.bare(&["--config", "first.toml", "--rules", &packs(), "check"]).ends(0, &["0 errors"]);
    // Without a word about rules: those beside it.
    lab.bare(&["--config", "first.toml", "check"]).ends(0, &["rules: 1 in web"]);
    // What it shows as examples holds, too.
    let examples: Vec<&str> = text.lines().map(|l| l.strip_prefix("# ").filter(|l| is_toml(l)).unwrap_or(l)).collect();
    let secret = |name: &str| format!("{name}-0123456789abcdef0123456789abcdef");
    let examples = format!("{}\n", examples.join("\n")).replace("\"…\"", &format!("\"{}\"", secret("form")));
    lab.write("second.toml", examples);
    lab.bare(&["--config", "second.toml", "--rules", "rules", "check"]).ends(3, &["4 errors", "claims.secret"]);
    for file in ["claims.secret", "claims.old", "tickets.token", "zammad.secret"] {
        lab.write(file, secret(file));
    }
    lab.bare(&["--config", "second.toml", "--rules", "rules", "check"]).ends(0, &["assets: 1", "0 errors"]);
    lab.bare(&["init", "first.toml"]).ends(4, &["first.toml exists", "--force"]);
    lab.bare(&["init", "--force", "first.toml"]).ends(0, &["wrote first.toml", "check"]);
    lab.bare(&["init", "no/such/first.toml"]).ends(1, &["write no/such/first.toml"]);
}

#[test]
fn what_the_package_installs_finds_this_machines_logs_and_only_observes() {
    let lab = Lab::new();
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/heinzel.toml");
    let sources = |ran: &str| ran.lines().find(|line| line.starts_with("sources: ")).unwrap().to_owned();
    let with = lab.bare(&["--config", installed, "--rules", &packs(), "check"]).ends(0, &["0 errors, 0 warnings"]).out;
    let without = lab.bare(&["--rules", &packs(), "check"]).ends(0, &["configuration: none"]).out;
    assert_eq!(sources(&with), sources(&without));
    let engine = lab.launch(&["--config", installed, "--rules", &packs(), "--state", "state", "run"]);
    lab::wait("it answers", || lab.bare(&["--state", "state", "status"]).code == 0);
    let rules = lab.bare(&["--state", "state", "status", "--json"]).json()[0]["rules"].as_array().unwrap().clone();
    assert!(rules.len() > 50 && rules.iter().all(|rule| rule["mode"] == "observe"), "{rules:?}");
    assert_eq!(engine.stop(), 0);
}

/// A commented line that is a key or a table when the comment is opened.
fn is_toml(line: &str) -> bool {
    let is_key =
        line.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    is_key
        || line.starts_with("[[")
        || line.starts_with("[act")
        || line.starts_with("[server")
        || line.starts_with("\"web.")
}

#[test]
fn flags_go_before_the_file() {
    let lab = Lab::new();
    lab.write("heinzel.toml", lab.text(CONFIG).replace("folders = [\"rules\"]", "folders = [\"elsewhere\"]"));
    lab.run(&["check"]).ends(3, &["list the folder", "elsewhere", "hint: "]);
    lab.run(&["--rules", "rules", "check"]).ends(0, &["rules: 1"]);
}

#[test]
fn what_a_promotion_does_not_grant_is_said_with_it() {
    let lab = Lab::new();
    let engine = lab.start();
    let lacks = "its plans need more than a mode: add [\"/bin/true\",\"www\"] to `policy.allow.commands`";
    lab.run(&["policy", "promote", "web.busy", "--dry-run"]).ends(0, &[lacks]);
    lab.run(&["policy", "promote", "web.busy"]).ends(0, &[lacks, "from observe to suggest"]);
    assert_eq!(engine.stop(), 0);
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}[policy.allow]\ncommands = [[\"/bin/true\", \"*\"]]\n")));
    assert!(!lab.run(&["policy", "promote", "web.busy"]).ends(0, &["to approve"]).out.contains("more than a mode"));
}

#[test]
fn an_answer_that_is_not_there_and_a_broken_one_are_said_by_check() {
    let lab = Lab::new();
    let asset = "    asset: ";
    lab.write("rules/web/busy.rhai", RULE.replacen(asset, &format!("    answer: \"web/nope\",\n{asset}"), 1));
    lab.run(&["check"])
        .ends(0, &["warning: `web.busy` names the answer `web/nope`, which is not there", "answers lint"]);
    // One that only drafts name would leave the rule without any.
    let draft = "draft: #{ intents: [\"web/none\"], asset: [\"pool\"], found: #{ de: \"x\", en: \"x\" } },\n    \
                 probe: |i| #{ unit: probe.unit(\"php-fpm.service\") }";
    lab.write("rules/web/busy.rhai", RULE.replacen(asset, &format!("    {draft},\n{asset}"), 1));
    lab.run(&["check"]).ends(0, &["warning: `web.busy` names the answer `web/none`, which is not there"]);
    lab.write("rules/web/answers/nope.de.md", "hello\n");
    lab.run(&["check"]).ends(0, &["warning: 1 error in files of answers", "`heinzel answers lint` shows them"]);
}

#[test]
fn a_fix_that_fails_by_itself_is_said_before_there_is_an_incident() {
    let lab = Lab::new();
    lab.write("rules/web/samples/busy.toml", SAMPLES.split("[[plan]]").next().unwrap());
    lab.run(&["check"]).ends(0, &["0 errors, 1 warning", "no sample shows the plan"]);
    let broken = [
        ("[check.file_exists(\"/etc/passwd\")]", "[]", "`verify` in", "it gives no check"),
        ("[step.command([\"/bin/true\", i.pool])]", "{ loop { } }", "`fix` at", "it took more than 20000 operations"),
    ];
    for (sound, wrong, what, why) in broken {
        assert!(RULE.contains(sound), "{sound}");
        lab.write("rules/web/busy.rhai", RULE.replace(sound, wrong));
        lab.run(&["check"]).ends(0, &["0 errors, 2 warnings", "samples/busy.toml:1:1", what, why]);
    }
}

#[test]
fn a_clear_that_does_not_know_the_asset_is_said() {
    let lab = Lab::new();
    let clear = |pattern: &str| {
        lab.write(
            "rules/web/busy.rhai",
            RULE.replacen("    asset: ", &format!("    clear: [`{pattern}`],\n    asset: "), 1),
        );
        lab.run(&["check"])
    };
    clear("pool (?<pool>[^ ]+) is free").ends(0, &["0 errors, 0 warnings"]);
    clear("all pools are free")
        .ends(0, &["1 warning", "a line that fits `all pools are free` never ends its incident on pool:www"]);
}

#[test]
fn a_sample_that_does_not_fire_says_which_clause_keeps_it() {
    let check = |from: &str, to: &str, why: &str| {
        let lab = Lab::new();
        lab.write("rules/web/busy.rhai", RULE.replace(from, to));
        let said = lab.run(&["test"]).ends(3, &["web.busy does not fire on this line (program app, no unit): ", why]);
        assert!(!format!("{}{}", said.out, said.err).contains("heinzel explain"), "it would not know the rule");
    };
    check("\"app\"]", "\"ap\"]", "`program` wants php-fpm, ap");
    check("just a drill", "www is", "`www is` of `unless` matches, too");
}

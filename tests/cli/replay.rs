//! `replay`: old logs in every wrapping.

use std::io::Write as _;

use crate::lab::Lab;

const LOG: &str = "Nov 21 10:00:00 web1 app[1]: pool www is busy\n\
    Nov 21 10:00:01 web1 app[1]: all is well\n\
    Nov 21 10:00:02 web1 app[1]: pool <script>alert(1)</script> is busy\n\
    Nov 21 10:00:03 web1 app[1]: pool www is busy \u{1b}[2J<img src=http://evil/>\n\
    Nov 21 10:00:04 web1 app[1]: pool mail is busy\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn every_wrapping_holds_the_same() {
    let lab = Lab::new();
    let zstd = ruzstd::encoding::compress_to_vec(LOG.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    lab.write("old.log", LOG);
    lab.write("old.log.gz", gzip(LOG.as_bytes()));
    lab.write("old.log.zst", zstd);
    for name in ["old.log", "old.log.gz", "old.log.zst", "-"] {
        let ran = lab.fed(&["--config", "heinzel.toml", "replay", "--year", "2025", "--json", name], LOG.as_bytes());
        let json = ran.ends(0, &[]).json();
        let findings: Vec<_> = json.iter().filter(|one| one.get("rule").is_some()).collect();
        let shown: Vec<_> =
            findings.iter().map(|f| (f["line"].as_u64().unwrap(), f["time"].as_str().unwrap())).collect();
        let times = ["2025-11-21T10:00:00Z", "2025-11-21T10:00:03Z", "2025-11-21T10:00:04Z"];
        assert_eq!(shown, [(1, times[0]), (4, times[1]), (5, times[2])], "{name}");
        let keys: Vec<_> = findings[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["file", "line", "time", "rule", "fields"]);
        assert_eq!((findings[0]["file"].as_str(), findings[0]["fields"]["pool"].as_str()), (Some(name), Some("www")));
        let incidents: Vec<_> = json.iter().filter(|one| one.get("incident").is_some()).collect();
        assert_eq!(incidents.len(), 2, "{name}");
        assert_eq!(incidents[0]["plan"], serde_json::json!(["run /bin/true www"]));
        assert_eq!(incidents[0]["incident"]["customers"], serde_json::json!(["kim"]));
    }
}

#[test]
fn what_was_refused_is_counted_and_since_leaves_out() {
    let lab = Lab::new();
    lab.write("old.log", LOG);
    let words = [
        "refused 1 time: web.busy: field `pool` contains `<`, which no ident has",
        "5 lines",
        "3 findings, 2 incidents",
    ];
    let ran = lab.run(&["replay", "old.log"]).ends(0, &words);
    assert!(ran.out.contains("gate `mode` refused") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    lab.run(&["replay", "--year", "2025", "--since", "2025-11-21T10:00:04Z", "old.log"])
        .ends(0, &["1 finding, 1 incident"]);
}

#[test]
fn the_page_is_written_over_nothing_but_a_page() {
    let lab = Lab::new();
    lab.write("old.log", LOG);
    lab.write("other.log", LOG);
    lab.write("empty", "");
    // The slip: `--html` takes the first log for its page.
    let words = ["other.log exists and is no report of Heinzel", "another name, or `--force`"];
    lab.run(&["replay", "--html", "other.log", "old.log"]).ends(4, &words);
    let words = ["old.log is one of the logs", "(`--html`) another name"];
    lab.run(&["replay", "--html", "old.log", "other.log", "old.log", "--force"]).ends(4, &words);
    assert_eq!((lab.read("old.log"), lab.read("other.log")), (LOG.to_owned(), LOG.to_owned()));
    for name in ["new.html", "new.html", "empty"] {
        lab.run(&["replay", "--html", name, "old.log"]).ends(0, &["5 lines"]);
    }
    lab.run(&["replay", "--html", "other.log", "--force", "old.log"]).ends(0, &["5 lines"]);
    assert_eq!(lab.read("other.log"), lab.read("new.html"));
}

#[test]
fn the_page_stands_alone_and_executes_nothing() {
    let lab = Lab::new();
    lab.write("<b>old.log", LOG);
    lab.run(&["replay", "--html", "report.html", "<b>old.log"]).ends(0, &[]);
    let page = lab.read("report.html");
    for word in ["http:", "https:", "<script", "<img", "<b>", "javascript:", "\u{1b}", " src=", "@import", "url("] {
        // What a log says may stand there as text, never as a tag or a thing to load.
        let harmless = word == "http:" || word == " src=";
        assert!(!page.contains(word) || (harmless && page.contains("&lt;img src=http://evil/&gt;")), "{word}");
    }
    assert_eq!(page.matches("http:").count(), page.matches("&lt;img src=http://evil/&gt;").count());
    assert!(page.contains("&lt;b&gt;old.log") && page.contains("pool:www"), "{page}");
    lab.run(&["replay", "--html", "no/such/x.html", "<b>old.log"]).ends(1, &["write no/such/x.html"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let lab = Lab::new();
    let packed = gzip(LOG.repeat(100).as_bytes());
    lab.write("cut.gz", &packed[..packed.len() / 2]);
    lab.write("plain.gz", LOG);
    lab.write("plain.zst", LOG);
    let check = |name: &str, words: &[&str]| {
        lab.run(&["replay", name]).ends(1, words);
    };
    check("nope.log", &["open nope.log", "No such file"]);
    check("cut.gz", &["unpack cut.gz", "is it cut off"]);
    check("plain.gz", &["unpack plain.gz", "only named so"]);
    check("plain.zst", &["unpack plain.zst", "does not begin like a .zst"]);
    check("rules", &["read rules", "directory"]);
    lab.run(&["replay"]).ends(2, &["FILES"]);
    lab.write("old.log", LOG);
    lab.run(&["replay", "--timezone", "Mars/Phobos", "old.log"]).ends(2, &["`Mars/Phobos`", "Europe/Berlin"]);
    lab.run(&["replay", "--since", "gestern", "old.log"]).ends(2, &["`gestern`", "2h"]);
}

#[test]
fn one_line_is_one_finding_and_all_clear_is_told_apart() {
    let lab = Lab::new();
    let rule = crate::lab::RULE
        .replace(
            "match: [`pool (?<pool>[^ ]+) is busy`],",
            "match: [`pool (?<pool>[^ ]+) is busy`, `(?<pool>[a-z]+) is busy`], clear: [`pool (?<pool>[^ ]+) is idle`],",
        )
        .replace("asset:", "trigger: #{ count: 3, within: \"1h\", by: [\"pool\"] },\n    asset:");
    lab.write("rules/web/busy.rhai", rule);
    let sample = "[[sample]]\nline = \"pool www is busy\"\nprogram = \"app\"\nfires = true\n[[sample]]\nline = \"x is busy\"\nprogram = \"app\"\nfires = true\n\
        [[plan]]\nfields = { pool = \"www\" }\nsteps = [\"run /bin/true www\"]\n";
    lab.write("rules/web/samples/busy.toml", sample);
    lab.write("old.log", "app: pool www is busy\napp: pool www is busy\napp: pool www is idle\n");
    let json = lab.run(&["replay", "--json", "--program", "app", "old.log"]).ends(0, &[]).json();
    let said = |key: &str| {
        json.iter().filter(|one| one[key] == "web.busy").map(|one| one["line"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(said("rule"), [Some(1), Some(2)], "{json:?}");
    assert_eq!(said("clears"), [Some(3)]);
    assert!(json.iter().all(|one| one.get("incident").is_none()), "twice is not three times: {json:?}");
}

//! What strangers can write into logs sets off no fix and no critical rule, and ends no incident.
//!
//! Programs write down what a stranger sends them: a path, a name, a subject, the answer of a remote server. Here each line
//! that fires such a rule is sent in all these ways. None of these rules may take it for the words of its own program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{repository, told};

/// Where the stranger really is. A finding with this address accuses nobody else.
const STRANGER: &str = "203.0.113.5";

/// A place where a program writes down what a stranger sent.
struct Place {
    /// The file below `/var/log`.
    file: &'static str,
    /// The program, where its lines come by syslog.
    program: Option<&'static str>,
    /// The message, or the whole line where there is no program; `…` is what the stranger sent.
    text: &'static str,
}

const fn syslog(file: &'static str, program: &'static str, text: &'static str) -> Place {
    Place { file, program: Some(program), text }
}

const fn own(file: &'static str, text: &'static str) -> Place {
    Place { file, program: None, text }
}

const PLACES: [Place; 40] = [
    own(
        "nginx/access.log",
        r#"203.0.113.5 - - [21/Nov/2026:10:00:00 +0100] "GET /?q=… HTTP/1.1" 404 153 "-" "curl/8""#,
    ),
    own("nginx/access.log", r#"203.0.113.5 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 153 "…" "curl/8""#),
    own("apache2/access.log", r#"203.0.113.5 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 153 "-" "…""#),
    own("apache2/access.log", r#"203.0.113.5 - … [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 401 153 "-" "curl/8""#),
    own(
        "apache2/vhosts.log",
        r#"shop.example:443 203.0.113.5 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 153 "-" "…""#,
    ),
    own(
        "nginx/error.log",
        r#"2026/11/21 10:00:00 [error] 12#12: *3 open() "/var/www/html/…" failed (2: No such file or directory), client: 203.0.113.5, server: shop.example, request: "GET /… HTTP/1.1", host: "shop.example", referrer: "…""#,
    ),
    own(
        "nginx/error.log",
        r#"2026/11/21 10:00:00 [error] 12#12: *3 FastCGI sent in stderr: "PHP message: login failed for …" while reading response header from upstream, client: 203.0.113.5, server: shop.example, request: "GET / HTTP/1.1", upstream: "fastcgi://unix:/run/php/www.sock:", host: "shop.example""#,
    ),
    own(
        "apache2/error.log",
        r#"[Sat Nov 21 10:00:00.123456 2026] [core:info] [pid 12] [client 203.0.113.5:5511] AH00128: File does not exist: /var/www/html/…, referer: …"#,
    ),
    own(
        "apache2/error.log",
        r#"[Sat Nov 21 10:00:00.123456 2026] [core:error] [pid 12:tid 13] [client 203.0.113.5:5511] AH10244: invalid URI path (…)"#,
    ),
    own(
        "php/error.log",
        r#"[21-Nov-2026 10:00:00 UTC] PHP Warning:  Undefined array key "…" in /var/www/html/index.php on line 3"#,
    ),
    own(
        "exim4/mainlog",
        r#"2026-11-21 10:00:00 1tAbCd-000123-AB <= a@b.example H=mail.example.org [203.0.113.5] P=esmtps S=2132 T="…" for info@shop.example"#,
    ),
    own(
        "exim4/mainlog",
        "2026-11-21 10:00:00 H=(…) [203.0.113.5] F=<a@b.example> rejected RCPT <info@shop.example>: relay not permitted",
    ),
    own(
        "exim4/mainlog",
        "2026-11-21 10:00:00 H=mail.example.org [203.0.113.5] F=<…> rejected RCPT <info@shop.example>: relay not permitted",
    ),
    own(
        "exim4/mainlog",
        "2026-11-21 10:00:00 1tAbCd-000123-AB ** a@evil.example R=dnslookup T=remote_smtp H=mx.evil.example [203.0.113.5]: SMTP error from remote mail server after RCPT TO:<a@evil.example>: 550 …",
    ),
    own("vsftpd.log", r#"Sat Nov 21 10:00:00 2026 [pid 3] […] FAIL LOGIN: Client "203.0.113.5""#),
    own("vsftpd.log", r#"Sat Nov 21 10:00:00 2026 [pid 3] [x] …] FAIL LOGIN: Client "203.0.113.5""#),
    syslog("auth.log", "sshd", "Invalid user … from 203.0.113.5 port 50022"),
    syslog("auth.log", "sshd", "Invalid user x from 203.0.113.5 port 50022 … from 203.0.113.5 port 50022"),
    syslog("auth.log", "sshd", "Failed password for invalid user … from 203.0.113.5 port 50022 ssh2"),
    syslog("auth.log", "sshd", "User … from 203.0.113.5 not allowed because not listed in AllowUsers"),
    syslog(
        "auth.log",
        "sshd",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.5  user=…",
    ),
    syslog("mail.log", "postfix/cleanup", "4C1xZz1: message-id=<…@x.example>"),
    syslog("mail.log", "postfix/cleanup", "4C1xZz1: message-id=<x> …>"),
    syslog(
        "mail.log",
        "postfix/cleanup",
        "4C1xZz1: warning: header Subject: … from unknown[203.0.113.5]; from=<a@b.example> to=<d@e.example> proto=ESMTP helo=<x>",
    ),
    syslog(
        "mail.log",
        "postfix/smtpd",
        "NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 504 5.5.2 <…>: Helo command rejected: need fully-qualified hostname; from=<a@b.example> to=<d@e.example> proto=ESMTP helo=<…>",
    ),
    syslog(
        "mail.log",
        "postfix/smtp",
        "4C1xZz1: to=<a@evil.example>, relay=mx.evil.example[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (host mx.evil.example[203.0.113.5] said: 550 … (in reply to RCPT TO command))",
    ),
    syslog(
        "mail.log",
        "postfix/smtp",
        "4C1xZz1: to=<a@evil.example>, relay=none, delay=1, delays=0/0/0/1, dsn=4.0.0, status=deferred (host mx.evil.example[203.0.113.5] refused to talk to me: 450 …)",
    ),
    syslog(
        "mail.log",
        "postfix/smtpd",
        "warning: unknown[203.0.113.5]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=…",
    ),
    syslog(
        "mail.log",
        "dovecot",
        "imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<…>, method=PLAIN, rip=203.0.113.5, lip=198.51.100.2",
    ),
    syslog(
        "mail.log",
        "dovecot",
        "imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<x>, …>, method=PLAIN, rip=203.0.113.5, lip=198.51.100.2",
    ),
    syslog(
        "mail.log",
        "dovecot",
        "auth-worker(12): conn unix:auth-worker (pid=11,uid=112): auth-worker<3>: sql(…,203.0.113.5,<x>): unknown user",
    ),
    syslog("syslog", "vsftpd", r#"[…] FAIL LOGIN: Client "203.0.113.5""#),
    syslog("syslog", "vsftpd", r#"[x] …] FAIL LOGIN: Client "203.0.113.5""#),
    syslog(
        "syslog",
        "vsftpd",
        "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=… rhost=203.0.113.5",
    ),
    syslog(
        "syslog",
        "proftpd",
        "web1 (203.0.113.5[203.0.113.5]): USER …: no such user found from 203.0.113.5 [203.0.113.5] to 198.51.100.1:21",
    ),
    syslog("syslog", "proftpd", "web1 (203.0.113.5[203.0.113.5]): USER x: … (Login failed): Incorrect password"),
    syslog("syslog", "pure-ftpd", "(?@203.0.113.5) [WARNING] Authentication failed for user […]"),
    syslog("syslog", "pure-ftpd", "(?@203.0.113.5) [WARNING] Authentication failed for user [x] …]"),
    syslog("syslog", "named", "client @0x7f2a 203.0.113.5#4242 (…): query (cache) '…/A/IN' denied"),
    syslog("syslog", "named", "client 203.0.113.5#4242: query (cache) '…/A/IN' denied"),
];

/// How a line of a place reaches Heinzel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The program's own file.
    Own,
    /// The same file under a name that says nothing, and through the log of a container.
    Elsewhere,
    Container,
    /// Syslog as it was for long, and with the times of today.
    Syslog,
    Iso,
    /// As journald hands it over.
    Journal,
}

impl Way {
    fn all(place: &Place) -> &'static [Self] {
        match place.program {
            Some(_) => &[Self::Syslog, Self::Iso, Self::Journal],
            None => &[Self::Own, Self::Elsewhere, Self::Container, Self::Syslog],
        }
    }

    fn file(self, place: &Place) -> &'static str {
        match self {
            Self::Own => place.file,
            Self::Syslog if place.program.is_some() => place.file,
            Self::Syslog | Self::Iso => "syslog",
            Self::Elsewhere => "collected.log",
            Self::Container => "containers.json",
            Self::Journal => "journal.json",
        }
    }

    fn line(self, place: &Place, sent: &str) -> String {
        // Who writes a line himself keeps what he quotes apart from his own quotes.
        let sent = if place.text.contains('"') { sent.replace('"', "'") } else { sent.to_owned() };
        let text = place.text.replace('…', &sent);
        let program = place.program.or_else(|| place.file.split(['/', '.']).next()).unwrap();
        match self {
            Self::Own | Self::Elsewhere => text,
            Self::Container => json!({ "log": format!("{text}\n"), "stream": "stderr", "time": "2026-11-21T10:00:00.1Z" }).to_string(),
            Self::Syslog => format!("Nov 21 10:00:00 web1 {program}[3]: {text}"),
            Self::Iso => format!("2026-11-21T10:00:00.123456+01:00 web1 {program}[3]: {text}"),
            Self::Journal => json!({
                "MESSAGE": text, "SYSLOG_IDENTIFIER": program, "_HOSTNAME": "web1", "__REALTIME_TIMESTAMP": "1795251600000000",
            })
            .to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Samples {
    #[serde(default)]
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    line: Option<String>,
    #[serde(default)]
    fires: bool,
    program: Option<String>,
    format: Option<String>,
}

/// All that fires one of these rules: as it is, without its header, and with the program's tag in front.
fn lines(rules: &BTreeSet<String>) -> BTreeSet<String> {
    samples(rules, |sample| sample.fires)
}

/// The samples of these rules that count, in these forms.
fn samples(rules: &BTreeSet<String>, counts: impl Fn(&Sample) -> bool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for rule in rules {
        let (pack, name) = rule.split_once('.').unwrap();
        let file = repository().join("rules").join(pack).join("samples").join(format!("{name}.toml"));
        let samples: Samples = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for sample in samples.sample.iter().filter(|sample| counts(sample)) {
            for line in sample.line.iter().flat_map(|line| line.lines()).filter(|line| !line.trim().is_empty()) {
                if sample.format.as_deref() == Some("syslog") {
                    lines.extend(
                        line.split_once("]: ").or_else(|| line.split_once(": ")).map(|(_, rest)| rest.to_owned()),
                    );
                } else if let Some(program) = &sample.program {
                    lines.insert(format!("{program}[812]: {line}"));
                }
                lines.insert(line.to_owned());
            }
        }
    }
    lines
}

/// Has all of this sent by strangers, in all places and ways, and judges what is found of it. Gives the complaints.
fn complaints(lines: &[String], complains: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut written: BTreeMap<PathBuf, (usize, Way)> = BTreeMap::new();
    for (number, place) in PLACES.iter().enumerate() {
        for &way in Way::all(place) {
            let file = folder.path().join(format!("{number}-{way:?}")).join(way.file(place));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, lines.iter().map(|sent| way.line(place, sent) + "\n").collect::<String>()).unwrap();
            written.insert(file, (number, way));
        }
    }

    let mut complaints: BTreeMap<(String, usize, Way), (usize, String)> = BTreeMap::new();
    let files: Vec<PathBuf> = written.keys().cloned().collect();
    for found in told::heinzel(&["replay"], &files) {
        let (Some(file), Some(line)) = (found["file"].as_str(), found["line"].as_u64()) else { continue };
        let Some(rule) = complains(&found) else { continue };
        let (place, way) = written[Path::new(file)];
        let sent = &lines[usize::try_from(line).unwrap() - 1];
        complaints.entry((rule, place, way)).or_insert_with(|| (0, sent.clone())).0 += 1;
    }
    let words = complaints.iter().map(|((rule, place, way), (count, sent))| {
        format!("{rule} is set off by {count} lines in `{}` ({way:?}), as by: {sent}", PLACES[*place].text)
    });
    words.collect()
}

#[test]
fn what_a_stranger_sends_sets_off_no_fix_and_no_critical_rule() {
    let rules = told::heinzel(&["rules", "list"], &[]);
    let guarded = rules.iter().filter(|rule| rule["fix"] == true || rule["severity"] == "critical");
    let guarded: BTreeSet<String> = guarded.map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect();
    let lines: Vec<String> = lines(&guarded).into_iter().collect();
    assert!(guarded.len() >= 120 && lines.len() >= 800, "{} rules, {} lines", guarded.len(), lines.len());

    let words = complaints(&lines, |found| {
        let rule = found["rule"].as_str().filter(|rule| guarded.contains(*rule))?;
        (!accuses_only_the_stranger(&found["fields"])).then(|| rule.to_owned())
    });
    assert!(words.is_empty(), "{} complaints:\n{}", words.len(), words.join("\n"));
}

#[test]
fn what_a_stranger_sends_ends_no_incident() {
    let text = |rule: &str| {
        let file = repository().join("rules").join(rule.replacen('.', "/", 1)).with_extension("rhai");
        fs::read_to_string(file).unwrap()
    };
    let rules = told::heinzel(&["rules", "list"], &[]);
    let names = rules.iter().map(|rule| rule["rule"].as_str().unwrap().to_owned());
    let ended: BTreeSet<String> = names.filter(|rule| text(rule).contains("\n    clear: [")).collect();
    // Which lines end them is no sample's business: all that are there are sent.
    let lines: Vec<String> = samples(&ended, |_| true).into_iter().collect();
    assert!(ended.len() >= 20 && lines.len() >= 150, "{} rules, {} lines", ended.len(), lines.len());
    let words = complaints(&lines, |found| found["clears"].as_str().map(|rule| format!("{rule} (its end)")));
    assert!(words.is_empty(), "{} complaints:\n{}", words.len(), words.join("\n"));
}

/// Whether the finding is about the address that the program itself wrote: whoever provokes it provokes it against himself.
fn accuses_only_the_stranger(fields: &Value) -> bool {
    fields["ip"] == STRANGER
}

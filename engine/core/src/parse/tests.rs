//! Lines as programs write them, in every format.

use std::fmt::Write as _;

use super::*;

mod journal;
mod loghub;
mod promise;

/// Read at 2026-11-21T12:00:00Z, in Berlin unless the case says otherwise.
fn context() -> Context {
    Context {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        read_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        year: None,
    }
}

/// All that was understood, as one text: only what is there.
fn shown(parsed: &Parsed) -> String {
    let stamp = &parsed.stamp;
    let mut text = String::new();
    if let Some(time) = stamp.time {
        write!(text, "{time} ").unwrap();
    }
    for (name, value) in [("host", &stamp.host), ("program", &stamp.program), ("unit", &stamp.unit)] {
        if let Some(value) = value {
            write!(text, "{name}={value} ").unwrap();
        }
    }
    if let Some(pid) = stamp.pid {
        write!(text, "pid={pid} ").unwrap();
    }
    if let Some(level) = stamp.level {
        write!(text, "{level:?} ").unwrap();
    }
    for (name, value) in &stamp.attributes {
        write!(text, "{name}:{value} ").unwrap();
    }
    write!(text, "| {}", parsed.message).unwrap();
    text
}

/// The line gives this in its own format and, unless told otherwise, found out by itself.
fn check(format: Format, line: &str, expected: &str) {
    assert_eq!(shown(&parse(format, line.as_bytes(), &context())), expected, "{format:?}: {line}");
    if format != Format::Auto {
        assert_eq!(shown(&parse(Format::Auto, line.as_bytes(), &context())), expected, "auto: {line}");
    }
}

/// As [`check`], without asking the automatic format.
fn check_only(format: Format, line: &str, expected: &str) {
    assert_eq!(shown(&parse(format, line.as_bytes(), &context())), expected, "{format:?}: {line}");
}

#[test]
fn syslog_of_all_ages() {
    let check = |line, expected| check(Format::Syslog, line, expected);
    check("Nov 21 10:00:00 web1 sshd[12]: hello", "2026-11-21T09:00:00Z host=web1 program=sshd pid=12 | hello");
    check("Nov  1 10:00:00 web1 cron: a: b", "2026-11-01T09:00:00Z host=web1 program=cron | a: b");
    check("Nov 21 2026 10:00:00 web1 cron: x", "2026-11-21T09:00:00Z host=web1 program=cron | x");
    check("2026 Nov  1 10:00:00 web1 cron: x", "2026-11-01T09:00:00Z host=web1 program=cron | x");
    check("<11>Nov 21 10:00:00 web1 app: x", "2026-11-21T09:00:00Z host=web1 program=app Error | x");
    check("<13>hello", "Notice | hello");
    check("<13>app[7]: hello", "program=app pid=7 Notice | hello");
    check("Nov 21 10:00:00 app[7]: no host", "2026-11-21T09:00:00Z program=app pid=7 | no host");
    check("Nov 21 10:00:00 imap-login: Info: x", "2026-11-21T09:00:00Z program=imap-login | Info: x");
    check(
        "2026-11-21T10:00:00.123456+01:00 mx postfix/smtpd[99]: connect from x[192.0.2.1]",
        "2026-11-21T09:00:00.123456Z host=mx program=postfix/smtpd pid=99 | connect from x[192.0.2.1]",
    );
    check(
        "2026-11-21T10:00:00Z mx postfix/submission/smtpd[99]: x",
        "2026-11-21T10:00:00Z host=mx program=postfix/submission/smtpd pid=99 | x",
    );
    check(
        "Nov 21 10:00:00 web1 kernel: [  123.456789] oom: x",
        "2026-11-21T09:00:00Z host=web1 program=kernel | oom: x",
    );
    check("Nov 21 10:00:00 web1 kernel: [x] y", "2026-11-21T09:00:00Z host=web1 program=kernel | [x] y");
    check(
        "Nov 21 10:00:00 combo syslogd 1.4.1: restart.",
        "2026-11-21T09:00:00Z host=combo program=syslogd 1.4.1 | restart.",
    );
    check("Nov 21 10:00:00 mac Some App[3]: x", "2026-11-21T09:00:00Z host=mac program=Some App pid=3 | x");
    check("Nov 21 10:00:00 mac launchd[1] (com.x[2]): y", "2026-11-21T09:00:00Z host=mac program=launchd pid=1 | y");
    for line in [
        "Nov 21 10:00:00 web1 sshd[12]: message repeated 3 times: [ hello]",
        "2026-11-21T10:00:00.000000+01:00 web1 sshd[12]: message repeated 3 times: [ hello]",
        "<38>1 2026-11-21T10:00:00+01:00 web1 sshd 12 - - message repeated 3 times: [hello]",
    ] {
        let context = context();
        let read = Reader::new(Format::Auto, &context).read(line.as_bytes());
        assert_eq!((read.header.pid, read.header.times, &*read.message), (Some(12), Some(3), "hello"), "{line}");
    }
    check(
        "Nov 21 10:00:00 web1 a: message repeated x times: [ y]",
        "2026-11-21T09:00:00Z host=web1 program=a | message repeated x times: [ y]",
    );
    check(
        "Nov 21 10:00:00 web1 kernel: message repeated 2 times: [ [  1.5] oom: x]",
        "2026-11-21T09:00:00Z host=web1 program=kernel | oom: x",
    );
    check(
        "Nov 21 10:00:00 web1 last message repeated 2 times",
        "2026-11-21T09:00:00Z host=web1 | last message repeated 2 times",
    );
    check(
        "Nov 21 10:00:00.123456 [WARNING] fpm_request_check_timed_out(), line 146: x",
        "2026-11-21T09:00:00.123456Z | [WARNING] fpm_request_check_timed_out(), line 146: x",
    );
    check("Sat 2026-11-21 10:00:00 CET web1 cron[1]: x", "2026-11-21T09:00:00Z host=web1 program=cron pid=1 | x");
    check("Nov 21 10:00:00 web1 daemon.info cron[1]: x", "2026-11-21T09:00:00Z host=web1 program=cron pid=1 | x");
    check("Nov 21 10:00:00 web1 a.info cron[1]: x", "2026-11-21T09:00:00Z host=web1 program=a.info cron pid=1 | x");
    check("Nov\u{a0}21 10:00:00 web1 cron[1]: x", "2026-11-21T09:00:00Z host=web1 program=cron pid=1 | x");
    check("    at Foo.bar(Foo.java:12)", "|     at Foo.bar(Foo.java:12)");
    check("", "| ");
}

#[test]
fn syslog_rfc5424() {
    let check = |line, expected| check(Format::Syslog, line, expected);
    check(
        "<34>1 2026-10-11T22:14:15.003Z mx.example.com su - ID47 - 'su root' failed",
        "2026-10-11T22:14:15.003Z host=mx.example.com program=su Critical msgid:ID47 | 'su root' failed",
    );
    check(
        r#"<165>1 2026-10-11T22:14:15Z h app 8 ID [a@1 iut="3" src="x \"y\" \] z"][b k="v"] [text"#,
        r#"2026-10-11T22:14:15Z host=h program=app pid=8 Notice a@1.iut:3 a@1.src:x "y" ] z b.k:v msgid:ID | [text"#,
    );
    check("<34>1 - - - - - - \u{feff}bom", "Critical | bom");
    check("<34>1 2026-10-11T22:14:15Z h app - - [broken", "2026-10-11T22:14:15Z host=h program=app Critical | [broken");
    check("<999>x", "| <999>x");
}

#[test]
fn months_in_other_languages() {
    let check = |line: &str, time: &str| {
        let parsed = parse(Format::Auto, line.as_bytes(), &context());
        assert_eq!(parsed.stamp.time.map(|t| t.to_string()).as_deref(), Some(time), "{line}");
        assert_eq!(parsed.stamp.program.as_deref(), Some("cron"), "{line}");
    };
    check("janv. 19 10:00:00 web1 cron[1]: x", "2026-01-19T09:00:00Z");
    check("Mär 19 10:00:00 web1 cron[1]: x", "2026-03-19T09:00:00Z");
    check("Okt 19 10:00:00 web1 cron[1]: x", "2026-10-19T08:00:00Z");
    check("июн 19 10:00:00 web1 cron[1]: x", "2026-06-19T08:00:00Z");
    check("10月 22 10:00:00 web1 cron[1]: x", "2026-10-22T08:00:00Z");
}

#[test]
fn years_and_zones_that_the_line_leaves_out() {
    let time = |line: &str, context: &Context| {
        parse(Format::Syslog, line.as_bytes(), context).stamp.time.map(|t| t.to_string()).unwrap_or_default()
    };
    let mut at = context();
    let check = |line: &str, at: &Context, expected: &str| assert_eq!(time(line, at), expected, "{line}");
    check("Nov 22 10:00:00 h p: x", &at, "2026-11-22T09:00:00Z");
    check("Nov 23 10:00:00 h p: x", &at, "2025-11-23T09:00:00Z");
    check("Feb 29 10:00:00 h p: x", &at, "2024-02-29T09:00:00Z");
    check("Feb 30 10:00:00 h p: x", &at, "");
    at.read_at = "2026-01-01T00:00:10Z".parse().unwrap();
    check("Dec 31 23:59:59 h p: x", &at, "2025-12-31T22:59:59Z");
    at.read_at = "2025-12-31T23:59:00Z".parse().unwrap();
    check("Jan  1 00:59:30 h p: x", &at, "2025-12-31T23:59:30Z");
    at.year = Some(2005);
    check("Jun 14 15:16:01 h p: x", &at, "2005-06-14T13:16:01Z");
    check("Feb 29 15:16:01 h p: x", &at, "");
    // The hour that comes twice is taken the first time, the hour that is missing as if the clock went on.
    at.year = Some(2026);
    check("Oct 25 02:30:00 h p: x", &at, "2026-10-25T00:30:00Z");
    check("Mar 29 02:30:00 h p: x", &at, "2026-03-29T01:30:00Z");
    check("Jun 30 23:59:60 h p: x", &at, "2026-06-30T21:59:59Z");
    at.read_at = Timestamp::MAX;
    at.year = None;
    assert!(!time("Jun 30 23:59:00 h p: x", &at).is_empty());
}

#[test]
fn json_lines() {
    let check = |line, expected| check(Format::Json, line, expected);
    check(
        r#"{"time":"2026-11-21T10:00:00Z","level":"warn","msg":"a \"b\"","host":"h","service":"s","n":1.5,"ok":true,"x":{}}"#,
        r#"2026-11-21T10:00:00Z host=h program=s Warning n:1.5 ok:true | a "b""#,
    );
    check(r#"{"ts":1795255200.25,"message":"m","logger":"l"}"#, "2026-11-21T10:00:00.25Z program=l | m");
    check(r#"{"ts":1795255200,"message":"m"}"#, "2026-11-21T10:00:00Z | m");
    check(r#"{"timestamp":1795255200123,"message":"m","level":50}"#, "2026-11-21T10:00:00.123Z Error | m");
    check(r#"{"@timestamp":"1795255200123456","message":"m","level":3}"#, "2026-11-21T10:00:00.123456Z Error | m");
    check(
        r#"{"log":"hello\n","stream":"stderr","time":"2026-11-21T10:00:00.123456789Z"}"#,
        "2026-11-21T10:00:00.123456Z stream:stderr | hello",
    );
    check(
        r#"{"__REALTIME_TIMESTAMP":"1795255200123456","MESSAGE":"m","PRIORITY":"4","_PID":"7","SYSLOG_IDENTIFIER":"p","_SYSTEMD_UNIT":"p.service","_HOSTNAME":"h"}"#,
        "2026-11-21T10:00:00.123456Z host=h program=p unit=p.service pid=7 Warning | m",
    );
    check(r#"{"host":{"name":"h"},"status":200}"#, r#"host=h status:200 | {"host":{"name":"h"},"status":200}"#);
    check(r#"{"ts":1e300,"message":"m"}"#, "2262-04-11T23:47:16.854775Z | m");
    check(r#"{"broken":"#, r#"| {"broken":"#);
    check("[1,2]", "| [1,2]");
}

#[test]
fn logfmt_lines() {
    check(
        Format::Logfmt,
        r#"time=2026-11-21T10:00:00Z level=error msg="it \"broke\"" host=h service=s flag path=/a=b"#,
        r#"2026-11-21T10:00:00Z host=h program=s Error path:/a=b | it "broke""#,
    );
    check_only(Format::Logfmt, "a=1 b=2", "a:1 b:2 | a=1 b=2");
    check(Format::Auto, "user=bob did something", "| user=bob did something");
    check(Format::Logfmt, "no pairs here", "| no pairs here");
    check_only(Format::Logfmt, r#"msg="open"#, r#"| "open"#);
}

#[test]
fn access_logs_keep_the_whole_line_as_message() {
    let check = |line: &str, expected: &str| check(Format::Access, line, &format!("{expected} | {line}"));
    check(
        r#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0100] "GET /a?b HTTP/1.1" 200 12 "-" "Agent \"x\" 1""#,
        r#"2026-11-21T09:00:00Z agent:Agent \"x\" 1 client:192.0.2.1 method:GET path:/a?b protocol:HTTP/1.1 size:12 status:200"#,
    );
    check(
        r#"example.com:443 2001:db8::1 - a b [21/Nov/2026:10:00:00 +0000] "POST / HTTP/2.0" 499 -"#,
        "2026-11-21T10:00:00Z client:2001:db8::1 method:POST path:/ protocol:HTTP/2.0 status:499 user:a b vhost:example.com:443",
    );
    check(
        r#"host.example - [x [21/Nov/2026:10:00:00 +0000] "\x16\x03" 400 0"#,
        "2026-11-21T10:00:00Z client:host.example size:0 status:400 user:[x",
    );
    check(r#"::1 - - [21/Nov/2026:10:00:00 +0000] "-" 408 0"#, "2026-11-21T10:00:00Z client:::1 size:0 status:408");
}

#[test]
fn nginx_errors() {
    let check = |line, expected| check(Format::NginxError, line, expected);
    check(
        r#"2026/11/21 10:00:00 [error] 123#4: *45 connect() failed (111: x), client: 192.0.2.1, server: a.example, request: "GET / HTTP/1.1", upstream: "fastcgi://unix:/run/x.sock:", host: "b.example""#,
        r#"2026-11-21T09:00:00Z program=nginx pid=123 Error client:192.0.2.1 connection:45 host:b.example server:a.example upstream:fastcgi://unix:/run/x.sock: | connect() failed (111: x), client: 192.0.2.1, server: a.example, request: "GET / HTTP/1.1", upstream: "fastcgi://unix:/run/x.sock:", host: "b.example""#,
    );
    check("2026/11/21 10:00:00 [emerg] 1#1: bind() x", "2026-11-21T09:00:00Z program=nginx pid=1 Emergency | bind() x");
    check(
        r#"2026/11/21 10:00:00 [error] 1#1: *2 FastCGI sent in stderr: "a, client: 6.6.6.6, server: no" while reading upstream, client: 192.0.2.1, server: a"#,
        r#"2026-11-21T09:00:00Z program=nginx pid=1 Error client:192.0.2.1 connection:2 server:a | FastCGI sent in stderr: "a, client: 6.6.6.6, server: no" while reading upstream, client: 192.0.2.1, server: a"#,
    );
}

#[test]
fn apache_errors_of_both_ages() {
    let check = |line, expected| check(Format::ApacheError, line, expected);
    check(
        "[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] File does not exist: /x",
        "2005-12-04T03:47:44Z program=apache2 Error client:192.0.2.1 | File does not exist: /x",
    );
    check(
        "[Sat Nov 21 10:00:00.123456 2026] [mpm_prefork:error] [pid 35:tid 43] [client 192.0.2.1:80] AH00161: server reached",
        "2026-11-21T09:00:00.123456Z program=apache2 pid=35 Error client:192.0.2.1:80 module:mpm_prefork | AH00161: server reached",
    );
    check(
        "[Sat Nov 21 10:00:00 2026] [core:trace3] [pid 35] (13)Permission denied: [client x] AH1: y",
        "2026-11-21T09:00:00Z program=apache2 pid=35 Debug module:core | (13)Permission denied: [client x] AH1: y",
    );
}

#[test]
fn php_logs() {
    let check = |line, expected| check(Format::Php, line, expected);
    check(
        "[21-Nov-2026 10:00:00] WARNING: [pool www] server reached",
        "2026-11-21T09:00:00Z program=php-fpm Warning | WARNING: [pool www] server reached",
    );
    check(
        "[21-Nov-2026 10:00:00 America/New_York] PHP Fatal error:  Uncaught x",
        "2026-11-21T15:00:00Z program=php Critical | PHP Fatal error:  Uncaught x",
    );
    check("[21-Nov-2026 10:00:00 UTC] PHP Notice:  x", "2026-11-21T10:00:00Z program=php Notice | PHP Notice:  x");
    check("[21-Nov-2026 10:00:00 No/Where] own text", "2026-11-21T09:00:00Z | own text");
}

#[test]
fn mysql_of_three_ages() {
    let check = |line, expected| check(Format::Mysql, line, expected);
    check(
        "2026-11-21T10:00:00.123456Z 0 [ERROR] [MY-010119] [Server] Aborting",
        "2026-11-21T10:00:00.123456Z program=mysqld Error code:MY-010119 subsystem:Server thread:0 | [MY-010119] [Server] Aborting",
    );
    check("2026-11-21  9:00:00 0 [Note] InnoDB: x", "2026-11-21T08:00:00Z program=mysqld Notice thread:0 | InnoDB: x");
    check("261121  9:00:00 [ERROR] x", "2026-11-21T08:00:00Z program=mysqld Error | x");
    check("261121 09:00:00 mysqld_safe Starting", "2026-11-21T08:00:00Z program=mysqld_safe | Starting");
    check("261121 09:00:00  InnoDB: x", "2026-11-21T08:00:00Z program=mysqld | InnoDB: x");
    check("InnoDB: second line", "| InnoDB: second line");
}

#[test]
fn postgresql_prefixes() {
    let check = |line, expected| check(Format::Postgresql, line, expected);
    check(
        "2026-11-21 10:00:00.123 UTC [1234] www@shop FATAL:  sorry, too many clients already",
        "2026-11-21T10:00:00.123Z program=postgres pid=1234 Critical database:shop user:www | FATAL:  sorry, too many clients already",
    );
    check("2026-11-21 10:00:00.123 CET [7] LOG:  x", "2026-11-21T09:00:00.123Z program=postgres pid=7 Info | LOG:  x");
    // A letter of several bytes before the word, found by the fuzz target `line`.
    check_only(
        Format::Postgresql,
        "2026-11-21 10:00:00.123 CET [7] öFATAL:  x",
        "2026-11-21T09:00:00.123Z program=postgres pid=7 Critical | FATAL:  x",
    );
    check(
        "2026-11-21 10:00:00 CET [1234-1] www@shop ERROR:  x",
        "2026-11-21T09:00:00Z program=postgres pid=1234 Error database:shop user:www | ERROR:  x",
    );
    check(
        "2026-11-21 10:00:00 UTC:192.0.2.1(44):www@shop:[123]:LOG:  x",
        "2026-11-21T10:00:00Z program=postgres pid=123 Info client:192.0.2.1 database:shop user:www | LOG:  x",
    );
    let named =
        "2026-11-21 10:00:00 UTC [7]: [1-1] user=www,db=shop,app=PostgreSQL JDBC Driver,client=192.0.2.1 LOG:  x";
    check(named, "2026-11-21T10:00:00Z program=postgres pid=7 Info | LOG:  x");
}

#[test]
fn what_others_quote_of_postgresql_is_theirs() {
    for (line, program) in [
        ("2026-11-21T10:00:00.5+01:00 web1 sshd[9]: Invalid user FATAL:  x from 192.0.2.1 port 2", Some("sshd")),
        ("2026-11-21 10:00:00 [9] 1tABcd-000000001-2xYz <= a@b.example H=x [192.0.2.1] T=\"ERROR:  x\"", None),
        ("2026-11-21 10:00:00 1tABcd-000000001-2xYz <= a@b.example T=\"PANIC:  x\"", None),
    ] {
        let event = parse(Format::Auto, line.as_bytes(), &context());
        assert_eq!(event.stamp.program.as_deref(), program, "{line}");
    }
}

#[test]
fn other_lines_found_by_their_beginning() {
    let check = |line, expected| check(Format::Auto, line, expected);
    // Syslog with a template of its own, and what only looks like it.
    check(
        "2026-11-21 10:00:00 web1 systemd[1]: x: Failed",
        "2026-11-21T09:00:00Z host=web1 program=systemd pid=1 | x: Failed",
    );
    check(
        "2026-11-21T10:00:00.5 web1 vsftpd[9]: [kim] y",
        "2026-11-21T09:00:00.5Z host=web1 program=vsftpd pid=9 | [kim] y",
    );
    check("2026-11-21 10:00:00 web1 kernel: oom", "2026-11-21T09:00:00Z host=web1 program=kernel | oom");
    check("2026-11-21 10:00:00 worker one: x", "2026-11-21T09:00:00Z | worker one: x");
    check("2026-11-21 10:00:00 ERROR worker[3]: x", "2026-11-21T09:00:00Z Error | ERROR worker[3]: x");
    check(
        "4781:M 06 Mar 2026 10:00:00.123 # Can't save",
        "2026-03-06T09:00:00.123Z program=redis pid=4781 Warning | Can't save",
    );
    check("944:M 03 Apr 16:58:16.213 * x", "2026-04-03T14:58:16.213Z program=redis pid=944 Notice | x");
    check(
        "web_1  | 2026/11/21 10:00:00 [emerg] 1#1: x",
        "2026-11-21T09:00:00Z program=nginx pid=1 Emergency container:web_1 | x",
    );
    check("web_1  | hello", "program=web_1 container:web_1 | hello");
    check("[    1.234567] EXT4-fs error", "program=kernel | EXT4-fs error");
    check("[Sat Nov 21 10:00:00 2026] EXT4-fs error", "2026-11-21T09:00:00Z program=kernel | EXT4-fs error");
    check("[2026-11-21 10:00:00] production.ERROR: x", "2026-11-21T09:00:00Z | production.ERROR: x");
    check("[2026-11-21 10:00:00 -0400] info [backup] x", "2026-11-21T14:00:00Z Info | info [backup] x");
    check(
        "2026-11-21 10:00:00,123 fail2ban.actions [9]: NOTICE [sshd] Ban 192.0.2.1",
        "2026-11-21T09:00:00.123Z program=fail2ban.actions pid=9 | NOTICE [sshd] Ban 192.0.2.1",
    );
    check(
        "2026-11-21 10:00:00 1abc-00-xy == a@example.com R=x",
        "2026-11-21T09:00:00Z | 1abc-00-xy == a@example.com R=x",
    );
    check("2026-11-21 10:00:00 +0200 1abc x", "2026-11-21T08:00:00Z | 1abc x");
    check("2026-11-21T10:00:00.1Z stderr F boom", "2026-11-21T10:00:00.1Z | boom");
    check("2026-11-21T10:00:00Z ERROR worker: x", "2026-11-21T10:00:00Z Error | ERROR worker: x");
    check("Sat Nov 21 10:00:00 2026 [pid 2] x", "2026-11-21T09:00:00Z | [pid 2] x");
    check("just text: with a colon", "| just text: with a colon");
}

#[test]
fn bytes_are_kept_or_replaced_as_promised() {
    let parsed = parse(Format::Syslog, b"Nov 21 10:00:00 h p: a\0b\xff\xe4c\r\n", &context());
    assert_eq!(parsed.message, "a\0b\u{fffd}\u{fffd}c");
    assert_eq!(parse(Format::Plain, b"a\rb\r", &context()).message, "a\rb");
}

#[test]
fn attributes_are_capped() {
    let line: String = (0..1000).map(|n| format!("k{n}=v ")).collect();
    assert_eq!(parse(Format::Logfmt, line.as_bytes(), &context()).stamp.attributes.len(), ATTRIBUTES);
}

use super::*;

/// The rules that come with Heinzel.
fn live() -> Arc<Live> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    Arc::new(Live::load(&[rules], None).0)
}

/// How lines of a format are read from a stream of the source `s`.
fn way(live: &Arc<Live>, format: Format, stream: &str) -> Arc<Way> {
    let manner = Manner { format, zone: TimeZone::UTC, year: None, program: None, customers: false };
    Lane::new("s".into(), manner).way(live, &stream.into(), &Shape::Lines)
}

fn block(stream: &str, lines: String) -> Block {
    let (source, stream, bytes) = ("s".into(), stream.into(), lines.into_bytes());
    let (checkpoint, ack, read_at) = (None, None, Timestamp::from_seconds(1_795_255_200));
    Block { source, stream, offset: 0, bytes, shape: Shape::Lines, checkpoint, read_at, ack }
}

#[test]
fn a_stream_asks_only_for_rules_that_may_concern_it() {
    let live = live();
    let found = |format: Format, stream: &str, line: &str| {
        let block = block(stream, format!("{line}\n"));
        let scanned = way(&live, format, stream).read(&block, true, &mut Candidates::default());
        (scanned.candidates, scanned.findings.len())
    };
    let message = "nginx.service: Failed with result 'signal'.";
    let line = format!("2026-11-21T10:00:00+00:00 web1 systemd[1]: {message}");
    let systemd = found(Format::Auto, "/var/log/any.log", &line);
    assert!(systemd.1 > 0, "{systemd:?}");
    assert_eq!(found(Format::Mysql, "/var/log/mysql/mysqld.log", &line).1, 0, "MySQL says nothing of nginx");
    assert_eq!(found(Format::Plain, "/var/log/systemd/x.log", message).1, systemd.1, "by the folder's name");
    assert_eq!(found(Format::Plain, "/var/log/other/x.log", message).1, 0);
}

#[test]
fn own_words_that_quote_a_line_are_not_found_again() {
    let way = way(&live(), Format::Syslog, "/var/log/syslog");
    let check = |program: &str, found: usize| {
        let line = format!("2026-11-21T10:00:00+00:00 web1 {program}[7]: cp: x: No space left on device\n");
        let scanned = way.read(&block("/var/log/syslog", line), true, &mut Candidates::default());
        assert_eq!(scanned.findings.len(), found, "{program}");
    };
    check("backup", 1);
    check("heinzel", 0);
}

#[test]
fn a_flood_of_matching_lines_asks_nothing_of_the_heap_for_each() {
    let way = way(&live(), Format::Auto, "/var/log/syslog");
    let line = "Nov 21 10:00:00 mx postfix/smtpd[7]: fatal: write queue file: No space left on device\n";
    let mut candidates = Candidates::default();
    let mut allocations = |lines: usize| {
        let block = block("/var/log/syslog", line.repeat(lines));
        let mut found = 0;
        let during = allocation_counter::measure(|| found = way.read(&block, true, &mut candidates).findings.len());
        assert!(found >= lines, "{found} findings in {lines} lines");
        during.count_total
    };
    // Patterns are compiled when they first meet a line.
    allocations(8_000);
    let (few, many) = (allocations(500), allocations(8_000));
    let message = "fatal: write queue file: No space left on device";
    let names = Names { program: Some("postfix/smtpd"), ..Names::default() };
    let patterns = way.view.candidates(message);
    let by_matcher = allocation_counter::measure(|| way.view.find(&patterns, message, &names, &mut |_| {}));
    // Beside what the matcher asks for, vectors that grow twofold.
    let most = few + 7_500 * by_matcher.count_total + 100;
    assert!(many < most, "{few} allocations for 500 lines, {many} for 8,000; {by_matcher:?}");
}

/// What is found of one record of the journal.
fn of_journal(live: &Arc<Live>, message: &str, stamp: Stamp) -> usize {
    let mut block = block("journal", format!("{message}\n"));
    block.shape = Shape::Records(vec![Record { end: message.len() + 1, stamp: Some(Box::new(stamp)) }]);
    let manner = Manner { format: Format::Auto, zone: TimeZone::UTC, year: None, program: None, customers: false };
    let way = Lane::new("s".into(), manner).way(live, &block.stream.clone(), &block.shape);
    way.read(&block, true, &mut Candidates::default()).findings.len()
}

#[test]
fn what_customers_may_have_made_up_acts_on_nothing_and_names_nobody() {
    let live = live();
    let check = |program: &str, message: &str, found: usize| {
        let stamp = Stamp { program: Some(program.into()), ..Stamp::default() };
        assert!(of_journal(&live, message, stamp.clone()) > 0, "{message}");
        let forged = Stamp { by_customer: true, ..stamp };
        assert_eq!(of_journal(&live, message, forged), found, "{message}");
    };
    // With a fix; critical; about somebody; and none of that.
    check("systemd", "nginx.service: Failed with result 'signal'.", 0);
    check("mariadbd", "Table './shop/orders' is marked as crashed and should be repaired", 0);
    check(
        "kernel",
        "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm x: reading directory lblock 0",
        0,
    );
    let login = "imap-login: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10): user=<kim@shop.example>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2";
    check("dovecot", login, 0);
    let memory = "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /a.php on line 3";
    check("php", memory, 1);
    check("sudo", "     kim : user NOT in sudoers ; PWD=/ ; USER=root ; COMMAND=/usr/bin/true", 1);
}

#[test]
fn what_a_site_writes_into_a_web_servers_log_is_no_line_of_the_server() {
    let live = live();
    let found = |format: Format, customers: bool, lines: &str| {
        let manner = Manner { format, zone: TimeZone::UTC, year: None, program: None, customers };
        let stream = "/var/log/nginx/error.log";
        let way = Lane::new("s".into(), manner).way(&live, &stream.into(), &Shape::Lines);
        way.read(&block(stream, lines.to_owned()), true, &mut Candidates::default()).findings.len()
    };
    // As nginx 1.22 writes down what PHP's error_log() was given.
    let forged = "2026/11/23 05:02:26 [error] 63#63: *1 FastCGI sent in stderr: \"PHP message: x\n\
        Table './shop/orders' is marked as crashed and should be repaired\n\
        last\" while reading response header from upstream, client: 127.0.0.1, server: _, request: \"GET /e.php HTTP/1.1\"\n";
    assert_eq!(found(Format::NginxError, false, forged), 0);
    assert!(found(Format::Auto, false, forged) > 0);
    assert_eq!(found(Format::Auto, true, forged), 0, "the operator says that customers write there");
}

#[test]
fn who_writes_a_file_is_what_the_operator_says() {
    let live = live();
    let found = |program: Option<&str>, line: &str| {
        let manner = Manner {
            format: Format::Auto,
            zone: TimeZone::UTC,
            year: None,
            program: program.map(str::to_owned),
            customers: false,
        };
        let stream = "/home/kim/systemd/systemd.log";
        let way = Lane::new("s".into(), manner).way(&live, &stream.into(), &Shape::Lines);
        way.read(&block(stream, format!("{line}\n")), true, &mut Candidates::default()).findings.len()
    };
    let message = "nginx.service: Failed with result 'signal'.";
    let lines = [
        message.to_owned(),
        format!("Nov 21 10:00:00 web1 systemd[1]: {message}"),
        format!(r#"{{"message":"{message}","unit":"nginx.service"}}"#),
    ];
    for line in lines {
        assert!(found(None, &line) > 0, "{line}");
        assert_eq!(found(Some("site"), &line), 0, "{line}");
        assert!(found(Some("systemd"), &line) > 0, "{line}");
    }
}

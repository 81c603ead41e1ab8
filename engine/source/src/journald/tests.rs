use std::fs;
use std::path::Path;
use std::time::Duration;

use heinzel_core::block::{Delivery, Notice};
use heinzel_core::event::{Level, Stamp};
use heinzel_core::parse::Format;
use heinzel_core::task::TaskState;
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::entry::Read;
use super::*;

const NOW: i64 = 1_700_000_000;

fn common(start: Start) -> Common {
    Common { name: "j".into(), format: Format::Auto, zone: None, start, program: None, customers: false }
}

/// A journalctl that notes its arguments in `args` and runs `script` when it is to follow: all of it, or what stands behind
/// `then:`; what stands before it is for the first run, which reads what is there. Given to the shell and not started by
/// itself: the kernel refuses to start a file that another test's fork still holds open for writing.
fn fake(folder: &Path, script: &str) -> Vec<String> {
    let program = folder.join("journalctl");
    let (first, script) = script.split_once("then:\n").unwrap_or((":", script));
    let first = format!("case \"$*\" in *--follow*) ;; *) {first}\nexit;; esac");
    let text = format!("#!/bin/sh\necho \"$*\" >> {}/args\n{first}\n{script}\n", folder.display());
    fs::write(&program, text).unwrap();
    vec!["/bin/sh".to_owned(), program.display().to_string()]
}

struct Run {
    blocks: Vec<Block>,
    counted: Vec<(&'static str, u64)>,
    health: Vec<Health>,
    complaints: Vec<String>,
    result: Result<(), SourceError>,
    args: String,
}

/// Runs the source until it has delivered `records`, or ends by itself.
async fn run_with(script: &str, start: Start, checkpoints: Vec<Checkpoint>, records: usize) -> Run {
    run_where(true, Journald::default(), script, start, checkpoints, records).await
}

async fn run_where(
    is_here: bool,
    settings: Journald,
    script: &str,
    start: Start,
    checkpoints: Vec<Checkpoint>,
    records: usize,
) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let program = fake(folder.path(), script);
    let (out, mut inlet) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let feed = Feed::new("j".into(), out, Arc::new(|| Timestamp::from_seconds(NOW)), stop.clone());
    let task = tokio::spawn(async move {
        let common = common(start);
        let (settings, common, program, is_here) = (&settings, &common, &program, &|| is_here);
        let reader = Reader { feed, settings, common, program, is_here, web_users: &[], stream: Arc::from("journal") };
        reader.run(&checkpoints).await
    });
    let mut run = Run {
        blocks: Vec::new(),
        counted: Vec::new(),
        health: Vec::new(),
        complaints: Vec::new(),
        result: Ok(()),
        args: String::new(),
    };
    let mut seen = 0;
    loop {
        let Some(delivery) = timeout(Duration::from_secs(30), inlet.recv()).await.expect("nothing came") else { break };
        match delivery {
            Delivery::Block(block) => {
                if let Shape::Records(records) = &block.shape {
                    seen += records.len();
                }
                run.blocks.push(block);
            }
            Delivery::Notice(Notice::Counted { what, times, .. }) => run.counted.push((what, times)),
            Delivery::Notice(Notice::Health { health, .. }) => run.health.push(health),
            Delivery::Notice(Notice::Complaint { text, .. }) => run.complaints.push(text),
            Delivery::Notice(Notice::CaughtUp { .. }) => {}
        }
        if seen >= records && records > 0 {
            stop.cancel();
        }
    }
    run.result = unless_closed(task.await.unwrap());
    run.args = fs::read_to_string(folder.path().join("args")).unwrap_or_default();
    run
}

fn records(blocks: &[Block]) -> Vec<(String, Stamp)> {
    let mut all = Vec::new();
    for block in blocks {
        let Shape::Records(records) = &block.shape else { panic!("no records") };
        let mut begin = 0;
        for record in records {
            let text = String::from_utf8_lossy(&block.bytes[begin..record.end - 1]).into_owned();
            begin = record.end;
            all.push((text, *record.stamp.clone().unwrap()));
        }
        assert_eq!(begin, block.bytes.len());
    }
    all
}

fn read_one(json: &str) -> Read {
    serde_json::from_str::<Entry>(json).unwrap().read(None, &[33])
}

#[tokio::test]
async fn one_entry_arrives_at_once_with_its_header() {
    let run = run_with(
        r#"printf "%s\n" '{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1700000001000000","_SOURCE_REALTIME_TIMESTAMP":"1700000000999999","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"nginx","_PID":"77","_SYSTEMD_UNIT":"nginx.service","PRIORITY":"3","MESSAGE":"a\n  b","_TRANSPORT":"syslog","X":"y"}'
exec sleep 1000"#,
        Start::End,
        vec![],
        1,
    )
    .await;
    run.result.unwrap();
    let read = records(&run.blocks);
    let (message, stamp) = &read[0];
    assert_eq!(message, "a\n  b");
    assert_eq!(stamp.time, Some(Timestamp::from_micros(1_700_000_000_999_999)));
    assert_eq!((stamp.host.as_deref(), stamp.program.as_deref()), (Some("web1"), Some("nginx")));
    assert_eq!((stamp.pid, stamp.unit.as_deref(), stamp.level), (Some(77), Some("nginx.service"), Some(Level::Error)));
    assert_eq!(stamp.attributes["transport"], "syslog");
    let state = &run.blocks.last().unwrap().checkpoint.as_ref().unwrap().state;
    let position = read_position(state).unwrap();
    assert_eq!((position.cursor.as_deref(), position.realtime), (Some("s=1;i=2"), 1_700_000_001_000_000));
    assert!(run.args.contains("--since=@1700000000.000000"), "{}", run.args);
}

#[tokio::test]
async fn before_the_first_entry_the_time_is_remembered() {
    let run = run_with("exit 0", Start::Since(Duration::from_secs(60)), vec![], 0).await;
    let state = &run.blocks[0].checkpoint.as_ref().unwrap().state;
    assert_eq!(read_position(state).unwrap().realtime, (NOW - 60) * 1_000_000);
    let run = run_with("exit 0", Start::End, vec![run.blocks[0].checkpoint.clone().unwrap()], 0).await;
    assert!(run.args.contains(&format!("--since=@{}.000000", NOW - 60)), "{}", run.args);
}

fn at(cursor: &str) -> Checkpoint {
    let position = Position { v: 1, cursor: Some(cursor.into()), realtime: 5_000_007, offset: 3 };
    Checkpoint { source: "j".into(), stream: "journal".into(), state: serde_json::to_string(&position).unwrap().into() }
}

#[tokio::test]
async fn the_entry_at_the_cursor_is_not_read_twice() {
    let run = run_with(
        r#"echo '{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1","MESSAGE":"old"}'
echo '{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"2","MESSAGE":"new"}'
exec sleep 1000"#,
        Start::End,
        vec![at("c1")],
        1,
    )
    .await;
    let texts: Vec<String> = records(&run.blocks).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["new"]);
    assert_eq!(run.blocks[0].offset, 3);
    assert!(run.args.contains("--cursor=c1"), "{}", run.args);
}

#[tokio::test]
async fn a_refused_cursor_falls_back_to_the_time_beside_it() {
    let run = run_with(
        r#"case "$*" in *--cursor*) echo "Failed to seek to cursor: Invalid argument" >&2; exit 1;; esac
echo '{"__CURSOR":"c9","__REALTIME_TIMESTAMP":"9","MESSAGE":"m"}'
exec sleep 1000"#,
        Start::End,
        vec![at("bad")],
        1,
    )
    .await;
    run.result.unwrap();
    assert_eq!(run.counted, [("checkpoint_unusable", 1)]);
    assert!(run.args.contains("--since=@5.000007"), "{}", run.args);
}

/// Since systemd 250, `--follow` shows the running boot alone.
#[tokio::test]
async fn what_was_written_before_a_reboot_is_read_first() {
    let run = run_with(
        r#"echo '{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1","MESSAGE":"read"}'
echo '{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"2","MESSAGE":"before"}'
then:
echo '{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"2","MESSAGE":"before"}'
echo '{"__CURSOR":"c3","__REALTIME_TIMESTAMP":"3","MESSAGE":"after"}'
exec sleep 1000"#,
        Start::End,
        vec![at("c1")],
        2,
    )
    .await;
    run.result.unwrap();
    let texts: Vec<String> = records(&run.blocks).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["before", "after"]);
    let runs: Vec<&str> = run.args.lines().collect();
    let [first, then] = runs[..] else { panic!("{}", run.args) };
    assert!(first.contains("--cursor=c1") && !first.contains("--follow"), "{first}");
    assert!(then.contains("--cursor=c2") && then.contains("--follow") && !then.contains("--merge"), "{then}");
}

#[tokio::test]
async fn a_first_run_that_breaks_off_is_an_error() {
    let run = run_with("echo 'disk on fire' >&2; exit 4\nthen:\nexec sleep 1000", Start::End, vec![at("c1")], 0).await;
    let text = run.result.unwrap_err().to_string();
    assert!(text.contains("disk on fire"), "{text}");
}

#[tokio::test]
async fn a_folder_that_was_named_is_merged_where_journalctl_can() {
    let settings = Journald { directory: Some("/srv/journal".into()), ..Journald::default() };
    let run = run_where(
        true,
        settings,
        r#"case "$*" in *--merge*) echo "Using --boot or --list-boots with --merge is not supported." >&2; exit 1;; esac
echo '{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"9","MESSAGE":"m"}'
exec sleep 1000"#,
        Start::End,
        vec![],
        1,
    )
    .await;
    run.result.unwrap();
    let merged: Vec<bool> = run.args.lines().map(|args| args.contains("--merge")).collect();
    assert_eq!(merged, [false, true, false], "{}", run.args);
    let [complaint] = &*run.complaints else { panic!("{:?}", run.complaints) };
    assert!(
        complaint.contains("/srv/journal") && complaint.contains("update systemd") && !complaint.contains("  "),
        "{complaint}"
    );
    assert!(run.args.lines().all(|args| args.contains("--directory=/srv/journal")), "{}", run.args);
}

#[tokio::test]
async fn an_unreadable_checkpoint_is_counted() {
    let broken = Checkpoint { source: "j".into(), stream: "journal".into(), state: "{\"v\":7}".into() };
    let run = run_with("exit 0", Start::Beginning, vec![broken], 0).await;
    assert_eq!(run.counted, [("checkpoint_unusable", 1)]);
}

#[tokio::test]
async fn the_end_of_journalctl_is_an_error_with_its_last_words() {
    let run = run_with("echo 'disk on fire' >&2; exit 4", Start::Beginning, vec![], 0).await;
    let text = run.result.unwrap_err().to_string();
    assert!(text.contains("Exit(4)") && text.contains("disk on fire"), "{text}");
}

#[tokio::test]
async fn lines_that_are_no_entries_are_counted_and_the_rest_is_read() {
    let run = run_with(
        r#"echo '-- boot --'; echo '{"MESSAGE":'; echo '{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":"good"}'"#,
        Start::Beginning,
        vec![],
        0,
    )
    .await;
    assert_eq!(run.counted.iter().map(|(_, times)| times).sum::<u64>(), 2);
    assert_eq!(records(&run.blocks)[0].0, "good");
}

#[tokio::test]
async fn a_burst_travels_in_few_bounded_blocks() {
    let run = run_with(
        r#"i=0; while [ $i -lt 5000 ]; do echo '{"__CURSOR":"c'$i'","__REALTIME_TIMESTAMP":"1","MESSAGE":"m"}'; i=$((i+1)); done; exec sleep 1000"#,
        Start::Beginning,
        vec![],
        5_000,
    )
    .await;
    assert_eq!(records(&run.blocks).len(), 5_000);
    // A read may bring more entries than the limit, but no more than one read's worth.
    assert!(
        run.blocks.iter().all(|block| matches!(&block.shape, Shape::Records(r) if r.len() < BLOCK_RECORDS + 2_000))
    );
}

#[tokio::test]
async fn missing_permission_is_a_visible_state() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake(
        folder.path(),
        "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2; exec sleep 1000",
    );
    let (out, mut inlet) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let feed = Feed::new("j".into(), out, Arc::new(|| Timestamp::from_seconds(NOW)), stop.clone());
    let task = tokio::spawn(async move {
        let (settings, common) = (Journald::default(), common(Start::Beginning));
        let (settings, common, program, is_here) = (&settings, &common, &program, &|| true);
        let reader = Reader { feed, settings, common, program, is_here, web_users: &[], stream: Arc::from("journal") };
        reader.run(&[]).await
    });
    let seen = loop {
        match timeout(Duration::from_secs(30), inlet.recv()).await.expect("no news") {
            Some(Delivery::Notice(Notice::Health { health, .. })) => break health,
            Some(_) => {}
            None => panic!("it ended"),
        }
    };
    assert!(matches!(&seen, Health::Degraded { why } if why.contains("systemd-journal")), "{seen:?}");
    stop.cancel();
    unless_closed(task.await.unwrap()).unwrap();
}

#[tokio::test]
async fn a_match_without_a_value_is_refused_with_the_way_out() {
    let (out, _inlet) = mpsc::channel(64);
    let feed = Feed::new("j".into(), out, Arc::new(|| Timestamp::EPOCH), CancellationToken::new());
    let settings = Journald { matches: vec!["--vacuum-size".into()], ..Journald::default() };
    let error = run(feed, common(Start::End), settings, vec![]).await.unwrap_err();
    assert!(error.to_string().contains("_TRANSPORT=kernel"), "{error}");
}

#[test]
fn odd_values_are_read() {
    assert_eq!(read_one(r#"{"MESSAGE":[104,195,255,105]}"#).message, [104, 195, 255, 105]);
    assert_eq!(read_one(r#"{"MESSAGE":null}"#).message, b"");
    assert_eq!(read_one(r#"{"MESSAGE":["a",[98,99]]}"#).message, b"a\nbc");
    assert_eq!(read_one(r#"{"_COMM":"sh","SYSLOG_IDENTIFIER":""}"#).stamp.program.as_deref(), Some("sh"));
    assert_eq!(read_one(r#"{"PRIORITY":"9","_PID":"-1"}"#).stamp, Stamp::default());
    let long = format!(r#"{{"MESSAGE":"{}"}}"#, "x".repeat(crate::lines::LINE_LIMIT + 1));
    assert!(read_one(&long).cut);
}

fn unit_task(fields: &str) -> Option<heinzel_core::task::Task> {
    let json = format!(
        r#"{{"_PID":"1","__REALTIME_TIMESTAMP":"7000000","UNIT":"mysql.service","INVOCATION_ID":"abc",{fields}}}"#
    );
    read_one(&json).stamp.task.map(|task| *task)
}

#[test]
fn unit_results_become_tasks_once_each() {
    let check = |fields: &str, expected: Option<(TaskState, Option<&str>)>| {
        let task = unit_task(fields);
        assert_eq!(task.as_ref().map(|t| (t.state, t.exit.as_deref())), expected, "{fields}");
        if let Some(task) = task {
            assert_eq!((task.kind.as_str(), task.target.as_deref()), ("unit.mysql.service", Some("mysql.service")));
            assert_eq!(task.id, "abc");
            assert_eq!(task.finished.is_some(), task.state.is_final());
        }
    };
    check(
        r#""MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c","UNIT_RESULT":"signal""#,
        Some((TaskState::Failed, Some("signal"))),
    );
    check(r#""MESSAGE_ID":"7d4958e842da4a758f6c1cdc7b36dcc5""#, Some((TaskState::Running, None)));
    check(
        r#""MESSAGE_ID":"39f53479d3a045ac8e11786248231fbf","JOB_RESULT":"done""#,
        Some((TaskState::Ok, Some("done"))),
    );
    check(r#""MESSAGE_ID":"7ad2d189f7e94e70a38c781354912448""#, Some((TaskState::Ok, Some("success"))));
    check(r#""MESSAGE_ID":"be02cf6855d2428ba40df7e9d022f03d","JOB_RESULT":"failed""#, None);
    check(
        r#""MESSAGE_ID":"be02cf6855d2428ba40df7e9d022f03d","JOB_RESULT":"dependency""#,
        Some((TaskState::Failed, Some("dependency"))),
    );
    check(r#""MESSAGE_ID":"98e322203f7a4ed290d09fe03c09fe15","EXIT_CODE":"exited","EXIT_STATUS":"2""#, None);
}

#[test]
fn only_systemd_speaks_about_units() {
    let forged = read_one(
        r#"{"_PID":"4711","_SYSTEMD_UNIT":"user.service","UNIT":"mysql.service","MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c"}"#,
    );
    assert_eq!((forged.stamp.unit.as_deref(), forged.stamp.task), (Some("user.service"), None));
}

#[test]
fn who_wrote_an_entry_is_journalds_word() {
    // As journald writes them of `logger` and `systemd-cat`, of cron, and of a web server's child that ended at once.
    let check = |fields: &str, expected: bool| {
        assert_eq!(read_one(&format!("{{{fields}}}")).stamp.by_customer, expected, "{fields}");
    };
    check(r#""SYSLOG_IDENTIFIER":"kernel","_UID":"1000","_PID":"68","_TRANSPORT":"syslog""#, true);
    check(r#""SYSLOG_IDENTIFIER":"sshd","_UID":"1000","_SYSTEMD_UNIT":"cron.service","_EXE":"/usr/bin/logger""#, true);
    check(r#""SYSLOG_IDENTIFIER":"CRON","_UID":"0","_SYSTEMD_UNIT":"cron.service","_EXE":"/usr/sbin/cron""#, false);
    check(r#""SYSLOG_IDENTIFIER":"systemd","_UID":"33","_PID":"89""#, true);
    check(
        r#""SYSLOG_IDENTIFIER":"systemd","_UID":"0","_PID":"1","_SYSTEMD_UNIT":"init.scope","UNIT":"nginx.service""#,
        false,
    );
    check(r#""SYSLOG_IDENTIFIER":"kernel","_TRANSPORT":"kernel""#, false);
    check(r#""_UID":"1000","_TRANSPORT":"audit""#, false);
    // systemd's child that cannot become the program of a unit, as systemd 252 writes it.
    check(r#""SYSLOG_IDENTIFIER":"systemd","_UID":"1001","_PID":"812","_SYSTEMD_UNIT":"shop.service""#, false);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        Batch::default().take(&bytes, None, &common(Start::End), &[]);
    }

    #[test]
    fn hostile_values_never_panic(name in prop::sample::select(vec!["MESSAGE", "PRIORITY", "_PID", "__CURSOR", "__REALTIME_TIMESTAMP", "UNIT", "MESSAGE_ID"]), value in ".{0,40}") {
        let json = serde_json::json!({ "_TRANSPORT": "x", name: value });
        Batch::default().take(json.to_string().as_bytes(), None, &common(Start::End), &[]);
    }
}

#[tokio::test]
async fn without_a_journal_nothing_is_followed_and_it_is_said() {
    let run = run_where(false, Journald::default(), "exec sleep 1000", Start::End, Vec::new(), 0).await;
    let why = run.result.unwrap_err().to_string();
    assert!(why.contains("there is no journal on this machine") && why.contains("/var/log"), "{why}");
    assert_eq!((run.args.as_str(), run.health), ("", Vec::new()));
    assert!(
        !run.blocks[0].checkpoint.as_ref().unwrap().state.is_empty(),
        "what is written from here on is read once there is one"
    );
}

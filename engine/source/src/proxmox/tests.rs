use std::fs;
use std::path::Path;

use heinzel_core::block::{Delivery, Record};
use heinzel_core::parse::Format;
use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::history::{LOG_KEPT, Seen};
use super::upid::Upid;
use super::*;
use crate::settings::Start;

const NOW: Timestamp = Timestamp::from_seconds(0x6124_F000);

/// The `number`th task's name; no process has such an id and start.
fn name(number: u32) -> String {
    format!("UPID:pve1:7FFFFFF0:FFFFFFF{:01X}:{:08X}:vzdump:{number}:root@pam:", number % 16, 0x6124_E000 + number)
}

fn index_line(number: u32, status: &str) -> String {
    format!("{} {:08X} {status}\n", name(number), 0x6124_E800 + number)
}

fn write_log(folder: &Path, number: u32, text: &str) {
    let path = Upid::parse(&name(number)).unwrap().log(folder);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn tasks(seen: &Seen) -> Vec<(String, TaskState)> {
    let all = texts(&seen.bytes, &seen.records);
    all.into_iter().map(|(_, task)| (task.target.unwrap(), task.state)).collect()
}

fn texts(bytes: &[u8], records: &[Record]) -> Vec<(String, Task)> {
    let mut begin = 0;
    let mut all = Vec::new();
    for record in records {
        let text = String::from_utf8_lossy(&bytes[begin..record.end - 1]).into_owned();
        begin = record.end;
        all.push((text, *record.stamp.clone().unwrap().task.unwrap()));
    }
    all
}

struct Lab {
    folder: tempfile::TempDir,
    history: History,
    checkpoint: Option<String>,
}

impl Lab {
    fn new(start: Start, index: &str, active: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index"), index).unwrap();
        fs::write(folder.path().join("active"), active).unwrap();
        let history = History::new(folder.path().to_owned(), start, NOW, None);
        Self { folder, history, checkpoint: None }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn look(&mut self) -> Vec<(String, TaskState)> {
        let seen = self.history.look(NOW).unwrap();
        self.checkpoint = seen.checkpoint.clone().or(self.checkpoint.take());
        tasks(&seen)
    }

    /// As after a restart.
    fn restart(&mut self) {
        self.history = History::new(self.folder.path().to_owned(), Start::End, NOW, self.checkpoint.as_deref());
    }
}

fn is(number: u32, state: TaskState) -> (String, TaskState) {
    (number.to_string(), state)
}

#[test]
fn only_news_and_what_runs_at_the_first_look() {
    let active = format!("{} 0\n{} 1 6124E802 OK\n", name(3), name(2));
    let mut lab = Lab::new(Start::End, &index_line(1, "OK"), &active);
    assert_eq!(lab.look(), [is(3, TaskState::Running)]);
    assert_eq!(lab.look(), []);
    append(&lab.file("index"), &index_line(4, "job errors"));
    assert_eq!(lab.look(), [is(4, TaskState::Failed)]);
}

#[test]
fn from_the_beginning_and_since() {
    let mut lab = Lab::new(Start::Beginning, &index_line(2, "OK"), "");
    fs::write(lab.file("index.1"), index_line(1, "WARNINGS: 2")).unwrap();
    assert_eq!(lab.look(), [is(1, TaskState::Warning), is(2, TaskState::Ok)]);
    let span = NOW.since(Timestamp::from_seconds(0x6124_E802));
    let mut lab = Lab::new(Start::Since(span), &(index_line(1, "OK") + &index_line(2, "OK")), "");
    assert_eq!(lab.look(), [is(2, TaskState::Ok)]);
}

#[test]
fn a_task_ends_once_however_it_is_told() {
    let mut lab = Lab::new(Start::End, "", &format!("{} 0\n", name(1)));
    write_log(lab.folder.path(), 1, "INFO: going on\n");
    assert_eq!(lab.look(), [is(1, TaskState::Running)]);
    write_log(lab.folder.path(), 1, "INFO: going on\nTASK ERROR: job errors\n");
    assert_eq!(lab.look(), [is(1, TaskState::Failed)]);
    fs::write(lab.file("active"), format!("{} 0 6124E801 job errors\n", name(1))).unwrap();
    assert_eq!(lab.look(), []);
    append(&lab.file("index"), &index_line(1, "job errors"));
    fs::write(lab.file("active"), format!("{} 1 6124E801 job errors\n", name(1))).unwrap();
    assert_eq!(lab.look(), []);
    lab.restart();
    assert_eq!(lab.look(), []);
    fs::write(lab.file("active"), "").unwrap();
    assert_eq!(lab.look(), []);
    assert!(!lab.checkpoint.unwrap().contains("UPID:pve1:7FFFFFF0:FFFFFFF1:6124E001:vzdump:1:root@pam:\":"));
}

#[test]
fn a_task_that_vanished_without_a_word_has_failed() {
    let mut lab = Lab::new(Start::End, "", &format!("{} 0\n", name(1)));
    lab.look();
    fs::write(lab.file("active"), "").unwrap();
    assert_eq!(lab.look(), [is(1, TaskState::Failed)]);
}

#[test]
fn a_worker_that_lives_still_runs() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let start: u64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
    let own = format!("UPID:pve1:{:08X}:{start:08X}:6124E001:vzdump:7:root@pam:", std::process::id());
    let mut lab = Lab::new(Start::End, "", &format!("{own} 0\n"));
    let log = Upid::parse(&own).unwrap().log(lab.folder.path());
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    // A guest may write this into the log of its own backup.
    fs::write(log, "TASK OK\n").unwrap();
    assert_eq!(lab.look(), [is(7, TaskState::Running)]);
    fs::write(lab.file("active"), "").unwrap();
    assert_eq!(lab.look(), []);
}

#[test]
fn index_is_followed_over_the_rename() {
    let mut lab = Lab::new(Start::End, &index_line(1, "OK"), "");
    assert_eq!(lab.look(), []);
    append(&lab.file("index"), &index_line(2, "OK"));
    fs::rename(lab.file("index"), lab.file("index.1")).unwrap();
    assert_eq!(lab.look(), [is(2, TaskState::Ok)]);
    fs::write(lab.file("index"), index_line(3, "OK")).unwrap();
    assert_eq!(lab.look(), [is(3, TaskState::Ok)]);
    // Twice renamed while nobody looked.
    append(&lab.file("index"), &index_line(4, "OK"));
    fs::rename(lab.file("index"), lab.file("index.1")).unwrap();
    fs::write(lab.file("index"), index_line(5, "OK")).unwrap();
    lab.restart();
    assert_eq!(lab.look(), [is(4, TaskState::Ok), is(5, TaskState::Ok)]);
    fs::rename(lab.file("index"), lab.file("index.1")).unwrap();
    fs::rename(lab.file("index.1"), lab.file("gone")).unwrap();
    fs::write(lab.file("index.1"), index_line(6, "OK")).unwrap();
    fs::write(lab.file("index"), index_line(7, "OK")).unwrap();
    assert_eq!(lab.look(), [is(6, TaskState::Ok), is(7, TaskState::Ok)]);
    assert_eq!(lab.look(), []);
}

#[test]
fn an_index_that_was_empty_and_then_renamed_is_read() {
    let mut lab = Lab::new(Start::End, "", "");
    assert_eq!(lab.look(), []);
    fs::write(lab.file("index.1"), index_line(1, "OK")).unwrap();
    fs::write(lab.file("index"), index_line(2, "OK")).unwrap();
    lab.restart();
    assert_eq!(lab.look(), [is(1, TaskState::Ok), is(2, TaskState::Ok)]);
}

#[test]
fn half_a_line_waits_for_its_other_half() {
    let mut lab = Lab::new(Start::End, "", "");
    lab.look();
    let line = index_line(1, "OK");
    append(&lab.file("index"), &line[..20]);
    assert_eq!(lab.look(), []);
    append(&lab.file("index"), &line[20..]);
    assert_eq!(lab.look(), [is(1, TaskState::Ok)]);
}

#[test]
fn a_long_log_keeps_its_end() {
    let mut lab = Lab::new(Start::Beginning, &index_line(1, "start failed: QEMU exited with code 1"), "");
    let long = "x".repeat(60) + "\n";
    write_log(
        lab.folder.path(),
        1,
        &(long.repeat(3_000) + "bridge 'vmbr1' does not exist\nTASK ERROR: start failed\n"),
    );
    let seen = lab.history.look(NOW).unwrap();
    let (text, task) = texts(&seen.bytes, &seen.records).remove(0);
    assert!(text.len() as u64 <= LOG_KEPT && text.starts_with("xxx"), "{}", text.len());
    assert!(text.ends_with("does not exist\nTASK ERROR: start failed"));
    assert_eq!(task.exit.as_deref(), Some("start failed: QEMU exited with code 1"));
    assert_eq!(task.started, Some(Timestamp::from_seconds(0x6124_E001)));
    assert_eq!(task.finished, Some(Timestamp::from_seconds(0x6124_E801)));
    lab.checkpoint = seen.checkpoint;
}

#[test]
fn a_large_history_comes_in_bounded_blocks() {
    let index: String = (0..4_500).map(|number| index_line(number, "OK")).collect();
    let mut lab = Lab::new(Start::Beginning, &index, "");
    let (mut count, mut looks) = (0, 0);
    loop {
        let seen = lab.history.look(NOW).unwrap();
        count += seen.records.len();
        looks += 1;
        if !seen.more {
            break;
        }
        assert!(seen.checkpoint.unwrap().len() < 1_000);
    }
    assert_eq!((count, looks), (4_500, 3));
}

#[test]
fn nonsense_is_counted_once_and_the_rest_is_read() {
    let mut lab = Lab::new(Start::Beginning, &format!("nonsense\n{}", index_line(1, "OK")), "what\n");
    let seen = lab.history.look(NOW).unwrap();
    assert_eq!((tasks(&seen), seen.counted), (vec![is(1, TaskState::Ok)], vec![("undecodable", 2)]));
    assert_eq!(lab.history.look(NOW).unwrap().counted, []);
    let mut history = History::new(lab.folder.path().to_owned(), Start::End, NOW, Some("{"));
    assert_eq!(history.look(NOW).unwrap().counted, [("checkpoint_unusable", 1), ("undecodable", 1)]);
}

#[tokio::test]
async fn a_change_wakes_the_source() {
    let lab = Lab::new(Start::End, "", "");
    let (out, mut inlet) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let feed = Feed::new("pve".into(), out, Arc::new(|| NOW), stop.clone());
    let settings = Proxmox { folder: lab.folder.path().to_owned() };
    let common = Common {
        name: "pve".into(),
        format: Format::Plain,
        zone: None,
        start: Start::End,
        program: None,
        customers: false,
    };
    let task = tokio::spawn(async move { run(feed, common, settings, vec![]).await });
    let mut next = async || loop {
        match timeout(Duration::from_secs(30), inlet.recv()).await.expect("nothing came").expect("it ended") {
            Delivery::Block(block) => break block,
            Delivery::Notice(_) => {}
        }
    };
    assert_eq!(next().await.bytes, b"");
    append(&lab.file("index"), &index_line(1, "OK"));
    let block = next().await;
    let Shape::Records(records) = &block.shape else { panic!("no records") };
    assert_eq!(texts(&block.bytes, records)[0].1.state, TaskState::Ok);
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_an_error_that_names_it() {
    let (out, _inlet) = mpsc::channel(64);
    let feed = Feed::new("pve".into(), out, Arc::new(|| NOW), CancellationToken::new());
    let settings = Proxmox { folder: "/no/such/folder".into() };
    let common = Common {
        name: "pve".into(),
        format: Format::Plain,
        zone: None,
        start: Start::End,
        program: None,
        customers: false,
    };
    let error = run(feed, common, settings, vec![]).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn hostile_files_never_stop_it(index in proptest::collection::vec(any::<u8>(), 0..300), active in "(UPID:[ -~]{0,40}:[ 01A-F]{0,20}\n?){0,5}") {
        let mut lab = Lab::new(Start::Beginning, "", &active);
        fs::write(lab.file("index"), &index).unwrap();
        lab.look();
        lab.restart();
        lab.look();
    }
}

//! The whole source with real wake-ups. Where a poll would hide a missing wake-up, it is set to a minute.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use heinzel_core::block::{Block, Delivery, Health, Notice, StreamId};
use heinzel_core::parse::Format;
use heinzel_core::time::Timestamp;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::settings::{Kind, Source, Start};

mod folders;

/// Longer than any healthy machine needs.
const GENEROUS: Duration = Duration::from_secs(20);

struct Running {
    deliveries: mpsc::Receiver<Delivery>,
    checkpoints: Vec<Checkpoint>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn source(paths: &[String], start: Start, poll: Duration) -> Source {
    let common =
        Common { name: "web".into(), format: Format::Auto, zone: None, start, program: None, customers: false };
    let file = settings::File {
        paths: paths.to_vec(),
        exclude: vec![glob::Pattern::new("*debug*").unwrap()],
        max_line: 1 << 18,
        poll,
        multiline: None,
        followed: settings::Followed::default(),
    };
    Source { common, kind: Kind::File(file) }
}

fn start(source: Source, checkpoints: Vec<Checkpoint>) -> Running {
    let (out, deliveries) = mpsc::channel(16);
    let stop = CancellationToken::new();
    let task = crate::spawn(source, checkpoints.clone(), out, Arc::new(|| Timestamp::EPOCH), stop.clone());
    Running { deliveries, checkpoints, stop, task }
}

impl Running {
    async fn next(&mut self) -> Delivery {
        let delivery = tokio::time::timeout(GENEROUS, self.deliveries.recv()).await.expect("nothing came").unwrap();
        if let Delivery::Block(block) = &delivery {
            let checkpoint = block.checkpoint.clone().unwrap();
            self.checkpoints.retain(|other| other.stream != checkpoint.stream);
            if !checkpoint.state.is_empty() {
                self.checkpoints.push(checkpoint);
            }
        }
        delivery
    }

    async fn caught_up(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.next().await {
                Delivery::Notice(Notice::CaughtUp { .. }) => return lines,
                Delivery::Block(block) => lines.extend(texts(&block)),
                Delivery::Notice(_) => {}
            }
        }
    }

    /// What is complained of until all is read.
    async fn complaints(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut lines, mut complaints) = (Vec::new(), Vec::new());
        loop {
            match self.next().await {
                Delivery::Notice(Notice::CaughtUp { .. }) => return (lines, complaints),
                Delivery::Notice(Notice::Complaint { text, .. }) => complaints.push(text),
                Delivery::Block(block) => lines.extend(texts(&block)),
                Delivery::Notice(_) => {}
            }
        }
    }

    async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count {
            if let Delivery::Block(block) = self.next().await {
                lines.extend(texts(&block));
            }
        }
        lines
    }

    async fn health(&mut self, path: &Path) -> Health {
        loop {
            if let Delivery::Notice(Notice::Health { stream: Some(stream), health, .. }) = self.next().await
                && *stream == *path.to_string_lossy()
            {
                return health;
            }
        }
    }

    async fn stop(self) -> Vec<Checkpoint> {
        self.stop.cancel();
        tokio::time::timeout(GENEROUS, self.task).await.expect("it did not stop").unwrap();
        self.checkpoints
    }
}

fn texts(block: &Block) -> Vec<String> {
    String::from_utf8_lossy(&block.bytes).lines().map(str::to_owned).collect()
}

fn write(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn glob_of(folder: &TempDir, pattern: &str) -> String {
    format!("{}/{pattern}", folder.path().display())
}

const RARELY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_written_line_wakes_the_source_and_a_new_file_under_the_glob_too() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "old\n");
    let mut running = start(source(&[glob_of(&folder, "*.log")], Start::End, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, Vec::<String>::new());
    write(&log, "new\n");
    assert_eq!(running.lines(1).await, ["new"]);
    write(&folder.path().join("b.log"), "1\n2\n");
    assert_eq!(running.lines(2).await, ["1", "2"]);
    write(&folder.path().join("b.log"), "3\n");
    assert_eq!(running.lines(1).await, ["3"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_wakes_the_source_and_the_rotated_name_is_no_stream_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "1\n");
    let mut running = start(source(&[glob_of(&folder, "*.log*")], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    write(&log, "2\n");
    fs::rename(&log, folder.path().join("a.log.1")).unwrap();
    write(&log, "3\n");
    assert_eq!(running.lines(2).await, ["2", "3"]);
    write(&log, "4\n");
    assert_eq!(running.lines(1).await, ["4"]);
    let checkpoints = running.stop().await;
    assert_eq!(checkpoints.len(), 2, "the file's and the glob's: {checkpoints:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_symlink_out_of_the_folder_is_watched_also_after_a_switch() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link = folder.path().join("current");
    let (one, two) = (elsewhere.path().join("1"), elsewhere.path().join("2"));
    write(&one, "1\n");
    symlink(&one, &link).unwrap();
    let mut running = start(source(&[link.display().to_string()], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    write(&one, "2\n");
    assert_eq!(running.lines(1).await, ["2"]);
    write(&two, "3\n");
    symlink(&two, folder.path().join("new")).unwrap();
    fs::rename(folder.path().join("new"), &link).unwrap();
    assert_eq!(running.lines(1).await, ["3"]);
    write(&two, "4\n");
    assert_eq!(running.lines(1).await, ["4"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_to_a_rotated_file_wakes_the_source_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "1\n");
    let mut running = start(source(&[glob_of(&folder, "*.log")], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    for (old, new) in [("a.log", "a.log.1"), ("a.log.1", "a.log.2")] {
        fs::rename(folder.path().join(old), folder.path().join(new)).unwrap();
        write(&log, &format!("to a new file, {new}\n"));
        assert_eq!(running.lines(1).await, [format!("to a new file, {new}")]);
        write(&folder.path().join(new), &format!("{new}\n"));
        assert_eq!(running.lines(1).await, [new]);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_under_another_name_wakes_the_source() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, other) = (folder.path().join("a.log"), elsewhere.path().join("b"));
    write(&log, "1\n");
    fs::hard_link(&log, &other).unwrap();
    let mut running = start(source(&[log.display().to_string()], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    for line in ["2", "3"] {
        write(&other, &format!("{line}\n"));
        assert_eq!(running.lines(1).await, [line]);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_written_while_down_are_read_also_of_new_and_rotated_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "old\n");
    let settings = || source(&[glob_of(&folder, "*.log")], Start::End, RARELY);
    let mut running = start(settings(), Vec::new());
    assert!(running.caught_up().await.is_empty());
    let checkpoints = running.stop().await;
    write(&log, "1\n");
    fs::rename(&log, folder.path().join("a.log.1")).unwrap();
    write(&log, "2\n");
    write(&folder.path().join("b.log"), "3\n");
    let mut running = start(settings(), checkpoints);
    let mut lines = running.caught_up().await;
    lines.sort_unstable();
    assert_eq!(lines, ["1", "2", "3"]);
    let checkpoints = running.stop().await;
    let mut running = start(settings(), checkpoints);
    assert!(running.caught_up().await.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_born_and_rotated_while_down_is_read_from_its_first_line_and_once() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.log"), "old\n");
    for (pattern, packs) in [("*.log", false), ("*.log*", false), ("*.log", true)] {
        let name = |name: &str| folder.path().join(name);
        let settings = || source(&[glob_of(&folder, pattern)], Start::End, RARELY);
        let mut running = start(settings(), Vec::new());
        assert!(running.caught_up().await.is_empty());
        let checkpoints = running.stop().await;
        write(&name("b.log.2"), "1\n");
        if packs {
            let mut packed = flate2::write::GzEncoder::new(
                fs::File::create(name("b.log.2.gz")).unwrap(),
                flate2::Compression::fast(),
            );
            packed.write_all(b"1\n").unwrap();
            packed.finish().unwrap();
            fs::remove_file(name("b.log.2")).unwrap();
        }
        write(&name("b.log.1"), "2\n");
        write(&name("b.log"), "3\n");
        let mut running = start(settings(), checkpoints);
        assert_eq!(running.caught_up().await, ["1", "2", "3"], "{pattern}");
        let checkpoints = running.stop().await;
        let mut running = start(settings(), checkpoints);
        assert!(running.caught_up().await.is_empty(), "{pattern}");
        running.stop().await;
        for name in fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.file_name() != "a.log") {
            fs::remove_file(name.path()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_log_that_was_followed_by_itself_is_not_read_again_with_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (rotated, log) = (folder.path().join("a-20261122.log"), folder.path().join("a.log"));
    write(&rotated, "1\n");
    let settings = || source(&[glob_of(&folder, "*.log")], Start::Beginning, RARELY);
    let mut running = start(settings(), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    let checkpoints = running.stop().await;
    write(&rotated, "2\n");
    write(&log, "3\n");
    let mut running = start(settings(), checkpoints);
    let mut lines = running.caught_up().await;
    lines.sort_unstable();
    assert_eq!(lines, ["2", "3"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_two_names_is_read_once_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name);
    write(&name("b.log"), "1\n");
    let settings = || source(&[glob_of(&folder, "*/*.log"), glob_of(&folder, "*.log")], Start::Beginning, RARELY);
    let mut running = start(settings(), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    let mut checkpoints = running.stop().await;
    // A name that comes first, and one through a folder that is a link.
    fs::hard_link(name("b.log"), name("a.log")).unwrap();
    fs::create_dir(name("real")).unwrap();
    write(&name("real/c.log"), "2\n");
    symlink(name("real"), name("link")).unwrap();
    for expected in [&["2"][..], &[]] {
        let mut running = start(settings(), checkpoints);
        let (lines, complaints) = running.complaints().await;
        assert_eq!(lines, expected);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints.iter().any(|c| c.contains("a.log is another name of") && c.contains("b.log, which")));
        checkpoints = running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_two_names_is_read_on_under_the_one_that_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("a.log"), folder.path().join("b.log"));
    write(&one, "1\n");
    fs::hard_link(&one, &two).unwrap();
    let mut running = start(source(&[glob_of(&folder, "*.log")], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    fs::remove_file(&one).unwrap();
    write(&two, "2\n");
    assert_eq!(running.lines(1).await, ["2"]);
    write(&two, "3\n");
    assert_eq!(running.lines(1).await, ["3"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_not_text_is_said() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"m\xfcller.log"[..], b"m\xfcller.txt", b"m\xfcller-debug.log"] {
        write(&folder.path().join(std::ffi::OsStr::from_bytes(name)), "1\n");
    }
    let mut running = start(source(&[glob_of(&folder, "*.log")], Start::Beginning, RARELY), Vec::new());
    let (_, complaints) = running.complaints().await;
    let [complaint] = &complaints[..] else { panic!("{complaints:?}") };
    assert!(complaint.contains(r"m\xFCller.log") && complaint.contains("not UTF-8"), "{complaint}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_poll_finds_what_no_event_told() {
    let folder = tempfile::tempdir().unwrap();
    // Its folder does not exist yet, so nothing can be watched.
    let log = folder.path().join("deep/down/a.log");
    let settings = source(&[log.display().to_string()], Start::End, Duration::from_millis(100));
    let mut running = start(settings, Vec::new());
    assert_eq!(running.health(&log).await, Health::Missing);
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    write(&log, "1\n");
    assert_eq!(running.health(&log).await, Health::Ok);
    assert_eq!(running.lines(1).await, ["1"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn excluded_and_compressed_files_are_not_read_and_deleted_ones_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.log", "debug.log", "b.log.gz"] {
        write(&folder.path().join(name), &format!("{name}\n"));
    }
    let mut running = start(source(&[glob_of(&folder, "*")], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["a.log"]);
    fs::remove_file(folder.path().join("a.log")).unwrap();
    assert_eq!(running.health(&folder.path().join("a.log")).await, Health::Missing);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_does_not_starve_a_small_one_and_catching_up_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let line = "x".repeat(99) + "\n";
    write(&folder.path().join("a.log"), &line.repeat(200_000));
    write(&folder.path().join("b.log"), "small\n");
    let mut running = start(source(&[glob_of(&folder, "*.log")], Start::Beginning, RARELY), Vec::new());
    let lines = running.caught_up().await;
    assert_eq!(lines.len(), 200_001);
    let small = lines.iter().position(|line| line == "small").unwrap();
    assert!(small < 30_000, "the small file came after {small} lines");
    write(&folder.path().join("b.log"), "more\n");
    let more = running.next().await;
    assert!(matches!(more, Delivery::Block(_)), "{more:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_terabyte_keeps_nobody_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "1\n");
    let mut running = start(source(&[log.display().to_string()], Start::Beginning, RARELY), Vec::new());
    assert_eq!(running.caught_up().await, ["1"]);
    write(&log, "2");
    if let Err(error) = OpenOptions::new().append(true).open(&log).unwrap().set_len(1 << 40) {
        eprintln!("SKIPPED: no such file here: {error}");
        return;
    }
    // It is cut, and its rest is passed over without a word.
    assert!(running.lines(1).await[0].starts_with('2'));
    running.stop.cancel();
    // The reading thread drops its end of the channel.
    let end = async { while running.deliveries.recv().await.is_some() {} };
    tokio::time::timeout(GENEROUS, end).await.expect("it reads on");
}

/// A damaged checkpoint counts, and everything is read: nothing may be lost silently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_checkpoint_counts_and_everything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "1\n");
    let stream: StreamId = log.to_string_lossy().into();
    let damaged = Checkpoint { source: "web".into(), stream, state: "{\"v\":99}".into() };
    let mut running = start(source(&[log.display().to_string()], Start::End, RARELY), vec![damaged]);
    let mut counted = 0;
    loop {
        match running.next().await {
            Delivery::Notice(Notice::Counted { what: "checkpoint_unusable", times, .. }) => counted += times,
            Delivery::Block(block) if !block.bytes.is_empty() => {
                assert_eq!(texts(&block), ["1"]);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(counted, 1);
    running.stop().await;
}

/// Prints the time from write() to the block, and the CPU time of 50 idle files. Run with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn measure_latency_and_idle_cpu() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..50 {
        write(&folder.path().join(format!("{number}.log")), "old\n");
    }
    let log = folder.path().join("7.log");
    let settings = source(&[glob_of(&folder, "*.log")], Start::End, Duration::from_secs(2));
    let mut running = start(settings, Vec::new());
    running.caught_up().await;
    let mut times: Vec<u128> = Vec::new();
    for number in 0..1_000 {
        let before = Instant::now();
        write(&log, &format!("line {number}\n"));
        running.lines(1).await;
        times.push(before.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("write() to block, µs: p50 {} p99 {} max {}", times[500], times[990], times[999]);
    let cpu = || {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = cpu();
    tokio::time::sleep(Duration::from_secs(60)).await;
    println!("idle with 50 files: {} ticks of 10 ms CPU in 60 s", cpu() - before);
    running.stop().await;
}

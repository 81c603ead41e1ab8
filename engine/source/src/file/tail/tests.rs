use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::file::folders::Folders;

mod absence;
mod alike;
mod grown;
mod many;
mod packed;
mod records;
mod short;

pub(super) fn rules() -> Rules {
    Rules {
        max_line: 1 << 18,
        multiline: None,
        block: 1 << 20,
        settle: Duration::from_secs(1),
        linger: Duration::from_secs(30),
        unpacked: 32 << 20,
        folders: Folders::default(),
    }
}

/// A folder with a log, its writer's clock, and a tail on it.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    rules: Arc<Rules>,
    tail: Tail,
    pub(super) now: Instant,
    /// Files are written at these times, so that the order of writing is the order of their times.
    written_at: SystemTime,
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) state: Option<String>,
    pub(super) counts: Vec<(&'static str, u64)>,
    complaints: Vec<String>,
    pub(super) health: Health,
}

impl Bench {
    pub(super) fn new(begin: Begin) -> Self {
        Self::with(rules(), begin)
    }

    pub(super) fn with(rules: Rules, begin: Begin) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = Arc::new(rules);
        Self {
            tail: Tail::new(folder.path().join("app.log"), rules.clone(), begin),
            folder,
            rules,
            now: Instant::now(),
            written_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            lines: Vec::new(),
            state: None,
            counts: Vec::new(),
            complaints: Vec::new(),
            health: Health::Ok,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn stamp(&mut self, name: &str) {
        self.written_at += Duration::from_secs(1);
        let file = OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.set_modified(self.written_at).unwrap();
    }

    pub(super) fn write(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
        self.stamp(name);
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn copy(&mut self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        self.stamp(to);
    }

    pub(super) fn truncate(&mut self, name: &str) {
        OpenOptions::new().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
        self.stamp(name);
    }

    /// Packs as logrotate does: under the same name with `.gz`, with the time of the last write.
    pub(super) fn pack(&mut self, name: &str) {
        let (from, to) = (self.path(name), self.path(&format!("{name}.gz")));
        let written_at = fs::metadata(&from).unwrap().modified().unwrap();
        let mut packed = flate2::write::GzEncoder::new(fs::File::create(to).unwrap(), flate2::Compression::fast());
        packed.write_all(&fs::read(&from).unwrap()).unwrap();
        packed.finish().unwrap().set_modified(written_at).unwrap();
        fs::remove_file(from).unwrap();
    }

    /// Looks until there is nothing more to read at once.
    pub(super) fn look(&mut self) {
        self.look_by(Tail::look);
    }

    /// The same after news that bytes were appended.
    pub(super) fn hear(&mut self) {
        self.look_by(Tail::look_at_open);
    }

    fn look_by(&mut self, look: fn(&mut Tail, Instant) -> Looked) {
        for _ in 0..10_000 {
            if !self.look_once(look) {
                return;
            }
        }
        panic!("the tail never comes to rest");
    }

    /// Looks once; says whether there is more to read at once.
    fn look_once(&mut self, look: fn(&mut Tail, Instant) -> Looked) -> bool {
        let looked = look(&mut self.tail, self.now);
        self.counts.extend(looked.counts);
        self.complaints.extend(looked.complaints);
        self.health = looked.health;
        if let Some(chunk) = looked.chunk {
            assert!(chunk.bytes.is_empty() || chunk.bytes.ends_with(b"\n"), "a block ends with a record");
            self.state = Some(chunk.state.write());
            let records: Vec<&[u8]> = match &chunk.shape {
                Shape::Lines => chunk.bytes.split_inclusive(|&b| b == b'\n').collect(),
                Shape::Records(records) => {
                    assert_eq!(records.last().map_or(0, |record| record.end), chunk.bytes.len());
                    let starts = std::iter::once(0).chain(records.iter().map(|record| record.end));
                    starts.zip(records).map(|(start, record)| &chunk.bytes[start..record.end]).collect()
                }
            };
            self.lines.extend(records.into_iter().map(|line| line[..line.len() - 1].to_vec()));
        }
        looked.more
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.look();
    }

    pub(super) fn restart(&mut self) {
        let begin = match &self.state {
            Some(state) => Begin::Resume(State::read(state).unwrap()),
            None => Begin::Beginning,
        };
        self.tail = Tail::new(self.path("app.log"), self.rules.clone(), begin);
    }

    fn expect(&mut self, expected: &[&str]) {
        let lines: Vec<String> = self.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        assert_eq!(lines, expected);
    }

    fn counted(&self, what: &str) -> u64 {
        self.counts.iter().filter(|(name, _)| *name == what).map(|(_, times)| times).sum()
    }
}

#[test]
fn lines_are_delivered_when_they_are_whole() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "one\ntw");
    bench.look();
    bench.expect(&["one"]);
    bench.write("app.log", "o\nthree\n");
    bench.look();
    bench.expect(&["one", "two", "three"]);
}

#[test]
fn start_at_end_takes_only_what_comes_and_a_restart_goes_on_there() {
    let mut bench = Bench::new(Begin::End);
    bench.write("app.log", "old\nhalf ");
    bench.look();
    bench.expect(&[]);
    assert!(bench.state.is_some(), "the beginning is a checkpoint too");
    bench.write("app.log", "line\nnew\n");
    bench.restart();
    bench.look();
    bench.expect(&["half line", "new"]);
}

#[test]
fn a_missing_file_is_shown_and_read_from_its_beginning_when_it_comes() {
    let mut bench = Bench::new(Begin::End);
    bench.look();
    assert_eq!(bench.health, Health::Missing);
    // Also when it comes while Heinzel is not running.
    bench.restart();
    bench.write("app.log", "first\n");
    bench.look();
    assert_eq!(bench.health, Health::Ok);
    bench.expect(&["first"]);
}

#[test]
fn what_cannot_be_read_is_shown_and_recovers() {
    let mut bench = Bench::new(Begin::End);
    fs::create_dir(bench.path("app.log")).unwrap();
    bench.look();
    assert!(matches!(&bench.health, Health::Degraded { why } if why.contains("app.log") && why.contains("folder")));
    fs::remove_dir(bench.path("app.log")).unwrap();
    symlink("app.log", bench.path("app.log")).unwrap();
    bench.look();
    assert!(matches!(&bench.health, Health::Degraded { why } if why.contains("symbolic links")), "{:?}", bench.health);
    fs::remove_file(bench.path("app.log")).unwrap();
    bench.look();
    assert_eq!(bench.health, Health::Missing);
    bench.write("app.log", "first\n");
    bench.look();
    bench.expect(&["first"]);
}

#[test]
fn a_file_without_permission_says_the_way_out() {
    let why = degraded("open", Path::new("/var/log/x"), &io::Error::from(io::ErrorKind::PermissionDenied));
    assert!(matches!(why, Health::Degraded { why } if why.contains("/var/log/x") && why.contains("`adm`")));
}

#[test]
fn a_renamed_file_is_read_to_its_end_first_and_late_lines_still_come() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.write("app.log", "2\n");
    bench.rename("app.log", "app.log.1");
    bench.write("app.log", "3\n");
    bench.look();
    bench.expect(&["1", "2", "3"]);
    bench.write("app.log.1", "late\n");
    bench.write("app.log", "4\n");
    bench.wait(1);
    bench.expect(&["1", "2", "3", "late", "4"]);
    bench.restart();
    bench.write("app.log.1", "later\n");
    bench.look();
    assert_eq!(bench.lines.last().unwrap(), b"later");
    assert_eq!(bench.counted("checkpoint_unusable"), 0);
}

#[test]
fn a_last_line_without_end_counts_as_whole_once_its_file_is_rotated_and_quiet() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\nhalf");
    bench.look();
    bench.rename("app.log", "app.log.1");
    bench.write("app.log", "2\n");
    bench.look();
    bench.expect(&["1"]);
    bench.wait(2);
    bench.expect(&["1", "half", "2"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.write("app.log", "2\n");
    bench.rename("app.log", "app.log.3");
    bench.write("app.log.2", "3\n");
    bench.write("app.log.1", "4\n");
    bench.write("app.log", "5\n");
    bench.look();
    bench.expect(&["1", "2", "3", "4", "5"]);
}

#[test]
fn several_rotations_while_down_lose_nothing() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log.9", "long ago\n");
    bench.write("app.log", "1\n");
    bench.look();
    bench.write("app.log", "2\n");
    bench.rename("app.log", "app.log.3");
    bench.write("app.log.2", "3\n");
    bench.write("app.log.1", "4\n");
    bench.write("app.log", "5\n");
    bench.restart();
    bench.look();
    bench.expect(&["1", "2", "3", "4", "5"]);
    assert_eq!(bench.counted("checkpoint_unusable"), 0);
}

#[test]
fn the_checkpointed_file_compressed_while_down_counts_and_the_rest_is_read() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.rename("app.log", "app.log.2.gz");
    bench.write("app.log.1", "3\n");
    bench.write("app.log", "4\n");
    bench.restart();
    bench.look();
    bench.expect(&["1", "3", "4"]);
    assert_eq!(bench.counted("checkpoint_unusable"), 1);
    assert_eq!(bench.complaints.len(), 1, "what is called .gz need not be that");
}

#[test]
fn copytruncate_continues_in_the_copy() {
    let long = "a line long enough to recognise its file by";
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", format!("{long} 1\n"));
    bench.look();
    bench.write("app.log", "2\nhalf");
    bench.look();
    bench.write("app.log", " line\n3\n");
    bench.copy("app.log", "app.log.1");
    bench.truncate("app.log");
    bench.write("app.log", format!("now much longer than all that was written before: {long} {long}\n4\n"));
    bench.look();
    bench.lines.remove(3 + 1);
    bench.expect(&[&format!("{long} 1"), "2", "half line", "3", "4"]);
}

#[test]
fn copytruncate_while_down_continues_in_the_copy() {
    let long = "a line long enough to recognise its file by";
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", format!("{long} 1\n"));
    bench.look();
    bench.write("app.log", "2\n");
    bench.copy("app.log", "app.log.1");
    bench.truncate("app.log");
    bench.write("app.log", "3\n");
    bench.restart();
    bench.look();
    bench.expect(&[&format!("{long} 1"), "2", "3"]);
    assert_eq!(bench.counted("checkpoint_unusable"), 0);
}

#[test]
fn a_copy_older_than_what_was_read_is_not_read_again() {
    let long = "a line long enough to recognise its file by";
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", format!("{long} 1\n"));
    bench.look();
    bench.copy("app.log", "app.log.1");
    bench.write("app.log", "2\n");
    bench.look();
    bench.truncate("app.log");
    bench.stamp("app.log.1");
    bench.write("app.log", "3\n");
    bench.look();
    bench.expect(&[&format!("{long} 1"), "2", "3"]);
}

#[test]
fn truncated_and_written_past_the_old_offset_is_noticed() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.truncate("app.log");
    bench.write("app.log", "two, longer than before\n");
    bench.look();
    bench.expect(&["1", "two, longer than before"]);
}

#[test]
fn a_held_half_line_survives_the_truncate() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\nhalf");
    bench.look();
    bench.truncate("app.log");
    bench.look();
    bench.write("app.log", "2\n");
    bench.look();
    bench.expect(&["1", "half", "2"]);
}

#[test]
fn a_used_again_inode_is_not_taken_for_the_old_file() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n2\n");
    bench.look();
    // The same inode with other content is what a reused inode looks like.
    bench.truncate("app.log");
    bench.write("app.log", "other\nlines\n");
    bench.restart();
    bench.look();
    bench.expect(&["1", "2", "other", "lines"]);
    assert_eq!(bench.counted("checkpoint_unusable"), 1);
}

#[test]
fn deleted_and_created_again_is_read_to_its_end_and_from_its_beginning() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.write("app.log", "2\n");
    fs::remove_file(bench.path("app.log")).unwrap();
    bench.look();
    assert_eq!(bench.health, Health::Missing);
    bench.wait(60);
    assert!(bench.tail.is_over(), "a deleted file must not hold its disk space for ever");
    bench.write("app.log", "3\n");
    bench.look();
    bench.expect(&["1", "2", "3"]);
}

#[test]
fn a_switched_symlink_is_followed() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("a", "1\n");
    symlink("a", bench.path("app.log")).unwrap();
    bench.look();
    bench.write("a", "2\n");
    bench.write("b", "3\n");
    symlink("b", bench.path("new")).unwrap();
    bench.rename("new", "app.log");
    bench.look();
    symlink("a", bench.path("new")).unwrap();
    bench.rename("new", "app.log");
    bench.write("a", "4\n");
    bench.look();
    bench.expect(&["1", "2", "3", "4"]);
}

#[test]
fn crlf_nul_and_invalid_utf8_pass_or_are_stripped() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", b"crlf\r\n\0\0\0nul\nin\0side\n\xff\xfe\n\0\0\0");
    bench.look();
    bench.write("app.log", b"\0\0after\n");
    bench.look();
    let expected: [&[u8]; 5] = [b"crlf\r", b"nul", b"in\0side", b"\xff\xfe", b"after"];
    assert_eq!(bench.lines, expected);
    assert!(bench.counted("nul_stripped") >= 2);
}

#[test]
fn a_writer_that_goes_on_at_its_old_offset_after_a_truncate_leaves_a_hole_that_is_skipped() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    bench.truncate("app.log");
    let file = OpenOptions::new().write(true).open(bench.path("app.log")).unwrap();
    file.write_all_at(b"2\n", 5_000_000).unwrap();
    bench.stamp("app.log");
    bench.look();
    bench.expect(&["1", "2"]);
    assert_eq!(bench.counted("line_cut"), 0);
}

#[test]
fn a_line_that_is_too_long_is_cut_counted_and_skipped_also_across_a_restart() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "1\n");
    for _ in 0..20 {
        bench.write("app.log", vec![b'x'; 1 << 20]);
        bench.look();
        assert!(bench.tail.files.iter().all(|open| !open.is_holding()), "the rest of a cut line is not kept");
    }
    bench.restart();
    bench.write("app.log", "the rest\n2\n");
    bench.look();
    assert_eq!(bench.lines.len(), 3);
    assert_eq!((bench.lines[1].len(), &bench.lines[2][..]), (1 << 18, &b"2"[..]));
    assert_eq!(bench.counted("line_cut"), 1);
    // And all at once.
    bench.write("app.log", [vec![b'y'; 3 << 20], b"\n3\n".to_vec()].concat());
    bench.look();
    assert_eq!((bench.lines[3].len(), &bench.lines[4][..]), (1 << 18, &b"3"[..]));
}

#[test]
fn random_bytes_never_stop_the_tail() {
    let mut bench = Bench::new(Begin::Beginning);
    let mut seed = 1_u64;
    let mut bytes = Vec::new();
    for _ in 0..200_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push((seed >> 56) as u8);
    }
    bytes.push(b'\n');
    bench.write("app.log", &bytes);
    bench.look();
    let whole = bytes.split(|&b| b == b'\n').filter(|line| !line.starts_with(b"\0")).count();
    assert!(bench.lines.len() >= whole - 1);
}

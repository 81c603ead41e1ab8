//! Places, times and packs of a replay.

use std::io::Write as _;
use std::path::Path;

use heinzel_core::parse::Format;

use super::*;

const PACK: &str = "name = \"a\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\ndescription = \"d\"\n";
const SAMPLES: &str =
    "[[sample]]\nline = \"worker died\"\nfires = true\n[[sample]]\nline = \"worker lives\"\nfires = false\n";

/// A folder with one pack whose only rule has these lines.
fn pack(folder: &Path, samples: &str, lines: &str) {
    let pack = folder.join("a");
    std::fs::create_dir_all(pack.join("samples")).unwrap();
    std::fs::write(pack.join("pack.toml"), PACK).unwrap();
    let rule = format!("#{{ title: \"t\", severity: \"low\", match: `worker died`,\n{lines}\n}}");
    std::fs::write(pack.join("x.rhai"), rule).unwrap();
    std::fs::write(pack.join("samples/x.toml"), samples).unwrap();
}

/// The places of all findings, and what came of them.
fn replay(lines: &str, log: &str) -> (Vec<(u64, Option<u64>)>, Outcomes) {
    let (places, outcomes) = replay_all(lines, &[log], 1);
    (places.into_iter().map(|(_, offset, line)| (offset, line)).collect(), outcomes)
}

/// A finding's time, offset and line.
type Place = (Timestamp, u64, Option<u64>);

fn replay_all(lines: &str, logs: &[&str], threads: usize) -> (Vec<Place>, Outcomes) {
    replay_with(SAMPLES, lines, logs, threads)
}

fn replay_with(samples: &str, lines: &str, logs: &[&str], threads: usize) -> (Vec<Place>, Outcomes) {
    replay_as(Format::Auto, samples, lines, logs, threads)
}

fn replay_as(format: Format, samples: &str, lines: &str, logs: &[&str], threads: usize) -> (Vec<Place>, Outcomes) {
    let folder = tempfile::tempdir().unwrap();
    pack(&folder.path().join("rules"), samples, lines);
    let mut files = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        files.push(folder.path().join(format!("{number}.log")));
        std::fs::write(&files[number], log).unwrap();
    }
    let (live, problems) = Live::load(&[folder.path().join("rules")], None);
    assert!(!problems.iter().any(heinzel_script::problem::Problem::is_error), "{problems:?}");
    let manner = Manner { format, zone: jiff::tz::TimeZone::UTC, year: None, program: None, customers: false };
    let (live, policy, threads) = (Arc::new(live), Policy::default(), NonZeroUsize::new(threads).unwrap());
    let replay = Replay { live, policy, manner, files, since: None, threads };
    let mut places = Vec::new();
    let each = |finding: &Claim<'_>| {
        places.push((finding.time, finding.offset, finding.line));
        Ok(())
    };
    let outcomes = replay.run(each, &|_| {}).unwrap();
    (places, outcomes)
}

#[test]
fn several_threads_read_several_logs_as_one_thread_does() {
    // More than one block each; some lines have no time, some stand out of order.
    let log = |step: usize, length: usize| {
        let line = |number: usize| match number % 7 {
            0 => format!("{} web{} x: worker died\n", Timestamp::from_seconds((number * step) as i64), number % 3),
            3 => "worker died without saying when\n".to_owned(),
            5 if number.is_multiple_of(2) => "1970-01-01T00:00:30Z web1 x: worker died\n".to_owned(),
            _ => {
                format!("{} web1 x: nothing happened here {number}\n", Timestamp::from_seconds((number * step) as i64))
            }
        };
        (0..length).map(line).collect::<String>()
    };
    let (short, long, empty) = (log(5, 3_000), log(1, 30_000), String::new());
    for logs in [&[&*long][..], &[&*long, &*short, &*empty]] {
        let (places, outcomes) = replay_all("trigger: #{ count: 3, within: \"10m\", by: [\"host\"] },", logs, 1);
        assert!(places.len() > 8_000 && outcomes.incidents.len() > 1, "{} {}", places.len(), outcomes.incidents.len());
        for threads in 2..5 {
            let same = replay_all("trigger: #{ count: 3, within: \"10m\", by: [\"host\"] },", logs, threads);
            assert!(same.0 == places, "{threads} threads");
            let shown = |o: &Outcomes| {
                let (complaints, incidents) = (o.complaints.len(), o.incidents.len());
                format!("{:?} {:?} {:?} {:?} {complaints} {incidents}", o.bytes, o.lines, o.findings, o.span)
            };
            assert_eq!(shown(&same.1), shown(&outcomes));
        }
    }
}

#[test]
fn a_line_that_stands_for_several_counts_as_often() {
    let log = |times: usize| {
        format!(
            "Mar  1 10:00:00 web1 x[7]: worker died\nMar  1 10:00:30 web1 x[7]: message repeated {times} times: [ worker died]\n"
        )
    };
    let came = |format, times: usize| {
        let (places, outcomes) =
            replay_as(format, SAMPLES, "trigger: #{ count: 5, within: \"10m\" },", &[&log(times)], 1);
        (places.len(), outcomes.incidents.len())
    };
    for format in [Format::Auto, Format::Syslog] {
        assert_eq!(came(format, 3), (2, 0));
        assert_eq!(came(format, 4), (2, 1));
        assert_eq!(came(format, 4_000_000_000), (2, 1));
    }
}

#[test]
fn a_finding_in_decoded_json_has_the_line_and_the_byte_of_the_file() {
    let one = r#"{"time":"2026-03-01T10:00:00Z","message":"a\nb\nc \"quoted\""}"#;
    let two = r#"{"time":"2026-03-01T10:00:01Z","message":"worker died\nwith \"words\""}"#;
    let (places, _) = replay("", &format!("{one}\r\n\r\n{two}\r\n{one}\n{two}\n"));
    let second = one.len() + 2 + 2;
    let fourth = second + two.len() + 2 + one.len() + 1;
    assert_eq!(places, [(second as u64, Some(3)), (fourth as u64, Some(5))]);
}

#[test]
fn silence_at_the_end_of_a_log_is_an_absence() {
    let absence = "trigger: #{ absence: \"1h\" },";
    let log = |last: &str| {
        format!(
            "2026-03-01T09:00:00Z web1 x: start\n2026-03-01T10:00:00Z web1 x: worker died\n{last} web1 x: still here\n"
        )
    };
    assert_eq!(replay(absence, &log("2026-03-01T10:30:00Z")).1.incidents.len(), 0);
    assert_eq!(replay(absence, &log("2026-03-01T11:30:00Z")).1.incidents.len(), 1);
    // Also when it was never there.
    let never = "2026-03-01T09:00:00Z web1 x: start\n2026-03-01T11:00:00Z web1 x: end\n";
    assert_eq!(replay(absence, never).1.incidents.len(), 1);
}

#[test]
fn what_never_writes_into_a_log_is_not_absent_there() {
    let absence = "program: [\"cron*\", \"CRON\"], trigger: #{ absence: \"26h\" },";
    let samples = SAMPLES.replace("\"\nfires", "\"\nprogram = \"cron\"\nfires");
    let log = |line: &str| {
        format!("2026-03-01T09:00:00Z web1 {line}\n2026-03-04T09:00:00Z web1 dpkg[9]: status installed cron\n")
    };
    let came = |line: &str| {
        let (_, outcomes) = replay_with(&samples, absence, &[&log(line)], 2);
        (
            outcomes.incidents.len(),
            outcomes.complaints.iter().any(|c| c.contains("whether they are absent is not judged")),
        )
    };
    assert_eq!(came("dpkg[9]: status installed x"), (0, true));
    assert_eq!(came("dpkg[9]: cron CRON anacron"), (0, true), "others only speak of it");
    assert_eq!(came("CRON[7]: (root) CMD (true)"), (1, false));
    assert_eq!(came("crond[7]: hello"), (1, false));
}

#[test]
fn a_broken_pack_of_the_operator_still_hides_the_one_that_came_with_heinzel() {
    let folder = tempfile::tempdir().unwrap();
    let (own, shipped) = (folder.path().join("own"), folder.path().join("shipped"));
    pack(&own, SAMPLES, "nonsense: 5,");
    pack(&shipped, SAMPLES, "");
    let (live, problems) = Live::load(&[own, shipped], None);
    assert!(live.rules.rules.is_empty() && problems.iter().any(heinzel_script::problem::Problem::is_error));
}

#[test]
fn a_log_is_read_without_colours_and_byte_order_mark_and_utf_16_is_said() {
    let (places, outcomes) = replay("", "\u{feff}2026-01-01T00:00:00Z x: worker died\n\x1b[1;31mworker\x1b[0m died\n");
    assert_eq!(places.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert!(outcomes.span.is_some(), "the first line has a time");
    let (places, outcomes) = replay("", "w\0o\0r\0k\0e\0r\0 \0d\0i\0e\0d\0\n\0");
    assert!(places.is_empty() && outcomes.complaints[0].contains("UTF-16"), "{:?}", outcomes.complaints);
}

/// The blocks of a file, each with its offset; between finding where one ends and reading it, `meanwhile` happens.
fn blocks(file: &Path, mut meanwhile: impl FnMut(usize)) -> Vec<(u64, Vec<u8>)> {
    let live = Arc::new(Live::load(&[], None).0);
    let zone = jiff::tz::TimeZone::UTC;
    let manner = Manner { format: Format::Auto, zone, year: None, program: None, customers: false };
    let mut log = Log::open(file, 0, &manner).unwrap();
    let mut blocks = Vec::new();
    while let Some(next) = log.next(&live, vec![b'x'; 77]).unwrap() {
        meanwhile(blocks.len());
        let (block, _) = next.read().unwrap();
        blocks.push((block.offset, block.bytes));
    }
    blocks
}

/// A pipe with these bytes, as a file.
fn piped(folder: &Path, bytes: &[u8]) -> PathBuf {
    let (pipe, bytes) = (folder.join("pipe"), bytes.to_vec());
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let into = pipe.clone();
    std::thread::spawn(move || std::fs::write(into, bytes).unwrap());
    pipe
}

#[test]
fn the_blocks_of_a_file_are_its_lines_wherever_they_end_and_a_pipe_gives_the_same() {
    let line = |length: usize| [vec![b'a'; length - 1], vec![b'\n']].concat();
    let many = |length: usize, bytes: usize| line(length).repeat(bytes / length);
    let files = [
        vec![],
        b"one line without an end".to_vec(),
        many(100, 1_000_000),
        // Line ends just at the borders of blocks, and just behind them.
        many(256, 1 << 20),
        [line(255), many(256, 1 << 20)].concat(),
        // Lines longer than what is looked at for their end, and longer than a block.
        many(5_000, 900_000),
        [many(300_000, 1_200_000), b"the last".to_vec()].concat(),
        [many(90, 500_000), line(700_000), many(90, 500_000)].concat(),
        vec![b'\n'; 600_000],
    ];
    for bytes in files {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.log");
        std::fs::write(&file, &bytes).unwrap();
        let mut whole = bytes.clone();
        if whole.last().is_some_and(|last| *last != b'\n') {
            whole.push(b'\n');
        }
        for blocks in [blocks(&file, |_| {}), blocks(&piped(folder.path(), &bytes), |_| {})] {
            let mut offset = 0;
            for (at, block) in &blocks {
                assert_eq!(*at, offset);
                assert!(block.is_empty() || block.ends_with(b"\n"), "a line is cut at {at}");
                offset += block.len() as u64;
            }
            assert!(blocks.into_iter().flat_map(|(_, block)| block).eq(whole.iter().copied()));
        }
    }
}

#[test]
fn a_file_that_is_cut_short_or_grows_while_it_is_read_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    std::fs::write(&file, b"0123456789\n".repeat(100_000)).unwrap();
    let open = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    let shorter = blocks(&file, |number| {
        if number == 1 {
            open.set_len(300_005).unwrap();
        }
    });
    let text = String::from_utf8(shorter.into_iter().flat_map(|(_, block)| block).collect()).unwrap();
    assert_eq!(text.lines().count(), 27_274);
    assert!(
        text.lines().rev().skip(1).all(|line| line == "0123456789") && text.ends_with("\n01\n"),
        "{:?}",
        &text[text.len() - 40..]
    );
    let longer = blocks(&file, |number| {
        if number == 0 {
            std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"23456789\nmore\n").unwrap();
        }
    });
    let text = String::from_utf8(longer.into_iter().flat_map(|(_, block)| block).collect()).unwrap();
    assert!(text.ends_with("\n0123456789\nmore\n"), "{:?}", &text[text.len() - 40..]);
}

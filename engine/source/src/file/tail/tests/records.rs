//! Records of several lines, and records that are too old.

use heinzel_core::time::Timestamp;

use super::*;
use crate::settings::{Border, Multiline};

fn stack_traces() -> Rules {
    let multiline = Multiline { border: Border::Indent, max_lines: 500, wait: Duration::from_secs(1) };
    Rules { multiline: Some(multiline), ..rules() }
}

#[test]
fn records_of_several_lines_are_held_until_the_next_begins_or_the_wait_is_over() {
    let mut bench = Bench::with(stack_traces(), Begin::Beginning);
    bench.write("app.log", "1\n  at x\n2\n  at");
    bench.look();
    bench.expect(&["1\n  at x"]);
    bench.write("app.log", " y\n");
    bench.look();
    bench.expect(&["1\n  at x"]);
    bench.wait(2);
    bench.expect(&["1\n  at x", "2\n  at y"]);
    bench.write("app.log", "3\n");
    bench.look();
    // A restart reads the held record again.
    bench.restart();
    bench.write("app.log", " z\n4\n");
    bench.look();
    bench.expect(&["1\n  at x", "2\n  at y", "3\n z"]);
    bench.rename("app.log", "app.log.1");
    bench.write("app.log", "5\n");
    bench.wait(2);
    bench.wait(2);
    bench.expect(&["1\n  at x", "2\n  at y", "3\n z", "4", "5"]);
}

#[test]
fn what_is_held_behind_a_record_is_looked_at_when_its_wait_is_over() {
    for look in [Tail::look, Tail::look_at_open] {
        let mut bench = Bench::with(stack_traces(), Begin::Beginning);
        bench.write("app.log", "0\n");
        bench.look();
        bench.write("app.log", "1\n  at x\n2\n");
        let looked = look(&mut bench.tail, bench.now);
        assert_eq!(looked.chunk.unwrap().bytes, b"0\n1\n  at x\n");
        assert_eq!((looked.more, looked.again_at), (false, Some(bench.now + Duration::from_secs(1))));
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.tail.look(bench.now).chunk.unwrap().bytes, b"2\n");
    }
}

#[test]
fn a_rotated_file_is_closed_in_its_time_however_busy_the_new_one_is() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "0\n");
    bench.look();
    bench.rename("app.log", "app.log.1");
    bench.write("app.log", "1\n");
    bench.look();
    for second in 1..40 {
        bench.now += Duration::from_secs(1);
        bench.write("app.log", format!("{second}\n"));
        let looked = bench.tail.look(bench.now);
        assert!(looked.chunk.is_some() && !looked.more);
        assert_eq!(bench.tail.files.len(), if second < 30 { 2 } else { 1 }, "{second}");
    }
}

#[test]
fn since_drops_what_is_too_old_and_reads_the_rotated_file_too() {
    let time_of =
        |line: &[u8]| std::str::from_utf8(line).ok()?.split(' ').next()?.parse().ok().map(Timestamp::from_seconds);
    let since = |cutoff| Begin::Since(Since { cutoff: Timestamp::from_seconds(cutoff), time_of: Arc::new(time_of) });
    let mut bench = Bench::new(since(1_700_000_001));
    bench.write("app.log.1", "1600000000 old\n1700000005 new\n");
    bench.write("app.log", "1700000006 newer\nundated\n1500000000 stays, since order is the file's\n");
    bench.look();
    assert_eq!(bench.lines.len(), 4);
    assert_eq!(bench.lines[0], b"1700000005 new");

    let mut bench = Bench::new(since(1_800_000_000));
    bench.write("app.log", "1600000000 old\nundated\n");
    bench.look();
    bench.expect(&[]);
    assert!(bench.state.is_some());
    bench.write("app.log", "undated, but new\n");
    bench.look();
    bench.expect(&["undated, but new"]);
}

#[test]
fn of_a_new_log_only_the_rotated_files_are_read_that_are_new_too() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log.3", "old\n");
    let last = Seen::of(&fs::metadata(bench.path("app.log.3")).unwrap()).mtime_ns;
    bench.write("app.log.2", "1\n");
    bench.write("app.log.1", "2\n");
    bench.write("app.log", "3\n");
    bench.tail = Tail::new(bench.path("app.log"), bench.rules.clone(), Begin::New(last));
    for _ in 0..2 {
        bench.look();
        bench.wait(60);
        bench.expect(&["1", "2", "3"]);
        bench.restart();
    }
}

#[test]
fn a_byte_order_mark_and_colours_are_no_part_of_a_line_and_offsets_stay_right() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "\u{feff}first\n\x1b[1;31mFAULT\x1b[0m id=1\n");
    bench.look();
    bench.restart();
    bench.write("app.log", "\x1b[33mlast\x1b[0m\n\u{feff}not at the beginning\n");
    bench.look();
    bench.expect(&["first", "FAULT id=1", "last", "\u{feff}not at the beginning"]);
    assert_eq!((bench.counted("checkpoint_unusable"), &bench.complaints), (0, &Vec::new()));
}

#[test]
fn utf_16_is_complained_of_once_a_file() {
    for begin in [Begin::Beginning, Begin::End] {
        let mut bench = Bench::new(begin);
        let text: Vec<u8> = "\u{feff}FAULT id=1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        bench.write("app.log", &text);
        bench.look();
        for _ in 0..3 {
            bench.write("app.log", &text);
            bench.look();
        }
        let [complaint] = &bench.complaints[..] else { panic!("{:?}", bench.complaints) };
        assert!(complaint.contains("app.log: it is written in UTF-16") && complaint.contains("iconv"), "{complaint}");
    }
}

//! Files that bytes were appended to, or so it seems.

use super::*;

/// What a file holds: lines that make its head, lines that stand before its end, and one more.
fn text(head: char, trail: char, end: &str) -> String {
    format!("{}\n{}\n{end}", head.to_string().repeat(299), trail.to_string().repeat(99))
}

#[test]
fn a_file_written_anew_and_longer_is_told_by_its_head_or_by_what_lies_before_the_offset() {
    for (head, trail) in [('H', 't'), ('h', 'T'), ('H', 'T')] {
        for look in [Bench::look, Bench::hear] {
            let mut bench = Bench::new(Begin::Beginning);
            bench.write("app.log", text('h', 't', ""));
            bench.look();
            bench.truncate("app.log");
            bench.write("app.log", text(head, trail, "more\n"));
            look(&mut bench);
            let written = text('h', 't', "") + &text(head, trail, "more\n");
            bench.expect(&written.lines().collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_grows_by_much_at_once_comes_in_blocks() {
    let mut bench = Bench::with(Rules { block: 10_000, max_line: 100, ..rules() }, Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    for lines in [1, 900, 1_100, 50_000] {
        bench.write("app.log", "a line\n".repeat(lines));
        let mut looked = bench.tail.look_at_open(bench.now);
        let mut come = 0;
        loop {
            let bytes = looked.chunk.map_or(0, |chunk| chunk.bytes.len());
            assert!(bytes <= 10_000, "{bytes} of {lines} lines");
            come += bytes;
            if !looked.more {
                break;
            }
            looked = bench.tail.look(bench.now);
        }
        assert_eq!(come, lines * 7);
    }
}

#[test]
fn a_line_that_grows_too_long_piece_by_piece_is_cut_once() {
    let mut bench = Bench::with(Rules { block: 1_000, max_line: 100, ..rules() }, Begin::Beginning);
    bench.write("app.log", "1\n");
    bench.look();
    for _ in 0..50 {
        bench.write("app.log", "x".repeat(30));
        bench.hear();
    }
    bench.write("app.log", "\n2\n");
    bench.hear();
    bench.expect(&["1", &"x".repeat(100), "2"]);
    assert_eq!(bench.counted("line_cut"), 1);
}

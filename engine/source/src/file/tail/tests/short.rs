//! Logs of a single short line: there is hardly anything to know their file by.

use super::*;

/// A line of `length` bytes, its end included, that begins as no other line here does.
fn line(length: usize) -> String {
    format!("{}\n", "z".repeat(length - 1))
}

/// Whether the engine runs while the log is rotated.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Runs,
    LooksInBetween,
    IsDown,
}

fn copytruncate(length: usize, unread: &str, engine: Engine) {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", line(length));
    bench.look();
    bench.write("app.log", unread);
    bench.copy("app.log", "app.log.1");
    bench.truncate("app.log");
    match engine {
        Engine::Runs => {}
        Engine::LooksInBetween => bench.look(),
        Engine::IsDown => bench.restart(),
    }
    bench.write("app.log", "x\n");
    bench.look();
    bench.wait(60);
    let written = format!("{}{unread}x\n", line(length));
    let expected: Vec<&str> = written.lines().collect();
    let lines: Vec<String> = bench.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert_eq!(lines, expected, "a line of {length} bytes, {unread:?} unread, the engine {engine:?}");
    assert_eq!(bench.counted("checkpoint_unusable"), 0);
}

#[test]
fn copytruncate_of_a_short_log_neither_loses_nor_repeats_whatever_its_length() {
    for length in 1..=100 {
        for engine in [Engine::Runs, Engine::LooksInBetween, Engine::IsDown] {
            copytruncate(length, "", engine);
            copytruncate(length, "y\n", engine);
        }
    }
}

#[test]
fn a_short_copy_of_less_than_was_read_is_not_read_again() {
    for length in 1..=100 {
        for is_down in [false, true] {
            let mut bench = Bench::new(Begin::Beginning);
            bench.write("app.log", line(length));
            bench.look();
            bench.copy("app.log", "app.log.1");
            bench.write("app.log", "y\n");
            bench.look();
            bench.truncate("app.log");
            bench.stamp("app.log.1");
            if is_down {
                bench.restart();
            }
            bench.write("app.log", "x\n");
            bench.look();
            bench.wait(60);
            bench.expect(&[line(length).trim_end(), "y", "x"]);
        }
    }
}

#[test]
fn short_logs_that_begin_alike_are_each_read_after_a_rename() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "start\n");
    bench.look();
    bench.rename("app.log", "app.log.2");
    bench.write("app.log.1", "start\n1\n");
    bench.write("app.log", "start\n2\n");
    bench.look();
    bench.expect(&["start", "start", "1", "start", "2"]);
}

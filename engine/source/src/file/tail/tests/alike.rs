//! Files that begin alike: with a date, an address, the name of the machine.

use super::*;

/// A line of 48 bytes, of which the last two alone tell it from others.
fn line(number: usize) -> String {
    format!("2026-11-23T00:00:00+01:00 web01 app[1]: FAULT i{number:02}\n")
}

fn text(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

fn check(bench: &Bench, lines: usize, what: &str) {
    let came: Vec<String> = bench.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect();
    assert_eq!(came, (0..lines).map(line).collect::<Vec<_>>(), "{what}");
    assert_eq!((bench.counted("checkpoint_unusable"), &bench.complaints), (0, &Vec::new()), "{what}");
}

#[test]
fn a_small_file_between_two_rotations_while_down_is_read_however_small_it_is() {
    for names in [["app.log.3", "app.log.2", "app.log.1"], ["app.log-20261121", "app.log-20261122", "app.log-20261123"]]
    {
        for lines in 1..9 {
            // So many of the oldest are packed.
            for packed in 0..4 {
                let mut bench = Bench::new(Begin::Beginning);
                bench.write("app.log", text(0..10));
                bench.look();
                bench.write("app.log", text(10..15));
                bench.rename("app.log", names[0]);
                bench.write(names[1], text(15..15 + lines));
                bench.write(names[2], text(15 + lines..15 + 2 * lines));
                names.iter().take(packed).for_each(|name| bench.pack(name));
                bench.write("app.log", text(15 + 2 * lines..20 + 2 * lines));
                let what = format!("{names:?}, {lines} lines, {packed} packed");
                for _ in 0..3 {
                    bench.restart();
                    bench.look();
                    bench.wait(60);
                    check(&bench, 20 + 2 * lines, &what);
                }
            }
        }
    }
}

#[test]
fn a_small_file_between_two_rotations_is_read_when_the_engine_runs() {
    for lines in 1..9 {
        let mut bench = Bench::new(Begin::Beginning);
        bench.write("app.log", text(0..10));
        bench.look();
        bench.rename("app.log", "app.log.2");
        bench.write("app.log.1", text(10..10 + lines));
        bench.write("app.log", text(10 + lines..20));
        bench.look();
        bench.wait(60);
        check(&bench, 20, &format!("{lines} lines"));
    }
}

#[test]
fn a_short_copy_is_known_by_all_its_bytes() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", text(0..2));
    bench.look();
    bench.copy("app.log", "app.log.1");
    bench.write("app.log", text(2..4));
    bench.look();
    bench.truncate("app.log");
    bench.stamp("app.log.1");
    bench.write("app.log", text(4..5));
    bench.restart();
    bench.look();
    bench.wait(60);
    check(&bench, 5, "a copy of two lines of four");
}

#[test]
fn files_of_nothing_but_equal_lines_are_told_from_copies_by_their_length() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", line(0).repeat(10));
    bench.look();
    bench.write("app.log", line(0));
    bench.rename("app.log", "app.log.2");
    bench.write("app.log.1", line(0).repeat(5));
    bench.write("app.log", line(0).repeat(2));
    bench.restart();
    bench.look();
    bench.wait(60);
    assert_eq!((bench.lines.len(), bench.counted("checkpoint_unusable")), (18, 0));
}

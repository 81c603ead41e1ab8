//! Rotated and packed while nobody read.

use super::*;

/// A line that no other file begins with.
fn line(number: usize) -> String {
    format!("{number:04} some words that make a line as long as lines of logs are")
}

fn text(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| line(number) + "\n").collect()
}

fn check(bench: &Bench, numbers: std::ops::Range<usize>) {
    let lines: Vec<String> = bench.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert_eq!(lines, numbers.map(line).collect::<Vec<_>>());
    assert_eq!((bench.counted("checkpoint_unusable"), &bench.complaints), (0, &Vec::new()));
}

#[test]
fn what_was_packed_while_down_is_read_on_from_the_checkpoint() {
    for name in ["app.log.1", "app.log-20261122", "app-20261122.log"] {
        for read in [1, 3, 4, 5, 100] {
            for keeps_time in [true, false] {
                let mut bench = Bench::new(Begin::Beginning);
                bench.write("app.log.7", text(900..902));
                bench.pack("app.log.7");
                bench.write("app.log", text(0..read));
                bench.look();
                bench.write("app.log", text(read..read + 2));
                bench.rename("app.log", name);
                bench.pack(name);
                if !keeps_time {
                    bench.stamp(&format!("{name}.gz"));
                }
                bench.write("app.log", text(read + 2..read + 3));
                bench.restart();
                bench.look();
                check(&bench, 0..read + 3);
                for _ in 0..2 {
                    bench.wait(60);
                    bench.restart();
                    bench.look();
                    check(&bench, 0..read + 3);
                }
            }
        }
    }
}

#[test]
fn short_logs_packed_while_down_are_read_on_whatever_their_length() {
    for length in 1..=100 {
        let first = "z".repeat(length - 1);
        let mut bench = Bench::new(Begin::Beginning);
        bench.write("app.log", format!("{first}\n"));
        bench.look();
        bench.write("app.log", "unread\n");
        bench.rename("app.log", "app.log.1");
        bench.pack("app.log.1");
        bench.write("app.log", "x\n");
        bench.restart();
        bench.look();
        bench.expect(&[&first, "unread", "x"]);
    }
}

#[test]
fn several_generations_packed_while_down_are_read_in_order() {
    for keeps_time in [true, false] {
        let mut bench = Bench::new(Begin::Beginning);
        bench.write("app.log", text(0..3));
        bench.look();
        bench.write("app.log", text(3..5));
        bench.rename("app.log", "app.log.4");
        bench.write("app.log.3", text(5..7));
        bench.write("app.log.2", text(7..9));
        for name in ["app.log.3", "app.log.4", "app.log.2"] {
            bench.pack(name);
            if !keeps_time {
                bench.stamp(&format!("{name}.gz"));
            }
        }
        bench.write("app.log.1", text(9..11));
        bench.write("app.log", text(11..12));
        bench.restart();
        bench.look();
        check(&bench, 0..12);
    }
}

#[test]
fn a_log_that_was_empty_when_it_ended_is_found_packed() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", text(0..2));
    bench.look();
    bench.rename("app.log", "app.log.1");
    bench.write("app.log", "");
    bench.look();
    bench.wait(60);
    bench.write("app.log", text(2..4));
    bench.rename("app.log.1", "app.log.2");
    bench.rename("app.log", "app.log.1");
    bench.pack("app.log.2");
    bench.pack("app.log.1");
    bench.write("app.log", text(4..5));
    bench.restart();
    bench.look();
    check(&bench, 0..5);
}

#[test]
fn a_kill_while_a_packed_file_is_read_neither_loses_nor_repeats() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", text(0..100));
    bench.look();
    bench.write("app.log", text(100..40_000));
    bench.rename("app.log", "app.log.2");
    bench.pack("app.log.2");
    bench.write("app.log.1", text(40_000..40_010));
    bench.pack("app.log.1");
    bench.write("app.log", text(40_010..40_020));
    // Each reader comes one block further.
    for _ in 0..10 {
        bench.restart();
        bench.look_once(Tail::look);
    }
    bench.look();
    check(&bench, 0..40_020);
}

#[test]
fn what_is_nowhere_to_be_found_is_complained_of_with_place_and_way_out() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", text(0..1));
    bench.look();
    let inode = Seen::of(&fs::metadata(bench.path("app.log")).unwrap()).key.inode;
    bench.write("app.log", text(1..2));
    fs::create_dir(bench.path("old")).unwrap();
    bench.rename("app.log", "old/app.log.1");
    // Another log of that name.
    bench.write("app.log.1", text(500..501));
    bench.pack("app.log.1");
    bench.write("app.log", text(2..3));
    bench.restart();
    bench.look();
    bench.look();
    let [complaint] = &bench.complaints[..] else { panic!("{:?}", bench.complaints) };
    let offset = text(0..1).len();
    for part in [
        bench.path("app.log").display().to_string(),
        format!("inode {inode}"),
        format!("from byte {offset} on"),
        "`heinzel replay FILE`".to_owned(),
    ] {
        assert!(complaint.contains(&part), "{part}: {complaint}");
    }
    assert_eq!(bench.counted("checkpoint_unusable"), 1);
}

#[test]
fn a_packed_file_that_breaks_or_has_no_end_is_complained_of_and_the_rest_is_read() {
    let mut all = text(0..50_000).into_bytes();
    all.resize(all.len() + (40 << 20), 0);
    for (cut, why) in [(true, "unpack "), (false, "more than")] {
        let mut bench = Bench::new(Begin::Beginning);
        bench.write("app.log", text(0..10));
        bench.look();
        bench.write("app.log", &all[text(0..10).len()..]);
        bench.rename("app.log", "app.log.1");
        bench.pack("app.log.1");
        if cut {
            let packed = OpenOptions::new().write(true).open(bench.path("app.log.1.gz")).unwrap();
            packed.set_len(packed.metadata().unwrap().len() / 2).unwrap();
            bench.stamp("app.log.1.gz");
        }
        bench.write("app.log", "the rest\n");
        bench.restart();
        bench.look();
        bench.wait(60);
        bench.wait(60);
        assert_eq!(bench.lines.last().unwrap(), b"the rest");
        let [complaint] = &bench.complaints[..] else { panic!("{why}: {:?}", bench.complaints) };
        let path = bench.path("app.log.1.gz").display().to_string();
        assert!(complaint.contains(why) && complaint.contains(&format!("heinzel replay {path}")), "{complaint}");
    }
}

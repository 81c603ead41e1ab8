//! More rotated files than are opened.

use super::*;

#[test]
fn names_of_rotated_files_without_end_are_not_all_opened() {
    let mut bench = Bench::new(Begin::Beginning);
    bench.write("app.log", "0\n");
    bench.look();
    bench.rename("app.log", "app.log.400");
    for number in (1..400).rev() {
        bench.write(&format!("app.log.{number}"), format!("{}\n", 400 - number));
    }
    bench.write("app.log", "400\n");
    bench.look_once(Tail::look);
    assert!(bench.tail.files.len() <= 258, "{}", bench.tail.files.len());
    bench.look();
    let read: Vec<String> = bench.lines.iter().map(|line| String::from_utf8_lossy(line).trim().to_owned()).collect();
    assert_eq!((read.first().unwrap().as_str(), read.last().unwrap().as_str()), ("0", "400"));
    assert!(read.contains(&"399".to_owned()) && !read.contains(&"1".to_owned()), "the newest: {read:?}");
    assert!(bench.complaints.iter().any(|text| text.contains("more than 256 files")), "{:?}", bench.complaints);
}

#[test]
fn many_rotated_files_that_were_read_are_no_complaint() {
    let mut bench = Bench::new(Begin::End);
    for number in (1..400).rev() {
        bench.write(&format!("app.log.{number}"), "old\n");
    }
    bench.write("app.log", "0\n");
    bench.look();
    bench.rename("app.log", "app.log.0");
    bench.write("app.log", "1\n");
    bench.look();
    assert_eq!((bench.lines.len(), bench.complaints.len()), (1, 0), "{:?}", bench.complaints);
}

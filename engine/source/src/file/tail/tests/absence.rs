//! Logs that are not there: rotated away, removed, or with their whole volume.

use super::*;

fn is_degraded(bench: &Bench, words: &str) -> bool {
    matches!(&bench.health, Health::Degraded { why } if why.contains(words) && why.contains("proves nothing"))
}

fn followed(of_glob: bool) -> Bench {
    let mut bench = Bench::new(Begin::Beginning);
    if of_glob {
        let tail = Tail::new(bench.path("app.log"), bench.rules.clone(), Begin::Beginning);
        bench.tail = tail.found_by(&bench.path("*.log").display().to_string());
    }
    bench.write("app.log", "1\n");
    bench.look();
    bench
}

#[test]
fn with_its_folder_gone_a_log_is_degraded_at_once_until_it_is_back() {
    for of_glob in [false, true] {
        let mut bench = followed(of_glob);
        let (there, away) = (bench.folder.path().to_owned(), bench.folder.path().with_extension("away"));
        fs::rename(&there, &away).unwrap();
        bench.look();
        assert!(is_degraded(&bench, "is gone"), "{:?}", bench.health);
        bench.wait(3600);
        assert!(is_degraded(&bench, "is gone"));
        if !of_glob {
            bench.restart();
            bench.look();
            assert!(is_degraded(&bench, "is gone"), "also after a restart");
        }
        fs::rename(&away, &there).unwrap();
        bench.write("app.log", "2\n");
        bench.look();
        assert_eq!(bench.health, Health::Ok);
        bench.expect(&["1", "2"]);
    }
}

#[test]
fn a_log_that_was_rotated_away_is_well_until_the_next_line_makes_a_new_one() {
    for packs in [false, true] {
        let mut bench = followed(false);
        bench.rename("app.log", "app.log.1");
        if packs {
            bench.pack("app.log.1");
        }
        for seconds in [0, 1, 3600] {
            bench.wait(seconds);
            assert_eq!(bench.health, Health::Ok);
        }
        bench.restart();
        bench.look();
        bench.wait(3600);
        assert_eq!(bench.health, Health::Ok);
        bench.write("app.log", "2\n");
        bench.look();
        bench.expect(&["1", "2"]);
    }
}

#[test]
fn a_removed_log_is_degraded_after_a_minute_unless_a_glob_found_it() {
    for of_glob in [false, true] {
        let mut bench = followed(of_glob);
        fs::remove_file(bench.path("app.log")).unwrap();
        bench.look();
        assert_eq!(bench.health, Health::Missing);
        bench.wait(59);
        assert_eq!(bench.health, Health::Missing, "a program that starts again");
        bench.wait(2);
        assert_eq!(is_degraded(&bench, "it was removed"), !of_glob, "{:?}", bench.health);
        bench.write("app.log", "2\n");
        bench.look();
        assert_eq!(bench.health, Health::Ok);
    }
}

//! Real lines, where the public samples are at hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// Real samples of four log families (the loghub collection), where the folder that `HEINZEL_LOGHUB` names, or
/// `../shared/loghub` beside the checkout, holds them: every line gives its time and program as the samples' own table says.
#[test]
fn loghub_samples_give_time_and_program() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/loghub");
    let folder = std::env::var_os("HEINZEL_LOGHUB").map_or(beside, Into::into);
    if !folder.is_dir() {
        eprintln!("SKIPPED: no loghub samples in {}; name their folder in HEINZEL_LOGHUB", folder.display());
        return;
    }
    for name in ["Linux", "OpenSSH", "Apache", "Mac"] {
        let read = |file: String| {
            std::fs::read(folder.join(name).join(file)).map(|b| String::from_utf8_lossy(&b).into_owned())
        };
        let (Ok(log), Ok(table)) = (read(format!("{name}_2k.log")), read(format!("{name}_2k.log_structured.csv")))
        else {
            eprintln!("SKIPPED: loghub sample {name} is not there");
            continue;
        };
        let mut rows = table.lines();
        let columns: Vec<&str> = rows.next().unwrap().split(',').collect();
        let (mut right, mut wrong) = (0, Vec::new());
        for (line, row) in log.lines().zip(rows) {
            let row: BTreeMap<&str, &str> = columns.iter().copied().zip(row.split(',')).collect();
            if parsed_as_told(name, line, &row) { right += 1 } else { wrong.push(line) }
        }
        eprintln!("{name}: {right} of {}", right + wrong.len());
        assert!(right >= 1980 && wrong.len() * 100 <= right, "{name}: {right} right, first wrong: {:?}", wrong.first());
    }
}

/// Compares with one row. OpenSSH's table calls the month `Date`, the host `Component`, and leaves the program (sshd) out.
fn parsed_as_told(name: &str, line: &str, row: &BTreeMap<&str, &str>) -> bool {
    let context = Context { zone: TimeZone::UTC, year: Some(2005), ..context() };
    let parsed = parse(Format::Auto, line.as_bytes(), &context);
    let stamp = &parsed.stamp;
    let Some(time) = stamp.time else { return false };
    if name == "Apache" {
        let told = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %Y", row["Time"]).unwrap().to_datetime().unwrap();
        let told = told.to_zoned(TimeZone::UTC).unwrap().timestamp();
        return time == told.into() && row["Content"].ends_with(parsed.message.trim_end()) && stamp.level.is_some();
    }
    let (month, day) = if name == "OpenSSH" { ("Date", "Day") } else { ("Month", "Date") };
    let told = format!("2005 {} {} {}", row[month], row[day], row["Time"]);
    let told = jiff::fmt::strtime::parse("%Y %b %d %H:%M:%S", told).unwrap().to_datetime().unwrap();
    let (program, pid) = if name == "OpenSSH" { ("sshd", row["Pid"]) } else { (row["Component"], row["PID"]) };
    time == told.to_zoned(TimeZone::UTC).unwrap().timestamp().into()
        && stamp.program.as_deref() == Some(program)
        && stamp.pid.map(|p| p.to_string()).unwrap_or_default() == pid
}

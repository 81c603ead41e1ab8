//! The comparison as Markdown.

use serde_json::Value;

/// All engines of one rule set on one log.
pub fn set(set: &Value) {
    println!("\n### {} rules, {} log\n", set["rules"], word(&set["log"]));
    println!("| | ns/line | lines/s | MB/s | pairs | build CPU s | build MB | scan MB | of the log |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in set["engines"].as_array().into_iter().flatten() {
        let figure = |key: &str, digits: usize| format!("{:.digits$}", row[key].as_f64().unwrap_or(f64::NAN));
        let weak = if row["weak"] == true { " + six weak" } else { "" };
        let ours = row["engine"].as_str().is_some_and(|engine| engine.starts_with("ours"));
        let version = row["version"].as_str().filter(|_| !ours).and_then(|version| version.split(' ').next());
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        let part = if row["whole_log"] == true { "all".to_owned() } else { format!("{} lines", row["lines"]) };
        println!(
            "| {}{version}{weak} | {} | {} | {} | {} | {} | {} | {} | {part} |",
            word(&row["engine"]),
            figure("ns_line", 1),
            figure("lines_s", 0),
            figure("mb_s", 0),
            row["pairs"],
            figure("build_cpu_s", 3),
            figure("build_mb", 0),
            figure("scan_mb", 0),
        );
    }
    let ours = set["engines"].as_array().and_then(|rows| rows.first());
    println!("\nours: {}", ours.map(|row| word(&row["version"])).unwrap_or_default());
    for ratio in set["ratios"].as_array().into_iter().flatten() {
        let weak = if ratio["weak"] == true { ", with six weak rules" } else { "" };
        let times = ratio["ratio"].as_f64().unwrap_or(f64::NAN);
        println!("{} / ours{weak}: {times:.2}", word(&ratio["better"]));
    }
    for cost in set["weak_costs"].as_array().into_iter().flatten() {
        println!(
            "six weak rules cost {}: {:.2} times",
            word(&cost["engine"]),
            cost["times"].as_f64().unwrap_or(f64::NAN)
        );
    }
}

/// One changed rule.
pub fn reload(rules: usize, reload: &Value) {
    let [cpu, wall] = ["reload_cpu_ms", "reload_wall_ms"].map(|key| reload[key].as_f64().unwrap_or(f64::NAN));
    println!("\none changed rule of {rules}: {wall:.1} ms until the new matcher is there ({cpu:.1} ms CPU)");
}

/// How the cost of a line grows from the smallest rule set to the largest, by log.
pub fn growth(sets: &[Value]) {
    let ours = |set: &Value| {
        let row = set["engines"].as_array()?.iter().find(|row| row["engine"] == "ours")?.clone();
        Some((word(&set["log"]), set["rules"].as_u64()?, row["ns_line"].as_f64()?))
    };
    let points: Vec<_> = sets.iter().filter_map(ours).collect();
    for log in ["quiet", "busy"] {
        let of_log = || points.iter().filter(|point| point.0 == log);
        let (Some(first), Some(last)) = (of_log().min_by_key(|p| p.1), of_log().max_by_key(|p| p.1)) else { continue };
        if first.1 < last.1 {
            println!("{log}: {} rules cost {:.2} times as much a line as {}", last.1, last.2 / first.2, first.1);
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

//! What 500 rules cost before any line needs them.

mod rules;

use heinzel_matching::Matcher;
use rules::rule;

/// The resident memory of this process, in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[test]
fn five_hundred_idle_rules_stay_below_15_mib() {
    let Some(_) = resident() else {
        eprintln!("SKIPPED: no /proc/self/status on this machine");
        return;
    };
    let rules: Vec<_> = (0..500)
        .map(|n| {
            let first = format!(
                r"\[pool{n} (?<pool>[^\]]+)\] server number {n} reached (?:pm\.)?max_children setting \((?<limit>\d+)\)"
            );
            let second =
                format!(r"(?i)connect\(\) to (?<upstream>\S+) failed \({n}: (?<why>[^)]*)\) while .*reading {n}");
            let mut rule = rule(&format!("p.r{n}"), &[&first, &second]);
            rule.unless = vec![format!("test of (?:number|no) {n}")];
            rule.clear.patterns = vec![format!(r"pool{n} (?<pool>\S+) is well again")];
            rule
        })
        .collect();
    let before = resident().unwrap_or_default();
    let started = std::time::Instant::now();
    let matcher = Matcher::new(&rules).unwrap();
    let view = matcher.view("any", None);
    let built = started.elapsed();
    view.scan(
        &b"a line that nobody is interested in, with some words\n".repeat(1000),
        heinzel_matching::Borders::Lines,
        &mut |_, _| {},
    );
    let grown = resident().unwrap_or_default().saturating_sub(before);
    eprintln!("{} patterns: {grown} KiB, built in {built:?}", matcher.pattern_count());
    assert!(grown < 15 * 1024, "{grown} KiB");
}

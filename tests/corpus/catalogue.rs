//! The catalogue of hosting failures: every line of every entry raises a rule that answers for it, and nothing worse; no
//! near miss does. `catalogue.md` says which rules answer for which entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{repository, shared, told};

#[derive(Deserialize)]
struct Failure {
    id: String,
    log_file: String,
    lines: Vec<Sample>,
    near_misses: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    text: String,
}

/// One row of the table.
#[derive(Debug, Default)]
struct Answer {
    /// The rules; none with a reason in `note`.
    rules: Vec<String>,
    note: String,
}

/// The table: `| entry | rules | note |`.
fn table() -> BTreeMap<String, Answer> {
    let text = fs::read_to_string(repository().join("tests/corpus/catalogue.md")).unwrap();
    let mut answers = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [entry, rules, note] = cells[..] else { panic!("catalogue.md: {row}: three cells, please") };
        let rules =
            rules.split(',').map(|rule| rule.trim().trim_matches('`')).filter(|r| !r.is_empty() && *r != "none");
        let answer = Answer { rules: rules.map(str::to_owned).collect(), note: note.to_owned() };
        assert!(answers.insert(entry.trim_matches('`').to_owned(), answer).is_none(), "catalogue.md: {entry} twice");
    }
    answers
}

/// Where such lines usually stand: the first path that the entry names, with its patterns filled in; the system log for
/// what goes to the journal.
fn usual_path(log_file: &str) -> String {
    let path = log_file.split([',', ';', ' ']).find(|word| word.starts_with('/'));
    let Some(path) = path else {
        let known = [("journald -k", "kern.log"), ("journald", "syslog"), ("access.log", "nginx/access.log")];
        let name = known.iter().find(|(word, _)| log_file.contains(word)).map_or("application.log", |(_, name)| name);
        return format!("/var/log/{name}");
    };
    let path =
        path.replace("postgresql/*", "postgresql/postgresql-15-main").replace("php*", "php8.2").replace('*', "1");
    let path = path.replace("<epoch>", "1500000000").replace(['<', '>'], "");
    if path.ends_with('/') || path.ends_with("/tasks") { format!("{path}/active.log") } else { path }
}

/// Writes each text into a file of its own under its usual path.
struct Files {
    folder: PathBuf,
    /// The entry, whether it is a near miss, and the text, by file.
    written: BTreeMap<PathBuf, (String, bool, String)>,
}

impl Files {
    fn write(folder: &Path, failures: &[Failure], path: impl Fn(&Failure) -> String) -> Self {
        let mut files = Self { folder: folder.to_owned(), written: BTreeMap::new() };
        for failure in failures {
            let texts = failure.lines.iter().map(|s| (s, false)).chain(failure.near_misses.iter().map(|s| (s, true)));
            for (number, (sample, near_miss)) in texts.enumerate() {
                let file = files.folder.join(format!("{}.{number}{}", failure.id, path(failure)));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, format!("{}\n", sample.text)).unwrap();
                files.written.insert(file, (failure.id.clone(), near_miss, sample.text.clone()));
            }
        }
        files
    }

    /// What is not as it should be, in words.
    fn complaints(&self, answers: &BTreeMap<String, Answer>, severities: &BTreeMap<String, usize>) -> Vec<String> {
        let files: Vec<PathBuf> = self.written.keys().cloned().collect();
        let found = told::rules(&files);
        let none = BTreeSet::new();
        let mut complaints = Vec::new();
        for (file, (entry, near_miss, text)) in &self.written {
            let Some(answer) = answers.get(entry) else { continue };
            let raised = found.get(file).unwrap_or(&none);
            let ours: Vec<&String> = answer.rules.iter().filter(|rule| raised.contains(*rule)).collect();
            let place = file.strip_prefix(&self.folder).unwrap().display();
            let worst = ours.iter().filter_map(|rule| severities.get(*rule)).max();
            let worse: Vec<&String> = raised.iter().filter(|rule| severities.get(*rule) > worst).collect();
            if *near_miss && !ours.is_empty() {
                complaints.push(format!("NEAR MISS fires {ours:?}: {place}: {text}"));
            } else if !near_miss && !answer.rules.is_empty() && ours.is_empty() {
                complaints.push(format!("MISSED by {:?} (raised: {raised:?}): {place}: {text}", answer.rules));
            } else if !near_miss && !answer.rules.is_empty() && !worse.is_empty() {
                complaints.push(format!("WORSE than {ours:?} is {worse:?}: {place}: {text}"));
            }
        }
        complaints
    }
}

/// The table names only rules that exist, and says why where there is none.
#[test]
fn the_table_is_about_rules_that_exist() {
    let severities = told::severities();
    for (entry, answer) in table() {
        let unknown: Vec<&String> = answer.rules.iter().filter(|rule| !severities.contains_key(*rule)).collect();
        assert!(unknown.is_empty(), "catalogue.md, {entry}: there is no rule {unknown:?}");
        assert!(!answer.rules.is_empty() || !answer.note.is_empty(), "catalogue.md, {entry}: no rule and no reason");
    }
}

#[test]
fn every_line_raises_its_rule_and_no_near_miss_does() {
    let Some(catalogue) = shared("failures/failures.jsonl") else { return };
    let text = fs::read_to_string(catalogue).unwrap();
    let failures: Vec<Failure> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (answers, severities) = (table(), told::severities());
    let missing: Vec<&str> = failures.iter().map(|f| &*f.id).filter(|id| !answers.contains_key(*id)).collect();
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path(), &failures, |failure| usual_path(&failure.log_file));
    let mut complaints = files.complaints(&answers, &severities);
    complaints.extend(missing.iter().map(|id| format!("catalogue.md does not say which rule answers for {id}")));
    let only = std::env::var("HEINZEL_CATALOGUE").unwrap_or_default();
    complaints.retain(|complaint| complaint.contains(&only));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));

    // Wherever else an operator keeps such a log, the message alone should do; what does not is told, not judged.
    let elsewhere = tempfile::tempdir().unwrap();
    let files = Files::write(elsewhere.path(), &failures, |_| "/srv/logs/collected.log".into());
    let complaints = files.complaints(&answers, &severities);
    println!("in a file of another name, {} of {} lines differ:", complaints.len(), files.written.len());
    complaints.iter().for_each(|complaint| println!("{complaint}"));
}

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A folder of packs, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("heinzel-library-{}-{number}", std::process::id()));
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(title: &str, more: &str) -> String {
    format!(
        "+++\ntitle = \"{title}\"\ncategory = \"web\"\nquestions = [\"{title}?\"]\n{more}\n+++\n## acknowledge\nWe see it.\n## clarify\n## agree\n## act\n{{% if phone is defined %}}Call {{{{ phone }}}}.{{% endif %}} Soon.\n## advise\n"
    )
}

#[test]
fn an_earlier_folder_hides_single_files_of_a_later_one() {
    let own = Folder::new(&[("web/answers/slow.de.md", &text("eigene", ""))]);
    let shipped = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "")),
        ("web/answers/slow.en.md", &text("slow", "")),
        ("web/pack.toml", ""),
        ("README.md", ""),
    ]);
    let (library, complaints) = Library::load(&[own.0.clone(), shipped.0.clone()]);
    assert_eq!(complaints, []);
    let answer = library.get("web/slow").unwrap();
    assert_eq!(answer.variants[&Language::De].title, "eigene");
    assert_eq!(answer.variants[&Language::En].title, "slow");
    assert_eq!(library.len(), 1);
}

#[test]
fn many_files_are_read_on_several_threads_and_said_in_their_order() {
    let count = 2 * FEW_FILES + 7;
    let named: Vec<(String, String)> = (0..count)
        .map(|number| {
            let body = if number % 500 == 3 { "broken".to_owned() } else { text(&format!("title {number}"), "") };
            (format!("web/answers/a-{number:05}.en.md"), body)
        })
        .collect();
    let files: Vec<(&str, &str)> = named.iter().map(|(name, text)| (&**name, &**text)).collect();
    let folder = Folder::new(&files);
    let (read, complaints) = read(std::slice::from_ref(&folder.0));
    let broken: Vec<usize> = (0..count).filter(|number| number % 500 == 3).collect();
    let of_file = |path: &Path| file_name(path)[2..7].parse::<usize>().unwrap();
    assert_eq!(complaints.iter().map(|one| of_file(&one.file)).collect::<Vec<_>>(), broken);
    let titles: Vec<String> = read.iter().map(|file| file.variant.title.clone()).collect();
    let whole = (0..count).filter(|number| !broken.contains(number)).map(|number| format!("title {number}"));
    assert_eq!(titles, whole.collect::<Vec<_>>());
}

#[test]
fn what_editors_keep_beside_an_answer_is_ignored() {
    let folder = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "")),
        ("web/answers/.slow.de.md", "+++\n"),
        ("web/answers/slow.de.md~", "+++\n"),
    ]);
    std::os::unix::fs::symlink("kim@web1.4711:1795255200", folder.0.join("web/answers/.#slow.de.md")).unwrap();
    let (library, complaints) = Library::load(std::slice::from_ref(&folder.0));
    assert_eq!((library.len(), complaints), (1, Vec::new()));
}

#[test]
fn a_broken_file_of_the_operator_is_not_replaced_by_the_shipped_one() {
    let own = Folder::new(&[("web/answers/slow.de.md", "+++\n")]);
    let shipped = Folder::new(&[("web/answers/slow.de.md", &text("langsam", ""))]);
    let (library, complaints) = Library::load(&[own.0.clone(), shipped.0.clone()]);
    assert!(library.is_empty());
    assert_eq!(complaints.len(), 1);
}

#[test]
fn one_bad_file_never_stops_the_others() {
    let folder = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "")),
        ("web/answers/bad.de.md", "nothing"),
        ("web/answers/Bad.md", "nothing"),
        ("web/answers/large.de.md", &"x".repeat(200_000)),
    ]);
    fs::write(folder.0.join("web/answers/latin.de.md"), b"+++\ntitle = \"l\xe4ngst\"").unwrap();
    fs::create_dir(folder.0.join("web/answers/folder.de.md")).unwrap();
    let (library, complaints) = Library::load(&[folder.0.clone(), folder.0.join("absent")]);
    assert_eq!(library.len(), 1);
    let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 6, "{said:#?}");
    for word in ["Bad.md", "bad.de.md:1:1", "folder.de.md", "larger than", "latin.de.md:2:11", "list the folder"] {
        assert!(said.iter().any(|line| line.contains(word)), "{word}: {said:#?}");
    }
}

#[test]
fn languages_that_contradict_each_other_are_left_out_and_both_files_are_named() {
    let folder = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "audience = \"support\"")),
        ("web/answers/slow.en.md", &text("slow", "valid_until = 2030-01-01")),
        ("web/answers/fast.en.md", &text("fast", "")),
    ]);
    let (library, complaints) = Library::load(std::slice::from_ref(&folder.0));
    assert_eq!(library.iter().map(|answer| &*answer.id).collect::<Vec<_>>(), ["web/fast"]);
    assert_eq!(complaints.len(), 2, "{complaints:#?}");
    for complaint in &complaints {
        assert!(complaint.is_error());
        assert!(complaint.file.ends_with("slow.en.md") && complaint.message.contains("slow.de.md"), "{complaint}");
    }
}

#[test]
fn other_variables_in_another_language_are_a_warning() {
    let folder = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "[variables]\nphone = \"uns\"")),
        ("web/answers/slow.en.md", &text("slow", "")),
    ]);
    let (library, complaints) = Library::load(std::slice::from_ref(&folder.0));
    assert_eq!(library.len(), 1);
    assert_eq!(complaints.iter().map(|c| c.severity).collect::<Vec<_>>(), [Severity::Warning]);
}

#[test]
fn documents_hold_what_customers_may_see_without_placeholders() {
    let folder = Folder::new(&[
        ("web/answers/slow.de.md", &text("langsam", "")),
        ("web/answers/slow.en.md", &text("slow", "")),
        ("web/answers/inside.en.md", &text("inside", "audience = \"support\"")),
    ]);
    let (library, _) = Library::load(std::slice::from_ref(&folder.0));
    let documents = library.documents();
    assert_eq!(documents.iter().map(|d| &*d.id).collect::<Vec<_>>(), ["web/slow"]);
    let texts = &documents[0].texts;
    assert_eq!(texts.iter().map(|t| t.language).collect::<Vec<_>>(), Language::ALL.map(Some));
    assert_eq!(texts[1].body, "We see it.\nCall . Soon.");
    assert_eq!(texts[1].examples, ["slow?"]);
}

//! All answers in force: those that are kept elsewhere (`[[knowledge]]`), then those of the packs.
//!
//! Start at [`load`]. Files are read where they lie. What an address last answered is kept in the state folder, so that the
//! engine has its answers while the help desk is away; [`fetch`] asks again. Who watches for changes calls both.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use heinzel_knowledge::complaint::{Complaint, Severity};
use heinzel_knowledge::exchange::{self, BYTES, Source, name_of};
use heinzel_knowledge::front_matter::AnswerFile;
use heinzel_knowledge::library::{self, Library};
use heinzel_script::plain_file;

use crate::config::Config;

/// How long an address may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Loads everything that is there. An answer that is kept elsewhere hides one of a pack with the same id and language.
pub(crate) fn load(config: &Config) -> (Library, Vec<Complaint>) {
    let (mut files, mut complaints) = read(config);
    let (packs, more) = library::read(&config.rules);
    files.extend(packs);
    complaints.extend(more);
    let (library, more) = Library::build(files);
    complaints.extend(more);
    (library, complaints)
}

/// Reads what is kept elsewhere, with what does not fit.
pub(crate) fn read(config: &Config) -> (Vec<AnswerFile>, Vec<Complaint>) {
    let (mut files, mut complaints) = (Vec::new(), Vec::new());
    for source in &config.knowledge {
        let path = place(config, source);
        match bytes(&path) {
            Ok(bytes) => {
                let (more, wrong) = exchange::read(source.kind, &bytes, &path, &source.defaults());
                files.extend(more);
                complaints.extend(wrong);
            }
            Err(error) => complaints.push(unread(source, path, &error)),
        }
    }
    (files, complaints)
}

/// Where a source's bytes lie: its file, or the copy of what its address last answered.
pub(crate) fn place(config: &Config, source: &Source) -> PathBuf {
    match (&source.path, &source.url) {
        (Some(path), _) => path.clone(),
        (None, url) => {
            let name = format!("{}.{}", source.pack, name_of(url.as_deref().unwrap_or_default()));
            config.state.join("knowledge").join(name)
        }
    }
}

fn unread(source: &Source, file: PathBuf, error: &std::io::Error) -> Complaint {
    let (message, way) = match &source.url {
        Some(url) => (format!("{url} was not asked yet"), "`heinzel answers fetch` asks it".to_owned()),
        None => (format!("read {}: {error}", file.display()), "name a file that heinzel may read".to_owned()),
    };
    Complaint { file, line: 0, column: 0, rule: "format", severity: Severity::Error, message, suggestion: Some(way) }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = plain_file::open(path)?.ok_or_else(|| std::io::Error::other(plain_file::NOT_PLAIN))?;
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", BYTES / 1024 / 1024)));
    }
    Ok(bytes)
}

/// Asks a source's address, and keeps what it answers if answers are in it. Whether that is something new.
///
/// # Errors
/// Why not; what was kept before stays.
pub(crate) async fn fetch(config: &Config, source: &Source) -> anyhow::Result<bool> {
    let Some(url) = &source.url else { return Ok(false) };
    let client = reqwest::Client::builder()
        .https_only(true)
        .timeout(TIMEOUT)
        // A token goes along: not to wherever a redirect leads.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("heinzel/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("begin to ask")?;
    let mut request = client.get(url);
    if let Some(file) = &source.token_file {
        let token = plain_file::text(file).with_context(|| format!("read the token {}", file.display()))?;
        request = request.header("Authorization", format!("Token token={}", token.trim()));
    }
    let mut response = request.send().await.with_context(|| format!("ask {url}"))?;
    if !response.status().is_success() {
        bail!("{url} answered {}; look at the address and the token", response.status());
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.with_context(|| format!("read from {url}"))? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > BYTES {
            bail!("{url} answers more than {} MiB", BYTES / 1024 / 1024);
        }
    }
    keep(config, source, url, &body)
}

/// Keeps what an address answered. An error page that says 200 does not take the place of good answers.
fn keep(config: &Config, source: &Source, url: &str, body: &[u8]) -> anyhow::Result<bool> {
    let path = place(config, source);
    if bytes(&path).is_ok_and(|kept| kept == body) {
        return Ok(false);
    }
    let (answers, complaints) = exchange::read(source.kind, body, &path, &source.defaults());
    if answers.is_empty() {
        let why = complaints.first().map_or("there is no answer in it", |complaint| &complaint.message);
        bail!("{url}: {why}; what was kept before stays in force");
    }
    put(&path, body, PRIVATE)?;
    Ok(true)
}

/// The mode of a file in the state folder: what customers taught may be in it.
pub(crate) const PRIVATE: u32 = 0o600;

/// Replaces a file as a whole: a temporary one beside it, synced, then renamed. `mode` is what the process's mask leaves of
/// it.
pub(crate) fn put(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.join(format!(".{name}.{}~", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn config(folder: &Path, knowledge: &str) -> Config {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        let file = folder.join("heinzel.toml");
        let text = format!("[rules]\nfolders = [\"rules\"]\n[store]\nfolder = \"state\"\n{knowledge}");
        std::fs::write(&file, text).unwrap();
        Config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap()
    }

    #[test]
    fn answers_from_elsewhere_come_before_those_of_packs() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(
            folder.path(),
            "[[knowledge]]\nkind = \"csv\"\npath = \"own.csv\"\npack = \"web\"\nlanguage = \"en\"\ncategory = \"web\"\n",
        );
        let (library, complaints) = load(&config);
        assert!(library.is_empty());
        assert!(complaints[0].message.contains("own.csv") && complaints[0].is_error(), "{complaints:?}");

        std::fs::write(folder.path().join("own.csv"), "id;title;text\nslow;Own slow site;We look.\nbad;;x\n").unwrap();
        let shipped = folder.path().join("rules/web/answers/slow.en.md");
        let head = "+++\ntitle = \"Slow site\"\ncategory = \"web\"\nquestions = [\"slow\"]\n+++\n";
        let parts = "## acknowledge\n## clarify\n## agree\n## act\nWe look.\n## advise\n";
        put(&shipped, format!("{head}{parts}").as_bytes(), PRIVATE).unwrap();
        put(&shipped.with_file_name("fast.en.md"), format!("{head}{parts}").as_bytes(), PRIVATE).unwrap();
        let (library, complaints) = load(&config);
        let titles: Vec<&str> = library.iter().flat_map(|a| a.variants.values()).map(|v| &*v.title).collect();
        assert_eq!(titles, ["Slow site", "Own slow site"]);
        assert!(complaints.len() == 1 && complaints[0].message.starts_with("row 3"), "{complaints:?}");
    }

    #[test]
    fn an_error_page_does_not_take_the_place_of_answers() {
        let folder = tempfile::tempdir().unwrap();
        let url = "https://desk.example.com/api/v1/text_modules";
        let config = config(
            folder.path(),
            &format!(
                "[[knowledge]]\nkind = \"zammad\"\nurl = \"{url}\"\npack = \"own\"\nlanguage = \"en\"\ncategory = \"web\"\n"
            ),
        );
        let source = &config.knowledge[0];
        let (_, complaints) = read(&config);
        assert!(complaints[0].to_string().contains("heinzel answers fetch"), "{complaints:?}");
        let good = br#"[{"id": 1, "name": "Slow site", "content": "We look."}]"#;
        assert!(keep(&config, source, url, good).unwrap());
        assert!(!keep(&config, source, url, good).unwrap());
        for bad in ["<html>Sorry</html>", "{\"error\": \"Not authorized\"}", "[]"] {
            let error = keep(&config, source, url, bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(url) && error.contains("stays in force"), "{error}");
        }
        assert_eq!(load(&config).0.len(), 1);
    }
}

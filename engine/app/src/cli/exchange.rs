//! `heinzel answers import` and `export`: answers from elsewhere become files of a pack, and the other way round.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use heinzel_core::glob::Glob;
use heinzel_knowledge::answer::{Audience, Language};
use heinzel_knowledge::exchange::{self, BYTES, Defaults, Kind};
use heinzel_knowledge::front_matter::{self, AnswerFile, CATEGORIES, Places};
use heinzel_knowledge::library;
use heinzel_script::plain_file;
use serde_json::json;

use crate::exit::{Ends, Exit};
use crate::text;
use crate::text::{lines, plain};

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The file; `-` is stdin.
    file: PathBuf,
    /// How it is written: csv, json or zammad [default: what it looks like].
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// The folder of packs to write into [default: the first configured one].
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// The pack of rows that name none.
    #[arg(long)]
    pack: Option<String>,
    /// The language of rows that name none (de, en).
    #[arg(long, value_parser = language)]
    language: Option<Language>,
    /// The category of rows that name none.
    #[arg(long, value_parser = category)]
    category: Option<String>,
    /// Who may see answers that do not say it (customer, support) [default: customer; text modules: support].
    #[arg(long, value_parser = audience)]
    audience: Option<Audience>,
    /// Write the files; without it, only say what would be written.
    #[arg(long)]
    write: bool,
    /// Also write over files that say something else.
    #[arg(long)]
    replace: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Only answers that fit, like `mail/*`.
    answer: Option<String>,
    /// How to write them: csv or json.
    #[arg(long, default_value = "csv", value_parser = format)]
    format: Kind,
    /// Into this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

fn kind(word: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().find(|kind| kind.word() == word);
    known.ok_or_else(|| format!("`{word}` is no way to write answers; there is csv, json and zammad"))
}

fn format(word: &str) -> Result<Kind, String> {
    match kind(word)? {
        Kind::Zammad => Err("Zammad imports CSV of its own; export csv and take the columns over".to_owned()),
        kind => Ok(kind),
    }
}

fn category(word: &str) -> Result<String, String> {
    if CATEGORIES.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!("`{word}` is no category; {}", heinzel_core::near::hint(word, CATEGORIES)))
}

fn audience(word: &str) -> Result<Audience, String> {
    match word {
        "customer" => Ok(Audience::Customer),
        "support" => Ok(Audience::Support),
        _ => Err(format!("`{word}` is no audience; there is customer and support")),
    }
}

/// The language that a word names.
pub(super) fn language(code: &str) -> Result<Language, String> {
    Language::from_locale(code).ok_or_else(|| format!("`{code}` is no language that answers have; there is de and en"))
}

/// Writes the answers out.
pub(super) fn export(global: &super::Global, arguments: &Export) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (mut files, complaints) = library::read(&config.rules);
    let errors = complaints.iter().filter(|c| c.is_error()).count();
    if errors > 0 {
        let text =
            format!("heinzel: {} left out; `heinzel answers lint` says why\n", text::count(errors, "faulty file"));
        super::remark(&text);
    }
    let only = arguments.answer.as_deref().map(Glob::from);
    files.retain(|file| only.as_ref().is_none_or(|glob| glob.fits(&file.id)));
    if files.is_empty() {
        let text = format!("no answers to export in {}", text::folders(&config.rules));
        return Err(Ends::with(Exit::Refused, text));
    }
    let text = match arguments.format {
        Kind::Json => exchange::write_json(&files)?,
        _ => exchange::write_csv(&files)?,
    };
    match &arguments.to {
        None => super::print(&text)?,
        Some(path) => {
            put(path, &text)?;
            super::print(&format!("{} in {}\n", text::count(files.len(), "text"), path.display()))?;
        }
    }
    Ok(Exit::Ok)
}

/// Asks the addresses of `[[knowledge]]`.
pub(super) fn fetch(global: &super::Global) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("begin to ask")?;
    let mut exit = Exit::Ok;
    let mut asked = 0;
    for source in config.knowledge.iter().filter(|source| source.url.is_some()) {
        asked += 1;
        let url = source.url.as_deref().unwrap_or_default();
        let said = match runtime.block_on(crate::knowledge::fetch(&config, source)) {
            Ok(true) => "changed".to_owned(),
            Ok(false) => "unchanged".to_owned(),
            Err(error) => {
                exit = Exit::Broke;
                format!("{error:#}")
            }
        };
        if global.json {
            super::print_json(&json!({ "pack": source.pack, "url": url, "said": said }))?;
        } else {
            super::print(&format!("{}: {}\n", plain(url, 500), lines(&said)))?;
        }
    }
    if asked == 0 {
        let text = "the configuration has no `[[knowledge]]` with a `url`; files are read where they lie";
        return Err(Ends::with(Exit::Refused, text));
    }
    for complaint in crate::knowledge::read(&config).1 {
        super::remark(&format!("{}\n", lines(&complaint.to_string())));
    }
    Ok(exit)
}

/// What becomes of one text that comes in.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    /// There is no such file yet.
    New,
    /// The file says the same.
    Unchanged,
    /// The file says something else and is written over.
    Replaced,
    /// The file says something else and stays.
    Differs,
}

impl Fate {
    const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Replaced => "replaced",
            Self::Differs => "differs",
        }
    }

    const fn writes(self) -> bool {
        matches!(self, Self::New | Self::Replaced)
    }
}

/// Takes answers in.
pub(super) fn import(global: &super::Global, arguments: &Import) -> anyhow::Result<Exit> {
    if let Some(pack) = arguments.pack.as_deref().filter(|pack| !front_matter::is_name(pack)) {
        let text = format!("`{pack}` can name no pack; use small letters, digits and hyphens");
        return Err(Ends::with(Exit::Usage, text));
    }
    let config = global.config()?;
    let no_folder = || anyhow!("no folder of packs to write into; name one by `--into`");
    let into = arguments.into.clone().or_else(|| config.rules.first().cloned()).ok_or_else(no_folder)?;
    let bytes = bytes(&arguments.file)?;
    // Before anything is guessed: of bytes in another encoding nothing can be.
    exchange::text(&bytes, &arguments.file).map_err(|e| Ends::with(Exit::Wrong, lines(&e.to_string())))?;
    let looks = "say by `--kind` what it is: csv, json or zammad";
    let guessed =
        || Kind::guess(&bytes).ok_or_else(|| anyhow!("{} looks like no answers; {looks}", arguments.file.display()));
    let kind = arguments.kind.map_or_else(guessed, Ok).map_err(|e| Ends::with(Exit::Wrong, format!("{e}")))?;
    let defaults = Defaults {
        pack: arguments.pack.clone(),
        language: arguments.language,
        category: arguments.category.clone(),
        audience: arguments.audience,
    };
    let (answers, complaints) = exchange::read(kind, &bytes, &arguments.file, &defaults);
    let errors = complaints.iter().filter(|c| c.is_error()).count();
    let mut fates = Vec::new();
    for answer in answers {
        let path = place(&into, &answer);
        let fate = fate(&path, &answer, arguments.replace)?;
        if arguments.write && fate.writes() {
            head(&into, &answer)?;
            put(&path, &front_matter::write(&answer))?;
        }
        fates.push((path, answer, fate));
    }
    let count = |wanted: Fate| fates.iter().filter(|(.., fate)| *fate == wanted).count();
    if global.json {
        let texts: Vec<_> = fates
            .iter()
            .map(|(path, answer, fate)| json!({ "answer": answer.id, "language": answer.variant.language, "file": path, "is": fate }))
            .collect();
        super::print_json(
            &json!({ "kind": kind, "written": arguments.write, "texts": texts, "complaints": complaints }),
        )?;
    } else {
        let mut page = String::new();
        for complaint in &complaints {
            let _ = writeln!(page, "{}", lines(&complaint.to_string()));
        }
        for (path, _, fate) in &fates {
            let _ = writeln!(page, "{:<10} {}", fate.word(), plain(&path.display().to_string(), 500));
        }
        let word = if arguments.write { "" } else { "; nothing is written without --write" };
        let stay = if count(Fate::Differs) > 0 { " (they stay; --replace writes over them)" } else { "" };
        let _ = writeln!(
            page,
            "{} new, {} replaced, {} unchanged, {} different{stay}, {} kept out{word}",
            count(Fate::New),
            count(Fate::Replaced),
            count(Fate::Unchanged),
            count(Fate::Differs),
            errors
        );
        if arguments.write && count(Fate::New) + count(Fate::Replaced) > 0 {
            let _ = writeln!(page, "`heinzel answers lint {}` says how good they are", into.display());
        }
        super::print(&page)?;
    }
    Ok(match (errors, count(Fate::Differs)) {
        (0, 0) => Exit::Ok,
        (0, _) => Exit::Refused,
        _ => Exit::Wrong,
    })
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(BYTES + 1).read_to_end(&mut bytes).context("read stdin")?;
    } else {
        let open = std::fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
        open.take(BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("read {}", file.display()))?;
    }
    if bytes.len() as u64 > BYTES {
        let text = format!("{} is larger than {} MiB; split it", file.display(), BYTES / 1024 / 1024);
        return Err(Ends::with(Exit::Wrong, text));
    }
    Ok(bytes)
}

/// The file of an answer. Its id has been checked: it names no other folder.
fn place(into: &Path, answer: &AnswerFile) -> PathBuf {
    let (pack, id) = answer.id.split_once('/').unwrap_or(("", &answer.id));
    into.join(pack).join("answers").join(format!("{id}.{}.md", answer.variant.language.code()))
}

fn fate(path: &Path, answer: &AnswerFile, replace: bool) -> anyhow::Result<Fate> {
    let text = match plain_file::text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Fate::New),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let (there, _) = front_matter::parse(path, &answer.id, answer.variant.language, &text);
    let mut same = answer.clone();
    same.variant.file = path.to_owned();
    same.places = Places::default();
    let there = there.map(|there| AnswerFile { places: Places::default(), ..there });
    Ok(match there {
        Some(there) if there == same => Fate::Unchanged,
        _ if replace => Fate::Replaced,
        _ => Fate::Differs,
    })
}

/// A pack that begins with these answers needs its head.
fn head(into: &Path, answer: &AnswerFile) -> anyhow::Result<()> {
    let pack = answer.id.split_once('/').map_or("", |(pack, _)| pack);
    let path = into.join(pack).join("pack.toml");
    if path.exists() {
        return Ok(());
    }
    let text = format!(
        "name = \"{pack}\"\nversion = \"1.0.0\"\nmin_engine = \"{}\"\ndescription = \"Answers\"\n",
        env!("CARGO_PKG_VERSION")
    );
    put(&path, &text)
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    crate::knowledge::put(path, text.as_bytes(), 0o666)
}

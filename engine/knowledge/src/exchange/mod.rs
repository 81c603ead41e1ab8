//! Answers from elsewhere and for elsewhere: CSV, JSON, and Zammad's text modules.
//!
//! Start at [`read`]: bytes in, answers and complaints out. Whatever comes in takes the same way as a file of a pack: it is
//! written as one and read again, so there is one place that says what an answer is. What does not fit is kept out and named by
//! its row; the other rows come in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use heinzel_core::place::place;
use heinzel_core::time::Span;
use serde::{Deserialize, Serialize};

use crate::answer::{Audience, Language};
use crate::complaint::{Complaint, Severity};
use crate::front_matter::{self, AnswerFile, CATEGORIES, whole};

pub mod html;
mod json;
mod table;
mod zammad;

pub use json::write as write_json;
pub use table::{COLUMNS, write as write_csv};

/// The most bytes that are read at once.
pub const BYTES: u64 = 32 * 1024 * 1024;

/// How answers are written elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A table with the columns of [`COLUMNS`].
    Csv,
    /// What [`write_json`] writes, or a list of rows with the columns of [`COLUMNS`].
    Json,
    /// Text modules of Zammad: what `GET /api/v1/text_modules` answers, or its CSV.
    Zammad,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Zammad];

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Zammad => "zammad",
        }
    }

    /// What these bytes look like.
    #[must_use]
    pub fn guess(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('[') {
            let ours = json::rows(text).is_some_and(|rows| rows.iter().any(|row| row.get("title").is_some()));
            return Some(if ours { Self::Json } else { Self::Zammad });
        }
        if text.starts_with('{') {
            let ours = text.contains("\"answers\"");
            return Some(if ours { Self::Json } else { Self::Zammad });
        }
        let columns = table::head(text);
        let has = |name: &str| columns.iter().any(|column| column == name);
        if has("title") {
            return Some(Self::Csv);
        }
        (has("name") && has("content")).then_some(Self::Zammad)
    }
}

/// What holds for rows that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The pack.
    pub pack: Option<String>,
    /// The language.
    pub language: Option<Language>,
    /// The category.
    pub category: Option<String>,
    /// Who may see it; otherwise customers, and support alone for text modules, which were written for it.
    pub audience: Option<Audience>,
}

/// Reads answers. `from` is where they come from, for complaints.
#[must_use]
pub fn read(kind: Kind, bytes: &[u8], from: &Path, defaults: &Defaults) -> (Vec<AnswerFile>, Vec<Complaint>) {
    let mut taken = Taken { from, defaults, answers: Vec::new(), seen: BTreeSet::new(), complaints: Vec::new() };
    match text(bytes, from) {
        Ok(text) => match kind {
            Kind::Csv => table::read(text, &mut taken),
            Kind::Json => json::read(text, &mut taken),
            Kind::Zammad => zammad::read(text, &mut taken),
        },
        Err(complaint) => taken.complaints.push(*complaint),
    }
    (taken.answers, taken.complaints)
}

/// The bytes as text, without a byte order mark.
///
/// # Errors
/// A complaint that says where it is not UTF-8, and how to save it so.
pub fn text<'b>(bytes: &'b [u8], from: &Path) -> Result<&'b str, Box<Complaint>> {
    let name = from.display();
    let way = |theirs: &str| {
        format!(
            "save it as UTF-8: in Excel as `CSV UTF-8`, in LibreOffice with the character set `Unicode (UTF-8)`, or by `iconv -f {theirs} -t UTF-8 {name} > utf8.csv`"
        )
    };
    // Latin letters in two bytes: a mark at the beginning, or a zero in every pair.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err(Box::new(whole(from, "this is not UTF-8 but looks like UTF-16", way("UTF-16"))));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.trim_start_matches('\u{feff}')),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let (line, column) = place(&before, before.len());
            let not = whole(from, "this is not UTF-8 from here on", way("WINDOWS-1252"));
            Err(Box::new(Complaint { line, column, ..not }))
        }
    }
}

/// What has been read so far.
struct Taken<'a> {
    from: &'a Path,
    defaults: &'a Defaults,
    answers: Vec<AnswerFile>,
    seen: BTreeSet<(String, Language)>,
    complaints: Vec<Complaint>,
}

impl Taken<'_> {
    fn wrong(&mut self, row: &str, message: impl std::fmt::Display, way: impl Into<String>) {
        let message = if row.is_empty() { message.to_string() } else { format!("{row}: {message}") };
        self.complaints.push(whole(self.from, message, way));
    }

    fn warn(&mut self, row: &str, message: impl std::fmt::Display, way: impl Into<String>) {
        self.wrong(row, message, way);
        if let Some(last) = self.complaints.last_mut() {
            last.severity = Severity::Warning;
        }
    }

    /// Takes an answer in, if a file could hold it.
    fn take(&mut self, row: &str, mut answer: AnswerFile) {
        if !answer.id.contains('/') {
            let Some(pack) = &self.defaults.pack else {
                let way = "write the id like `mail/quota`, or name a pack for all (`--pack`)";
                return self.wrong(row, format!("`{}` names no pack", answer.id), way);
            };
            answer.id = format!("{pack}/{}", answer.id);
        }
        let halves = answer.id.split_once('/');
        if !halves.is_some_and(|(pack, id)| front_matter::is_name(pack) && front_matter::is_name(id)) {
            let way = "an id is like `mail/quota`: small letters, digits and hyphens";
            return self.wrong(row, format!("`{}` is no id of an answer", answer.id), way);
        }
        let language = answer.variant.language;
        if !self.seen.insert((answer.id.clone(), language)) {
            let way = "give each a name of its own";
            return self.wrong(row, format!("`{}` is there twice in this language", answer.id), way);
        }
        let text = front_matter::write(&answer);
        let (read, complaints) = front_matter::parse(self.from, &answer.id, language, &text);
        for complaint in complaints {
            let place = text.lines().nth(complaint.line.saturating_sub(1)).unwrap_or_default().trim();
            let place: String = place.chars().take(60).collect();
            let message = format!("{row}: {} (`{place}`)", complaint.message);
            self.complaints.push(Complaint { message, line: 0, column: 0, ..complaint });
        }
        match read {
            Some(read) => self.answers.push(read),
            None => {
                self.seen.remove(&(answer.id, language));
            }
        }
    }
}

/// A name made of a title: `„Too many“ bei MySQL` becomes `too-many-bei-mysql`.
#[must_use]
pub fn name_of(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
    }
    let end = out.char_indices().nth(60).map_or(out.len(), |(at, _)| at);
    out.truncate(end);
    out.trim_matches('-').to_owned()
}

/// `[[knowledge]]` in the settings: answers that are kept elsewhere, and read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// How they are written.
    pub kind: Kind,
    /// The file; relative to the configuration's folder.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Or the address, `https://…`.
    #[serde(default)]
    pub url: Option<String>,
    /// A file that holds the token for the address: what stands behind `Authorization: Token token=`.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The pack that they belong to.
    pub pack: String,
    /// Their language, where they do not say it.
    #[serde(default)]
    pub language: Option<Language>,
    /// Their category, where they do not say it.
    #[serde(default)]
    pub category: Option<String>,
    /// Who may see them, where they do not say it.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// How often an address is asked again; files are watched. In steps of a second, at least a minute.
    #[serde(default = "quarter_of_an_hour")]
    pub every: Span,
}

fn quarter_of_an_hour() -> Span {
    Span::seconds(900)
}

impl Source {
    /// Checks what can be checked without reading anything.
    ///
    /// # Errors
    /// What is wrong, and the way out.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.pack;
        if !front_matter::is_name(name) {
            return Err(format!("`pack` is `{name}`; use small letters, digits and hyphens"));
        }
        match (&self.path, &self.url) {
            (Some(_), None) if self.token_file.is_some() => {
                return Err("`token_file` goes with `url`; a file needs none".to_owned());
            }
            (Some(_), None) => {}
            (None, Some(url)) if url.starts_with("https://") && url.len() > 8 => {}
            (None, Some(url)) => {
                return Err(format!("`url` is `{url}`; only `https://` is asked, because a token may go with it"));
            }
            _ => return Err("name either `path` or `url`".to_owned()),
        }
        if let Some(category) = self.category.as_deref().filter(|category| !CATEGORIES.contains(category)) {
            let way = heinzel_core::near::hint(category, CATEGORIES);
            return Err(format!("`category` is `{category}`; {way}"));
        }
        if self.kind == Kind::Zammad && (self.language.is_none() || self.category.is_none()) {
            return Err("text modules say neither `language` nor `category`; name both".to_owned());
        }
        if self.every < Span::seconds(60) {
            return Err(format!("`every` is {}; ask once a minute at most", self.every));
        }
        Ok(())
    }

    /// What holds for rows that do not say it themselves.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults {
            pack: Some(self.pack.clone()),
            language: self.language,
            category: self.category.clone(),
            audience: self.audience,
        }
    }
}

#[cfg(test)]
mod tests;

//! From the table that the operator writes to the typed source.
//!
//! Start at [`Settings::check`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::time::Span;

use super::{
    Again, Border, Common, Cron, Exec, File, Followed, Journald, Kind, KindName, Listen, MAX_LINE, Multiline,
    OneOrMany, Proxmox, Push, Settings, Source, Start, Syslog, TaskLines, Token, Wrong,
};

/// A command has at least so long, unless `timeout` says otherwise: a busy machine is slow.
const LEAST_TIMEOUT: Duration = Duration::from_secs(60);

/// Which keys belong to which kinds, beside the common ones.
const KEYS: &[(&str, &[KindName])] = {
    use KindName::{Cron, Exec, File, Journald, Proxmox, Push, Syslog, TaskLines};
    &[
        ("path", &[File, TaskLines, Cron]),
        ("exclude", &[File]),
        ("max_line", &[File]),
        ("poll", &[File]),
        ("multiline", &[File]),
        ("units", &[Journald]),
        ("matches", &[Journald]),
        ("directory", &[Journald]),
        ("listen", &[Syslog]),
        ("command", &[Exec]),
        ("interval", &[Exec]),
        ("timeout", &[Exec]),
        ("folder", &[Proxmox]),
        ("fields", &[TaskLines]),
        ("states", &[TaskLines]),
        ("token_file", &[Push]),
        ("token", &[Push]),
    ]
};

impl Settings {
    /// Checks the table and turns it into a typed source.
    ///
    /// # Errors
    /// [`Wrong`] names the source, the key and the way out; the first mistake found.
    pub fn check(&self) -> Result<Source, Wrong> {
        let name_ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.name.is_empty() || !self.name.chars().all(name_ok) {
            return self.wrong("name", "use letters, digits, `.`, `_` and `-`");
        }
        self.check_keys()?;
        Ok(Source { common: self.common()?, kind: self.kind()? })
    }

    fn wrong<T>(&self, key: &'static str, what: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong { source_name: self.name.clone(), key, what: what.into() })
    }

    /// Complains about a key that another kind owns: silently ignoring it would leave the operator believing in it.
    fn check_keys(&self) -> Result<(), Wrong> {
        for &(key, kinds) in KEYS {
            if self.has(key) && !kinds.contains(&self.kind) {
                let owners: Vec<_> = kinds.iter().map(|k| format!("`{}`", k.word())).collect();
                let what = format!(
                    "belongs to kind {}, not to `{}`; remove it or change `kind`",
                    owners.join(", "),
                    self.kind.word()
                );
                return self.wrong(key, what);
            }
        }
        Ok(())
    }

    fn has(&self, key: &str) -> bool {
        match key {
            "path" => self.path.is_some(),
            "exclude" => self.exclude.is_some(),
            "max_line" => self.max_line.is_some(),
            "poll" => self.poll.is_some(),
            "multiline" => self.multiline.is_some(),
            "units" => self.units.is_some(),
            "matches" => self.matches.is_some(),
            "directory" => self.directory.is_some(),
            "listen" => self.listen.is_some(),
            "command" => self.command.is_some(),
            "interval" => self.interval.is_some(),
            "timeout" => self.timeout.is_some(),
            "folder" => self.folder.is_some(),
            "fields" => self.fields.is_some(),
            "states" => self.states.is_some(),
            "token_file" => self.token_file.is_some(),
            "token" => self.token.is_some(),
            _ => false,
        }
    }

    fn common(&self) -> Result<Common, Wrong> {
        if let Some(zone) = &self.timezone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return self.wrong("timezone", format!("`{zone}` is not an IANA zone name; write it like `Europe/Berlin`"));
        }
        Ok(Common {
            name: Arc::from(self.name.as_str()),
            format: self.format,
            zone: self.timezone.clone(),
            start: self.start()?,
            program: self.program.as_deref().map(Arc::from),
            customers: self.customers,
        })
    }

    fn start(&self) -> Result<Start, Wrong> {
        let text = match self.start.as_deref().map(str::trim) {
            None | Some("end") => return Ok(Start::End),
            Some("beginning") => return Ok(Start::Beginning),
            Some(text) => text,
        };
        let span = text.strip_prefix("since ").map(str::parse::<Span>);
        match span {
            Some(Ok(span)) => Ok(Start::Since(span.0)),
            Some(Err(why)) => self.wrong("start", why.to_string()),
            None => {
                self.wrong("start", format!("`{text}` is not known; write `end`, `beginning` or `since` and a span"))
            }
        }
    }

    fn kind(&self) -> Result<Kind, Wrong> {
        Ok(match self.kind {
            KindName::File => Kind::File(self.file()?),
            KindName::Journald => Kind::Journald(self.journald()?),
            KindName::Syslog => Kind::Syslog(Syslog { listen: self.listen()? }),
            KindName::Exec => Kind::Exec(self.exec()?),
            KindName::Proxmox => {
                let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from("/var/log/pve/tasks"));
                Kind::Proxmox(Proxmox { folder: self.absolute("folder", folder)? })
            }
            KindName::TaskLines => Kind::TaskLines(self.task_lines()?),
            KindName::Cron => Kind::Cron(Cron { path: self.one_path()? }),
            KindName::Push => Kind::Push(Push { token: self.token()? }),
        })
    }

    fn absolute(&self, key: &'static str, path: PathBuf) -> Result<PathBuf, Wrong> {
        if path.is_absolute() {
            return Ok(path);
        }
        self.wrong(key, format!("`{}` is not absolute; write the whole path from `/` on", path.display()))
    }

    fn paths(&self) -> Vec<String> {
        match &self.path {
            None => Vec::new(),
            Some(OneOrMany::One(path)) => vec![path.clone()],
            Some(OneOrMany::Many(paths)) => paths.clone(),
        }
    }

    fn one_path(&self) -> Result<Option<PathBuf>, Wrong> {
        match self.paths().as_slice() {
            [] => Ok(None),
            [path] => self.absolute("path", PathBuf::from(path)).map(Some),
            _ => self.wrong("path", format!("kind `{}` reads one file; write one source a file", self.kind.word())),
        }
    }

    fn file(&self) -> Result<File, Wrong> {
        let paths = self.paths();
        if paths.is_empty() {
            return self.wrong("path", "is missing; write the file or glob to read, like `/var/log/nginx/*.log`");
        }
        for path in &paths {
            self.absolute("path", PathBuf::from(path))?;
            if let Err(why) = glob::Pattern::new(path) {
                return self.wrong("path", format!("`{path}` is not a glob: {why}"));
            }
        }
        let mut exclude = Vec::new();
        for text in self.exclude.iter().flatten() {
            match glob::Pattern::new(text) {
                Ok(pattern) => exclude.push(pattern),
                Err(why) => return self.wrong("exclude", format!("`{text}` is not a glob: {why}")),
            }
        }
        let max_line = match self.max_line.unwrap_or(MAX_LINE) {
            bytes @ 64..=16_777_216 => usize::try_from(bytes).unwrap_or(usize::MAX),
            bytes => return self.wrong("max_line", format!("{bytes} is not between 64 and 16777216 bytes")),
        };
        let poll = self.poll.map_or(Duration::from_secs(2), |span| span.0);
        if poll < Duration::from_millis(100) {
            return self.wrong("poll", "is shorter than 100ms; wake-ups come by themselves, `2s` is a good poll");
        }
        Ok(File { paths, exclude, max_line, poll, multiline: self.multiline()?, followed: Followed::default() })
    }

    fn multiline(&self) -> Result<Option<Multiline>, Wrong> {
        let Some(table) = &self.multiline else { return Ok(None) };
        let border = match (table.continuation.as_deref(), table.start.as_deref()) {
            (Some("indent"), None) => Border::Indent,
            (Some(word), None) => {
                return self
                    .wrong("multiline", format!("continuation `{word}` is not known; the only one is `indent`"));
            }
            (None, Some(text)) => match regex::bytes::Regex::new(text) {
                Ok(regex) => Border::Start(regex),
                Err(why) => return self.wrong("multiline", format!("start is not a regular expression: {why}")),
            },
            _ => {
                return self.wrong("multiline", "write either `continuation = \"indent\"` or `start = \"REGEX\"`");
            }
        };
        let max_lines = match table.max_lines.unwrap_or(500) {
            lines @ 1..=100_000 => usize::try_from(lines).unwrap_or(usize::MAX),
            lines => return self.wrong("multiline", format!("max_lines {lines} is not between 1 and 100000")),
        };
        let wait = table.wait.map_or(Duration::from_secs(1), |span| span.0);
        Ok(Some(Multiline { border, max_lines, wait }))
    }

    fn journald(&self) -> Result<Journald, Wrong> {
        let matches = self.matches.clone().unwrap_or_default();
        if let Some(text) = matches.iter().find(|text| text.split_once('=').is_none_or(|(key, _)| key.is_empty())) {
            return self.wrong("matches", format!("`{text}` is not `FIELD=value`"));
        }
        let directory = match &self.directory {
            Some(directory) => Some(self.absolute("directory", directory.clone())?),
            None => None,
        };
        Ok(Journald { units: self.units.clone().unwrap_or_default(), matches, directory })
    }

    fn listen(&self) -> Result<Listen, Wrong> {
        const WAY: &str = "write `udp://127.0.0.1:514`, `tcp://127.0.0.1:514` or `unix:///run/heinzel/syslog`";
        let Some(text) = &self.listen else { return self.wrong("listen", format!("is missing; {WAY}")) };
        let address = |text: &str| text.parse::<SocketAddr>().ok();
        let listen = match text.split_once("://") {
            Some(("udp", rest)) => address(rest).map(Listen::Udp),
            Some(("tcp", rest)) => address(rest).map(Listen::Tcp),
            Some(("unix", rest)) if Path::new(rest).is_absolute() => Some(Listen::Unix(PathBuf::from(rest))),
            _ => None,
        };
        match listen {
            Some(listen) => Ok(listen),
            None => self.wrong("listen", format!("`{text}` is not an address; {WAY}")),
        }
    }

    fn exec(&self) -> Result<Exec, Wrong> {
        let argv = self.command.clone().unwrap_or_default();
        if argv.first().is_none_or(String::is_empty) {
            return self.wrong("command", "is missing; write the program and its arguments as a list");
        }
        if let [line] = &*argv
            && line.contains(char::is_whitespace)
        {
            let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            let why = format!("no program is called `{line}`; write each argument by itself: [{}]", words.join(", "));
            return self.wrong("command", why);
        }
        if self.interval.is_some_and(|span| span.0.is_zero()) {
            return self.wrong("interval", "is zero; write a span like `5m`");
        }
        let again = match (self.interval, self.timeout) {
            (None, Some(_)) => {
                return self
                    .wrong("timeout", "is for a command with `interval`; without it the command may run for ever");
            }
            (_, Some(Span(Duration::ZERO))) => return self.wrong("timeout", "is zero; write a span like `1m`"),
            (None, None) => None,
            (Some(Span(interval)), timeout) => {
                let timeout = timeout.map_or(interval.max(LEAST_TIMEOUT), |span| span.0);
                Some(Again { interval, timeout })
            }
        };
        Ok(Exec { argv, again })
    }

    fn task_lines(&self) -> Result<TaskLines, Wrong> {
        let Some(path) = self.one_path()? else { return self.wrong("path", "is missing; write the file to read") };
        let Some(fields) = self.fields.clone() else {
            return self.wrong("fields", "is missing; say which key holds what, like `{ id = \"job_id\" }`");
        };
        Ok(TaskLines { path, fields, states: self.states.clone().unwrap_or_default() })
    }

    fn token(&self) -> Result<Token, Wrong> {
        match (&self.token_file, &self.token) {
            (Some(path), None) => Ok(Token::File(self.absolute("token_file", path.clone())?)),
            (None, Some(text)) if text.0.len() >= 16 => Ok(Token::Text(text.clone())),
            (None, Some(_)) => self.wrong("token", "is shorter than 16 characters and could be guessed"),
            (Some(_), Some(_)) => self.wrong("token", "is given twice; keep either `token` or `token_file`"),
            (None, None) => self.wrong("token_file", "is missing; name the file that holds the bearer token"),
        }
    }
}

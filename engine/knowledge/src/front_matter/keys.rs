//! The keys of the front matter.

use super::{
    AnswerFile, Audience, CATEGORIES, DeTable, DeValue, Link, NAMES, QUESTIONS, Range, Reader, Spanned, Variable,
    is_address, near, place, placeholder,
};

const KEYS: [&str; 9] =
    ["title", "category", "audience", "questions", "valid_until", "links", "variables", "conditions", "allow"];

impl Reader<'_> {
    /// Reads the front matter into the answer.
    pub(super) fn keys(&mut self, head: Range<usize>, made: &mut AnswerFile) {
        let begin = head.start;
        let (table, errors) = DeTable::parse_recoverable(&self.text[head]);
        for error in &errors {
            let message = format!("the front matter is no TOML here: {}", error.message().trim());
            let way = "texts stand in quotes, lists in square brackets, a new section begins with [name]";
            self.wrong(begin + error.span().map_or(0, |span| span.start), message, way);
        }
        let mut keys = Keys { reader: self, begin };
        for (key, value) in table.get_ref() {
            made.places.keys.insert(key.get_ref().to_string(), keys.place(value.span().start));
            match &**key.get_ref() {
                "title" => made.variant.title = keys.title(value),
                "category" => made.shared.category = keys.category(value),
                "audience" => made.shared.audience = keys.audience(value),
                "questions" => {
                    for question in keys.texts(value, "questions") {
                        made.places.questions.push(keys.place(question.1));
                        made.variant.questions.push(question.0);
                    }
                }
                "valid_until" => made.shared.valid_until = keys.date(value),
                "links" => keys.links(value, made),
                "variables" => keys.variables(value, "", made),
                "conditions" => keys.conditions(value, made),
                "allow" => made.allow = keys.texts(value, "allow").into_iter().map(|(text, _)| text).collect(),
                other => {
                    keys.wrong(key.span().start, format!("there is no key `{other}`"), near::hint(other, KEYS));
                }
            }
        }
        // A reader of TOML that stumbled may have lost keys; that they are missing then would be a second complaint of one cause.
        if errors.is_empty() {
            for (key, way) in [
                (
                    "title",
                    "write `title = \"Mein Server startet nicht\"`: the symptom or question, in the customer's words",
                ),
                ("category", "write `category = \"mail\"`"),
                ("questions", "write `questions = [\"…\", \"…\"]`: drafts that it answers, as people type them"),
            ] {
                if !made.places.keys.contains_key(key) {
                    keys.reader.wrong_at((1, 1), format!("the front matter has no `{key}`"), way);
                }
            }
        }
        if made.variant.questions.len() > QUESTIONS {
            let place = made.places.questions[QUESTIONS];
            let message = format!("{} questions, and at most {QUESTIONS} are read", made.variant.questions.len());
            self.wrong_at(
                place,
                message,
                "keep six to twelve that differ; an answer that needs more answers several problems",
            );
        }
    }
}

/// Values, with their place in the file.
struct Keys<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// Where the front matter begins.
    begin: usize,
}

impl Keys<'_, '_> {
    fn place(&self, byte: usize) -> (usize, usize) {
        place(self.reader.text, self.begin + byte)
    }

    fn wrong(&mut self, byte: usize, message: impl Into<String>, way: impl Into<String>) {
        self.reader.wrong(self.begin + byte, message, way);
    }

    /// A text that says something, in one line.
    fn text(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Option<String> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(value.span().start, format!("`{what}` must be a text"), format!("write `{what} = \"…\"`"));
            return None;
        };
        let text = text.trim();
        if text.is_empty() {
            self.wrong(value.span().start, format!("`{what}` is empty"), "write a text, or leave it out");
            return None;
        }
        if text.contains(char::is_control) {
            let way = "write it in one line";
            self.wrong(value.span().start, format!("`{what}` holds a line break or control character"), way);
            return None;
        }
        Some(text.to_owned())
    }

    /// A text without placeholders.
    fn plain(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Option<String> {
        let text = self.text(value, what)?;
        if ["{{", "{%", "{#"].iter().any(|brace| text.contains(brace)) {
            let message = format!("`{what}` holds a placeholder, and placeholders are for the text below");
            self.wrong(value.span().start, message, "write it without");
            return None;
        }
        Some(text)
    }

    fn title(&mut self, value: &Spanned<DeValue<'_>>) -> String {
        self.plain(value, "title").unwrap_or_default()
    }

    fn category(&mut self, value: &Spanned<DeValue<'_>>) -> String {
        let category = self.text(value, "category").unwrap_or_default();
        if !category.is_empty() && !CATEGORIES.contains(&&*category) {
            let way = near::hint(&category, CATEGORIES);
            self.wrong(value.span().start, format!("`{category}` is no category"), way);
        }
        category
    }

    fn audience(&mut self, value: &Spanned<DeValue<'_>>) -> Audience {
        match self.text(value, "audience").as_deref() {
            Some("customer") => Audience::Customer,
            Some("support") => Audience::Support,
            None => Audience::Support,
            Some(other) => {
                let way = "it is `customer` (the form may show it) or `support` (it never does)";
                self.wrong(value.span().start, format!("`{other}` is no audience"), way);
                Audience::Support
            }
        }
    }

    /// A list of texts, with the bytes at which they stand. Also takes one text.
    fn texts(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Vec<(String, usize)> {
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong(
                value.span().start,
                format!("`{what}` must be a list"),
                format!("write `{what} = [\"…\", \"…\"]`"),
            );
            return Vec::new();
        };
        let texts = list.iter().map(|one| (self.plain(one, what), one.span().start));
        texts.filter_map(|(text, at)| Some((text?, at))).collect()
    }

    fn date(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let date = match value.get_ref() {
            DeValue::Datetime(date) if date.time.is_none() && date.offset.is_none() => Some(date.to_string()),
            DeValue::String(text) => {
                let date: Option<toml::value::Datetime> = text.trim().parse().ok();
                date.filter(|d| d.time.is_none() && d.offset.is_none()).map(|d| d.to_string())
            }
            _ => None,
        };
        if date.is_none() {
            let way = "write a day like `valid_until = 2027-12-31`";
            self.wrong(value.span().start, "`valid_until` is no day of the calendar", way);
        }
        date
    }

    fn links(&mut self, value: &Spanned<DeValue<'_>>, made: &mut AnswerFile) {
        let way = "write `links = [{ title = \"…\", url = \"https://…\" }]`";
        let DeValue::Array(list) = value.get_ref() else {
            return self.wrong(value.span().start, "`links` must be a list", way);
        };
        for one in list {
            let DeValue::Table(table) = one.get_ref() else {
                self.wrong(one.span().start, "a link needs a title and an address", way);
                continue;
            };
            let (mut title, mut url) = (None, None);
            for (key, value) in table {
                match &**key.get_ref() {
                    "title" => title = self.plain(value, "title"),
                    "url" => url = self.text(value, "url").map(|text| (text, value.span().start)),
                    other => {
                        let way = near::hint(other, ["title", "url"]);
                        self.wrong(key.span().start, format!("a link has no `{other}`"), way);
                    }
                }
            }
            if table.len() < 2 {
                self.wrong(one.span().start, "a link needs a title and an address", way);
            }
            let (Some(title), Some((url, at))) = (title, url) else { continue };
            // What is wrong with its placeholders is said by whoever holds them against the variables.
            if placeholder::scan(&url).is_ok() && !is_address(&url) {
                let way = "an address begins with `https://`, `{{ panel }}` or `{{ status_page }}` and has no blanks, quotes or brackets";
                self.wrong(at, format!("`{url}` is no address that a customer can be sent to"), way);
            }
            made.places.links.push(self.place(one.span().start));
            made.variant.links.push(Link { title, url });
        }
    }

    /// `"asset.name" = true`, `company = "…"`; a nested table is the same as a dotted name.
    fn variables(&mut self, value: &Spanned<DeValue<'_>>, above: &str, made: &mut AnswerFile) {
        let DeValue::Table(table) = value.get_ref() else {
            let way = "write a section `[variables]` with lines like `\"customer.name\" = \"Kundin, lieber Kunde\"`";
            return self.wrong(value.span().start, "`variables` must be a section", way);
        };
        for (key, value) in table {
            let name = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
            let at = key.span().start;
            if above.is_empty() && matches!(value.get_ref(), DeValue::Table(_)) {
                self.variables(value, &name, made);
                continue;
            }
            if !NAMES.contains(&&*name) {
                self.wrong(at, format!("there is no variable `{name}`"), near::hint(&name, NAMES));
                continue;
            }
            made.places.variables.insert(name.clone(), self.place(at));
            let variable = match value.get_ref() {
                DeValue::Boolean(true) => Variable::Required(true),
                // Nothing at all may stand for a missing value.
                DeValue::String(text) if text.trim().is_empty() => Variable::Fallback(String::new()),
                DeValue::String(_) => match self.plain(value, &name) {
                    Some(text) => Variable::Fallback(text),
                    None => continue,
                },
                _ => {
                    let way = "a text stands instead of a missing value; `true` means that the answer is not shown without one";
                    self.wrong(value.span().start, format!("`{name}` must be a text or `true`"), way);
                    continue;
                }
            };
            made.variant.variables.insert(name, variable);
        }
    }

    fn conditions(&mut self, value: &Spanned<DeValue<'_>>, made: &mut AnswerFile) {
        let way = "write a section `[conditions]` with `asset = [\"vm\"]` or `incident = [\"virtualisation.*\"]`";
        let DeValue::Table(table) = value.get_ref() else {
            return self.wrong(value.span().start, "`conditions` must be a section", way);
        };
        for (key, value) in table {
            let into = match &**key.get_ref() {
                "asset" => &mut made.shared.conditions.asset,
                "incident" => &mut made.shared.conditions.incident,
                other => {
                    let way = near::hint(other, ["asset", "incident"]);
                    self.wrong(key.span().start, format!("there is no condition `{other}`"), way);
                    continue;
                }
            };
            *into = self.texts(value, key.get_ref()).into_iter().map(|(text, _)| text).collect();
        }
    }
}

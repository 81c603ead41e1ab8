//! The five parts below the front matter.

use super::{AnswerFile, Parts, Range, Reader, near};

impl Reader<'_> {
    /// Reads the five parts into the answer.
    pub(super) fn body(&mut self, body: Range<usize>, made: &mut AnswerFile) {
        // Each heading with its byte and the bytes of its text.
        let mut found: Vec<(&str, usize, Range<usize>)> = Vec::new();
        let mut at = body.start;
        let text = self.text;
        for line in text[body].split_inclusive('\n') {
            let end = at + line.len();
            match line.strip_prefix('#') {
                Some(rest) if rest.starts_with(['#', ' ']) || rest.trim().is_empty() => {
                    found.push((line.trim_end(), at, end..end));
                }
                _ => match found.last_mut() {
                    Some((_, _, text)) => text.end = end,
                    None if line.trim().is_empty() => {}
                    None => {
                        let way = "text belongs below one of the five headings, `## acknowledge` being the first";
                        self.wrong(at, "there is text before the first heading", way);
                        found.push(("", at, end..end));
                    }
                },
            }
            at = end;
        }
        let mut before: Option<usize> = None;
        let mut seen = [false; 5];
        for (heading, at, range) in found {
            if heading.is_empty() {
                continue;
            }
            let name = heading.trim_start_matches('#').trim();
            let number = Parts::NAMES.iter().position(|known| *known == name);
            let Some(number) = number.filter(|_| heading.starts_with("## ")) else {
                let message = format!("`{heading}` is no part of an answer");
                let way = match near::nearest(&name.to_lowercase(), Parts::NAMES) {
                    Some(near) => {
                        // It is misspelt, not missing.
                        Parts::NAMES.iter().zip(&mut seen).for_each(|(name, seen)| *seen |= *name == near);
                        format!("did you mean `## {near}`?")
                    }
                    None => format!("the parts are {}; inside of them, use **bold** for a heading", list()),
                };
                self.wrong(at, message, way);
                continue;
            };
            if std::mem::replace(&mut seen[number], true) {
                self.wrong(at, format!("the part `## {name}` is there twice"), "join the two");
                continue;
            }
            if let Some(before) = before.filter(|before| *before > number) {
                let message = format!("the part `## {name}` comes after `## {}`", Parts::NAMES[before]);
                self.wrong(at, message, format!("the order is {}", list()));
            }
            before = before.max(Some(number));
            let raw = &self.text[range.clone()];
            let blank = raw.len() - raw.trim_start().len();
            let begin = if raw.trim().is_empty() { at } else { range.start + blank };
            made.places.parts[number] = super::place(self.text, begin).0;
            // Trailing blanks mean nothing in an answer, and tools add and remove them.
            let lines: Vec<&str> = raw.trim().lines().map(str::trim_end).collect();
            if let Some(part) = made.variant.parts.get_mut(name) {
                *part = lines.join("\n");
            }
        }
        let missing: Vec<String> =
            Parts::NAMES.iter().zip(seen).filter(|(_, seen)| !seen).map(|(name, _)| format!("`## {name}`")).collect();
        if !missing.is_empty() {
            let message = format!("the answer has no {}", missing.join(", no "));
            let way = "write the heading; a part with nothing to say stays empty below it, so that nobody forgets it by accident";
            self.wrong_at((self.text.lines().count().max(1), 1), message, way);
        }
        let all = made.variant.parts.iter().all(|(_, text)| text.is_empty());
        if all && missing.is_empty() {
            self.wrong_at((self.text.lines().count().max(1), 1), "all parts are empty", "write at least what is done");
        }
    }
}

fn list() -> String {
    Parts::NAMES.map(|name| format!("`## {name}`")).join(", ")
}

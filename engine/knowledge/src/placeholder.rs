//! The placeholders of an answer: which names there are, where a text uses them, and what is no placeholder at all.
//!
//! Start at `scan`. Answers know two things only: `{{ name }}`, and `{% if name is defined %}…{% else %}…{% endif %}`.
//! Everything else of the template language is refused when the file is read, so that a writer meets it, not a customer.

use std::ops::Range;

use heinzel_core::near;

/// What an answer may speak of.
pub const NAMES: [&str; 12] = [
    "customer.name",
    "asset.name",
    "asset.id",
    "incident.title",
    "incident.since",
    "incident.resolved_at",
    "company",
    "panel",
    "status_page",
    "phone",
    "hours",
    "reply_time",
];

/// Those that are addresses: a link may begin with them.
pub(crate) const ADDRESSES: [&str; 2] = ["panel", "status_page"];

/// Where in Markdown a value comes to stand; each place has its own way to keep a value from becoming structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// In running text.
    Text,
    /// Between backticks.
    Code,
    /// In the address of a link.
    Address,
}

/// One tag of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    /// Its bytes, braces included.
    pub(crate) range: Range<usize>,
    /// What it is.
    pub(crate) kind: Kind<'a>,
}

/// What a tag does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// `{{ name }}`; `sure` when an `if` around it has asked for the name.
    Value { name: &'a str, sure: bool, spot: Spot },
    /// `{% if name is defined %}`.
    If { name: &'a str },
    /// `{% else %}`.
    Else,
    /// `{% endif %}`.
    End,
}

/// What is no tag of answers, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) byte: usize,
    pub(crate) message: String,
    pub(crate) way: String,
}

/// The tags of a text in their order, or what is wrong with them.
pub(crate) fn scan(text: &str) -> Result<Vec<Tag<'_>>, Wrong> {
    let mut tags = Vec::new();
    // The names that are asked for, and whether this is their `else`.
    let mut asked: Vec<(&str, bool, usize)> = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find('{').map(|n| at + n) {
        let rest = &text[begin..];
        let close = match rest.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                let way = "write notes for authors into the front matter, behind `#`; before a real `#`, write `{\\#`";
                return Err(wrong(begin, "`{#` begins a comment of the template language", way));
            }
            _ => {
                at = begin + 1;
                continue;
            }
        };
        let Some(length) = rest[2..].find(close).map(|n| n + 2) else {
            return Err(wrong(begin, format!("`{}` is never closed", &rest[..2]), format!("close it with `{close}`")));
        };
        let end = begin + length + 2;
        let inside = text[begin + 2..begin + length].trim_matches('-').trim();
        let kind = if close == "}}" {
            known(inside, begin)?;
            if asked.iter().any(|(name, otherwise, _)| *name == inside && *otherwise) {
                let message = format!("`{inside}` has no value here, in the `else` of the question for it");
                return Err(wrong(begin, message, "say it without the placeholder"));
            }
            Kind::Value {
                name: inside,
                sure: asked.iter().any(|(name, _, _)| *name == inside),
                spot: spot(&text[..begin]),
            }
        } else {
            block(inside, begin, &mut asked)?
        };
        tags.push(Tag { range: begin..end, kind });
        at = end;
    }
    match asked.last() {
        None => Ok(tags),
        Some((name, _, begin)) => {
            Err(wrong(*begin, format!("`{{% if {name} is defined %}}` is never closed"), "close it with `{% endif %}`"))
        }
    }
}

fn block<'a>(inside: &'a str, begin: usize, asked: &mut Vec<(&'a str, bool, usize)>) -> Result<Kind<'a>, Wrong> {
    let words: Vec<&str> = inside.split_whitespace().collect();
    match words[..] {
        ["if", name, "is", "defined"] => {
            known(name, begin)?;
            asked.push((name, false, begin));
            Ok(Kind::If { name })
        }
        ["else"] => match asked.last_mut() {
            Some((_, otherwise @ false, _)) => {
                *otherwise = true;
                Ok(Kind::Else)
            }
            _ => Err(wrong(begin, "this `else` belongs to no `if`", "write `{% if name is defined %}` before it")),
        },
        ["endif"] => match asked.pop() {
            Some(_) => Ok(Kind::End),
            None => Err(wrong(begin, "this `endif` belongs to no `if`", "write `{% if name is defined %}` before it")),
        },
        _ => {
            let message = format!("answers do not know `{{% {inside} %}}`");
            let way = "there is `{% if name is defined %}`, `{% else %}` and `{% endif %}`, no more";
            Err(wrong(begin, message, way))
        }
    }
}

/// Refuses names that no answer can have a value for.
fn known(name: &str, begin: usize) -> Result<(), Wrong> {
    if NAMES.contains(&name) {
        return Ok(());
    }
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let message = if plain {
        format!("there is no variable `{name}`")
    } else {
        format!("`{name}` is more than a variable's name")
    };
    Err(wrong(begin, message, near::hint(name, NAMES)))
}

fn wrong(byte: usize, message: impl Into<String>, way: impl Into<String>) -> Wrong {
    Wrong { byte, message: message.into(), way: way.into() }
}

/// In what kind of place the text goes on behind `before`.
fn spot(before: &str) -> Spot {
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.matches('`').count() % 2 == 1 {
        return Spot::Code;
    }
    match line.rfind("](") {
        Some(open) if !line[open + 2..].contains([')', ' ']) || only_tags(&line[open + 2..]) => Spot::Address,
        _ => Spot::Text,
    }
}

/// Whether an address consists of tags and plain characters so far: `{{ panel }}/x` has blanks, but inside of a tag only.
fn only_tags(address: &str) -> bool {
    let mut rest = address;
    while let Some((before, after)) = rest.split_once("{{") {
        if before.contains([')', ' ']) {
            return false;
        }
        let Some((_, behind)) = after.split_once("}}") else { return false };
        rest = behind;
    }
    !rest.contains([')', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(&str, bool, Spot)> {
        let mut values = Vec::new();
        for tag in scan(text).unwrap() {
            if let Kind::Value { sure, spot, .. } = tag.kind {
                values.push((&text[tag.range], sure, spot));
            }
        }
        values
    }

    #[test]
    fn a_value_knows_where_it_stands_and_whether_it_was_asked_for() {
        let text = "A {{ company }} `x {{asset.name}}` [there]({{ panel }}/s/{{ asset.id }}?a) b {{ phone }}\n\
                    {% if phone is defined %}{{- phone -}}{% else %}x{% endif %}{{ phone }}";
        let expected = [
            ("{{ company }}", false, Spot::Text),
            ("{{asset.name}}", false, Spot::Code),
            ("{{ panel }}", false, Spot::Address),
            ("{{ asset.id }}", false, Spot::Address),
            ("{{ phone }}", false, Spot::Text),
            ("{{- phone -}}", true, Spot::Text),
            ("{{ phone }}", false, Spot::Text),
        ];
        assert_eq!(values(text), expected);
    }

    #[test]
    fn what_is_no_tag_of_answers_is_named_with_the_way_out() {
        let check = |text: &str, message: &str, way: &str| {
            let wrong = scan(text).unwrap_err();
            assert!(wrong.message.contains(message), "{text}: {}", wrong.message);
            assert!(wrong.way.contains(way), "{text}: {}", wrong.way);
        };
        check("{{ custmer.name }}", "no variable `custmer.name`", "`customer.name`");
        check("{{ customer.name|upper }}", "more than a variable's name", "customer.name");
        check("{{ 7 * 7 }}", "more than", "customer.name");
        check("{{ company", "never closed", "}}");
        check("{% if company is defined %}", "never closed", "endif");
        check("{% else %}", "belongs to no `if`", "before");
        check("{% endif %}", "belongs to no `if`", "before");
        check("{% for x in y %}{% endfor %}", "do not know `{% for x in y %}`", "no more");
        check("{% include 'x' %}", "do not know", "no more");
        check("{% if phone %}{% endif %}", "do not know", "is defined");
        check("{# note #}", "comment", "front matter");
        check("{% if phone is defined %}{% else %}{{ phone }}{% endif %}", "no value here", "without");
        check("{% if phone is defined %}{% else %}{% else %}{% endif %}", "belongs to no", "before");
    }

    #[test]
    fn single_braces_are_text() {
        assert_eq!(scan("a { b } c {\\{ d }}").unwrap(), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_tags_or_a_complaint(text in "[a-z{}%#`\\]\\[() \n.-]{0,60}|(\\{\\{ phone \\}\\}|\\{% (if phone is defined|else|endif) %\\}|ü){0,8}") {
            match scan(&text) {
                Ok(tags) => for tag in tags { proptest::prop_assert!(text.get(tag.range).is_some()); },
                Err(wrong) => proptest::prop_assert!(text.is_char_boundary(wrong.byte)),
            }
        }
    }
}

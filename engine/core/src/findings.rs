//! What the rules found in one block, packed: all words in one text, and short entries that point into it.
//!
//! Start at [`Findings::about`]. A flood fills and empties these by the thousand; nothing is owned by a single finding until
//! its trigger is due. [`Claim`] is a finding seen in here, [`Finding`] one that stands by itself.

use std::collections::BTreeMap;

use crate::block::{SourceId, StreamId};
use crate::event::{Clock, Event, Place};
use crate::field::{FieldType, Value, ValueRef};
use crate::finding::{Finding, Refused, Role, excerpt};
use crate::rule::{Rule, RuleId};
use crate::task::Task;
use crate::time::Timestamp;

/// The findings of one block, in the order of its records.
#[derive(Clone, Debug)]
pub struct Findings {
    source: SourceId,
    stream: StreamId,
    read_at: Timestamp,
    /// All words of all findings.
    text: String,
    records: Vec<Record>,
    tasks: Vec<Task>,
    entries: Vec<Entry>,
    fields: Vec<Field>,
}

/// A piece of the text, in bytes.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: usize,
    to: usize,
}

/// A record about which at least one rule claims something.
#[derive(Clone, Debug)]
struct Record {
    offset: u64,
    line: Option<u64>,
    time: Timestamp,
    clock: Clock,
    host: Option<Piece>,
    program: Option<Piece>,
    task: Option<usize>,
    times: u32,
    message: Piece,
}

#[derive(Clone, Debug)]
struct Entry {
    rule: RuleId,
    role: Role,
    record: usize,
    /// The first of its fields; they go on to those of the next entry.
    fields: usize,
}

#[derive(Clone, Debug)]
struct Field {
    name: Piece,
    value: Packed,
    is_text: bool,
}

#[derive(Clone, Copy, Debug)]
enum Packed {
    Int(i64),
    Float(f64),
    Text(Piece),
}

impl Findings {
    /// None yet, of a block of this stream that was read at `read_at`.
    #[must_use]
    pub fn new(source: SourceId, stream: StreamId, read_at: Timestamp) -> Self {
        let (records, tasks, entries, fields) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { source, stream, read_at, text: String::new(), records, tasks, entries, fields }
    }

    /// Takes the rules' claims about one event. Events come in the order of their records.
    pub fn about<'f, 'e>(&'f mut self, event: &'f Event<'e>) -> About<'f, 'e> {
        About { findings: self, event, record: None }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How much memory they take, in bytes, but for tasks.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
            + self.records.len() * size_of::<Record>()
            + self.entries.len() * size_of::<Entry>()
            + self.fields.len() * size_of::<Field>()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The finding with this number, from 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Claim<'_>> {
        let entry = self.entries.get(number)?;
        let record = self.records.get(entry.record)?;
        let end = self.entries.get(number + 1).map_or(self.fields.len(), |next| next.fields);
        Some(Claim {
            rule: &entry.rule,
            role: entry.role,
            source: &self.source,
            stream: &self.stream,
            offset: record.offset,
            line: record.line,
            time: record.time,
            read_at: self.read_at,
            host: record.host.map(|host| self.word(host)),
            program: record.program.map(|program| self.word(program)),
            task: record.task.and_then(|task| self.tasks.get(task)),
            times: record.times,
            message: self.word(record.message),
            fields: Fields::Packed(&self.text, self.fields.get(entry.fields..end).unwrap_or_default()),
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Claim<'_>> {
        (0..self.len()).map(|number| self.get(number).expect("below the length"))
    }

    /// Numbers the lines: `line` is told the offsets of the records, ascending, and says in which line each stands.
    pub fn number_lines(&mut self, mut line: impl FnMut(u64) -> u64) {
        for record in &mut self.records {
            record.line = Some(line(record.offset));
        }
    }

    /// Adds to all line numbers, once it is known how many lines stand before the block.
    pub fn add_to_lines(&mut self, before: u64) {
        for line in self.records.iter_mut().filter_map(|record| record.line.as_mut()) {
            *line += before;
        }
    }

    /// Gives this time to the records in front of the byte `until` that have no time of their own.
    pub fn date(&mut self, until: u64, time: Timestamp) {
        for record in self.records.iter_mut().take_while(|record| record.offset < until) {
            if record.clock != Clock::Own {
                record.time = time;
            }
        }
    }

    /// Takes in those of a later part of the same block.
    pub fn append(&mut self, later: &Self) {
        let (text, records, tasks, fields) = (self.text.len(), self.records.len(), self.tasks.len(), self.fields.len());
        let moved = |piece: Piece| Piece { from: piece.from + text, to: piece.to + text };
        self.text.push_str(&later.text);
        self.tasks.extend_from_slice(&later.tasks);
        self.records.extend(later.records.iter().map(|record| Record {
            host: record.host.map(moved),
            program: record.program.map(moved),
            task: record.task.map(|task| task + tasks),
            message: moved(record.message),
            ..*record
        }));
        self.fields.extend(later.fields.iter().map(|field| Field {
            name: moved(field.name),
            value: match field.value {
                Packed::Text(piece) => Packed::Text(moved(piece)),
                number => number,
            },
            is_text: field.is_text,
        }));
        self.entries.extend(later.entries.iter().map(|entry| Entry {
            rule: entry.rule.clone(),
            role: entry.role,
            record: entry.record + records,
            fields: entry.fields + fields,
        }));
    }

    fn word(&self, piece: Piece) -> &str {
        word(&self.text, piece)
    }

    fn keep(&mut self, word: &str) -> Piece {
        let from = self.text.len();
        self.text.push_str(word);
        Piece { from, to: self.text.len() }
    }

    fn keep_record(&mut self, event: &Event<'_>) -> usize {
        let header = &event.header;
        let host = header.host.as_deref().filter(|text| FieldType::Host.accepts(text));
        let program = header.program.as_deref().filter(|text| FieldType::Ident.accepts(text));
        let task = header.task().map(|task| {
            self.tasks.push(task.clone());
            self.tasks.len() - 1
        });
        let record = Record {
            offset: event.offset,
            line: None,
            time: event.time,
            clock: event.clock,
            host: host.map(|host| self.keep(host)),
            program: program.map(|program| self.keep(program)),
            task,
            times: header.times.unwrap_or(1),
            message: self.keep(excerpt(&event.message, Finding::EXCERPT)),
        };
        self.records.push(record);
        self.records.len() - 1
    }
}

fn word(text: &str, piece: Piece) -> &str {
    text.get(piece.from..piece.to).unwrap_or_default()
}

/// The claims about one event.
#[derive(Debug)]
pub struct About<'f, 'e> {
    findings: &'f mut Findings,
    event: &'f Event<'e>,
    record: Option<usize>,
}

impl About<'_, '_> {
    /// Takes a rule's claim, with what its pattern captured.
    ///
    /// # Errors
    /// [`Refused`] when a captured text does not fit the declared type of its field; the claim is then left out.
    pub fn claim<'c, T: AsRef<str>>(
        &mut self,
        rule: &Rule,
        role: Role,
        captures: impl IntoIterator<Item = (&'c str, T)>,
    ) -> Result<(), Refused> {
        let record = match self.record {
            Some(record) => record,
            None => *self.record.insert(self.findings.keep_record(self.event)),
        };
        let findings = &mut *self.findings;
        let (fields, text) = (findings.fields.len(), findings.text.len());
        for (name, captured) in captures {
            let Some(kind) = rule.fields.get(name) else { continue };
            let value = match kind.check(captured.as_ref()) {
                Ok(value) => value,
                Err(no) => {
                    findings.fields.truncate(fields);
                    findings.text.truncate(text);
                    return Err(Refused { rule: rule.id.clone(), field: name.to_owned(), reason: no.reason });
                }
            };
            let value = match value {
                ValueRef::Int(number) => Packed::Int(number),
                ValueRef::Float(number) => Packed::Float(number),
                ValueRef::Text(text) => Packed::Text(findings.keep(text)),
            };
            let name = findings.keep(name);
            findings.fields.push(Field { name, value, is_text: *kind == FieldType::Text });
        }
        findings.entries.push(Entry { rule: rule.id.clone(), role, record, fields });
        Ok(())
    }
}

/// A rule's claim about one event, seen where it is kept. See [`Finding`] for what the fields mean.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "they are those of a finding")]
pub struct Claim<'a> {
    pub rule: &'a RuleId,
    pub role: Role,
    pub source: &'a SourceId,
    pub stream: &'a StreamId,
    pub offset: u64,
    pub line: Option<u64>,
    pub time: Timestamp,
    pub read_at: Timestamp,
    pub host: Option<&'a str>,
    pub program: Option<&'a str>,
    pub task: Option<&'a Task>,
    /// How often the record was said (see [`Header::times`](crate::event::Header)).
    pub times: u32,
    pub message: &'a str,
    fields: Fields<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Fields<'a> {
    Packed(&'a str, &'a [Field]),
    Kept(&'a BTreeMap<String, Value>, &'a [String]),
}

impl<'a> Claim<'a> {
    /// Where the record was read.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { source: self.source.clone(), stream: self.stream.clone(), offset: self.offset, line: self.line }
    }

    /// The value of a name that `by` may use: a field, `host`, `program`, `task.kind`, `task.target`.
    #[must_use]
    pub fn value_of(&self, name: &str) -> Option<ValueRef<'a>> {
        match name {
            "host" => self.host.map(ValueRef::Text),
            "program" => self.program.map(ValueRef::Text),
            "task.kind" => self.task.map(|t| ValueRef::Text(&t.kind)),
            "task.target" => self.task.and_then(|t| t.target.as_deref()).map(ValueRef::Text),
            field => self.fields().find(|(known, ..)| *known == field).map(|(_, value, _)| value),
        }
    }

    /// Whether the field of this name was accepted as `text`.
    #[must_use]
    pub fn is_text(&self, name: &str) -> bool {
        self.fields().any(|(known, _, is_text)| is_text && known == name)
    }

    /// The fields: name, value, and whether it is `text`.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>, bool)> + use<'a> {
        let (text, packed) = match self.fields {
            Fields::Packed(text, packed) => (text, packed),
            Fields::Kept(..) => ("", &[][..]),
        };
        let packed = packed.iter().map(move |field| {
            let value = match field.value {
                Packed::Int(number) => ValueRef::Int(number),
                Packed::Float(number) => ValueRef::Float(number),
                Packed::Text(piece) => ValueRef::Text(word(text, piece)),
            };
            (word(text, field.name), value, field.is_text)
        });
        let kept = match self.fields {
            Fields::Packed(..) => None,
            Fields::Kept(fields, texts) => Some(
                fields
                    .iter()
                    .map(move |(name, value)| (name.as_str(), ValueRef::from(value), texts.iter().any(|t| t == name))),
            ),
        };
        packed.chain(kept.into_iter().flatten())
    }

    /// The same, standing by itself.
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        Finding {
            rule: self.rule.clone(),
            role: self.role,
            place: self.place(),
            time: self.time,
            read_at: self.read_at,
            fields: self.fields().map(|(name, value, _)| (name.to_owned(), value.into())).collect(),
            text_fields: self.fields().filter(|(.., is_text)| *is_text).map(|(name, ..)| name.to_owned()).collect(),
            host: self.host.map(str::to_owned),
            program: self.program.map(str::to_owned),
            task: self.task.map(|task| Box::new(task.clone())),
            message: self.message.to_owned(),
        }
    }
}

impl<'a> From<&'a Finding> for Claim<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            role: finding.role,
            source: &finding.place.source,
            stream: &finding.place.stream,
            offset: finding.place.offset,
            line: finding.place.line,
            time: finding.time,
            read_at: finding.read_at,
            host: finding.host.as_deref(),
            program: finding.program.as_deref(),
            task: finding.task.as_deref(),
            times: 1,
            message: &finding.message,
            fields: Fields::Kept(&finding.fields, &finding.text_fields),
        }
    }
}

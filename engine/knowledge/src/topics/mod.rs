//! What customers write about: topics, each a possible defect of the product.
//!
//! Start at [`report`]. Texts come in as [`Text`], without personal data; vectors of a semantic model may be given, else
//! words decide. Clusters are named by the words that set them apart (class-based tf-idf). Customers are counted, not
//! tickets: one customer in trouble may write ten times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heinzel_core::draft::{Draft, Nothing};
use heinzel_core::incident::IncidentId;
use heinzel_core::redact::Redacted;
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use serde::Serialize;

use crate::text::strip::strip;

mod cluster;
mod vectors;
mod label;
mod hint;
pub mod page;
pub mod drafts;

pub use hint::Hint;

/// What customers wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was sent.
    Ticket,
    /// It was not.
    Draft,
}

/// A ticket or a draft, without form and personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The ticket's or draft's id.
    pub id: String,
    /// Which of the two.
    pub kind: Kind,
    /// Who wrote it, where known.
    pub customer: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: String,
    /// The language: `de`, `en`.
    pub language: Option<String>,
    /// The form's page and field.
    pub page: Option<String>,
    /// The form's field.
    pub field: Option<String>,
    /// Whether an answer was found for it, or used by support. `None`: nobody looked.
    pub answered: Option<bool>,
    /// Incidents that it is about.
    pub incidents: Vec<IncidentId>,
}

impl Text {
    /// Of a ticket; `known` are the names to be taken out wherever they stand.
    #[must_use]
    pub(crate) fn of_ticket(ticket: &Ticket, draft: Option<&Draft>, known: &[&str]) -> Self {
        let whole = format!("{}\n{}", ticket.subject.trim(), strip(&ticket.body));
        let found = draft.and_then(was_answered);
        Self {
            id: ticket.id.clone(),
            kind: Kind::Ticket,
            customer: ticket.customer.clone(),
            at: ticket.created,
            text: Redacted::of(&whole, known).as_str().to_owned(),
            language: ticket.language.clone(),
            page: ticket.page.clone().or_else(|| draft.and_then(|draft| draft.page.clone())),
            field: draft.and_then(|draft| draft.field.clone()),
            answered: if ticket.answer_used.is_some() { Some(true) } else { found },
            incidents: ticket.incidents.clone(),
        }
    }

    /// Of a draft whose text is kept.
    #[must_use]
    pub(crate) fn of_draft(draft: &Draft) -> Option<Self> {
        let text = draft.text.as_ref()?;
        Some(Self {
            id: draft.id.clone(),
            kind: Kind::Draft,
            customer: draft.owner.customer().map(ToOwned::to_owned),
            at: draft.last,
            text: strip(text.as_str()).into_owned(),
            language: Some(draft.language.clone()).filter(|language| !language.is_empty()),
            page: draft.page.clone(),
            field: draft.field.clone(),
            answered: was_answered(draft),
            incidents: Vec::new(),
        })
    }

    /// Who counts: the customer, else the text itself.
    fn who(&self) -> (&str, &str) {
        match &self.customer {
            Some(customer) => ("customer", customer),
            None => ("text", &self.id),
        }
    }
}

fn was_answered(draft: &Draft) -> Option<bool> {
    match draft.nothing {
        None | Some(Nothing::HoldOut) => Some(draft.top.is_some()),
        Some(Nothing::NothingFits) => Some(false),
        // The form was emptied, it may be because it was sent: what was found before is of what it said.
        Some(Nothing::TooShort) => draft.top.is_some().then_some(true),
        Some(Nothing::Off) => None,
    }
}

/// All texts of a range: tickets, and the drafts that did not become one of them. `names` says which names to take out of
/// a customer's tickets.
#[must_use]
pub fn texts(tickets: &[Ticket], drafts: &[Draft], names: &BTreeMap<String, Vec<String>>) -> Vec<Text> {
    let by_id: BTreeMap<&str, &Draft> = drafts.iter().map(|draft| (&*draft.id, draft)).collect();
    let sent: BTreeSet<&str> = tickets.iter().filter_map(|ticket| ticket.draft.as_deref()).collect();
    let of_ticket = |ticket: &Ticket| {
        let known = ticket.customer.as_ref().and_then(|customer| names.get(customer));
        let known: Vec<&str> = known.into_iter().flatten().map(String::as_str).collect();
        let draft = ticket.draft.as_deref().and_then(|id| by_id.get(id).copied());
        Text::of_ticket(ticket, draft, &known)
    };
    // Of old tickets it is known that they were sent, no longer what they said.
    let says = |ticket: &&Ticket| !ticket.subject.is_empty() || !ticket.body.is_empty();
    let mut texts: Vec<Text> = tickets.iter().filter(says).map(of_ticket).collect();
    texts.extend(drafts.iter().filter(|draft| !sent.contains(&*draft.id)).filter_map(Text::of_draft));
    texts
}

/// How topics are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// What time it is: the last week counts from here.
    pub now: Timestamp,
    /// How alike two groups of texts are on average, to be one topic (cosine).
    pub join: f32,
    /// A topic has at least so many texts.
    pub least: usize,
}

impl Options {
    /// For vectors made from words.
    #[must_use]
    pub const fn lexical(now: Timestamp) -> Self {
        // 0.3 sorts the 4,000 drafts of clinc150 into some 140 clusters where people saw 150.
        Self { now, join: 0.3, least: 3 }
    }

    /// For vectors of a sentence-embedding model, which lie much closer together.
    #[must_use]
    pub const fn semantic(now: Timestamp) -> Self {
        Self { now, join: 0.86, least: 3 }
    }
}

/// A word and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// What.
    pub what: String,
    /// How many texts.
    pub texts: usize,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topic {
    /// A name for files and links, from its words: `postfach-voll`.
    pub slug: String,
    /// The words that set it apart, the strongest first.
    pub words: Vec<String>,
    /// Customers; a text whose writer is unknown counts as one.
    pub customers: usize,
    /// Tickets.
    pub tickets: usize,
    /// Drafts that were not sent.
    pub drafts: usize,
    /// Customers of the last seven days.
    pub this_week: usize,
    /// Customers a week, over the four weeks before.
    pub per_week_before: f64,
    /// Pages and fields of forms they come from, the most frequent first.
    pub pages: Vec<Share>,
    /// Of the texts for which that is known: the share without a fitting answer.
    pub without_answer: Option<f64>,
    /// Incidents that its tickets are about, by how many.
    pub incidents: BTreeMap<IncidentId, usize>,
    /// What may be wrong with the product.
    pub hints: Vec<Hint>,
    /// Some of its texts, the most typical first, without personal data.
    pub examples: Vec<String>,
    /// The texts, as positions in what [`report`] was given, the most typical first.
    #[serde(skip)]
    pub members: Vec<usize>,
}

impl Topic {
    /// Nothing fits half of its texts or more.
    #[must_use]
    pub fn needs_answer(&self) -> bool {
        self.without_answer.is_none_or(|share| share >= 0.5)
    }
}

/// All topics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Texts.
    pub texts: usize,
    /// Customers; a text whose writer is unknown counts as one.
    pub customers: usize,
    /// Texts that are like too few others, or share no word with them: not sorted.
    pub alone: usize,
    /// The topics, those with most customers first.
    pub topics: Vec<Topic>,
}

const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Examples of a topic.
const EXAMPLES: usize = 5;
/// A longer example is cut, in bytes.
const LONG: usize = 240;

/// Sorts texts into topics. `semantic`: one vector a text from a sentence-embedding model, where there is one.
#[must_use]
pub fn report(texts: &[Text], semantic: Option<&[Vec<f32>]>, options: &Options) -> Report {
    let words: Vec<String> = texts.iter().map(|text| bare(&text.text)).collect();
    let (vectors, by_meaning) = match semantic.filter(|vectors| vectors.len() == texts.len()) {
        Some(vectors) => (vectors::Matrix::of(vectors), true),
        None => (vectors::lexical(&words), false),
    };
    let cluster_of = cluster::clusters(&vectors, options.join);
    let count = cluster_of.iter().flatten().max().map_or(0, |last| last + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (text, cluster) in cluster_of.iter().enumerate() {
        if let Some(cluster) = cluster {
            members[*cluster].push(text);
        }
    }
    members.retain(|members| members.len() >= options.least.max(1));
    members.iter_mut().for_each(|members| typical_first(&vectors, members));
    let labels = label::labels(texts, &words, &members);
    // Whatever is left over becomes a cluster, too. By words, texts of several writers without a common one are nothing but that.
    let (members, labels): (Vec<Vec<usize>>, Vec<Vec<String>>) =
        members.into_iter().zip(labels).filter(|(_, label)| by_meaning || !label.is_empty()).unzip();
    let everywhere = hint::Everywhere::of(texts);
    let sorted: usize = members.iter().map(Vec::len).sum();
    let mut topics: Vec<Topic> = members
        .into_iter()
        .zip(labels)
        .map(|(members, label)| topic(texts, members, label, &everywhere, options))
        .collect();
    topics.sort_by(|a, b| {
        b.customers.cmp(&a.customers).then(b.members.len().cmp(&a.members.len())).then_with(|| a.words.cmp(&b.words))
    });
    name_apart(&mut topics);
    Report { texts: texts.len(), customers: customers(texts.iter()), alone: texts.len() - sorted, topics }
}

/// Without the marks that stand for personal data: they say nothing of a topic.
fn bare(text: &str) -> String {
    Redacted::kept(text.to_owned()).bare()
}

fn customers<'t>(texts: impl Iterator<Item = &'t Text>) -> usize {
    texts.map(Text::who).collect::<BTreeSet<_>>().len()
}

/// Those nearest to the middle of all come first.
fn typical_first(vectors: &vectors::Matrix, members: &mut [usize]) {
    let mut middle = vec![0.0; vectors.columns];
    members.iter().for_each(|text| vectors::add(&mut middle, 1.0, vectors.row(*text)));
    vectors::to_length_one(&mut middle);
    members.sort_by(|a, b| {
        let near = |text: &usize| vectors::dot(vectors.row(*text), &middle);
        near(b).total_cmp(&near(a)).then(a.cmp(b))
    });
}

fn topic(
    texts: &[Text],
    members: Vec<usize>,
    words: Vec<String>,
    everywhere: &hint::Everywhere,
    options: &Options,
) -> Topic {
    let all: Vec<&Text> = members.iter().map(|member| &texts[*member]).collect();
    let within = |from: Timestamp, until: Timestamp| {
        customers(all.iter().copied().filter(|text| text.at >= from && text.at < until))
    };
    let week = |back: u32| within(options.now - WEEK * (back + 1), options.now - WEEK * back);
    let known: Vec<bool> = all.iter().filter_map(|text| text.answered).collect();
    let without = known.iter().filter(|answered| !**answered).count();
    let mut incidents = BTreeMap::new();
    all.iter().flat_map(|text| &text.incidents).for_each(|id| *incidents.entry(*id).or_insert(0) += 1);
    Topic {
        slug: slug(&words),
        customers: customers(all.iter().copied()),
        tickets: all.iter().filter(|text| text.kind == Kind::Ticket).count(),
        drafts: all.iter().filter(|text| text.kind == Kind::Draft).count(),
        this_week: week(0),
        per_week_before: (1..=4).map(week).sum::<usize>() as f64 / 4.0,
        pages: hint::pages(&all),
        without_answer: (!known.is_empty()).then(|| without as f64 / known.len() as f64),
        incidents,
        hints: hint::hints(&all, everywhere),
        examples: examples(&all),
        words,
        members,
    }
}

/// Of different writers and different words, as far as there are.
fn examples(all: &[&Text]) -> Vec<String> {
    let mut writers = BTreeSet::new();
    let mut examples: Vec<String> = Vec::new();
    for text in all {
        let shown: String = text.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut = shown.floor_char_boundary(LONG);
        let shown = if cut < shown.len() { format!("{}…", &shown[..cut]) } else { shown };
        if examples.len() < EXAMPLES && !examples.contains(&shown) && writers.insert(text.who()) {
            examples.push(shown);
        }
    }
    examples
}

fn slug(words: &[String]) -> String {
    let mut slug = String::new();
    for word in words.iter().take(3) {
        let mut folded = String::new();
        crate::text::fold::fold(word, &mut folded);
        let plain: String = folded.chars().filter(char::is_ascii_alphanumeric).collect();
        if !plain.is_empty() {
            slug.push_str(if slug.is_empty() { "" } else { "-" });
            slug.push_str(&plain);
        }
    }
    if slug.is_empty() { "topic".into() } else { slug }
}

/// Two topics of one name are told apart by a number.
fn name_apart(topics: &mut [Topic]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for topic in topics {
        let times = seen.entry(topic.slug.clone()).or_default();
        *times += 1;
        if *times > 1 {
            topic.slug = format!("{}-{times}", topic.slug);
        }
    }
}

#[cfg(test)]
mod tests;

//! What a topic may say about the product.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Share, Text, customers};

/// So many customers at least make a hint.
const CUSTOMERS: usize = 5;
/// Pages of a topic that are named.
const PAGES: usize = 5;

/// A possible defect of the product. A person decides; the figures say why it is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hint {
    /// Most come from one field: what is to be entered there may be unclear.
    Tooltip {
        /// The page.
        page: String,
        /// The field.
        field: String,
        /// Their share, of the texts whose page is known.
        share: f64,
    },
    /// Most come from one page: a word or button there may mislead.
    Label {
        /// The page.
        page: String,
        /// Their share, of the texts whose page is known.
        share: f64,
    },
    /// Most ask where something is or how it is done: it may be hard to find.
    Findability {
        /// Their share.
        share: f64,
    },
    /// Most are about incidents: the cause is in the service.
    Fault {
        /// Their share.
        share: f64,
    },
}

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |share: &f64| (share * 100.0).round();
        match self {
            Self::Tooltip { page, field, share } => {
                write!(f, "tooltip missing at field `{field}` of {page}? {} % come from there", percent(share))
            }
            Self::Label { page, share } => {
                write!(f, "button or text mislabelled on {page}? {} % come from there", percent(share))
            }
            Self::Findability { share } => {
                write!(f, "hard to find? {} % ask where or how", percent(share))
            }
            Self::Fault { share } => write!(f, "a fault of the service: {} % are about incidents", percent(share)),
        }
    }
}

type Place<'t> = (&'t str, Option<&'t str>);

fn place(text: &Text) -> Option<Place<'_>> {
    Some((text.page.as_deref()?, text.field.as_deref()))
}

/// How frequent each page is among all texts: the page of the ticket form itself says nothing.
pub(super) struct Everywhere {
    pages: BTreeMap<String, f64>,
}

impl Everywhere {
    pub(super) fn of(texts: &[Text]) -> Self {
        let known: Vec<&str> = texts.iter().filter_map(|text| text.page.as_deref()).collect();
        let mut pages = BTreeMap::new();
        for page in &known {
            *pages.entry((*page).to_owned()).or_insert(0.0) += 1.0 / known.len() as f64;
        }
        Self { pages }
    }
}

/// Where a topic's texts come from.
pub(super) fn pages(all: &[&Text]) -> Vec<Share> {
    let mut count: BTreeMap<Place<'_>, usize> = BTreeMap::new();
    all.iter().filter_map(|text| place(text)).for_each(|place| *count.entry(place).or_default() += 1);
    let mut pages: Vec<Share> = count
        .into_iter()
        .map(|((page, field), texts)| Share { what: field.map_or(page.to_owned(), |f| format!("{page} ({f})")), texts })
        .collect();
    pages.sort_by(|a, b| b.texts.cmp(&a.texts).then_with(|| a.what.cmp(&b.what)));
    pages.truncate(PAGES);
    pages
}

/// What the figures suggest.
pub(super) fn hints(all: &[&Text], everywhere: &Everywhere) -> Vec<Hint> {
    let mut hints = Vec::new();
    if customers(all.iter().copied()) < CUSTOMERS {
        return hints;
    }
    let share_of =
        |test: &dyn Fn(&Text) -> bool| all.iter().filter(|text| test(text)).count() as f64 / all.len() as f64;
    let fault = share_of(&|text| !text.incidents.is_empty());
    if fault >= 0.5 {
        hints.push(Hint::Fault { share: fault });
    }
    let mut count: BTreeMap<&str, BTreeMap<Option<&str>, f64>> = BTreeMap::new();
    let known = all.iter().filter_map(|text| place(text)).count();
    for (page, field) in all.iter().filter_map(|text| place(text)) {
        *count.entry(page).or_default().entry(field).or_default() += 1.0;
    }
    for (page, fields) in count {
        let here: f64 = fields.values().sum();
        let share = here / known as f64;
        // At least half, and twice as many as elsewhere.
        if known < CUSTOMERS || share < 0.5 || share < 2.0 * everywhere.pages.get(page).copied().unwrap_or(0.0) {
            continue;
        }
        let (page, best) = (page.to_owned(), fields.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)));
        hints.push(match best {
            Some((Some(field), times)) if times / here >= 0.7 => {
                Hint::Tooltip { page, field: field.to_owned(), share: times / known as f64 }
            }
            _ => Hint::Label { page, share },
        });
    }
    let asks = share_of(&|text| asks_for_way(&text.text));
    if asks >= 0.5 {
        hints.push(Hint::Findability { share: asks });
    }
    hints
}

/// "Where is", "how do I".
fn asks_for_way(text: &str) -> bool {
    const WAYS: [&str; 22] = [
        "wo finde",
        "wo kann ich",
        "wo stelle",
        "wo ist",
        "wo sehe",
        "wie kann ich",
        "wie stelle ich",
        "wie richte ich",
        "wie ändere ich",
        "wie aendere ich",
        "wie finde ich",
        "finde nicht",
        "finde keine",
        "where is",
        "where do i",
        "where can i",
        "where are",
        "how do i",
        "how can i",
        "how to",
        "can't find",
        "cannot find",
    ];
    let text = text.to_lowercase();
    WAYS.iter().any(|way| text.contains(way))
}

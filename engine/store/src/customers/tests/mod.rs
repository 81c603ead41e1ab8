//! What is remembered of customers: what goes in comes out, and what goes wrong harms nobody.

use std::time::Duration;

use heinzel_core::asset::Asset;
use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::draft::{Deed, Draft, Example, Feedback, Nothing, Origin, Owner, Shown, Top};
use heinzel_core::redact::Redacted;
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use tempfile::TempDir;

use super::{Claim, Customers, FILE, MOST_EXAMPLES, Put, Range, Reader, Retention};

mod basics;
mod drafts;
mod forget;
mod trouble;

/// A file in its own folder, which lives as long as this does.
struct Scene {
    folder: TempDir,
    customers: Customers,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let customers = Customers::open(folder.path()).unwrap();
        Self { folder, customers }
    }

    /// Closes and opens again.
    fn again(self) -> Self {
        let Self { folder, customers } = self;
        drop(customers);
        let customers = Customers::open(folder.path()).unwrap();
        Self { folder, customers }
    }

    fn reader(&self) -> Reader {
        self.customers.reader().unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn kim() -> Owner {
    Owner::Customer("kim".into())
}

fn customer(id: &str) -> Customer {
    Customer {
        id: id.into(),
        name: Some("Kim O'Neil \"; DROP TABLE customer;--".into()),
        email: Some(format!("{id}@Example.com")),
        language: Some("de".into()),
        since: Some(at(-5)),
        last_seen: Some(at(50)),
    }
}

fn asset(id: &str, owner: &str) -> NamedAsset {
    let asset = Asset {
        id: id.into(),
        aliases: vec!["web1".into()],
        owner: Some(owner.into()),
        depends_on: vec!["host:pve1".into()],
        protected: true,
    };
    NamedAsset { asset, name: Some("Blumenladen".into()) }
}

fn draft(id: &str, owner: Owner, last: i64) -> Draft {
    Draft {
        id: id.into(),
        owner,
        language: "de".into(),
        page: Some("/tickets/new".into()),
        field: Some("body".into()),
        asset: Some("vm:100".into()),
        first: at(last - 10),
        last: at(last),
        words: 7,
        hold_out: true,
        top: Some(Top { item: "mail/quota".into(), confidence: 0.5 }),
        nothing: Some(Nothing::HoldOut),
        text: Some(Redacted::of("Postfach von a@b.de voll", &[])),
    }
}

fn shown(draft: &str, seconds: i64) -> Shown {
    Shown {
        draft: draft.into(),
        item: "mail/quota".into(),
        rank: 1,
        confidence: 0.5,
        ranker: "lexical 1".into(),
        at: at(seconds),
    }
}

fn ticket(id: &str, seconds: i64) -> Ticket {
    Ticket {
        id: id.into(),
        customer: Some("kim".into()),
        asset: Some("vm:100".into()),
        subject: "Hilfe".into(),
        body: "Nichts geht\0 \u{1f600}".into(),
        language: Some("de".into()),
        page: None,
        created: at(seconds),
        draft: Some("d1".into()),
        answer_used: None,
        incidents: vec![2, 1],
    }
}

fn example(answer: &str, text: &str, origin: Origin) -> Example {
    Example { answer: answer.into(), language: "de".into(), text: Redacted::of(text, &[]), origin, count: 1 }
}

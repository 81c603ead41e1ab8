//! Customers and assets as the shop's systems know them, and reports over what was remembered.

use std::io::Read;
use std::sync::PoisonError;
use std::time::Duration;

use heinzel_core::asset::{Asset, Assets};
use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_knowledge::contacts::Limits;
use heinzel_server::asset::AssetRecord;
use heinzel_server::customer::CustomerRecord;
use heinzel_server::front::{Kept, Refused};
use heinzel_server::import::{Complaint, ImportKind, Imported};
use heinzel_server::report::{ReportName, Span};
use heinzel_store::customers::Put;
use heinzel_store::sqlite::Sqlite;

use super::{Desk, busy};
use crate::{clock, reports};

impl Desk {
    pub(super) fn keep_asset(&self, id: &str, record: AssetRecord) -> Result<Kept<AssetRecord>, Refused> {
        let named = NamedAsset {
            asset: Asset {
                id: id.to_owned(),
                aliases: record.aliases.clone(),
                owner: record.owner.clone(),
                depends_on: record.depends_on.clone(),
                protected: record.protected,
            },
            name: record.name.clone(),
        };
        self.check_asset(&named.asset)?;
        let put = self.customers.put_asset(&named).map_err(busy)?;
        if put != Put::Same {
            self.know()?;
        }
        Ok(kept(put, record))
    }

    /// Whether an asset fits in with those that are known.
    fn check_asset(&self, asset: &Asset) -> Result<(), Refused> {
        let invalid = |field: &str, why: String| Refused::Invalid { field: field.to_owned(), why };
        let others = self.customers.assets().map_err(busy)?.into_iter().map(|one| one.asset);
        let others: Vec<Asset> = others.filter(|other| other.id != asset.id).chain([asset.clone()]).collect();
        let (_, errors) = Assets::default().with(&others);
        match errors.into_iter().find(|error| error.is_about(&asset.id)) {
            Some(error) => Err(invalid(error.field(), error.to_string())),
            None => Ok(()),
        }
    }

    /// Tells the engine which assets there are now.
    fn know(&self) -> Result<(), Refused> {
        let all = self.customers.assets().map_err(busy)?;
        let named = all.iter().filter_map(|one| Some((one.asset.id.clone(), one.name.clone()?)));
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = named.collect();
        self.swap.know(all.into_iter().map(|one| one.asset).collect());
        Ok(())
    }

    pub(super) fn keep_customer(&self, id: &str, record: CustomerRecord) -> Result<Kept<CustomerRecord>, Refused> {
        let customer = Customer {
            id: id.to_owned(),
            name: record.name.clone(),
            email: record.email.clone(),
            language: record.language.clone(),
            since: record.since,
            last_seen: record.last_seen,
        };
        let put = self.customers.put_customer(&customer).map_err(busy)?;
        Ok(kept(put, record))
    }

    /// Takes a list of the shop's.
    pub(super) fn take_rows(&self, kind: ImportKind, rows: &mut dyn Read, dry_run: bool) -> Result<Imported, Refused> {
        let mut list = Vec::new();
        let longest = heinzel_knowledge::import::LARGEST as u64 + 1;
        rows.take(longest).read_to_end(&mut list).map_err(|_| Refused::BrokeOff)?;
        match kind {
            ImportKind::Customers => {
                let read = heinzel_knowledge::import::customers(&list);
                is_list(&read)?;
                if !dry_run {
                    self.customers.put_all(&read.rows, &[]).map_err(busy)?;
                }
                Ok(told(read, dry_run))
            }
            ImportKind::Assets => {
                let read = heinzel_knowledge::import::assets(&list);
                is_list(&read)?;
                if !dry_run {
                    self.customers.put_all(&[], &read.rows).map_err(busy)?;
                    self.know()?;
                }
                Ok(told(read, dry_run))
            }
        }
    }

    pub(super) fn make_report(&self, name: ReportName, span: Span) -> Result<serde_json::Value, Refused> {
        let reader = self.customers.reader().map_err(busy)?;
        let (span, now) = ((span.from, span.until), clock::now());
        match name {
            ReportName::Deflection => json(&reports::deflection(&reader, span, now).map_err(busy)?),
            ReportName::Topics => json(&reports::topics(&reader, span, now).map_err(busy)?.0),
            ReportName::Silence => {
                let store = Sqlite::open_read_only(&self.state, PATIENCE).map_err(busy)?;
                json(&reports::silence(&reader, &store, span, now).map_err(busy)?)
            }
            ReportName::Contacts => json(&reports::contacts(&reader, &Limits::default(), now).map_err(busy)?),
        }
    }
}

/// How long the store is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether anything can be read from it: what is wrong with a list as a whole is said of line 0.
fn is_list<T>(read: &heinzel_knowledge::import::Imported<T>) -> Result<(), Refused> {
    match read.complaints.first() {
        Some(whole) if whole.line == 0 && read.rows.is_empty() => {
            Err(Refused::Invalid { field: String::new(), why: whole.why.clone() })
        }
        _ => Ok(()),
    }
}

fn told<T>(read: heinzel_knowledge::import::Imported<T>, dry_run: bool) -> Imported {
    let complaints = read.complaints.into_iter().map(|one| Complaint { line: one.line, why: one.why });
    let complaints: Vec<Complaint> = complaints.collect();
    let (taken, left_out) = (read.rows.len() as u64, read.left_out);
    let rows = taken + complaints.len() as u64 + left_out;
    Imported { rows, taken, complaints, complaints_left_out: left_out, dry_run }
}

fn json<T: serde::Serialize>(report: &T) -> Result<serde_json::Value, Refused> {
    serde_json::to_value(report).map_err(|error| Refused::Busy(format!("the report cannot be written: {error}")))
}

pub(super) fn kept<T>(put: Put, record: T) -> Kept<T> {
    if put == Put::New { Kept::New(record) } else { Kept::Known(record) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted() {
        let list = format!("id\n{}K1\n", "K2;x\n".repeat(5_000));
        let told = told(heinzel_knowledge::import::customers(list.as_bytes()), true);
        assert_eq!((told.rows, told.taken), (5_001, 1));
        assert_eq!((told.complaints.len(), told.complaints_left_out), (1_000, 4_000));
    }
}

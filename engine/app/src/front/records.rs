//! Customers and assets as the shop's systems know them, and reports over what was remembered.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::sync::PoisonError;
use std::time::Duration;

use heinzel_core::asset::Asset;
use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_knowledge::contacts::Limits;
use heinzel_knowledge::import::{self as read, Imported as Read};
use heinzel_server::asset::{self, AssetRecord};
use heinzel_server::customer::{self, CustomerRecord};
use heinzel_server::front::{Kept, Refused};
use heinzel_server::import::{Complaint, ImportKind, Imported};
use heinzel_server::report::{ReportName, Span};
use heinzel_store::customers::Put;
use heinzel_store::sqlite::Sqlite;

use super::misfits::{Misfit, misfit, misfits};
use super::{Desk, busy};
use crate::{clock, reports};

impl Desk {
    pub(super) fn keep_asset(&self, id: &str, record: AssetRecord) -> Result<Kept<AssetRecord>, Refused> {
        let named = record.to_asset(id);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A shop that puts all it has every night says little that is new: what is in force already, just so, needs no look at
        // all the others.
        let live = self.current.get();
        let is_in_force = live.listed.get(id).is_none() && live.assets.get(id) == Some(&named.asset);
        if is_in_force && self.customers.asset(id).map_err(busy)?.as_ref() == Some(&named) {
            return Ok(Kept::Known(record));
        }
        let misfit = if live.is_whole() {
            misfit(&live.listed, &live.assets, &named.asset)
        } else {
            self.misfits(&[&named.asset])?.remove(&0)
        };
        if let Some(misfit) = misfit {
            return Err(misfit.into());
        }
        let put = self.customers.put_asset(&named).map_err(busy)?;
        // Nothing that can fail stands between what is written down and what is in force.
        {
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            match named.name {
                Some(name) => drop(names.insert(id.to_owned(), name)),
                None => drop(names.remove(id)),
            }
        }
        self.swap.know_one(named.asset);
        Ok(kept(put, record))
    }

    /// Which of the assets that are sent do not fit in with those that are known, by their place.
    fn misfits(&self, sent: &[&Asset]) -> Result<BTreeMap<usize, Misfit>, Refused> {
        let stored: Vec<Asset> = self.customers.assets().map_err(busy)?.into_iter().map(|one| one.asset).collect();
        Ok(misfits(&self.current.get().listed, &stored, sent))
    }

    /// Tells the engine which assets there are now: all that are written down.
    pub(super) fn know(&self, all: Vec<NamedAsset>) {
        let named = all.iter().filter_map(|one| Some((one.asset.id.clone(), one.name.clone()?)));
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = named.collect();
        self.swap.know(all.into_iter().map(|one| one.asset).collect());
    }

    pub(super) fn keep_customer(&self, id: &str, record: CustomerRecord) -> Result<Kept<CustomerRecord>, Refused> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let put = self.customers.put_customer(&record.to_customer(id)).map_err(busy)?;
        Ok(kept(put, record))
    }

    /// Takes a list of the shop's.
    pub(super) fn take_rows(
        &self,
        kind: ImportKind,
        rows: &mut dyn std::io::Read,
        dry_run: bool,
    ) -> Result<Imported, Refused> {
        let mut list = Vec::new();
        let longest = read::LARGEST as u64 + 1;
        rows.take(longest).read_to_end(&mut list).map_err(|_| Refused::BrokeOff)?;
        // What a list does not say stays as it is: nobody else may change it meanwhile.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            ImportKind::Customers => {
                let stored = self.customers.reader().and_then(|reader| reader.customers()).map_err(busy)?;
                let (told, customers) = told(customers(&list, stored)?, dry_run);
                if !dry_run {
                    self.customers.put_all(&customers, &[]).map_err(busy)?;
                }
                Ok(told)
            }
            ImportKind::Assets => {
                let stored = self.customers.assets().map_err(busy)?;
                let mut read = assets(&list, stored.clone())?;
                leave_out_misfits(&mut read, |sent| self.misfits(sent))?;
                let (told, assets) = told(read, dry_run);
                if !dry_run {
                    self.customers.put_all(&[], &assets).map_err(busy)?;
                    // The last of an id counts: that of the list.
                    let all = stored.into_iter().chain(assets).map(|one| (one.asset.id.clone(), one));
                    self.know(all.collect::<BTreeMap<_, _>>().into_values().collect());
                }
                Ok(told)
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
            ReportName::Contacts => {
                let doubted = reports::contacts(&reader, &Limits::default(), now).map_err(busy)?;
                json(&BTreeMap::from([("doubted", doubted)]))
            }
        }
    }
}

/// How long the store is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

fn customers(list: &[u8], stored: Vec<Customer>) -> Result<Read<Customer>, Refused> {
    let stored: HashMap<String, Customer> = stored.into_iter().map(|one| (one.id.clone(), one)).collect();
    let check = |one: &Customer| customer::check(one).map_err(|why| why.to_string());
    is_list(read::customers(list, |id| stored.get(id).cloned(), check))
}

fn assets(list: &[u8], stored: Vec<NamedAsset>) -> Result<Read<NamedAsset>, Refused> {
    let stored: HashMap<String, NamedAsset> = stored.into_iter().map(|one| (one.asset.id.clone(), one)).collect();
    let check = |one: &NamedAsset| asset::check(one).map_err(|why| why.to_string());
    is_list(read::assets(list, |id| stored.get(id).cloned(), check))
}

/// What was read, if anything can be: what is wrong with a list as a whole is said of line 0.
fn is_list<T>(read: Read<T>) -> Result<Read<T>, Refused> {
    match read.complaints.first() {
        Some(whole) if whole.line == 0 && read.rows.is_empty() => {
            Err(Refused::Invalid { field: String::new(), why: whole.why.clone() })
        }
        _ => Ok(read),
    }
}

/// Leaves out what does not fit in with other assets, of the list or not.
fn leave_out_misfits(
    read: &mut Read<NamedAsset>,
    misfits: impl FnOnce(&[&Asset]) -> Result<BTreeMap<usize, Misfit>, Refused>,
) -> Result<(), Refused> {
    let sent: Vec<&Asset> = read.rows.iter().map(|row| &row.record.asset).collect();
    let reasons = misfits(&sent)?.into_iter().map(|(place, misfit)| (place, misfit.to_string())).collect();
    read.leave_out(&reasons);
    Ok(())
}

/// What a list came to, and what is written down of it.
fn told<T>(read: Read<T>, dry_run: bool) -> (Imported, Vec<T>) {
    let complaints = read.complaints.into_iter().map(|one| Complaint { line: one.line, why: one.why });
    let told = Imported {
        rows: read.count,
        taken: read.rows.len() as u64,
        complaints: complaints.collect(),
        complaints_left_out: read.left_out,
        dry_run,
    };
    (told, read.rows.into_iter().map(|row| row.record).collect())
}

fn json<T: serde::Serialize>(report: &T) -> Result<serde_json::Value, Refused> {
    serde_json::to_value(report).map_err(|error| Refused::Busy(format!("the report cannot be written: {error}")))
}

pub(super) fn kept<T>(put: Put, record: T) -> Kept<T> {
    if put == Put::New { Kept::New(record) } else { Kept::Known(record) }
}

#[cfg(test)]
mod tests {
    use heinzel_core::asset::Assets;

    use super::*;

    #[test]
    fn every_row_is_counted() {
        let list = format!("id\n{}K1\n", "K2;x\n".repeat(5_000));
        let (told, taken) = told(customers(list.as_bytes(), vec![]).unwrap(), true);
        assert_eq!((told.rows, told.taken, taken.len()), (5_001, 1, 1));
        assert_eq!((told.complaints.len(), told.complaints_left_out), (1_000, 4_000));
    }

    fn lines(told: &Imported) -> Vec<(u64, &str)> {
        told.complaints.iter().map(|one| (one.line, one.why.split(':').next().unwrap_or_default())).collect()
    }

    #[test]
    fn an_import_refuses_the_customers_that_a_put_refuses() {
        let list = "id;name;email;language\nK 1;;;\nMüller;;;\nK3;;not a mail;\nK4;;;zz\nK5;a\0b;;\nK6;Kim;kim@example.com;Deutsch\n";
        let (told, taken) = told(customers(list.as_bytes(), vec![]).unwrap(), true);
        assert_eq!(lines(&told), [(2, "id"), (3, "id"), (4, "email"), (5, "language"), (6, "name")]);
        assert_eq!(
            taken.iter().map(|one| (&*one.id, one.language.as_deref())).collect::<Vec<_>>(),
            [("K6", Some("de"))]
        );
    }

    #[test]
    fn an_import_refuses_the_assets_that_a_put_refuses() {
        let (long_owner, long_name) = ("x".repeat(500), "x".repeat(900));
        let list = format!(
            "id;owner;alias;depends_on;name\n\
             vm:900;Kim Müller;;;\n\
             vm:901;K1;web0;;\n\
             vm:902;K1;;vm:903;\n\
             vm:903;K1;;vm:902|vm:100;\n\
             vm:904;K1;;host:nope;\n\
             vm:905;K1;;vm:904;\n\
             mailbox:a b;K1;;;\n\
             vm:906;{long_owner};;;\n\
             vm:907;K1;;;{long_name}\n\
             vm:908;K1;web8;host:pve1;Shop\n\
             vm:-x;K1;;;\n\
             vm:<script>;K1;;;\n"
        );
        let file = Assets::new(vec![asset("host:pve1", &[])]).unwrap();
        let mut read = assets(list.as_bytes(), vec![]).unwrap();
        leave_out_misfits(&mut read, |sent| Ok(misfits(&file, &[asset("vm:100", &["web0"])], sent))).unwrap();
        let (told, taken) = told(read, false);
        assert_eq!(
            lines(&told),
            [
                (2, "owner"),
                (3, "aliases"),
                (6, "depends_on"),
                (7, "depends_on"),
                (8, "id"),
                (9, "owner"),
                (10, "name"),
                (12, "id"),
                (13, "id")
            ]
        );
        assert_eq!(taken.iter().map(|one| &*one.asset.id).collect::<Vec<_>>(), ["vm:902", "vm:903", "vm:908"]);
        assert_eq!((told.rows, told.taken), (12, 3));
    }

    fn asset(id: &str, aliases: &[&str]) -> Asset {
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        Asset { id: id.to_owned(), aliases, owner: None, depends_on: Vec::new(), protected: false }
    }
}

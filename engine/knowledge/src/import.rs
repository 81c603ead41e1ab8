//! Customers and assets from the shop's lists, as CSV.
//!
//! Start at [`customers`] and [`assets`]; what a record must keep to is the caller's to say. UTF-8 with or without a mark at its beginning, `;`, `,` or tabs between fields, a
//! first line with the names of the columns, in German or English. What a list has no column for stays as it was before; an empty cell takes a value away.
//! What could be read is returned beside what could not: one bad line never stops the others.

mod columns;
mod written;

use std::collections::{BTreeMap, HashMap};

use heinzel_core::asset::Asset;
use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::time::Timestamp;
use serde::Serialize;

use columns::{ASSET, CUSTOMER, Column, Head};
use written::Written;

/// What a list came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported<T> {
    /// What was read, in the order of the list.
    pub rows: Vec<Row<T>>,
    /// How many rows the list has, good and bad.
    pub count: u64,
    /// What was not, and columns that are not known, in the order of the list: the first [`COMPLAINTS`].
    pub complaints: Vec<Complaint>,
    /// How many complaints there are beyond those.
    pub left_out: u64,
}

/// A row that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<T> {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// What it says.
    pub record: T,
}

impl<T> Imported<T> {
    /// Leaves out rows: by their place, and why.
    pub fn leave_out(&mut self, reasons: &BTreeMap<usize, String>) {
        let complaint = |(place, why): (&usize, &String)| {
            Some(Complaint { line: self.rows.get(*place)?.line, why: format!("{why}; left out") })
        };
        let complaints: Vec<Complaint> = reasons.iter().filter_map(complaint).collect();
        self.complaints.extend(complaints);
        self.complaints.sort_by_key(|complaint| complaint.line);
        self.left_out += self.complaints.len().saturating_sub(COMPLAINTS) as u64;
        self.complaints.truncate(COMPLAINTS);
        let mut places = 0..;
        self.rows.retain(|_| places.next().is_none_or(|place| !reasons.contains_key(&place)));
    }
}

/// Why a line was left out, or what of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// The line in the list, from 1; 0: the list as a whole.
    pub line: u64,
    /// What is wrong, and the way out.
    pub why: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { f.write_str(&self.why) } else { write!(f, "line {}: {}", self.line, self.why) }
    }
}

/// Longer lists are refused, in bytes.
pub const LARGEST: usize = 64 << 20;
/// Complaints that are kept; a list in a wrong form has one for every line.
pub const COMPLAINTS: usize = 1_000;

/// Reads a list of customers, of which those are left out that `check` refuses. `before` is what a customer with this id was.
#[must_use]
pub fn customers(
    list: &[u8],
    before: impl Fn(&str) -> Option<Customer>,
    check: impl Fn(&Customer) -> Result<(), String>,
) -> Imported<Customer> {
    let make = |row: &Cells<'_>| {
        let id = row.id()?;
        let Customer { id: _, name, email, language: spoken, since, last_seen } = before(&id).unwrap_or_default();
        let time = |column: &'static str, before| {
            row.value(column, before, |text| {
                moment(text).map(Some).ok_or_else(|| {
                    format!(
                        "{column}: `{}` is not a time; write it like 2026-03-01, 01.03.2026 or 2026-03-01T14:03:00Z",
                        shown(text)
                    )
                })
            })
        };
        Ok(Customer {
            name: row.text("name", name)?,
            email: row.text("email", email)?,
            language: row.value("language", spoken, |word| Ok(Some(language(word))))?,
            since: time("since", since)?,
            last_seen: time("last_seen", last_seen)?,
            id,
        })
    };
    read(list, &CUSTOMER, make, check, |customer| customer.id.clone())
}

/// Reads a list of assets, of which those are left out that `check` refuses. `before` is what an asset with this id was.
#[must_use]
pub fn assets(
    list: &[u8],
    before: impl Fn(&str) -> Option<NamedAsset>,
    check: impl Fn(&NamedAsset) -> Result<(), String>,
) -> Imported<NamedAsset> {
    let make = |row: &Cells<'_>| {
        let id = row.id()?;
        let (before, name) = before(&id).map_or((None, None), |known| (Some(known.asset), known.name));
        let unknown =
            || Asset { id: id.clone(), aliases: Vec::new(), owner: None, depends_on: Vec::new(), protected: false };
        let Asset { id: _, aliases, owner, depends_on, protected } = before.unwrap_or_else(unknown);
        let several = |column, before| {
            row.value(column, before, |text| {
                let names = text.split(['|', ',', ' ']).filter(|name| !name.is_empty());
                Ok(names.map(ToOwned::to_owned).collect())
            })
        };
        let asset = Asset {
            aliases: several("aliases", aliases)?,
            owner: row.text("owner", owner)?,
            depends_on: several("depends_on", depends_on)?,
            protected: row.value("protected", protected, |word| match &*word.to_lowercase() {
                "0" | "no" | "nein" | "false" | "falsch" | "n" => Ok(false),
                "1" | "yes" | "ja" | "true" | "wahr" | "y" | "j" | "x" => Ok(true),
                _ => Err(format!("protected: `{}` is neither yes nor no", shown(word))),
            })?,
            id,
        };
        Ok(NamedAsset { asset, name: row.text("name", name)? })
    };
    read(list, &ASSET, make, check, |asset| asset.asset.id.clone())
}

/// The cells of a row, by column.
struct Cells<'r>(BTreeMap<&'static str, &'r str>);

impl Cells<'_> {
    fn id(&self) -> Result<String, String> {
        self.text("id", None)?.ok_or_else(|| "id: it is empty".to_owned())
    }

    fn text(&self, column: &'static str, before: Option<String>) -> Result<Option<String>, String> {
        self.value(column, before, |text| Ok(Some(text.to_owned())))
    }

    /// What a cell says. Without such a column it stays as before; an empty cell takes it away.
    fn value<T: Default>(
        &self,
        column: &'static str,
        before: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        match self.0.get(column) {
            None => Ok(before),
            Some(&"") => Ok(T::default()),
            Some(text) => read(text),
        }
    }
}

/// A value in a message.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(60)]
}

fn read<T>(
    list: &[u8],
    columns: &[Column],
    make: impl Fn(&Cells<'_>) -> Result<T, String>,
    check: impl Fn(&T) -> Result<(), String>,
    key: impl Fn(&T) -> String,
) -> Imported<T> {
    let mut imported = Imported { rows: Vec::new(), count: 0, complaints: Vec::new(), left_out: 0 };
    if let Err(why) =
        fill(list, columns, |row| make(row).and_then(|made| check(&made).map(|()| made)), key, &mut imported)
    {
        imported.complaints.insert(0, Complaint { line: 0, why });
    }
    imported
}

fn fill<T>(
    list: &[u8],
    columns: &[Column],
    make: impl Fn(&Cells<'_>) -> Result<T, String>,
    key: impl Fn(&T) -> String,
    imported: &mut Imported<T>,
) -> Result<(), String> {
    if list.len() > LARGEST {
        return Err(format!("the list has {} bytes, {LARGEST} are allowed; import it in parts", list.len()));
    }
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    let list = std::str::from_utf8(list)
        .map_err(|error| format!("byte {} is not UTF-8; save the list as UTF-8", error.valid_up_to() + 1))?;
    let first = list.lines().next().unwrap_or_default();
    let delimiter = *b";,\t"
        .iter()
        .max_by_key(|mark| (first.bytes().filter(|b| b == *mark).count(), **mark == b';'))
        .unwrap_or(&b';');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::All).from_reader(list.as_bytes());
    let head = reader.headers().map_err(|error| format!("the first line cannot be read: {error}"))?.clone();
    let Head { places, strangers } = Head::of(&head, columns)?;
    let mut complain = |line: u64, why: String| {
        if imported.complaints.len() < COMPLAINTS {
            imported.complaints.push(Complaint { line, why });
        } else {
            imported.left_out += 1;
        }
    };
    strangers.into_iter().for_each(|why| complain(1, why));
    // Where each id stands: its line, and its place among the rows.
    let mut seen: HashMap<String, (u64, usize)> = HashMap::new();
    let mut rows: Vec<Option<Row<T>>> = Vec::new();
    let mut records = reader.records();
    while let Some(record) = records.next() {
        imported.count += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                complain(error.position().map_or(0, csv::Position::line), format!("it cannot be read: {error}"));
                continue;
            }
        };
        let written = Written::between(list, record.position(), records.reader().position());
        let line = written.line;
        if let Some(opened) = written.unclosed(delimiter) {
            let why =
                "a quote opens here that does not close where its field ends; a quote within a text is written twice";
            complain(opened, format!("{why}; left out to line {}", written.last()));
            continue;
        }
        if record.len() != head.len() {
            complain(line, format!("it has {} fields, the first line has {}; left out", record.len(), head.len()));
            continue;
        }
        let row = Cells(places.iter().filter_map(|(column, at)| Some((*column, record.get(*at)?))).collect());
        match make(&row) {
            Ok(made) => {
                let key = key(&made);
                // The later line counts, as if the list were put line by line.
                if let Some(&(before, place)) = seen.get(&key) {
                    complain(line, format!("`{}` stands in line {before}, too; this line counts", shown(&key)));
                    rows[place] = None;
                }
                seen.insert(key, (line, rows.len()));
                rows.push(Some(Row { line, record: made }));
            }
            Err(why) => complain(line, format!("{why}; left out")),
        }
    }
    imported.rows = rows.into_iter().flatten().collect();
    Ok(())
}

/// The language's code, or the word itself where it is none that is known.
fn language(word: &str) -> String {
    match &*word.to_lowercase() {
        "deutsch" | "german" => "de",
        "englisch" | "english" => "en",
        _ => crate::answer::Language::from_locale(word).map_or(word, |language| language.code()),
    }
    .to_owned()
}

/// `2026-03-01`, `01.03.2026`, `2026-03-01 14:03`, RFC 3339; without a zone in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let (day, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let day = match day.split('.').collect::<Vec<_>>()[..] {
        [d, m, y] if y.len() == 4 && (1..=2).contains(&d.len()) && (1..=2).contains(&m.len()) => {
            format!("{y}-{m:0>2}-{d:0>2}")
        }
        _ => day.to_owned(),
    };
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    format!("{day}T{clock}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complaints<T>(imported: &Imported<T>) -> Vec<String> {
        imported.complaints.iter().map(ToString::to_string).collect()
    }

    fn taken(imported: &Imported<Customer>) -> Vec<&str> {
        imported.rows.iter().map(|row| &*row.record.id).collect()
    }

    fn customers(list: &[u8]) -> Imported<Customer> {
        super::customers(
            list,
            |_| None,
            |one| match one.email.as_deref() {
                Some("nobody") => Err("email: nobody lives there".to_owned()),
                _ => Ok(()),
            },
        )
    }

    #[test]
    fn german_and_english_lists_say_the_same() {
        let german = "\u{feff}Kundennummer;Name;E-Mail;Sprache;Kunde seit;Letzte Anmeldung;Umsatz\r\n\
                      K1;\"Müller; Söhne\";info@example.com;Deutsch;01.03.2020;2026-03-01 14:03;5\r\n";
        let english = "customer_id,name,email,language,since,last login\n\
                       K1,Müller; Söhne,info@example.com,de-DE,2020-03-01,2026-03-01T14:03:00Z\n";
        let expected = Customer {
            id: "K1".into(),
            name: Some("Müller; Söhne".into()),
            email: Some("info@example.com".into()),
            language: Some("de".into()),
            since: Some("2020-03-01T00:00:00Z".parse().unwrap()),
            last_seen: Some("2026-03-01T14:03:00Z".parse().unwrap()),
        };
        for list in [german, english] {
            let imported = customers(list.as_bytes());
            let row = Row { line: 2, record: expected.clone() };
            assert_eq!(imported.rows, [row], "{list}");
        }
    }

    #[test]
    fn assets_have_a_kind() {
        let list = "id\tKunde\tBezeichnung\tAlias\tläuft auf\tgeschützt\n\
                    vm:100\tK1\tBlumenladen\tweb1|100\thost:pve1\tja\n\
                    100\tK1\t\t\t\t\n";
        let has_kind =
            |one: &NamedAsset| one.asset.id.contains(':').then_some(()).ok_or("id: it has no kind".to_owned());
        let imported = assets(list.as_bytes(), |_| None, has_kind);
        assert_eq!(complaints(&imported), ["line 3: id: it has no kind; left out"]);
        let asset = Asset {
            id: "vm:100".into(),
            aliases: vec!["web1".into(), "100".into()],
            owner: Some("K1".into()),
            depends_on: vec!["host:pve1".into()],
            protected: true,
        };
        let record = NamedAsset { asset, name: Some("Blumenladen".into()) };
        assert_eq!(imported.rows, [Row { line: 2, record }]);
    }

    fn known() -> NamedAsset {
        let asset = Asset {
            id: "vm:1".into(),
            aliases: vec!["web1".into()],
            owner: Some("K1".into()),
            depends_on: vec!["host:pve1".into()],
            protected: true,
        };
        NamedAsset { asset, name: Some("Shop".into()) }
    }

    #[test]
    fn what_a_list_has_no_column_for_stays_and_an_empty_cell_takes_away() {
        let check = |list: &str, expected: NamedAsset| {
            let before = |id: &str| Some(known()).filter(|known| known.asset.id == id);
            let imported = assets(list.as_bytes(), before, |_| Ok(()));
            assert_eq!(imported.rows[0].record, expected, "{list}");
        };
        check("id;name\nvm:1;Laden\n", NamedAsset { name: Some("Laden".into()), ..known() });
        check("id\nvm:1\n", known());
        let emptied = Asset { aliases: vec![], owner: None, depends_on: vec![], protected: false, ..known().asset };
        let list = "id;name;owner;alias;host;protected\nvm:1;;;;;\n";
        check(list, NamedAsset { asset: emptied.clone(), name: None });
        let new = NamedAsset { asset: Asset { id: "vm:2".into(), ..emptied }, name: Some("Neu".into()) };
        check("id;name\nvm:2;Neu\n", new);

        let kim = Customer {
            id: "K1".into(),
            name: Some("Kim".into()),
            email: Some("kim@example.com".into()),
            language: Some("de".into()),
            since: Some(Timestamp::from_seconds(1)),
            last_seen: Some(Timestamp::from_seconds(2)),
        };
        let read = |list: &str| {
            let imported = super::customers(list.as_bytes(), |_| Some(kim.clone()), |_| Ok(()));
            imported.rows[0].record.clone()
        };
        assert_eq!(
            read("id;email\nK1;new@example.com\n"),
            Customer { email: Some("new@example.com".into()), ..kim.clone() }
        );
        assert_eq!(read("id;Sprache;seit\nK1;;\n"), Customer { language: None, since: None, ..kim.clone() });
    }

    #[test]
    fn columns_that_nobody_knows_are_named_and_doubled_ones_refused() {
        let imported = customers(b"id;Nmae;Umsatz;\nK1;Kim;5;\n");
        assert_eq!(
            complaints(&imported),
            [
                "line 1: column `Nmae` is not known and is left out; did you mean `name`?",
                "line 1: column `Umsatz` is not known and is left out; known are id, name, email, language, since, last_seen",
                "line 1: column 4 has no name; it is left out",
            ]
        );
        assert_eq!((taken(&imported), imported.count), (vec!["K1"], 1));
        for (list, both) in [("id,id\nK1,K2\n", "`id` and `id`"), ("id;kunde;Kundennummer\nK1;;\n", "`id` and `kunde`")]
        {
            let imported = customers(list.as_bytes());
            let said = complaints(&imported);
            assert!(imported.rows.is_empty() && said[0].contains(both) && said[0].contains("take one"), "{said:?}");
        }
    }

    #[test]
    fn one_bad_line_never_stops_the_others() {
        let list = "id;email;seit\nK1;;\nK2;nobody;\nK3;;bald\nK4\nK5;;\n;;\nK1;a@b.de;\n";
        let imported = customers(list.as_bytes());
        assert_eq!(taken(&imported), ["K5", "K1"]);
        assert_eq!(imported.rows[1].record.email.as_deref(), Some("a@b.de"));
        let lines: Vec<u64> = imported.complaints.iter().map(|complaint| complaint.line).collect();
        assert_eq!(lines, [3, 4, 5, 7, 8], "{:?}", complaints(&imported));
    }

    #[test]
    fn complaints_beyond_those_kept_are_counted() {
        let imported = customers(format!("id\n{}K1\n", "K2;x\n".repeat(5_000)).as_bytes());
        assert_eq!((imported.rows.len(), imported.complaints.len(), imported.left_out), (1, COMPLAINTS, 4_000));
    }

    #[test]
    fn what_is_left_out_later_is_complained_of_in_its_place() {
        let mut imported = customers(b"id\nK1\nK2;x\nK3\nK4;x\nK5\n");
        imported.leave_out(&BTreeMap::from([(1, "no".to_owned())]));
        assert_eq!(taken(&imported), ["K1", "K5"]);
        let said: Vec<u64> = imported.complaints.iter().map(|one| one.line).collect();
        assert_eq!((said, &*imported.complaints[1].why), (vec![3, 4, 5], "no; left out"));
        let mut many = customers(format!("id\nK1\n{}K2\n", "K3;x\n".repeat(5_000)).as_bytes());
        many.leave_out(&BTreeMap::from([(0, "no".to_owned()), (1, "no".to_owned())]));
        assert_eq!((many.rows.len(), many.complaints.len(), many.left_out), (0, COMPLAINTS, 4_002));
        assert_eq!((many.complaints[0].line, many.complaints[COMPLAINTS - 1].line), (2, 1_001));
    }

    /// With a look at every row for each id that comes again, this takes minutes.
    #[test]
    fn many_ids_may_come_twice() {
        let ids: String = (0..50_000).map(|at| format!("K{at}\n")).collect();
        let imported = customers(format!("id\n{ids}{ids}").as_bytes());
        assert_eq!((imported.rows.len(), imported.complaints.len(), imported.left_out), (50_000, COMPLAINTS, 49_000));
        assert_eq!((taken(&imported)[0], taken(&imported)[49_999]), ("K0", "K49999"));
    }

    #[test]
    fn a_list_that_is_none_is_refused_as_a_whole() {
        for (list, why) in
            [(&b"name;mail\nx;y\n"[..], "names no id"), (b"", "names no id"), (b"id;name\nK1;M\xfcller\n", "not UTF-8")]
        {
            let imported = customers(list);
            assert!(imported.rows.is_empty());
            assert!(complaints(&imported)[0].contains(why), "{:?}", complaints(&imported));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_are_a_panic(head in "(id|kunde|ID;name;seit|\\PC{0,9})", rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            let list = [head.as_bytes(), b"\n", &rest].concat();
            let imported = customers(&list);
            prop_assert!(taken(&imported).iter().all(|id| !id.is_empty()));
            let _ = assets(&list, |_| None, |_| Ok(()));
        }
    }
}

//! Customers and assets from the shop's lists, as CSV.
//!
//! Start at [`customers`] and [`assets`]; what a record must keep to is the caller's to say. UTF-8 with or without a mark at its beginning, `;`, `,` or tabs between fields, a
//! first line with the names of the columns, in German or English. What could be read is returned beside what could not:
//! one bad line never stops the others.

mod written;

use std::collections::{BTreeMap, HashMap};

use heinzel_core::asset::Asset;
use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::time::Timestamp;
use serde::Serialize;

use written::Written;

/// What a list came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported<T> {
    /// What was read, in the order of the list.
    pub rows: Vec<Row<T>>,
    /// What was not, in the order of the list: the first [`COMPLAINTS`].
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

/// Columns of customers, and the names they go by.
const CUSTOMER: [(&str, &[&str]); 6] = [
    (
        "id",
        &[
            "id",
            "kunde",
            "kundennummer",
            "kunden-nr",
            "kundennr",
            "kunden-id",
            "customer",
            "customer_id",
            "customer id",
            "customer number",
            "nummer",
            "number",
        ],
    ),
    ("name", &["name", "kundenname", "anzeigename", "full name", "full_name", "display name"]),
    (
        "email",
        &[
            "email",
            "e-mail",
            "mail",
            "e-mail-adresse",
            "emailadresse",
            "mailadresse",
            "email address",
            "e-mail address",
        ],
    ),
    ("language", &["language", "sprache", "locale", "lang"]),
    ("since", &["since", "seit", "kunde seit", "customer since", "created", "created_at", "angelegt", "registriert"]),
    (
        "last_seen",
        &["last_seen", "last seen", "letzter login", "zuletzt gesehen", "letzte anmeldung", "last login", "last_login"],
    ),
];

/// Columns of assets, and the names they go by.
const ASSET: [(&str, &[&str]); 6] = [
    ("id", &["id", "asset", "asset_id", "produkt", "produkt-id", "dienst", "service", "service_id"]),
    (
        "owner",
        &[
            "owner",
            "kunde",
            "kundennummer",
            "kunden-nr",
            "besitzer",
            "inhaber",
            "customer",
            "customer_id",
            "customer id",
        ],
    ),
    ("name", &["name", "bezeichnung", "anzeigename", "title", "titel", "label", "display name"]),
    ("aliases", &["aliases", "alias", "aliasse", "auch bekannt als", "names", "namen", "hostnames", "hostnamen"]),
    (
        "depends_on",
        &[
            "depends_on",
            "depends on",
            "needs",
            "braucht",
            "hängt ab von",
            "haengt ab von",
            "läuft auf",
            "laeuft auf",
            "host",
        ],
    ),
    ("protected", &["protected", "geschützt", "geschuetzt"]),
];

/// Reads a list of customers, of which those are left out that `check` refuses.
#[must_use]
pub fn customers(list: &[u8], check: impl Fn(&Customer) -> Result<(), String>) -> Imported<Customer> {
    read(
        list,
        &CUSTOMER,
        |row| {
            let time = |column: &str| {
                row.get(column).map_or(Ok(None), |text| moment(text).map(Some).ok_or_else(|| {
            format!("{column}: `{}` is not a time; write it like 2026-03-01, 01.03.2026 or 2026-03-01T14:03:00Z", shown(text))
        }))
            };
            Ok(Customer {
                id: id(row)?,
                name: row.get("name").map(|&name| name.to_owned()),
                email: row.get("email").map(|&email| email.to_owned()),
                language: row.get("language").map(|word| language(word)),
                since: time("since")?,
                last_seen: time("last_seen")?,
            })
        },
        check,
        |customer| customer.id.clone(),
    )
}

/// Reads a list of assets, of which those are left out that `check` refuses.
#[must_use]
pub fn assets(list: &[u8], check: impl Fn(&NamedAsset) -> Result<(), String>) -> Imported<NamedAsset> {
    read(
        list,
        &ASSET,
        |row| {
            let id = id(row)?;
            let several = |column: &str| -> Vec<String> {
                let text = row.get(column).copied().unwrap_or_default();
                text.split(['|', ',', ' ']).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
            };
            let protected = match row.get("protected").map(|word| word.to_lowercase()).as_deref() {
                None | Some("0" | "no" | "nein" | "false" | "falsch" | "n") => false,
                Some("1" | "yes" | "ja" | "true" | "wahr" | "y" | "j" | "x") => true,
                Some(other) => return Err(format!("protected: `{}` is neither yes nor no", shown(other))),
            };
            let owner = row.get("owner").map(|&owner| owner.to_owned());
            let asset = Asset { id, aliases: several("aliases"), owner, depends_on: several("depends_on"), protected };
            Ok(NamedAsset { asset, name: row.get("name").map(|&name| name.to_owned()) })
        },
        check,
        |asset| asset.asset.id.clone(),
    )
}

/// Columns with a value.
type Values<'r> = BTreeMap<&'static str, &'r str>;
type Columns = [(&'static str, &'static [&'static str])];

fn id(row: &Values<'_>) -> Result<String, String> {
    row.get("id").map(|&id| id.to_owned()).ok_or_else(|| "id: it is empty".to_owned())
}

/// A value in a message.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(60)]
}

fn read<T>(
    list: &[u8],
    columns: &Columns,
    make: impl Fn(&Values<'_>) -> Result<T, String>,
    check: impl Fn(&T) -> Result<(), String>,
    key: impl Fn(&T) -> String,
) -> Imported<T> {
    let mut imported = Imported { rows: Vec::new(), complaints: Vec::new(), left_out: 0 };
    if let Err(why) =
        fill(list, columns, |row| make(row).and_then(|made| check(&made).map(|()| made)), key, &mut imported)
    {
        imported.complaints.insert(0, Complaint { line: 0, why });
    }
    imported
}

fn fill<T>(
    list: &[u8],
    columns: &Columns,
    make: impl Fn(&Values<'_>) -> Result<T, String>,
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
    let places = places(&head, columns)?;
    let mut complain = |line: u64, why: String| {
        if imported.complaints.len() < COMPLAINTS {
            imported.complaints.push(Complaint { line, why });
        } else {
            imported.left_out += 1;
        }
    };
    // Where each id stands: its line, and its place among the rows.
    let mut seen: HashMap<String, (u64, usize)> = HashMap::new();
    let mut rows: Vec<Option<Row<T>>> = Vec::new();
    let mut records = reader.records();
    while let Some(record) = records.next() {
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
        let row: Values<'_> = places
            .iter()
            .filter_map(|(column, at)| Some((*column, record.get(*at)?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
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

/// Which column stands where. Names that nobody knows are left out.
fn places(head: &csv::StringRecord, columns: &Columns) -> Result<Vec<(&'static str, usize)>, String> {
    let named: Vec<String> = head.iter().map(|name| name.trim().to_lowercase()).collect();
    let mut places: Vec<(&'static str, usize)> = Vec::new();
    for (column, names) in columns {
        // In the order of the names: `id` beats `kunde` where both stand.
        let found = names.iter().find_map(|name| named.iter().position(|known| known == name));
        if let Some(at) = found.filter(|at| places.iter().all(|(_, taken)| taken != at)) {
            places.push((column, at));
        }
    }
    if places.iter().any(|(column, _)| *column == "id") {
        return Ok(places);
    }
    let known: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
    Err(format!(
        "the first line names no id; it must name the columns, for example {} (found: {})",
        known.join(";"),
        shown(&named.join(", "))
    ))
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
        super::customers(list, |one| match one.email.as_deref() {
            Some("nobody") => Err("email: nobody lives there".to_owned()),
            _ => Ok(()),
        })
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
            assert_eq!(imported, Imported { rows: vec![row], complaints: vec![], left_out: 0 }, "{list}");
        }
    }

    #[test]
    fn assets_have_a_kind() {
        let list = "id\tKunde\tBezeichnung\tAlias\tläuft auf\tgeschützt\n\
                    vm:100\tK1\tBlumenladen\tweb1|100\thost:pve1\tja\n\
                    100\tK1\t\t\t\t\n";
        let has_kind =
            |one: &NamedAsset| one.asset.id.contains(':').then_some(()).ok_or("id: it has no kind".to_owned());
        let imported = assets(list.as_bytes(), has_kind);
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
            let _ = assets(&list, |_| Ok(()));
        }
    }
}

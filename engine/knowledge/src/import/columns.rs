//! The columns of a list: what they are called, and which stands where.
//!
//! Start at [`Head::of`].

use heinzel_core::near::nearest;

use super::shown;

/// A column, and the names it goes by, the first of them its own.
pub(super) type Column = (&'static str, &'static [&'static str]);

/// Columns of customers, and the names they go by.
pub(super) const CUSTOMER: [Column; 6] = [
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
pub(super) const ASSET: [Column; 6] = [
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

/// Which column stands where.
pub(super) struct Head {
    /// Columns and their places.
    pub(super) places: Vec<(&'static str, usize)>,
    /// What is said of columns that nobody knows; they are left out.
    pub(super) strangers: Vec<String>,
}

impl Head {
    /// Reads the first line of a list.
    ///
    /// # Errors
    /// Why the list cannot be read: no column is `id`, or two are the same.
    pub(super) fn of(head: &csv::StringRecord, columns: &[Column]) -> Result<Self, String> {
        let own: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
        let mut read = Self { places: Vec::new(), strangers: Vec::new() };
        for (at, written) in head.iter().enumerate() {
            let name = written.to_lowercase();
            let Some((column, _)) = columns.iter().find(|(_, names)| names.contains(&&*name)) else {
                read.strangers.push(stranger(at, written, columns, &own));
                continue;
            };
            if let Some((_, before)) = read.places.iter().find(|(known, _)| known == column) {
                let before = head.get(*before).unwrap_or_default();
                return Err(format!(
                    "the columns `{}` and `{}` of the first line both mean `{column}`; take one of them out",
                    shown(before),
                    shown(written)
                ));
            }
            read.places.push((column, at));
        }
        if read.places.iter().any(|(column, _)| *column == "id") {
            return Ok(read);
        }
        Err(format!(
            "the first line names no id; it must name the columns, for example {} (found: {})",
            own.join(";"),
            shown(&head.iter().collect::<Vec<_>>().join(", "))
        ))
    }
}

fn stranger(at: usize, written: &str, columns: &[Column], own: &[&str]) -> String {
    if written.is_empty() {
        return format!("column {} has no name; it is left out", at + 1);
    }
    let all = columns.iter().flat_map(|(_, names)| names.iter().copied());
    let way = match nearest(&written.to_lowercase(), all) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", own.join(", ")),
    };
    format!("column `{}` is not known and is left out; {way}", shown(written))
}

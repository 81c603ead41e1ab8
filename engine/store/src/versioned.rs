//! The form in which bodies are written to disk: `{"v":1,"body":…}`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that is written, and the only one there has been.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    body: T,
}

#[derive(Deserialize)]
struct Head {
    v: u32,
}

/// `body` as it is written to disk.
pub(crate) fn write<T: Serialize>(body: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Versioned { v: VERSION, body })
}

/// What `text` holds, or why it cannot be read, in words for people.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    match serde_json::from_str::<Versioned<T>>(text) {
        Ok(read) if read.v == VERSION => Ok(read.body),
        Ok(Versioned { v, .. }) => Err(unknown(v)),
        // The body of another version need not fit: its number is then the better reason.
        Err(error) => Err(match serde_json::from_str::<Head>(text) {
            Ok(Head { v }) if v != VERSION => unknown(v),
            _ => format!("not in the form this version writes ({error})"),
        }),
    }
}

fn unknown(version: u32) -> String {
    format!("written in version {version}, this Heinzel knows only {VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named_whatever_its_body() {
        assert_eq!(read::<u8>(&write(&7u8).unwrap()), Ok(7));
        for body in ["7", "{\"x\":1}"] {
            let why = read::<u8>(&format!("{{\"v\":2,\"body\":{body}}}")).unwrap_err();
            assert_eq!(why, "written in version 2, this Heinzel knows only 1");
        }
        assert!(read::<u8>("{\"v\":1,\"body\":300}").unwrap_err().starts_with("not in the form"));
        assert!(read::<u8>("").unwrap_err().starts_with("not in the form"));
    }
}

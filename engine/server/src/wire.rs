//! What texts of a request may look like: the same limits that the schemas say.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use heinzel_core::{asset, unseen};

use crate::failure::Failure;

/// The id of a customer or ticket: up to 128 visible ASCII characters.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An asset's id, `kind:name`, as everywhere, with 32 and 150 characters at most.
#[must_use]
pub(crate) fn is_asset_id(text: &str) -> bool {
    asset::check_id(text).is_ok()
        && text.split_once(':').is_some_and(|(kind, name)| kind.len() <= 32 && name.chars().count() <= 150)
}

/// A draft's id, as forms make it.
#[must_use]
pub(crate) fn is_draft_id(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The most characters that all fields of a draft or ticket but its body have together.
const BESIDE_BODY: usize = 4_000;

/// The most bytes of JSON for a draft or ticket whose body has so many characters. Many programs escape all that is not
/// ASCII, and most of what is not in Unicode's first plane takes 12 bytes then: `\ud83d\ude00`.
pub(crate) const fn json_bytes(body: usize) -> usize {
    12 * (body + BESIDE_BODY)
}

/// The part of a path that is an id.
///
/// # Errors
/// 400 when it is no UTF-8.
pub(crate) fn path(id: Result<Path<String>, PathRejection>) -> Result<String, Failure> {
    id.map(|Path(id)| id).map_err(|_| Failure::bad_request("the id in the address is no UTF-8"))
}

/// A text of at most so many characters.
///
/// # Errors
/// 422 with the field.
pub(crate) fn at_most(field: &'static str, text: &str, most: usize) -> Result<(), Failure> {
    // Bytes are never fewer than characters: most texts are known to be short without counting.
    if text.len() <= most || text.chars().count() <= most {
        return Ok(());
    }
    Err(Failure::invalid(field, format!("longer than {most} characters")))
}

/// The same where there may be none.
///
/// # Errors
/// 422 with the field.
pub(crate) fn at_most_if(field: &'static str, text: Option<&str>, most: usize) -> Result<(), Failure> {
    text.map_or(Ok(()), |text| at_most(field, text, most))
}

/// A name for people, where there is one.
///
/// # Errors
/// 422 with the field.
pub(crate) fn name_if(text: Option<&str>) -> Result<(), Failure> {
    at_most_if("name", text, 200)?;
    let way = "it has a control character, or one that hides or turns around text; leave it out";
    if text.is_some_and(|text| text.contains(is_unseen)) { Err(Failure::invalid("name", way)) } else { Ok(()) }
}

/// Whether a character may stand in no name: nobody sees it, and it is none of the joiners that names in some scripts need.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control() || (unseen::is_unseen(c) && !matches!(c, '\u{200c}' | '\u{200d}'))
}

/// A customer's id, where there is one.
///
/// # Errors
/// 422 with the field.
pub(crate) fn id_if(field: &'static str, text: Option<&str>) -> Result<(), Failure> {
    if text.is_none_or(is_id) {
        Ok(())
    } else {
        Err(Failure::invalid(field, "an id is 1 to 128 visible ASCII characters"))
    }
}

/// An asset's id, where there is one.
///
/// # Errors
/// 422 with the field.
pub(crate) fn asset_id_if(field: &'static str, text: Option<&str>) -> Result<(), Failure> {
    let way = "an asset's id is `kind:name`, like `vm:100`: the kind a lower-case word of at most 32 characters, the name at most 150 \
               letters (with accents, too), digits and _ . : @ + - / \\, not beginning with `-` or `.` and without a `..` part";
    if text.is_none_or(is_asset_id) { Ok(()) } else { Err(Failure::invalid(field, way)) }
}

/// A draft's id, where there is one.
///
/// # Errors
/// 422 with the field.
pub(crate) fn draft_id_if(field: &'static str, text: Option<&str>) -> Result<(), Failure> {
    let way = "a draft's id is 16 to 64 letters, digits, `-` and `_`, like one of crypto.randomUUID()";
    if text.is_none_or(is_draft_id) { Ok(()) } else { Err(Failure::invalid(field, way)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for good in ["vm:100", "mailbox:info@müller.de", "site_x-1:a:b/c", "k:\u{24f}"] {
            assert!(is_asset_id(good), "{good}");
        }
        for bad in [
            "",
            "vm",
            "vm:",
            ":100",
            "VM:100",
            "1m:100",
            "vm:1 2",
            "vm:1\n",
            "vm:\u{202e}",
            "vm:-x",
            "vm:..",
            "vm:<script>",
            "vm:a%2Fb",
            "vm:a/../b",
            &format!("vm:{}", "x".repeat(151)),
        ] {
            assert!(!is_asset_id(bad), "{bad}");
        }
        assert!(is_id("K-1/2") && !is_id("") && !is_id("K 1") && !is_id("K1\n") && !is_id(&"x".repeat(129)));
        assert!(
            is_draft_id("b7c1a5de-4a10-4a52-8a55-0c6f5be0c1d2")
                && !is_draft_id("short")
                && !is_draft_id(&"ä".repeat(16))
        );
    }

    #[test]
    fn names_hide_nothing() {
        for good in ["Kim Müller", "Söhne & Co. (Ost)", "محمد", "علی\u{200c}رضا", "山田"] {
            assert_eq!(name_if(Some(good)), Ok(()), "{good}");
        }
        for bad in [
            "a\0b",
            "\x1b[31mKim",
            "Kim\nMüller",
            "Kim\u{85}",
            "Kim\u{202e}reverse",
            "\u{2067}Kim",
            "Kim\u{200b}",
            "K\u{2028}im",
        ] {
            assert!(name_if(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(at_most("body", &"ä".repeat(10), 10), Ok(()));
        assert!(at_most("body", &"ä".repeat(11), 10).is_err());
    }
}

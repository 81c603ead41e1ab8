//! Characters that nobody sees and that change what is seen.

/// Whether a character hides or turns around text, or breaks a line without being a control character: zero-width characters,
/// bidirectional controls (Unicode Standard Annex 9), line and paragraph separators, the byte order mark.
#[must_use]
pub const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

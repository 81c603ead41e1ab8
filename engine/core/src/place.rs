//! Where in a text something stands, as editors say it.

/// Line and column (both from 1, the column in characters) of a byte in a text.
#[must_use]
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(byte)];
    let begin = before.rfind('\n').map_or(0, |n| n + 1);
    (before.matches('\n').count() + 1, before[begin..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        assert_eq!(place("aö\nbü!\n", 7), (2, 3));
        assert_eq!(place("", 7), (1, 1));
    }
}

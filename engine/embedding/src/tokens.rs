//! From a text to the numbers of its pieces.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::Tokenizer;

/// The most bytes a piece has on average in texts that are not looked at further: 128 pieces of German take about 600.
const BYTES_A_PIECE: usize = 16;

/// Cuts texts into pieces as a model wants them.
pub(crate) struct Pieces(Tokenizer);

impl Pieces {
    /// From the bytes of a `tokenizer.json`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let read = || {
            let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
            // What is set in the file is for batches of Python.
            tokenizer.with_padding(None);
            tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
            Ok(Self(tokenizer))
        };
        caught(read)
    }

    /// The pieces of the text, at most so many; the last stays the last, because it says where the text ends.
    pub(crate) fn of(&self, prefix: &str, text: &str, most: usize) -> Result<Vec<i32>, String> {
        let end = text.floor_char_boundary(most.saturating_mul(BYTES_A_PIECE));
        let text = format!("{prefix}{}", text.get(..end).unwrap_or(text));
        let encoding = caught(|| self.0.encode_fast(text, true).map_err(|e| e.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > most {
            let last = ids.last().copied();
            ids.truncate(most.saturating_sub(1));
            ids.extend(last);
        }
        ids.into_iter().map(|id| i32::try_from(id).map_err(|_| format!("piece {id} has too large a number"))).collect()
    }
}

/// What a library of others says, and an error instead of a panic: its input is a file that anybody may have made.
pub(crate) fn caught<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("it breaks the library that reads it ({})", text.unwrap_or_else(|| "no reason given".into())))
    })
}

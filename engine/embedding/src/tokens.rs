//! From a text to the numbers of its pieces.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::Tokenizer;
use tokenizers::normalizers::NFKC;

/// The most bytes a piece has on average in texts that are not looked at further: 128 pieces of German take about 600.
const BYTES_A_PIECE: usize = 16;

/// Cuts texts into pieces as a model wants them.
pub(crate) struct Pieces {
    tokenizer: Tokenizer,
    /// What stands around every text, where the file does not say it itself.
    around: Option<(u32, u32)>,
}

impl Pieces {
    /// From the bytes of a `tokenizer.json`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let read = || {
            let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
            // What is set in the file is for batches of Python.
            tokenizer.with_padding(None);
            tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
            // Some files hold the vocabulary alone. The model still wants what it was trained with; without the marks
            // of begin and end, multilingual-e5-small finds up to 6 of 100 answers fewer (measured 2026-11-22).
            if tokenizer.get_normalizer().is_none() {
                tokenizer.with_normalizer(Some(NFKC)).map_err(|e| e.to_string())?;
            }
            let marks = |begin, end| tokenizer.token_to_id(begin).zip(tokenizer.token_to_id(end));
            let around = marks("<s>", "</s>").or_else(|| marks("[CLS]", "[SEP]"));
            let around = around.filter(|_| tokenizer.get_post_processor().is_none());
            Ok(Self { tokenizer, around })
        };
        caught(read)
    }

    /// The pieces of the text, at most so many; the last stays the last, because it says where the text ends.
    pub(crate) fn of(&self, prefix: &str, text: &str, most: usize) -> Result<Vec<i32>, String> {
        let end = text.floor_char_boundary(most.saturating_mul(BYTES_A_PIECE));
        let mut line = prefix.to_owned();
        for word in text.get(..end).unwrap_or(text).split_whitespace() {
            line.push_str(word);
            line.push(' ');
        }
        let encoding = caught(|| self.tokenizer.encode_fast(line.trim_end(), true).map_err(|e| e.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        if let Some((begin, end)) = self.around {
            ids.insert(0, begin);
            ids.push(end);
        }
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

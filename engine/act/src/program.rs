//! Running programs, and what of their words reaches people.

use std::time::Duration;

use heinzel_core::plan::quote;
use heinzel_core::time::Span;
use heinzel_process::{Command, Ended, How};

/// How much of a program's output is kept.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// How much of a program's own words a message repeats.
const WORDS_LIMIT: usize = 500;

/// Runs a program to its end.
///
/// # Errors
/// Why it could not be started.
pub(crate) async fn run(argv: &[String], timeout: Duration) -> Result<Ended, String> {
    let command = Command { argv: argv.to_vec(), environment: Vec::new(), timeout, output_limit: OUTPUT_LIMIT };
    heinzel_process::run(command).await.map_err(|error| chain(&error))
}

/// How it ended, in words: `` `true` ended with exit code 0``.
pub(crate) fn ending(argv: &[String], timeout: Duration, ended: &Ended) -> String {
    let how = match ended.how {
        How::Exit(code) => format!("ended with exit code {code}"),
        How::Signal(signal) => format!("was killed by signal {signal}"),
        How::TimedOut => format!("took longer than {} and was killed", Span(timeout)),
    };
    let words = last_words(&ended.stderr);
    let colon = if words.is_empty() { "" } else { ": " };
    format!("`{}` {how}{colon}{words}", quote(argv))
}

/// The last line that a program wrote to stderr and that says something.
pub(crate) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text.lines().rev().map(clean).filter(|line| !line.is_empty());
    // systemctl ends its errors with where to read more.
    lines.find(|line| !line.starts_with("See \"")).unwrap_or_default()
}

/// Text of strangers, fit for a message: no control characters, at most 500 bytes.
pub(crate) fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    if text.len() <= WORDS_LIMIT {
        return text.to_owned();
    }
    let mut end = WORDS_LIMIT - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    clean(&text)
}

/// Runs `work` where it may block. It must end by itself: a caller that gives up only stops listening.
///
/// # Errors
/// That it panicked.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("it stopped unexpectedly: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_of_a_programs_words_is_repeated_cleaned_and_cut() {
        assert_eq!(last_words(b""), "");
        assert_eq!(last_words(b"first\nnginx: \x1b[31mbad\x07\x00\r\n\n"), "nginx: [31mbad");
        assert_eq!(
            last_words(b"Job failed.\nSee \"systemctl status x\" and \"journalctl -xeu x\" for details.\n"),
            "Job failed."
        );
        let long = last_words("ä".repeat(1000).as_bytes());
        assert!(long.len() <= 500 && long.ends_with("ä…"), "{}", long.len());
        assert_eq!(last_words(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }
}

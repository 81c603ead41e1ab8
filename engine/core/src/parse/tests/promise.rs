//! What holds for any bytes.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const ALL: [Format; 11] = [
    Format::Auto,
    Format::Syslog,
    Format::Json,
    Format::Logfmt,
    Format::Access,
    Format::NginxError,
    Format::ApacheError,
    Format::Php,
    Format::Mysql,
    Format::Postgresql,
    Format::Plain,
];

/// What all formats promise for any line.
fn promise(line: &[u8]) {
    for format in ALL {
        let parsed = parse(format, line, &context());
        assert!(parsed.stamp.attributes.len() <= ATTRIBUTES);
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let whole = String::from_utf8_lossy(bare.strip_suffix(b"\r").unwrap_or(bare));
        if verbatim(format, line) {
            assert!(whole.contains(&parsed.message), "{format:?}: {whole:?} has no {:?}", parsed.message);
        }
    }
}

/// Pieces that headers are made of, in any order.
const PIECES: [&str; 48] = [
    "<34>",
    "1 ",
    "Nov",
    "  1",
    " 21",
    " 10:00:00",
    ".123",
    "2026",
    "-11-21",
    "T",
    "Z",
    "+01:00",
    " ",
    " ",
    "web1",
    "sshd",
    "[12]",
    ":",
    ": ",
    "]",
    "[",
    "{",
    "}",
    "\"",
    "\\",
    "=",
    "msg=",
    "time=",
    "level=error",
    "2026/11/21",
    "[error]",
    " 1#1: ",
    "*4 ",
    ", client: ",
    "[Sun Dec 04 04:47:44 2005]",
    "[21-Nov-2026 10:00:00",
    " UTC",
    "PHP ",
    "FATAL:  ",
    "LOG:  ",
    "261121",
    "944:M ",
    "web_1  | ",
    "192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] ",
    "ä",
    "\u{a0}",
    "10月",
    "\"message\":\"x\\n\"",
];

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        promise(&line);
    }

    #[test]
    fn any_order_of_header_pieces_is_read_without_panic(
        picks in proptest::collection::vec((0..PIECES.len(), any::<Option<u8>>()), 0..24)
    ) {
        let mut line = Vec::new();
        for (piece, noise) in picks {
            line.extend_from_slice(PIECES[piece].as_bytes());
            line.extend(noise.filter(|n| n % 8 == 0));
        }
        promise(&line);
    }
}

/// Megabytes of every piece, over and over, and behind each kind of header: what is not linear takes minutes here.
#[test]
fn long_garbage_takes_linear_time() {
    const SIZE: usize = 2 << 20;
    let started = Instant::now();
    let heads =
        ["", "<34>1 - - - - - ", "Nov 21 10:00:00 h ", "{\"msg\":\"", "2026/11/21 10:00:00 [error] 1#1: *4 ", "msg="];
    for (at, piece) in PIECES.iter().enumerate() {
        let line = heads[at % heads.len()].to_owned() + &piece.repeat(SIZE / piece.len() / ALL.len());
        for format in ALL {
            std::hint::black_box(parse(format, line.as_bytes(), &context()));
        }
    }
    let deep = "[".repeat(SIZE) + &"{\"a\":".repeat(SIZE / 5);
    for format in ALL {
        std::hint::black_box(parse(format, deep.as_bytes(), &context()));
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

//! How often pieces of text stand in a machine's own logs.
//!
//! A pattern is searched for by the piece of its text that these logs show least; the right piece is worth a factor of
//! five. What is kept are counts of hashed pieces of four, five and six bytes: no log text can be read back.

/// The lengths of pieces that are counted, in bytes, and how many counters there are for each, as a power of two: so many
/// that a rare piece seldom shares one with a common one.
const LENGTHS: [(usize, u32); 3] = [(4, 17), (5, 18), (6, 19)];
/// How many counters there are.
const COUNTERS: usize = (1 << LENGTHS[0].1) + (1 << LENGTHS[1].1) + (1 << LENGTHS[2].1);
/// How the stored form begins; the digit is its version.
const MAGIC: &[u8; 8] = b"heinrar3";

/// Up to eight bytes of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    bytes: u64,
    pub(crate) length: usize,
}

impl Piece {
    /// So many of the bytes.
    #[inline]
    pub(crate) fn new(bytes: [u8; 8], length: usize) -> Self {
        let all = u64::from_le_bytes(bytes);
        let bytes = if length < 8 { all & ((1 << (8 * length)) - 1) } else { all };
        Self { bytes, length }
    }

    /// A number below 2^16 that is the same for both cases.
    #[inline]
    pub(crate) fn slot(self) -> usize {
        slot(self.bytes, 8, 16)
    }
}

/// Whether a digit is alike to the byte, cases alike.
#[inline]
pub(crate) fn is_digit(byte: u8) -> bool {
    (byte | 0x20).is_ascii_digit()
}

/// Counts of pieces of log text. 1.75 MiB.
#[derive(Clone, PartialEq, Eq)]
pub struct Rarity {
    /// By length, then by hash.
    counts: Box<[u16]>,
    /// How many pieces of each length were counted.
    total: u32,
}

impl std::fmt::Debug for Rarity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rarity").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Default for Rarity {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Rarity {
    /// What web, mail and database servers usually write (`typical.log` beside this file), until the machine's own logs
    /// are known.
    #[must_use]
    pub fn built_in() -> Self {
        let mut rarity = Self::empty();
        rarity.learn(include_bytes!("typical.log"));
        rarity
    }

    fn empty() -> Self {
        Self { counts: vec![0; COUNTERS].into(), total: 0 }
    }

    /// Counts the pieces of these lines. Older counts fade.
    pub fn learn(&mut self, bytes: &[u8]) {
        for piece in bytes.windows(8).filter_map(<[u8]>::first_chunk) {
            let piece = u64::from_le_bytes(*piece);
            let mut full = false;
            for length in 0..LENGTHS.len() {
                let counter = &mut self.counts[counter(piece, length)];
                *counter += 1;
                full |= *counter == u16::MAX;
            }
            self.total += 1;
            if full {
                self.counts.iter_mut().for_each(|count| *count /= 2);
                self.total /= 2;
            }
        }
    }

    /// Of how many positions in these logs one shows this piece (of more than six bytes: the rarer of its beginning and its
    /// end); at most 1.
    pub(crate) fn share(&self, piece: Piece) -> f32 {
        let at = LENGTHS.iter().rposition(|(length, _)| *length <= piece.length).unwrap_or_default();
        let behind = piece.length.saturating_sub(LENGTHS[at].0);
        let [begin, end] = [0, behind].map(|from| self.counts[counter(piece.bytes >> (8 * from), at)]);
        // What was never seen is not impossible.
        let count = f32::from(begin.min(end)) + 0.02;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let total = self.total.max(1) as f32;
        (count / total).min(1.0)
    }

    /// The stored form, 896 KiB: counts on a scale of which four steps are a factor of two.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = self.counts.iter().map(|count| steps(*count));
        MAGIC.iter().copied().chain(self.total.to_le_bytes()).chain(counts).collect()
    }

    /// From the stored form; `None` when it is not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (total, counts) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        if counts.len() != COUNTERS {
            return None;
        }
        let counts = counts.iter().map(|stored| count_of(*stored)).collect();
        Some(Self { counts, total: u32::from_le_bytes(*total).min(u32::MAX / 2) })
    }
}

/// A count on the stored scale.
fn steps(count: u16) -> u8 {
    match count.checked_ilog2() {
        None => 0,
        // Where two steps are less than one apart, the count is the number itself.
        Some(..3) => count as u8,
        Some(octave) => (4 * octave as u8 - 4) + (count >> (octave - 2) & 3) as u8,
    }
}

/// The least count with this many steps.
fn count_of(steps: u8) -> u16 {
    let octave = u32::from(steps) / 4 + 1;
    match octave {
        ..3 => u16::from(steps),
        _ => ((4 + u32::from(steps) % 4) << (octave.min(15) - 2)).min(u32::from(u16::MAX - 1)) as u16,
    }
}

/// Where the counter of a piece's first bytes is; `length`: which of the lengths.
#[inline]
fn counter(piece: u64, length: usize) -> usize {
    let before: usize = LENGTHS[..length].iter().map(|(_, bits)| 1 << bits).sum();
    let (length, bits) = LENGTHS[length];
    before + slot(piece, length, bits)
}

/// A hash of the first bytes of a piece, cases alike.
#[inline]
fn slot(piece: u64, length: usize, bits: u32) -> usize {
    let folded = (piece | 0x2020_2020_2020_2020) << (64 - 8 * length);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: &[u8]) -> Piece {
        Piece::new(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default()), bytes.len())
    }

    #[test]
    fn what_logs_are_full_of_is_common() {
        let mut rarity = Rarity::built_in();
        assert!(rarity.share(piece(b"from")) > 20.0 * rarity.share(piece(b"qzx-")));
        assert!((rarity.share(piece(b"FROM")) - rarity.share(piece(b"from"))).abs() < f32::EPSILON);
        rarity.learn("qzx-qzx-".repeat(20_000).as_bytes());
        assert!(rarity.share(piece(b"qzx-")) > 20.0 * rarity.share(piece(b"from")), "what is seen now counts");
    }

    #[test]
    fn counts_are_kept_to_a_quarter_octave() {
        for count in 0..u16::MAX {
            let kept = count_of(steps(count));
            assert!(kept <= count && 5 * u32::from(kept) >= 4 * u32::from(count), "{count} {kept}");
            assert_eq!(steps(kept), steps(count), "{count}");
        }
    }

    #[test]
    fn the_stored_form_is_read_back_and_another_is_refused() {
        let rarity = Rarity::built_in();
        let bytes = rarity.to_bytes();
        let read = Rarity::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        for text in [&b"from"[..], b"sessi", b"sessio", b"sshd[217", b"zzzzzzzz"] {
            let (share, again) = (rarity.share(piece(text)), read.share(piece(text)));
            assert!(again <= share && again > 0.8 * share, "{text:?}: {share} {again}");
        }
        for wrong in [&bytes[..bytes.len() - 1], &bytes[1..], b"", b"heinrar2"] {
            assert_eq!(Rarity::from_bytes(wrong), None);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Rarity::from_bytes(&longer), None);
    }
}

//! Sorts messages into clusters, each of one wording, ranks them, and drafts a rule from one.
//!
//! Start at [`Miner`]. Unlike online miners it sees all messages before it decides, so the result does not depend on their
//! order: shapes first (words and slots for values), then shapes that differ in a word or two are held side by side, and a
//! place where many different words stand is a slot, too.

mod badness;
mod cluster;
mod draft;
mod shape;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub use draft::{Draft, Field};

use crate::cluster::Shape;
use crate::shape::{Piece, tokens};

/// So many shapes are kept; messages of further ones are counted as left out. At most some 500 bytes each.
const MOST_SHAPES: usize = 100_000;
/// So many examples are kept of each shape.
const EXAMPLES: usize = 4;
/// A longer message is cut for the examples, in bytes.
const LONG: usize = 1000;

/// Collects messages.
#[derive(Debug, Default)]
pub struct Miner {
    /// By program and pieces: its number in `shapes`.
    known: HashMap<(Box<str>, Box<[Piece]>), usize>,
    shapes: Vec<Shape>,
    left_out: u64,
}

/// Messages of one wording.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The program that wrote them; empty: unknown.
    pub program: String,
    /// How many there were.
    pub count: u64,
    /// How bad their words sound: 0 (nothing) to 3 (a disaster).
    pub badness: u8,
    /// The wording, with `*` for values.
    pub wording: String,
    /// Some of the messages, all different.
    pub examples: Vec<String>,
    columns: Vec<Option<Piece>>,
}

impl Cluster {
    /// What ranks it: how bad it sounds counts more than how often it comes.
    #[must_use]
    pub fn rank(&self) -> f64 {
        // Precise enough below 2^52 messages.
        (1.0 + 3.0 * f64::from(self.badness)) * (self.count as f64 + 1.0).log2()
    }
}

impl Miner {
    /// Takes a message in; returns the number of its shape, for [`Miner::clusters`] to name. `level`: how bad the program
    /// itself says it is, 0 to 3. `None`: there are too many different ones, and it is left out.
    pub fn add(&mut self, program: &str, level: u8, message: &str) -> Option<usize> {
        let pieces: Box<[Piece]> = tokens(message).into_iter().map(|token| token.piece).collect();
        let number = self.shapes.len();
        let number = match self.known.entry((program.into(), pieces)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if number == MOST_SHAPES => {
                self.left_out += 1;
                return None;
            }
            Entry::Vacant(place) => {
                let (program, pieces) = place.key().clone();
                self.shapes.push(Shape { program, pieces, count: 0, level: 0, examples: Vec::new() });
                *place.insert(number)
            }
        };
        let shape = &mut self.shapes[number];
        shape.count += 1;
        shape.level = shape.level.max(level);
        let example = &message[..message.floor_char_boundary(LONG)];
        if shape.examples.len() < EXAMPLES && !shape.examples.iter().any(|known| known == example) {
            shape.examples.push(example.to_owned());
        }
        Some(number)
    }

    /// How many messages were left out because there were too many different ones.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The clusters, the first in rank first; and by the number of a shape, the number of its cluster.
    #[must_use]
    pub fn clusters(&self) -> (Vec<Cluster>, Vec<usize>) {
        let groups = cluster::groups(&self.shapes);
        let mut all: Vec<(Cluster, Vec<usize>)> = groups
            .into_iter()
            .map(|members| (cluster::whole(&members.iter().map(|m| &self.shapes[*m]).collect::<Vec<_>>()), members))
            .collect();
        all.sort_by(|(a, _), (b, _)| {
            b.rank().total_cmp(&a.rank()).then_with(|| (&a.program, &a.wording).cmp(&(&b.program, &b.wording)))
        });
        let mut cluster_of = vec![0; self.shapes.len()];
        for (number, (_, members)) in all.iter().enumerate() {
            members.iter().for_each(|member| cluster_of[*member] = number);
        }
        (all.into_iter().map(|(cluster, _)| cluster).collect(), cluster_of)
    }
}

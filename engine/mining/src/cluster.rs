//! Shapes that say the same become one cluster.
//!
//! Start at [`groups`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::Cluster;
use crate::badness::badness;
use crate::shape::{Piece, tokens};

/// Messages whose words and slots are the same.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) program: Box<str>,
    pub(crate) pieces: Box<[Piece]>,
    pub(crate) count: u64,
    pub(crate) level: u8,
    pub(crate) examples: Vec<String>,
}

/// So many of the words must be the same, of ten, for two shapes to be held side by side.
const ALIKE: usize = 5;
/// So many different words at one place are values; fewer are things that the program says.
/// Measured on labelled public samples; 4 to 6 differ little, 3 and 8 are clearly worse.
const VALUES: usize = 5;

/// Program, signs, first word.
type Room<'a> = (&'a str, Vec<Option<char>>, Option<&'a Piece>);

/// The numbers of the shapes of each cluster.
pub(crate) fn groups(shapes: &[Shape]) -> Vec<Vec<usize>> {
    // Only shapes with the same signs and the same first word are compared at all.
    let mut rooms: BTreeMap<Room<'_>, Vec<usize>> = BTreeMap::new();
    for (number, shape) in shapes.iter().enumerate() {
        let signs = shape.pieces.iter().map(|piece| if let Piece::Sign(sign) = piece { Some(*sign) } else { None });
        let first = shape.pieces.iter().find(|piece| !matches!(piece, Piece::Sign(_)));
        rooms.entry((&shape.program, signs.collect(), first)).or_default().push(number);
    }
    let mut groups = Vec::new();
    for mut room in rooms.into_values() {
        room.sort_by(|a, b| {
            shapes[*b].count.cmp(&shapes[*a].count).then_with(|| shapes[*a].pieces.cmp(&shapes[*b].pieces))
        });
        for side_by_side in alike(shapes, &room) {
            split(shapes, side_by_side, &mut groups);
        }
    }
    groups
}

/// Puts each shape to the one before it that is most like it.
fn alike(shapes: &[Shape], room: &[usize]) -> Vec<Vec<usize>> {
    let mut piles: Vec<Vec<usize>> = Vec::new();
    for &number in room {
        let likeness = |pile: &Vec<usize>| {
            let (mut same, mut all) = (0, 0);
            for (a, b) in shapes[pile[0]].pieces.iter().zip(&shapes[number].pieces) {
                if !matches!(a, Piece::Sign(_)) {
                    all += 1;
                    same += usize::from(a == b);
                }
            }
            (same * 10 >= all * ALIKE).then_some(same)
        };
        let best = piles.iter_mut().filter_map(|pile| Some((likeness(pile)?, pile)));
        // The first of equals, which has more messages.
        match best.reduce(|best, one| if one.0 > best.0 { one } else { best }) {
            Some((_, pile)) => pile.push(number),
            None => piles.push(vec![number]),
        }
    }
    piles
}

/// Parts a pile where few different words stand at one place: they are not values.
fn split(shapes: &[Shape], pile: Vec<usize>, groups: &mut Vec<Vec<usize>>) {
    let length = shapes[pile[0]].pieces.len();
    let few = (0..length).find(|at| {
        let words: BTreeSet<&Piece> = pile.iter().map(|number| &shapes[*number].pieces[*at]).collect();
        (2..VALUES).contains(&words.len()) && !words.contains(&Piece::Slot)
    });
    let Some(at) = few else {
        groups.push(pile);
        return;
    };
    let mut parts: HashMap<&Piece, Vec<usize>> = HashMap::new();
    for number in pile {
        parts.entry(&shapes[number].pieces[at]).or_default().push(number);
    }
    let mut parts: Vec<Vec<usize>> = parts.into_values().collect();
    parts.sort();
    for part in parts {
        split(shapes, part, groups);
    }
}

/// A cluster of these shapes.
pub(crate) fn whole(members: &[&Shape]) -> Cluster {
    let length = members.first().map_or(0, |shape| shape.pieces.len());
    let columns: Vec<Option<Piece>> = (0..length)
        .map(|at| {
            let piece = &members[0].pieces[at];
            (*piece != Piece::Slot && members.iter().all(|shape| shape.pieces[at] == *piece)).then(|| piece.clone())
        })
        .collect();
    let examples: Vec<String> = (0..crate::EXAMPLES)
        .flat_map(|n| members.iter().filter_map(move |shape| shape.examples.get(n)))
        .take(20)
        .cloned()
        .collect();
    Cluster {
        program: members.first().map(|shape| shape.program.to_string()).unwrap_or_default(),
        count: members.iter().map(|shape| shape.count).sum(),
        badness: badness(&columns).max(members.iter().map(|shape| shape.level).max().unwrap_or(0)),
        wording: wording(&columns, examples.first().map_or("", |example| example)),
        examples,
        columns,
    }
}

/// An example with `*` for what differs, and without brackets that hold nothing but values.
fn wording(columns: &[Option<Piece>], example: &str) -> String {
    let mut out = String::new();
    let mut end = 0;
    for (column, token) in columns.iter().zip(tokens(example)) {
        let gap = &example[end..token.span.start];
        out.push_str(if gap.contains(char::is_alphanumeric) { " " } else { gap });
        match column {
            None => out.push('*'),
            Some(_) => out.push_str(&example[token.span.clone()]),
        }
        end = token.span.end;
    }
    out
}

//! Rates of drafts that came to a ticket, with their intervals of confidence.
//!
//! A customer's drafts are no independent trials: who has trouble writes several times. So the variance is that between
//! customers (ratio estimator for clusters; Cochran, Sampling Techniques, 3rd ed., §9A), and says how many independent
//! drafts the ones at hand are worth. With that number the interval of a rate is Wilson's (1927) and that of the difference
//! Newcombe's hybrid of both (Statistics in Medicine 17, 1998, method 10): they hold for rates near 0 and for few drafts,
//! where the usual ones do not.

use std::collections::BTreeMap;

use serde::Serialize;

/// Quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Drafts.
    pub drafts: u64,
    /// Customers they are of (each anonymous draft counts as one).
    pub customers: u64,
    /// Drafts that came to a ticket.
    pub tickets: u64,
    /// The rate, with its interval.
    pub rate: Interval,
}

/// A number and the interval that holds the true one in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Drafts by customer.
#[derive(Debug, Default)]
pub(super) struct Clusters<'a> {
    /// Drafts, and those that came to a ticket.
    by_customer: BTreeMap<&'a str, (f64, f64)>,
}

impl<'a> Clusters<'a> {
    pub(super) fn add(&mut self, customer: &'a str, ticketed: bool) {
        let cluster = self.by_customer.entry(customer).or_default();
        cluster.0 += 1.0;
        cluster.1 += f64::from(u8::from(ticketed));
    }

    /// `None` when there are no drafts.
    pub(super) fn rate(&self) -> Option<Rate> {
        let clusters = self.by_customer.len();
        let (drafts, tickets) =
            self.by_customer.values().fold((0.0, 0.0), |(drafts, tickets), (x, y)| (drafts + x, tickets + y));
        if clusters == 0 {
            return None;
        }
        let rate = tickets / drafts;
        let worth = self.worth(rate, drafts);
        Some(Rate {
            drafts: drafts as u64,
            customers: clusters as u64,
            tickets: tickets as u64,
            rate: wilson(rate, worth),
        })
    }

    /// How many independent drafts these are worth; never more than there are.
    fn worth(&self, rate: f64, drafts: f64) -> f64 {
        let clusters = self.by_customer.len() as f64;
        let squares: f64 = self.by_customer.values().map(|(x, y)| (y - rate * x).powi(2)).sum();
        let variance = clusters / (clusters - 1.0) * squares / drafts.powi(2);
        if clusters < 2.0 || variance <= 0.0 {
            // Nothing is seen of how customers differ: each counts once.
            return clusters;
        }
        (rate * (1.0 - rate) / variance).clamp(1.0, drafts)
    }
}

fn wilson(rate: f64, number: f64) -> Interval {
    let square = Z * Z;
    let middle = (rate + square / (2.0 * number)) / (1.0 + square / number);
    let half = Z / (1.0 + square / number) * (rate * (1.0 - rate) / number + square / (4.0 * number * number)).sqrt();
    Interval { value: rate, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// `a - b`.
pub(super) fn difference(a: Rate, b: Rate) -> Interval {
    let (a, b) = (a.rate, b.rate);
    let value = a.value - b.value;
    let distance = |x: f64, y: f64| (x * x + y * y).sqrt();
    Interval {
        value,
        low: value - distance(a.value - a.low, b.high - b.value),
        high: value + distance(a.high - a.value, b.value - b.low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(ones: usize, of: usize) -> Rate {
        let names: Vec<String> = (0..of).map(|n| n.to_string()).collect();
        let mut clusters = Clusters::default();
        names.iter().enumerate().for_each(|(n, name)| clusters.add(name, n < ones));
        clusters.rate().unwrap()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 0.000_6, "{a} is not {b}");
    }

    #[test]
    fn intervals_are_those_of_the_books() {
        // Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339.
        let (a, b) = (rate(56, 70), rate(48, 80));
        let found = difference(a, b);
        close(found.value, 0.2);
        // One draft of each customer: the variance is the binomial one but for n/(n-1).
        assert!((found.low - 0.0524).abs() < 0.002 && (found.high - 0.3339).abs() < 0.002, "{found:?}");
        // Wilson for 0 of 10: 0 to 0.2775.
        let none = rate(0, 10).rate;
        close(none.low, 0.0);
        close(none.high, 0.2775);
    }

    #[test]
    fn who_writes_often_does_not_count_often() {
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut clusters = Clusters::default();
        for (n, name) in names.iter().enumerate() {
            (0..10).for_each(|_| clusters.add(name, n < 10));
        }
        let (many, few) = (clusters.rate().unwrap().rate, rate(10, 20).rate);
        close(many.low, few.low);
        close(many.high, few.high);
        assert!(rate(100, 200).rate.low > many.low + 0.1);
    }

    #[test]
    fn one_customer_proves_little_and_none_nothing() {
        assert_eq!(Clusters::default().rate(), None);
        let one = rate(1, 1).rate;
        assert!(one.low < 0.3 && one.high == 1.0, "{one:?}");
    }
}

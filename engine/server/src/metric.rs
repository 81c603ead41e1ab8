//! Counters and gauges, and how Prometheus reads them (text exposition format 0.0.4).

use std::fmt::Write;

/// The content type of [`exposition`].
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until a restart.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric with its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name: letters, digits, `_` and `:`; anything else is written as `_`. Counters end in `_total`.
    pub name: String,
    /// What it counts, and in which unit.
    pub help: String,
    /// What the numbers mean.
    pub kind: Kind,
    /// The numbers, each with its labels.
    pub samples: Vec<(Vec<(String, String)>, f64)>,
}

/// Writes metrics as Prometheus reads them.
#[must_use]
pub(crate) fn exposition(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let name = plain(&metric.name, true);
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = metric.help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing into a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in &metric.samples {
            text.push_str(&name);
            for (at, (label, value)) in labels.iter().enumerate() {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let _ = write!(text, "{}{}=\"{value}\"", if at == 0 { '{' } else { ',' }, plain(label, false));
            }
            let _ = writeln!(text, "{} {}", if labels.is_empty() { "" } else { "}" }, number(*value));
        }
    }
    text
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

fn plain(name: &str, colon: bool) -> String {
    let mut plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || (colon && c == ':') { c } else { '_' }).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':') {
        plain.insert(0, '_');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_and_values_stay_on_their_line() {
        let metrics = [
            Metric {
                name: "heinzel_lines_total".into(),
                help: "Lines read.\nWith \\.".into(),
                kind: Kind::Counter,
                samples: vec![(vec![("source".into(), "a\"b\\c\nd".into()), ("9-x".into(), String::new())], 3.0)],
            },
            Metric {
                name: "0 odd".into(),
                help: String::new(),
                kind: Kind::Gauge,
                samples: vec![(vec![], f64::NAN), (vec![], 0.5)],
            },
        ];
        let expected = "# HELP heinzel_lines_total Lines read.\\nWith \\\\.\n# TYPE heinzel_lines_total counter\n\
            heinzel_lines_total{source=\"a\\\"b\\\\c\\nd\",_9_x=\"\"} 3\n\
            # HELP _0_odd \n# TYPE _0_odd gauge\n_0_odd NaN\n_0_odd 0.5\n";
        assert_eq!(exposition(&metrics), expected);
        assert_eq!(number(f64::NEG_INFINITY), "-Inf");
    }
}

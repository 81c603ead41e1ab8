//! Grouping accuracy on the labelled public samples, beside what is published of Drain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use heinzel_mining::Miner;

/// Drain's grouping accuracy on each sample: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019,
/// table 3.
const DRAIN: [(&str, f64); 16] = [
    ("Android", 0.911),
    ("Apache", 1.0),
    ("BGL", 0.963),
    ("HDFS", 0.998),
    ("HPC", 0.887),
    ("Hadoop", 0.948),
    ("HealthApp", 0.780),
    ("Linux", 0.690),
    ("Mac", 0.787),
    ("OpenSSH", 0.788),
    ("OpenStack", 0.733),
    ("Proxifier", 0.527),
    ("Spark", 0.920),
    ("Thunderbird", 0.955),
    ("Windows", 0.997),
    ("Zookeeper", 0.967),
];

/// The share of lines in a cluster that holds all lines of one label and no other.
fn accuracy(found: &[usize], labels: &[String]) -> f64 {
    let (mut clusters, mut groups) =
        (BTreeMap::<usize, BTreeSet<usize>>::new(), BTreeMap::<&str, BTreeSet<usize>>::new());
    for (line, (cluster, label)) in found.iter().zip(labels).enumerate() {
        clusters.entry(*cluster).or_default().insert(line);
        groups.entry(label).or_default().insert(line);
    }
    let groups: BTreeSet<&BTreeSet<usize>> = groups.values().collect();
    let right: usize = clusters.values().filter(|lines| groups.contains(lines)).map(BTreeSet::len).sum();
    right as f64 / found.len() as f64
}

#[test]
fn messages_are_grouped_better_than_drain_does() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/loghub");
    if !samples.is_dir() {
        eprintln!("SKIPPED: {} is not there, so the grouping is not measured", samples.display());
        return;
    }
    let (mut ours, mut published) = (0.0, 0.0);
    println!("| sample | heinzel | Drain, published |\n|---|---|---|");
    for (name, drain) in DRAIN {
        let file = samples.join(name).join(format!("{name}_2k.log_structured.csv"));
        let mut table = csv::Reader::from_path(file).unwrap();
        let column =
            |table: &mut csv::Reader<_>, name: &str| table.headers().unwrap().iter().position(|h| h == name).unwrap();
        let (content, label) = (column(&mut table, "Content"), column(&mut table, "EventId"));
        let (mut miner, mut shapes, mut labels) = (Miner::default(), Vec::new(), Vec::new());
        for row in table.byte_records() {
            let row = row.unwrap();
            shapes.push(miner.add("", 0, &String::from_utf8_lossy(&row[content])).unwrap());
            labels.push(String::from_utf8_lossy(&row[label]).into_owned());
        }
        let (_, cluster_of) = miner.clusters();
        let found: Vec<usize> = shapes.iter().map(|shape| cluster_of[*shape]).collect();
        let here = accuracy(&found, &labels);
        println!("| {name} | {here:.3} | {drain:.3} |");
        (ours, published) = (ours + here / 16.0, published + drain / 16.0);
    }
    println!("| average | {ours:.3} | {published:.3} |");
    assert!(ours > published, "{ours:.3} on average, Drain {published:.3}");
}

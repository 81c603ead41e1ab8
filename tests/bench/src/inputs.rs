//! `heinzel-bench inputs`: the rule sets and logs of the comparison, made from the public loghub samples.
//!
//! Everything is deterministic: two machines measure the same bytes. What is there is used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::matching::each::Each;
use crate::matching::engine::{Engine as _, Pairs, lines};
use crate::matching::literals::Literals;
use crate::options::Options;
use crate::rules::patterns;

/// How the subcommand is called.
pub const USAGE: &str = "heinzel-bench inputs [--out DIR] [--generator DIR] [--loghub DIR]";

/// The rule sets: how many rules each has.
pub const SETS: [usize; 4] = [10, 100, 1_000, 10_000];

/// The logs: name, share of lines that match something, seed.
const LOGS: [(&str, f64, u32); 2] = [("quiet", 0.001, 1), ("busy", 0.3, 2)];

/// The size of each log in MB.
const SIZE: u32 = 200;

/// A folder with all inputs.
pub struct Inputs(PathBuf);

impl Inputs {
    /// Makes what is not there yet.
    pub fn ready(options: &Options) -> anyhow::Result<Self> {
        let folder = options.path("--out").unwrap_or_else(|| std::env::temp_dir().join("heinzel-bench"));
        let inputs = Self(folder);
        // The last file that is written: with it, everything is there.
        if !inputs.0.join("complete").is_file() {
            let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
            let generator = options.path("--generator").unwrap_or_else(|| beside.join("matching"));
            let loghub = options.path("--loghub").unwrap_or_else(|| beside.join("loghub"));
            inputs.make(&generator, &loghub)?;
        }
        Ok(inputs)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The rule set of this size, without the file's ending: `.rs` has captures, `.plain` has none, `.json` has all.
    pub fn rules(&self, count: usize) -> PathBuf {
        self.0.join(format!("rules/P{count}"))
    }

    /// The log of this name.
    pub fn log(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.log"))
    }

    /// The samples that everything is made from.
    pub fn loghub(options: &Options) -> PathBuf {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/loghub");
        options.path("--loghub").unwrap_or(beside)
    }

    fn make(&self, generator: &Path, loghub: &Path) -> anyhow::Result<()> {
        let (generate, corpus) = (generator.join("generate.py"), generator.join("corpus.py"));
        for file in [&generate, &corpus] {
            ensure!(file.is_file(), "there is no {}; say with --generator where it is", file.display());
        }
        ensure!(loghub.is_dir(), "there is no {}; say with --loghub where the samples are", loghub.display());
        fs::create_dir_all(&self.0).with_context(|| format!("create {}", self.0.display()))?;
        println!("making the inputs in {}", self.0.display());
        python(Command::new("python3").arg(&generate).arg(loghub).arg(&self.0))?;
        self.filter()?;
        for (name, share, seed) in LOGS {
            let words = [share.to_string(), SIZE.to_string(), seed.to_string()];
            python(Command::new("python3").arg(&corpus).arg(&self.0).arg(self.log(name)).args(words))?;
            self.check(name, share)?;
        }
        fs::write(self.0.join("complete"), "")?;
        Ok(())
    }

    /// Leaves out of the noise every line that one of the 10,000 patterns matches.
    fn filter(&self) -> anyhow::Result<()> {
        let raw = fs::read_to_string(self.0.join("noise_pool.raw"))?;
        let patterns = patterns(&self.rules(SETS[3]).with_extension("rs"))?;
        let raw: Vec<&str> = raw.lines().collect();
        let halves = raw.split_at(raw.len() / 2);
        let kept = std::thread::scope(|scope| {
            let second = scope.spawn(|| silent(halves.1, &patterns));
            let first = silent(halves.0, &patterns)?;
            let second = second.join().map_err(|_| anyhow::anyhow!("a filter thread failed"))??;
            anyhow::Ok([first, second].concat())
        })?;
        // The filter looks through literals first; rule by rule must agree.
        let sample: Vec<&str> = kept.iter().copied().step_by(kept.len() / 200).collect();
        let mut pairs = Pairs::counted();
        Each::new(&patterns)?.scan(as_log(&sample).as_bytes(), &mut pairs);
        ensure!(pairs.count == 0, "the filtered noise still has {} matches in {} lines", pairs.count, sample.len());
        println!("noise: {} of {} lines match nothing", kept.len(), raw.len());
        fs::write(self.0.join("noise_pool"), kept.join("\n") + "\n").context("write noise_pool")
    }

    /// The share of matching lines must be the one that was asked for.
    fn check(&self, name: &str, share: f64) -> anyhow::Result<()> {
        let (log, patterns) = (fs::read(self.log(name))?, patterns(&self.rules(SETS[3]).with_extension("rs"))?);
        let log = prefix(&log, 20_000_000);
        let mut pairs = Pairs::listed();
        Literals::new(&patterns)?.scan(log, &mut pairs);
        let found = pairs.lines().len() as f64 / lines(log).count() as f64;
        ensure!((0.7..=1.3).contains(&(found / share)), "{name}.log: {found:.5} of the lines match, not {share}");
        println!("{name}.log: {:.3} % of the lines match something", found * 100.0);
        Ok(())
    }
}

/// Makes the inputs, or says that they are there.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let inputs = Inputs::ready(options)?;
    println!("the inputs are in {}", inputs.folder().display());
    Ok(())
}

/// The first whole lines of a log, of at most so many bytes.
pub fn prefix(log: &[u8], bytes: usize) -> &[u8] {
    let Some(head) = log.get(..bytes) else { return log };
    &head[..memchr::memrchr(b'\n', head).map_or(0, |at| at + 1)]
}

/// Those lines of a pool that no pattern matches.
fn silent<'a>(pool: &[&'a str], patterns: &[String]) -> anyhow::Result<Vec<&'a str>> {
    let log = as_log(pool);
    let mut pairs = Pairs::listed();
    Literals::new(patterns)?.scan(log.as_bytes(), &mut pairs);
    let found = pairs.lines();
    let starts = lines(log.as_bytes()).map(|(start, _)| start);
    Ok(pool.iter().copied().zip(starts).filter(|(_, start)| !found.contains(start)).map(|(line, _)| line).collect())
}

/// Lines of a pool (program, tab, message) behind the header that the logs have.
fn as_log(pool: &[&str]) -> String {
    let line = |line: &&str| {
        let (program, message) = line.split_once('\t').unwrap_or(("", line));
        format!("Aug  1 00:00:01 web01 {program}[300]: {message}\n")
    };
    pool.iter().map(line).collect()
}

fn python(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("start python3, which makes the inputs")?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

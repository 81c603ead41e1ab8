//! The name of a Proxmox VE task.
//!
//! `UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>:`, the numbers in hexadecimal. Names come from files and
//! lead to files: only what can be one safely is accepted.

use std::fs;
use std::path::{Path, PathBuf};

use heinzel_core::time::Timestamp;

/// The longest file name that Linux allows.
const LONGEST: usize = 255;

/// A task's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upid {
    /// All of it.
    pub text: String,
    /// The host.
    pub node: String,
    /// The worker's process id.
    pub pid: u32,
    /// When the worker's process was started, in clock ticks since boot: tells it from a later one with the same id.
    pub pstart: u64,
    /// When the task began.
    pub started: Timestamp,
    /// What it does: `vzdump`, `qmstart`.
    pub kind: String,
    /// What it works on: a guest's number; may be missing.
    pub target: Option<String>,
    /// Who began it: `root@pam`, perhaps with a token's name behind `!`.
    pub user: String,
}

impl Upid {
    /// Takes a name apart; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_graphic() && c != '/';
        if text.len() > LONGEST || !text.chars().all(is_plain) {
            return None;
        }
        let mut parts = text.strip_prefix("UPID:")?.strip_suffix(':')?.split(':');
        let mut next = || parts.next();
        let node = next().filter(|node| !node.is_empty() && !node.starts_with(['-', '.']))?;
        let pid = hex(next()?, 8, 8)?;
        let pstart = hex(next()?, 8, 9)?;
        let started = hex(next()?, 8, 8)?;
        let kind = next().filter(|kind| !kind.is_empty())?;
        let target = next()?;
        let user = next().filter(|user| !user.is_empty())?;
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            node: node.to_owned(),
            pid: u32::try_from(pid).ok()?,
            pstart,
            started: seconds(started),
            kind: kind.to_owned(),
            target: (!target.is_empty()).then(|| target.to_owned()),
            user: user.to_owned(),
        })
    }

    /// The task's log: in a folder named after the last digit of its start time.
    #[must_use]
    pub fn log(&self, folder: &Path) -> PathBuf {
        let digit = (self.started.as_micros() / 1_000_000) & 0xF;
        folder.join(format!("{digit:X}")).join(&self.text)
    }

    /// Whether its worker still runs on this machine.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        // The name in parentheses may contain anything; the start time is field 22, the 20th behind it (proc(5)).
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let start = fields.and_then(|mut fields| fields.nth(19)).and_then(|start| start.parse::<u64>().ok());
        // The name has room for eight or nine digits only: compare what fits.
        start.is_some_and(|start| start == self.pstart || start & 0xFFFF_FFFF == self.pstart)
    }
}

/// A time that is written as hexadecimal seconds.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    hex(text, 8, 8).map(seconds)
}

fn seconds(number: u64) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(number).unwrap_or(i64::MAX))
}

fn hex(text: &str, shortest: usize, longest: usize) -> Option<u64> {
    let fits = (shortest..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { u64::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let upid = Upid::parse("UPID:pve1:00010D94:001CA6EA:6124E1B9:vzdump:100:root@pam:").unwrap();
        assert_eq!((upid.node.as_str(), upid.pid, upid.pstart), ("pve1", 0x10D94, 0x1C_A6EA));
        assert_eq!(upid.started, Timestamp::from_seconds(0x6124_E1B9));
        assert_eq!(
            (upid.kind.as_str(), upid.target.as_deref(), upid.user.as_str()),
            ("vzdump", Some("100"), "root@pam")
        );
        assert!(upid.log(Path::new("/t")).starts_with("/t/9"));
        let token = "UPID:n:000934AF:FFFFFFFFF:68BF3A41:fake-but-valid:100:a-b@pam!some-token:";
        assert_eq!(Upid::parse(token).unwrap().pstart, 0xF_FFFF_FFFF);
        assert_eq!(Upid::parse("UPID:n:0000C346:165A0CE4:68D7279C:aptupdate::root@pam:").unwrap().target, None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            "UPID:pve1:00010D94:001CA6EA:6124E1B9:vzdump:100:root@pam",
            "UPID:pve1:10D94:001CA6EA:6124E1B9:vzdump:100:root@pam:",
            "UPID:../..:00010D94:001CA6EA:6124E1B9:vzdump:100:root@pam:",
            "UPID:n:00010D94:001CA6EA:6124E1B9:vzdump:1/../0:root@pam:",
            "UPID:n:00010D94:001CA6EA:6124E1B9:vzdump:1 0:root@pam:",
            "UPID:n:00010D94:001CA6EA:6124E1B9::100:root@pam:",
            "UPID:n:00010D94:001CA6EA:6124E1B9:a:b:c:d:",
        ] {
            assert_eq!(Upid::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn hostile_names_never_panic_nor_leave_the_folder(text in "UPID:.{0,30}:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:.{0,9}:.{0,9}:.{1,9}:") {
            if let Some(upid) = Upid::parse(&text) {
                prop_assert_eq!(upid.log(Path::new("/t")).components().count(), 4);
            }
        }
    }
}

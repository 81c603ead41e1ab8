//! The one way to start a program: argv, clean environment, time and output limits, group kill.
//!
//! Start at [`run`]. There is no shell anywhere: a program gets exactly the arguments it is given. It sees a clean
//! environment, an empty stdin, `/` as its folder, and none of our files (all that Rust opens is close-on-exec). It
//! leads its own process group, so that what it starts can be ended with it; only a program that deliberately leaves
//! the group (`setsid`, as daemons do) outlives that.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

mod start;

mod run;
pub mod stream;

pub use run::run;
pub use start::StartError;

/// What to start, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments. A bare program name is looked up in [`PATH`] only.
    pub argv: Vec<String>,
    /// Variables beside `PATH`, `LANG=C.UTF-8`, `TZ=UTC`, and for root `HOME=/root`; nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// After this the whole process group gets SIGTERM, and 2 s later SIGKILL.
    pub timeout: Duration,
    /// How many bytes of stdout and of stderr are kept each; the rest is read and dropped.
    pub output_limit: usize,
}

/// Where bare program names are looked up.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// Its stdout, cut.
    pub stdout: Vec<u8>,
    /// Its stderr, cut.
    pub stderr: Vec<u8>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It took too long and its process group was killed.
    TimedOut,
}

impl From<ExitStatus> for How {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

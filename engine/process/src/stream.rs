//! A program that runs for long and is read while it runs.
//!
//! Start at [`stream`]. The program gets its own process group, a clean environment, `/` as its folder and no stdin;
//! whatever ends the [`Streaming`] ends the whole group.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::How;
use crate::run::watch;
use crate::start::clean;

/// How many bytes of stderr are kept: its end, for the error message.
pub const STDERR_KEPT: usize = 4096;
/// How long a group that got SIGTERM has before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// How long stdout is still read after the program itself has ended, when a child of it keeps the pipe open.
const LINGER: Duration = Duration::from_secs(1);
/// How much one read brings at most.
const READ: usize = 64 * 1024;

/// What to start and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCommand {
    /// Program and arguments. A bare program name is looked up in [`crate::PATH`] only.
    pub argv: Vec<String>,
    /// Variables beside `PATH`, `LANG=C.UTF-8`, `TZ=UTC`, and for root `HOME=/root`; nothing is inherited.
    pub environment: Vec<(String, String)>,
}

/// The program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// There is no program to start.
    #[error("start a program: the argv is empty; name a program")]
    Empty,
    /// The system refused.
    #[error("start {program}")]
    Start {
        /// What should have been started.
        program: String,
        /// Why it was not.
        #[source]
        source: io::Error,
    },
}

/// A running program. Dropping it kills its process group.
#[derive(Debug)]
pub struct Streaming {
    child: Child,
    stdout: ChildStdout,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: JoinHandle<()>,
    /// The process group, until it has been swept.
    group: Option<Pid>,
    /// Becomes readable when the program has ended. It is not waited for before its group is swept: while it is kept, its number
    /// is no other group's, however long something that it left behind goes on writing.
    exited: AsyncFd<OwnedFd>,
    has_ended: bool,
}

/// Starts a program.
///
/// # Errors
/// [`StreamError`] when the argv is empty or the system refuses to start it.
pub fn stream(command: &StreamCommand) -> Result<Streaming, StreamError> {
    let [program, arguments @ ..] = command.argv.as_slice() else { return Err(StreamError::Empty) };
    let refused = |source| StreamError::Start { program: program.clone(), source };
    let mut child = clean(program, arguments, &command.environment).kill_on_drop(true).spawn().map_err(refused)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(refused(io::Error::other("it has no stdout or stderr pipe")));
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(leader) = group else { return Err(refused(io::Error::other("it has no process number"))) };
    let exited = watch(leader).map_err(refused)?;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let stderr_reader = tokio::spawn(keep_end(stderr, Arc::clone(&kept)));
    Ok(Streaming { child, stdout, stderr: kept, stderr_reader, group, exited, has_ended: false })
}

impl Streaming {
    /// Reads some more of stdout to the end of `into`; 0 when there will be no more. Safe to cancel.
    ///
    /// When the program has ended but a child of it keeps stdout open, what comes within a second is still read; then
    /// the group is killed.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        into.reserve(READ);
        if !self.has_ended {
            tokio::select! {
                biased;
                read = self.stdout.read_buf(into) => return read,
                ended = self.exited.readable() => drop(ended?),
            }
            self.has_ended = true;
        }
        let read = timeout(LINGER, self.stdout.read_buf(into)).await.unwrap_or(Ok(0));
        if !matches!(read, Ok(1..)) {
            self.sweep();
        }
        read
    }

    /// The end of what it has written to stderr so far, at most [`STDERR_KEPT`] bytes.
    #[must_use]
    pub fn stderr(&self) -> String {
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }

    /// Waits for it to end, after [`Streaming::read`] returned 0. It has two seconds to do so before it is stopped.
    ///
    /// # Errors
    /// When the system cannot say how it ended.
    pub async fn end(mut self) -> io::Result<(How, String)> {
        // Its stdout is closed, so it has nothing more to say.
        let in_time = self.has_ended || timeout(GRACE, self.exited.readable()).await.is_ok();
        if !in_time {
            self.terminate().await?;
        }
        self.sweep();
        let status = self.child.wait().await?;
        let how = if in_time { status.into() } else { How::TimedOut };
        // The last words may still be in the pipe.
        let _ = timeout(LINGER, &mut self.stderr_reader).await;
        Ok((how, self.stderr()))
    }

    /// Ends the whole group: SIGTERM, and 2 s later SIGKILL.
    ///
    /// # Errors
    /// When the system cannot say how it ended.
    pub async fn stop(mut self) -> io::Result<()> {
        if self.has_ended { Ok(()) } else { self.terminate().await }
        // Dropping `self` sweeps what ignored the SIGTERM.
    }

    async fn terminate(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        if timeout(GRACE, self.exited.readable()).await.is_err() {
            self.signal(Signal::KILL);
            drop(self.exited.readable().await?);
        }
        self.has_ended = true;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // ESRCH: it is gone already, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Kills what is left of the group, once: the program itself may be waited for afterwards, and its number then belongs to
    /// anybody.
    fn sweep(&mut self) {
        self.signal(Signal::KILL);
        self.group = None;
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.sweep();
        self.stderr_reader.abort();
    }
}

/// Reads stderr to its end and keeps the last bytes.
async fn keep_end(mut stderr: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = vec![0; STDERR_KEPT];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&chunk[..read]);
        let over = kept.len().saturating_sub(STDERR_KEPT);
        kept.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> StreamCommand {
        StreamCommand { argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(), environment: Vec::new() }
    }

    async fn all(command: &StreamCommand) -> (String, How, String) {
        let mut streaming = stream(command).unwrap();
        let mut out = Vec::new();
        while streaming.read(&mut out).await.unwrap() > 0 {}
        let (how, stderr) = streaming.end().await.unwrap();
        (String::from_utf8(out).unwrap(), how, stderr)
    }

    async fn until_gone(pid: &str) {
        let gone = async {
            // A zombie that nobody has waited for yet is gone as well.
            while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), gone).await.expect("the process lives on");
    }

    #[tokio::test]
    async fn output_end_and_last_words_arrive() {
        let (out, how, stderr) = all(&shell("echo a; echo b; echo oh no >&2; exit 3")).await;
        assert_eq!((out.as_str(), how, stderr.as_str()), ("a\nb\n", How::Exit(3), "oh no"));
        let (_, how, _) = all(&shell("kill -9 $$")).await;
        assert_eq!(how, How::Signal(9));
    }

    #[tokio::test]
    async fn long_stderr_keeps_its_end() {
        let (_, _, stderr) = all(&shell("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done")).await;
        assert!(stderr.len() <= STDERR_KEPT && stderr.ends_with("line 1999"), "{stderr}");
    }

    #[tokio::test]
    async fn nothing_is_inherited() {
        let (out, _, _) = all(&StreamCommand {
            argv: vec!["env".to_owned()],
            environment: vec![("MORE".to_owned(), "1".to_owned())],
        })
        .await;
        let mut names: Vec<&str> = out.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        names.retain(|name| *name != "HOME");
        assert_eq!(names, ["LANG", "MORE", "PATH", "TZ"]);
    }

    #[tokio::test]
    async fn it_runs_in_the_root() {
        let pwd = StreamCommand { argv: vec!["pwd".to_owned()], environment: Vec::new() };
        assert_eq!(all(&pwd).await.0, "/\n");
    }

    #[tokio::test]
    async fn each_line_arrives_at_once() {
        let mut streaming = stream(&shell("echo first; exec sleep 1000")).unwrap();
        let mut out = Vec::new();
        timeout(Duration::from_secs(20), streaming.read(&mut out)).await.expect("no line").unwrap();
        assert_eq!(out, b"first\n");
        streaming.stop().await.unwrap();
    }

    #[tokio::test]
    async fn dropping_kills_the_group() {
        let mut streaming = stream(&shell("sleep 1000 & echo $!; wait")).unwrap();
        let mut out = Vec::new();
        streaming.read(&mut out).await.unwrap();
        drop(streaming);
        until_gone(String::from_utf8(out).unwrap().trim()).await;
    }

    #[tokio::test]
    async fn a_child_that_keeps_the_pipe_does_not_hold_the_reader() {
        let (out, how, _) = timeout(Duration::from_secs(20), all(&shell("sleep 1000 & echo $!"))).await.expect("held");
        assert_eq!(how, How::Exit(0));
        until_gone(out.trim()).await;
    }

    #[tokio::test]
    async fn the_number_of_the_group_is_nobody_elses_while_its_output_is_read() {
        let mut streaming =
            stream(&shell("setsid sh -c 'echo $$; while :; do echo on; sleep 0.1; done' & exit 0")).unwrap();
        let leader = streaming.group.unwrap().as_raw_nonzero();
        let mut out = Vec::new();
        let reads = async {
            // What it left behind goes on writing, long after the program itself has ended.
            while out.iter().filter(|byte| **byte == b'\n').count() < 10 {
                assert!(streaming.read(&mut out).await.unwrap() > 0);
            }
        };
        timeout(Duration::from_secs(20), reads).await.expect("held");
        let stat = std::fs::read_to_string(format!("/proc/{leader}/stat")).expect("its number is free");
        assert!(stat.contains(") Z "), "{stat}");
        drop(streaming);
        let left = String::from_utf8(out).unwrap().lines().next().unwrap().parse().unwrap();
        let _ = rustix::process::kill_process(Pid::from_raw(left).unwrap(), Signal::KILL);
        until_gone(&leader.to_string()).await;
    }

    #[tokio::test]
    async fn what_cannot_start_is_named() {
        let missing = StreamCommand { argv: vec!["/no/such/program".to_owned()], environment: Vec::new() };
        assert_eq!(stream(&missing).unwrap_err().to_string(), "start /no/such/program");
        let empty = StreamCommand { argv: Vec::new(), environment: Vec::new() };
        assert!(matches!(stream(&empty), Err(StreamError::Empty)));
    }
}

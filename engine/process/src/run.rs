//! Running a program to its end.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::time::{sleep, timeout};

use crate::start::{StartError, start};
use crate::{Command, Ended, How};

/// Between SIGTERM and SIGKILL.
const TERM: Duration = Duration::from_secs(2);
/// How long the output of a program that has ended is waited for, when something it left behind still holds its pipes.
const GRACE: Duration = Duration::from_millis(500);
/// How long a killed program may take to vanish. One that hangs in the kernel (a dead NFS server) never does.
const VANISH: Duration = Duration::from_secs(1);

/// Runs a program to its end, or to its timeout.
///
/// Takes at most `command.timeout` and 3.5 s more. Dropping the future kills the program's process group at once. What a
/// program leaves running in the background when it ends by itself is left alone, but not waited for.
///
/// Needs a tokio runtime with I/O and time, and Linux 5.3 or later (pidfd).
///
/// # Errors
/// [`StartError`] when it could not be started. How it ended, well or not, is in [`Ended::how`].
pub async fn run(command: Command) -> Result<Ended, StartError> {
    let mut started = start(&command)?;
    let refused = |source: std::io::Error| StartError::Refused { program: command.argv[0].clone(), source };
    // The end is seen through a pidfd and not by `wait`, because waiting reaps: while the dead leader is kept, the
    // group's number cannot be given to another group, and killing it hits nobody else.
    let exited = match started.group.leader() {
        Some(leader) => watch(leader).map_err(refused)?,
        None => return Err(refused(std::io::Error::other("it has no process number"))),
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (started.child.stdout.take(), started.child.stderr.take());
    let exit_seen = {
        let mut reading = std::pin::pin!(async {
            tokio::join!(keep(out, &mut stdout, command.output_limit), keep(err, &mut stderr, command.output_limit))
        });
        let mut read = false;
        let mut late = std::pin::pin!(sleep(command.timeout));
        let in_time = loop {
            // In this order: a flood of output must not starve the clock.
            tokio::select! {
                biased;
                _ = exited.readable() => break true,
                () = &mut late => break false,
                _ = &mut reading, if !read => read = true,
            }
        };
        if in_time {
            if !read && timeout(GRACE, &mut reading).await.is_err() {
                tracing::debug!(program = command.argv[0], "its output is still held open by something it left behind");
            }
            true
        } else {
            started.group.signal(Signal::TERM);
            // Output that ends tells that the whole group has gone, not only its leader.
            let gone = async {
                if !read {
                    (&mut reading).await;
                }
                let _ = exited.readable().await;
            };
            let _ = timeout(TERM, gone).await;
            started.group.signal(Signal::KILL);
            if timeout(VANISH, exited.readable()).await.is_err() {
                tracing::warn!(program = command.argv[0], "killed, but it hangs in the kernel and cannot vanish");
            }
            false
        }
    };
    let mut child = started.release();
    if !exit_seen {
        // Reaps it when it can be; else tokio does later.
        let _ = child.try_wait();
        return Ok(Ended { how: How::TimedOut, stdout, stderr });
    }
    let status = child.wait().await.map_err(refused)?;
    Ok(Ended { how: status.into(), stdout, stderr })
}

/// Becomes readable when the process has ended.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for the sake of types that lie about their fd; `OwnedFd` does not"
)]
pub(crate) fn watch(process: Pid) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd_open(process, PidfdFlags::NONBLOCK)?, Interest::READABLE)
}

/// Reads to the end, keeps the first `limit` bytes.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, limit: usize) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = pipe.read(&mut buffer).await {
        let room = limit.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..n.min(room)]);
    }
}

#[cfg(test)]
mod tests;

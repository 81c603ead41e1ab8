//! Finding a program and starting it in its own, clean process group.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::Access;
use rustix::process::{Pid, Signal};

use crate::{Command, PATH};

/// A program could not be started; nothing of it ran.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The list of program and arguments is empty.
    #[error("start a program: none is named")]
    NoProgram,
    /// No folder of [`PATH`] holds it.
    #[error("start `{program}`: not found in {PATH}; install it, or write its absolute path")]
    NotInPath {
        /// The bare name.
        program: String,
    },
    /// A name with a `/` that is not an absolute path.
    #[error("start `{program}`: a relative path; write a bare name or an absolute path")]
    Relative {
        /// The name as given.
        program: String,
    },
    /// The file is there, but it is no file we may run.
    #[error("start `{program}`: {} is not an executable file", path.display())]
    NotExecutable {
        /// The name as given.
        program: String,
        /// The file.
        path: PathBuf,
    },
    /// The system refused, for instance because the file's interpreter is missing.
    #[error("start `{program}`")]
    Refused {
        /// The name as given.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The program's file.
///
/// # Errors
/// All of [`StartError`] except `Refused`.
pub(crate) fn find(program: &str) -> Result<PathBuf, StartError> {
    let program_owned = || program.to_owned();
    if program.is_empty() {
        return Err(StartError::NoProgram);
    }
    if program.starts_with('/') {
        let path = PathBuf::from(program);
        if is_executable(&path) {
            return Ok(path);
        }
        // A missing file is left to the system, whose error says which part of the path is missing.
        if path.exists() {
            return Err(StartError::NotExecutable { program: program_owned(), path });
        }
        let source = io::Error::from(rustix::io::Errno::NOENT);
        return Err(StartError::Refused { program: program_owned(), source });
    }
    if program.contains('/') {
        return Err(StartError::Relative { program: program_owned() });
    }
    let candidates = || PATH.split(':').map(|folder| Path::new(folder).join(program));
    match candidates().find(|path| is_executable(path)) {
        Some(path) => Ok(path),
        None => match candidates().find(|path| path.is_file()) {
            Some(path) => Err(StartError::NotExecutable { program: program_owned(), path }),
            None => Err(StartError::NotInPath { program: program_owned() }),
        },
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}

/// A program that was started, and its process group.
///
/// Dropping it kills the group: no program outlives the future that runs it. Call [`Started::release`] when it ended by
/// itself. The fields' order matters: the group is killed while the leader is not yet reaped, so that its number cannot
/// already belong to somebody else.
pub(crate) struct Started {
    pub(crate) group: Group,
    pub(crate) child: tokio::process::Child,
}

/// A program in a group of its own, with pipes for stdout and stderr, and nothing of ours. Programs of root find root's home:
/// `mysql` reads its password there.
pub(crate) fn clean(
    program: impl AsRef<OsStr>,
    arguments: &[String],
    environment: &[(String, String)],
) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("TZ", "UTC");
    if rustix::process::geteuid().is_root() {
        command.env("HOME", "/root");
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

/// Starts `command` in a new process group, with stdin empty and stdout and stderr as pipes.
///
/// # Errors
/// [`StartError`]; then nothing was started.
pub(crate) fn start(command: &Command) -> Result<Started, StartError> {
    let program = command.argv.first().ok_or(StartError::NoProgram)?;
    let path = find(program)?;
    let refused = |source| StartError::Refused { program: program.clone(), source };
    let child = clean(path, &command.argv[1..], &command.environment).spawn().map_err(refused)?;
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(Started { group: Group { leader }, child })
}

impl Started {
    /// The program has ended: its number may belong to somebody else from now on, and nothing is killed any more.
    pub(crate) fn release(self) -> tokio::process::Child {
        let Self { mut group, child } = self;
        group.leader = None;
        child
    }
}

/// A process group that is killed when dropped.
pub(crate) struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// The number of the leader, which is that of the group.
    pub(crate) fn leader(&self) -> Option<Pid> {
        self.leader
    }

    /// Sends a signal to all of the group. That nobody is left is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader else { return };
        match rustix::process::kill_process_group(leader, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                tracing::warn!(?leader, ?signal, %error, "a process group could not be signalled");
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

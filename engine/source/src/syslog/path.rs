//! A socket in the file system: made, opened to everybody, and removed again.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::SourceError;

/// Everybody on this machine may log, as on `/dev/log`. Keep the folder closed where that is not wanted.
const MODE: u32 = 0o666;

/// The file of a bound socket. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Binds a socket at `path`. A socket that nobody listens on (any more) is replaced; anything else is not.
    ///
    /// # Errors
    /// When something else is in the way, or the socket cannot be made.
    pub(crate) fn bind<S>(path: &Path, bind: impl FnOnce(&Path) -> io::Result<S>) -> Result<(S, Self), SourceError> {
        let shown = path.display();
        match fs::symlink_metadata(path) {
            Ok(meta) if !meta.file_type().is_socket() => {
                return Err(SourceError::Broken(format!(
                    "listen on {shown}: a file that is not a socket is there; move it away or choose another path"
                )));
            }
            Ok(_) if is_in_use(path) => {
                return Err(SourceError::Broken(format!(
                    "listen on {shown}: another program listens there; stop it or choose another path"
                )));
            }
            Ok(_) => fs::remove_file(path).map_err(SourceError::io(format!("remove the dead socket {shown}")))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(SourceError::io(format!("look at {shown}"))(error)),
        }
        let socket = bind(path).map_err(SourceError::io(format!("listen on {shown}")))?;
        // Held from here on, and no link followed: whoever owns the folder may have put another file in its place.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(io::Error::from);
        let found = held.and_then(|held| Ok((held.metadata()?, held)));
        let (meta, held) = found.map_err(SourceError::io(format!("look at {shown}")))?;
        if !meta.file_type().is_socket() {
            return Err(SourceError::Broken(format!(
                "listen on {shown}: what was just made there is not a socket any more; choose a folder that nobody else may \
                 write to"
            )));
        }
        let file = Self { path: path.to_owned(), identity: (meta.dev(), meta.ino()) };
        fs::set_permissions(format!("/proc/self/fd/{}", held.as_raw_fd()), Permissions::from_mode(MODE))
            .map_err(SourceError::io(format!("let everybody write to {shown}")))?;
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |meta: fs::Metadata| meta.file_type().is_socket() && (meta.dev(), meta.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // A file that stays is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether somebody listens there: a connection of the other kind fails with EPROTOTYPE, which is somebody too.
fn is_in_use(path: &Path) -> bool {
    let dead = |error: &io::Error| matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound);
    match UnixStream::connect(path) {
        Ok(_) => true,
        Err(error) if dead(&error) => false,
        Err(_) => match UnixDatagram::unbound().and_then(|socket| socket.connect(path)) {
            Ok(()) => true,
            Err(error) => !dead(&error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_link_in_the_place_of_the_socket_opens_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secret) = (folder.path().join("log"), folder.path().join("secret"));
        fs::write(&secret, "").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        // Whoever owns the folder may be quicker than we are.
        let swapped = |path: &Path| {
            let socket = UnixListener::bind(path)?;
            fs::remove_file(path)?;
            symlink(&secret, path)?;
            Ok(socket)
        };
        let error = SocketFile::bind(&path, swapped).unwrap_err().to_string();
        assert!(error.contains("is not a socket any more"), "{error}");
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
    }
}

//! Putting a new file in the place of an old one, whole or not at all: copy and write-template.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use minijinja::{Environment, UndefinedBehavior};
use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use serde_json::Value as Json;

use super::files::Job;
use super::path::{Place, cannot};
use super::{Done, Stop};
use crate::program::chain;

/// How large a rendered file may be, in bytes.
const RENDERED_LIMIT: usize = 1024 * 1024;

/// How many instructions a template may run: some milliseconds.
const FUEL: u64 = 1_000_000;

/// How much is copied between two looks at the clock, in bytes.
const BLOCK: u64 = 1024 * 1024;

/// Copies a file with its owner and mode (not its access lists and extended attributes).
pub(super) fn copy(job: &Job, from: &str, to: &str) -> Done {
    let (source, target) = (Place::find(&job.roots, from)?, Place::find(&job.roots, to)?);
    let copied = source.file()?;
    let existing = target.replaceable()?;
    if existing.is_some_and(|e| (e.metadata.dev(), e.metadata.ino()) == (copied.metadata.dev(), copied.metadata.ino()))
    {
        return Err(Stop::Target(format!("`{from}` and `{to}` are the same file")));
    }
    let reader = copied.open_to_read().map_err(|e| cannot("open", from, e))?;
    let mut fresh = Fresh::create(&target, &job.id)?;
    let mut size = 0;
    loop {
        if job.is_late() {
            return Err(Stop::Failed(format!("the time was over after {size} bytes; `{to}` is as it was")));
        }
        match io::copy(&mut (&reader).take(BLOCK), &mut fresh.file) {
            Ok(0) => break,
            Ok(n) => size += n,
            Err(error) => return Err(Stop::Failed(format!("write beside `{to}`: {error}; `{to}` is as it was"))),
        }
    }
    fresh.finish(copied.metadata.uid(), copied.metadata.gid(), copied.metadata.mode())?;
    Ok(format!("copied {size} bytes"))
}

/// Renders a template into a file. An existing file keeps its owner and mode; a new one is ours, with 0644.
pub(super) fn write_template(job: &Job, path: &str, template: &str, values: &BTreeMap<String, Json>) -> Done {
    let target = Place::find(&job.roots, path)?;
    let text =
        render(template, values).map_err(|why| Stop::Target(format!("the template: {why}; `{path}` is as it was")))?;
    let existing = target.replaceable()?;
    let mut fresh = Fresh::create(&target, &job.id)?;
    fresh
        .file
        .write_all(&text)
        .map_err(|e| Stop::Failed(format!("write beside `{path}`: {e}; `{path}` is as it was")))?;
    let (uid, gid, mode) = match existing {
        Some(old) => (old.metadata.uid(), old.metadata.gid(), old.metadata.mode()),
        None => (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw(), 0o644),
    };
    fresh.finish(uid, gid, mode)?;
    Ok(format!("wrote {} bytes", text.len()))
}

/// Whether a template can be rendered with these values.
///
/// # Errors
/// Why not.
pub(crate) fn check(template: &str, values: &BTreeMap<String, Json>) -> Result<(), String> {
    render(template, values).map(drop).map_err(|why| format!("the template: {why}"))
}

fn render(template: &str, values: &BTreeMap<String, Json>) -> Result<Vec<u8>, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_fuel(Some(FUEL));
    let mut text = Limited(Vec::new());
    environment
        .template_from_str(template)
        .and_then(|template| template.render_captured_to(values, &mut text).map(drop))
        .map_err(|error| chain(&error))?;
    Ok(text.0)
}

/// Takes what is written until it is too much.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > RENDERED_LIMIT {
            return Err(io::Error::other(format!("it renders to more than {RENDERED_LIMIT} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A new file beside the one it will replace. Dropped without [`Fresh::finish`], it is removed.
struct Fresh<'a> {
    target: &'a Place,
    name: String,
    file: File,
    is_in_place: bool,
}

impl<'a> Fresh<'a> {
    fn create(target: &'a Place, id: &str) -> Result<Self, Stop> {
        let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(100).collect();
        let name = format!(".heinzel-{id}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat(target.at(), &name, flags, Mode::RUSR | Mode::WUSR);
        let opened = match open() {
            // Left behind when this very effect was tried before and we were killed.
            Err(rustix::io::Errno::EXIST) => {
                let _ = unlinkat(target.at(), &name, AtFlags::empty());
                open()
            }
            opened => opened,
        };
        let file = opened.map_err(|e| cannot("create a file beside", &target.path, e))?.into();
        Ok(Self { target, name, file, is_in_place: false })
    }

    /// Gives it owner and mode, makes it durable, and puts it in its place.
    fn finish(mut self, uid: u32, gid: u32, mode: u32) -> Result<(), Stop> {
        let path = &self.target.path;
        let failed = |what: &str, error: io::Error| Stop::Failed(format!("{what}: {error}; `{path}` is as it was"));
        let own = self.file.metadata().map_err(|e| failed("look at the new file", e))?;
        if (own.uid(), own.gid()) != (uid, gid) {
            fchown(&self.file, Some(uid), Some(gid))
                .map_err(|e| failed(&format!("give the new file to {uid}:{gid}"), e))?;
        }
        // After the owner: changing that takes set-id bits away.
        let permissions = PermissionsExt::from_mode(mode & 0o7777);
        self.file.set_permissions(permissions).map_err(|e| failed("set the new file's mode", e))?;
        self.file.sync_all().map_err(|e| failed("sync the new file", e))?;
        renameat(self.target.at(), &self.name, self.target.at(), &self.target.name)
            .map_err(|e| failed("put the new file in its place", e.into()))?;
        self.is_in_place = true;
        rustix::fs::fsync(self.target.folder()?).map_err(|e| cannot("sync the folder of", path, e))
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if !self.is_in_place {
            let _ = unlinkat(self.target.at(), &self.name, AtFlags::empty());
        }
    }
}

//! What arrives over wires and from foreign task histories: journal entries, syslog frames, UPIDs, cron's lines, JSON tasks.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use heinzel_core::time::Timestamp;
use heinzel_source::cron::cron_task;
use heinzel_source::journald::entry::Entry;
use heinzel_source::journald::unit;
use heinzel_source::proxmox::upid::Upid;
use heinzel_source::settings::{TaskFields, TaskLines};
use heinzel_source::syslog::frame::Frames;
use heinzel_source::task_lines::{Mapping, task_from_json};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<Entry>(bytes) {
        let _ = (entry.cursor(), entry.is_from_systemd());
        let _ = unit::task(&entry, "nginx.service", entry.realtime());
    }
    assert_eq!(frames(bytes, bytes.len().max(1)), frames(bytes, 1), "the size of the pieces changes the messages");
    assert_eq!(frames(bytes, bytes.len().max(1)), frames(bytes, 7), "the size of the pieces changes the messages");
    let text = String::from_utf8_lossy(bytes);
    if let Some(upid) = Upid::parse(&text) {
        assert_eq!(upid.text, text);
        let (folder, log) = (Path::new("/tasks"), upid.log(Path::new("/tasks")));
        assert_eq!(log.parent().and_then(Path::parent), Some(folder), "{} leaves the folder", log.display());
        assert_eq!(log.file_name().and_then(|n| n.to_str()), Some(&*upid.text));
    }
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let _ = cron_task(&text, Some(1), Some(now), Some("web1"));
    let some = |key: &str| Some(key.to_owned());
    let fields = TaskFields {
        id: "id".into(),
        kind: some("kind"),
        target: some("t.x"),
        customer: some("customer"),
        state: some("state"),
        started: some("started"),
        finished: some("finished"),
        exit: some("exit"),
    };
    let settings = TaskLines { path: "/x".into(), fields, states: BTreeMap::new() };
    let mapping = Mapping { settings: &settings, kind: "fuzz", zone: &TimeZone::UTC };
    if let Ok((task, _)) = task_from_json(bytes, &mapping) {
        // What is stored of it comes back.
        let json = serde_json::to_string(&task).expect("a task is JSON");
        assert_eq!(serde_json::from_str::<heinzel_core::task::Task>(&json).expect("and comes back"), task);
    }
});

fn frames(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (mut frames, mut messages) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(size) {
        frames.push(piece, |message| messages.push(message.to_vec()));
    }
    frames.finish(|message| messages.push(message.to_vec()));
    messages
}

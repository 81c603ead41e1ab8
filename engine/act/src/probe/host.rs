//! Disk, load, memory, processes and files of this host.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use heinzel_core::glob::Glob;
use rustix::fs::StatVfsMountFlags;
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use super::{Report, now, round};
use crate::program::blocking;

/// How many processes are listed; `count` counts all.
const LISTED: usize = 100;

/// Looks where it may block.
pub(super) async fn look(work: impl FnOnce() -> Report + Send + 'static) -> Report {
    blocking(work).await?
}

/// So many looks at paths may be under way. More than are asked for at a time, so it is only reached by those that hang.
pub(crate) const LOOKS: usize = 32;

/// The same, of a path: a dead network file system holds a look for ever, and each holds a thread that others need.
pub(super) async fn look_at_path(looks: &Arc<Semaphore>, work: impl FnOnce() -> Report + Send + 'static) -> Report {
    let Ok(place) = Arc::clone(looks).try_acquire_owned() else {
        return Err("earlier looks hang, so no more are begun; a file system does not answer (see `mount`)".into());
    };
    let work = move || {
        let report = work();
        // Not when the caller gives up: when the look ends.
        drop(place);
        report
    };
    blocking(work).await?
}

/// Use of the file system that holds `path`, counted as `df` does: space kept for root is neither free nor used.
///
/// File systems that have no limit of inodes (btrfs) report 0 % of them used and null free ones.
#[expect(clippy::cast_precision_loss, reason = "percent of sizes far below 2^52 blocks")]
pub(super) fn disk(path: &str) -> Report {
    let stat = rustix::fs::statvfs(path).map_err(|e| io::Error::from(e).to_string())?;
    let percent = |used: u64, all: u64| if all == 0 { 0.0 } else { round(used as f64 * 100.0 / all as f64) };
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let inodes_used = stat.f_files.saturating_sub(stat.f_ffree);
    Ok(json!({
        "path": path,
        "used_percent": percent(used, used.saturating_add(stat.f_bavail)),
        "free_bytes": stat.f_bavail.saturating_mul(stat.f_frsize),
        "total_bytes": stat.f_blocks.saturating_mul(stat.f_frsize),
        "inodes_used_percent": percent(inodes_used, stat.f_files),
        "inodes_free": (stat.f_files > 0).then_some(stat.f_favail),
        "read_only": stat.f_flag.contains(StatVfsMountFlags::RDONLY),
    }))
}

/// Load averages. Cores are those that are online; limits set on Heinzel itself do not count.
#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 cores")]
pub(super) fn load() -> Report {
    let text = read("/proc/loadavg")?;
    let mut numbers = text.split(' ').map_while(|word| word.parse::<f64>().ok());
    let (Some(one), Some(five), Some(fifteen)) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Err("/proc/loadavg does not hold three numbers".into());
    };
    let is_core =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let cores = read("/proc/stat")?.lines().filter(is_core).count().max(1);
    Ok(json!({"one": one, "five": five, "fifteen": fifteen, "cores": cores, "per_core": round(one / cores as f64)}))
}

/// Memory.
pub(super) fn memory() -> Report {
    memory_of(&read("/proc/meminfo")?)
}

#[expect(clippy::cast_precision_loss, reason = "percent of sizes far below 2^52 bytes")]
fn memory_of(meminfo: &str) -> Report {
    let get = |key: &str| kilobytes(meminfo, key).ok_or_else(|| format!("/proc/meminfo does not tell {key}"));
    let (total, available) = (get("MemTotal")?, get("MemAvailable")?);
    Ok(json!({
        "total_bytes": total,
        "available_bytes": available,
        "available_percent": if total == 0 { 0.0 } else { round(available as f64 * 100.0 / total as f64) },
        "swap_total_bytes": get("SwapTotal")?,
        "swap_free_bytes": get("SwapFree")?,
    }))
}

/// The value of a line like `VmRSS:   1234 kB`, in bytes.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Processes whose name fits, by number. `state` is the letter that ps(1) shows, `user` the effective user's id.
pub(super) fn processes(name: &Glob) -> Report {
    let uptime = read("/proc/uptime")?;
    let uptime: f64 =
        uptime.split(' ').next().and_then(|word| word.parse().ok()).ok_or("/proc/uptime holds no number")?;
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .map_err(|e| format!("list /proc: {e}"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let (mut count, mut list) = (0_usize, Vec::new());
    for pid in pids {
        // A process that ends while we look was not there.
        let Ok(comm) = std::fs::read(format!("/proc/{pid}/comm")) else { continue };
        let comm = String::from_utf8_lossy(&comm);
        let comm = comm.trim_end_matches('\n');
        if !name.fits(comm) {
            continue;
        }
        let Some(report) = process(pid, comm, uptime) else { continue };
        count += 1;
        if list.len() < LISTED {
            list.push(report);
        }
    }
    Ok(json!({ "count": count, "list": list }))
}

#[expect(clippy::cast_precision_loss, reason = "ticks since boot stay far below 2^52")]
fn process(pid: u32, comm: &str, uptime: f64) -> Option<Json> {
    let stat = String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    let status = String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/status")).ok()?).into_owned();
    // proc_pid_stat(5): the name stands in parentheses and may itself hold some; state is field 3, the parent 4, the start 22.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let started = fields.get(19)?.parse::<u64>().ok()? as f64 / rustix::param::clock_ticks_per_second() as f64;
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?;
    Some(json!({
        "pid": pid,
        "name": comm,
        "state": fields.first()?,
        "parent": fields.get(1)?.parse::<u32>().ok()?,
        "age_seconds": round((uptime - started).max(0.0)),
        "rss_bytes": kilobytes(&status, "VmRSS").unwrap_or(0),
        "user": user.parse::<u32>().ok()?,
    }))
}

/// A file or folder, without following a last symlink.
pub(super) fn file(path: &str) -> Report {
    let nothing = || {
        json!({
            "exists": false, "kind": null, "size_bytes": null, "age_seconds": null, "mode": null, "owner": null, "group": null,
        })
    };
    match std::fs::symlink_metadata(Path::new(path)) {
        Ok(metadata) => Ok(found(&metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(nothing()),
        Err(error) => Err(error.to_string()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since the epoch stay far below 2^52")]
fn found(metadata: &Metadata) -> Json {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => "file",
        kind if kind.is_dir() => "folder",
        kind if kind.is_symlink() => "link",
        kind if kind.is_socket() => "socket",
        _ => "other",
    };
    let changed = metadata.mtime() as f64 + metadata.mtime_nsec() as f64 / 1e9;
    json!({
        "exists": true,
        "kind": kind,
        "size_bytes": metadata.len(),
        "age_seconds": round((now() - changed).max(0.0)),
        "mode": format!("{:04o}", metadata.mode() & 0o7777),
        "owner": metadata.uid(),
        "group": metadata.gid(),
    })
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("read {path}: {e}"))
}

#[cfg(test)]
mod tests {
    use heinzel_core::probe::Probe;

    use super::*;
    use crate::fixture::{hands, sees};

    #[tokio::test]
    async fn disk_load_and_memory_of_this_host_are_plausible() {
        let hands = hands(&json!({}));
        let disk = sees(&hands, Probe::Disk { path: "/".into() }).await;
        assert!((0.0..=100.0).contains(&disk["used_percent"].as_f64().unwrap()), "{disk}");
        assert!(disk["total_bytes"].as_u64() >= disk["free_bytes"].as_u64(), "{disk}");
        assert!(disk["read_only"].is_boolean() && disk["inodes_used_percent"].is_number(), "{disk}");
        let load = sees(&hands, Probe::Load).await;
        assert!(
            load["cores"].as_u64().unwrap() >= 1 && load["per_core"].is_number() && load["fifteen"].is_number(),
            "{load}"
        );
        let memory = sees(&hands, Probe::Memory).await;
        assert!((0.0..=100.0).contains(&memory["available_percent"].as_f64().unwrap()), "{memory}");
        assert_eq!(sees(&hands, Probe::Disk { path: "/proc".into() }).await["inodes_used_percent"], 0.0);
    }

    #[tokio::test]
    async fn a_missing_disk_path_is_blind_and_not_empty() {
        let report = sees(&hands(&json!({})), Probe::Disk { path: "/no/such/folder".into() }).await;
        assert_eq!(report["blind"], "disk use of /no/such/folder: No such file or directory (os error 2)");
    }

    #[tokio::test]
    async fn looks_that_hang_do_not_take_all_threads() {
        let looks = Arc::new(Semaphore::new(LOOKS));
        let (begun, begins) = std::sync::mpsc::channel();
        let mut hanging = Vec::new();
        for _ in 0..LOOKS {
            let begun = begun.clone();
            let (answers, answer) = std::sync::mpsc::channel::<()>();
            hanging.push(answers);
            let hangs = look_at_path(&looks, move || {
                begun.send(()).unwrap();
                let _ = answer.recv();
                Ok(json!(null))
            });
            // Whoever asked gives up.
            drop(tokio::time::timeout(std::time::Duration::from_millis(1), hangs).await);
        }
        begins.iter().take(LOOKS).for_each(drop);
        assert!(look_at_path(&looks, || disk("/")).await.unwrap_err().contains("earlier looks hang"));
        assert!(look(load).await.is_ok(), "what cannot hang is looked at nevertheless");
        drop(hanging);
        let _all = looks.acquire_many(u32::try_from(LOOKS).unwrap()).await.unwrap();
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:    1000 kB\nMemFree: 1 kB\nMemAvailable:   250 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
        let expected = json!({
            "total_bytes": 1_024_000, "available_bytes": 256_000, "available_percent": 25.0,
            "swap_total_bytes": 0, "swap_free_bytes": 0,
        });
        assert_eq!(memory_of(text), Ok(expected));
        assert_eq!(memory_of("MemTotal: 1 kB\n"), Err("/proc/meminfo does not tell MemAvailable".into()));
    }

    #[tokio::test]
    async fn a_running_process_is_found_by_its_name() {
        let comm = std::fs::read_to_string("/proc/self/comm").unwrap().trim().to_owned();
        let hands = hands(&json!({}));
        let report = sees(&hands, Probe::Processes { name: comm.clone() }).await;
        let own = u64::from(std::process::id());
        let process =
            report["list"].as_array().unwrap().iter().find(|p| p["pid"] == own).expect("this very test").clone();
        assert_eq!(process["name"], comm.as_str());
        assert_eq!(process["user"], rustix::process::geteuid().as_raw());
        assert!(process["rss_bytes"].as_u64().unwrap() > 0 && process["parent"].as_u64().unwrap() > 0, "{process}");
        assert!((0.0..86_400.0).contains(&process["age_seconds"].as_f64().unwrap()), "{process}");
        let none = sees(&hands, Probe::Processes { name: "heinzel no such *".into() }).await;
        assert_eq!(none, json!({"count": 0, "list": []}));
    }

    #[tokio::test]
    async fn files_folders_links_and_nothing_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("file"), "12345").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let hands = hands(&json!({}));
        for (name, kind) in
            [("file", json!("file")), ("link", json!("link")), ("socket", json!("socket")), ("none", json!(null))]
        {
            let report = sees(&hands, Probe::File { path: path(name) }).await;
            assert_eq!((&report["kind"], &report["exists"]), (&kind, &json!(!kind.is_null())), "{name}: {report}");
        }
        assert_eq!(sees(&hands, Probe::File { path: path("") }).await["kind"], "folder");
        assert_eq!(sees(&hands, Probe::File { path: path("file/below") }).await["exists"], false);
        let report = sees(&hands, Probe::File { path: path("file") }).await;
        assert_eq!((&report["size_bytes"], report["mode"].as_str().unwrap().len()), (&json!(5), 4));
        let relative = sees(&hands, Probe::File { path: "etc/passwd".into() }).await;
        assert!(relative["blind"].as_str().unwrap().contains("is not an absolute path"), "{relative}");
    }
}

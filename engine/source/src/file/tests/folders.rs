//! What happens to folders, and to files in folders that are not watched, without a poll.

use super::*;

/// A source that has read all there is of these paths.
async fn caught_up(paths: &[String]) -> Running {
    let mut running = start(source(paths, Start::Beginning, RARELY), Vec::new());
    running.caught_up().await;
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_takes_the_place_of_a_links_target_wakes_the_source() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, target) = (folder.path().join("a.log"), elsewhere.path().join("a.log"));
    write(&target, "1\n");
    symlink(&target, &link).unwrap();
    let mut running = caught_up(&[link.display().to_string()]).await;
    for line in ["2", "3", "4"] {
        // While we hold the old file open, all that is told is that it has lost its name.
        let new = elsewhere.path().join("new");
        write(&new, &format!("{line}\n"));
        fs::rename(&new, &target).unwrap();
        assert_eq!(running.lines(1).await, [line]);
        write(&target, &format!("{line}, on\n"));
        assert_eq!(running.lines(1).await, [format!("{line}, on")]);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_folder_under_a_glob_is_watched_before_its_log_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = caught_up(&[glob_of(&folder, "*/app.log")]).await;
    for name in ["one", "two"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        write(&folder.path().join(name).join("app.log"), &format!("{name}\n"));
        assert_eq!(running.lines(1).await, [name]);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_made_again_or_exchanged_is_watched_on() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (logs, old) = (folder.path().join("logs"), elsewhere.path().join("old"));
    let log = logs.join("a.log");
    fs::create_dir(&logs).unwrap();
    write(&log, "0\n");
    // Its parent is watched, too: a folder alone is missed when it goes, not when it comes.
    let mut running = caught_up(&[glob_of(&folder, "*/a.log")]).await;
    for line in 1..5 {
        if line % 2 == 0 {
            fs::remove_dir_all(&logs).unwrap();
        } else {
            let _ = fs::remove_dir_all(&old);
            fs::rename(&logs, &old).unwrap();
        }
        fs::create_dir(&logs).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        write(&log, &format!("{line}\n"));
        assert_eq!(running.lines(1).await, [line.to_string()]);
        write(&log, &format!("{line}, on\n"));
        assert_eq!(running.lines(1).await, [format!("{line}, on")]);
    }
    running.stop().await;
}

/// Makes, writes and removes files until told to stop, or until it is dropped: the test may have failed.
struct Storm(CancellationToken);

impl Storm {
    fn begin(folder: &TempDir) -> Self {
        let (stop, folder) = (CancellationToken::new(), folder.path().to_owned());
        let storm = Self(stop.clone());
        std::thread::spawn(move || {
            for number in 0_u64.. {
                // The folder may be gone.
                let _ = fs::write(folder.join("other.log"), "x\n");
                let _ = fs::remove_file(folder.join("other.log"));
                // Always another one, which stays for long enough to be found.
                let _ = fs::write(folder.join(format!("{number}.log")), "x\n");
                let _ = fs::remove_file(folder.join(format!("{}.log", number.saturating_sub(100))));
                if stop.is_cancelled() {
                    return;
                }
            }
        });
        storm
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn await_line(running: &mut Running, line: &str) {
    while !running.lines(1).await.iter().any(|come| come == line) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_names_keeps_neither_lines_nor_the_word_that_all_is_read_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    write(&log, "0\n");
    let _storm = Storm::begin(&folder);
    let mut running = caught_up(&[glob_of(&folder, "*.log")]).await;
    for line in 1..20 {
        write(&log, &format!("{line}\n"));
        await_line(&mut running, &line.to_string()).await;
    }
    // And new files are found amid it.
    write(&folder.path().join("b.log"), "new\n");
    await_line(&mut running, "new").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_come_one_after_the_other_are_all_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = caught_up(&[glob_of(&folder, "*.log")]).await;
    for number in 0..30_u32 {
        // The second may come while there is no look for names yet.
        write(&folder.path().join(format!("{number}a.log")), "line\n");
        tokio::time::sleep(Duration::from_micros((number * 100).into())).await;
        write(&folder.path().join(format!("{number}b.log")), "line\n");
        assert_eq!(running.lines(2).await.len(), 2);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_backlog_does_not_keep_new_files_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let backlog = folder.path().join("a.log");
    write(&backlog, "1\n");
    let mut running = caught_up(&[glob_of(&folder, "*.log")]).await;
    // A line that is passed over for a long time: nobody takes blocks here.
    write(&backlog, "2");
    if let Err(error) = OpenOptions::new().append(true).open(&backlog).unwrap().set_len(1 << 42) {
        eprintln!("SKIPPED: no such file here: {error}");
        return;
    }
    running.lines(1).await;
    write(&folder.path().join("b.log"), "new\n");
    assert_eq!(running.lines(1).await, ["new"]);
    running.stop().await;
}

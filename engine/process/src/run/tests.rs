use std::path::Path;
use std::time::Instant;

use rustix::process::kill_process;

use super::*;

fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|&a| a.into()).collect(),
        environment: Vec::new(),
        timeout: Duration::from_secs(30),
        output_limit: 4096,
    }
}

fn sh(script: &str) -> Command {
    command(&["sh", "-c", script])
}

async fn said(command: Command) -> String {
    let ended = run(command).await.unwrap();
    format!("{:?} {}|{}", ended.how, String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}

/// Waits until the process is gone; a zombie counts as gone.
async fn gone(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    let alive = || std::fs::read_to_string(&stat).is_ok_and(|s| !s.contains(") Z "));
    let start = Instant::now();
    while alive() {
        assert!(start.elapsed() < Duration::from_secs(20), "process {pid} is still alive");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the file has a whole line and returns it.
async fn line_in(path: &Path) -> String {
    let start = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{} never got its line", path.display());
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn exit_codes_and_both_outputs_come_back() {
    assert_eq!(said(sh("echo out; echo err >&2; exit 3")).await, "Exit(3) out\n|err\n");
    assert_eq!(said(command(&["true"])).await, "Exit(0) |");
}

#[tokio::test]
async fn an_end_by_signal_is_told_apart_from_an_exit_code() {
    assert_eq!(said(sh("kill -9 $$")).await, "Signal(9) |");
}

#[tokio::test]
async fn arguments_are_never_read_by_a_shell() {
    let hostile = "$(id) `id`; rm -rf / | & > x \u{1b}[31m";
    assert_eq!(said(command(&["printf", "%s", hostile])).await, format!("Exit(0) {hostile}|"));
}

#[tokio::test]
async fn the_environment_is_clean_and_the_folder_is_the_root() {
    let mut env = command(&["env"]);
    env.environment.push(("NAME".into(), "a value".into()));
    let ended = run(env).await.unwrap();
    let text = String::from_utf8(ended.stdout).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let path = format!("PATH={}", crate::PATH);
    let mut expected = vec!["LANG=C.UTF-8", "NAME=a value", &path, "TZ=UTC"];
    if rustix::process::geteuid().is_root() {
        expected.insert(0, "HOME=/root");
    }
    assert_eq!(lines, expected);
    assert_eq!(said(command(&["pwd"])).await, "Exit(0) /\n|");
}

#[tokio::test]
async fn stdin_is_empty_and_no_open_file_of_ours_is_inherited() {
    assert_eq!(said(command(&["cat"])).await, "Exit(0) |");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let _held = std::fs::File::create(&path).unwrap();
    let listed = said(sh("ls -l /proc/self/fd")).await;
    assert!(listed.contains("0 -> /dev/null") && !listed.contains("secret"), "{listed}");
}

#[tokio::test]
async fn a_flood_on_both_outputs_is_cut_and_does_not_block_the_program() {
    let mut flood = sh("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end");
    flood.output_limit = 1000;
    let ended = run(flood).await.unwrap();
    assert_eq!((ended.how, ended.stdout.len(), ended.stderr.len()), (How::Exit(0), 1000, 1000));
}

#[tokio::test]
async fn an_endless_flood_meets_its_timeout() {
    let mut flood = command(&["yes"]);
    flood.timeout = Duration::from_millis(200);
    let ended = run(flood).await.unwrap();
    assert_eq!((ended.how, ended.stdout.len()), (How::TimedOut, 4096));
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipes_is_not_waited_for() {
    let start = Instant::now();
    let ended = run(sh("sleep 600 & echo $!")).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(ended.how, How::Exit(0));
    let pid = String::from_utf8(ended.stdout).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).expect("what it left behind is left alone");
}

#[tokio::test]
async fn a_timeout_kills_grandchildren_too_even_those_deaf_to_sigterm() {
    let mut deaf = sh("trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo $!; wait; wait");
    deaf.timeout = Duration::from_millis(100);
    let start = Instant::now();
    let ended = run(deaf).await.unwrap();
    assert_eq!(ended.how, How::TimedOut);
    assert!(start.elapsed() >= TERM, "SIGTERM comes first, and time to obey it");
    gone(&String::from_utf8(ended.stdout).unwrap()).await;
}

#[tokio::test]
async fn a_program_that_obeys_sigterm_may_clean_up() {
    let mut polite = sh("trap 'echo cleaned; exit 0' TERM; echo ready; sleep 600 & wait");
    polite.timeout = Duration::from_millis(1500);
    let start = Instant::now();
    assert_eq!(said(polite).await, "TimedOut ready\ncleaned\n|");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn dropping_the_future_leaves_no_orphan() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pids");
    let mut long = command(&["sh", "-c", "sleep 600 & echo $$ $! > \"$1\"; wait", "sh"]);
    long.argv.push(note.display().to_string());
    let task = tokio::spawn(run(long));
    let pids = line_in(&note).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    for pid in pids.split_whitespace() {
        gone(pid).await;
    }
}

async fn refused(argv: &[&str], expected: &str) {
    let error = run(command(argv)).await.unwrap_err();
    let cause = std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
    let said = format!("{error}{cause}");
    assert!(said.contains(expected), "{said} should contain {expected}");
}

#[tokio::test]
async fn what_cannot_be_started_says_which_program_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let plain = plain.display().to_string();
    refused(&[], "none is named").await;
    refused(&[""], "none is named").await;
    refused(&["heinzel-no-such-program"], "`heinzel-no-such-program`: not found in /usr/local/sbin:").await;
    refused(&["./x"], "`./x`: a relative path").await;
    refused(&["/no/such/program"], "`/no/such/program`: No such file").await;
    refused(&[&plain], "plain is not an executable file").await;
    refused(&["/tmp"], "`/tmp`: /tmp is not an executable file").await;
    refused(&["true", "a\0b"], "start `true`: nul byte").await;
}

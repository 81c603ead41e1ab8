//! Each step against real files, processes and servers of our own; and the attacks that must not succeed.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heinzel_core::plan::UnitVerb;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::fixture::{Server, argv, check, does, hands, systemctl};

/// A folder with `allowed/` (granted) and `outside/` (not), and hands for it.
struct Ground {
    folder: TempDir,
    hands: Hands,
}

fn ground() -> Ground {
    let folder = tempfile::tempdir().unwrap();
    for name in ["allowed", "allowed/sub", "outside"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("outside/secret"), "secret").unwrap();
    let hands = hands(&json!({"paths": [folder.path().join("allowed")]}));
    Ground { folder, hands }
}

impl Ground {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The path of a new file in `allowed/`.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(&format!("allowed/{name}"));
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn check(&self, action: Action, expected: &str) {
        check(&self.hands, action, expected).await;
    }

    /// The names in `allowed/`, in order.
    fn left(&self) -> String {
        let mut names: Vec<String> = std::fs::read_dir(self.path("allowed"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join(" ")
    }

    fn secret_is_intact(&self) {
        let path = self.path("outside/secret");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
    }
}

fn remove(path: impl Into<String>) -> Action {
    Action::Remove { path: path.into(), older_than: None }
}

fn truncate(path: impl Into<String>) -> Action {
    Action::Truncate { path: path.into() }
}

fn chmod(path: impl Into<String>, mode: u32) -> Action {
    Action::Chmod { path: path.into(), mode }
}

fn copy(from: impl Into<String>, to: impl Into<String>) -> Action {
    Action::Copy { from: from.into(), to: to.into() }
}

fn rename(from: impl Into<String>, to: impl Into<String>) -> Action {
    Action::Move { from: from.into(), to: to.into() }
}

fn write(path: impl Into<String>, template: &str, values: &[(&str, serde_json::Value)]) -> Action {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<BTreeMap<_, _>>();
    Action::WriteTemplate { path: path.into(), template: template.into(), values }
}

fn own_names() -> (String, String) {
    let name = |option: &str| {
        let output = std::process::Command::new("id").arg(option).arg("-n").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    (name("-u"), name("-g"))
}

fn mode(path: &str) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn what_is_not_on_the_allow_list_is_refused_again_where_it_would_be_done() {
    let ground = ground();
    for action in [
        Action::Systemd { verb: UnitVerb::Restart, unit: "nginx.service".into() },
        Action::Command { argv: argv(&["touch", &ground.path("allowed/x")]) },
        truncate(ground.path("outside/secret")),
        truncate(ground.path("allowed/../outside/secret")),
        copy(ground.path("outside/secret"), ground.path("allowed/x")),
        copy(ground.file("a", ""), ground.path("outside/x")),
        Action::Signal { name: "sshd".into(), pid: None, signal: "TERM".into() },
        Action::Http { method: "GET".into(), url: "http://127.0.0.1/".into(), body: None },
        Action::TaskRetry { kind: "vzdump".into(), target: "100".into() },
    ] {
        ground.check(action, "refused by allow-list: ").await;
    }
    ground.secret_is_intact();
    assert_eq!(ground.left(), "a sub");
}

#[tokio::test]
async fn systemctl_gets_its_verb_and_the_unit_behind_two_dashes() {
    let folder = tempfile::tempdir().unwrap();
    let hands = hands(&json!({"units": ["*"]})).with_systemctl(systemctl(folder.path()));
    let systemd = |verb, unit: &str| Action::Systemd { verb, unit: unit.into() };
    for verb in [UnitVerb::Start, UnitVerb::Stop, UnitVerb::Restart, UnitVerb::Reload, UnitVerb::ResetFailed] {
        check(&hands, systemd(verb, "nginx.service"), "done: ").await;
    }
    check(&hands, systemd(UnitVerb::Stop, "-H.service"), "refused by allow-list: ").await;
    check(&hands, systemd(UnitVerb::Stop, "a b.service"), "refused by allow-list: ").await;
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    let verbs = ["start", "stop", "restart", "reload", "reset-failed"];
    assert_eq!(calls, verbs.map(|verb| format!("[--no-ask-password][{verb}][--][nginx.service]\n")).concat());
    let words = "Job for nginx.service failed.\nSee \"systemctl status nginx.service\" and \"journalctl -xeu nginx.service\".\n";
    std::fs::write(folder.path().join("stderr"), words).unwrap();
    let said = does(&hands, systemd(UnitVerb::Start, "nginx.service")).await;
    assert!(said.starts_with("failed: `") && said.ends_with("code 1: Job for nginx.service failed."), "{said}");
}

#[tokio::test]
async fn commands_run_without_a_shell_within_their_time_and_failures_carry_their_last_words() {
    let hands = hands(&json!({"commands": [["sh", "-c", "*"], ["printf", "%s", "*"], ["heinzel-none"]]}));
    let run = |words: &[&str]| Action::Command { argv: argv(words) };
    check(
        &hands,
        run(&["printf", "%s", "$(reboot); `id`"]),
        "done: `printf %s \"$(reboot); `id`\"` ended with exit code 0",
    )
    .await;
    check(
        &hands,
        run(&["sh", "-c", "echo one >&2; printf 'two\\033[31m\\n' >&2; exit 7"]),
        "ended with exit code 7: two[31m",
    )
    .await;
    check(&hands, run(&["sh", "-c", "kill -11 $$"]), "failed: ").await;
    check(&hands, run(&["heinzel-none"]), "refused by start: start `heinzel-none`: not found in /usr/local/sbin:")
        .await;
    let late = Step { action: run(&["sh", "-c", "sleep 600"]), timeout: Duration::from_millis(100) };
    let said = does(&hands, late).await;
    assert!(said.contains("took longer than 100ms and was killed"), "{said}");
}

#[tokio::test]
async fn a_task_is_retried_by_the_operators_command_for_its_kind() {
    let hands = hands(&json!({"tasks": {"vzdump": ["printf", "%s", "{target}"]}}));
    let retry = |target: &str| Action::TaskRetry { kind: "vzdump".into(), target: target.into() };
    check(&hands, retry("100"), "done: `printf %s 100` ended with exit code 0").await;
    check(&hands, retry("--all"), "refused by allow-list: ").await;
}

#[tokio::test]
async fn waiting_and_replanning_change_nothing() {
    let hands = hands(&json!({}));
    check(&hands, Action::Wait { time: Duration::from_millis(10) }, "done: waited 10ms").await;
    check(&hands, Action::Replan, "done: ").await;
}

#[tokio::test]
async fn one_file_is_removed_and_a_folder_a_link_or_nothing_refused() {
    let ground = ground();
    let file = ground.file("a", "x");
    ground.check(remove(&file), "done: removed 1 file").await;
    ground.check(remove(&file), "refused by target: ").await;
    ground.check(remove(&file), &format!("nothing matched `{file}`")).await;
    ground.check(remove(ground.path("allowed/sub")), "is a folder, and only files are removed").await;
    symlink(ground.path("outside/secret"), ground.path("allowed/link")).unwrap();
    ground.check(remove(ground.path("allowed/link")), "is a symbolic link, and only files are removed").await;
    let _socket = std::os::unix::net::UnixListener::bind(ground.path("allowed/socket")).unwrap();
    ground.check(remove(ground.path("allowed/socket")), "done: removed 1 file").await;
    ground.secret_is_intact();
    assert_eq!(ground.left(), "link sub");
}

#[tokio::test]
async fn a_pattern_takes_files_only_and_never_more_than_allowed() {
    let ground = ground();
    for name in ["1.log", "2.log", "3.log", "4.log", ".hidden.log", "keep.txt"] {
        ground.file(name, "x");
    }
    std::fs::create_dir(ground.path("allowed/folder.log")).unwrap();
    symlink(ground.path("outside/secret"), ground.path("allowed/link.log")).unwrap();
    let pattern = ground.path("allowed/*.log");
    ground.check(remove(&pattern), "matched 4 files, `policy.max_targets` is 3").await;
    assert_eq!(ground.left(), ".hidden.log 1.log 2.log 3.log 4.log folder.log keep.txt link.log sub");
    ground.check(remove(ground.path("allowed/1.log")), "done: ").await;
    ground.check(remove(&pattern), "done: removed 3 files (left alone: 2 folders, links or devices)").await;
    assert_eq!(ground.left(), ".hidden.log folder.log keep.txt link.log sub");
    ground
        .check(remove(&pattern), &format!("nothing matched `{pattern}` (left alone: 2 folders, links or devices)"))
        .await;
    ground.check(remove(ground.path("allowed/*/x")), "may stand in the last part only").await;
    ground.check(remove(ground.path("*/secret")), "refused by allow-list").await;
    ground.secret_is_intact();
}

#[tokio::test]
async fn younger_files_are_left_alone() {
    let ground = ground();
    let old = ground.file("old.log", "x");
    ground.file("new.log", "x");
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let path = ground.path("allowed/*.log");
    let step = Action::Remove { path, older_than: Some(Duration::from_secs(3600)) };
    ground.check(step.clone(), "done: removed 1 file (left alone: 1 younger than 1h)").await;
    ground.check(step, "refused by target: ").await;
    assert_eq!(ground.left(), "new.log sub");
}

#[tokio::test]
async fn a_file_is_cut_and_its_mode_and_owner_set() {
    let ground = ground();
    let file = ground.file("a", "12345");
    ground.check(truncate(&file), "done: cut 5 bytes").await;
    assert_eq!(std::fs::read(&file).unwrap(), b"");
    ground.check(chmod(&file, 0o200), "is 0200").await;
    ground.check(chmod(&file, 0o640), "done: mode was 0200, is 0640").await;
    assert_eq!(mode(&file), 0o640);
    ground.check(chmod(&file, 0o10_000), "is more than 7777").await;
    let (owner, group) = own_names();
    let chown =
        |owner: &str, group: &str| Action::Chown { path: file.clone(), owner: owner.into(), group: group.into() };
    ground.check(chown(&owner, &group), "done: owner was ").await;
    ground.check(chown("heinzel-nobody", &group), "there is no user `heinzel-nobody` on this host").await;
    ground.check(chown(&owner, "--help"), "group `--help` begins with `-`").await;
    ground.check(truncate(ground.path("allowed/none")), "does not exist").await;
    ground.check(truncate(ground.path("allowed/none/a")), "does not exist").await;
}

#[tokio::test]
async fn links_at_the_end_or_on_the_way_are_never_followed() {
    let ground = ground();
    symlink(ground.path("outside/secret"), ground.path("allowed/end")).unwrap();
    symlink(ground.path("outside"), ground.path("allowed/way")).unwrap();
    let file = ground.file("a", "x");
    let (owner, group) = own_names();
    for path in [ground.path("allowed/end"), ground.path("allowed/way/secret")] {
        ground.check(truncate(&path), "refused by target: ").await;
        ground.check(remove(&path), "refused by target: ").await;
        ground.check(chmod(&path, 0o777), "refused by target: ").await;
        let (owner, group) = (owner.clone(), group.clone());
        ground.check(Action::Chown { path: path.clone(), owner, group }, "refused by target: ").await;
        ground.check(copy(&file, &path), "refused by target: ").await;
        ground.check(copy(&path, &file), "refused by target: ").await;
        ground.check(rename(&path, &file), "refused by target: ").await;
        ground.check(rename(&file, &path), "refused by target: ").await;
        ground.check(write(&path, "x", &[]), "refused by target: ").await;
    }
    ground.check(truncate(ground.path("allowed/way/secret")), "is a link or a file, not a folder").await;
    ground.check(remove(ground.path("allowed/way/*")), "is a link or a file, not a folder").await;
    ground.secret_is_intact();
    assert_ne!(mode(&ground.path("outside/secret")), 0o777);
    assert_eq!(std::fs::read_dir(ground.path("outside")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_second_name_of_a_file_elsewhere_is_not_touched() {
    let ground = ground();
    let link = ground.path("allowed/hard");
    std::fs::hard_link(ground.path("outside/secret"), &link).unwrap();
    let file = ground.file("a", "x");
    let before = mode(&link);
    for action in
        [truncate(&link), chmod(&link, 0o777), copy(&file, &link), rename(&file, &link), write(&link, "x", &[])]
    {
        ground.check(action, "has 2 names (hard links)").await;
    }
    ground.secret_is_intact();
    assert_eq!(mode(&link), before);
    ground.check(remove(&link), "done: removed 1 file").await;
    ground.secret_is_intact();
}

#[tokio::test]
async fn folders_pipes_and_devices_are_no_targets_and_do_not_block() {
    let ground = ground();
    let pipe = ground.path("allowed/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    ground.check(truncate(&pipe), "is a pipe, and steps change only plain files").await;
    ground.check(copy(&pipe, ground.path("allowed/x")), "is a pipe").await;
    ground.check(write(&pipe, "x", &[]), "is a pipe").await;
    ground.check(truncate(ground.path("allowed/sub")), "is a folder").await;
    ground.check(write(ground.path("allowed/sub"), "x", &[]), "is a folder").await;
}

#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_all_the_time_leads_nowhere_else() {
    let ground = ground();
    let (way, kept) = (ground.path("allowed/sub"), ground.path("allowed/kept"));
    std::fs::write(format!("{way}/secret"), "bait").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let attacker = std::thread::spawn({
        let (way, kept, outside, stop) = (way.clone(), kept, ground.path("outside"), Arc::clone(&stop));
        move || {
            let mut turns = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                std::fs::rename(&way, &kept).unwrap();
                symlink(&outside, &way).unwrap();
                std::fs::remove_file(&way).unwrap();
                std::fs::rename(&kept, &way).unwrap();
                // Some rest, so that honest attempts succeed, too.
                (0..turns % 64).for_each(|_| std::thread::yield_now());
                turns = turns.wrapping_add(1);
            }
        }
    });
    let target = format!("{way}/secret");
    let (mut done, mut refused) = (0, 0);
    let start = std::time::Instant::now();
    while (done < 5 || refused < 300) && start.elapsed() < Duration::from_secs(20) {
        for action in [truncate(&target), chmod(&target, 0o604), write(&target, "mine", &[])] {
            let said = does(&ground.hands, action).await;
            if said.starts_with("done") { done += 1 } else { refused += 1 }
        }
    }
    stop.store(true, Ordering::Relaxed);
    attacker.join().unwrap();
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    ground.secret_is_intact();
    assert_ne!(mode(&ground.path("outside/secret")), 0o604);
}

#[tokio::test]
async fn a_copy_keeps_mode_and_replaces_whole() {
    let ground = ground();
    let (from, to) = (ground.file("from", "new content"), ground.path("allowed/sub/to"));
    std::fs::set_permissions(&from, PermissionsExt::from_mode(0o640)).unwrap();
    ground.check(copy(&from, &to), "done: copied 11 bytes").await;
    std::fs::write(&from, "newer").unwrap();
    let mut reader = std::fs::File::open(&to).unwrap();
    ground.check(copy(&from, &to), "done: copied 5 bytes").await;
    assert_eq!(std::io::read_to_string(&mut reader).unwrap(), "new content", "who has the old one open still reads it");
    assert_eq!((std::fs::read_to_string(&to).unwrap().as_str(), mode(&to)), ("newer", 0o640));
    ground.check(copy(&from, &from), "are the same file").await;
    ground.check(copy(&from, ground.path("allowed/none/to")), "does not exist").await;
    assert_eq!(std::fs::read_dir(ground.path("allowed/sub")).unwrap().count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn a_step_whose_time_is_over_leaves_the_target_as_it_was() {
    let ground = ground();
    let (from, to) = (ground.file("from", "new"), ground.file("to", "old"));
    let step = Step { action: copy(&from, &to), timeout: Duration::ZERO };
    let said = does(&ground.hands, step).await;
    assert!(said.contains("the time was over after 0 bytes"), "{said}");
    assert_eq!((std::fs::read_to_string(&to).unwrap().as_str(), ground.left().as_str()), ("old", "from sub to"));
}

#[tokio::test]
async fn a_file_is_moved_over_a_plain_one_only() {
    let ground = ground();
    let (from, to) = (ground.file("from", "a"), ground.file("to", "b"));
    ground.check(rename(&from, &to), "done: moved 1 bytes").await;
    assert_eq!((std::fs::read_to_string(&to).unwrap().as_str(), ground.left().as_str()), ("a", "sub to"));
    ground.check(rename(&to, &to), "are the same file").await;
    ground.check(rename(&to, ground.path("allowed/sub")), "is a folder").await;
    ground.check(rename(&from, &to), "does not exist").await;
}

#[tokio::test]
async fn a_template_fills_a_file_whole_or_leaves_it() {
    let ground = ground();
    let path = ground.path("allowed/site.conf");
    let values = [("workers", json!(8)), ("name", json!("a<b>"))];
    ground.check(write(&path, "workers = {{ workers }}\nname = {{ name }}\n", &values), "done: wrote 24 bytes").await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "workers = 8\nname = a<b>\n", "nothing is escaped");
    assert_eq!(mode(&path), 0o644);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    ground.check(write(&path, "{{ workers }}", &values), "done: ").await;
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("8", 0o600));
    ground.check(write(&path, "{{ missing }}", &values), "undefined value").await;
    ground.check(write(&path, "{% for", &values), "refused by target: ").await;
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    ground.check(write(&path, endless, &values), "refused by target: ").await;
    ground.check(write(&path, "{{ 'x' * 2000000 }}", &values), "refused by target: ").await;
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), ground.left().as_str()), ("8", "site.conf sub"));
}

#[tokio::test]
async fn the_allowed_folder_itself_may_be_a_link() {
    let ground = ground();
    let (link, file) = (ground.path("alias"), ground.file("a", "x"));
    symlink(ground.path("allowed"), &link).unwrap();
    let hands = hands(&json!({"paths": [format!("{link}/")]}));
    check(&hands, truncate(format!("{link}/a")), "done: cut 1 bytes").await;
    assert_eq!(std::fs::metadata(file).unwrap().len(), 0);
}

#[tokio::test]
async fn http_requests_go_only_where_they_say_and_tell_how_they_ended() {
    let server = Server::start("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    let url = format!("{}/api/restart", server.url());
    let hands = hands(&json!({"http": ["http://127.0.0.1:*/api/*"]}));
    let request =
        |method: &str, url: &str| Action::Http { method: method.into(), url: url.into(), body: Some(json!({"a": 1})) };
    check(&hands, request("POST", &url), "done: it answered 201 Created").await;
    let seen = server.request().await;
    assert!(seen.starts_with("POST /api/restart HTTP/1.1\r\n") && seen.ends_with("\r\n\r\n{\"a\":1}"), "{seen}");
    assert!(seen.contains("idempotency-key: 17-1-3\r\n"), "{seen}");
    check(&hands, request("PATCH", &url), "refused by target: ").await;
    check(&hands, request("GET", &format!("{}/api/../admin", server.url())), "refused by target: ").await;
    check(&hands, request("GET", "http://127.0.0.1:1@example.com/api/x"), "hides its host").await;
    let gone = format!("{}/api/x", server.stopped().await);
    check(&hands, request("GET", &gone), "failed: ").await;
    for (answer, expected) in [
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "redirects are not followed"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "failed: "),
    ] {
        let server = Server::start(answer).await;
        check(&hands, request("GET", &format!("{}/api/x", server.url())), expected).await;
    }
}

#[tokio::test]
async fn what_comes_to_its_turn_too_late_is_not_done_any_more() {
    let ground = ground();
    let (log, secret) = (ground.file("log", "lines"), ground.file("secret", ""));
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let (user, group) = own_names();
    for action in [
        truncate(&log),
        chmod(&secret, 0o666),
        Action::Chown { path: log.clone(), owner: user, group },
        rename(&log, ground.path("allowed/moved")),
        copy(&log, ground.path("allowed/copied")),
        write(ground.path("allowed/written"), "text", &[]),
        remove(&log),
    ] {
        let late = Step { action, timeout: Duration::ZERO };
        let said = does(&ground.hands, late).await;
        assert!(said.starts_with("failed: "), "{said}");
    }
    assert_eq!((ground.left().as_str(), mode(&secret)), ("log secret sub", 0o600));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "lines");
}

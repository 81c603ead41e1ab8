//! The state of a systemd unit, asked of `systemctl`.

use heinzel_core::field::is_unit;
use heinzel_process::How;
use serde_json::json;

use super::Report;
use crate::Hands;
use crate::program::{ending, run};

const PROPERTIES: &str = "Id,Type,LoadState,ActiveState,SubState,Result,MainPID,NRestarts";

impl Hands {
    /// State of the unit `name`, or of the first one in name order when it is a pattern.
    ///
    /// When nothing fits a pattern, `matches` is 0, `load` is `not-found`, and `name`, `sub` and `result` are null: a step
    /// cannot be built from it by accident.
    pub(crate) async fn unit(&self, name: &str) -> Report {
        if !name.contains(['*', '?']) {
            is_unit(name).map_err(|no| no.to_string())?;
            return self.show(name, None).await;
        }
        if name.starts_with('-') {
            return Err("begins with `-`, which programs read as an option".into());
        }
        if let Some(c) = name.chars().find(|&c| !c.is_ascii_alphanumeric() && !":-_.\\@*?".contains(c)) {
            return Err(format!("contains `{}`, which no unit name has", c.escape_default()));
        }
        let list = ["--all", "--full", "--plain", "--no-legend", "--no-pager", "--", name];
        let mut listed = self.systemctl(&[&["list-units"], &list[..]].concat()).await?;
        let mut names: Vec<&str> = listed.lines().filter_map(listed_unit).collect();
        if names.is_empty() {
            // What is stopped and needed by nothing is not in systemd's memory; its file is on the disk.
            listed = self.systemctl(&[&["list-unit-files"], &list[..]].concat()).await?;
            names = listed.lines().filter_map(listed_file).collect();
        }
        names.sort_unstable();
        match names.first() {
            Some(first) => self.show(first, Some(names.len())).await,
            None => Ok(json!({
                "name": null, "type": null, "load": "not-found", "state": "inactive", "sub": null, "active": false, "failed": false,
                "result": null, "main_pid": 0, "restarts": 0, "matches": 0,
            })),
        }
    }

    async fn show(&self, name: &str, matches: Option<usize>) -> Report {
        let text = self.systemctl(&["show", "--no-pager", "-p", PROPERTIES, "--", name]).await?;
        let get = |key: &str| {
            text.lines().find_map(|line| line.split_once('=').filter(|(k, _)| *k == key).map(|(_, value)| value))
        };
        let number = |key: &str| get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
        let (Some(load), Some(state)) = (get("LoadState"), get("ActiveState")) else {
            return Err(format!("`{}` said nothing about its state", self.systemctl));
        };
        Ok(json!({
            "name": get("Id").unwrap_or(name),
            "type": get("Type"),
            "load": load,
            "state": state,
            "sub": get("SubState"),
            // As `systemctl is-active` has it: who reads his configuration anew goes on working.
            "active": matches!(state, "active" | "reloading" | "refreshing"),
            "failed": state == "failed",
            "result": get("Result"),
            "main_pid": number("MainPID"),
            "restarts": number("NRestarts"),
            "matches": matches.unwrap_or(usize::from(load != "not-found")),
        }))
    }

    async fn systemctl(&self, arguments: &[&str]) -> Result<String, String> {
        let argv: Vec<String> =
            std::iter::once(self.systemctl.as_str()).chain(arguments.iter().copied()).map(Into::into).collect();
        let ended = run(&argv, self.probe_timeout).await?;
        if ended.how != How::Exit(0) {
            return Err(ending(&argv, self.probe_timeout, &ended));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }
}

/// The name in a line of `list-units`, unless it is only mentioned by others and has no unit file.
fn listed_unit(line: &str) -> Option<&str> {
    // Older versions mark failed units with a dot even with --plain.
    let mut words = line.split_whitespace().filter(|word| word.is_ascii());
    let (name, load) = (words.next()?, words.next()?);
    (load != "not-found" && is_unit(name).is_ok()).then_some(name)
}

/// The name in a line of `list-unit-files`: no template, no other name of a unit, nothing that is masked.
fn listed_file(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let (name, state) = (words.next()?, words.next()?);
    (!name.contains("@.") && !matches!(state, "alias" | "masked" | "masked-runtime") && is_unit(name).is_ok())
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use heinzel_core::probe::Probe;
    use tempfile::TempDir;

    use super::*;
    use crate::fixture::{hands, sees, systemctl};

    fn fake(units: &str, show: &str) -> (TempDir, Hands) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("units"), units).unwrap();
        std::fs::write(folder.path().join("show"), show).unwrap();
        let hands = hands(&json!({})).with_systemctl(systemctl(folder.path()));
        (folder, hands)
    }

    const FAILED: &str = "Type=forking\nMainPID=0\nNRestarts=5\nResult=signal\nId=nginx.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n";

    #[tokio::test]
    async fn a_unit_is_reported_with_all_its_keys() {
        let (folder, hands) = fake("", FAILED);
        let report = sees(&hands, Probe::Unit { name: "nginx.service".into() }).await;
        let expected = json!({
            "name": "nginx.service", "type": "forking", "load": "loaded", "state": "failed", "sub": "failed", "active": false, "failed": true,
            "result": "signal", "main_pid": 0, "restarts": 5, "matches": 1,
        });
        assert_eq!(report, expected);
        let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        assert_eq!(calls, format!("[show][--no-pager][-p][{PROPERTIES}][--][nginx.service]\n"));
    }

    #[tokio::test]
    async fn a_unit_that_reloads_is_active() {
        for (state, active) in [("active", true), ("reloading", true), ("activating", false), ("deactivating", false)] {
            let show = format!("Id=x.service\nLoadState=loaded\nActiveState={state}\nSubState=x\n");
            let (_folder, hands) = fake("", &show);
            let report = sees(&hands, Probe::Unit { name: "x.service".into() }).await;
            assert_eq!((&report["active"], &report["state"]), (&json!(active), &json!(state)));
        }
    }

    #[tokio::test]
    async fn an_unknown_unit_is_seen_as_not_found() {
        let (_folder, hands) = fake("", "Id=x.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n");
        let report = sees(&hands, Probe::Unit { name: "x.service".into() }).await;
        assert_eq!(
            (&report["load"], &report["matches"], &report["active"]),
            (&json!("not-found"), &json!(0), &json!(false))
        );
    }

    #[tokio::test]
    async fn the_first_unit_in_name_order_that_fits_a_pattern_counts() {
        let units = "php8.3-fpm.service loaded active running PHP\n\
                     ● php8.2-fpm.service loaded failed failed PHP\n\
                     php7-fpm.service not-found inactive dead php7-fpm.service\n";
        let (folder, hands) = fake(units, FAILED);
        let report = sees(&hands, Probe::Unit { name: "php*-fpm.service".into() }).await;
        assert_eq!(report["matches"], 2);
        let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        assert!(calls.contains("[--][php*-fpm.service]\n") && calls.ends_with("[--][php8.2-fpm.service]\n"), "{calls}");
    }

    #[tokio::test]
    async fn a_pattern_that_fits_nothing_names_no_unit() {
        let (_folder, hands) = fake("", FAILED);
        let report = sees(&hands, Probe::Unit { name: "php*-fpm.service".into() }).await;
        assert_eq!((&report["matches"], &report["name"], &report["active"]), (&json!(0), &json!(null), &json!(false)));
    }

    #[tokio::test]
    async fn a_pattern_finds_a_stopped_unit_that_systemd_has_forgotten() {
        let (folder, hands) = fake("", FAILED);
        let files = "php-fpm.service alias -\nphp8.1-fpm.service masked enabled\nphp8.2-fpm.service enabled enabled\nphp@.service static -\n";
        std::fs::write(folder.path().join("files"), files).unwrap();
        let report = sees(&hands, Probe::Unit { name: "php*".into() }).await;
        assert_eq!(report["matches"], 1);
        let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        assert!(calls.contains("[list-unit-files]") && calls.ends_with("[--][php8.2-fpm.service]\n"), "{calls}");
    }

    #[tokio::test]
    async fn hostile_names_never_reach_systemctl() {
        let (folder, hands) = fake("", FAILED);
        for (name, expected) in [
            ("--host=evil.service", "begins with `-`"),
            ("-H*", "begins with `-`"),
            ("nginx", "lacks a suffix"),
            ("a;b*.service", "contains `;`"),
            ("a\nb*", "contains `\\n`"),
        ] {
            let report = sees(&hands, Probe::Unit { name: name.into() }).await;
            assert!(report["blind"].as_str().unwrap().contains(expected), "{name}: {report}");
        }
        assert!(!folder.path().join("calls").exists());
    }

    #[tokio::test]
    async fn a_failing_systemctl_makes_the_probe_blind() {
        let (folder, hands) = fake("", "");
        std::fs::write(folder.path().join("stderr"), "Failed to connect to bus: No such file or directory\n").unwrap();
        let report = sees(&hands, Probe::Unit { name: "nginx.service".into() }).await;
        let why = report["blind"].as_str().unwrap();
        assert!(
            why.starts_with("unit nginx.service: ")
                && why.ends_with("Failed to connect to bus: No such file or directory"),
            "{why}"
        );
        let missing = hands.with_systemctl("heinzel-no-systemctl");
        let report = sees(&missing, Probe::Unit { name: "nginx.service".into() }).await;
        assert!(report["blind"].as_str().unwrap().contains("not found in /usr/local/sbin"), "{report}");
    }
}

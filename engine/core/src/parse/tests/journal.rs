//! Entries of the journal as `journalctl -o json` exports them.

use super::*;

#[test]
fn an_exported_journal_says_who_wrote_what() {
    let check = |line: &str, program: &str, unit: Option<&str>, by_customer: bool| {
        let stamp = parse(Format::Auto, line.as_bytes(), &context()).stamp;
        assert_eq!(
            (stamp.program.as_deref(), stamp.unit.as_deref(), stamp.by_customer),
            (Some(program), unit, by_customer),
            "{line}"
        );
    };
    let forged = r#"{"MESSAGE":"x","SYSLOG_IDENTIFIER":"systemd","UNIT":"nginx.service","_UID":"1000","_PID":"71"}"#;
    check(forged, "systemd", None, true);
    let manager = r#"{"MESSAGE":"x","SYSLOG_IDENTIFIER":"systemd","UNIT":"nginx.service","_UID":"0","_PID":"1","_SYSTEMD_UNIT":"init.scope"}"#;
    check(manager, "systemd", Some("nginx.service"), false);
    let app = r#"{"MESSAGE":"x","SYSLOG_IDENTIFIER":"sshd","_UID":"1001","_PID":"9","_SYSTEMD_UNIT":"shop.service"}"#;
    check(app, "shop", Some("shop.service"), false);
    check(r#"{"MESSAGE":"x","service":"shop","unit":"a.service"}"#, "shop", Some("a.service"), false);
}

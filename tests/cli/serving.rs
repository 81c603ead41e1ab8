//! The HTTP side, through the real binary.

use std::net::TcpListener;

use crate::lab::{Lab, RULE, wait};

const PUSH: &str = "\n[[source]]\nname = \"in\"\nkind = \"push\"\ntoken = \"0123456789abcdef\"\nprogram = \"app\"\n\
    \n[server]\nlisten = \"127.0.0.1:0\"\n";
const TOKEN: &str = "Authorization: Bearer 0123456789abcdef\r\n";

#[test]
fn a_pushed_event_is_stored_before_it_is_accepted() {
    let lab = Lab::with(PUSH);
    let mut engine = lab.start();
    let path = "/v1/events?source=in";
    let event = "{\"message\":\"pool www is busy\"}\n\"pool mail is busy\"\n";
    let (status, answer) = engine.http("POST", path, TOKEN, event);
    assert!(status == 202 && answer.contains("\"accepted\":2"), "{answer}");
    // Killed right after the answer: what was accepted is there.
    engine.signal(rustix::process::Signal::KILL);
    assert_eq!(engine.ended(), -9);
    let assets: Vec<String> = lab.incidents().iter().map(|i| i["asset"].to_string()).collect();
    assert_eq!(assets, ["\"pool:mail\"", "\"pool:www\""]);
    drop(engine);

    let engine = lab.start();
    let check = |head: &str, path: &str, body: &str, status: u16, word: &str| {
        let (got, answer) = engine.http("POST", path, head, body);
        assert!(got == status && answer.contains(word), "{answer}");
    };
    check("", path, event, 401, "Authorization: Bearer");
    check("Authorization: Bearer 0123456789abcdee\r\n", path, event, 401, "unauthorized");
    check(TOKEN, "/v1/events", event, 400, "source=NAME");
    check(TOKEN, "/v1/events?source=nope", event, 404, "`nope`");
    check(TOKEN, path, "{\"message\":1}", 400, "line 1");
    assert_eq!(engine.http("GET", "/healthz", "", "").0, 200);
    wait("it is ready", || engine.http("GET", "/readyz", "", "").0 == 200);
    let (_, metrics) = engine.http("GET", "/metrics", "", "");
    assert!(metrics.contains("heinzel_rules 1") && metrics.contains("heinzel_build_info{"), "{metrics}");
    assert_eq!(engine.http("GET", "/nope", "", "").0, 404);
    assert_eq!(engine.stop(), 0);
}

#[test]
fn nothing_is_taken_while_no_rule_could_be_loaded() {
    let lab = Lab::with(PUSH);
    lab.write("rules/web/busy.rhai", RULE.replace("\"high\"", "\"hgih\""));
    let engine = lab.start();
    let push = || engine.http("POST", "/v1/events?source=in", TOKEN, "\"pool www is busy\"\n");
    let (status, answer) = push();
    assert!(status == 503 && answer.contains("no rule could be loaded"), "{answer}");
    let status = lab.run(&["status"]).out;
    assert_eq!(status.matches("not read yet").count(), 2, "{status}");
    lab.write("rules/web/busy.rhai", RULE);
    wait("it is taken", || push().0 == 202);
    lab.expect("pool:www");
    wait("it is well", || !lab.status_says("not read yet"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn a_taken_port_is_said_and_nothing_is_read() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let lab = Lab::with(&PUSH.replace("127.0.0.1:0", &address));
    lab.append("logs/a.log", "pool www is busy\n");
    lab.run(&["run"]).ends(1, &[&address, "server.listen", "is another program there?"]);
    assert!(lab.incidents().is_empty(), "an engine that did not start has acted");
}

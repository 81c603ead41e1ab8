//! What a ticket form meets: answers, news, origins, limits.

mod fake;
mod lab;

use std::io;
use std::time::Duration;

use fake::NOW;
use heinzel_core::time::Timestamp;
use heinzel_server::api::Limits;
use heinzel_server::draft::{News, NewsState};
use lab::{DRAFT, Lab, SHOP, claim, draft, escaped};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

#[tokio::test]
async fn a_draft_is_answered_as_the_contract_says() {
    let lab = Lab::new().await;
    let more = r#","subject":"Server","locale":"en-GB","time_zone":"Europe/London","customer":"K1","asset":"vm:100","page":"/tickets/new","field":"body""#;
    let answer = lab.suggest("K1", &draft(DRAFT, more)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(
        (json["language"].as_str(), json["words"].as_u64(), json["draft_id"].as_str()),
        (Some("en"), Some(4), Some(DRAFT))
    );
    let item = &json["items"][0];
    assert_eq!((item["kind"].as_str(), item["confidence"].as_f64()), (Some("answer"), Some(0.81)));
    assert!(item["why"]["incident"].is_null() && item["parts"]["advise"] == "" && json["nothing"].is_null());
    assert_eq!(
        (json["news"]["state"].as_str(), json["news"]["at"].as_str()),
        (Some("checking"), Some("2027-01-15T08:00:00Z"))
    );
    for header in [
        "content-type: application/json",
        "access-control-allow-origin: https://my.example.com",
        "vary: origin",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'",
    ] {
        assert!(answer.head.contains(header), "{header}: {answer:?}");
    }
    let short = lab.suggest("K1", &format!(r#"{{"draft_id":"{DRAFT}","body":"Hallo"}}"#)).await.json();
    assert_eq!((short["nothing"]["reason"].as_str(), short["news"].is_null()), (Some("too_short"), true));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let lab = Lab::new().await;
    let check = async |body: &str, status: u16, code: &str, word: &str| {
        let answer = lab.suggest("K1", body).await;
        answer.is_problem(status, code);
        assert!(answer.body.contains(word), "{body}: {answer:?}");
    };
    check("", 400, "bad_request", "the body is empty").await;
    check("{", 400, "bad_request", "no JSON").await;
    check("{} {}", 422, "invalid", "draft_id").await;
    check("[]", 422, "invalid", "a JSON object").await;
    check(&format!(r#"["{DRAFT}","subject","Mein Server startet nicht"]"#), 422, "invalid", "a JSON object").await;
    check(r#"{"body":"x"}"#, 422, "invalid", "draft_id").await;
    check(r#"{"draft_id":"short","body":"x"}"#, 422, "invalid", r#""field":"draft_id""#).await;
    check(&draft(DRAFT, r#","colour":"red""#), 422, "invalid", "unknown field `colour`").await;
    check(&draft(DRAFT, r#","body":"again""#), 422, "invalid", "duplicate field").await;
    check(&draft(DRAFT, r#","asset":"vm 100""#), 422, "invalid", r#""field":"asset""#).await;
    check(&draft(DRAFT, &format!(r#","subject":"{}""#, "ä".repeat(1_001))), 422, "invalid", "longer than 1000").await;
    check(&draft(DRAFT, r#","customer":7"#), 422, "invalid", "invalid type").await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    check(&deep, 422, "invalid", "a JSON object").await;
    check(&draft(DRAFT, &format!(r#","subject":{deep}"#)), 422, "invalid", "expected a string").await;
    check(&draft(&"x".repeat(300_000), ""), 413, "too_large", "288000 bytes").await;
    let head = format!("POST /v1/suggestions\n{}", SHOP.replace("application/json", "text/plain"));
    lab.ask(&head, draft(DRAFT, "")).await.is_problem(415, "unsupported");
    for (charset, status) in [("iso-8859-1", 415), ("\"utf-16\"", 415), ("UTF-8", 200), ("\"utf-8\"; boundary=x", 200)]
    {
        let kind = format!("application/json; charset={charset}");
        let head = format!("POST /v1/suggestions\n{}", SHOP.replace("application/json", &kind));
        assert_eq!(lab.ask(&head, draft(DRAFT, "")).await.status, status, "{charset}");
    }
    let head = format!("POST /v1/suggestions\n{SHOP}\nContent-Encoding: gzip");
    lab.ask(&head, draft(DRAFT, "")).await.is_problem(415, "unsupported");
    lab.ask("GET /v1/suggestion", "").await.is_problem(404, "not_found");
    for (line, allowed) in [
        ("GET /v1/suggestions", "post"),
        ("DELETE /v1/drafts/x/news", "get"),
        ("OPTIONS /v1/tickets", "post"),
        ("POST /healthz", "get"),
    ] {
        let answer = lab.ask(line, "").await;
        answer.is_problem(405, "method_not_allowed");
        assert!(answer.head.lines().any(|line| line.starts_with("allow: ") && line.contains(allowed)), "{answer:?}");
    }
}

#[tokio::test]
async fn the_longest_draft_may_be_escaped() {
    let lab = Lab::new().await;
    let body = |characters| {
        let (subject, body) = (escaped(1_000), escaped(characters));
        let (page, field) = (escaped(512), escaped(128));
        format!(r#"{{"draft_id":"{DRAFT}","subject":"{subject}","body":"{body}","page":"{page}","field":"{field}"}}"#)
    };
    let answer = lab.suggest("K1", &body(20_000)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = lab.suggest("K1", &body(20_001)).await;
    answer.is_problem(422, "invalid");
    assert_eq!(answer.json()["field"], "body");
}

#[tokio::test]
async fn a_browser_may_ask_from_a_forms_page_only() {
    let lab = Lab::new().await;
    let preflight = async |path: &str, origin: &str| {
        let head = format!(
            "OPTIONS {path}\nOrigin: {origin}\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: authorization"
        );
        lab.ask(&head, "").await
    };
    let news = format!("/v1/drafts/{DRAFT}/news");
    for path in ["/v1/suggestions", &news, &news.replace("news", "feedback")] {
        for origin in ["https://my.example.com", "https://other.example.com"] {
            let answer = preflight(path, origin).await;
            assert_eq!(answer.status, 204, "{answer:?}");
            for header in [
                &format!("access-control-allow-origin: {origin}"),
                "access-control-allow-headers: authorization, content-type, heinzel-claim",
                "vary: origin",
            ] {
                assert!(answer.head.contains(header), "{header}: {answer:?}");
            }
            assert!(!answer.head.contains("allow-credentials"), "{answer:?}");
        }
        let answer = preflight(path, "https://evil.example.com").await;
        answer.is_problem(403, "other_origin");
        assert!(!answer.head.contains("access-control-allow") && answer.head.contains("vary: origin"), "{answer:?}");
    }
    assert_eq!(preflight("/v1/tickets", "https://my.example.com").await.status, 405);
    // A page that may not read a refusal would show nothing at all.
    let answer = lab.ask(&format!("POST /v1/suggestions\n{SHOP}"), "{").await;
    assert!(
        answer.status == 400 && answer.head.contains("access-control-allow-origin: https://my.example.com"),
        "{answer:?}"
    );
    // Without an origin only what browsers send so: a GET to the page's own host.
    let bare = "Authorization: Bearer form-key-of-the-shop\nContent-Type: application/json";
    lab.ask(&format!("POST /v1/suggestions\n{bare}"), draft(DRAFT, "")).await.is_problem(403, "other_origin");
    lab.ask(&format!("GET {news}\n{bare}"), "").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn news_come_as_events_until_the_last() {
    let lab = Lab::new().await;
    lab.suggest("K1", &draft(DRAFT, r#","asset":"vm:100""#)).await;
    let head = format!(
        "GET /v1/drafts/{DRAFT}/news\n{SHOP}\nHeinzel-Claim: {}\nLast-Event-ID: 7\nAccept: text/event-stream",
        claim("K1")
    );
    let answer = lab.ask(&head, "").await;
    assert!(answer.status == 200 && answer.head.contains("content-type: text/event-stream"), "{answer:?}");
    assert!(
        answer.head.contains("x-accel-buffering: no") && answer.head.contains("cache-control: no-cache"),
        "{answer:?}"
    );
    let states: Vec<&str> = answer
        .body
        .matches("\"state\":\"")
        .zip(answer.body.split("\"state\":\"").skip(1))
        .map(|(_, rest)| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(states, ["checking", "found", "repairing", "repaired"], "{answer:?}");
    assert_eq!(answer.body.matches("event: news\n").count(), 4);
}

#[tokio::test]
async fn open_streams_are_counted_and_end_with_the_server() {
    let lab = Lab::within(Limits { streams_of_one: 2, ..Limits::default() }).await;
    lab.suggest("K1", &draft(DRAFT, "")).await;
    lab.suggest("K2", &draft("draft-of-k2-0000000000", "")).await;
    let head =
        |customer: &str, id: &str| format!("GET /v1/drafts/{id}/news\n{SHOP}\nHeinzel-Claim: {}", claim(customer));
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = lab.send(&head("K1", DRAFT), b"").await;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        open.push(stream);
    }
    let answer = lab.ask(&head("K1", DRAFT), "").await;
    answer.is_problem(429, "too_many");
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    let mut other = lab.send(&head("K2", "draft-of-k2-0000000000"), b"").await;
    let mut begin = [0; 12];
    other.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200", "another customer's streams do not count");
    // Streams that have ended give their places back.
    lab.fake.told().open.clear();
    let end = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let mut stream = lab.send(&head("K1", DRAFT), b"").await;
        stream.read_exact(&mut begin).await.unwrap();
        if &begin == b"HTTP/1.1 200" {
            open.push(stream);
            break;
        }
        assert!(tokio::time::Instant::now() < end, "no place is given back");
    }
    lab.stop.cancel();
    timeout(Duration::from_secs(15), lab.serving).await.expect("the stream keeps the server").unwrap().unwrap();
}

#[tokio::test]
async fn too_often_is_told_with_a_time() {
    let lab = Lab::new().await;
    let stranger = |address: &str| {
        format!(
            "POST /v1/suggestions\nAuthorization: Bearer form-key-without-claims\nOrigin: https://my.example.com\nContent-Type: application/json\nX-Forwarded-For: {address}"
        )
    };
    let ask = async |address: &str| lab.ask(&stranger(address), draft("draft-of-a-stranger-02", "")).await;
    for _ in 0..3 {
        assert_eq!(ask("192.0.2.1").await.status, 200);
    }
    let answer = ask("192.0.2.1").await;
    answer.is_problem(429, "too_many");
    let wait: u64 = answer.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap().parse().unwrap();
    assert!((15..=21).contains(&wait), "{wait}");
    // What stands before the address that the proxy wrote is the client's own word.
    ask("198.51.100.9, 192.0.2.1").await.is_problem(429, "too_many");
    assert_eq!(ask("192.0.2.1, 198.51.100.9").await.status, 200);
    // One network of IPv6 is one asker.
    for _ in 0..3 {
        assert_eq!(ask("2001:db8:1:2:3::4").await.status, 200);
    }
    ask("2001:db8:1:2::5").await.is_problem(429, "too_many");
    assert_eq!(ask("2001:db8:1:3::5").await.status, 200);
}

#[tokio::test]
async fn one_draft_cannot_be_asked_about_without_end() {
    let lab = Lab::new().await;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(lab.suggest("K1", &draft(DRAFT, "")).await.status);
    }
    let granted = statuses.iter().filter(|status| **status == 200).count();
    assert!((90..=95).contains(&granted) && statuses[99] == 429, "{granted}: {statuses:?}");
    let answer = lab.suggest("K1", &draft(DRAFT, "")).await;
    answer.is_problem(429, "too_many");
    assert!(answer.body.contains(&format!("the draft `{DRAFT}`")) && answer.body.contains("90 times"), "{answer:?}");
    assert_eq!(lab.suggest("K1", &draft("another-draft-of-k1-00", "")).await.status, 200);
}

#[tokio::test]
async fn a_proxy_that_names_nobody_is_the_reason_that_is_said() {
    let lab = Lab::new().await;
    let head = format!(
        "POST /v1/suggestions\n{}\nX-Forwarded-For: unknown",
        SHOP.replace("form-key-of-the-shop", "form-key-without-claims")
    );
    for _ in 0..3 {
        assert_eq!(lab.ask(&head, draft(DRAFT, "")).await.status, 200);
    }
    let answer = lab.ask(&head, draft(DRAFT, "")).await;
    answer.is_problem(429, "too_many");
    assert!(answer.body.contains("X-Forwarded-For") && !answer.body.contains("this address"), "{answer:?}");
    // Who is named is not held back by them.
    assert_eq!(lab.ask(&head.replace("unknown", "203.0.113.9:4711"), draft(DRAFT, "")).await.status, 200);
}

#[tokio::test]
async fn a_mistake_in_the_engine_ends_one_request_only() {
    let lab = Lab::new().await;
    lab.suggest("K1", r#"{"draft_id":"draft-that-breaks-0000","body":"PANIC"}"#).await.is_problem(500, "internal");
    let head = "POST /v1/tickets\nContent-Type: application/json\nAuthorization: Bearer ingest-token-of-tickets";
    lab.ask(head, r#"{"id":"1","body":"PANIC"}"#).await.is_problem(500, "internal");
    assert_eq!(lab.suggest("K1", &draft(DRAFT, "")).await.status, 200);
}

#[tokio::test]
async fn slow_and_silent_connections_are_closed() {
    let limits = Limits {
        head_within: Duration::from_millis(300),
        body_within: Duration::from_millis(300),
        ..Limits::default()
    };
    let lab = Lab::within(limits).await;
    let closes = async |begin: &str| {
        let mut stream = TcpStream::connect(lab.address).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await.expect("it stays open").unwrap();
        answer
    };
    assert_eq!(closes("").await, "");
    closes("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ").await;
    // Idle after an answer.
    assert!(closes("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    let head = SHOP.replace('\n', "\r\n");
    let answer =
        closes(&format!("POST /v1/suggestions HTTP/1.1\r\nHost: h\r\n{head}\r\nContent-Length: 100\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""code":"timeout""#), "{answer}");
}

#[tokio::test]
async fn a_head_may_not_grow_without_end() {
    let lab = Lab::new().await;
    let many: String = (0..200).map(|at| format!("\nX-{at}: x")).collect();
    assert_eq!(lab.ask(&format!("GET /healthz{many}"), "").await.status, 431);
    let long = format!("GET /healthz\nX-Long: {}", "x".repeat(200_000));
    assert!(matches!(lab.ask(&long, "").await.status, 431 | 0));
    assert_eq!(lab.ask("GET /healthz", "").await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let lab =
        Lab::within(Limits { connections: 2, head_within: Duration::from_millis(500), ..Limits::default() }).await;
    let _silent = [TcpStream::connect(lab.address).await.unwrap(), TcpStream::connect(lab.address).await.unwrap()];
    assert_eq!(lab.ask("GET /healthz", "").await.status, 200);
}

#[tokio::test]
async fn who_takes_no_answer_is_cut_off() {
    let limits = Limits { connections: 3, taken_within: Duration::from_millis(500), ..Limits::default() };
    let lab = Lab::within(limits).await;
    lab.suggest("K1", &draft(DRAFT, "")).await;
    let mut quiet =
        lab.send(&format!("GET /v1/drafts/{DRAFT}/news\n{SHOP}\nHeinzel-Claim: {}", claim("K1")), b"").await;
    let mut begin = [0; 12];
    quiet.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut mute = socket.connect(lab.address).await.unwrap();
    let requests = "GET /v1/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n".repeat(300);
    mute.write_all(requests.as_bytes()).await.unwrap();
    assert_eq!(lab.ask("GET /healthz", "").await.status, 200, "one place is left");
    let _silent = TcpStream::connect(lab.address).await.unwrap();
    let answer =
        timeout(Duration::from_secs(10), lab.ask("GET /healthz", "")).await.expect("the place is not given back");
    assert_eq!(answer.status, 200);
    let ended = mute.read_to_end(&mut Vec::new()).await;
    assert_eq!(ended.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    // All that time the quiet stream had nothing to write.
    let news =
        News { state: NewsState::Repaired, text: "again".into(), incident: None, at: Timestamp::from_seconds(NOW) };
    let open = lab.fake.told().open.pop().unwrap();
    open.send(news).await.unwrap();
    let mut rest = String::new();
    quiet.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("event: news\n") && rest.contains("repaired"), "{rest}");
}

#[tokio::test]
async fn one_address_has_a_share_of_the_connections() {
    let lab = Lab::within(Limits { connections_of_one: 2, ..Limits::default() }).await;
    let connect = async |host: u8| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, host], 0).into()).unwrap();
        socket.connect(lab.address).await.unwrap()
    };
    let is_answered = async |host: u8| {
        let mut stream = connect(host).await;
        let mut answer = String::new();
        // Whoever is refused may fail at either.
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        let _ = stream.read_to_string(&mut answer).await;
        answer.starts_with("HTTP/1.1 200")
    };
    let held = [connect(2).await, connect(2).await];
    assert!(!is_answered(2).await && is_answered(3).await);
    // 127.0.0.1 is a proxy by the settings.
    let _proxied = [connect(1).await, connect(1).await];
    assert!(is_answered(1).await);
    drop(held);
    let given_back = async { while !is_answered(2).await {} };
    timeout(Duration::from_secs(30), given_back).await.expect("the places are not given back");
}

/// Reads one answer that says how long it is; its head in lower case. Empty when the connection was closed instead.
#[expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let read = timeout(Duration::from_secs(20), stream.read_u8()).await.unwrap();
        let Ok(byte) = read else { return String::new() };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head
}

#[tokio::test]
async fn a_refusal_before_the_body_has_come_does_not_end_the_connection_without_a_word() {
    let lab = Lab::new().await;
    let body = draft(DRAFT, "");
    let strangers = SHOP.replace("form-key-of-the-shop", "form-key-without-claims");
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    for (path, headers, status) in [
        ("/v1/suggestions", SHOP.replace("form-key-of-the-shop", "nobody"), 401),
        ("/v1/suggestions", SHOP.replace("https://my", "https://your"), 403),
        ("/v1/tickets", SHOP.to_owned(), 403),
        ("/v1/nothing", SHOP.to_owned(), 404),
        ("/v1/openapi.json", SHOP.to_owned(), 405),
        ("/v1/suggestions", strangers.clone(), 200),
        ("/v1/suggestions", strangers.clone(), 200),
        ("/v1/suggestions", strangers.clone(), 200),
        ("/v1/suggestions", strangers, 429),
        ("/v1/nothing", SHOP.to_owned(), 404),
    ] {
        let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body is another packet.
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{path} {status}: {answer:?}");
        assert!(!answer.contains("connection: close"), "{path} {status}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_read_away_ends_the_connection_and_the_answer_says_so() {
    let lab = Lab::new().await;
    let check = async |more: &str, sent: &str| {
        let mut stream = TcpStream::connect(lab.address).await.unwrap();
        let head = format!("POST /v1/nothing HTTP/1.1\r\nHost: h\r\n{more}\r\n\r\n{sent}");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with("http/1.1 404 ") && answer.contains("connection: close"), "{more}: {answer:?}");
        assert_eq!(one_answer(&mut stream).await, "", "{more}");
    };
    check("Content-Length: 20000000", "").await;
    // Not all of it comes.
    check("Content-Length: 20", "{").await;
    check("Transfer-Encoding: chunked", "5\r\nhello\r\n").await;
    // It is not even asked for.
    check("Content-Length: 20\r\nExpect: 100-continue", "").await;
    // The whole of it: nothing ends.
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    for _ in 0..2 {
        let head = "POST /v1/nothing HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with("http/1.1 404 ") && !answer.contains("connection: close"), "{answer:?}");
    }
}

//! What shops, ticket systems and operators meet: tickets, Zammad, assets, customers, imports, reports, events, pages.

mod fake;
mod lab;

use std::path::Path;
use std::time::Duration;

use heinzel_server::api::Limits;
use heinzel_server::draft::FeedbackKind;
use lab::{Answer, DRAFT, Lab, SHOP, claim, draft, escaped};
use ring::hmac;

const INGEST: &str = "Authorization: Bearer ingest-token-of-tickets\nContent-Type: application/json";
const CSV: &str = "Authorization: Bearer ingest-token-of-tickets\nContent-Type: text/csv; charset=utf-8";

#[tokio::test]
async fn a_ticket_is_new_once() {
    let lab = Lab::new().await;
    let body = r#"{"id":"10081","customer":"K1","asset":"vm:100","subject":"s","body":"b","locale":"de","page":"/tickets/new","created_at":"2026-03-01T15:00:00+01:00","draft_id":"draft-of-k1-0000000000","answer_used":"virtualisation/server-does-not-start"}"#;
    let send = async |body: &str| lab.ask(&format!("POST /v1/tickets\n{INGEST}"), body).await;
    let first = send(body).await;
    assert_eq!(
        (first.status, first.body.as_str()),
        (201, r#"{"id":"10081","incidents":[],"note":"Nothing was found."}"#)
    );
    assert_eq!(send(body).await.status, 200);
    assert_eq!(lab.fake.told().tickets["10081"].created_at.unwrap().to_string(), "2026-03-01T14:00:00Z");
    for (body, field) in [
        (r#"{"id":""}"#, "id"),
        (r#"{"id":"1","customer":"K 1"}"#, "customer"),
        (r#"{"id":"1","asset":"100"}"#, "asset"),
        (r#"{"id":"1","created_at":"2126-03-01T00:00:00Z"}"#, "created_at"),
    ] {
        let answer = send(body).await;
        answer.is_problem(422, "invalid");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    send(r#"{"id":"1","created_at":"yesterday"}"#).await.is_problem(422, "invalid");
    // What a customer's page put into its fields costs no ticket.
    let taken = send(r#"{"id":"2","draft_id":"x","customer":"","asset":"","answer_used":""}"#).await;
    let left_out = &taken.json()["left_out"];
    assert_eq!(
        (taken.status, left_out[0]["field"].as_str(), left_out.as_array().unwrap().len()),
        (201, Some("draft_id"), 1)
    );
    let kept = lab.fake.told().tickets["2"].clone();
    assert_eq!((kept.draft_id, kept.customer, kept.asset, kept.answer_used), (None, None, None, None));
    // A ticket may be long, but not without end.
    let long = |id: u32, body: &str| {
        format!(r#"{{"id":"{id}","subject":"{}","page":"{}","body":"{body}"}}"#, escaped(1_000), escaped(512))
    };
    assert_eq!(send(&long(5, &escaped(200_000))).await.status, 201);
    send(&long(3, &escaped(200_001))).await.is_problem(422, "invalid");
    send(&long(4, &"x".repeat(3_000_000))).await.is_problem(413, "too_large");
}

#[tokio::test]
async fn feedback_is_handed_on() {
    let lab = Lab::new().await;
    lab.suggest("K1", &draft(DRAFT, "")).await;
    let send = async |body: &str| {
        lab.ask(&format!("POST /v1/drafts/{DRAFT}/feedback\n{SHOP}\nHeinzel-Claim: {}", claim("K1")), body).await
    };
    let answer = send(r#"{"what":"solved","answer":"a/b"}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(send(r#"{"what":"sent"}"#).await.status, 204);
    send(r#"{"what":"burnt"}"#).await.is_problem(422, "invalid");
    let told = lab.fake.told();
    let kinds: Vec<_> = told.feedback.iter().map(|(_, feedback)| (feedback.what, feedback.answer.as_deref())).collect();
    assert_eq!(kinds, [(FeedbackKind::Solved, Some("a/b")), (FeedbackKind::Sent, None)]);
}

async fn zammad(lab: &Lab, body: &str, signature: &str) -> Answer {
    lab.ask(
        &format!(
            "POST /v1/webhooks/zammad\nContent-Type: application/json; charset=utf-8\nX-Hub-Signature: {signature}"
        ),
        body,
    )
    .await
}

fn signed(secret: &[u8], body: &str) -> String {
    let sum = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), body.as_bytes());
    format!("sha1={}", sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[tokio::test]
async fn zammads_tickets_are_taken_when_they_are_signed() {
    let lab = Lab::new().await;
    let payload = r#"{"ticket":{"id":81,"number":"10081","title":"Webhook-Test","created_at":"2020-11-13T14:34:35.282Z","create_article_sender":"Customer","customer":{"id":8,"login":"emily@example.com"},"asset":"vm:100","page":null,"draft_id":"not one"},
        "article":{"id":104,"sender":"Customer","content_type":"text/html","body":"Mein Server<br>startet <b>nicht</b> &amp; ich warte"}}"#;
    let good = signed(b"zammads secret of the tests", payload);
    assert_eq!(zammad(&lab, payload, &good).await.status, 201);
    assert_eq!(zammad(&lab, payload, &good.to_uppercase().replace("SHA1", "sha1")).await.status, 200);
    {
        let told = lab.fake.told();
        let ticket = &told.tickets["zammad:81"];
        assert_eq!((ticket.customer.as_deref(), ticket.asset.as_deref()), (Some("emily@example.com"), Some("vm:100")));
        assert_eq!(
            (ticket.body.as_str(), ticket.draft_id.as_deref()),
            ("Mein Server\nstartet nicht & ich warte", None)
        );
    }
    for wrong in [
        "",
        "sha1=",
        &good[5..],
        &good.replace("sha1", "sha256"),
        &signed(b"another", payload),
        &signed(b"zammads secret of the tests", "{}"),
        &format!("{good}0"),
    ] {
        zammad(&lab, payload, wrong).await.is_problem(401, "unsigned");
    }
    let agent = payload.replace("\"sender\":\"Customer\"", "\"sender\":\"Agent\"").replace("81", "82");
    assert_eq!(zammad(&lab, &agent, &signed(b"zammads secret of the tests", &agent)).await.status, 204);
    for state in [r#""merged""#, r#"{"id":5,"name":"merged"}"#] {
        let merged = format!(
            r#"{{"ticket":{{"id":83,"state":{state},"customer":{{"login":"K1"}}}},"article":{{"sender":"Customer","body":"Server"}}}}"#
        );
        assert_eq!(zammad(&lab, &merged, &signed(b"zammads secret of the tests", &merged)).await.status, 204);
        assert!(!lab.fake.told().tickets.contains_key("zammad:83"));
    }
    for body in ["{}", "[]", "7", r#"{"ticket":{"id":{}}}"#] {
        zammad(&lab, body, &signed(b"zammads secret of the tests", body)).await.is_problem(422, "invalid");
    }
    zammad(&lab, "{", &signed(b"zammads secret of the tests", "{")).await.is_problem(400, "bad_request");
    assert_eq!(lab.fake.told().tickets.len(), 1);
}

#[tokio::test]
async fn what_of_zammads_ticket_cannot_be_used_is_said_and_counted() {
    let lab = Lab::new().await;
    let check = async |id: u32, login: &str, created: &str, fields: &[&str]| {
        let body = format!(
            r#"{{"ticket":{{"id":{id},"created_at":{created},"customer":{{"login":{login}}}}},"article":{{"sender":"Customer","body":"b"}}}}"#
        );
        let answer = zammad(&lab, &body, &signed(b"zammads secret of the tests", &body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let json = answer.json();
        let left_out = json["left_out"].as_array().cloned().unwrap_or_default();
        let said: Vec<&str> = left_out.iter().map(|one| one["field"].as_str().unwrap()).collect();
        assert_eq!(said, fields, "{answer:?}");
        assert!(!answer.body.contains("Beispiel"), "{answer:?}");
        lab.fake.told().tickets[&format!("zammad:{id}")].clone()
    };
    let good = r#""2027-01-15T07:00:00.000Z""#;
    assert!(check(1, r#""K1""#, good, &[]).await.created_at.is_some());
    assert_eq!(check(2, r#""Kim Beispiel""#, good, &["customer"]).await.customer, None);
    check(3, "null", good, &["customer"]).await;
    assert_eq!(check(4, r#""K1""#, r#""gestern""#, &["created_at"]).await.created_at, None);
    assert_eq!(check(5, r#""K1""#, r#""2036-01-01T00:00:00Z""#, &["created_at"]).await.created_at, None);
    // Attributes that hold something else.
    let body = r#"{"ticket":{"id":6,"created_at":"2027-01-15T07:00:00Z","customer":{"login":"K1"},"asset":"VM 100","draft_id":"?"},"article":{}}"#;
    let answer = zammad(&lab, body, &signed(b"zammads secret of the tests", body)).await;
    let said: Vec<_> = answer.json()["left_out"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(said, ["asset", "draft_id"], "{answer:?}");
    assert!(answer.body.contains("`ticket.asset`") && !answer.body.contains("VM 100"), "{answer:?}");
    let metrics = lab.ask("GET /metrics", "").await.body;
    for line in [
        "{field=\"customer\"} 2",
        "{field=\"created_at\"} 2",
        "{field=\"answer_used\"} 0",
        "{field=\"asset\"} 1",
        "{field=\"draft_id\"} 1",
    ] {
        assert!(metrics.contains(&format!("heinzel_tickets_left_out_total{line}")), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn the_answer_in_an_agents_article_is_taken_and_makes_no_ticket() {
    let lab = Lab::new().await;
    let send = async |answer: &str, sender: &str| {
        let body = format!(
            r#"{{"ticket":{{"id":81,"title":"t","answer_used":{answer}}},"article":{{"sender":"{sender}","body":"b"}}}}"#
        );
        zammad(&lab, &body, &signed(b"zammads secret of the tests", &body)).await.status
    };
    for (answer, sender) in [("\"a/b\"", "Agent"), ("null", "Agent"), ("\" \"", "Agent"), ("\"c/d\"", "System")] {
        assert_eq!(send(answer, sender).await, 204, "{answer} of {sender}");
    }
    let used = [("zammad:81".to_owned(), "a/b".to_owned()), ("zammad:81".to_owned(), "c/d".to_owned())];
    assert_eq!(lab.fake.told().answers_used, used);
    assert!(lab.fake.told().tickets.is_empty());
    assert_eq!(send("\"a/b\"", "Customer").await, 201);
    assert_eq!(lab.fake.told().tickets["zammad:81"].answer_used.as_deref(), Some("a/b"));
}

#[tokio::test]
async fn records_are_put_whole() {
    let lab = Lab::new().await;
    let put = async |path: &str, body: &str| lab.ask(&format!("PUT {path}\n{INGEST}"), body).await;
    let asset =
        r#"{"name":"Shop server","aliases":["300","web3"],"owner":"K1","depends_on":["host:pve1"],"protected":true}"#;
    let first = put("/v1/assets/vm:300", asset).await;
    assert_eq!((first.status, first.body.as_str()), (201, asset));
    assert_eq!(put("/v1/assets/vm%3A300", "{}").await.status, 200);
    assert_eq!(lab.fake.told().assets["vm:300"].owner, None);
    assert_eq!(put("/v1/assets/site:a%2Fb", "{}").await.status, 201);
    for (path, body) in [
        ("/v1/assets/vm", "{}"),
        ("/v1/assets/vm:-x", "{}"),
        ("/v1/assets/vm:%2e%2e", "{}"),
        ("/v1/assets/vm:%3Cscript%3E", "{}"),
        ("/v1/assets/vm:a%252Fb", "{}"),
        ("/v1/assets/file:a%2F..%2Fb", "{}"),
        ("/v1/assets/vm:1", r#"{"aliases":[""]}"#),
        ("/v1/assets/vm:1", r#"{"depends_on":["pve1"]}"#),
        ("/v1/customers/K%201", "{}"),
        ("/v1/customers/K1", r#"{"since":"2026"}"#),
        ("/v1/customers/K1", r#"{"email":"not a mail"}"#),
        ("/v1/customers/K1", r#"{"language":"zz"}"#),
        ("/v1/customers/K1", r#"{"name":"a\u0000b"}"#),
    ] {
        put(path, body).await.is_problem(422, "invalid");
    }
    put("/v1/customers/%FF", "{}").await.is_problem(400, "bad_request");
    let customer =
        r#"{"name":"Kim","email":"kim@example.com","language":"de","since":"2020-01-01T00:00:00Z","last_seen":null}"#;
    assert_eq!(put("/v1/customers/K1", customer).await.body, customer);
    assert_eq!(put("/v1/customers/K1", customer).await.status, 200);
}

#[tokio::test]
async fn an_import_takes_good_rows_and_names_bad_ones() {
    let lab = Lab::new().await;
    let import = async |query: &str, head: &str, body: &str| {
        lab.ask(&format!("POST /v1/customers/import{query}\n{head}"), body).await
    };
    let rows = "id,name\nK7,Kim\n,nobody\nK8,Lee\n";
    let expected = r#"{"rows":3,"taken":2,"complaints":[{"line":3,"why":"`id` is empty"}],"complaints_left_out":0,"dry_run":true}"#;
    assert_eq!(import("?dry_run=true", CSV, rows).await.body, expected);
    assert!(lab.fake.told().customers.is_empty());
    assert_eq!(import("", CSV, rows).await.body, expected.replace("true", "false"));
    assert_eq!(lab.fake.told().customers.len(), 2);
    import("?dry_run=maybe", CSV, rows).await.is_problem(400, "bad_request");
    import("?dry=true", CSV, rows).await.is_problem(400, "bad_request");
    import("", INGEST, rows).await.is_problem(415, "unsupported");
    import("", CSV, "name\n").await.is_problem(422, "invalid");
    // More than would be kept in memory at once.
    let many: String = std::iter::once("id\n".to_owned()).chain((0..200_000).map(|at| format!("C{at},x\n"))).collect();
    assert_eq!(import("", CSV, &many).await.json()["taken"], 200_000);
}

#[tokio::test]
async fn an_import_that_breaks_off_is_no_whole_import() {
    let lab =
        Lab::within(Limits { import_body: 1_000, import_within: Duration::from_millis(500), ..Limits::default() })
            .await;
    let chunked = async |rows: &str, end: &str| {
        let mut stream = tokio::net::TcpStream::connect(lab.address).await.unwrap();
        let lines = CSV.replace('\n', "\r\n");
        let text = format!(
            "POST /v1/customers/import HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{lines}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{rows}\r\n{end}",
            rows.len()
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer);
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("it stays open").unwrap();
        answer
    };
    let whole = chunked("id\nA1,x\nA2", "0\r\n\r\n").await;
    assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("\"taken\":2"), "{whole}");
    let slow = chunked("id\nB1,x\nB2", "").await;
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    let large = chunked(&format!("id\nC1,x\nC2{}", "x".repeat(1_000)), "0\r\n\r\n").await;
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    let told = lab.fake.told();
    let ids: Vec<&str> = told.customers.keys().map(String::as_str).collect();
    assert_eq!(ids, ["A1", "A2", "B1"], "half a row was taken");
}

#[tokio::test]
async fn reports_over_a_span() {
    let lab = Lab::new().await;
    let ask = async |path: &str| {
        lab.ask(&format!("GET /v1/reports/{path}\nAuthorization: Bearer operate-token-of-reports"), "").await
    };
    let usual = ask("deflection").await.json();
    assert_eq!(
        (usual["from"].as_str(), usual["until"].as_str()),
        (Some("2026-12-16T08:00:00Z"), Some("2027-01-15T08:00:00Z"))
    );
    assert_eq!((usual["name"].as_str(), usual["report"]["customers"].as_u64()), (Some("deflection"), Some(0)));
    let span = ask("silence?from=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00%2B01:00").await.json();
    assert_eq!(span["until"], "2026-01-31T23:00:00Z");
    ask("silence?from=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z").await.is_problem(422, "invalid");
    ask("silence?from=lately").await.is_problem(400, "bad_request");
    ask("silence?since=lately").await.is_problem(400, "bad_request");
    ask("weather").await.is_problem(404, "not_found");
    let busy = ask("topics").await;
    busy.is_problem(503, "busy");
    assert!(busy.head.contains("retry-after: 1"), "{busy:?}");
    let early = ask("silence?until=0001-01-01T00:00:00Z").await;
    early.is_problem(422, "invalid");
}

#[tokio::test]
async fn pages_and_their_policies() {
    let lab = Lab::new().await;
    let widget = lab.ask("GET /widget.js", "").await;
    assert!(
        widget.status == 200 && widget.head.contains("content-type: text/javascript; charset=utf-8"),
        "{}",
        widget.head
    );
    assert!(
        widget.head.contains("access-control-allow-origin: *")
            && widget.head.contains("cross-origin-resource-policy: cross-origin"),
        "{}",
        widget.head
    );
    let etag = widget.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let again = lab.ask(&format!("GET /widget.js\nIf-None-Match: {known}"), "").await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
    }
    assert_eq!(lab.ask("GET /widget.js\nIf-None-Match: \"x\"", "").await.status, 200);
    for (path, kind) in [("/demo", "text/html"), ("/demo.css", "text/css"), ("/demo.js", "text/javascript")] {
        let page = lab.ask(&format!("GET {path}"), "").await;
        assert!(page.status == 200 && page.head.contains(&format!("content-type: {kind}")), "{}", page.head);
        assert!(
            page.head.contains("content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'"),
            "{}",
            page.head
        );
        assert!(!page.head.contains("unsafe"), "{}", page.head);
    }
    let description = lab.ask("GET /v1/openapi.json", "").await;
    assert_eq!(description.json()["openapi"], "3.1.0");
    assert_eq!(lab.ask("HEAD /widget.js", "").await.body, "");
}

#[tokio::test]
async fn the_script_of_the_form_is_all_its_parts_and_nothing_else() {
    let served = Lab::new().await.ask("GET /widget.js", "").await.body;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/widget");
    let parts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut length = 0;
    for part in &parts {
        let text = std::fs::read_to_string(part).unwrap();
        assert_eq!(served.matches(&*text).count(), 1, "{}", part.display());
        length += text.len();
    }
    assert_eq!(served.len(), length);
    assert!(served.starts_with("// <heinzel-suggest>") && served.ends_with("\n})();\n"));
    assert!(length < 50_000, "{length} bytes: 15 kB packed is what a page loads without a thought");
}

#[tokio::test]
async fn the_demo_customer_is_a_customer_like_any_other() {
    let lab = Lab::new().await;
    let demo = lab.ask("GET /demo/claim", "").await.json();
    assert_eq!((demo["customer"].as_str(), demo["asset"].as_str()), (Some("K1"), Some("vm:100")));
    let head = |host: &str, page: &str| {
        format!(
            "POST /v1/suggestions\nHost: {host}\nAuthorization: Bearer {}\nHeinzel-Claim: {}\nOrigin: http://{page}\nContent-Type: application/json",
            demo["key"].as_str().unwrap(),
            demo["claim"].as_str().unwrap()
        )
    };
    let ask = async |host: &str, page: &str, number: u32, asset: &str| {
        lab.ask(&head(host, page), draft(&format!("draft-of-the-demo-000{number}"), asset)).await
    };
    let own = r#","asset":"vm:100""#;
    for (number, host) in (1..).zip(["localhost", "127.0.0.1:4780", "[::1]:4780", "Demo.LocalHost:80"]) {
        let answer = ask(host, host, number, own).await;
        assert!(answer.status == 200 && answer.body.contains("K1 about vm:100"), "{host}: {answer:?}");
    }
    ask("localhost", "localhost", 5, r#","asset":"vm:200""#).await.is_problem(403, "not_theirs");
    ask("localhost", "evil.example.com", 6, "").await.is_problem(403, "other_origin");
    // A page whose name was made to point here asks under that name.
    for host in ["evil.example.com", "localhost.evil.example.com", "notlocalhost", "192.0.2.1:4780", "127.0.0.1.nip.io"]
    {
        ask(host, host, 7, own).await.is_problem(403, "other_origin");
        for path in ["/demo/claim", "/demo", "/demo.js", "/v1/drafts/draft-of-the-demo-0001/news"] {
            let key = demo["key"].as_str().unwrap();
            let refused = lab.ask(&format!("GET {path}\nHost: {host}\nAuthorization: Bearer {key}"), "").await;
            refused.is_problem(403, "other_origin");
            assert!(refused.body.contains("http://localhost") && !refused.body.contains(key), "{refused:?}");
        }
    }
    let two = lab.ask("GET /demo/claim\nHost: localhost\nHost: evil.example.com", "").await;
    assert!(matches!(two.status, 400 | 403), "{two:?}");
}

#[tokio::test]
async fn requests_are_counted_by_route_not_by_address() {
    let lab = Lab::new().await;
    lab.suggest("K1", &draft(DRAFT, "")).await;
    for path in ["/v1/drafts/secret-of-somebody-01/news", "/secret-of-somebody-02"] {
        lab.ask(&format!("GET {path}\n{SHOP}"), "").await;
    }
    let metrics = lab.ask("GET /metrics", "").await.body;
    for line in [
        "heinzel_http_requests_total{route=\"/v1/suggestions\",status=\"2xx\"} 1",
        "route=\"/v1/drafts/{draft_id}/news\",status=\"4xx\"} 1",
        "route=\"other\",status=\"4xx\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("secret-of-somebody"), "{metrics}");
}

#[tokio::test]
async fn a_customer_is_forgotten_by_who_may_write_them_down() {
    let lab = Lab::new().await;
    assert_eq!(lab.ask(&format!("PUT /v1/customers/K1\n{INGEST}"), "{}").await.status, 201);
    let forget = async |head: &str| lab.ask(&format!("DELETE /v1/customers/K1\n{head}"), "").await;
    forget("X: y").await.is_problem(401, "unauthorized");
    forget(SHOP).await.is_problem(403, "forbidden");
    let ingest = "Authorization: Bearer ingest-token-of-tickets";
    for known in [true, false] {
        let answer = forget(ingest).await;
        assert_eq!((answer.status, &answer.json()["customer"]), (200, &serde_json::json!(known)), "{}", answer.body);
    }
    assert!(lab.fake.told().customers.is_empty());
    lab.ask(&format!("DELETE /v1/customers/K%201\n{ingest}"), "").await.is_problem(422, "invalid");
    assert_eq!(lab.fake.told().erased_by, ["token tickets", "token tickets"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let lab = Lab::new().await;
    lab.ask(&format!("PUT /v1/assets/vm 1\n{INGEST}"), "{}").await.is_problem(400, "bad_request");
    lab.ask("GET /healthz\nBad Name: x", "").await.is_problem(400, "bad_request");
    let many: String = (0..70).map(|number| format!("\nX-{number}: a")).collect();
    lab.ask(&format!("GET /healthz{many}"), "").await.is_problem(431, "too_large");
    lab.ask(&format!("GET /{}", "a".repeat(70_000)), "").await.is_problem(414, "too_large");
    // What comes through as it was is not touched.
    assert_eq!(lab.ask("GET /healthz", "").await.body, r#"{"status":"alive"}"#);
}

#[tokio::test]
async fn metrics_are_not_for_everybody_behind_a_proxy() {
    let lab = Lab::new().await;
    assert_eq!(lab.ask("GET /metrics", "").await.status, 200);
    for added in ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 shop"] {
        let ask =
            async |token: &str| lab.ask(&format!("GET /metrics\n{added}\nAuthorization: Bearer {token}"), "").await;
        ask("none").await.is_problem(401, "unauthorized");
        ask("ingest-token-of-tickets").await.is_problem(403, "forbidden");
        assert_eq!(ask("operate-token-of-reports").await.status, 200);
    }
}

#[tokio::test]
async fn an_asset_is_removed_by_who_may_write_it_down() {
    let lab = Lab::new().await;
    let remove = async |id: &str, head: &str| lab.ask(&format!("DELETE /v1/assets/{id}\n{head}"), "").await;
    remove("vm:100", "X: y").await.is_problem(401, "unauthorized");
    remove("vm:100", SHOP).await.is_problem(403, "forbidden");
    assert!(lab.fake.told().assets.contains_key("vm:100"));
    let ingest = "Authorization: Bearer ingest-token-of-tickets";
    for removed in [true, false] {
        let answer = remove("vm:100", ingest).await;
        assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "removed": removed })));
    }
    assert_eq!(lab.fake.told().erased_by, ["token tickets", "token tickets"]);
    remove("host:pve1", ingest).await.is_problem(409, "needed");
    remove("vm:%ff", ingest).await.is_problem(400, "bad_request");
}

//! No word of a customer, no id, key, claim or address gets into the log, whatever happens to a request.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

mod fake;
mod lab;

use std::io;
use std::sync::{Arc, Mutex};

use lab::{DRAFT, Lab, SHOP, claim, draft};
use ring::hmac;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_the_route_and_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    all.with_writer(move || writer.clone()).init();
    let lab = Lab::new().await;
    let words = r#","subject":"geheim-subject","locale":"de","page":"/geheim-page""#;
    lab.suggest("K1", &draft(DRAFT, words)).await;
    lab.suggest("K1", r#"{"draft_id":"draft-that-breaks-0000","body":"PANIC geheim-words"}"#).await;
    lab.suggest("K1", "geheim-words {").await;
    lab.suggest("K1", &draft(DRAFT, r#","geheim-field":1"#)).await;
    lab.suggest("K2-geheim", &draft(DRAFT, "")).await;
    let head = format!(
        "GET /v1/drafts/{DRAFT}/news?geheim=query\n{SHOP}\nHeinzel-Claim: geheim-claim\nX-Forwarded-For: 192.0.2.77"
    );
    lab.ask(&head, "").await;
    lab.ask("GET /geheim-address\nAuthorization: Bearer geheim-key\nX-Geheim: geheim", "").await;
    let ingest = "Authorization: Bearer ingest-token-of-tickets\nContent-Type: application/json";
    lab.ask(&format!("PUT /v1/customers/geheim-customer\n{ingest}"), r#"{"email":"geheim@example.com"}"#).await;
    lab.ask(&format!("POST /v1/tickets\n{ingest}"), r#"{"id":"geheim-ticket","body":"PANIC geheim-words"}"#).await;
    let told = r#"{"ticket":{"id":1,"customer":{"login":"geheim login"}},"article":{"body":"geheim-words"}}"#;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"zammads secret of the tests");
    let sum: String = hmac::sign(&key, told.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let head = format!("POST /v1/webhooks/zammad\nContent-Type: application/json\nX-Hub-Signature: sha1={sum}");
    for _ in 0..2 {
        lab.ask(&head, told).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for word in
        ["geheim", "Mein Server", "K1", "192.0.2", DRAFT, "form-key-of", "ingest-token", &claim("K1"), "example.com"]
    {
        assert!(!log.contains(word), "`{word}` is in the log:\n{log}");
    }
    let requests: Vec<&str> = log.lines().filter(|line| line.contains("a request ")).collect();
    assert_eq!(requests.len(), 11, "{log}");
    let first = requests[0];
    for word in
        ["DEBUG", "method=POST", "route=\"/v1/suggestions\"", "status=200", "micros=", "token=\"shop\"", "id=\""]
    {
        assert!(first.contains(word), "{word}: {first}");
    }
    assert_eq!(log.matches("what stands at `ticket.customer.login` is no customer's id").count(), 1, "once: {log}");
    assert!(requests[1].contains("WARN") && requests[1].contains("status=500"), "{}", requests[1]);
    assert!(requests[6].contains("route=\"other\"") && requests[6].contains("token=\"-\""), "{}", requests[6]);
}

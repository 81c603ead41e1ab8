//! A server with the fake engine, and requests to it as they stand on the wire.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heinzel_core::time::Timestamp;
use heinzel_server::access::Access;
use heinzel_server::api::Limits;
use heinzel_server::door::Inside;
use heinzel_server::settings::Settings;
use ring::hmac;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, FakeApi, NOW};

/// Two forms with secrets of their own, and a token for each other scope.
pub const SETTINGS: &str = r#"
demo = true
demo_customer = "K1"
demo_asset = "vm:100"
proxies = ["127.0.0.1"]

[[token]]
name = "shop"
scopes = ["form"]
token = "form-key-of-the-shop"
origins = ["https://my.example.com"]
rate = "1000/1s"
[token.claims]
secret = "0123456789abcdef0123456789abcdef"
previous = "an older secret of the same shop"

[[token]]
name = "other"
scopes = ["form"]
token = "form-key-of-another-shop"
origins = ["https://other.example.com"]
[token.claims]
secret = "the secret that another shop has"

[[token]]
name = "strangers"
scopes = ["form"]
token = "form-key-without-claims"
origins = ["https://my.example.com"]
rate = "3/1m"

[[token]]
name = "few"
scopes = ["form"]
token = "form-key-for-few-words"
origins = ["https://my.example.com"]
rate = "3/1m"
[token.claims]
secret = "0123456789abcdef0123456789abcdef"

[[token]]
name = "tickets"
scopes = ["ingest"]
token = "ingest-token-of-tickets"

[[token]]
name = "reports"
scopes = ["operate"]
token = "operate-token-of-reports"

[[token]]
name = "root"
scopes = ["admin"]
token = "admin-token-of-root"

[zammad]
secret = "zammads secret of the tests"
"#;

/// The shop's secret.
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// What the shop's form sends with every request.
pub const SHOP: &str =
    "Authorization: Bearer form-key-of-the-shop\nOrigin: https://my.example.com\nContent-Type: application/json";
/// A draft's id.
pub const DRAFT: &str = "draft-of-k1-0000000000";

/// A claim with these JSON texts, signed with this secret.
pub fn token(header: &str, content: &str, secret: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(content));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The shop's claim that this is its customer.
pub fn claim(customer: &str) -> String {
    token(r#"{"alg":"HS256","typ":"JWT"}"#, &format!(r#"{{"sub":"{customer}","exp":{}}}"#, NOW + 600), SECRET)
}

/// An answer from the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It is refused like this, as problem details.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(
            (problem["code"].as_str(), problem["status"].as_u64()),
            (Some(code), Some(status.into())),
            "{self:?}"
        );
        assert_eq!(problem["type"], format!("urn:heinzel:problem:{code}"));
        for member in ["title", "detail", "instance"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self:?}");
        }
        let id = problem["instance"].as_str().unwrap();
        assert!(self.head.contains(&format!("x-request-id: {id}")), "{self:?}");
    }
}

/// A running server.
pub struct Lab {
    pub fake: Arc<Fake>,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Lab {
    pub async fn new() -> Self {
        Self::within(Limits::default()).await
    }

    pub async fn within(limits: Limits) -> Self {
        let settings: Settings = toml::from_str(SETTINGS).unwrap();
        let access = Access::open(&settings.check(Path::new("/")).unwrap()).unwrap();
        let fake = Arc::new(Fake::default());
        let api = Arc::new(FakeApi { now: || Timestamp::from_seconds(NOW) });
        let inside = Inside { api, front: Some(fake.clone()), access, limits };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(heinzel_server::serve(listener, inside, stop.clone()));
        Self { fake, address, stop, serving }
    }

    /// Sends a request: its first line, its headers on lines of their own, its body.
    pub async fn ask(&self, head: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.send(head, body.as_ref()).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // A refused body may be cut off after the answer.
        let _ = tokio::time::timeout(Duration::from_secs(60), read).await.expect("the connection stays open");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        let head = head.to_ascii_lowercase();
        let body = if head.contains("transfer-encoding: chunked") { whole(body) } else { body.to_owned() };
        Answer { status, head, body }
    }

    /// Sends it and leaves the connection to the caller.
    pub async fn send(&self, head: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (line, more) = head.split_once('\n').unwrap_or((head, ""));
        let host = if more.contains("Host: ") { "" } else { "Host: localhost\r\n" };
        let more: String = more.lines().map(|line| format!("{line}\r\n")).collect();
        let length =
            if line.starts_with("GET") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{line} HTTP/1.1\r\n{host}Connection: close\r\n{length}{more}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refused body may be refused before all of it is sent.
        let _ = stream.write_all(body).await;
        stream
    }

    /// The shop's form asks for its customer.
    pub async fn suggest(&self, customer: &str, body: &str) -> Answer {
        self.ask(&format!("POST /v1/suggestions\n{SHOP}\nHeinzel-Claim: {}", claim(customer)), body).await
    }
}

/// A draft's request.
pub fn draft(id: &str, more: &str) -> String {
    format!(r#"{{"draft_id":"{id}","body":"Mein Server startet nicht"{more}}}"#)
}

/// So many characters, as JSON writes them at the longest.
pub fn escaped(characters: usize) -> String {
    "\\ud83d\\ude00".repeat(characters)
}

/// The text of chunks.
fn whole(chunks: &str) -> String {
    let mut text = String::new();
    let mut rest = chunks;
    while let Some((length, more)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        text.push_str(&more[..length.min(more.len())]);
        rest = more.get(length + 2..).unwrap_or_default();
    }
    text
}

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use heinzel_core::block::{Block, Record, Shape};
use heinzel_core::event::Level;
use heinzel_core::task::TaskState;
use heinzel_core::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::access::Access;
use crate::api::{Api, Limits, NotTaken, PushSource, is_same_secret};
use crate::metric::{Kind, Metric};

/// What the pump does with a block.
#[derive(Clone, Copy, PartialEq)]
enum Pump {
    Stores,
    Keeps,
    Drops,
    Full,
    Closed,
    NoRules,
}

struct Engine {
    pump: Pump,
    blocks: Mutex<Vec<Block>>,
    not_ready: Vec<String>,
}

impl Api for Engine {
    fn push_sources(&self) -> Arc<[PushSource]> {
        [("app", "secret-a"), ("shop", "secret-b"), ("open", "")]
            .map(|(name, token)| PushSource { name: name.into(), token: token.into() })
            .into()
    }
    fn push(&self, mut block: Block) -> Result<(), NotTaken> {
        match self.pump {
            Pump::Full => return Err(NotTaken::Full),
            Pump::Closed => return Err(NotTaken::Closed),
            Pump::NoRules => return Err(NotTaken::NoRules),
            Pump::Stores => block.ack.take().unwrap().stored(),
            Pump::Drops => drop(block.ack.take()),
            Pump::Keeps => {}
        }
        self.blocks.lock().unwrap().push(block);
        Ok(())
    }
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1)
    }
    fn not_ready(&self) -> Vec<String> {
        self.not_ready.clone()
    }
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric { name: "m".into(), help: "h".into(), kind: Kind::Gauge, samples: vec![(vec![], 1.0)] }]
    }
}

fn inside(engine: Arc<Engine>, limits: Limits) -> Inside {
    Inside { api: engine, front: None, access: Access::default(), limits }
}

struct Lab {
    engine: Arc<Engine>,
    address: SocketAddr,
}

impl Lab {
    async fn new(pump: Pump, not_ready: &[&str]) -> Self {
        let not_ready = not_ready.iter().map(|&reason| reason.to_owned()).collect();
        let engine = Arc::new(Engine { pump, blocks: Mutex::default(), not_ready });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { body: 1_000, events: 10, stored_within: Duration::from_millis(50), ..Limits::default() };
        let router = router(inside(engine.clone(), limits), CancellationToken::new());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { engine, address }
    }

    /// The status, the head in lower case, the body.
    async fn ask(&self, head: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (line, more) = head.split_once('\n').unwrap_or((head, ""));
        let more: String = more.lines().map(|line| format!("{line}\r\n")).collect();
        let head =
            format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refused body may be refused before all of it is sent.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
    }

    async fn push(&self, body: &str) -> (u16, String, String) {
        self.ask("POST /v1/events?source=app\nAuthorization: Bearer secret-a", body.as_bytes()).await
    }

    fn records(&self) -> Vec<(String, Record)> {
        let mut all = Vec::new();
        for block in self.engine.blocks.lock().unwrap().iter() {
            let Shape::Records(records) = &block.shape else { panic!("no records") };
            let mut begin = 0;
            for record in records {
                all.push((String::from_utf8(block.bytes[begin..record.end].to_vec()).unwrap(), record.clone()));
                begin = record.end;
            }
        }
        all
    }
}

#[tokio::test]
async fn events_are_accepted_once_they_are_stored() {
    let lab = Lab::new(Pump::Stores, &[]).await;
    let body = concat!(
        r#"{"message":"two\nlines","time":"2026-03-01T15:00:00+01:00","host":"web1","level":"error","pid":7,"#,
        r#""attributes":{"a":"b"},"task":{"id":"1","kind":"backup","state":"failed"}}"#,
        "\n\n",
        r#""Mar  1 14:00:00 web1 sshd[1]: raw""#,
    );
    let (status, _, answer) = lab.push(body).await;
    assert_eq!((status, answer.as_str()), (202, r#"{"accepted":2}"#));
    let records = lab.records();
    let stamp = records[0].1.stamp.as_ref().unwrap();
    assert_eq!((records[0].0.as_str(), stamp.level, stamp.pid), ("two\nlines\n", Some(Level::Error), Some(7)));
    assert_eq!(stamp.time.unwrap().to_string(), "2026-03-01T14:00:00Z");
    assert_eq!(stamp.task.as_ref().unwrap().state, TaskState::Failed);
    assert_eq!((records[1].0.as_str(), &records[1].1.stamp), ("Mar  1 14:00:00 web1 sshd[1]: raw\n", &None));
    assert_eq!(lab.push("\n").await.2, r#"{"accepted":0}"#);
}

#[tokio::test]
async fn a_wrong_line_is_named_and_nothing_is_taken() {
    let lab = Lab::new(Pump::Stores, &[]).await;
    for (line, why) in [
        ("nonsense", "neither a JSON object nor a JSON text"),
        (r#"{"text":"x"}"#, "unknown field `text`"),
        (r#"{"host":"x"}"#, "missing field `message`"),
        (r#"{"message":"x","time":"yesterday"}"#, "`yesterday` is not a time"),
        (r#"{"message":"#, "EOF"),
        ("[]", "neither"),
    ] {
        let (status, _, answer) = lab.push(&format!("\"good\"\n{line}")).await;
        assert_eq!(status, 400, "{line}");
        assert!(answer.contains("line 2: ") && answer.contains(why), "{line}: {answer}");
        assert!(answer.contains(r#""code":"bad_request""#), "{answer}");
    }
    assert_eq!(lab.records().len(), 0);
}

#[tokio::test]
async fn who_may_not_push_learns_nothing() {
    let lab = Lab::new(Pump::Stores, &[]).await;
    let check = async |head: &str, expected: u16| {
        let (status, _, answer) = lab.ask(head, b"\"x\"").await;
        assert_eq!(status, expected, "{head}: {answer}");
        assert!(answer.starts_with(r#"{"type":"urn:heinzel:problem:"#), "{answer}");
    };
    check("POST /v1/events?source=app", 401).await;
    check("POST /v1/events?source=nope", 401).await;
    check("POST /v1/events?source=app\nAuthorization: Bearer wrong", 401).await;
    check("POST /v1/events?source=app\nAuthorization: Basic secret-a", 401).await;
    check("POST /v1/events?source=open\nAuthorization: Bearer ", 401).await;
    check("POST /v1/events?source=shop\nAuthorization: Bearer secret-a", 403).await;
    check("POST /v1/events?source=nope\nAuthorization: Bearer secret-a", 404).await;
    check("POST /v1/events\nAuthorization: Bearer secret-a", 400).await;
    check("GET /v1/events", 405).await;
    check("GET /nothing", 404).await;
    // Without the half for customers its addresses are there and say so.
    check("POST /v1/suggestions\nAuthorization: Bearer secret-a", 401).await;
    check("POST /v1/events?source=app\nAuthorization: Bearer secret-a\nContent-Encoding: gzip", 415).await;
    assert_eq!(lab.records().len(), 0);
}

#[tokio::test]
async fn a_full_pump_says_when_to_come_again() {
    let lab = Lab::new(Pump::Full, &[]).await;
    let (status, head, answer) = lab.push("\"x\"").await;
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 1"), "{head}");
    assert!(answer.contains("send it again"), "{answer}");
}

#[tokio::test]
async fn what_is_not_stored_in_time_can_be_sent_again() {
    for pump in [Pump::Keeps, Pump::Drops, Pump::Closed, Pump::NoRules] {
        let (status, head, answer) = Lab::new(pump, &[]).await.push("\"x\"").await;
        assert_eq!(status, 503, "{answer}");
        assert!(head.contains("retry-after: 5") && answer.contains("not_stored"), "{head} {answer}");
    }
}

#[tokio::test]
async fn too_much_is_refused() {
    let lab = Lab::new(Pump::Stores, &[]).await;
    let (status, _, answer) = lab.push(&format!("\"{}\"", "x".repeat(2_000))).await;
    assert_eq!(status, 413, "{answer}");
    let (status, _, answer) = lab.push(&"\"x\"\n".repeat(11)).await;
    assert_eq!(status, 413, "{answer}");
    assert_eq!(lab.records().len(), 0);
}

#[tokio::test]
async fn alive_ready_and_measured() {
    let lab = Lab::new(Pump::Stores, &[]).await;
    assert_eq!(lab.ask("GET /healthz", b"").await.0, 200);
    assert_eq!(lab.ask("GET /readyz", b"").await.2, r#"{"status":"ready"}"#);
    let (status, head, text) = lab.ask("GET /metrics", b"").await;
    assert!(status == 200 && text.starts_with("# HELP m h\n# TYPE m gauge\nm 1\n"), "{text}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let lab = Lab::new(Pump::Stores, &["the store is full"]).await;
    let (status, _, answer) = lab.ask("GET /readyz", b"").await;
    assert_eq!(status, 503);
    assert!(
        answer.contains(r#""code":"not_ready""#) && answer.contains(r#""reasons":["the store is full"]"#),
        "{answer}"
    );
    assert_eq!(lab.ask("GET /healthz", b"").await.0, 200);
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let engine = Arc::new(Engine { pump: Pump::Stores, blocks: Mutex::default(), not_ready: Vec::new() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, inside(engine, Limits::default()), stop.clone()));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("it goes on").unwrap().unwrap();
}

#[test]
fn secrets_are_compared_whole() {
    assert!(is_same_secret(b"abc", b"abc"));
    assert!(!is_same_secret(b"abc", b"abd") && !is_same_secret(b"abc", b"ab") && !is_same_secret(b"", b"a"));
}

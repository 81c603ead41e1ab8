use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use heinzel_core::block::{Delivery, Notice};
use heinzel_core::event::Stamp;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::settings::Start;

fn common() -> Common {
    Common {
        name: "s".into(),
        format: Format::Auto,
        zone: None,
        start: Start::End,
        program: Some("unnamed".into()),
        customers: false,
    }
}

struct Lab {
    inlet: mpsc::Receiver<Delivery>,
    feed: Feed,
}

impl Lab {
    fn new() -> Self {
        let (out, inlet) = mpsc::channel(4);
        let feed = Feed::new("s".into(), out, Arc::new(|| Timestamp::from_seconds(9)), CancellationToken::new());
        Self { inlet, feed }
    }

    async fn delivery(&mut self) -> Delivery {
        timeout(Duration::from_secs(30), self.inlet.recv()).await.expect("nothing came").expect("it ended")
    }

    /// The next messages, until there are `count`.
    async fn messages(&mut self, count: usize) -> Vec<(String, Stamp)> {
        let mut all = Vec::new();
        while all.len() < count {
            let Delivery::Block(block) = self.delivery().await else { continue };
            let Shape::Records(records) = &block.shape else { panic!("no records") };
            let mut begin = 0;
            for record in records {
                let text = String::from_utf8_lossy(&block.bytes[begin..record.end - 1]).into_owned();
                begin = record.end;
                all.push((text, *record.stamp.clone().unwrap()));
            }
        }
        all
    }

    async fn until_caught_up(&mut self) {
        while !matches!(self.delivery().await, Delivery::Notice(Notice::CaughtUp { .. })) {}
    }

    fn listen(&self, at: &Path) -> JoinHandle<Result<(), SourceError>> {
        let (feed, settings) = (self.feed.clone(), Syslog { listen: Listen::Unix(at.to_owned()) });
        tokio::spawn(async move { run(feed, common(), settings, vec![]).await })
    }
}

#[tokio::test]
async fn datagrams_arrive_with_their_peer() {
    let mut lab = Lab::new();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let feed = lab.feed.clone();
    let task = tokio::spawn(async move { datagram::udp(&feed, &common(), &socket).await });
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for message in ["first\n".as_bytes(), b"", b"\xff\0", "two\nlines\n".as_bytes()] {
        sender.send_to(message, address).await.unwrap();
    }
    let seen = lab.messages(3).await;
    let texts: Vec<&str> = seen.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["first", "\u{fffd}", "two\nlines"]);
    let stamp = &seen[0].1;
    assert_eq!((stamp.host.as_deref(), stamp.program.as_deref()), (Some("127.0.0.1"), Some("unnamed")));
    assert_eq!(stamp.attributes["peer"], "127.0.0.1");
    for message in
        ["<11>Mar  1 14:00:00 web1 sshd[77]: old", "<11>1 2026-03-01T14:00:00Z web1 sshd 77 - - new"].map(str::as_bytes)
    {
        sender.send_to(message, address).await.unwrap();
    }
    for ((text, stamp), expected) in lab.messages(2).await.iter().zip(["old", "new"]) {
        assert_eq!((text.as_str(), stamp.host.as_deref(), stamp.pid), (expected, Some("web1"), Some(77)));
        assert_eq!(stamp.attributes["peer"], "127.0.0.1");
    }
    lab.feed.stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_are_read_in_both_framings_until_they_end() {
    let mut lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let feed = lab.feed.clone();
    let task = tokio::spawn(async move { connection::serve(&feed, &common(), Door::Tcp(listener)).await });
    let mut one = TcpStream::connect(address).await.unwrap();
    one.write_all(b"plain a\n12 <1>counted\nb").await.unwrap();
    assert_eq!(lab.messages(2).await.len(), 2);
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"half").await.unwrap();
    other.shutdown().await.unwrap();
    assert_eq!(lab.messages(1).await[0].0, "half");
    lab.feed.stop.cancel();
    task.await.unwrap().unwrap();
}

/// The next news of health, and of which stream.
async fn health_of(lab: &mut Lab) -> (Option<String>, Health) {
    loop {
        if let Delivery::Notice(Notice::Health { stream, health, .. }) = lab.delivery().await {
            return (stream.map(|stream| stream.to_string()), health);
        }
    }
}

#[tokio::test]
async fn idle_connections_lock_nobody_out_and_are_said_until_it_is_calm() {
    // The clock is the test's: with nothing else to wait for it goes on by itself.
    for (share, concerned) in [(2, Some("127.0.0.1".to_owned())), (9, None)] {
        let mut lab = Lab::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (feed, limits) = (lab.feed.clone(), table::Limits { connections: 4, share });
        let task =
            tokio::spawn(async move { connection::serve_within(limits, &feed, &common(), Door::Tcp(listener)).await });
        let mut idle = Vec::new();
        for _ in 0..4 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut sender = TcpStream::connect(address).await.unwrap();
        sender.write_all(b"heard\n").await.unwrap();
        let (stream, health) = health_of(&mut lab).await;
        let Health::Degraded { why } = health else { panic!("{health:?}") };
        assert_eq!(stream, concerned);
        let port = address.port().to_string();
        assert!(why.contains("all 4 connections") && why.contains(&port) && why.len() <= 180, "{why}");
        assert_eq!(lab.messages(1).await[0].0, "heard");
        // Those that are left are closed for their silence, too; the sender may rest.
        tokio::time::pause();
        let mut silent = 0;
        let recovered = loop {
            match lab.inlet.recv().await.unwrap() {
                Delivery::Notice(Notice::Counted { what: "connection_silent", times, .. }) => silent += times,
                Delivery::Notice(Notice::Health { stream, health, .. }) => break (stream, health),
                _ => {}
            }
        };
        assert_eq!((recovered.0.map(|stream| stream.to_string()), recovered.1), (concerned.clone(), Health::Ok));
        assert!(silent <= 3, "{silent}");
        if concerned.is_none() {
            assert!(matches!(lab.delivery().await, Delivery::Notice(Notice::CaughtUp { .. })));
        }
        tokio::time::resume();
        sender.write_all(b"still here\n").await.unwrap();
        assert_eq!(lab.messages(1).await[0].0, "still here");
        lab.feed.stop.cancel();
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_only_too_long_before_the_first_message_and_amid_one() {
    for (sent, counted) in [
        ("", Some("connection_silent")),
        ("\n", Some("connection_silent")),
        ("half", Some("connection_stalled")),
        ("whole\n", None),
    ] {
        let mut lab = Lab::new();
        let (mut sender, receiver) = tokio::io::duplex(64);
        let feed = lab.feed.clone();
        let task = tokio::spawn(async move {
            let seat = table::Seat::new("peer".into(), true, tokio::time::Instant::now());
            connection::read(&feed, &common(), receiver, &seat).await
        });
        sender.write_all(sent.as_bytes()).await.unwrap();
        let mut seen = None;
        while let Ok(Some(delivery)) = timeout(Duration::from_secs(3_600), lab.inlet.recv()).await {
            if let Delivery::Notice(Notice::Counted { what, .. }) = delivery {
                seen = Some(what);
            }
        }
        assert_eq!((seen, task.is_finished()), (counted, counted.is_some()), "{sent:?}");
        lab.feed.stop.cancel();
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_must_leave_has_what_it_sent_taken_first() {
    let mut lab = Lab::new();
    let (mut sender, receiver) = tokio::io::duplex(64);
    sender.write_all(b"sent\nhalf").await.unwrap();
    let seat = table::Seat::new("peer".into(), true, tokio::time::Instant::now());
    seat.leave.cancel();
    connection::read(&lab.feed, &common(), receiver, &seat).await.unwrap();
    let texts: Vec<String> = lab.messages(2).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["sent", "half"]);
}

#[tokio::test]
async fn a_peer_waits_while_the_engine_is_behind() {
    let mut lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let feed = lab.feed.clone();
    let task = tokio::spawn(async move { connection::serve(&feed, &common(), Door::Tcp(listener)).await });
    let writer = tokio::spawn(async move {
        let mut peer = TcpStream::connect(address).await.unwrap();
        for number in 0..200_000 {
            peer.write_all(format!("line {number}\n").as_bytes()).await.unwrap();
        }
    });
    // Nobody reads the channel, so it fills up; only then everything is taken, and nothing is missing.
    let full = async {
        while lab.inlet.len() < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), full).await.unwrap();
    let seen = lab.messages(200_000).await;
    assert!(seen.iter().enumerate().all(|(number, (text, _))| *text == format!("line {number}")));
    writer.await.unwrap();
    lab.feed.stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn sockets_in_the_file_system_open_to_all_and_vanish_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["log", "log.stream"] {
        let mut lab = Lab::new();
        let at = folder.path().join(name);
        // A socket that nobody listens on any more.
        drop(std::os::unix::net::UnixListener::bind(&at).unwrap());
        let task = lab.listen(&at);
        lab.until_caught_up().await;
        assert_eq!(std::fs::metadata(&at).unwrap().permissions().mode() & 0o777, 0o666);
        if name == "log" {
            let sender = UnixDatagram::unbound().unwrap();
            sender.send_to(b"hello", &at).await.unwrap();
            sender.send_to(&vec![b'x'; LINE_LIMIT / 2], &at).await.unwrap();
            assert_eq!(lab.messages(2).await[1].0.len(), LINE_LIMIT / 2);
        } else {
            UnixStream::connect(&at).await.unwrap().write_all(b"hello\n").await.unwrap();
            assert_eq!(lab.messages(1).await[0].0, "hello");
        }
        let second = Lab::new().listen(&at).await.unwrap().unwrap_err().to_string();
        assert!(second.contains("another program listens"), "{second}");
        lab.feed.stop.cancel();
        task.await.unwrap().unwrap();
        assert!(!at.exists());
    }
}

#[tokio::test]
async fn a_file_in_the_way_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("precious");
    std::fs::write(&at, "data").unwrap();
    let error = Lab::new().listen(&at).await.unwrap().unwrap_err().to_string();
    assert!(error.contains("not a socket") && error.contains("precious"), "{error}");
    assert_eq!(std::fs::read_to_string(&at).unwrap(), "data");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let lab = Lab::new();
    let error = run(lab.feed.clone(), common(), Syslog { listen: Listen::Tcp(address) }, vec![]).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

//! Who asks much shall not keep others from being answered.

mod fake;
mod lab;

use std::time::Duration;

use heinzel_server::api::Limits;
use lab::{DRAFT, Lab, SHOP, claim, draft};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

#[tokio::test]
async fn a_customer_behind_a_proxy_that_names_nobody_is_held_back_by_nobody_else() {
    let lab = Lab::new().await;
    let few = format!(
        "POST /v1/suggestions\n{}\nX-Forwarded-For: garbage",
        SHOP.replace("form-key-of-the-shop", "form-key-for-few-words")
    );
    let of = |customer: &str| format!("{few}\nHeinzel-Claim: {}", claim(customer));
    for _ in 0..3 {
        assert_eq!(lab.ask(&few, draft("draft-of-a-stranger-03", "")).await.status, 200);
    }
    lab.ask(&few, draft("draft-of-a-stranger-03", "")).await.is_problem(429, "too_many");
    for _ in 0..3 {
        assert_eq!(lab.ask(&of("K1"), draft(DRAFT, "")).await.status, 200);
    }
    let answer = lab.ask(&of("K1"), draft(DRAFT, "")).await;
    answer.is_problem(429, "too_many");
    assert!(answer.body.contains("this customer asks too often"), "{answer:?}");
    assert_eq!(lab.ask(&of("K2"), draft("draft-of-k2-0000000000", "")).await.status, 200);
    // A claim that does not count is a stranger's.
    lab.ask(&format!("{few}\nHeinzel-Claim: x.y.z"), draft(DRAFT, "")).await.is_problem(429, "too_many");
}

#[tokio::test]
async fn strangers_leave_room_for_customers() {
    let lab = Lab::within(Limits { forms: 4, ..Limits::default() }).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(lab.address).await.unwrap();
        let head =
            format!("POST /v1/suggestions HTTP/1.1\nHost: h\n{SHOP}\nContent-Length: 100\n\n{{").replace('\n', "\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let stranger = format!("POST /v1/suggestions\n{SHOP}");
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while lab.ask(&stranger, draft("draft-of-a-stranger-04", "")).await.status != 503 {
        assert!(tokio::time::Instant::now() < end, "strangers take every place");
    }
    assert_eq!(lab.suggest("K1", &draft(DRAFT, "")).await.status, 200);
}

#[tokio::test]
async fn a_site_of_ipv6_is_not_as_many_askers_as_it_has_networks() {
    let lab = Lab::new().await;
    let ask = async |address: String| {
        let head = format!(
            "POST /v1/suggestions\n{}\nX-Forwarded-For: {address}",
            SHOP.replace("form-key-of-the-shop", "form-key-without-claims")
        );
        lab.ask(&head, draft("draft-of-a-stranger-05", "")).await
    };
    for network in 0..48 {
        assert_eq!(ask(format!("2001:db8:7:{network:x}::1")).await.status, 200, "{network}");
    }
    let answer = ask("2001:db8:7:ff::1".to_owned()).await;
    answer.is_problem(429, "too_many");
    assert!(answer.body.contains("/48"), "{answer:?}");
    assert_eq!(ask("2001:db8:8:ff::1".to_owned()).await.status, 200);
}

#[tokio::test]
async fn a_proxy_that_the_settings_do_not_name_is_the_reason_that_is_said() {
    let lab = Lab::new().await;
    let ask = async |more: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(lab.address).await.unwrap();
        let (body, head) =
            (draft("draft-of-a-stranger-06", ""), SHOP.replace("form-key-of-the-shop", "form-key-without-claims"));
        let head = format!(
            "POST /v1/suggestions HTTP/1.1\nHost: h\nConnection: close\n{head}{more}\nContent-Length: {}\n\n",
            body.len()
        );
        stream.write_all(format!("{}{body}", head.replace('\n', "\r\n")).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    for address in 1..=3 {
        assert!(ask(&format!("\nX-Forwarded-For: 192.0.2.{address}")).await.starts_with("HTTP/1.1 200"));
    }
    let answer = ask("\nX-Forwarded-For: 192.0.2.4").await;
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("`proxies` in [server]"), "{answer}");
    assert!(ask("").await.contains("this address asks too often"));
}

//! Whether something answers: TCP and HTTP.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{Report, round};
use crate::Hands;
use crate::program::chain;

/// How much of a page is read.
const BODY_LIMIT: usize = 1024 * 1024;

impl Hands {
    /// Whether a port accepts. A name that cannot be resolved makes the probe blind: the fault may be our resolver's.
    pub(super) async fn tcp(&self, host: &str, port: u16) -> Report {
        let start = Instant::now();
        let connect = async {
            let addresses = resolve(host, port).await?;
            Ok::<_, String>(TcpStream::connect(addresses.as_slice()).await)
        };
        let error = match timeout(self.probe_timeout, connect).await {
            Ok(Ok(Ok(_stream))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(blind)) => return Err(blind),
            Err(_) => Some(self.late()),
        };
        Ok(json!({"open": error.is_none(), "millis": millis(start), "error": error}))
    }

    /// GET of a URL. At most 1 MiB of the body is read, and `size_bytes` counts what was read. Redirects are reported,
    /// not followed. A certificate that does not hold means `reached` is false, and `error` says why.
    pub(super) async fn http(&self, url: &str) -> Report {
        let allowed = |url: &str| {
            self.allow.probe(&heinzel_core::probe::Probe::Http { url: url.into() }).map_err(|no| no.to_string())
        };
        let parsed = crate::url::parse(url, allowed)?;
        let start = Instant::now();
        let answer = async {
            let mut response = self.client()?.get(parsed).timeout(self.probe_timeout).send().await?;
            let mut size = 0;
            while size < BODY_LIMIT {
                let Some(chunk) = response.chunk().await? else { break };
                size += chunk.len();
            }
            Ok::<_, reqwest::Error>((response.status().as_u16(), size.min(BODY_LIMIT)))
        };
        match answer.await {
            Ok((status, size)) => Ok(json!({
                "reached": true, "status": status, "ok": (200..400).contains(&status), "millis": millis(start),
                "size_bytes": size, "error": null,
            })),
            Err(error) => {
                let why = if error.is_timeout() { self.late() } else { chain(&error.without_url()) };
                if why.contains("dns error") {
                    return Err(why);
                }
                Ok(json!({
                    "reached": false, "status": null, "ok": false, "millis": millis(start), "size_bytes": null, "error": why,
                }))
            }
        }
    }
}

/// The addresses of a host.
///
/// # Errors
/// Why there are none.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let addresses: Vec<SocketAddr> =
        lookup_host((host, port)).await.map_err(|error| format!("resolve `{host}`: {error}"))?.collect();
    if addresses.is_empty() { Err(format!("resolve `{host}`: it has no address")) } else { Ok(addresses) }
}

fn millis(start: Instant) -> f64 {
    round(start.elapsed().as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use heinzel_core::probe::Probe;

    use super::*;
    use crate::fixture::{Server, hands, hands_with, sees};

    #[tokio::test]
    async fn an_open_port_and_a_closed_one_are_told_apart() {
        let server = Server::start("").await;
        let hands = hands(&json!({}));
        let probe = Probe::Tcp { host: "127.0.0.1".into(), port: server.port() };
        let report = sees(&hands, probe.clone()).await;
        assert_eq!((&report["open"], &report["error"]), (&json!(true), &json!(null)), "{report}");
        assert!(report["millis"].is_number());
        server.stopped().await;
        let report = sees(&hands, probe).await;
        assert_eq!(report["open"], false);
        assert!(report["error"].as_str().unwrap().contains("refused"), "{report}");
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_is_blind_and_not_closed() {
        let report = sees(&hands(&json!({})), Probe::Tcp { host: "no such host".into(), port: 80 }).await;
        assert!(report["blind"].as_str().unwrap().contains("resolve `no such host`"), "{report}");
    }

    async fn get(answer: &str) -> serde_json::Value {
        let server = Server::start(answer).await;
        sees(&hands(&json!({})), Probe::Http { url: format!("{}/status", server.url()) }).await
    }

    #[tokio::test]
    async fn statuses_are_reported_and_redirects_not_followed() {
        let report = get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        let seen = json!([report["reached"], report["status"], report["ok"], report["size_bytes"], report["error"]]);
        assert_eq!(seen, json!([true, 200, true, 5, null]));
        let report = get("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(json!([report["reached"], report["status"], report["ok"]]), json!([true, 503, false]));
        let report = get("HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(json!([report["reached"], report["status"], report["ok"]]), json!([true, 302, true]));
    }

    #[tokio::test]
    async fn a_huge_page_is_not_read_to_its_end() {
        let page = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2 * BODY_LIMIT));
        assert_eq!(get(&page).await["size_bytes"], BODY_LIMIT);
    }

    #[tokio::test]
    async fn a_server_that_breaks_off_or_is_silent_was_not_reached() {
        let report = get("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort").await;
        assert_eq!(json!([report["reached"], report["ok"], report["status"]]), json!([false, false, null]), "{report}");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let hands = hands_with(r#"{"probe_timeout": "100ms"}"#, "{}");
        let report = sees(&hands, Probe::Http { url }).await;
        assert_eq!(json!([report["reached"], report["error"]]), json!([false, "no answer within 100ms"]));
    }

    #[tokio::test]
    async fn a_foreign_url_needs_a_grant_and_a_disguised_one_gets_none() {
        let hands = hands(&json!({"http": ["http://127.0.0.1:*/*"]}));
        for (url, expected) in [
            ("http://example.com/", "`policy.allow.http`"),
            ("http://127.0.0.1:x@example.com/", "hides its host"),
            ("ftp://127.0.0.1/", "`ftp:` is not supported"),
        ] {
            let report = sees(&hands, Probe::Http { url: url.into() }).await;
            assert!(report["blind"].as_str().unwrap().contains(expected), "{url}: {report}");
        }
    }
}

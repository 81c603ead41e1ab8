//! Whether anybody is behind the links of answers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use heinzel_knowledge::complaint::{Complaint, Severity};
use heinzel_knowledge::front_matter::AnswerFile;
use heinzel_knowledge::lint;
use heinzel_knowledge::render::{self, Context, Words};
use reqwest::{Client, Method, StatusCode};

/// How long a link may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many are asked at a time.
const AT_ONCE: usize = 8;

/// A file with a line and column in it.
type Place<'a> = (&'a AnswerFile, (usize, usize));

/// Asks every link once, with the operator's words in it. Links that need a customer's values cannot be asked.
pub(super) fn complaints(files: &[AnswerFile], words: &Words) -> anyhow::Result<Vec<Complaint>> {
    let mut urls: BTreeMap<String, Vec<Place<'_>>> = BTreeMap::new();
    for file in files {
        let mut context = Context::default();
        words.fill(&mut context, file.variant.language);
        for (url, place) in lint::links(file) {
            if let Some(url) = render::address(url, &file.variant, &context) {
                urls.entry(url).or_default().push((file, place));
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("begin to ask links")?;
    let client = Client::builder()
        .timeout(TIMEOUT)
        .https_only(true)
        .user_agent(concat!("heinzel/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("begin to ask links")?;
    let asked = runtime.block_on(ask_all(&client, urls.keys().cloned().collect()));
    let mut complaints = Vec::new();
    for (url, (severity, why)) in asked {
        for (file, (line, column)) in urls.get(&url).into_iter().flatten() {
            complaints.push(Complaint {
                file: file.variant.file.clone(),
                line: *line,
                column: *column,
                rule: "dead-link",
                severity,
                message: format!("`{url}`: {why}"),
                suggestion: Some("correct the address, or take the link out".to_owned()),
            });
        }
    }
    Ok(complaints)
}

/// What is wrong with which addresses.
async fn ask_all(client: &Client, urls: Vec<String>) -> BTreeMap<String, (Severity, String)> {
    let mut wrong = BTreeMap::new();
    let mut waiting = urls.into_iter();
    let mut asked = tokio::task::JoinSet::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some(url) = waiting.next()
        {
            let client = client.clone();
            asked.spawn(async move { (ask(&client, &url).await, url) });
        }
        match asked.join_next().await {
            None => return wrong,
            Some(Ok((Some(why), url))) => _ = wrong.insert(url, why),
            Some(_) => {}
        }
    }
}

/// What is wrong with an address; `None`: somebody is there. A door that asks for a name is a door.
async fn ask(client: &Client, url: &str) -> Option<(Severity, String)> {
    let mut answer = client.request(Method::HEAD, url).send().await;
    // Many programs do not know HEAD, or think it is an attack.
    if answer.as_ref().is_ok_and(|response| response.status().is_client_error() || response.status().is_server_error())
    {
        answer = client.request(Method::GET, url).send().await;
    }
    match answer {
        Ok(response) => match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => None,
            status if status.is_client_error() => Some((Severity::Error, format!("it answers {status}"))),
            status if status.is_server_error() => Some((Severity::Warning, format!("it answers {status}"))),
            _ => None,
        },
        Err(error) if error.is_timeout() => {
            Some((Severity::Warning, format!("no answer within {} seconds", TIMEOUT.as_secs())))
        }
        Err(error) => {
            // The last cause says it: `Connection refused`, `failed to lookup address information`.
            let error = error.without_url();
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Some((Severity::Error, cause.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_answers_is_alive_and_what_does_not_is_told_why() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 2048];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..read]).into_owned();
                let status = match text.split(' ').nth(1).unwrap_or_default() {
                    "/login" => "401 Unauthorized",
                    "/gone" => "404 Not Found",
                    "/broken" => "503 Service Unavailable",
                    "/get-only" if text.starts_with("HEAD") => "405 Method Not Allowed",
                    _ => "200 OK",
                };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/", closed.local_addr().unwrap());
        drop(closed);
        let mut urls: Vec<String> = ["/", "/login", "/gone", "/broken", "/get-only"]
            .iter()
            .map(|path| format!("http://{place}{path}"))
            .collect();
        urls.extend((0..20).map(|number| format!("http://{place}/{number}")));
        urls.push(nobody.clone());
        let wrong = ask_all(&client, urls).await;
        let expected =
            [(format!("http://{place}/broken"), "503"), (format!("http://{place}/gone"), "404"), (nobody, "")];
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for (url, word) in &expected {
            assert!(wrong[url].1.contains(word) && !wrong[url].1.is_empty(), "{wrong:?}");
        }
        assert_eq!(wrong[&expected[0].0].0, Severity::Warning);
    }
}

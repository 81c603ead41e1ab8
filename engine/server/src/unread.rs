//! What hyper refuses by itself, before there is a request: said as problem details, as everything else is.
//!
//! hyper answers a head that it cannot read with a status line and no body, and has no way to be told another answer. Its own is known by
//! its bytes, as every answer of ours has a request's id, and [`Worded`] writes one with a body in its place.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::around;
use crate::failure::{CONTENT_TYPE, Failure};

/// A connection on which nothing is refused without a word.
pub(crate) struct Worded<S> {
    pub(crate) inner: S,
    /// What stands in the place of hyper's answer, as far as it is not written yet.
    rest: Vec<u8>,
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner, rest: Vec::new() }
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(context, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(context))?;
        match worded(bytes) {
            // Written when it is flushed.
            Some(answer) => {
                self.rest = answer;
                Poll::Ready(Ok(bytes.len()))
            }
            None => Pin::new(&mut self.inner).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [one] = pieces {
            return self.poll_write(context, one);
        }
        ready!(self.poll_rest(context))?;
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// The answer in the place of one of hyper's own; nothing for any other bytes.
fn worded(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > 256 || !bytes.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status: StatusCode = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (names, values): (Vec<&str>, Vec<&str>) = lines.filter_map(|line| line.split_once(": ")).unzip();
    if names[..] != ["connection", "content-length", "date"] || values[..2] != ["close", "0"] {
        return None;
    }
    let id = around::request_id();
    let failure = Failure::of_unread(status);
    let body = failure.json(id.to_str().unwrap_or_default());
    tracing::debug!(status = status.as_u16(), code = failure.code(), id = ?id, "a request could not be read");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::DATE, HeaderValue::from_str(values[2]).ok()?);
    around::decorate(&mut headers, &id);
    let mut answer = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Mon, 23 Nov 2026 04:36:11 GMT\r\n\r\n";

    #[test]
    fn only_what_hyper_says_is_said_in_other_words() {
        let said = String::from_utf8(worded(OWN.as_bytes()).unwrap()).unwrap();
        assert!(said.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{said}");
        for part in ["application/problem+json", "x-request-id: ", "date: Mon, 23 Nov 2026 04:36:11 GMT", "%20"] {
            assert!(said.contains(part), "{said}");
        }
        for other in [
            "",
            "{}",
            "HTTP/1.1 4",
            &OWN[..OWN.len() - 1],
            &format!("{OWN}x"),
            &OWN.replace("date", "x-request-id: 1\r\ndate"),
            &OWN.replace("400 Bad Request", "200 OK"),
            &OWN.replace("length: 0", "length: 5"),
        ] {
            assert_eq!(worded(other.as_bytes()), None, "{other}");
        }
    }
}

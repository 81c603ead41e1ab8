//! HTTP requests to targets that the operator allows.

use std::time::Duration;

use heinzel_core::plan::Action;
use reqwest::Method;
use serde_json::Value as Json;

use super::{Done, Stop};
use crate::Hands;
use crate::program::chain;

impl Hands {
    /// Sends one request. Done when the answer is 200 to 299; redirects are not followed and count as failure.
    ///
    /// The header `Idempotency-Key` carries the effect's id, for servers that can tell a repetition by it.
    pub(super) async fn request(
        &self,
        id: &str,
        method: &str,
        url: &str,
        body: Option<&Json>,
        timeout: Duration,
    ) -> Done {
        let verb = match method {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            other => return Err(Stop::Target(format!("`{other}` is none of GET, POST, PUT, DELETE"))),
        };
        let allowed = |url: &str| {
            let action = Action::Http { method: method.into(), url: url.into(), body: None };
            self.allow.step(&action.into()).map_err(|no| no.to_string())
        };
        let parsed = crate::url::parse(url, allowed).map_err(Stop::Target)?;
        let client = self.client().map_err(|error| Stop::Failed(chain(&error)))?;
        let mut request = client.request(verb, parsed).timeout(timeout).header("Idempotency-Key", id);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| Stop::Failed(chain(&error.without_url())))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Stop::Failed(format!(
                "it answered {status}, and redirects are not followed; name the final URL"
            )));
        }
        if status.is_success() {
            Ok(format!("it answered {status}"))
        } else {
            Err(Stop::Failed(format!("it answered {status}")))
        }
    }
}

//! What the operator sets for acting, beside `[policy]`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use heinzel_core::probe::PROBE_TIMEOUT;
use heinzel_core::time::Span;
use serde::Deserialize;

/// `[act]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActSettings {
    /// Where notifications go, by name: what a rule's `escalate` says. `operator` gets those for names that are not here.
    pub webhooks: BTreeMap<String, Webhook>,
    /// How long a probe may take before it counts as blind.
    pub probe_timeout: Span,
}

impl Default for ActSettings {
    fn default() -> Self {
        Self { webhooks: BTreeMap::new(), probe_timeout: Span(PROBE_TIMEOUT) }
    }
}

/// Where one kind of notification goes: an HTTP POST with a JSON body.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// `https://…` or `http://…`. Often a secret, so it is never printed whole.
    pub url: String,
    /// Sent as `Authorization: Bearer …`. Never printed.
    #[serde(default)]
    pub bearer: Option<String>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bearer = self.bearer.as_ref().map(|_| "…");
        f.debug_struct("Webhook").field("url", &self.place()).field("bearer", &bearer).finish()
    }
}

impl Webhook {
    /// Scheme, host and port, without the path, which is often a secret.
    pub(crate) fn place(&self) -> String {
        match reqwest::Url::parse(&self.url) {
            Ok(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{}{port}/…", url.scheme(), url.host_str().unwrap_or_default())
            }
            Err(_) => "…".into(),
        }
    }
}

/// A setting that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// A webhook.
    #[error("`act.webhooks.{name}`: {why}")]
    Webhook {
        /// Its name.
        name: String,
        /// Why, and what to write.
        why: String,
    },
    /// The probe timeout.
    #[error("`act.probe_timeout` is {0}; write something from 100ms to 10m")]
    ProbeTimeout(Span),
}

impl ActSettings {
    /// Whether all of it can work.
    ///
    /// # Errors
    /// [`BadSettings`] names the first setting that cannot, and the way out.
    pub fn check(&self) -> Result<(), BadSettings> {
        if !(Duration::from_millis(100)..=Duration::from_secs(600)).contains(&self.probe_timeout.0) {
            return Err(BadSettings::ProbeTimeout(self.probe_timeout));
        }
        for (name, webhook) in &self.webhooks {
            let no = |why: String| Err(BadSettings::Webhook { name: name.clone(), why });
            match reqwest::Url::parse(&webhook.url) {
                Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                    return no(format!("`{}:` is not supported; write an `https://` or `http://` URL", url.scheme()));
                }
                Ok(_) => {}
                Err(error) => {
                    return no(format!("its `url` is no URL ({error}); write an `https://` or `http://` URL"));
                }
            }
            let printable = |token: &String| token.bytes().all(|b| b.is_ascii_graphic());
            if !webhook.bearer.as_ref().is_none_or(printable) {
                return no("its `bearer` holds blanks or other characters that no token has".into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let said = match serde_json::from_str::<ActSettings>(json) {
            Err(error) => error.to_string(),
            Ok(settings) => match settings.check() {
                Err(error) => error.to_string(),
                Ok(()) => format!("{settings:?}"),
            },
        };
        assert!(said.contains(expected), "{said} should contain {expected}");
    }

    #[test]
    fn settings_are_checked_before_anything_starts_and_hide_their_secrets() {
        check("{}", "webhooks: {}, probe_timeout: Span(10s)");
        check(
            r#"{"webhooks": {"operator": {"url": "https://chat.example.com/hooks/SECRET", "bearer": "SECRET"}}}"#,
            r#"{"operator": Webhook { url: "https://chat.example.com/…", bearer: Some("…") }}"#,
        );
        check(r#"{"webhook": {}}"#, "unknown field `webhook`");
        check(r#"{"webhooks": {"a": {"link": "x"}}}"#, "unknown field `link`");
        check(r#"{"webhooks": {"a": {"url": "chat.example.com"}}}"#, "`act.webhooks.a`: its `url` is no URL");
        check(r#"{"webhooks": {"a": {"url": "file:///etc/shadow"}}}"#, "`act.webhooks.a`: `file:` is not supported");
        check(
            r#"{"webhooks": {"a": {"url": "http://x/", "bearer": "a\r\nb"}}}"#,
            "`act.webhooks.a`: its `bearer` holds blanks",
        );
        check(r#"{"probe_timeout": "0s"}"#, "`act.probe_timeout` is");
    }
}

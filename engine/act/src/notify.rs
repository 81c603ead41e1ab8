//! Telling people, by webhook.

use std::time::Duration;

use heinzel_core::effect::{Message, OPERATOR, Outcome};

use crate::program::chain;
use crate::{GRACE, Hands};

/// How long a webhook may take.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Hands {
    /// Posts `message` to the webhook `to`, or else to [`OPERATOR`]'s.
    ///
    /// The body is the message as JSON, with `text` (all of it in one sentence, which chats show), `heinzel` (our version) and
    /// `effect` (the effect's id, also the header `Idempotency-Key`: a message may arrive twice, and this tells).
    pub(crate) async fn notify(&self, id: &str, to: &str, message: &Message) -> Outcome {
        let known = self.webhooks.get_key_value(to).or_else(|| self.webhooks.get_key_value(OPERATOR));
        let Some((name, webhook)) = known else {
            let Message { incident, rule, asset, reason, .. } = message;
            tracing::warn!(to, incident, rule, asset, reason, "a person should be told, but no webhook is configured");
            let why = "no webhook is configured; written to the log only (`[act.webhooks.operator]` in heinzel.toml)";
            return Outcome::Refused { gate: "webhook".into(), why: why.into() };
        };
        let failed =
            |why: String| Outcome::Failed { why: format!("post to webhook `{name}` ({}): {why}", webhook.place()) };
        let body = match serde_json::to_value(message) {
            Ok(serde_json::Value::Object(mut body)) => {
                body.insert("text".into(), text(message).into());
                body.insert("heinzel".into(), env!("CARGO_PKG_VERSION").into());
                body.insert("effect".into(), id.into());
                serde_json::Value::Object(body).to_string()
            }
            Ok(_) => return failed("the message is no JSON object".into()),
            Err(error) => return failed(error.to_string()),
        };
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return failed(chain(&error)),
        };
        let mut request = client.post(&webhook.url).timeout(TIMEOUT).body(body);
        request = request.header("Content-Type", "application/json").header("Idempotency-Key", id);
        if let Some(token) = &webhook.bearer {
            request = request.bearer_auth(token);
        }
        match tokio::time::timeout(TIMEOUT + GRACE, request.send()).await {
            Ok(Ok(response)) if response.status().is_success() => {
                Outcome::Done { detail: format!("webhook `{name}` took it ({})", response.status()) }
            }
            Ok(Ok(response)) => failed(format!("it answered {}", response.status())),
            // Without the URL, which is often a secret.
            Ok(Err(error)) => failed(chain(&error.without_url())),
            Err(_) => failed("no answer".into()),
        }
    }
}

/// The message for a chat that takes `{"text": …}` (Slack's incoming webhooks, and Mattermost's and Rocket.Chat's, which take
/// the same). What comes from logs must call nobody there: `<!channel>` would, so it is escaped as Slack's documentation of
/// message formatting says ("Escaping text").
fn text(message: &Message) -> String {
    let Message { incident, rule, title, severity, asset, host, reason, steps, .. } = message;
    let host = host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    let plan = if steps.is_empty() { String::new() } else { format!(" Plan: {}.", steps.join("; ")) };
    let text =
        format!("[{severity}] {title}{host} ({rule}, {asset}): {reason}.{plan} `heinzel incident view {incident}`");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use heinzel_core::effect::Act;
    use heinzel_core::severity::Severity;

    use super::*;
    use crate::fixture::{Server, effect, hands_with};

    fn notify(to: &str) -> Act {
        let message = Message {
            incident: 17,
            rule: "web.nginx-down".into(),
            title: "nginx is down".into(),
            severity: Severity::High,
            asset: "host:web1".into(),
            customers: vec!["4711".into()],
            host: Some("web1".into()),
            reason: "the fix did not hold".into(),
            steps: vec!["systemctl restart nginx.service".into()],
        };
        Act::Notify { to: to.into(), message }
    }

    #[tokio::test]
    async fn a_known_name_gets_the_whole_message_with_its_token() {
        let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n").await;
        let json =
            format!(r#"{{"webhooks": {{"web-oncall": {{"url": "{}/hook", "bearer": "t0ken"}}}}}}"#, server.url());
        let outcome = hands_with(&json, "{}").perform(&effect(notify("web-oncall"))).await;
        assert_eq!(outcome, Outcome::Done { detail: "webhook `web-oncall` took it (204 No Content)".into() });
        let request = server.request().await;
        assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer t0ken\r\n"), "{request}");
        let body = request.split_once("\r\n\r\n").unwrap().1;
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["incident"], 17);
        assert_eq!(body["customers"][0], "4711");
        let text = "[high] nginx is down on web1 (web.nginx-down, host:web1): the fix did not hold. Plan: systemctl restart nginx.service. \
                    `heinzel incident view 17`";
        assert_eq!(body["text"], text);
        assert_eq!(body["effect"], "17-1-3");
        assert_eq!(body["heinzel"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn what_comes_from_a_log_calls_nobody_in_a_chat() {
        let Act::Notify { message, .. } = notify("operator") else { panic!("it is a message") };
        let said = text(&Message { reason: "saw <!channel> & more".into(), steps: Vec::new(), ..message });
        assert!(said.contains("saw &lt;!channel&gt; &amp; more. `heinzel incident view 17`"), "{said}");
    }

    #[tokio::test]
    async fn an_unknown_name_goes_to_the_operator_and_a_refusal_is_a_failure() {
        let server = Server::start("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n").await;
        let json = format!(r#"{{"webhooks": {{"operator": {{"url": "{}/SECRET"}}}}}}"#, server.url());
        let Outcome::Failed { why } = hands_with(&json, "{}").perform(&effect(notify("nobody"))).await else {
            panic!()
        };
        let told = format!("`operator` ({}/…): it answered 500", server.url());
        assert!(why.contains(&told) && !why.contains("SECRET"), "{why}");
    }

    #[tokio::test]
    async fn an_unreachable_webhook_fails_without_telling_its_secret() {
        let url = Server::start("").await.stopped().await;
        let json = format!(r#"{{"webhooks": {{"operator": {{"url": "{url}/SECRET"}}}}}}"#);
        let Outcome::Failed { why } = hands_with(&json, "{}").perform(&effect(notify("x"))).await else { panic!() };
        assert!(why.contains("refused") && !why.contains("SECRET"), "{why}");
    }

    #[tokio::test]
    async fn without_any_webhook_the_log_is_told_and_says_so() {
        let outcome = hands_with("{}", "{}").perform(&effect(notify("operator"))).await;
        let Outcome::Refused { why, .. } = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("written to the log only") && why.contains("act.webhooks.operator"), "{why}");
    }
}

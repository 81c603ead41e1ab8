//! What a shop's backend vouches for: a JSON web token (RFC 7519), HS256 and nothing else.
//!
//! Start at [`Claims::customer`]. Written here rather than taken from a library: of the whole standard 60 lines are
//! needed, with ring's HMAC, which is in the tree; the libraries bring other algorithms, to be switched off again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heinzel_core::asset;
use heinzel_core::time::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::front::CustomerClaim;
use crate::wire;

/// How far ahead `exp` may be: whoever finds an old claim shall not be the customer for long.
const LONGEST_S: f64 = 86_400.0;
/// By how much the clocks of shop and engine may differ, where that only delays.
const SKEW_S: f64 = 60.0;
/// The same, for streams that were opened while a claim counted.
pub(crate) const SKEW: Duration = Duration::from_secs(60);
/// The longest claim, in bytes.
const MOST_BYTES: usize = 8_192;
/// The shortest secret, in bytes (RFC 7518, 3.2: at least as long as the hash).
pub(crate) const SHORTEST_SECRET: usize = 32;

/// How the claims of one form are checked.
#[derive(Clone, Debug)]
pub struct Claims {
    keys: Vec<hmac::Key>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// Why a claim does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoClaim {
    /// It is not three parts of base64url with JSON in them.
    #[error("it is no JSON web token: three parts with dots between them, without `Bearer` or quotes around them")]
    Form,
    /// Another algorithm, or a header that asks for what is not known.
    #[error("its `alg` must be HS256, without `crit`")]
    Algorithm,
    /// It is another kind of token.
    #[error("its `typ` must be JWT, or left out")]
    Type,
    /// Not signed with a secret of this form.
    #[error(
        "its signature does not fit; the key is the secret's text as it stands, without the line's end, not what it may be the hexadecimal or base64 form of"
    )]
    Signature,
    /// It lacks what it needs.
    #[error("it has no `{0}`; it needs `sub` (the customer's id) and `exp`")]
    Missing(&'static str),
    /// The customer is no id.
    #[error(
        "its `sub` must be the customer's id, a JSON text of 1 to 128 visible ASCII characters; a number belongs in quotes"
    )]
    Customer,
    /// What it lists are no assets.
    #[error("its `assets` must be a list of assets' ids, like `[\"vm:100\"]`")]
    Assets,
    /// It cannot be read in another way.
    #[error("its content must be a JSON object, with each claim once and of its kind")]
    Content,
    /// A time that is no number.
    #[error("its `{0}` must be a number of seconds since 1970")]
    Seconds(&'static str),
    /// `exp` has passed.
    #[error("it has expired; the page needs a fresh one from the shop")]
    Expired,
    /// `exp` is too far ahead.
    #[error("its `exp` must be at most 24 hours ahead")]
    TooLong,
    /// `nbf` or `iat` lie ahead.
    #[error("its `nbf` or `iat` lies ahead of the engine's clock; leave both out, or set the shop's clock")]
    NotYet,
    /// `iss` or `aud` are not those of the settings.
    #[error("its `iss` or `aud` are not those of this form")]
    Elsewhere,
    /// `aud` stands there, and the settings have none (RFC 7519, 4.1.3: whoever is not named must refuse it).
    #[error(
        "it has an `aud`, and this form knows none: it was made for somebody else, or `audience` is missing in \
         [server.token.claims] of heinzel.toml"
    )]
    Audience,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde_json::Value>,
    typ: Option<String>,
}

/// The content of a claim. Unknown members are ignored, as the standard asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) sub: String,
    pub(crate) exp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<Audience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assets: Option<Vec<String>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Checks with these secrets, any of them.
    #[must_use]
    pub fn new(secrets: &[impl AsRef<[u8]>], issuer: Option<String>, audience: Option<String>) -> Self {
        let key = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self { keys: secrets.iter().map(|secret| key(secret.as_ref())).collect(), issuer, audience }
    }

    /// The customer that a claim vouches for at `now`.
    ///
    /// # Errors
    /// [`NoClaim`] when it does not count. Nothing in it is read before its signature is known to fit.
    pub fn customer(&self, text: &str, now: Timestamp) -> Result<CustomerClaim, NoClaim> {
        if text.len() > MOST_BYTES {
            return Err(NoClaim::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(NoClaim::Form)?;
        let (header, content) = signed.split_once('.').ok_or(NoClaim::Form)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| NoClaim::Form)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(NoClaim::Algorithm);
        }
        if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(NoClaim::Type);
        }
        let signature = decoded(signature)?;
        if !self.keys.iter().any(|key| hmac::verify(key, signed.as_bytes(), &signature).is_ok()) {
            return Err(NoClaim::Signature);
        }
        let content = decoded(content)?;
        self.accept(serde_json::from_slice(&content).map_err(|_| wrong(&content))?, now)
    }

    fn accept(&self, content: Content, now: Timestamp) -> Result<CustomerClaim, NoClaim> {
        // Whole microseconds of our time fit into f64 to the second that matters here.
        let now_s = now.as_micros() as f64 / 1e6;
        if content.exp <= now_s {
            return Err(NoClaim::Expired);
        }
        if content.exp > now_s + LONGEST_S + SKEW_S {
            return Err(NoClaim::TooLong);
        }
        if [content.nbf, content.iat].into_iter().flatten().any(|since| since > now_s + SKEW_S) {
            return Err(NoClaim::NotYet);
        }
        if content.aud.is_some() && self.audience.is_none() {
            return Err(NoClaim::Audience);
        }
        let is_issuer = self.issuer.is_none() || self.issuer == content.iss;
        let is_audience = self.audience.as_ref().is_none_or(|wanted| match &content.aud {
            Some(Audience::One(one)) => one == wanted,
            Some(Audience::Many(many)) => many.contains(wanted),
            None => false,
        });
        if !is_issuer || !is_audience {
            return Err(NoClaim::Elsewhere);
        }
        if !wire::is_id(&content.sub) {
            return Err(NoClaim::Customer);
        }
        if !content.assets.iter().flatten().all(|id| asset::is_id(id)) {
            return Err(NoClaim::Assets);
        }
        let expires = Timestamp::from_micros((content.exp * 1e6) as i64);
        Ok(CustomerClaim { id: content.sub, assets: content.assets, expires })
    }
}

/// What is wrong with a content that cannot be read.
fn wrong(content: &[u8]) -> NoClaim {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(content).unwrap_or_default();
    let missing = |name: &&str| !members.is_empty() && !members.contains_key(*name);
    if let Some(name) = ["sub", "exp"].into_iter().find(missing) {
        return NoClaim::Missing(name);
    }
    let no_number = |name: &&str| members.get(*name).is_some_and(|value| !value.is_number());
    if let Some(name) = ["exp", "nbf", "iat"].into_iter().find(no_number) {
        return NoClaim::Seconds(name);
    }
    let is_text = |value: &serde_json::Value| value.is_string();
    let is_list = |value: &serde_json::Value| value.as_array().is_some_and(|list| list.iter().all(is_text));
    match (members.get("sub"), members.get("assets")) {
        (Some(sub), _) if !is_text(sub) => NoClaim::Customer,
        (_, Some(assets)) if !is_list(assets) && !assets.is_null() => NoClaim::Assets,
        _ => NoClaim::Content,
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, NoClaim> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NoClaim::Form)
}

/// Signs a claim, as a shop's backend does: for the demo form.
pub(crate) fn signed(secret: &[u8], content: &Content) -> String {
    let json = serde_json::to_vec(content).unwrap_or_default();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#), URL_SAFE_NO_PAD.encode(json));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()));
    format!("{text}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000;

    /// A token of these JSON texts, signed with this secret.
    fn token(header: &str, content: &str, secret: &[u8]) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(content));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn claims() -> Claims {
        Claims::new(&[SECRET.to_vec(), b"an older secret of the same shop".to_vec()], None, None)
    }

    fn customer(token: &str) -> Result<CustomerClaim, NoClaim> {
        claims().customer(token, Timestamp::from_seconds(NOW))
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    #[test]
    fn a_claim_of_the_shop_counts_with_either_secret() {
        let content = format!(r#"{{"sub":"K1","exp":{},"iat":{NOW},"assets":["vm:100"],"name":"Kim"}}"#, NOW + 600);
        let expected = CustomerClaim {
            id: "K1".into(),
            assets: Some(vec!["vm:100".into()]),
            expires: Timestamp::from_seconds(NOW + 600),
        };
        assert_eq!(customer(&token(HS256, &content, SECRET)), Ok(expected.clone()));
        assert_eq!(customer(&token(HS256, &content, b"an older secret of the same shop")), Ok(expected));
        assert_eq!(customer(&token(HS256, &content, b"another secret of the same length")), Err(NoClaim::Signature));
        let made = Content {
            sub: "K1".into(),
            exp: NOW as f64 + 1.5,
            nbf: None,
            iat: None,
            iss: None,
            aud: None,
            assets: None,
        };
        assert_eq!(
            customer(&signed(SECRET, &made)),
            Ok(CustomerClaim {
                id: "K1".into(),
                assets: None,
                expires: Timestamp::from_micros(NOW * 1_000_000 + 1_500_000)
            })
        );
    }

    /// The example of RFC 7515, appendix A.1: signed by others than us.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                    cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let claims = Claims::new(&[URL_SAFE_NO_PAD.decode(key).unwrap()], None, None);
        // The signature fits; what is missing is `sub`.
        assert_eq!(claims.customer(text, Timestamp::from_seconds(1_300_819_000)), Err(NoClaim::Missing("sub")));
        assert_eq!(claims.customer(&text.replace("dBjft", "dBjfu"), Timestamp::EPOCH), Err(NoClaim::Signature));
    }

    #[test]
    fn what_does_not_count() {
        let good = format!(r#"{{"sub":"K1","exp":{}}}"#, NOW + 600);
        let check = |header: &str, content: &str, why: NoClaim| {
            assert_eq!(customer(&token(header, content, SECRET)), Err(why), "{header} {content}");
        };
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
        ] {
            check(header, &good, NoClaim::Algorithm);
        }
        check(r#"{"alg":"HS256","typ":"at+jwt"}"#, &good, NoClaim::Type);
        check(r#"{"alg":"HS256","alg":"none"}"#, &good, NoClaim::Form);
        check("[]", &good, NoClaim::Form);
        let until = NOW + 600;
        for (content, why) in [
            (r#"{"sub":"K1"}"#.to_owned(), NoClaim::Missing("exp")),
            (format!(r#"{{"exp":{until}}}"#), NoClaim::Missing("sub")),
            (format!(r#"{{"sub":"","exp":{until}}}"#), NoClaim::Customer),
            (format!(r#"{{"sub":"Kim Müller","exp":{until}}}"#), NoClaim::Customer),
            (format!(r#"{{"sub":7,"exp":{until}}}"#), NoClaim::Customer),
            (format!(r#"{{"sub":["K1"],"exp":{until}}}"#), NoClaim::Customer),
            (format!(r#"{{"sub":"K1","exp":{until},"assets":"vm:1"}}"#), NoClaim::Assets),
            (format!(r#"{{"sub":"K1","exp":{until},"assets":[100]}}"#), NoClaim::Assets),
            (format!(r#"{{"sub":"K1","exp":{until},"assets":["vm"]}}"#), NoClaim::Assets),
            (format!(r#"{{"sub":"K1","exp":null,"exp":{until}}}"#), NoClaim::Content),
            (format!(r#"{{"sub":"K1","exp":{until},"aud":7}}"#), NoClaim::Content),
            ("[]".to_owned(), NoClaim::Content),
        ] {
            check(HS256, &content, why);
        }
        check(HS256, &format!(r#"{{"sub":"K1","exp":"{}"}}"#, NOW + 600), NoClaim::Seconds("exp"));
        check(HS256, r#"{"sub":"K1","exp":null}"#, NoClaim::Seconds("exp"));
        check(HS256, &format!(r#"{{"sub":"K1","exp":{},"nbf":"tomorrow"}}"#, NOW + 600), NoClaim::Seconds("nbf"));
        check(HS256, &format!(r#"{{"sub":"K1","exp":{NOW}}}"#), NoClaim::Expired);
        // What is for somebody else is not for a form without an audience.
        for aud in [r#""other""#, r#"["other"]"#, "[]"] {
            check(HS256, &format!(r#"{{"sub":"K1","exp":{},"aud":{aud}}}"#, NOW + 600), NoClaim::Audience);
        }
        let null = format!(r#"{{"sub":"K1","exp":{},"aud":null}}"#, NOW + 600);
        assert!(customer(&token(HS256, &null, SECRET)).is_ok());
        check(HS256, r#"{"sub":"K1","exp":-1}"#, NoClaim::Expired);
        check(HS256, &format!(r#"{{"sub":"K1","exp":{}}}"#, NOW + 90_000), NoClaim::TooLong);
        check(HS256, r#"{"sub":"K1","exp":1e300}"#, NoClaim::TooLong);
        check(HS256, &format!(r#"{{"sub":"K1","exp":{},"nbf":{}}}"#, NOW + 600, NOW + 300), NoClaim::NotYet);
        let whole = token(HS256, &good, SECRET);
        for (at, _) in whole.char_indices() {
            let cut = customer(&whole[..at]);
            assert!(matches!(cut, Err(NoClaim::Form | NoClaim::Signature)), "{at}: {cut:?}");
        }
        for text in ["", ".", "..", "a.b.c", "e30.e30.", &format!("{whole}."), &format!("{whole}=")] {
            assert!(customer(text).is_err(), "{text}");
        }
        assert_eq!(customer(&"a".repeat(9_000)), Err(NoClaim::Form));
    }

    #[test]
    fn issuer_and_audience_count_where_they_are_set() {
        let claims = Claims::new(&[SECRET], Some("shop".into()), Some("heinzel".into()));
        let check = |more: &str, expected: Result<(), NoClaim>| {
            let text = token(HS256, &format!(r#"{{"sub":"K1","exp":{}{more}}}"#, NOW + 600), SECRET);
            assert_eq!(claims.customer(&text, Timestamp::from_seconds(NOW)).map(|_| ()), expected, "{more}");
        };
        check(r#","iss":"shop","aud":"heinzel""#, Ok(()));
        check(r#","iss":"shop","aud":["x","heinzel"]"#, Ok(()));
        check(r#","iss":"shop","aud":["x"]"#, Err(NoClaim::Elsewhere));
        check(r#","iss":"shop""#, Err(NoClaim::Elsewhere));
        check(r#","iss":"other","aud":"heinzel""#, Err(NoClaim::Elsewhere));
        check("", Err(NoClaim::Elsewhere));
    }
}

//! `[server]` of `heinzel.toml`, and what it means once checked.
//!
//! Start at [`Settings::check`]. Files with secrets are read later, by [`crate::access::Access::open`], so that the
//! settings can be checked by somebody who may not read them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heinzel_core::policy::Rate;
use heinzel_core::secret::Secret;
use heinzel_core::time::Span;
use serde::{Deserialize, Deserializer};

use crate::wire;

/// How often one address may ask with one form key, unless its `rate` says otherwise: a customer who types asks about
/// ten times a draft, and many may sit behind one address.
pub(crate) const FORM_RATE: Rate = Rate { count: 240, within: Span::seconds(60) };

/// `[server]` as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address and port; without it there is no HTTP API.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// The addresses of reverse proxies in front: only their `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Shows a demo form at `/demo`. Everyone who reaches it is the demo customer.
    pub demo: bool,
    /// The customer of the demo form; without one it is a form of a stranger.
    pub demo_customer: Option<String>,
    /// The asset of the demo form.
    pub demo_asset: Option<String>,
    /// `[[server.token]]`: who may ask.
    pub token: Vec<TokenSettings>,
    /// `[server.zammad]`: takes tickets from Zammad.
    pub zammad: Option<ZammadSettings>,
}

/// One `[[server.token]]`. Several may be valid at once, so that one can be replaced without a gap.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Its name, for logs.
    pub name: String,
    /// What it opens.
    pub scopes: BTreeSet<Scope>,
    /// The token itself.
    pub token: Option<Secret>,
    /// The file whose first line it is.
    pub token_file: Option<PathBuf>,
    /// Scope `form`: the origins of the pages that use it, like `https://my.example.com`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Scope `form`: how often one address may ask.
    pub rate: Option<Rate>,
    /// Scope `form`: how the shop vouches for its customers.
    pub claims: Option<ClaimSettings>,
}

/// `[server.token.claims]`: JSON web tokens (HS256), made by the shop's backend for the customer who is logged in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimSettings {
    /// The secret shared with the shop, at least 32 bytes.
    pub secret: Option<Secret>,
    /// The file whose first line it is.
    pub secret_file: Option<PathBuf>,
    /// The secret before, as long as claims made with it may come.
    pub previous: Option<Secret>,
    /// The file whose first line it is.
    pub previous_file: Option<PathBuf>,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// What `aud` must be or contain. Without it a claim with an `aud` does not count.
    pub audience: Option<String>,
}

/// `[server.zammad]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZammadSettings {
    /// The HMAC-SHA1 signature token of the webhook in Zammad.
    pub secret: Option<Secret>,
    /// The file whose first line it is.
    pub secret_file: Option<PathBuf>,
    /// Where the payload has the customer's id; `ticket.customer.login` when not given.
    pub customer: Option<String>,
    /// Where it has the asset; `ticket.asset` when not given.
    pub asset: Option<String>,
    /// Where it has the draft's id; `ticket.draft_id` when not given.
    pub draft_id: Option<String>,
    /// Where it has the form's page; `ticket.page` when not given.
    pub page: Option<String>,
    /// Where it has the answer that support used; `ticket.answer_used` when not given.
    pub answer_used: Option<String>,
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Suggestions, news and feedback. Public: it stands in the page.
    Form,
    /// Tickets, assets, customers.
    Ingest,
    /// Reports.
    Operate,
    /// Everything but forms.
    Admin,
}

impl Scope {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Ingest => "ingest",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the settings.
    Here(Secret),
    /// The first line of this file.
    File(PathBuf),
}

/// `[server]`, checked.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Address and port.
    pub listen: Option<SocketAddr>,
    /// The addresses of reverse proxies.
    pub proxies: Vec<IpAddr>,
    /// The demo form.
    pub demo: Option<Demo>,
    /// Who may ask.
    pub tokens: Vec<Token>,
    /// Tickets from Zammad.
    pub zammad: Option<Zammad>,
}

/// The demo form's customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demo {
    /// Whom it claims to be.
    pub customer: Option<String>,
    /// What it is about.
    pub asset: Option<String>,
}

/// A token, checked, its secrets not yet read.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its name.
    pub name: Arc<str>,
    /// What it opens.
    pub scopes: BTreeSet<Scope>,
    /// The token.
    pub token: Kept,
    /// The origins that may use it, in lower case.
    pub origins: Vec<String>,
    /// How often one address may ask.
    pub rate: Rate,
    /// How claims are checked.
    pub claims: Option<Claims>,
}

/// How claims are checked.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The secrets that count, the present one first.
    pub secrets: Vec<Kept>,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// What `aud` must contain.
    pub audience: Option<String>,
}

/// Where Zammad's payload has what.
#[derive(Clone, Debug)]
pub struct Zammad {
    /// The signature token.
    pub secret: Kept,
    /// Where the customer's id is: keys, outermost first.
    pub customer: String,
    /// Where the asset is.
    pub asset: String,
    /// Where the draft's id is.
    pub draft_id: String,
    /// Where the page is.
    pub page: String,
    /// Where the answer is that support used.
    pub answer_used: String,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{place}`: {why}")]
pub struct SettingsError {
    place: String,
    why: String,
    denied: bool,
}

impl SettingsError {
    pub(crate) fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into(), denied: false }
    }

    pub(crate) fn unreadable(place: impl Into<String>, file: &Path, error: &std::io::Error) -> Self {
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let unreadable = Self { denied, ..Self::new(place, format!("read {}: {error}", file.display())) };
        if error.kind() == std::io::ErrorKind::NotFound {
            return unreadable
                .with("`openssl rand -hex 32` makes what belongs into it, or what signs or asks there has it");
        }
        unreadable
    }

    /// With a further word on the way out.
    pub(crate) fn with(mut self, way: &str) -> Self {
        self.why = format!("{}; {way}", self.why);
        self
    }

    /// Whether only the right to read a file is missing, which another user may have.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.denied
    }
}

impl Settings {
    /// Checks them. Paths are taken as relative to `folder`.
    ///
    /// # Errors
    /// The first setting that cannot be used, with the way out.
    pub fn check(self, folder: &Path) -> Result<Server, SettingsError> {
        let demo = self.checked_demo()?;
        let mut tokens: Vec<Token> = Vec::new();
        for settings in self.token {
            let token = settings.check(folder)?;
            if tokens.iter().any(|other| other.name == token.name) {
                let why = "a second token has this name; a name is how logs tell them apart";
                return Err(SettingsError::new(format!("server.token {}", token.name), why));
            }
            tokens.push(token);
        }
        let zammad = self.zammad.map(|zammad| zammad.check(folder)).transpose()?;
        Ok(Server { listen: self.listen, proxies: self.proxies, demo, tokens, zammad })
    }

    fn checked_demo(&self) -> Result<Option<Demo>, SettingsError> {
        if !self.demo {
            return Ok(None);
        }
        if self.listen.is_some_and(|address| !address.ip().is_loopback()) {
            let why = "the demo makes everyone who reaches it the demo customer; listen on 127.0.0.1, or leave it out";
            return Err(SettingsError::new("server.demo", why));
        }
        if !self.demo_customer.as_deref().is_none_or(wire::is_id) {
            return Err(SettingsError::new(
                "server.demo_customer",
                "a customer's id is 1 to 128 visible ASCII characters",
            ));
        }
        if !self.demo_asset.as_deref().is_none_or(wire::is_asset_id) {
            return Err(SettingsError::new("server.demo_asset", "an asset's id is `kind:name`, like `vm:100`"));
        }
        Ok(Some(Demo { customer: self.demo_customer.clone(), asset: self.demo_asset.clone() }))
    }
}

impl TokenSettings {
    fn check(self, folder: &Path) -> Result<Token, SettingsError> {
        let place = format!("server.token {}", self.name);
        let wrong = |why: &str| SettingsError::new(place.clone(), why);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            return Err(wrong("a name is 1 to 64 letters, digits, `-`, `_` and `.`"));
        }
        if self.scopes.is_empty() {
            return Err(wrong("say what it opens: scopes = [\"form\"], \"ingest\", \"operate\" or \"admin\""));
        }
        let form = self.scopes.contains(&Scope::Form);
        if form && self.scopes.len() > 1 {
            return Err(wrong("a form's key stands in a public page; give the other scopes a token of their own"));
        }
        if form && self.origins.is_empty() {
            return Err(wrong("a form's key needs the origins of its pages: origins = [\"https://my.example.com\"]"));
        }
        let has_form_settings = !self.origins.is_empty() || self.rate.is_some() || self.claims.is_some();
        if !form && has_form_settings {
            return Err(wrong("`origins`, `rate` and `claims` belong to tokens with the scope `form`"));
        }
        let origins =
            self.origins.iter().map(|text| origin(text).map_err(|why| wrong(&why))).collect::<Result<_, _>>()?;
        let token = kept(self.token, self.token_file, folder)
            .map_err(wrong)?
            .ok_or_else(|| wrong("write `token` or `token_file`, like `openssl rand -hex 32` makes one"))?;
        let claims = self.claims.map(|claims| claims.check(&place, folder)).transpose()?;
        let rate = self.rate.unwrap_or(FORM_RATE);
        rate.check().map_err(|why| SettingsError::new(format!("{place}.rate"), why))?;
        Ok(Token { name: self.name.into(), scopes: self.scopes, token, origins, rate, claims })
    }
}

impl ClaimSettings {
    fn check(self, place: &str, folder: &Path) -> Result<Claims, SettingsError> {
        let wrong = |why: &str| SettingsError::new(format!("{place}.claims"), why);
        let present = kept(self.secret, self.secret_file, folder)
            .map_err(wrong)?
            .ok_or_else(|| wrong("write `secret` or `secret_file`: what the shop's backend signs with"))?;
        let previous = kept(self.previous, self.previous_file, folder).map_err(wrong)?;
        let secrets = std::iter::once(present).chain(previous).collect();
        Ok(Claims { secrets, issuer: self.issuer, audience: self.audience })
    }
}

impl ZammadSettings {
    fn check(self, folder: &Path) -> Result<Zammad, SettingsError> {
        let wrong = |why: &str| SettingsError::new("server.zammad", why);
        let secret = kept(self.secret, self.secret_file, folder)
            .map_err(wrong)?
            .ok_or_else(|| wrong("write `secret` or `secret_file`: the HMAC-SHA1 signature token of the webhook"))?;
        let or = |path: Option<String>, usual: &str| path.unwrap_or_else(|| usual.to_owned());
        Ok(Zammad {
            secret,
            customer: or(self.customer, "ticket.customer.login"),
            asset: or(self.asset, "ticket.asset"),
            draft_id: or(self.draft_id, "ticket.draft_id"),
            page: or(self.page, "ticket.page"),
            answer_used: or(self.answer_used, "ticket.answer_used"),
        })
    }
}

fn kept(here: Option<Secret>, file: Option<PathBuf>, folder: &Path) -> Result<Option<Kept>, &'static str> {
    match (here, file) {
        (Some(_), Some(_)) => Err("the secret and the file with the secret are both given; keep one"),
        (Some(secret), None) => Ok(Some(Kept::Here(secret))),
        (None, Some(file)) => Ok(Some(Kept::File(folder.join(file)))),
        (None, None) => Ok(None),
    }
}

/// An origin as browsers write it: scheme, host, port; nothing behind.
fn origin(text: &str) -> Result<String, String> {
    let wrong = || {
        let way = if text.is_ascii() {
            ""
        } else {
            "; a host with other letters as browsers send it, like https://xn--mller-kva.example"
        };
        format!("`{text}` is no origin; write scheme and host, like https://my.example.com, and no path{way}")
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let port = rest.rsplit_once(':').map_or("", |(_, port)| port);
    let usual = matches!((scheme, port), ("https", "443") | ("http", "80"));
    if !matches!(scheme, "https" | "http")
        || rest.is_empty()
        || usual
        || rest.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '/' | '?' | '#' | '@' | '*'))
    {
        return Err(wrong());
    }
    Ok(text.to_ascii_lowercase())
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let no = || format!("`{text}` is no address with a port; write it like 127.0.0.1:4780 or [::1]:4780");
    text.parse().map(Some).map_err(|_| serde::de::Error::custom(no()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "[[token]]\nname = \"web\"\nscopes = [\"form\"]\ntoken = \"0123456789abcdef\"\n";

    #[track_caller]
    fn read(text: &str) -> Result<Server, String> {
        let settings: Settings = toml::from_str(text).map_err(|e| e.to_string())?;
        settings.check(Path::new("/etc/heinzel")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_form_and_its_claims() {
        let text = format!(
            "listen = \"127.0.0.1:1\"\ndemo = true\ndemo_customer = \"K1\"\nproxies = [\"::1\"]\n{FORM}\
             origins = [\"https://My.example.com\", \"http://127.0.0.1:8080\"]\nrate = \"5/1m\"\n\
             [token.claims]\nsecret_file = \"claims\"\nprevious = \"{}\"\nissuer = \"shop\"\n[zammad]\nsecret = \"x\"\n",
            "p".repeat(32)
        );
        let server = read(&text).unwrap();
        let token = &server.tokens[0];
        assert_eq!(token.origins, ["https://my.example.com", "http://127.0.0.1:8080"]);
        assert_eq!(token.rate.count, 5);
        let claims = token.claims.as_ref().unwrap();
        assert_eq!(claims.secrets[0], Kept::File("/etc/heinzel/claims".into()));
        assert_eq!((claims.secrets.len(), claims.issuer.as_deref()), (2, Some("shop")));
        assert_eq!(server.zammad.unwrap().customer, "ticket.customer.login");
        assert_eq!(server.demo.unwrap().customer.as_deref(), Some("K1"));
        assert!(!format!("{token:?}").contains("0123456789abcdef"), "{token:?}");
    }

    #[test]
    fn what_cannot_be_used_is_named_with_the_way_out() {
        let check = |text: &str, word: &str| {
            let error = read(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        };
        check("listen = \"127.0.0.1\"", "with a port");
        check("listen = \"0.0.0.0:1\"\ndemo = true", "listen on 127.0.0.1");
        check("demo = true\ndemo_customer = \"Kim Beispiel\"", "visible ASCII");
        check("demo = true\ndemo_asset = \"100\"", "like `vm:100`");
        check("tokens = []", "unknown field");
        check(FORM, "needs the origins");
        for wrong in ["my.example.com", "https://a/b", "ftp://a", "https://*", "https://a:443", "null"] {
            check(&format!("{FORM}origins = [\"{wrong}\"]"), "is no origin");
        }
        check(&format!("{FORM}origins = [\"https://müller.example\"]"), "like https://xn--mller-kva.example");
        check(
            &format!("{FORM}origins = [\"https://a\"]\nrate = \"0/1m\""),
            "`server.token web.rate`: is `0/1m`, with a count of 0",
        );
        check(&format!("{FORM}origins = [\"https://a\"]\ntoken_file = \"x\""), "keep one");
        check(&format!("{FORM}origins = [\"https://a\"]\n{FORM}origins = [\"https://a\"]"), "a second token");
        check(&format!("{FORM}origins = [\"https://a\"]\n[token.claims]\n"), "what the shop's backend signs with");
        check(&FORM.replace("\"form\"", "\"form\", \"admin\""), "a token of their own");
        check(&FORM.replace("\"form\"", ""), "say what it opens");
        check(&FORM.replace("\"form\"", "\"root\""), "unknown variant");
        check(&FORM.replace("\"web\"", "\"a b\""), "a name is");
        check(&format!("{}origins = [\"https://a\"]", FORM.replace("\"form\"", "\"ingest\"")), "belong to tokens");
        check(
            &FORM.replace("\"form\"", "\"ingest\"").replace("token = ", "token_file = ").replace("token_file", "#"),
            "openssl",
        );
        check("[zammad]", "signature token");
    }
}

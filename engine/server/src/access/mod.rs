//! Who may ask, for whom, from where and how often.
//!
//! Start at [`Access`]: the tokens of the settings with their secrets. [`claim`] is how a shop vouches for its customer,
//! [`rate`] how often one may ask.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};
use heinzel_core::policy::Rate;
use heinzel_core::secret::Secret;
use heinzel_core::time::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::api::is_same_secret;
use crate::failure::Failure;
use crate::front::{Asker, CustomerClaim};
use crate::settings::{self, Demo, Kept, Scope, Server, SettingsError};

pub mod claim;
pub mod rate;

use claim::Claims;

/// The header with the customer's claim.
pub(crate) const CLAIM: HeaderName = HeaderName::from_static("heinzel-claim");

/// The shortest token that is taken, in bytes.
const SHORTEST_TOKEN: usize = 16;
/// How long a claim of the demo form is valid, in seconds.
const DEMO_CLAIM_S: f64 = 3_600.0;

/// Everybody who may ask.
#[derive(Debug, Default)]
pub struct Access {
    tokens: Vec<Token>,
    proxies: BTreeSet<IpAddr>,
    /// The signature of Zammad's webhook, and where its payload has what.
    pub(crate) zammad: Option<(hmac::Key, settings::Zammad)>,
    demo: Option<OpenDemo>,
}

/// A token that opens something.
#[derive(Debug)]
pub struct Token {
    /// Its name.
    pub name: Arc<str>,
    scopes: BTreeSet<Scope>,
    secret: Secret,
    origins: Vec<String>,
    /// How often one address may ask with it.
    pub rate: Rate,
    claims: Option<Claims>,
    /// It belongs to the demo form: its page is our own.
    demo: bool,
}

#[derive(Debug)]
struct OpenDemo {
    key: Secret,
    claim_secret: Secret,
    demo: Demo,
}

/// What the demo form needs to ask.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct DemoClaim {
    /// The form's key.
    pub key: String,
    /// The claim, valid for an hour; `null` without a demo customer.
    #[schema(required)]
    pub claim: Option<String>,
    /// The demo customer.
    #[schema(required)]
    pub customer: Option<String>,
    /// The asset that the form is about.
    #[schema(required)]
    pub asset: Option<String>,
}

impl Access {
    /// Reads the secrets that the settings name.
    ///
    /// # Errors
    /// A file that cannot be read, or a secret that is too short.
    pub fn open(server: &Server) -> Result<Self, SettingsError> {
        let mut tokens: Vec<Token> = Vec::new();
        for token in &server.tokens {
            let place = place(token);
            let secret = secret(&token.token, &place, SHORTEST_TOKEN)?;
            if tokens.iter().any(|other| is_same_secret(other.secret.0.as_bytes(), secret.0.as_bytes())) {
                return Err(SettingsError::new(place, "another token has the same secret; each needs its own"));
            }
            let claims = token.claims.as_ref().map(|claims| open_claims(claims, &place)).transpose()?;
            tokens.push(Token {
                name: token.name.clone(),
                scopes: token.scopes.clone(),
                secret,
                origins: token.origins.clone(),
                rate: token.rate,
                claims,
                demo: false,
            });
        }
        let demo = server.demo.clone().map(OpenDemo::new).transpose()?;
        tokens.extend(demo.as_ref().map(OpenDemo::token));
        let zammad = server.zammad.as_ref().map(|zammad| {
            let secret = zammad_secret(zammad)?;
            Ok((hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.0.as_bytes()), zammad.clone()))
        });
        let proxies = server.proxies.iter().map(IpAddr::to_canonical).collect();
        Ok(Self { tokens, proxies, zammad: zammad.transpose()?, demo })
    }

    /// Every reason for which [`Access::open`] would refuse, as far as one does not hide another.
    #[must_use]
    pub fn complaints(server: &Server) -> Vec<SettingsError> {
        let mut complaints = Vec::new();
        for token in &server.tokens {
            complaints.extend(secret(&token.token, &place(token), SHORTEST_TOKEN).err());
            let secrets = token.claims.iter().flat_map(|claims| &claims.secrets);
            complaints.extend(secrets.filter_map(|kept| claim_secret(kept, &place(token)).err()));
        }
        complaints.extend(server.zammad.iter().filter_map(|zammad| zammad_secret(zammad).err()));
        // What only shows once all can be read.
        if complaints.is_empty() { Self::open(server).err().into_iter().collect() } else { complaints }
    }

    /// The token that a request carries, if it is a known one. All are compared, so that the time does not tell which one
    /// came close.
    pub(crate) fn token(&self, headers: &HeaderMap) -> Option<&Token> {
        let secret = bearer(headers)?.as_bytes();
        self.tokens.iter().fold(None, |found, token| {
            if is_same_secret(token.secret.0.as_bytes(), secret) { Some(token) } else { found }
        })
    }

    /// The token of a request that needs this scope; `admin` has all but `form`.
    ///
    /// # Errors
    /// 401 without a known token, 403 when it does not open this.
    pub(crate) fn entitled(&self, headers: &HeaderMap, scope: Scope) -> Result<&Token, Failure> {
        let token = self.token(headers).ok_or_else(|| {
            Failure::unauthorized(format!(
                "send the header `Authorization: Bearer TOKEN` with a token of the scope `{}` ([[server.token]] in heinzel.toml)",
                scope.word()
            ))
        })?;
        if token.scopes.contains(&scope) || (scope != Scope::Form && token.scopes.contains(&Scope::Admin)) {
            return Ok(token);
        }
        Err(Failure::forbidden(format!(
            "the token `{}` has not the scope `{}`; ask with one that has it ([[server.token]] in heinzel.toml)",
            token.name,
            scope.word()
        )))
    }

    /// Who asks with a form's token: the customer of the claim, or a stranger.
    ///
    /// # Errors
    /// 401 when there is a claim that does not count.
    pub(crate) fn asker(token: &Token, headers: &HeaderMap, now: Timestamp) -> Result<Asker, Failure> {
        let form = token.name.clone();
        let mut claims = headers.get_all(CLAIM).iter();
        let Some(text) = claims.next() else { return Ok(Asker { form, customer: None }) };
        let known = token.claims.as_ref().ok_or_else(|| {
            Failure::no_claim(format!(
                "the form `{form}` takes no claims; it needs [server.token.claims] in heinzel.toml"
            ))
        })?;
        let text = text.to_str().ok().filter(|_| claims.next().is_none());
        let customer: CustomerClaim = text
            .ok_or(claim::NoClaim::Form)
            .and_then(|text| known.customer(text, now))
            .map_err(|why| Failure::no_claim(format!("the header `Heinzel-Claim` does not count: {why}")))?;
        Ok(Asker { form, customer: Some(customer) })
    }

    /// The address that asks; `None` behind a proxy that does not say it. The word of a proxy counts only where the settings
    /// name it.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.proxies.contains(&peer) {
            return Some(network(peer));
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        // What is no address was not written by our proxy, or by one that hides it; what stands before it is anybody's word.
        let known = hops.iter().rev().map_while(|hop| hop_address(hop));
        known.map(|hop| hop.to_canonical()).find(|hop| !self.proxies.contains(hop)).map(network)
    }

    /// The addresses of our reverse proxies.
    pub(crate) fn proxies(&self) -> &BTreeSet<IpAddr> {
        &self.proxies
    }

    /// Whether pages of this origin may read answers: some form's may.
    pub(crate) fn is_form_origin(&self, origin: &str) -> bool {
        self.tokens.iter().any(|token| token.origins.iter().any(|known| known.eq_ignore_ascii_case(origin)))
    }

    /// What the demo form needs.
    ///
    /// # Errors
    /// 404 where there is none, 403 when it is asked for by another name than this machine's own.
    pub(crate) fn demo_claim(&self, headers: &HeaderMap, now: Timestamp) -> Result<DemoClaim, Failure> {
        let open = self.opened_demo(headers)?;
        let claim = open.demo.customer.as_ref().map(|customer| {
            let now_s = now.as_micros() as f64 / 1e6;
            let content = claim::Content {
                sub: customer.clone(),
                exp: (now_s + DEMO_CLAIM_S).floor(),
                nbf: None,
                iat: Some(now_s.floor()),
                iss: None,
                aud: None,
                assets: None,
            };
            claim::signed(open.claim_secret.0.as_bytes(), &content)
        });
        let Demo { customer, asset } = open.demo.clone();
        Ok(DemoClaim { key: open.key.0.clone(), claim, customer, asset })
    }

    fn opened_demo(&self, headers: &HeaderMap) -> Result<&OpenDemo, Failure> {
        let off = "the demo is not switched on; `demo = true` in [server] of heinzel.toml does it";
        let open = self.demo.as_ref().ok_or_else(|| Failure::not_found(off))?;
        if is_loopback_host(headers) { Ok(open) } else { Err(not_here()) }
    }

    /// Whether the demo's pages may be shown.
    ///
    /// # Errors
    /// As for [`Self::demo_claim`].
    pub(crate) fn opens_demo(&self, headers: &HeaderMap) -> Result<(), Failure> {
        self.opened_demo(headers).map(|_| ())
    }
}

impl Token {
    /// Whose word it is, for the audit trail.
    pub(crate) fn speaker(&self) -> String {
        format!("token {}", self.name)
    }

    /// Whether a page of the request's origin may use it. Browsers leave `Origin` out of a GET to the page's own host;
    /// `changes` says that this request is none, so that it must be there.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn allows_origin(&self, headers: &HeaderMap, changes: bool) -> Result<(), Failure> {
        if self.demo && !is_loopback_host(headers) {
            return Err(not_here());
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            let missing = "a form's key works only in a page: the header `Origin` is missing, which browsers send; by hand, send one of the form's `origins`";
            return if changes && !self.demo { Err(Failure::other_origin(missing)) } else { Ok(()) };
        };
        let origin = origin.to_str().unwrap_or_default();
        let is_own = || {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let (_, authority) = origin.split_once("://").unwrap_or_default();
            self.demo && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
        };
        if self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin)) || is_own() {
            return Ok(());
        }
        let said: String = origin.chars().take(200).collect();
        Err(Failure::other_origin(format!(
            "the form `{}` is not used on the origin `{said}`; `origins` in heinzel.toml names those that count, as browsers write them",
            self.name
        )))
    }
}

impl OpenDemo {
    fn new(demo: Demo) -> Result<Self, SettingsError> {
        Ok(Self { key: random()?, claim_secret: random()?, demo })
    }

    fn token(&self) -> Token {
        Token {
            name: "demo".into(),
            scopes: BTreeSet::from([Scope::Form]),
            secret: self.key.clone(),
            origins: Vec::new(),
            rate: settings::FORM_RATE,
            claims: Some(Claims::new(&[&self.claim_secret.0], None, None)),
            demo: true,
        }
    }
}

/// Whether a request names this machine as itself: `localhost`, a name below it, or a loopback address. A page of elsewhere
/// whose name was made to point here (DNS rebinding) asks under its own name.
fn is_loopback_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let (Some(Some(host)), None) = (hosts.next(), hosts.next()) else { return false };
    let name = host.host().to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name).parse::<IpAddr>();
    address.map_or_else(
        |_| name == "localhost" || name.ends_with(".localhost"),
        |address| address.to_canonical().is_loopback(),
    )
}

/// Whether a request has what proxies add. By the address it cannot be told: programs of the proxy's machine ask from there, too.
pub(crate) fn is_through_proxy(headers: &HeaderMap) -> bool {
    let added = ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "via"];
    added.iter().any(|name| headers.contains_key(*name))
}

fn not_here() -> Failure {
    Failure::other_origin(
        "the demo is for this machine alone: open it as http://localhost or http://127.0.0.1 with the port of `listen`, \
         from another machine through `ssh -L`",
    )
}

/// Whom an address stands for: whoever has one IPv6 address has 2^64 of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        four @ IpAddr::V4(_) => four,
    }
}

/// The site that a network of IPv6 belongs to: a /48, as providers hand them out (RFC 6177).
pub(crate) fn site(network: IpAddr) -> Option<IpAddr> {
    match network {
        IpAddr::V6(six) => Some(IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !(u128::MAX >> 48)))),
        IpAddr::V4(_) => None,
    }
}

/// An entry of `X-Forwarded-For`: an address, with some proxies also its port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

/// What a request says behind `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Where the settings have this token.
fn place(token: &settings::Token) -> String {
    format!("server.token {}", token.name)
}

fn open_claims(claims: &settings::Claims, place: &str) -> Result<Claims, SettingsError> {
    let read = |kept| claim_secret(kept, place).map(|secret| secret.0);
    let secrets = claims.secrets.iter().map(read).collect::<Result<Vec<String>, _>>()?;
    Ok(Claims::new(&secrets, claims.issuer.clone(), claims.audience.clone()))
}

fn claim_secret(kept: &Kept, place: &str) -> Result<Secret, SettingsError> {
    secret(kept, &format!("{place}.claims"), claim::SHORTEST_SECRET)
}

fn zammad_secret(zammad: &settings::Zammad) -> Result<Secret, SettingsError> {
    secret(&zammad.secret, "server.zammad", SHORTEST_TOKEN)
        .map_err(|error| error.with("the webhook in Zammad needs the same"))
}

fn secret(kept: &Kept, place: &str, shortest: usize) -> Result<Secret, SettingsError> {
    let text = match kept {
        Kept::Here(secret) => secret.0.clone(),
        Kept::File(path) => first_line(path).map_err(|error| SettingsError::unreadable(place, path, &error))?,
    };
    if text.len() < shortest {
        let why =
            format!("the secret has {} bytes; it needs {shortest}, like `openssl rand -hex 32` makes them", text.len());
        return Err(SettingsError::new(place, why));
    }
    Ok(Secret(text))
}

fn first_line(path: &Path) -> std::io::Result<String> {
    // Opening a named pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("this is not a regular file; write the secret into one"));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn random() -> Result<Secret, SettingsError> {
    let mut bytes = [0; 32];
    let no = |_| SettingsError::new("server.demo", "the system gives no random bytes");
    SystemRandom::new().fill(&mut bytes).map_err(no)?;
    Ok(Secret(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

#[cfg(test)]
mod tests;

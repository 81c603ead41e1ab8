//! What all requests share, and how a request gets through to the engine.
//!
//! Start at [`Door`]. `Door::visit` lets a form in, `Door::suggested` and `Door::blocking` ask the engine: within a
//! time, a bounded number at once, and so that a mistake in there ends one request only.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use heinzel_core::policy::Rate;
use heinzel_core::time::Span;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::access::rate::Limiter;
use crate::access::{self, Access, Token};
use crate::api::{Api, Limits};
use crate::failure::Failure;
use crate::front::{Asker, Front, Owner, Refused};
use crate::listen::Peer;
use crate::settings::Scope;
use crate::suggestion::{Draft, Suggestions};
use crate::tally::Tally;

/// How often one draft may be looked at: a fast typist with a form that asks at every word.
const DRAFT_RATE: Rate = Rate { count: 90, within: Span::seconds(60) };

/// As so many networks may the site they belong to ask: whoever rents a server or a line often has 256 of them, or 65,536.
const NETWORKS: u32 = 16;

/// What is behind the door.
pub struct Inside {
    /// The engine.
    pub api: Arc<dyn Api>,
    /// Its half for customers, if it is switched on.
    pub front: Option<Arc<dyn Front>>,
    /// Who may ask.
    pub access: Access,
    /// How much a request may take.
    pub limits: Limits,
}

/// What all requests share.
pub struct Door {
    pub(crate) api: Arc<dyn Api>,
    front: Option<Arc<dyn Front>>,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    /// Pushes under way.
    pub(crate) pushes: Semaphore,
    /// Requests of forms under way.
    forms: Semaphore,
    /// Those of strangers among them: they may have half of the places, so that there is always one for a customer.
    strangers: Semaphore,
    /// Requests that block under way.
    calls: Arc<Semaphore>,
    streams: Arc<Seats>,
    /// How often each address asked. Apart from the drafts: these are many, and a cell shared with one would hold a whole
    /// address back.
    addresses: Limiter,
    /// How often each draft was asked about.
    drafts: Limiter,
    /// Until when (seconds since the start) the log does not say again that a proxy names nobody.
    said_of_proxy: AtomicU64,
    /// The same of a proxy that the settings do not name.
    said_of_unnamed: AtomicU64,
    started: Instant,
    /// Bytes pushed since the start: the offset of the next block.
    pub(crate) pushed: AtomicU64,
    pub(crate) tally: Tally,
    /// Ends the streams that would otherwise go on.
    pub(crate) stop: CancellationToken,
}

/// A form that was let in.
pub(crate) struct Visit<'a> {
    pub(crate) token: &'a Token,
    pub(crate) asker: Asker,
    _place: SemaphorePermit<'a>,
    _among_strangers: Option<SemaphorePermit<'a>>,
}

impl Door {
    pub(crate) fn new(inside: Inside, stop: CancellationToken) -> Self {
        let Inside { api, front, access, limits } = inside;
        Self {
            api,
            front,
            access,
            limits,
            pushes: Semaphore::new(limits.pushes),
            forms: Semaphore::new(limits.forms),
            strangers: Semaphore::new(limits.forms.div_ceil(2)),
            calls: Arc::new(Semaphore::new(limits.calls)),
            streams: Arc::default(),
            addresses: Limiter::default(),
            drafts: Limiter::default(),
            said_of_proxy: AtomicU64::new(0),
            said_of_unnamed: AtomicU64::new(0),
            started: Instant::now(),
            pushed: AtomicU64::new(0),
            tally: Tally::default(),
            stop,
        }
    }

    /// Lets a form in: its key, its page's origin, how often its address has asked, its customer's claim, in this order. Where a
    /// proxy does not say the address, a customer who is vouched for has a rate of their own, so that only strangers share one.
    /// `changes` says that the request is not a GET.
    ///
    /// # Errors
    /// 401, 403, 429; 503 when too many are inside.
    pub(crate) fn visit(&self, parts: &Parts, changes: bool) -> Result<Visit<'_>, Failure> {
        let token = self.access.entitled(&parts.headers, Scope::Form)?;
        token.allows_origin(&parts.headers, changes)?;
        let peer = parts.extensions.get().map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| *address);
        let address = self.access.address(peer, &parts.headers);
        let asker = Access::asker(token, &parts.headers, self.api.now());
        if address.is_none() {
            self.complain_of_proxy();
        }
        let customer = asker.as_ref().ok().filter(|_| address.is_none()).and_then(|asker| asker.customer.as_ref());
        let is_unnamed =
            access::is_through_proxy(&parts.headers) && !self.access.proxies().contains(&peer.to_canonical());
        let why = match (address, customer) {
            (Some(_), _) if is_unnamed => {
                "all who come through the proxy at this address ask too often together, as `proxies` in [server] of heinzel.toml does not \
                 name it"
            }
            (Some(_), _) => "this address asks too often",
            (None, Some(_)) => "this customer asks too often",
            (None, None) => {
                "who asks is not known, since the proxy's `X-Forwarded-For` does not end with an address: all of them together ask too often"
            }
        };
        let asked =
            self.within(&self.addresses, (&token.name, address, customer.map(|claim| &claim.id)), token.rate, why);
        if is_unnamed && asked.is_err() {
            self.complain_of_unnamed();
        }
        asked?;
        if let Some(site) = address.and_then(access::site) {
            let rate = Rate { count: token.rate.count.saturating_mul(NETWORKS), ..token.rate };
            let why = "the site of this address (a /48 of IPv6) asks too often";
            self.within(&self.addresses, (&token.name, "site", site), rate, why)?;
        }
        let asker = asker?;
        let among_strangers = if asker.customer.is_none() { Some(place_in(&self.strangers)?) } else { None };
        let place = place_in(&self.forms)?;
        Ok(Visit { token, asker, _place: place, _among_strangers: among_strangers })
    }

    /// One look at a draft.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn look(&self, owner: &Owner, draft_id: &str) -> Result<(), Failure> {
        let why = format!(
            "the draft `{draft_id}` (`draft_id`) is asked about more than {} times in {}, wherever from",
            DRAFT_RATE.count, DRAFT_RATE.within
        );
        self.within(&self.drafts, (owner, draft_id), DRAFT_RATE, &why)
    }

    /// What passes itself off as a proxy, and is none of the settings, asks too often: the log says it once an hour.
    fn complain_of_unnamed(&self) {
        if self.is_due(&self.said_of_unnamed) {
            tracing::warn!(
                "an address that hands requests on as a proxy does asks too often; if it is your proxy, name it in `server.proxies`, as all \
                 behind it share one rate until then"
            );
        }
    }

    /// Whether the log may say something again.
    fn is_due(&self, said: &AtomicU64) -> bool {
        let now = self.started.elapsed().as_secs();
        let due = |until: u64| (until <= now).then_some(now + 3_600);
        said.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// A proxy of the settings does not say who asks: the log says it once an hour.
    fn complain_of_proxy(&self) {
        if self.is_due(&self.said_of_proxy) {
            tracing::warn!(
                "a proxy named in `server.proxies` does not say who asks: the last entry of its `X-Forwarded-For` is no address, or only \
                 a proxy's; all strangers whom it does not name share one rate"
            );
        }
    }

    fn within(&self, limiter: &Limiter, asker: impl Hash, rate: Rate, why: &str) -> Result<(), Failure> {
        limiter
            .take(asker, rate, self.started.elapsed())
            .map_err(|wait| Failure::too_many(format!("{why}; `Retry-After` says when to come again"), wait))
    }

    /// What fits a draft.
    ///
    /// # Errors
    /// What the engine refuses; 503 when it takes too long.
    pub(crate) async fn suggested(&self, asker: &Asker, draft: Draft) -> Result<Suggestions, Failure> {
        let front = self.front()?;
        let answer = async { caught(front.suggest(asker, draft)).await };
        match timeout(self.limits.suggested_within, answer).await {
            Ok(Some(answer)) => answer.map_err(refused),
            Ok(None) => Err(Failure::internal()),
            Err(_) => Err(Failure::busy("the answer took too long; ask again")),
        }
    }

    /// Asks the engine something that may block, off the async threads.
    ///
    /// # Errors
    /// What the engine refuses; 503 when too many ask at once or it takes longer than `within`. It goes on then.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        within: Duration,
        ask: impl FnOnce(&dyn Front) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let front = self.front()?.clone();
        let place = timeout(self.limits.call_waits, self.calls.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(Failure::busy("too many requests at once; send it again")) };
        let asked = tokio::task::spawn_blocking(move || {
            // Held until it is done, also when nobody waits any more.
            let _place: OwnedSemaphorePermit = place;
            ask(front.as_ref())
        });
        match timeout(within, asked).await {
            Ok(Ok(answer)) => answer.map_err(refused),
            Ok(Err(_)) => Err(Failure::internal()),
            Err(_) => Err(Failure::busy("it takes longer than expected; ask again later")),
        }
    }

    /// A place for a stream of news.
    ///
    /// # Errors
    /// 429 when the owner has too many, 503 when all have.
    pub(crate) fn seat(&self, token: &Token, owner: Owner) -> Result<Seat, Failure> {
        let limits = self.limits;
        let mut taken = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        // Whoever is not known shares the owner with all strangers of the form.
        let most = if matches!(owner, Owner::Customer(_)) { limits.streams_of_one } else { limits.streams / 4 };
        let of_token: usize = taken.iter().filter(|((name, _), _)| **name == *token.name).map(|(_, count)| count).sum();
        if all >= limits.streams || of_token >= limits.streams / 2 {
            return Err(Failure::busy("too many streams of news are open; ask again"));
        }
        let key = (token.name.clone(), owner);
        let count = taken.entry(key.clone()).or_default();
        if *count >= most {
            let wait = Duration::from_secs(5);
            return Err(Failure::too_many("too many streams of news are open for this customer; close one", wait));
        }
        *count += 1;
        drop(taken);
        Ok(Seat { seats: self.streams.clone(), key })
    }

    fn front(&self) -> Result<&Arc<dyn Front>, Failure> {
        self.front.as_ref().ok_or_else(|| Failure::not_found("suggestions are not switched on"))
    }
}

fn place_in(places: &Semaphore) -> Result<SemaphorePermit<'_>, Failure> {
    places.try_acquire().map_err(|_| Failure::busy("too many forms ask at once; ask again"))
}

/// How many streams of news each owner has open, by the form's token.
#[derive(Default)]
struct Seats(Mutex<HashMap<(Arc<str>, Owner), usize>>);

/// A stream's place; given back when it is dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    key: (Arc<str>, Owner),
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

/// The same answer, or `None` when making it panicked.
async fn caught<T>(mut answer: crate::front::Answering<'_, T>) -> Option<Result<T, Refused>> {
    std::future::poll_fn(|context| {
        // Nothing of the answer is looked at after a panic.
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)))
            .map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}

fn refused(why: Refused) -> Failure {
    match why {
        Refused::NoSuchDraft => Failure::not_found("there is no such draft of this customer or form"),
        Refused::NotTheirs => Failure::no_asset_of_theirs(),
        Refused::Elsewhere(why) => Failure::elsewhere(why),
        Refused::Needed(why) => Failure::needed(why),
        Refused::Invalid { field, why } => Failure::invalid(field, why),
        Refused::BrokeOff => Failure::bad_request("the body broke off"),
        Refused::Busy(why) => Failure::busy(why),
    }
}

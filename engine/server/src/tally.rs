//! How many requests were answered, how, and in what time: for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::ROUTES;
use crate::metric::{Kind, Metric};

/// Statuses are counted by their first digit.
const CLASSES: usize = 6;

/// Counts by route and status. Fixed in size: nothing that a request says makes a label.
#[derive(Debug)]
pub(crate) struct Tally {
    /// One for each of [`ROUTES`], and the last for all other addresses.
    routes: [Route; ROUTES.len() + 1],
    /// One for each of [`LEFT_OUT`].
    left_out: [Lost; LEFT_OUT.len()],
    started: Instant,
}

/// Fields of Zammad's tickets that may not be usable.
const LEFT_OUT: [&str; 5] = ["customer", "asset", "draft_id", "created_at", "answer_used"];

/// After so many seconds the log says again that a field could not be used.
const SAID_FOR: u64 = 3_600;

#[derive(Debug, Default)]
struct Lost {
    count: AtomicU64,
    /// Until when the log has said it, in seconds since the start.
    said_until: AtomicU64,
}

#[derive(Debug, Default)]
struct Route {
    statuses: [AtomicU64; CLASSES],
    micros: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        let routes = std::array::from_fn(|_| Route::default());
        Self { routes, left_out: Default::default(), started: Instant::now() }
    }
}

impl Tally {
    /// Counts one answer.
    pub(crate) fn count(&self, route: Option<&str>, status: StatusCode, took: Duration) {
        let at = ROUTES.iter().position(|known| route == Some(known)).unwrap_or(ROUTES.len());
        let class = usize::from(status.as_u16() / 100).min(CLASSES - 1);
        self.routes[at].statuses[class].fetch_add(1, Ordering::Relaxed);
        self.routes[at].micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts a field that could not be used. Whether the log should say so now.
    pub(crate) fn leave_out(&self, field: &str) -> bool {
        let Some(at) = LEFT_OUT.iter().position(|known| *known == field) else { return false };
        let Lost { count, said_until } = &self.left_out[at];
        count.fetch_add(1, Ordering::Relaxed);
        let now = self.started.elapsed().as_secs();
        let due = |until: u64| (until <= now).then_some(now + SAID_FOR);
        said_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// As metrics; routes that nobody asked are left out.
    pub(crate) fn metrics(&self) -> [Metric; 3] {
        let mut requests = Vec::new();
        let mut seconds = Vec::new();
        let names = ROUTES.iter().copied().chain(["other"]);
        for (name, route) in names.zip(&self.routes) {
            for (class, count) in route.statuses.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = vec![("route".into(), name.into()), ("status".into(), format!("{class}xx"))];
                    requests.push((labels, count as f64));
                }
            }
            let micros = route.micros.load(Ordering::Relaxed);
            if micros > 0 {
                seconds.push((vec![("route".into(), name.into())], micros as f64 / 1e6));
            }
        }
        [
            Metric {
                name: "heinzel_http_requests_total".into(),
                help: "Requests answered, by route and kind of status.".into(),
                kind: Kind::Counter,
                samples: requests,
            },
            Metric {
                name: "heinzel_http_request_seconds_total".into(),
                help: "Time until the answers began, in seconds.".into(),
                kind: Kind::Counter,
                samples: seconds,
            },
            Metric {
                name: "heinzel_tickets_left_out_total".into(),
                help: "Tickets from Zammad of which a field could not be used, by field.".into(),
                kind: Kind::Counter,
                samples: LEFT_OUT
                    .iter()
                    .zip(&self.left_out)
                    .map(|(field, lost)| {
                        (vec![("field".into(), (*field).into())], lost.count.load(Ordering::Relaxed) as f64)
                    })
                    .collect(),
            },
        ]
    }
}

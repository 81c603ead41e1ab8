//! The HTTP side with an engine of a few lines behind it: to try a form, or requests, without rules and logs.
//!
//! `cargo run -p heinzel-server --example fake -- heinzel.toml`: only `[server]` is read.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for trying things out")]

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heinzel_core::time::Timestamp;
use heinzel_server::access::Access;
use heinzel_server::api::Limits;
use heinzel_server::door::Inside;
use heinzel_server::settings::Settings;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH + since
}

#[tokio::main]
async fn main() {
    let file = std::env::args_os().nth(1).expect("the configuration as the first argument");
    let file: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let settings: Settings = file["server"].clone().try_into().unwrap();
    let server = settings.check(Path::new(".")).unwrap_or_else(|error| panic!("{error}"));
    let access = Access::open(&server).unwrap_or_else(|error| panic!("{error}"));
    let api = Arc::new(fake::FakeApi { now });
    let inside = Inside { api, front: Some(Arc::new(fake::Fake::default())), access, limits: Limits::default() };
    let listener = TcpListener::bind(server.listen.expect("`listen` in the settings")).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    heinzel_server::serve(listener, inside, CancellationToken::new()).await.unwrap();
}

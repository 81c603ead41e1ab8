//! The "fix" that the bench lets Heinzel run: notes when its `main` began and tells the bench.
//!
//! `stamp SOCKET ITEM` sends `ITEM NANOSECONDS` (monotonic clock) to the datagram socket.

use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

use rustix::time::{ClockId, clock_gettime};

fn main() -> ExitCode {
    // First of all: this moment is what is measured.
    let now = clock_gettime(ClockId::Monotonic);
    let mut arguments = std::env::args().skip(1);
    let (Some(socket), Some(item)) = (arguments.next(), arguments.next()) else { return ExitCode::from(2) };
    let nanos = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    let told = UnixDatagram::unbound().and_then(|out| out.send_to(format!("{item} {nanos}").as_bytes(), socket));
    if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

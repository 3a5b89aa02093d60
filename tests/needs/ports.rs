//! Ports for programs that cannot be asked which one they took. Included by path.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

/// A port that is free, below those that the system gives to connections and to whoever asks for
/// any: one of these may be taken again before the program has it, or while it is away. Processes
/// begin apart from each other.
///
/// # Panics
/// When 500 ports are taken.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(37);
    (0..500)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000)
        .map(|n| u16::try_from(10_000 + n).expect("below 18,000"))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

//! The log, with a budget: lines of one kind about one peer are written so many at once and then
//! one in a while, and what is left out is counted and told.

use crate::limits::Summaries;
use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    layer::{Context, Filter, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Lines of one place in the code about one peer.
const LINES_EACH: (u32, Duration) = (500, Duration::from_millis(200));
/// And of one place about everybody together.
const LINES_OF_ALL: (u32, Duration) = (2_000, Duration::from_millis(20));
/// How often it is told what was left out.
const TELL: Duration = Duration::from_secs(10);
/// The WebAuthn library writes what peers send into the log; what we make of it is logged by us.
const USUAL: &str = "info,webauthn_rs=off,webauthn_rs_core=off,webauthn_attestation_ca=off";

/// Writes the log of this process to standard error from now on; with `json` one object in each
/// line.
pub fn start(json: bool) {
    let lines = EnvFilter::try_from_env("SIGNET_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let budget = LogBudget::default();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(|| OneLine(std::io::stderr()));
    let registry = tracing_subscriber::registry().with(lines);
    if json {
        registry.with(layer.json().with_filter(budget.clone())).init();
    } else {
        registry.with(layer.with_filter(budget.clone())).init();
    }
    let told = std::thread::Builder::new().name("signet-log".into()).spawn(move || {
        loop {
            std::thread::sleep(TELL);
            for ((place, peer), left_out) in budget.left_out(Instant::now()) {
                tracing::warn!(
                    place,
                    peer,
                    left_out,
                    "lines of this kind were left out of the log"
                );
            }
        }
    });
    if let Err(e) = told {
        tracing::error!(error = %e, "what is left out of the log will not be told");
    }
}

/// Writes each line of the log as one: what a peer wrote cannot begin another, move a cursor or
/// turn the text around. The layer hands over a line at a time.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut plain = signet_events::one_line(text.strip_suffix('\n').unwrap_or(&text));
        plain.push('\n');
        self.0.write_all(plain.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[derive(Clone)]
struct LogBudget(Arc<Mutex<Budgets>>);

struct Budgets {
    each: Summaries<(&'static str, String)>,
    of_all: Summaries<&'static str>,
}

impl Default for LogBudget {
    fn default() -> Self {
        let (each, of_all) = (
            Summaries::new(LINES_EACH.0, LINES_EACH.1),
            Summaries::new(LINES_OF_ALL.0, LINES_OF_ALL.1),
        );
        Self(Arc::new(Mutex::new(Budgets { each, of_all })))
    }
}

impl LogBudget {
    fn spend(&self, now: Instant, place: &'static str, peer: String) -> bool {
        let mut b = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        b.each.spend(now, (place, peer)).is_some() && b.of_all.spend(now, place).is_some()
    }

    fn left_out(&self, now: Instant) -> Vec<((&'static str, String), u64)> {
        let mut b = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_all =
            b.of_all.flush(now).into_iter().map(|(place, n)| ((place, "everybody".to_owned()), n));
        let of_all: Vec<_> = of_all.collect();
        b.each.flush(now).into_iter().chain(of_all).collect()
    }
}

impl<S: Subscriber> Filter<S> for LogBudget {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let mut peer = Peer::default();
        event.record(&mut peer);
        self.spend(Instant::now(), event.metadata().name(), peer.0)
    }
}

/// The peer that a line is about, by the fields that name peers.
#[derive(Default)]
struct Peer(String);

/// From the one that names a peer best.
const NAMES: [&str; 6] = ["desk", "dealer", "peer", "who", "about", "from"];

impl Visit for Peer {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !NAMES.contains(&field.name()) || (!self.0.is_empty() && field.name() == "from") {
            return;
        }
        self.0 = format!("{value:?}");
        // Each connection of one address has a port of its own.
        if field.name() == "from"
            && let Some((address, _)) = self.0.rsplit_once(':')
        {
            self.0.truncate(address.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What is logged about a text, as a person and as a program read it.
    fn logged(text: &str, json: bool) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        #[derive(Clone)]
        struct Kept(Arc<Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept(written.clone());
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || OneLine(kept.clone()));
        let say = || {
            tracing::warn!(dealer = %text, code = text, error = ?text, "{text}");
        };
        match json {
            true => tracing::subscriber::with_default(
                tracing_subscriber::registry().with(layer.json()),
                say,
            ),
            false => {
                tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say)
            }
        }
        String::from_utf8(written.lock().unwrap().clone()).unwrap()
    }

    fn is_one_line(text: &str) {
        for json in [false, true] {
            let line = logged(text, json);
            let line = line.strip_suffix('\n').expect("a line ends");
            assert_eq!(line, signet_events::one_line(line), "{text:?}");
            assert!(!json || serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_a_peer_wrote_begins_no_line_of_the_log() {
        for text in crate::hostile_texts() {
            is_one_line(&text);
        }
    }

    proptest! {
        #[test]
        fn no_text_begins_a_line_of_the_log(text: String) {
            is_one_line(&text);
        }
    }

    #[test]
    fn a_flood_of_lines_about_one_peer_leaves_room_for_another_and_is_counted() {
        let (budget, now) = (LogBudget::default(), Instant::now());
        let written = |peer: &str| {
            (0..3_000).filter(|_| budget.spend(now, "refused", peer.to_owned())).count()
        };
        assert_eq!(written("MALLORY"), 500);
        assert_eq!(written("ALICE"), 500);
        let mut told = budget.left_out(now + TELL);
        told.sort();
        let of = |peer: &str, n| (("refused", peer.to_owned()), n);
        assert_eq!(told, [of("ALICE", 2_500), of("MALLORY", 2_500)]);
    }

    /// Other tests of this process have subscribers, and an event that meets one as it comes or goes
    /// may be lost: nothing here depends on a single one.
    #[test]
    fn a_line_counts_for_the_peer_that_it_names_best_and_an_address_for_all_of_its_ports() {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        struct Count;
        impl std::io::Write for Count {
            fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
                WRITTEN.fetch_add(b.iter().filter(|c| **c == b'\n').count(), Ordering::Relaxed);
                Ok(b.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let budget = LogBudget::default();
        let layer = tracing_subscriber::fmt::layer().with_writer(|| Count).with_filter(budget);
        let (written, began) = (|| WRITTEN.load(Ordering::Relaxed), Instant::now());
        // A slow machine gives a budget back meanwhile.
        let most = |peers: u32| {
            let refilled = began.elapsed().as_millis() / LINES_EACH.1.as_millis() + 1;
            usize::try_from(u128::from(peers) * (u128::from(LINES_EACH.0) + refilled)).unwrap()
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            (0..3_000).for_each(|port| {
                tracing::warn!(peer = "MALLORY", from = format!("10.0.0.2:{port}"), "refused");
            });
            let flood = written();
            assert!(flood <= most(1), "{flood}");
            (0..3_000)
                .for_each(|port| tracing::warn!(from = format!("10.0.0.1:{port}"), "refused"));
            assert!((flood + 1..=most(2)).contains(&written()), "{flood} {}", written());
        });
    }
}

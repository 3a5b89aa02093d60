//! Known networks across a restart: a small file of text in the state directory. After a restart
//! every desk comes back at once, and then it matters most that strangers cannot hold them up.
//!
//! The file decides only who waits less; whoever forges it gains a better place in a queue.

use super::{
    Shared,
    known::{NETWORKS_MAX, REMEMBERED},
};
use crate::{
    clock::now,
    delivery::{read_text, replace},
    events::EventSink,
    listeners::sources::network,
};
use signet_events::About;
use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    net::IpAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

/// How often what has changed is written. A gateway that stops in order writes once more.
const WRITE_EVERY: Duration = Duration::from_secs(5 * 60);
const HEADER: &str = "signet known networks 1";
/// A line has at most 20 digits, a space, 39 characters of an address and its end.
const FILE_MAX: u64 = 64 * (NETWORKS_MAX as u64 + 1);
const CODE: &str = "admission.known_networks";

/// Keeps the known networks of a queue in a file. Dropped, it writes what has changed.
pub struct KeptNetworks {
    queue: Rc<Shared>,
    file: PathBuf,
    events: EventSink,
    every: Duration,
}

impl KeptNetworks {
    /// Hands the networks in `file` to the queue. If it cannot be read, none is known, and an event
    /// says so; if there is none yet, nothing is said.
    pub(super) fn read(queue: Rc<Shared>, file: PathBuf, events: EventSink) -> Self {
        match read_text(&file, FILE_MAX).map(|text| text.map(|t| decode(seconds(), &t))) {
            Ok(None) => {}
            Ok(Some(Some(ages))) => {
                queue.state.borrow_mut().known_networks().restore(Instant::now(), ages);
            }
            Ok(Some(None)) => {
                let why = "the content is not what the gateway writes";
                told(&events, &format!("known networks cannot be read, none is known: {why}"));
            }
            Err(e) => told(&events, &format!("known networks cannot be read, none is known: {e}")),
        }
        Self { queue, file, events, every: WRITE_EVERY }
    }

    /// Writes now and then, for ever.
    pub async fn serve(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.every).await;
            if let Some(text) = self.due() {
                let file = self.file.clone();
                let written = tokio::task::spawn_blocking(move || replace(&file, &text)).await;
                self.said(written.unwrap_or_else(|e| Err(io::Error::other(e))));
            }
        }
    }

    /// What is to be written, if anything has changed.
    fn due(&self) -> Option<String> {
        let ages = self.queue.state.borrow_mut().known_networks().changed(Instant::now())?;
        Some(encode(seconds(), &ages))
    }

    fn said(&self, written: io::Result<()>) {
        if let Err(e) = written {
            told(&self.events, &format!("known networks cannot be written: {e}"));
        }
    }
}

impl Drop for KeptNetworks {
    fn drop(&mut self) {
        if let Some(text) = self.due() {
            self.said(replace(&self.file, &text));
        }
    }
}

fn told(events: &EventSink, words: &str) {
    tracing::warn!(code = CODE, "{words}");
    events.gateway(CODE, About::object("known.networks"), words.to_owned());
}

/// By the wall clock, since 1970.
fn seconds() -> u64 {
    u64::try_from(now().0 / 1_000).unwrap_or(0)
}

/// One line for each network: when a desk last logged on, in seconds since 1970, and the network.
fn encode(now_s: u64, ages: &[(Duration, IpAddr)]) -> String {
    let mut text = format!("{HEADER}\n");
    for (age, network) in ages {
        let _ = writeln!(text, "{} {network}", now_s.saturating_sub(age.as_secs()));
    }
    text
}

/// Networks and how long ago a desk logged on from each. Those that are forgotten by now, and those
/// of a clock that was ahead, are left out. `None`: this gateway did not write that.
fn decode(now_s: u64, text: &str) -> Option<Vec<(Duration, IpAddr)>> {
    let lines = text.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let mut ages = Vec::new();
    for (n, line) in lines.lines().enumerate() {
        let (at, ip) = line.split_once(' ')?;
        let (at, ip) = (at.parse::<u64>().ok()?, ip.parse::<IpAddr>().ok()?);
        if n >= NETWORKS_MAX || network(ip) != ip {
            return None;
        }
        let age = now_s.checked_sub(at).map(Duration::from_secs);
        ages.extend(age.filter(|a| *a < REMEMBERED).map(|a| (a, ip)));
    }
    Some(ages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::LimitsSection,
        listeners::queue::{AdmissionQueue, QueueLimits},
    };
    use std::fs;

    const NOW: u64 = 1_795_219_200;

    fn ages(of: &[(u64, &str)]) -> Vec<(Duration, IpAddr)> {
        of.iter().map(|(s, ip)| (Duration::from_secs(*s), ip.parse().unwrap())).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = ages(&[(60, "192.0.2.0"), (0, "2001:db8:1:2::")]);
        let text = encode(NOW, &all);
        assert_eq!(decode(NOW, &text), Some(all));
        let later = decode(NOW + 100, &text).unwrap();
        assert_eq!(later, ages(&[(160, "192.0.2.0"), (100, "2001:db8:1:2::")]));
        let max = all_there_can_be();
        assert!(max.len() as u64 <= FILE_MAX && decode(NOW, &max).unwrap().len() == NETWORKS_MAX);
    }

    fn all_there_can_be() -> String {
        let ip = |n: usize| IpAddr::V6((((0x2001_0db8_u128 << 32) + n as u128) << 64).into());
        let all: Vec<_> = (0..NETWORKS_MAX).map(|n| (Duration::ZERO, ip(n))).collect();
        encode(NOW, &all)
    }

    #[test]
    fn what_is_too_old_or_yet_to_come_is_left_out() {
        let past = NOW - REMEMBERED.as_secs();
        let text =
            format!("{HEADER}\n{past} 192.0.2.0\n{} 192.0.3.0\n{} 192.0.4.0\n", past + 1, NOW + 1);
        let left = [(REMEMBERED.as_secs() - 1, "192.0.3.0")];
        assert_eq!(decode(NOW, &text), Some(ages(&left)));
    }

    #[test]
    fn what_the_gateway_did_not_write_is_not_read() {
        let good = format!("{HEADER}\n{NOW} 192.0.2.0\n");
        assert!(decode(NOW, &good).is_some());
        let too_many = format!("{}{NOW} 192.0.2.0\n", all_there_can_be());
        for bad in [
            String::new(),
            good.replace('1', "2"),
            good.replace(HEADER, "signet known networks 2"),
            good.replace("192.0.2.0", "192.0.2.1"),
            good.replace("192.0.2.0", "::ffff:192.0.2.0"),
            good.replace("192.0.2.0", "2001:db8::1"),
            good.replace(' ', "  "),
            good.replace(&NOW.to_string(), "-5"),
            good.replace(&NOW.to_string(), "99999999999999999999999"),
            format!("{good}\n"),
            too_many,
        ] {
            assert_eq!(decode(NOW, &bad), None, "{bad:.200}");
        }
    }

    fn queue() -> AdmissionQueue {
        AdmissionQueue::new(QueueLimits::of(&LimitsSection::default()))
    }

    fn knows(queue: &AdmissionQueue, ip: &str) -> bool {
        let net = network(ip.parse().unwrap());
        queue.0.state.borrow_mut().known_networks().knows(Instant::now(), net)
    }

    #[tokio::test]
    async fn a_gateway_that_starts_again_knows_the_networks() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known.networks");
        let events = EventSink::new(None, None);
        let before = queue();
        let kept = before.keeping(file.clone(), events.clone());
        drop(before.keeping(file.clone(), events.clone()));
        assert!(!file.exists(), "nothing has changed");
        before.arrive(Some("192.0.2.7".parse().unwrap())).unwrap().logged_on();
        drop(kept);
        let after = queue();
        let _kept = after.keeping(file.clone(), events.clone());
        assert!(knows(&after, "192.0.2.9") && !knows(&after, "192.0.3.9"));
        // Nothing of a file that cannot be read is believed, and the gateway goes on.
        fs::write(&file, format!("{HEADER}\n{} 192.0.2.0\nx\n", seconds())).unwrap();
        let other = queue();
        let _kept = other.keeping(file, events);
        assert!(!knows(&other, "192.0.2.9"));
    }

    #[tokio::test]
    async fn what_changes_is_written_now_and_then() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known.networks");
        let queue = queue();
        let mut kept = queue.keeping(file.clone(), EventSink::new(None, None));
        kept.every = Duration::from_millis(1);
        queue.arrive(Some("192.0.2.7".parse().unwrap())).unwrap().logged_on();
        let written = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            never = kept.serve() => match never {},
            in_time = tokio::time::timeout(Duration::from_secs(60), written) => {
                in_time.expect("it is written");
            }
        }
        assert!(kept.due().is_none(), "it is written once");
    }
}

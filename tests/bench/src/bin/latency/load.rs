//! Says what desks say, on a fixed schedule, and what came of it.

use crate::{
    dealers::{Arrivals, NUMBERS, lives_ms},
    desk::{cancel, request},
};
use signet_bench::{
    pace::Pace,
    process::{Threads, shares, threads},
};
use signet_fix::session::Session;
use signet_rfq::DealerId;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};

/// A request is cancelled when the schedule has gone on so far.
const CANCELLED_AFTER: Duration = Duration::from_millis(100);
/// One that is not measured would live so long.
const OPEN_MS: i64 = 60_000;
/// For what is under way when the schedule ends.
const DRAIN: Duration = Duration::from_secs(10);
/// For the gateway to reach every dealer.
const REACHED: Duration = Duration::from_secs(30);
/// A day of each desk: RFQs that have ended, nearly one a minute for seven hours, and those that
/// are open at its end. The example's policies allow twenty.
const DAY: [usize; 2] = [400, 10];
/// Nearly as long as an RFQ may live.
const DAY_OPEN_MS: i64 = 1_500_000;
/// Numbers of requests that are measured; below are those before, also once numbers have begun
/// again.
const FIRST: usize = 1_000_100_000;

/// The desks that are on, whom they ask, and whose processor time is of interest.
pub struct Loader {
    desks: Vec<Rc<Session>>,
    dealers: Vec<DealerId>,
    arrivals: Arrivals,
    /// What stands between desks and dealers: a name, and its process.
    between: Option<(&'static str, u32)>,
    next: usize,
}

/// What a step has shown, microseconds.
pub struct Figures {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    /// Every request came to every dealer.
    pub complete: bool,
    /// More, in words.
    pub rest: String,
}

impl Loader {
    pub fn new(
        desks: Vec<Rc<Session>>,
        dealers: Vec<DealerId>,
        arrivals: Arrivals,
        between: Option<(&'static str, u32)>,
    ) -> Self {
        Self { desks, dealers, arrivals, between, next: FIRST }
    }

    fn asks(&self, n: usize, id: &str, open_ms: i64) {
        request(&self.desks[n % self.desks.len()], id, &self.dealers, open_ms).expect("sent");
    }

    fn cancels(&self, n: usize, id: &str) {
        cancel(&self.desks[n % self.desks.len()], id).expect("sent");
    }

    /// Asks now and then until every dealer gets it: the gateway dials them by itself.
    pub async fn wait_for_dealers(&self) {
        let began = Instant::now();
        for n in 1.. {
            let id = format!("R{n}");
            self.asks(0, &id, lives_ms(n));
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.cancels(0, &id);
            let reached = self.arrivals.take().iter().filter(|(of, _)| *of == n).count();
            if reached == self.dealers.len() {
                return;
            }
            assert!(began.elapsed() < REACHED, "{reached} dealers are reached");
        }
    }

    /// What each desk has at the end of a day. How many RFQs those are.
    pub async fn a_day(&self) -> [usize; 2] {
        let [ended, open] = DAY;
        let desks = 0..self.desks.len();
        let mut due = self.arrivals.others();
        for round in 0..ended + open {
            let id = format!("S{round}");
            let open_ms = if round < ended { OPEN_MS } else { DAY_OPEN_MS };
            desks.clone().for_each(|n| self.asks(n, &id, open_ms));
            due += self.desks.len() * self.dealers.len();
            let began = Instant::now();
            while self.arrivals.others() < due {
                assert!(began.elapsed() < REACHED, "requests of the day do not arrive");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if round < ended {
                desks.clone().for_each(|n| self.cancels(n, &id));
            }
        }
        [ended, open].map(|n| n * self.desks.len())
    }

    /// So many messages a second, by turns a request and a cancellation of one sent before; the
    /// first seconds count for nothing.
    pub async fn run(&mut self, rate: u32, warm_s: u32, seconds: u32) -> Figures {
        let (first, slots) = (self.next, (rate * (warm_s + seconds)) as usize);
        let (warm, requests) = ((rate * warm_s) as usize, slots.div_ceil(2));
        let lag = ((f64::from(rate) / 2.0 * CANCELLED_AFTER.as_secs_f64()) as usize).max(1);
        let step = Duration::from_secs(1) / rate;
        drop(self.arrivals.take());
        let pace = Pace::new();
        let base = Instant::now() + Duration::from_millis(50);
        let intended = |slot: usize| base + step * slot as u32;
        let (mut before, mut late) = (self.used(), Vec::with_capacity(slots));
        for slot in 0..slots {
            pace.until(intended(slot)).await;
            if slot == warm {
                before = self.used();
            }
            let n = slot / 2;
            late.push(intended(slot).elapsed().as_secs_f64() * 1e6);
            if slot % 2 == 0 {
                self.asks(n, &format!("R{}", first + n), lives_ms(first + n));
            } else if let Some(n) = n.checked_sub(lag) {
                self.cancels(n, &format!("R{}", first + n));
            }
            // The connection's own task writes it.
            tokio::task::yield_now().await;
        }
        let shares = self.shares(&before, f64::from(seconds));
        self.drain(first, requests, lag).await;
        self.next = first + requests;
        let from = warm / 2;
        let us = self.latencies(first + from..first + requests, |n| intended((n - first) * 2));
        figures(us, requests - from, late.split_off(warm), &shares)
    }

    /// Until all requests are in hand and the last ones are cancelled.
    async fn drain(&self, first: usize, requests: usize, lag: usize) {
        let ended = Instant::now();
        while self.arrivals.count() < requests * self.dealers.len() && ended.elapsed() < DRAIN {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for n in requests.saturating_sub(lag)..requests {
            self.cancels(n, &format!("R{}", first + n));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    /// Of each of these requests that came to every dealer: until the last one had it in hand.
    fn latencies(
        &self,
        which: std::ops::Range<usize>,
        intended: impl Fn(usize) -> Instant,
    ) -> Vec<f64> {
        let mut last: Vec<(usize, Option<Instant>)> = vec![(0, None); which.len()];
        for (n, at) in self.arrivals.take() {
            let place = (n + NUMBERS - which.start % NUMBERS) % NUMBERS;
            if let Some((count, latest)) = last.get_mut(place) {
                *count += 1;
                *latest = (*latest).max(Some(at));
            }
        }
        let one = |(n, (count, latest)): (usize, &(usize, Option<Instant>))| {
            let at = latest.filter(|_| *count >= self.dealers.len())?;
            Some(at.saturating_duration_since(intended(n)).as_secs_f64() * 1e6)
        };
        which.zip(&last).filter_map(one).collect()
    }

    fn used(&self) -> [Threads; 2] {
        let between = self.between.map(|(_, pid)| threads(pid));
        [threads(std::process::id()), between.unwrap_or_default()]
    }

    /// Percent of one core, in words.
    fn shares(&self, before: &[Threads; 2], seconds: f64) -> String {
        let after = self.used();
        let [here, there] = [0, 1].map(|i: usize| shares(&before[i], &after[i], seconds));
        let here = format!("cpu % of one core: loader's process {}", in_words(&here));
        match self.between {
            Some((name, _)) => format!("{here}; {name} {}", in_words(&there)),
            None => here,
        }
    }
}

/// The sum, and each thread that took something.
fn in_words(shares: &[(String, f64)]) -> String {
    let sum: f64 = shares.iter().map(|(_, n)| n).sum();
    let some = shares.iter().filter(|(_, n)| *n >= 0.5);
    let each: Vec<_> = some.map(|(name, n)| format!("{name} {n:.0}")).collect();
    format!("{sum:.0} ({})", each.join(", "))
}

fn figures(mut us: Vec<f64>, sent: usize, mut late: Vec<f64>, shares: &str) -> Figures {
    us.sort_by(f64::total_cmp);
    late.sort_by(f64::total_cmp);
    let at = |v: &[f64], q: f64| {
        v.get(((v.len() as f64 * q) as usize).min(v.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let rest = format!(
        "{} R in hand of {sent}, {} U3; late at the loader p99 {:.0}; {shares}",
        us.len(),
        late.len().saturating_sub(sent),
        at(&late, 0.99),
    );
    Figures {
        p50: at(&us, 0.5),
        p99: at(&us, 0.99),
        p999: at(&us, 0.999),
        max: at(&us, 1.0),
        complete: us.len() == sent,
        rest,
    }
}

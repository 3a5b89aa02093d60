//! Each dealer: whether it is on, how fast it answers, and what.

use super::answer;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use signet_fix::{
    AppMessage,
    message::{ExecType, Response},
};
use signet_rfq::{DealerId, UtcMillis};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

/// Questions to one dealer whose answers are waited for; the oldest is forgotten first.
const WAITING_MAX: usize = 4_096;

/// What a dealer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    /// An RFQ (R).
    Quote,
    /// An accept (AJ).
    Accept,
}

type Labels = [(&'static str, String); 1];
type TwoLabels = [(&'static str, String); 2];

/// All dealers of the configuration.
#[derive(Debug)]
pub struct Dealers(BTreeMap<DealerId, Dealer>);

#[derive(Debug)]
struct Dealer {
    up: Gauge,
    /// Milliseconds since 1970; 0: never.
    changed: AtomicI64,
    quote_seconds: Histogram,
    accept_seconds: Histogram,
    answers: BTreeMap<&'static str, Counter>,
    asked: BTreeMap<&'static str, Counter>,
    waiting: Mutex<Waiting>,
}

/// Answers of a dealer that are told apart.
const ANSWERS: [&str; 4] = ["quote", "pass", "fill", "reject"];

impl Dealers {
    pub(super) fn new<'a>(
        r: &mut Registry,
        dealers: impl IntoIterator<Item = &'a DealerId>,
    ) -> Self {
        let up = Family::<Labels, Gauge>::default();
        let seconds = Family::<TwoLabels, _, _>::new_with_constructor(answer as fn() -> Histogram);
        let (answers, asked) =
            (Family::<TwoLabels, Counter>::default(), Family::<TwoLabels, Counter>::default());
        r.register("signet_dealer_up", "Whether the dealer is logged on: 1 or 0", up.clone());
        r.register(
            "signet_dealer_response_seconds",
            "From a question to a dealer to its first quote or pass, or an accept's outcome",
            seconds.clone(),
        );
        r.register("signet_dealer_asked", "Questions sent to a dealer", asked.clone());
        r.register("signet_dealer_answers", "Answers of a dealer", answers.clone());
        let one = |id: &DealerId| {
            let two = |k: &'static str, v: &str| [("dealer", id.to_string()), (k, v.to_owned())];
            let made = Dealer {
                up: up.get_or_create_owned(&[("dealer", id.to_string())]),
                changed: AtomicI64::new(0),
                quote_seconds: seconds.get_or_create_owned(&two("question", "quote")),
                accept_seconds: seconds.get_or_create_owned(&two("question", "accept")),
                answers: ANSWERS
                    .map(|a| (a, answers.get_or_create_owned(&two("answer", a))))
                    .into(),
                asked: ["quote", "accept"]
                    .map(|q| (q, asked.get_or_create_owned(&two("question", q))))
                    .into(),
                waiting: Mutex::default(),
            };
            (id.clone(), made)
        };
        Self(dealers.into_iter().map(one).collect())
    }

    /// A dealer logged on or off.
    pub fn is_now(&self, dealer: &DealerId, on: bool, at: UtcMillis) {
        let Some(d) = self.0.get(dealer) else { return };
        d.up.set(on.into());
        d.changed.store(at.0, Ordering::Relaxed);
        if !on {
            // What is answered after the line was down tells nothing about the dealer's speed.
            *d.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Waiting::default();
        }
    }

    /// Whether each dealer is on, and since when that is so; 0: since the start.
    pub fn states(&self) -> Vec<(DealerId, bool, UtcMillis)> {
        let state = |(id, d): (&DealerId, &Dealer)| {
            (id.clone(), d.up.get() == 1, UtcMillis(d.changed.load(Ordering::Relaxed)))
        };
        self.0.iter().map(state).collect()
    }

    /// How many are on.
    pub fn on(&self) -> usize {
        self.0.values().filter(|d| d.up.get() == 1).count()
    }

    /// A message left for a dealer.
    pub fn asked(&self, dealer: &DealerId, m: &AppMessage, at: Instant) {
        let (question, id) = match m {
            AppMessage::QuoteRequest(q) => (Question::Quote, q.id.as_str()),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                (Question::Accept, r.id.as_str())
            }
            _ => return,
        };
        let Some(d) = self.0.get(dealer) else { return };
        if let Some(c) = d.asked.get(question.word()) {
            c.inc();
        }
        let mut waiting = d.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.begins((question, id.to_owned()), at);
    }

    /// A message of a dealer came.
    pub fn answered(&self, dealer: &DealerId, m: &AppMessage, at: Instant) {
        let Some((question, id, answer)) = answer_of(m) else { return };
        let Some(d) = self.0.get(dealer) else { return };
        if let Some(c) = d.answers.get(answer) {
            c.inc();
        }
        let mut waiting = d.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(began) = waiting.ends(&(question, id.to_owned())) {
            let seconds = match question {
                Question::Quote => &d.quote_seconds,
                Question::Accept => &d.accept_seconds,
            };
            seconds.observe(at.saturating_duration_since(began).as_secs_f64());
        }
    }
}

impl Question {
    fn word(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Accept => "accept",
        }
    }
}

/// Which question a dealer's message answers, and how.
fn answer_of(m: &AppMessage) -> Option<(Question, &str, &'static str)> {
    Some(match m {
        AppMessage::Quote(q) => (Question::Quote, q.rfq.as_str(), "quote"),
        AppMessage::QuoteRequestReject(r) => (Question::Quote, r.rfq.as_str(), "pass"),
        AppMessage::ExecutionReport(e) => match e.exec_type {
            ExecType::Trade | ExecType::Fill | ExecType::PartialFill => {
                (Question::Accept, e.accept.as_str(), "fill")
            }
            ExecType::Rejected | ExecType::Cancelled | ExecType::Expired => {
                (Question::Accept, e.accept.as_str(), "reject")
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The last [`WAITING_MAX`] questions, and since when those without an answer wait for one.
#[derive(Debug, Default)]
struct Waiting {
    since: HashMap<(Question, String), Instant>,
    order: VecDeque<(Question, String)>,
}

impl Waiting {
    fn begins(&mut self, key: (Question, String), at: Instant) {
        while self.order.len() >= WAITING_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.since.remove(&oldest);
            }
        }
        if self.since.insert(key.clone(), at).is_none() {
            self.order.push_back(key);
        }
    }

    fn ends(&mut self, key: &(Question, String)) -> Option<Instant> {
        self.since.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::message::{QuoteMsg, QuoteRequest};
    use signet_rfq::{Ask, InstrumentId, Level, Qualifiers, QuoteId, RfqId};
    use std::time::Duration;

    #[test]
    fn only_the_first_answer_counts_and_memory_is_bounded() {
        let (mut w, began) = (Waiting::default(), Instant::now());
        let key = |n: usize| (Question::Quote, format!("A.{n}"));
        for n in 0..2 * WAITING_MAX {
            w.begins(key(n), began);
        }
        assert_eq!((w.since.len(), w.order.len()), (WAITING_MAX, WAITING_MAX));
        assert_eq!(w.ends(&key(0)), None, "forgotten");
        let last = key(2 * WAITING_MAX - 1);
        assert_eq!((w.ends(&last), w.ends(&last)), (Some(began), None));
        assert_eq!((w.since.len(), w.order.len()), (WAITING_MAX - 1, WAITING_MAX));
        // An accept and an RFQ of the same name are two questions.
        w.begins((Question::Accept, "A.1".into()), began + Duration::from_secs(1));
        assert_eq!(w.ends(&(Question::Quote, "A.1".into())), None);
    }

    const NOW: UtcMillis = UtcMillis(1_000);

    fn rfq() -> AppMessage {
        AppMessage::QuoteRequest(QuoteRequest {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: RfqId::new("A.R1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 5_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261130".into(),
            dealers: vec![],
            expires: NOW + 60_000,
            at: NOW,
        })
    }

    fn quote() -> AppMessage {
        AppMessage::Quote(QuoteMsg {
            legs: vec![],
            rfq: RfqId::new("A.R1").unwrap(),
            id: QuoteId::new("q1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            dealer: None,
            bid: None,
            offer: Some(Level { price: "1.08".parse().unwrap(), size: 5_000_000.into() }),
            valid_until: NOW + 10_000,
            tradeable: true,
            at: NOW,
            qualifiers: Qualifiers::default(),
        })
    }

    #[test]
    fn a_quote_is_measured_from_its_rfq_and_the_next_one_only_counted() {
        let (north, south) = (DealerId::new("NORTH").unwrap(), DealerId::new("SOUTH").unwrap());
        let mut r = Registry::default();
        let d = Dealers::new(&mut r, [&north, &south]);
        let began = Instant::now();
        d.asked(&north, &rfq(), began);
        for ms in [40, 900] {
            d.answered(&north, &quote(), began + Duration::from_millis(ms));
        }
        // Nobody asked this one.
        d.answered(&south, &quote(), began);
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &r).unwrap();
        for line in [
            "signet_dealer_asked_total{dealer=\"NORTH\",question=\"quote\"} 1",
            "signet_dealer_answers_total{dealer=\"NORTH\",answer=\"quote\"} 2",
            "signet_dealer_answers_total{dealer=\"SOUTH\",answer=\"quote\"} 1",
            "signet_dealer_response_seconds_count{dealer=\"NORTH\",question=\"quote\"} 1",
            "signet_dealer_response_seconds_sum{dealer=\"NORTH\",question=\"quote\"} 0.04",
            "signet_dealer_response_seconds_count{dealer=\"SOUTH\",question=\"quote\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_dealer_that_goes_is_down_since_then_and_owes_no_answers() {
        let north = DealerId::new("NORTH").unwrap();
        let d = Dealers::new(&mut Registry::default(), [&north]);
        assert_eq!(d.states(), [(north.clone(), false, UtcMillis(0))]);
        d.is_now(&north, true, UtcMillis(5));
        assert_eq!((d.on(), d.states()), (1, vec![(north.clone(), true, UtcMillis(5))]));
        let waiting = &d.0.get(&north).unwrap().waiting;
        waiting.lock().unwrap().begins((Question::Quote, "A.1".into()), Instant::now());
        d.is_now(&north, false, UtcMillis(9));
        assert_eq!((d.on(), d.states()), (0, vec![(north.clone(), false, UtcMillis(9))]));
        assert!(waiting.lock().unwrap().since.is_empty());
        // Who is not configured makes no series.
        d.is_now(&DealerId::new("GHOST").unwrap(), true, UtcMillis(9));
        assert_eq!(d.states().len(), 1);
    }
}

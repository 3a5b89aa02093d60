//! The one way of events out of the gateway: to the registry, where administrators read them, and
//! to whoever watches (the SIEM).
//!
//! Peers can cause some of them at will, so those of one kind about one subject have a budget; what
//! is left out is counted and told.

use crate::{clock::now_us, limits::Summaries};
use signet_events::{About, Actor, Event, Text};
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Events of one kind about one subject: so many at once, then one in so long.
const EVENTS_EACH: u32 = 60;
const EVENTS_REFILL: Duration = Duration::from_secs(5);

/// Takes events, from any thread, without waiting.
pub trait Outlet: Send + Sync {
    /// One event. What cannot be taken is the outlet's to tell.
    fn take(&self, event: &Event);

    /// Whether new business would happen without anybody hearing of it, and must not.
    fn refuses_business(&self) -> bool {
        false
    }
}

/// The way of events; cloned for whoever has some.
#[derive(Clone, Default)]
pub struct EventSink {
    registry: Option<Arc<dyn Outlet>>,
    watchers: Option<Arc<dyn Outlet>>,
    /// Takes every event, also those that are left out; none of the course of business.
    counter: Option<Arc<dyn Outlet>>,
    /// Takes what is not left out, for administrators who look on.
    alerts: Option<Arc<dyn Outlet>>,
    summaries: Arc<AllBudgets>,
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Somebody who is known, or the gateway itself.
    Known,
    /// Somebody who proved nothing.
    Stranger,
}

/// Strangers have budgets of their own: there may be any number of them, and they must not use up
/// the room for those who are known.
#[derive(Default)]
struct AllBudgets {
    known: Mutex<Option<Budgets>>,
    strangers: Mutex<Option<Budgets>>,
}

/// Events by kind and subject.
type Budgets = Summaries<(&'static str, String)>;

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (registry, watchers) = (self.registry.is_some(), self.watchers.is_some());
        f.debug_struct("EventSink")
            .field("registry", &registry)
            .field("watchers", &watchers)
            .finish_non_exhaustive()
    }
}

impl EventSink {
    /// Without both, nothing is kept: the log has a line for what matters.
    pub fn new(registry: Option<Arc<dyn Outlet>>, watchers: Option<Arc<dyn Outlet>>) -> Self {
        Self { registry, watchers, ..Self::default() }
    }

    /// The same with whoever counts all events, and whoever keeps the last alerts.
    #[must_use]
    pub fn counted(self, counter: Arc<dyn Outlet>, alerts: Arc<dyn Outlet>) -> Self {
        Self { counter: Some(counter), alerts: Some(alerts), ..self }
    }

    /// Whoever keeps the last alerts gets the events, and nobody else: for the simulator.
    #[cfg(feature = "test-double")]
    pub(crate) fn alerting(alerts: Arc<dyn Outlet>) -> Self {
        Self { alerts: Some(alerts), ..Self::default() }
    }

    /// What the gateway did or saw, now.
    pub fn gateway(&self, code: &'static str, about: About, words: impl Into<Text>) {
        self.by(Actor::Gateway, code, about, words);
    }

    /// What somebody did, now.
    pub fn by(&self, actor: Actor, code: &'static str, about: About, words: impl Into<Text>) {
        self.note(Event::new(now_us(), code, words).by(actor).about(about));
    }

    /// An event, when its budget has room.
    pub fn note(&self, event: Event) {
        let subject = event.about.subject();
        self.budgeted(event, subject, Source::Known);
    }

    /// What somebody at an address did who proved nothing. The registry keeps none of these:
    /// whoever may not come in must not fill a database.
    pub fn stranger(&self, from: IpAddr, code: &'static str, words: impl Into<Text>) {
        let event = Event::new(now_us(), code, words).by(Actor::Address(from)).about(at(from));
        self.budgeted(event, from.to_string(), Source::Stranger);
    }

    fn budgeted(&self, event: Event, subject: String, source: Source) {
        self.counter.iter().for_each(|c| c.take(&event));
        if self.outlets(source).next().is_none() {
            return;
        }
        let key = (event.code, subject);
        let spent = self.budgets(source, |b| b.spend(Instant::now(), key));
        let Some(left_out) = spent else { return };
        let words = format!("{}{}", event.words, crate::limits::left_out_words(left_out));
        let count = event.about.count.or(Some(left_out).filter(|n| *n > 0));
        let about = About { count, ..event.about };
        self.send(&Event { words: words.into(), about, ..event }, source);
    }

    /// Whether anybody wants to know of the business.
    pub fn is_watched(&self) -> bool {
        self.watchers.is_some()
    }

    /// Whether new business must be refused, since its events could not be kept for who watches.
    pub fn refuses_business(&self) -> bool {
        self.watchers.as_ref().is_some_and(|w| w.refuses_business())
    }

    /// An event of the business. What peers may send is bounded before it gets here, and none is
    /// left out; the registry keeps none of these.
    pub fn business(&self, event: &Event) {
        if let Some(watchers) = &self.watchers {
            watchers.take(event);
        }
    }

    /// Says how many events were left out, where a flood has ended or slowed down, to those who get
    /// the events themselves.
    pub fn tell_left_out(&self) {
        self.tell_left_out_at(Instant::now());
    }

    fn tell_left_out_at(&self, now: Instant) {
        for source in [Source::Known, Source::Stranger] {
            for ((code, subject), left_out) in self.budgets(source, |b| b.flush(now)) {
                let words = format!("{left_out} more were not written down one by one");
                let event = Event::new(now_us(), code, words);
                let event = match (source, subject.parse::<IpAddr>()) {
                    (Source::Stranger, Ok(ip)) => event.by(Actor::Address(ip)).about(at(ip)),
                    _ => event.about(About::object(subject)),
                };
                let about = About { count: Some(left_out), ..event.about.clone() };
                self.send(&event.about(about), source);
            }
        }
    }

    fn budgets<T>(&self, source: Source, ask: impl FnOnce(&mut Budgets) -> T) -> T {
        let budgets = match source {
            Source::Known => &self.summaries.known,
            Source::Stranger => &self.summaries.strangers,
        };
        let mut budgets: MutexGuard<'_, Option<Budgets>> =
            budgets.lock().unwrap_or_else(PoisonError::into_inner);
        ask(budgets.get_or_insert_with(|| Summaries::new(EVENTS_EACH, EVENTS_REFILL)))
    }

    /// Who takes what comes from there.
    fn outlets(&self, source: Source) -> impl Iterator<Item = &Arc<dyn Outlet>> {
        let registry = self.registry.iter().filter(move |_| source == Source::Known);
        registry.chain(&self.watchers).chain(&self.alerts)
    }

    fn send(&self, event: &Event, source: Source) {
        self.outlets(source).for_each(|o| o.take(event));
    }
}

fn at(from: IpAddr) -> About {
    About { address: Some(from), ..About::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each crate has a list of its own, since neither knows the other one.
    #[test]
    fn events_show_the_characters_that_a_name_may_have() {
        for c in '\0'..=char::MAX {
            let shown = signet_events::one_line(&c.to_string());
            let hidden = c != ' ' && shown == " ";
            assert_eq!(hidden, signet_rfq::is_deceptive(c), "{c:?}");
        }
    }

    /// Their codes are of other crates, which do not know the catalogue.
    #[test]
    fn every_handshake_that_fails_at_a_listener_is_in_the_catalogue() {
        use signet_events::catalogue::{UNKNOWN, entry};
        use signet_identity::Refusal;
        use signet_quic::server::ConnectionFault;
        let text = String::new;
        for code in [
            Refusal::TimedOut.code(),
            Refusal::NotTls.code(),
            Refusal::ClosedDuringHandshake.code(),
            Refusal::NoCommonTlsVersion.code(),
            Refusal::NoCommonSuite.code(),
            Refusal::ClientCertificateRefused { alert: text() }.code(),
            Refusal::ClientCertificateExpired.code(),
            Refusal::ClientCertificateRevoked.code(),
            Refusal::ClientCertificateUnknownCa.code(),
            Refusal::NoClientCertificateSent.code(),
            Refusal::KeyUnavailable { detail: text() }.code(),
            Refusal::ServerCertificateRefused { alert: text() }.code(),
            Refusal::RevocationListMissing.code(),
            Refusal::RevocationListStale { seconds: 1 }.code(),
            Refusal::RevocationListInvalid { detail: text() }.code(),
            Refusal::RevocationListOfAnotherAuthority { issuer: text(), listed: vec![] }.code(),
            Refusal::Other { detail: text() }.code(),
            ConnectionFault::Silent.code(),
            ConnectionFault::Closed.code(),
            ConnectionFault::ByPeer(0).code(),
            ConnectionFault::AddressUnproved.code(),
            // Of whatever holds the gateway's own key.
            "token.pin_wrong",
            "holder.timed_out",
        ] {
            assert_ne!(entry(code).code, UNKNOWN, "{code}");
        }
    }

    #[derive(Default)]
    struct Kept(Mutex<Vec<Event>>);

    impl Outlet for Kept {
        fn take(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    #[test]
    fn a_flood_about_one_subject_is_counted_and_leaves_room_for_another() {
        let (registry, watchers) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let sink = EventSink::new(Some(registry.clone()), Some(watchers.clone()));
        for _ in 0..1_000 {
            sink.gateway("budget.exceeded", About::desk("MALLORY"), "too much");
        }
        sink.gateway("budget.exceeded", About::desk("ALICE1"), "too much");
        let about = |kept: &Kept, id: &str| {
            kept.0.lock().unwrap().iter().filter(|e| e.about.subject() == id).count()
        };
        for kept in [&registry, &watchers] {
            assert_eq!((about(kept, "MALLORY"), about(kept, "ALICE1")), (60, 1));
        }
    }

    #[test]
    fn a_stranger_has_a_budget_and_fills_no_database() {
        let (registry, watchers) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let sink = EventSink::new(Some(registry.clone()), Some(watchers.clone()));
        for _ in 0..1_000 {
            sink.stranger([192, 0, 2, 1].into(), "tls.not_tls", "no TLS");
        }
        sink.stranger([198, 51, 100, 1].into(), "tls.not_tls", "no TLS");
        assert_eq!(registry.0.lock().unwrap().len(), 0);
        assert_eq!(watchers.0.lock().unwrap().len(), 61);
    }

    /// When the turn of the summary of a flood comes that has ended.
    fn refilled() -> Instant {
        Instant::now() + EVENTS_REFILL
    }

    #[test]
    fn table_of_who_hears_what_one_by_one_and_in_summaries() {
        // Events of a desk and of a stranger; what registry and watchers hear of each.
        for (desk, stranger, registry, watchers, summaries) in [
            (0, 0, 0, 0, (0, 0)),
            (1, 0, 1, 1, (0, 0)),
            (0, 1, 0, 1, (0, 0)),
            (60, 60, 60, 120, (0, 0)),
            (61, 0, 60, 60, (1, 1)),
            (0, 61, 0, 60, (0, 1)),
            (900, 900, 60, 120, (1, 2)),
        ] {
            let kept = [Arc::new(Kept::default()), Arc::new(Kept::default())];
            let sink = EventSink::new(Some(kept[0].clone()), Some(kept[1].clone()));
            let heard = || {
                let [r, w] =
                    kept.each_ref().map(|k| std::mem::take(&mut *k.0.lock().unwrap()).len());
                (r, w)
            };
            for _ in 0..desk {
                sink.gateway("budget.exceeded", About::desk("ALICE1"), "too much");
            }
            for _ in 0..stranger {
                sink.stranger([192, 0, 2, 1].into(), "budget.exceeded", "too much");
            }
            assert_eq!(heard(), (registry, watchers), "{desk} {stranger}");
            sink.tell_left_out_at(refilled());
            assert_eq!(heard(), summaries, "{desk} {stranger}");
            sink.tell_left_out_at(refilled());
            assert_eq!(heard(), (0, 0), "{desk} {stranger}: told once");
        }
    }

    /// Neither one by one nor in the summaries of a flood.
    #[test]
    fn whatever_strangers_do_the_registry_hears_nothing_and_others_are_heard() {
        let (registry, watchers) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let sink = EventSink::new(Some(registry.clone()), Some(watchers.clone()));
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        // More addresses than one set of budgets tells apart, each with more than its share.
        for n in 0..21_000 {
            sink.stranger(ip(n), "tls.not_tls", "no TLS");
        }
        for _ in 0..1_000 {
            sink.stranger(ip(1), "tls.not_tls", "no TLS");
        }
        sink.gateway("budget.exceeded", About::desk("ALICE1"), "too much");
        assert_eq!(registry.0.lock().unwrap().len(), 1, "the one about a desk");
        watchers.0.lock().unwrap().clear();
        sink.tell_left_out_at(refilled());
        assert_eq!(registry.0.lock().unwrap().len(), 1, "no summary of strangers either");
        let said = watchers.0.lock().unwrap();
        let [summary] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!(summary.about.address, Some(ip(1)));
        assert_eq!((summary.actor.clone(), summary.code), (Actor::Address(ip(1)), "tls.not_tls"));
        assert!(summary.about.count > Some(900), "{summary:?}");
    }

    #[test]
    fn what_is_left_out_is_counted_all_the_same() {
        let (counter, alerts) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let sink = EventSink::default().counted(counter.clone(), alerts.clone());
        for _ in 0..1_000 {
            sink.gateway("budget.exceeded", About::desk("MALLORY"), "too much");
            sink.stranger([192, 0, 2, 1].into(), "tls.not_tls", "no TLS");
            sink.business(&Event::new(0, "quote.received", ""));
        }
        assert_eq!(counter.0.lock().unwrap().len(), 2_000);
        assert_eq!(alerts.0.lock().unwrap().len(), 120);
        assert!(!sink.is_watched());
    }

    #[test]
    fn the_business_goes_to_who_watches_only_and_is_never_left_out() {
        let (registry, watchers) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let sink = EventSink::new(Some(registry.clone()), Some(watchers.clone()));
        for n in 0..1_000 {
            sink.business(&Event::new(n, "quote.received", "").about(About::dealer("NORTH")));
        }
        assert_eq!(registry.0.lock().unwrap().len(), 0);
        assert_eq!(watchers.0.lock().unwrap().len(), 1_000);
    }
}

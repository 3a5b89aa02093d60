//! Keys that a provider publishes (RFC 7517): fetched over HTTPS, kept on disk, and of no use once
//! they are too old.
//!
//! They are fetched at the start, then every `jwks_refresh_seconds`, and when a token names a key
//! that is not among them; never twice within `jwks_pause_seconds`.

use crate::{
    clock::now,
    config::ProviderSection,
    delivery::{DeliveryFailure, Poster},
    events::EventSink,
    metrics::{KeysNow, Metrics},
    sealed_map::SealedMap,
};
use signet_events::About;
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_signals::Keys;
use std::{
    cell::{Cell, RefCell},
    fs,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::timeout};

/// Dialling, asking and reading together.
const FETCH_MAX: Duration = Duration::from_secs(10);
const SET_BYTES_MAX: usize = 256 * 1024;
const ACCEPT: &str = "application/jwk-set+json, application/json";
/// A copy from further in the future than this says that the clock is wrong.
const AHEAD_MAX_MS: i64 = 300_000;

/// When keys are fetched, and until when they are used; seconds. Pure.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    refresh: u64,
    pause: u64,
    age_max: u64,
}

impl Schedule {
    /// Whether to fetch now: `age` of the copy, `since` the last attempt, and whether a token named
    /// a key that the copy does not have.
    fn is_due(&self, age: Option<u64>, since: Option<u64>, unknown_key: bool) -> bool {
        if since.is_some_and(|s| s < self.pause) {
            return false;
        }
        unknown_key || age.is_none_or(|a| a >= self.refresh)
    }

    fn is_usable(&self, age: u64) -> bool {
        age <= self.age_max
    }
}

/// The last good keys.
#[derive(Clone)]
struct LastGood {
    text: String,
    keys: Rc<Keys>,
    fetched: UtcMillis,
    /// How old it was when it was read, seconds, and when that was.
    read: (u64, Instant),
}

impl LastGood {
    fn fresh(text: String, keys: Keys) -> Self {
        Self { text, keys: Rc::new(keys), fetched: now(), read: (0, Instant::now()) }
    }

    /// Of a run before. `None`: it is from the future, so its age cannot be told.
    fn kept(text: String, keys: Keys, fetched: UtcMillis) -> Option<Self> {
        let age_ms = now().since(fetched);
        let age = u64::try_from(age_ms.max(0)).unwrap_or(0) / 1_000;
        let read = (age, Instant::now());
        (age_ms >= -AHEAD_MAX_MS).then(|| Self { text, keys: Rc::new(keys), fetched, read })
    }

    /// Seconds: the longer of what both clocks say, so that setting one makes nothing younger.
    fn age(&self) -> u64 {
        let (then, at) = self.read;
        let steady = then.saturating_add(at.elapsed().as_secs());
        steady.max(u64::try_from(now().since(self.fetched)).unwrap_or(0) / 1_000)
    }
}

/// The sealed file of every provider's keys; `None` when it cannot be written.
pub(super) type Kept = Rc<RefCell<Option<SealedMap>>>;

/// Opens the file. One that cannot be believed is thrown away: keys are fetched again.
pub(super) fn kept(path: &Path, key: &StoreKey) -> Kept {
    let opened = SealedMap::open(path, key).or_else(|e| {
        tracing::error!(alert = true, "{}: {e}; the keys are fetched again", path.display());
        drop(fs::remove_file(path));
        SealedMap::open(path, key)
    });
    let said = |e| tracing::error!(alert = true, "{}: {e}; keys are not kept", path.display());
    Rc::new(RefCell::new(opened.map_err(said).ok()))
}

/// The keys of one provider.
pub(super) struct Published {
    name: String,
    url: String,
    issuer: String,
    schedule: Schedule,
    poster: Poster,
    kept: Kept,
    copy: RefCell<Option<LastGood>>,
    attempted: Cell<Option<Instant>>,
    /// How often keys were fetched.
    fetches: Cell<u64>,
    one_at_a_time: Mutex<()>,
    failing: Cell<bool>,
    stale: Cell<bool>,
    events: EventSink,
    metrics: Arc<Metrics>,
}

impl Published {
    /// With what a run before kept.
    pub(super) fn new(
        s: &ProviderSection,
        poster: Poster,
        kept: Kept,
        events: EventSink,
        metrics: Arc<Metrics>,
    ) -> Self {
        let url = s.jwks_url.clone().unwrap_or_default();
        let schedule = Schedule {
            refresh: s.jwks_refresh_seconds.into(),
            pause: s.jwks_pause_seconds.into(),
            age_max: s.jwks_max_age_seconds.into(),
        };
        let copy = kept.borrow().as_ref().and_then(|map| recall(map, &s.name, &url));
        let published = Self {
            name: s.name.clone(),
            url,
            issuer: s.issuer.clone(),
            schedule,
            poster,
            kept,
            copy: RefCell::new(copy),
            attempted: Cell::default(),
            fetches: Cell::default(),
            one_at_a_time: Mutex::default(),
            failing: Cell::default(),
            stale: Cell::default(),
            events,
            metrics,
        };
        published.measure();
        published
    }

    /// The keys, and how often some were fetched before; `None`: there are none that may be used.
    pub(super) fn keys(&self) -> (Option<Rc<Keys>>, u64) {
        let copy = self.copy.borrow();
        let usable = copy.as_ref().filter(|c| self.schedule.is_usable(c.age()));
        (usable.map(|c| c.keys.clone()), self.fetches.get())
    }

    /// Fetches the keys if that is due; `seen` is how often they had been when a token named a key
    /// that is not among them. Returns when somebody else's attempt is over as well.
    pub(super) async fn refresh(&self, seen: Option<u64>) {
        let _one = self.one_at_a_time.lock().await;
        let unknown_key = seen == Some(self.fetches.get());
        let age = self.copy.borrow().as_ref().map(LastGood::age);
        let since = self.attempted.get().map(|at| at.elapsed().as_secs());
        if self.schedule.is_due(age, since, unknown_key) {
            self.attempted.set(Some(Instant::now()));
            let late = Err(DeliveryFailure::Silent(FETCH_MAX.as_secs()));
            match timeout(FETCH_MAX, self.fetch()).await.unwrap_or(late) {
                Ok((text, keys)) => self.took(text, keys),
                Err(why) => self.failed(&why),
            }
        }
        self.note_age();
        self.measure();
    }

    /// For whoever watches the gateway: each second.
    fn measure(&self) {
        let copy = self.copy.borrow();
        let now = KeysNow {
            fetched: copy.as_ref().map(|c| c.fetched),
            failing: self.failing.get(),
            usable: copy.as_ref().is_some_and(|c| self.schedule.is_usable(c.age())),
        };
        self.metrics.signal_keys.is_now(&self.issuer, now);
    }

    async fn fetch(&self) -> Result<(String, Keys), DeliveryFailure> {
        let mut connection = self.poster.connect().await?;
        let (status, body) = self.poster.get(&mut connection, ACCEPT, SET_BYTES_MAX).await?;
        if status != hyper::StatusCode::OK {
            return Err(DeliveryFailure::Status(status.as_u16()));
        }
        let unreadable = |e: &dyn std::fmt::Display| DeliveryFailure::Answer(e.to_string());
        let text = std::str::from_utf8(&body).map_err(|e| unreadable(&e))?.to_owned();
        let keys = Keys::read(&text).map_err(|e| unreadable(&e))?;
        Ok((text, keys))
    }

    fn took(&self, text: String, keys: Keys) {
        let count = keys.count();
        let copy = LastGood::fresh(text, keys);
        let old = self.copy.replace(Some(copy.clone()));
        self.fetches.set(self.fetches.get().saturating_add(1));
        let changed = old.is_none_or(|o| o.keys != copy.keys);
        if let Some(map) = self.kept.borrow_mut().as_mut()
            && let Err(e) = keep(map, &self.name, &self.url, &copy)
        {
            tracing::error!(alert = true, issuer = self.issuer, error = %e, "keys are not kept");
        }
        if self.failing.replace(false) || changed {
            self.say("signal.keys_fetched", format!("{count} keys from {}", self.url));
        }
    }

    fn failed(&self, why: &DeliveryFailure) {
        tracing::warn!(issuer = self.issuer, url = self.url, "keys cannot be fetched: {why}");
        if !self.failing.replace(true) {
            let age = self.copy.borrow().as_ref().map(LastGood::age);
            let left = match age {
                Some(s) => format!("those of {s} seconds ago are used"),
                None => "there are none".to_owned(),
            };
            let max = self.schedule.age_max;
            let words = format!("{}: {why}; {left}, at most {max} seconds long", self.url);
            self.say("signal.keys_unfetched", words);
        }
    }

    /// Says once that the keys are too old.
    fn note_age(&self) {
        let old = match &*self.copy.borrow() {
            Some(c) if !self.schedule.is_usable(c.age()) => Some(c.age()),
            _ => None,
        };
        let was = self.stale.replace(old.is_some());
        if let Some(age) = old.filter(|_| !was) {
            let words = format!("fetched {age} seconds ago; no token is taken before newer ones");
            tracing::error!(alert = true, issuer = self.issuer, "keys are too old: {words}");
            self.say("signal.keys_stale", words);
        }
    }

    fn say(&self, code: &'static str, words: String) {
        let words = format!("{}: {words}", self.issuer);
        self.events.gateway(code, About::object("signals"), words);
    }
}

fn names(name: &str) -> (String, String) {
    (format!("{name}\tset"), format!("{name}\tat"))
}

/// The set first: if this stops in between, it counts as older than it is.
fn keep(
    map: &mut SealedMap,
    name: &str,
    url: &str,
    copy: &LastGood,
) -> Result<(), signet_journal::LogError> {
    let (set, at) = names(name);
    map.set(&set, Some(&format!("{url}\n{}", copy.text)))?;
    map.set(&at, Some(&copy.fetched.0.to_string()))
}

/// What was fetched from this address before.
fn recall(map: &SealedMap, name: &str, url: &str) -> Option<LastGood> {
    let (set, at) = names(name);
    let (from, text) = map.entries().get(&set)?.split_once('\n')?;
    let fetched = map.entries().get(&at)?.parse().ok().map(UtcMillis)?;
    let keys = Keys::read(text).ok()?;
    (from == url).then(|| LastGood::kept(text.to_owned(), keys, fetched)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
        "x":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}]}"#;

    #[test]
    fn table_of_when_keys_are_fetched() {
        let s = Schedule { refresh: 3_600, pause: 60, age_max: 86_400 };
        for (age, since, unknown, want) in [
            (None, None, false, true),
            (None, Some(59), false, false),
            (None, Some(60), false, true),
            (None, Some(59), true, false),
            (Some(0), None, false, false),
            (Some(3_599), Some(3_599), false, false),
            (Some(3_600), Some(3_600), false, true),
            // The one before failed.
            (Some(3_600), Some(59), false, false),
            (Some(7_200), Some(60), false, true),
            (Some(0), Some(59), true, false),
            (Some(60), Some(60), true, true),
            (Some(86_401), Some(59), true, false),
        ] {
            assert_eq!(s.is_due(age, since, unknown), want, "{age:?} {since:?} {unknown}");
        }
        assert!(s.is_usable(86_400) && !s.is_usable(86_401));
    }

    #[test]
    fn a_copy_is_kept_with_its_age_for_its_address_only() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("signals.keys"), StoreKey::new([7; 32]));
        let made = || kept(&path, &key);
        let ago = |ms: i64| UtcMillis(now().0 - ms);
        let copy =
            |fetched| LastGood { fetched, ..LastGood::fresh(SET.into(), Keys::read(SET).unwrap()) };
        let url = "https://h/k";
        let put = |fetched| {
            let kept = made();
            keep(kept.borrow_mut().as_mut().unwrap(), "okta", url, &copy(fetched)).unwrap();
        };
        let found = |name: &str, url: &str| {
            let kept = made();
            let map = kept.borrow();
            recall(map.as_ref().unwrap(), name, url)
        };
        put(ago(100_000));
        let age = found("okta", url).unwrap().age();
        assert!((100..160).contains(&age), "{age}");
        assert!(found("okta", "https://h/other").is_none() && found("entra", url).is_none());
        // The clock was set back by more than clocks differ.
        put(ago(-400_000));
        assert!(found("okta", url).is_none());
        put(ago(-100_000));
        assert_eq!(found("okta", url).unwrap().age(), 0);
        // Somebody changed the file: its keys are not believed, and it is of use again.
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(found("okta", url).is_none());
        put(ago(0));
        assert!(found("okta", url).is_some());
    }
}

//! Keys that identity providers publish: how old the last good ones are, and whether they can be
//! fetched.

use super::GaugeF64;
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use signet_rfq::UtcMillis;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

type Labels = [(&'static str, String); 1];

/// How the keys of one provider stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeysNow {
    /// When the last good ones were fetched; `None`: there are none.
    pub fetched: Option<UtcMillis>,
    /// Whether the last attempt to fetch them failed.
    pub failing: bool,
    /// Whether there are any that are new enough; without them no token is taken.
    pub usable: bool,
}

/// Of each provider of the configuration that publishes its keys.
#[derive(Debug)]
pub struct SignalKeys {
    fetched: Family<Labels, GaugeF64>,
    failing: Family<Labels, Gauge>,
    usable: Family<Labels, Gauge>,
    now: Mutex<BTreeMap<String, KeysNow>>,
}

impl SignalKeys {
    pub(super) fn new(r: &mut Registry) -> Self {
        let fetched = Family::<Labels, GaugeF64>::default();
        let failing = Family::<Labels, Gauge>::default();
        let usable = Family::<Labels, Gauge>::default();
        r.register(
            "signet_signal_keys_fetched_timestamp_seconds",
            "When the last good keys of an identity provider were fetched; 0: there are none",
            fetched.clone(),
        );
        r.register(
            "signet_signal_keys_failing",
            "1: the last attempt to fetch the keys of an identity provider failed",
            failing.clone(),
        );
        r.register(
            "signet_signal_keys_usable",
            "1: there are keys of an identity provider that are new enough to take its tokens",
            usable.clone(),
        );
        Self { fetched, failing, usable, now: Mutex::default() }
    }

    /// How those of an issuer stand.
    pub fn is_now(&self, issuer: &str, now: KeysNow) {
        let label = [("issuer", issuer.to_owned())];
        let fetched = now.fetched.map_or(0.0, |at| at.0 as f64 / 1e3);
        self.fetched.get_or_create(&label).set(fetched);
        self.failing.get_or_create(&label).set(i64::from(now.failing));
        self.usable.get_or_create(&label).set(i64::from(now.usable));
        let mut all = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(issuer.to_owned(), now);
    }

    /// Each issuer, and how its keys stand.
    pub fn all(&self) -> Vec<(String, KeysNow)> {
        let all = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(issuer, now)| (issuer.clone(), *now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_each_provider_are_shown_as_of_now() {
        let mut r = Registry::default();
        let keys = SignalKeys::new(&mut r);
        let good = KeysNow { fetched: Some(UtcMillis(2_500)), failing: false, usable: true };
        let late = KeysNow { failing: true, ..good };
        keys.is_now("https://a", KeysNow::default());
        keys.is_now("https://b", good);
        keys.is_now("https://b", late);
        let named = |issuer: &str, now| (issuer.to_owned(), now);
        let want = [named("https://a", KeysNow::default()), named("https://b", late)];
        assert_eq!(keys.all(), want);
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &r).unwrap();
        for line in [
            "signet_signal_keys_failing{issuer=\"https://a\"} 0",
            "signet_signal_keys_failing{issuer=\"https://b\"} 1",
            "signet_signal_keys_usable{issuer=\"https://a\"} 0",
            "signet_signal_keys_usable{issuer=\"https://b\"} 1",
            "signet_signal_keys_fetched_timestamp_seconds{issuer=\"https://b\"} 2.5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}

//! Checkpoints of other gateways that this one holds as their second party.

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

/// The newest checkpoint of each gateway of the configuration.
#[derive(Debug)]
pub struct Checkpoints {
    size: Family<Labels, Gauge>,
    at: Family<Labels, GaugeF64>,
    silent: Family<Labels, Gauge>,
    newest: Mutex<BTreeMap<String, (u64, UtcMillis)>>,
}

impl Checkpoints {
    pub(super) fn new(r: &mut Registry) -> Self {
        let size = Family::<Labels, Gauge>::default();
        let at = Family::<Labels, GaugeF64>::default();
        let silent = Family::<Labels, Gauge>::default();
        r.register(
            "signet_checkpoint_received_size",
            "Records that the newest checkpoint of another gateway is over; 0: none came",
            size.clone(),
        );
        r.register(
            "signet_checkpoint_received_timestamp_seconds",
            "When the newest checkpoint of another gateway came; 0: none came",
            at.clone(),
        );
        r.register(
            "signet_checkpoint_received_silent",
            "1: nothing new of another gateway came for checkpoint.receive.max_silence_minutes",
            silent.clone(),
        );
        Self { size, at, silent, newest: Mutex::default() }
    }

    /// The newest of a gateway, or 0 and 0 when none came so far.
    pub fn is_now(&self, gateway: &str, size: u64, at: UtcMillis) {
        let label = [("gateway", gateway.to_owned())];
        self.size.get_or_create(&label).set(i64::try_from(size).unwrap_or(i64::MAX));
        self.at.get_or_create(&label).set(at.0 as f64 / 1e3);
        // From the beginning, so that the first silence is a change.
        drop(self.silent.get_or_create(&label));
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(gateway.to_owned(), (size, at));
    }

    /// Whether a gateway is silent for too long.
    pub fn is_silent(&self, gateway: &str, silent: bool) {
        let label = [("gateway", gateway.to_owned())];
        self.silent.get_or_create(&label).set(i64::from(silent));
    }

    /// Whether one is, as it was told last.
    pub fn silent(&self, gateway: &str) -> bool {
        self.silent.get_or_create(&[("gateway", gateway.to_owned())]).get() != 0
    }

    /// Each gateway, the size of its newest checkpoint, and when that came; 0: none came.
    pub fn all(&self) -> Vec<(String, u64, UtcMillis)> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.iter().map(|(gateway, (size, at))| (gateway.clone(), *size, *at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_gateway_is_shown() {
        let mut r = Registry::default();
        let c = Checkpoints::new(&mut r);
        c.is_now("GW1", 0, UtcMillis(0));
        c.is_now("GW2", 7, UtcMillis(1_500));
        c.is_now("GW2", u64::MAX, UtcMillis(2_500));
        let row = |gateway: &str, size: u64, at| (gateway.to_owned(), size, UtcMillis(at));
        assert_eq!(c.all(), [row("GW1", 0, 0), row("GW2", u64::MAX, 2_500)]);
        c.is_silent("GW2", true);
        c.is_now("GW2", u64::MAX, UtcMillis(2_500));
        assert_eq!((c.silent("GW1"), c.silent("GW2")), (false, true));
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &r).unwrap();
        for line in [
            "signet_checkpoint_received_size{gateway=\"GW1\"} 0",
            "signet_checkpoint_received_size{gateway=\"GW2\"} 9223372036854775807",
            "signet_checkpoint_received_timestamp_seconds{gateway=\"GW2\"} 2.5",
            "signet_checkpoint_received_silent{gateway=\"GW1\"} 0",
            "signet_checkpoint_received_silent{gateway=\"GW2\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}

//! `[limits]`: what one peer may draw out of the gateway.

use super::{ConfigError, value};
use serde::Deserialize;
use signet_router::journal::JournalLimits;

/// Numbers of one class of message: so many at once, and so many each second after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub burst: u32,
    pub per_minute: u32,
}

/// What a signed log that has reached its size for the day does with new business of that desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedFull {
    /// Requests and accepts are refused until the next day (UTC); withdrawals and answers go on.
    #[default]
    Refuse,
    /// An event says so, and everything goes on.
    Alert,
}

/// Limits of one peer. Every one has a default that an honest peer does not reach.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Connections that are being let in at once, in all and from one source. A network is a /24 or
    /// a /64.
    pub admission_places: usize,
    pub admission_places_per_address: usize,
    pub admission_places_per_network: usize,
    /// Connections that wait until it is their turn.
    pub admission_queue: usize,
    pub admission_queue_per_address: usize,
    pub admission_queue_per_network: usize,
    /// Turns of one address; of a network four times as many.
    pub connections_per_address: Rate,
    /// Logons of one desk.
    pub desk_logons: Rate,
    /// Messages of one desk, by class.
    pub desk_requests: Rate,
    pub desk_accepts: Rate,
    pub desk_cancels: Rate,
    pub desk_status_requests: Rate,
    pub desk_list_requests: Rate,
    pub desk_key_requests: Rate,
    pub desk_other: Rate,
    /// Length of the messages of one desk, KiB.
    pub desk_kib: Rate,
    /// Messages of one dealer, by class.
    pub dealer_quotes: Rate,
    pub dealer_reports: Rate,
    pub dealer_rejects: Rate,
    pub dealer_other: Rate,
    /// Length of the messages of one dealer, KiB.
    pub dealer_kib: Rate,
    /// Messages beyond their rate, before the peer is disconnected.
    pub excess: Rate,
    /// For how long a peer that was disconnected for its excess is not let in again.
    pub excess_pause_seconds: u32,
    /// Time of the trading thread that one peer may take: a share of each second, and at once.
    pub desk_processor_percent: u32,
    pub dealer_processor_percent: u32,
    pub processor_burst_ms: u32,
    /// Ended RFQs without a trade that are remembered for one desk.
    pub ended_rfqs_per_desk: usize,
    /// Records in the journal about what is remembered, in all and of one desk's RFQs.
    pub journal_mib: u32,
    pub journal_mib_per_desk: u32,
    /// Evidence of one peer's signed messages in a day (UTC).
    pub signed_mib_per_peer_per_day: u32,
    pub signed_full: SignedFull,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let rate = |burst, per_minute| Rate { burst, per_minute };
        Self {
            admission_places: 512,
            admission_places_per_address: 64,
            admission_places_per_network: 128,
            admission_queue: 8_192,
            admission_queue_per_address: 1_024,
            admission_queue_per_network: 2_048,
            connections_per_address: rate(400, 3_000),
            desk_logons: rate(60, 60),
            desk_requests: rate(250, 600),
            desk_accepts: rate(250, 600),
            desk_cancels: rate(500, 600),
            desk_status_requests: rate(250, 300),
            desk_list_requests: rate(60, 60),
            desk_key_requests: rate(20, 20),
            desk_other: rate(100, 300),
            desk_kib: rate(2_048, 6_000),
            dealer_quotes: rate(10_000, 60_000),
            dealer_reports: rate(5_000, 12_000),
            dealer_rejects: rate(500, 600),
            dealer_other: rate(2_000, 6_000),
            dealer_kib: rate(16_384, 60_000),
            excess: rate(200, 120),
            excess_pause_seconds: 60,
            desk_processor_percent: 20,
            dealer_processor_percent: 40,
            processor_burst_ms: 250,
            ended_rfqs_per_desk: 1_000,
            journal_mib: 128,
            journal_mib_per_desk: 16,
            signed_mib_per_peer_per_day: 256,
            signed_full: SignedFull::Refuse,
        }
    }
}

impl LimitsSection {
    /// How much the journal holds of what is remembered.
    pub fn journal(&self) -> JournalLimits {
        let bytes = |mib: u32| u64::from(mib) * 1024 * 1024;
        JournalLimits { total: bytes(self.journal_mib), per_desk: bytes(self.journal_mib_per_desk) }
    }

    /// A limit of nothing would shut everybody out, one without bound is none.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let key = |name: &str| format!("limits.{name}");
        let rates = [
            ("connections_per_address", self.connections_per_address),
            ("desk_logons", self.desk_logons),
            ("desk_requests", self.desk_requests),
            ("desk_accepts", self.desk_accepts),
            ("desk_cancels", self.desk_cancels),
            ("desk_status_requests", self.desk_status_requests),
            ("desk_list_requests", self.desk_list_requests),
            ("desk_key_requests", self.desk_key_requests),
            ("desk_other", self.desk_other),
            ("desk_kib", self.desk_kib),
            ("dealer_quotes", self.dealer_quotes),
            ("dealer_reports", self.dealer_reports),
            ("dealer_rejects", self.dealer_rejects),
            ("dealer_other", self.dealer_other),
            ("dealer_kib", self.dealer_kib),
            ("excess", self.excess),
        ];
        if let Some((name, _)) =
            rates.iter().find(|(_, r)| !in_range(r.burst.into()) || !in_range(r.per_minute.into()))
        {
            return Err(value(key(name), "burst and per_minute: 1 to 1000000"));
        }
        let numbers = [
            ("admission_places", self.admission_places as u64),
            ("admission_places_per_address", self.admission_places_per_address as u64),
            ("admission_places_per_network", self.admission_places_per_network as u64),
            ("admission_queue", self.admission_queue as u64),
            ("admission_queue_per_address", self.admission_queue_per_address as u64),
            ("admission_queue_per_network", self.admission_queue_per_network as u64),
            ("excess_pause_seconds", self.excess_pause_seconds.into()),
            ("processor_burst_ms", self.processor_burst_ms.into()),
            ("ended_rfqs_per_desk", self.ended_rfqs_per_desk as u64),
            ("journal_mib", self.journal_mib.into()),
            ("journal_mib_per_desk", self.journal_mib_per_desk.into()),
            ("signed_mib_per_peer_per_day", self.signed_mib_per_peer_per_day.into()),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, n)| !in_range(*n)) {
            return Err(value(key(name), "1 to 1000000"));
        }
        let shares = [
            ("desk_processor_percent", self.desk_processor_percent),
            ("dealer_processor_percent", self.dealer_processor_percent),
        ];
        match shares.iter().find(|(_, p)| !(1..=100).contains(p)) {
            Some((name, _)) => Err(value(key(name), "1 to 100")),
            None => Ok(()),
        }
    }
}

fn in_range(n: u64) -> bool {
    (1..=1_000_000).contains(&n)
}

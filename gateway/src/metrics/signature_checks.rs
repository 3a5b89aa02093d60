//! Signatures that threads verify and make beside the trading thread.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// All stay 0 without `gateway.signature_threads`.
#[derive(Debug, Clone)]
pub struct SignatureChecks {
    /// Those that no thread has begun.
    pub waiting: Gauge,
    /// Those that a thread has verified: `signet_signature_checks_total`.
    pub done: Counter,
    /// Those of this gateway that a thread has made: `signet_signatures_made_total`.
    pub made: Counter,
}

impl SignatureChecks {
    pub(crate) fn new(r: &mut Registry) -> Self {
        let counts =
            Self { waiting: Gauge::default(), done: Counter::default(), made: Counter::default() };
        r.register(
            "signet_signature_checks_waiting",
            "Messages whose signature waits for a thread of gateway.signature_threads",
            counts.waiting.clone(),
        );
        r.register(
            "signet_signature_checks",
            "Signatures that threads of gateway.signature_threads verified",
            counts.done.clone(),
        );
        r.register(
            "signet_signatures_made",
            "Signatures of this gateway that threads of gateway.signature_threads made",
            counts.made.clone(),
        );
        counts
    }
}

//! How far the gateway's clock is from UTC, looked at regularly, and how far the desks' clocks are
//! from the gateway's. MiFID II (RTS 25, article 2) asks for one second where a person answers an
//! RFQ.
//!
//! | file | what it does |
//! | --- | --- |
//! | `judge.rs` | what follows from what was measured: pure |
//! | `kernel.rs` | what the system says of its clock (`adjtimex`, Linux) |
//! | `servers.rs` | asks the time servers of `[clock]` (SNTP, RFC 5905) |

mod judge;
mod kernel;
mod servers;

pub use judge::{DeskClock, Kernel, Measure, judge};

use crate::{config::ClockSection, events::EventSink};
use signet_events::About;
use std::time::Duration;

/// Looks at the clock for ever, and says what changes.
pub async fn watch(events: EventSink, section: ClockSection) {
    let max_us = i64::from(section.max_offset_ms) * 1_000;
    let every = Duration::from_secs(section.every_seconds.into());
    let mut last = None;
    loop {
        let servers = section.servers.clone();
        // Lookups and answers are waited for beside trading.
        let looked = tokio::task::spawn_blocking(move || (kernel::read(), servers::ask(&servers)));
        if let Ok((kernel, measures)) = looked.await {
            let state = judge(kernel, &measures, max_us);
            let words = state.words();
            tracing::info!(?kernel, asked = section.servers.len(), "{words}");
            if last != Some(state.kind()) && !(last.is_none() && state.is_good()) {
                if !state.is_good() {
                    tracing::error!(alert = true, code = state.code(), "{words}");
                }
                events.gateway(state.code(), About::object("gateway"), words);
            }
            last = Some(state.kind());
        }
        tokio::time::sleep(every).await;
    }
}

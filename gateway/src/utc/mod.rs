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

pub use judge::{ClockState, DeskClock, Kernel, Measure, judge};

use crate::{clock::now, config::ClockSection, events::EventSink};
use signet_events::About;
use signet_rfq::UtcMillis;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What the last look found, and when it was.
#[derive(Debug, Clone, Copy)]
pub struct ClockSeen {
    pub state: ClockState,
    pub at: UtcMillis,
}

/// The last look, for whoever asks.
#[derive(Debug, Clone, Default)]
pub struct ClockView(Arc<Mutex<Option<ClockSeen>>>);

impl ClockView {
    /// `None` before the first look.
    pub fn get(&self) -> Option<ClockSeen> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, seen: ClockSeen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}

/// Looks at the clock for ever, and says what changes.
pub async fn watch(events: EventSink, section: ClockSection, view: ClockView) {
    let max_us = i64::from(section.max_offset_ms) * 1_000;
    let every = Duration::from_secs(section.every_seconds.into());
    let mut last = None;
    loop {
        let servers = section.servers.clone();
        // Lookups and answers are waited for beside trading.
        let looked = tokio::task::spawn_blocking(move || (kernel::read(), servers::ask(&servers)));
        if let Ok((kernel, measures)) = looked.await {
            let state = judge(kernel, &measures, max_us);
            view.set(ClockSeen { state, at: now() });
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

//! How many may wait, and why one may not.

use crate::config::{LimitsSection, Rate};

/// How many connections may have their turn and wait for it.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    pub turns: usize,
    pub turns_per_address: usize,
    pub turns_per_network: usize,
    pub waiting: usize,
    pub waiting_per_address: usize,
    pub waiting_per_network: usize,
    pub connections_per_address: Rate,
}

impl QueueLimits {
    pub fn of(l: &LimitsSection) -> Self {
        Self {
            turns: l.admission_places,
            turns_per_address: l.admission_places_per_address,
            turns_per_network: l.admission_places_per_network,
            waiting: l.admission_queue,
            waiting_per_address: l.admission_queue_per_address,
            waiting_per_network: l.admission_queue_per_network,
            connections_per_address: l.connections_per_address,
        }
    }
}

/// Why a connection cannot even wait. At fault: the source, or a crowd that it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueueFull {
    #[error("too many connections of this address wait")]
    Address,
    #[error("too many connections of this network wait")]
    Network,
    #[error("too many connections wait")]
    All,
}

//! Handshakes between two ends of ours, and between one of ours and a stranger.

mod fixs_profile;
mod lists;
mod pair;
mod paths;
#[path = "../../../../tests/needs/ports.rs"]
mod ports;
mod refusals;
mod revocation;

//! Transport parameters of both ends: everything that a peer can make this end hold has a bound.

use crate::congestion::FloorConfig;
use quinn_proto::{IdleTimeout, TransportConfig, VarInt};
use std::{sync::Arc, time::Duration};

/// A connection on which nothing arrives for this long has ended.
const IDLE_MAX_MS: u32 = 60_000;
/// The client sends something at least this often, so that a NAT keeps its mapping.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Bytes that wait to be acknowledged. What a dead path holds arrives late: little is held.
pub(crate) const SEND_WINDOW: u64 = 64 * 1024;
/// Bytes of the FIX stream that a peer may send ahead of their reader.
const STREAM_WINDOW: u32 = 128 * 1024;
/// The same over all streams.
const WINDOW: u32 = 160 * 1024;
/// Streams that carry proofs.
pub(crate) const PROOF_STREAMS: u32 = 4;
/// Handshake bytes out of order: a chain of certificates, and no more.
const CRYPTO_BUFFER: usize = 32 * 1024;

fn common() -> TransportConfig {
    let mut t = TransportConfig::default();
    t.max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MAX_MS))))
        .max_concurrent_uni_streams(VarInt::from_u32(PROOF_STREAMS))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW)
        .crypto_buffer_size(CRYPTO_BUFFER)
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .congestion_controller_factory(Arc::new(FloorConfig));
    t
}

pub(crate) fn of_client() -> TransportConfig {
    let mut t = common();
    t.max_concurrent_bidi_streams(VarInt::from_u32(0)).keep_alive_interval(Some(KEEP_ALIVE));
    t
}

pub(crate) fn of_server() -> TransportConfig {
    let mut t = common();
    t.max_concurrent_bidi_streams(VarInt::from_u32(1));
    t
}

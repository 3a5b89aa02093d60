//! Why a receiver does not have the events.

use super::SpoolError;
use std::io;

/// Each says who is at fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryFailure {
    /// At fault: the receiver, or the way to it.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// At fault: the receiver's certificate or its idea of ours.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// At fault: the receiver, or the way to it.
    #[error("the connection failed: {0}")]
    Connection(io::Error),
    /// At fault: the receiver, which closed.
    #[error("it closed the connection")]
    Closed,
    /// At fault: the receiver.
    #[error("it gave no answer within {0} s")]
    Silent(u64),
    /// At fault: the receiver, or the address of it.
    #[error("it answered {0}")]
    Status(u16),
    /// At fault: the receiver, most likely: it takes none of many events for good.
    #[error("it answered {0} to one event after the other")]
    TakesNone(u16),
    /// At fault: the receiver, which is not a collector.
    #[error("its answer cannot be read: {0}")]
    Answer(String),
    /// At fault: the file or its disk.
    #[error("the file cannot be written: {0}")]
    File(io::Error),
    /// At fault: the token file.
    #[error("token_file: {0}")]
    Token(String),
    /// At fault: the disk of the gateway.
    #[error("the spool cannot be read: {0}")]
    Spool(#[from] SpoolError),
}

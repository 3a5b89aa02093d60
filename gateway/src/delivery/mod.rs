//! How something reaches a receiver outside that may be away: from a bounded queue on disk, over
//! HTTPS, again and again with growing pauses.
//!
//! | file | does |
//! | --- | --- |
//! | `spool/` | segments on disk, what is read back, cursors |
//! | `post.rs` | one POST over TLS with the gateway's certificate |
//! | `backoff.rs`, `away.rs` | pauses after failures, and when a receiver is said to be away |
//! | `status.rs` | how far each receiver is, for whoever looks on |
//! | `failure.rs` | why a receiver does not have something |

mod away;
mod backoff;
mod failure;
mod post;
mod spool;
mod status;

pub(crate) use away::{Away, Say};
pub(crate) use backoff::{pause, random};
pub(crate) use failure::DeliveryFailure;
pub(crate) use post::{Connection, Poster};
pub(crate) use spool::{Draft, Reader, Record, Spool, SpoolError, newest, read_text, replace};
pub(crate) use status::{DeliveryStatus, ReceiverState};

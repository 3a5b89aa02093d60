//! What happened at a gateway: one catalogue of codes, and events with typed fields.
//!
//! Pure values without I/O. The gateway makes an [`Event`] for whatever a security officer, an
//! auditor or a program that watches must know of; its way to the registry and to the SIEM is the
//! gateway's matter.
//!
//! - [`catalogue`]: every code with its severity, what it means, what to do, its class in OCSF and,
//!   where one fits, its technique in MITRE ATT&CK. `docs/events.md` is written from it.
//! - [`Event`]: when (microseconds since 1970, UTC), which code, who did it, what about, in fields.
//! - [`ocsf`]: an event as one line of JSON for a SIEM.
//! - [`Text`]: text of a peer, bounded and on one line, so that no peer can forge a line of a log.

#![warn(missing_docs, unreachable_pub)]

pub mod catalogue;
mod event;
pub mod ocsf;
mod text;

pub use catalogue::{Class, Entry, Severity, Technique, entry};
pub use event::{About, Actor, Event, Origin, Side};
pub use text::one_line;
pub use text::{TEXT_CHARS_MAX, Text};

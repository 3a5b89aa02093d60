//! What the gateway answers repeated failures with: a person or a network is kept out for a time,
//! longer each time. Judges only: the pipeline acts ([`crate::pipeline`], `lockouts.rs`).
//!
//! Rules, so that nobody can have somebody else locked out:
//!
//! - A failure counts for a **person** only when whoever failed proved the key of a certificate of
//!   that person that is in force. Everything else counts for the **network** it came from.
//! - A network from which somebody logged on within the hour stays open, whatever else comes from
//!   there: one bad laptop must not shut an office behind one address out.
//! - A network that is locked out may still try now and then; a logon that is good opens it at
//!   once.
//! - A second person who declines what another one wants is not attacked by it.
//!
//! | event | person | network |
//! | --- | --- | --- |
//! | TLS refused, no certificate of ours, another party's certificate | | fails |
//! | certificate revoked, unknown, or not the one of the registry | | fails |
//! | Logon refused, or denied by the risk policy, certificate in force | fails | |
//! | the same, certificate not in force | | fails |
//! | certificate expired or superseded, person or device locked, gateway's fault | | |
//! | Logon accepted | forgiven | opens |
//! | own challenge declined, not answered, answered wrongly | tires | |
//! | challenge of another person's message declined | | |
//!
//! A **dealer** whose messages contradict what is so (executions that nobody agreed to, rejects
//! after an answer, messages that cannot be read or verified) has its line cut until an
//! administrator resumes it.
//!
//! Pure: the monotonic time is passed in, and every map is bounded.

mod blame;
mod dealers;
mod networks;
mod people;
mod threshold;

pub use blame::{Blame, of_certificate, of_logon, of_quic, of_tls};
pub use dealers::{Dealers, is_fault};
pub use networks::{Network, NetworkLockout, Networks};
pub use people::{People, PersonEvent};

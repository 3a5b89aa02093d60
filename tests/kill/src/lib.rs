//! A gateway and desks in processes of their own, killed (SIGKILL) at random moments while they
//! trade, hundreds of times in one run, and what must hold after each. Seeded. **Tests only.**
//!
//! | file | does |
//! | --- | --- |
//! | `book.rs` | the gateway's book, replayed from its journal |
//! | `campaign.rs` | the rounds: load, kill, restart, settle, look |
//! | `desk.rs` | a desk's process: it trades by itself, and says what it was told |
//! | `firm.rs` | the gateway's folder and process, and the simulated dealers |
//! | `followed.rs` | a sealed file, read on from where the last look was |
//! | `grown.rs` | the files that only grow, read on from where the last look was |
//! | `history.rs` | the desks' signed histories, by themselves and against the gateway's evidence |
//! | `look.rs` | what must hold, from the files of all parties |
//! | `registry.rs` | the gateway's registry, with the desks in it |
//! | `report.rs` | what was done and found, in one table |
//! | `sessions.rs` | the sequence numbers of sessions, at both ends |
//! | `siem.rs` | a receiver of syslog over TLS, which may be killed as well |

mod book;
pub mod campaign;
pub mod desk;
pub mod dice;
pub mod firm;
pub mod followed;
mod grown;
pub mod history;
pub mod look;
pub mod registry;
pub mod report;
mod sessions;
pub mod siem;
pub mod talk;

/// The gateway's CompID.
pub const GATEWAY: &str = "SIGNET";
/// Certificates name this authority.
pub const DOMAIN: &str = "kill.signet.example";
/// The venue's name at the desks.
pub const VENUE: &str = "Kill";
/// The desks.
pub const DESKS: [&str; 2] = ["KILL1", "KILL2"];
/// The dealers: one signs and answers at once, one takes its last look, one re-quotes and passes.
pub const DEALERS: [&str; 3] = ["NORTHBANK", "MERIDIAN", "CALDERA"];
/// What is asked for.
pub const BUND: &str = "DE000BU2Z049";

/// The key of a desk's files, which a keychain would make: the driver must read them.
pub fn desk_secret(desk: &str) -> [u8; 32] {
    let mut secret = [7; 32];
    for (s, b) in secret.iter_mut().zip(desk.bytes()) {
        *s = b;
    }
    secret
}

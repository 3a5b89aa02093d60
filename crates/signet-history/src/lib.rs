//! A desk's signed history, without files, clocks, keys or sockets.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `record.rs` | what is kept, and the chain that holds it together |
//! | `observe.rs` | which messages are kept |
//! | `certify.rs` | the key that checkpoints are signed with, certified by the desk's own key |
//! | `export.rs` | the text form that leaves the laptop |
//! | `verify.rs`, `read.rs` | the check of such a text, by anybody |
//! | `account.rs` | what one side says of RFQs, from its messages |
//! | `runs.rs` | the runs of a desk, and the ends that it does not tell of |
//! | `compare/`, `difference.rs` | one side's account against the other's |
//!
//! A record carries its number and the leaf hash of the record before, and is a leaf of a Merkle
//! tree (`signet-tlog`) whose root the desk signs. So a record that is changed, moved or missing is
//! found and named, and records can be left out of an export without breaking either.

#![warn(missing_docs, unreachable_pub)]

mod account;
mod certify;
mod compare;
mod difference;
mod export;
mod observe;
mod read;
mod record;
mod runs;
mod verify;

pub use account::{Account, Answer, Fact, Lost, Said, Signer, Tear, Way, fact_named, fact_of};
pub use certify::{Certified, statement};
pub use compare::{Tolerance, compare};
pub use difference::{Blame, Difference, Proof};
pub use export::{Exporter, Selection, Source, export};
pub use observe::{Seen, keeps, observe};
pub use record::{Chain, Moment, Record, RecordError, What};
pub use verify::{Fault, Place, Verified, account_of, verify, verify_since};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// The check of an export with OpenSSL 3 and the standard tools.
pub const VERIFY_SH: &str = include_str!("verify.sh");
/// The first line of an export.
pub const EXPORT_MAGIC: &str = "signet-desk-history 1";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

fn decode_hash(text: &str) -> Option<signet_tlog::Hash> {
    decode(text)?.try_into().ok()
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;

#[cfg(all(test, unix))]
#[path = "script_tests.rs"]
mod script_tests;

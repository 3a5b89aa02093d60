//! `signet-gateway init`: from a firm's answers to everything that its first gateway needs.
//!
//! [`Answers`] are what somebody types or writes into a file; [`Bank`] is the same, examined. From
//! a bank follow the [`texts`] of the settings, without any input or output. [`Pki`] makes
//! authorities, keys and certificates, and [`install`] puts all of it into a folder, or nothing.

mod account;
mod answers;
mod ask;
mod bank;
mod certificate;
mod error;
mod given;
mod install;
mod next;
mod pki;
mod place;
mod plan;
mod policies;
mod texts;

pub use account::Account;
#[cfg(unix)]
pub use account::other_account;
pub use answers::{Answers, DealerAnswer, Listen, Outside, TraderAnswer};
pub use ask::{Dialogue, ask};
pub use bank::{AnswerFault, Bank, Dealer, Trader};
pub use certificate::{CertificateOrder, Renewed, issue_certificate, renew_gateway};
pub use error::InitError;
pub use given::Given;
pub use install::{Installed, Order, install};
pub use next::next;
pub use pki::{Authority, Issued, Leaf, Pki, Request};
pub use plan::{Act, Item, Kind, Rights, plan};
pub use texts::texts;

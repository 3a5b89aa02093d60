//! Signet Desk without its window: the link to the gateway, the book of RFQs, the blotter and the
//! views that the page draws.
//!
//! `src-tauri` puts this crate into a window; tests and benchmarks use it without one.

#![warn(missing_docs, unreachable_pub)]

mod blotter;
mod book;
mod clock;
mod desk;
mod direct;
mod doctor;
mod enrol;
mod guard;
mod history;
mod holders;
mod in_flight;
mod insight;
mod issue;
mod ladder;
mod laptop_clock;
mod link;
mod list;
mod look;
pub mod managed;
mod offer;
pub mod peer_text;
mod pin;
pub mod posture;
mod present;
mod price;
mod problem;
mod search;
mod settlement;
pub mod signing;
mod step_up;
mod support;
mod ticket;
mod venue;
pub mod view;

pub use book::{Book, Ids};
pub use desk::{Desk, Export, SHUT_DOWN_MAX};
pub use doctor::doctor;
pub use guard::TradingSettings;
pub use history::{HistoryError, HistoryExport, HistoryTail, history_export, history_tail};
pub use holders::KeyStore;
pub use in_flight::InFlight;
pub use look::{Place, Seat};
pub use offer::{LINK_MAX, read_link};
pub use search::{Index as InstrumentIndex, Listed, Meant};
pub use venue::{
    DeskConfig, DeskConfigError, DirectSettings, DirectStepUp, HistorySettings, OtherHost,
    TlsSwitches, Venue,
};

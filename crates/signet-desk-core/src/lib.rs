//! Signet Desk without a window: the session keeper, the book of RFQs, the blotter and the view.
//!
//! `src-tauri` wraps this crate in a window; tests and benches drive it without one.

#![warn(missing_docs, unreachable_pub)]

mod blotter;
mod book;
mod clock;
mod desk;
mod direct;
mod doctor;
mod enrol;
mod holders;
mod in_flight;
mod issue;
mod laptop_clock;
mod link;
mod peer_text;
mod pin;
pub mod posture;
mod present;
mod problem;
mod settlement;
pub mod signing;
mod step_up;
mod venue;
pub mod view;

pub use book::{Book, Ids};
pub use desk::Desk;
pub use doctor::doctor;
pub use holders::KeyStore;
pub use in_flight::InFlight;
pub use venue::{DeskConfig, DeskConfigError, DirectSettings, DirectStepUp, TlsSwitches, Venue};

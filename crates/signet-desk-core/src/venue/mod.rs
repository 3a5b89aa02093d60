//! The venues this desk may connect to: `desk.toml`, invitations, and the TLS settings of each.

mod config;
mod direct_settings;
mod entry;
mod error;
mod known;
mod of_firm;
mod tls;

pub use config::{DeskConfig, HistorySettings, TlsSwitches};
pub(crate) use config::{portal_check, proxy};
pub use direct_settings::{DirectSettings, DirectStepUp};
pub use entry::{OtherHost, Venue};
pub use error::DeskConfigError;
pub(crate) use known::{Venues, slug};
pub(crate) use of_firm::{of_firm, settings};
pub(crate) use tls::{crls, profile, tls_settings};

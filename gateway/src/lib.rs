//! Signet Gateway: the enforcement point between traders' desks and dealers.
//!
//! Trading runs on one thread: its sockets, TLS, FIX sessions and the [router](signet_router), so
//! that a message from a desk reaches a dealer without changing hands, unless the configuration
//! gives signatures or sockets threads of their own. `pipeline/message.rs` shows its way. The
//! registry with the enrolment and step-up services, and the administrators' interface, have a
//! thread each; they ask the trading thread over bounded channels.
//! [`Gateway::start`] gives a running gateway.

pub mod admin;
pub mod admin_api;
pub mod checkpoint;
mod clock;
pub mod config;
mod console;
mod cut_lines;
mod delivery;
mod disk;
pub mod doctor;
pub mod enrol;
mod entitle;
mod events;
pub mod evidence;
mod geo;
pub mod history;
mod host;
pub mod init;
mod last_good;
mod limits;
mod listeners;
mod loaded;
pub mod log;
mod metrics;
pub mod operator;
mod pipeline;
mod registry_thread;
mod registry_view;
mod response;
pub mod risk;
mod sealed_map;
mod siem;
mod signals;
pub mod signed;
#[cfg(feature = "test-double")]
pub mod simulated;
mod stamp;
mod start;
mod state_dir;
pub mod stepup;
mod threads;
pub mod transmit;
mod utc;

pub use config::{Config, ConfigError};
pub use listeners::{list_faults, lists_enforced};
pub use loaded::{Loaded, faults};

use signed::SignedLogError;
use signet_journal::LogError;
use signet_router::journal::JournalError;
use start::run;
use std::{io, net::SocketAddr};
use threads::HostedThread;
pub use threads::exit_on_fault;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("TLS: {0}")]
    Tls(String),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("evidence of what was signed: {0}")]
    Signed(#[from] SignedLogError),
    #[error(
        "journal.rewritten: {0}. Compare with the checkpoints of the second party (signet-gateway \
         journal verify --checkpoint FILE) and tell the security officer. To start all the same, \
         set on_rewritten = \"accept\" under [checkpoint] for one start"
    )]
    Rewritten(String),
    #[error("the history of the policies: {0}")]
    History(String),
    #[error("the store key: {0}")]
    Key(#[from] LogError),
    #[error(transparent)]
    Registry(#[from] signet_registry::RegistryError),
    #[error("{0}")]
    Session(String),
    #[error("the gateway's thread ended before it was ready")]
    Died,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    enrolment: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    console: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    signals: Option<SocketAddr>,
    _thread: HostedThread,
}

/// What a gateway is started with beyond its file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Tell desks that this is a practice venue. Set only by the practice build.
    pub practice: bool,
}

impl Gateway {
    /// Starts on a thread of its own and returns when desks can connect.
    pub fn start(loaded: Loaded, options: Options) -> Result<Self, GatewayError> {
        let (ready, answer) = std::sync::mpsc::channel();
        let body = move |stop| async move {
            if let Err(e) = run(loaded, options, ready.clone(), stop).await {
                let _ = ready.send(Err(e));
            }
        };
        let thread = HostedThread::spawn("signet-gateway", body)
            .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
        match answer.recv() {
            Ok(Ok(a)) => Ok(Self {
                address: a.desks,
                enrolment: a.enrolment,
                admin: a.admin,
                console: a.console,
                metrics: a.metrics,
                signals: a.signals,
                _thread: thread,
            }),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(GatewayError::Died),
        }
    }

    /// Where desks connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where desks enrol, if they can.
    pub fn enrolment_address(&self) -> Option<SocketAddr> {
        self.enrolment
    }

    /// Where administrators connect, if they can.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the administrators' browsers connect, with `[admin.console]`.
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console
    }

    /// Where metrics and health can be read, with `[metrics]`.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Where the identity provider sends its signals, if it can.
    pub fn signals_address(&self) -> Option<SocketAddr> {
        self.signals
    }

    /// Says Logout to everybody, closes the stores and waits for the thread.
    pub fn stop(self) {
        drop(self);
    }
}

/// Texts that a peer might write into a message to forge what others read.
#[cfg(test)]
pub(crate) fn hostile_texts() -> Vec<String> {
    let long = "9".repeat(10_000);
    [
        "filled\n2026-11-28T12:00:00Z  INFO signet: administrator sylvia unlocked bob",
        "a\r\nb\u{b}c\u{c}d\u{85}e\u{2028}f\u{2029}g",
        "\u{1b}[2J\u{1b}[31mred\u{9b}1m\u{7}\u{8}\u{8}",
        "=cmd|' /C calc'!A0",
        "+1+1,-1-1,@SUM(A1),\t=1",
        "\u{202e}dellif\u{202c} \u{2066}x\u{2069} \u{200b}\u{feff}",
        "\"quoted\" 'single' \\ back ]close} {open",
        "nul\0nul",
        "] [signet@32473 code=\"logon.accepted\"] {\"severity_id\":1}",
        "\",\"status_code\":\"logon.accepted\",\"x\":\"",
        "<script>alert(1)</script>&amp;",
        "} signet_forged_total 1\n# TYPE signet_forged_total counter",
        "8=FIX.4.4\u{1}9=5\u{1}35=0\u{1}10=000\u{1}",
        "\u{fffd}\u{10ffff}ä€𝄞",
        "",
        &long,
    ]
    .map(str::to_owned)
    .into()
}

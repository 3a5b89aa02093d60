//! What can be told about this laptop without an agent and without rights: facts that are yes, no,
//! or not known with the reason. The gateway believes them only as far as its ladder says.

mod facts;
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

pub use facts::Laptop;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::MessageKey;
use signet_policy::posture::{Envelope, Report};

/// A report for one connection and one question, signed; `None` when it cannot be made, and then
/// the gateway knows no more than before. Reads and signs on a thread that may wait.
pub(crate) async fn envelope(
    key: MessageKey,
    exporter: [u8; 32],
    nonce: String,
    version: &str,
) -> Option<String> {
    let program = format!("signet-desk {version}");
    let made = tokio::task::spawn_blocking(move || {
        let Laptop { system, system_version, facts } = look();
        let report = Report {
            nonce,
            exporter: BASE64.encode(exporter),
            system,
            system_version,
            program,
            facts,
        };
        let report = serde_json::to_string(&report).ok()?;
        let mut envelope = Envelope { report, signature: String::new() };
        match key.sign(&envelope.signed()) {
            Ok(s) => envelope.signature = BASE64.encode(s),
            Err(e) => {
                tracing::warn!(error = %e, "the report about this laptop could not be signed");
                return None;
            }
        }
        serde_json::to_string(&envelope).ok()
    });
    made.await.ok().flatten()
}

/// Looks at this laptop. Reads some small files, or asks a tool of the system: not for a thread
/// that may not wait.
pub fn look() -> Laptop {
    #[cfg(target_os = "linux")]
    return linux::look(std::path::Path::new("/"));
    #[cfg(target_os = "macos")]
    return macos::look();
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    Laptop {
        system: std::env::consts::OS.into(),
        system_version: String::new(),
        facts: facts::every(|_| facts::unknown("this system tells it to administrators only")),
    }
}

//! What a program without an agent or privileges can tell about this laptop: facts that are yes,
//! no, or unknown with a reason. How far the gateway trusts them is in its risk settings.

mod facts;
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

pub use facts::Laptop;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::MessageKey;
use signet_policy::posture::{Envelope, Report};

/// Makes a signed report for one connection and one nonce; `None` if that fails, and then none is
/// sent. Reads and signs on a blocking thread.
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

/// Reads the facts about this laptop from small files or tools of the system. It blocks.
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

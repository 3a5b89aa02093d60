//! The gateway's own certificate, read again when its file changes: certificates live for days, and
//! nobody restarts a gateway for one.
//!
//! New handshakes of every listener and dialler show the new one; connections that are up keep
//! theirs. A pair of files that cannot be used changes nothing and is said loudly. The certificate
//! decides when the pair is looked at, so replace the key first, or both by renaming.

use crate::{
    config::Config,
    events::EventSink,
    stamp::{self, Stamp},
};
use signet_events::About;
use signet_identity::{CertificateFacts, ServerIdentity};
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(1);

/// Looks at the files, for ever.
pub async fn keep_up(events: EventSink, config: Config, identity: ServerIdentity) {
    let stamps = |c: &Config| (stamp::of(&c.tls.certificate), stamp::of(&c.tls.key));
    let mut known: (Stamp, Stamp) = stamps(&config);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamps(&config);
        if now == known || now.0.is_none() || now.1.is_none() {
            continue;
        }
        known = now;
        let files = config.clone();
        // Files are read beside trading.
        let read = tokio::task::spawn_blocking(move || files.load_identity()).await;
        match read {
            Ok(Ok(newer)) => take(&events, &identity, &newer),
            Ok(Err(e)) => {
                tracing::error!(
                    code = "certificate.refused",
                    "the new certificate is refused; the last one stays: {e}"
                );
                events.gateway("certificate.refused", About::object("gateway"), e.to_string());
            }
            Err(e) => tracing::error!(error = %e, "the new certificate could not be read"),
        }
    }
}

fn take(events: &EventSink, identity: &ServerIdentity, newer: &ServerIdentity) {
    let facts = |i: &ServerIdentity| {
        i.certified_key().cert.first().and_then(|c| CertificateFacts::from_certificate(c).ok())
    };
    let Some(new) = facts(newer) else { return };
    if facts(identity).as_ref() == Some(&new) {
        return;
    }
    identity.replace(newer);
    tracing::info!(serial = new.serial, until = %new.not_after, "the gateway's new certificate is \
        in use");
    let words = format!("serial {}, until {}", new.serial, new.not_after);
    events.gateway("certificate.reloaded", About::object("gateway"), words);
}

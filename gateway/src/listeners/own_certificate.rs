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
use time::OffsetDateTime;

const LOOK: Duration = Duration::from_secs(1);
/// A certificate that ends sooner is named once a day.
const ENDS_SOON: time::Duration = time::Duration::days(2);
const NAG: Duration = Duration::from_secs(24 * 3_600);

/// Looks at the files, for ever.
pub async fn keep_up(events: EventSink, config: Config, identity: ServerIdentity) {
    let stamps = |c: &Config| (stamp::of(&c.tls.certificate), stamp::of(&c.tls.key));
    let mut known: (Stamp, Stamp) = stamps(&config);
    let mut nagged: Option<tokio::time::Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        if nagged.is_none_or(|t| t.elapsed() >= NAG)
            && ends_soon(&identity, OffsetDateTime::now_utc())
        {
            tracing::warn!(
                code = "certificate.ends_soon",
                "the gateway's certificate ends within {} days",
                ENDS_SOON.whole_days()
            );
            nagged = Some(tokio::time::Instant::now());
        }
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

fn ends_soon(identity: &ServerIdentity, now: OffsetDateTime) -> bool {
    let certified = identity.certified_key();
    let facts = certified.cert.first().and_then(|c| CertificateFacts::from_certificate(c).ok());
    facts.is_some_and(|f| f.not_after - now < ENDS_SOON)
}

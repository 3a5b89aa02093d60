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

/// Of the certificate's file and of the key's.
type Stamps = (Stamp, Stamp);

/// What is known of the files. A pair that was refused is read again each second, since what cures
/// it need not show in its stamps (a mode, an owner, a disk that answers again).
struct Watch {
    /// Of the pair that was read last.
    known: Stamps,
    /// The refusal that was told last: it is told once.
    told: Option<(Stamps, String)>,
}

impl Watch {
    fn new(known: Stamps) -> Self {
        Self { known, told: None }
    }

    /// Whether the files are read now.
    fn reads(&mut self, now: Stamps) -> bool {
        if now == self.known {
            // The pair from before is back.
            self.told = None;
        }
        now != self.known && now.0.is_some() && now.1.is_some()
    }

    /// They are good.
    fn took(&mut self, now: Stamps) {
        *self = Self::new(now);
    }

    /// They are refused; whether that is news.
    fn refused(&mut self, now: Stamps, why: &str) -> bool {
        let this = Some((now, why.to_owned()));
        let news = self.told != this;
        self.told = this;
        news
    }
}

/// Looks at the files, for ever.
pub async fn keep_up(events: EventSink, config: Config, identity: ServerIdentity) {
    let stamps = |c: &Config| (stamp::of(&c.tls.certificate), c.tls.key.stamp());
    let mut watch = Watch::new(stamps(&config));
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamps(&config);
        if !watch.reads(now) {
            continue;
        }
        let files = config.clone();
        // Files are read beside trading.
        let read = tokio::task::spawn_blocking(move || files.load_identity()).await;
        match read {
            Ok(Ok(newer)) => {
                watch.took(now);
                take(&events, &identity, &newer);
            }
            Ok(Err(e)) if !watch.refused(now, &e.to_string()) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    /// What is looked at each second: stamps, and whether the files can be used then.
    #[test]
    fn table_of_looks_at_a_pair() {
        let at = |n: u64| Some((SystemTime::UNIX_EPOCH + Duration::from_secs(n), n));
        let pair = |n| (at(n), at(n));
        const BAD: Result<(), &str> = Err("cannot be read");
        const OTHER: Result<(), &str> = Err("is rubbish");
        // Stamps, what reading says, and whether it is read, taken and told.
        let looks = [
            (pair(1), Ok(()), (false, false, false)),
            ((None, at(1)), Ok(()), (false, false, false)),
            ((at(2), None), Ok(()), (false, false, false)),
            (pair(2), BAD, (true, false, true)),
            (pair(2), BAD, (true, false, false)),
            (pair(2), OTHER, (true, false, true)),
            (pair(3), OTHER, (true, false, true)),
            // Its mode was put right, which no stamp shows.
            (pair(3), Ok(()), (true, true, false)),
            (pair(3), BAD, (false, false, false)),
            (pair(4), BAD, (true, false, true)),
            // The last good one is back, and then the bad one again.
            (pair(3), Ok(()), (false, false, false)),
            (pair(4), BAD, (true, false, true)),
            ((at(4), at(5)), Ok(()), (true, true, false)),
        ];
        let mut watch = Watch::new(pair(1));
        for (n, (now, says, want)) in looks.into_iter().enumerate() {
            let reads = watch.reads(now);
            let found = match says {
                _ if !reads => (false, false, false),
                Ok(()) => {
                    watch.took(now);
                    (true, true, false)
                }
                Err(why) => (true, false, watch.refused(now, why)),
            };
            assert_eq!(found, want, "look {n}");
        }
    }
}

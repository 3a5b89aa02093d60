//! What is around the trading: the security panel, the support report and the look of the window.

use super::{Desk, identity};
use crate::{
    book::lock,
    doctor,
    laptop_clock::laptop_now,
    look::{Place, Seat},
    posture,
    problem::problem,
    support::{Facts, report},
    view::{ChannelView, Look, Problem, Pulse, SecurityView, SessionView, Transport},
};
use signet_keystore::StoredIdentity;
use std::time::Duration;
use time::OffsetDateTime;

/// How long the examination of the connection may take for a report.
const DOCTOR_MAX: Duration = Duration::from_secs(30);
/// An identity whose key a token holds is not examined for a report: the token would ask for a PIN.
const IN_KEYCHAIN: &str = "OS keychain";

impl Desk {
    /// Who this desk is, and how it is connected. Waits for the keychain, at most until its
    /// deadline.
    pub async fn security(&self) -> Result<SecurityView, Problem> {
        let session = lock(&self.book).session();
        let Some(name) = session.identity.clone() else {
            return Ok(SecurityView { identity: None, days_left: None, channel: None });
        };
        let found = self.issuer.blocking(move |holders| {
            let listed = holders.keychain.identities().map_err(|e| Problem::from(&e))?;
            let own = listed.into_iter().find(|i| i.name.as_str() == name);
            Ok(own.map(|i: StoredIdentity| (holders.held_in(&i.name), i)))
        });
        let now = OffsetDateTime::now_utc();
        let found = found.await?;
        let ends = found.as_ref().and_then(|(_, i)| i.certificate.as_ref()).map(|c| c.not_after);
        Ok(SecurityView {
            days_left: ends.map(|ends| days_left(ends, now)),
            identity: found.map(|(held_in, i)| identity(i, held_in, true, now)),
            channel: self.channel(&session),
        })
    }

    fn channel(&self, session: &SessionView) -> Option<ChannelView> {
        let tls = session.tls.clone()?;
        let venue = self.issuer.venues.find(&session.venue.as_ref()?.name)?;
        Some(ChannelView {
            transport: transport(&tls),
            tls,
            endpoint: venue.endpoint(),
            server_name: venue.server_name.clone(),
            pins: u32::try_from(venue.pins.len()).unwrap_or(u32::MAX),
            revocation_required: venue.crl_required,
            hybrid_only: self.config.tls.hybrid_only,
        })
    }

    /// A text for whoever helps. `window` names what draws the window.
    pub async fn support_report(&self, window: &str) -> Result<String, Problem> {
        let security = self.security().await?;
        let laptop = tokio::task::spawn_blocking(posture::look).await;
        let laptop = laptop.map(|l| format!("{} {}", l.system, l.system_version));
        let (session, access, problems) = lock(&self.book).troubles();
        let in_keychain = security.identity.as_ref().is_some_and(|i| i.held_in == IN_KEYCHAIN);
        let doctor = if in_keychain {
            self.examined(session.identity.as_deref()).await
        } else {
            "Not made: no identity is in use, or a token holds its key and would ask for its PIN. \
                Run `signet-desk doctor` in a terminal."
                .into()
        };
        let facts = Facts {
            version: self.config.version.clone(),
            practice: self.config.practice,
            system: vec![laptop.unwrap_or_default(), std::env::consts::ARCH.into(), window.into()],
            session,
            access,
            problems,
            security,
            made_at_ms: laptop_now().0 as f64,
        };
        Ok(report(&facts, &doctor))
    }

    async fn examined(&self, identity: Option<&str>) -> String {
        let keychain = self.issuer.holders.keychain.clone();
        let examination = doctor(&self.config, keychain, identity);
        match tokio::time::timeout(DOCTOR_MAX, examination).await {
            Ok((report, _)) => report,
            Err(_) => "Not finished in time. Run `signet-desk doctor` in a terminal.".into(),
        }
    }

    /// What the trader has chosen about the page.
    #[must_use]
    pub fn look(&self) -> Look {
        self.looks.look()
    }

    /// Keeps it for the next start.
    pub fn keep_look(&self, look: Look) -> Result<(), Problem> {
        self.looks.keep_look(look).map_err(|why| {
            problem(
                "look.not_kept",
                format!("What you chose holds until you close the window, but was not kept: {why}"),
                "Check that the disk is not full.",
            )
        })
    }

    /// The connection and how much is open, for the tray.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        lock(&self.book).pulse()
    }

    /// Where a window was when it was last closed.
    #[must_use]
    pub fn place(&self, seat: Seat) -> Option<Place> {
        self.looks.place(seat)
    }

    /// Keeps where a window is. A fault is logged only: nobody waits for it.
    pub fn keep_place(&self, seat: Seat, place: Place) {
        if let Err(why) = self.looks.keep_place(seat, place) {
            tracing::warn!(%why, "where the window is was not kept");
        }
    }
}

/// The text of [`SessionView::tls`] begins with what carries FIX when that is not TCP.
fn transport(tls: &str) -> Transport {
    if tls.starts_with("QUIC") { Transport::Quic } else { Transport::Fixs }
}

fn days_left(ends: OffsetDateTime, now: OffsetDateTime) -> i32 {
    i32::try_from((ends - now).whole_days()).unwrap_or(i32::MAX).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn days_left_are_whole_and_never_negative() {
        let ends = datetime!(2026-12-01 12:00 UTC);
        for (now, days) in [
            (datetime!(2026-11-24 12:00 UTC), 7),
            (datetime!(2026-11-24 12:00:01 UTC), 6),
            (datetime!(2026-12-01 11:59 UTC), 0),
            (datetime!(2026-12-09 11:59 UTC), 0),
        ] {
            assert_eq!(days_left(ends, now), days, "{now}");
        }
    }

    #[test]
    fn the_transport_is_told_by_the_words_about_it() {
        let beside = "TLS 1.3 · X25519MLKEM768 · AES-256-GCM; not QUIC: it did not answer first";
        assert_eq!(transport(beside), Transport::Fixs);
        assert_eq!(transport("QUIC · TLS 1.3"), Transport::Quic);
    }
}

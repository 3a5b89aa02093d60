//! What desks have open at dealers that are away and may not come back, because their person,
//! device or certificate is locked, locked out or revoked. A session that is on ends by that, with
//! its RFQs (`ending.rs`); here is found what was open already when the desk had gone, or before
//! this gateway started. That needs no record. Refused logons are not believed: they prove nothing
//! against whoever logged on before.

use super::{
    EndReason, Pipeline, Withdrawal,
    ending::AT_A_TIME,
    reevaluation::REGISTRY_LOOK,
    rfq_ends::AT_ONCE,
    withdrawals::{Key, to_end},
};
use crate::clock::{now, steady};
use rustls_pki_types::CertificateDer;
use signet_identity::{CompId, Refusal};
use signet_registry::{
    LockoutKind, View,
    admission::{AdmissionRefusal, Shown, barred, still_good},
};
use signet_rfq::UtcMillis;
use std::{cell::Cell, time::Instant};

/// When the last look was: desks that are away are looked at as often as those that are on.
#[derive(Debug, Default)]
pub(super) struct BarredLook(Cell<Option<Instant>>);

impl BarredLook {
    fn is_due(&self, at: Instant) -> bool {
        let over = |last| at.saturating_duration_since(last) >= REGISTRY_LOOK;
        let due = self.0.get().is_none_or(over);
        if due {
            self.0.set(Some(at));
        }
        due
    }
}

/// Why what a desk has open is withdrawn, if it is. `is_held`: whether a provider keeps a person
/// out, which the view may not say yet.
fn why(
    view: &View,
    desk: &CompId,
    last: Option<&str>,
    is_held: impl Fn(&str) -> bool,
    now: UtcMillis,
) -> Option<&'static str> {
    let held = || {
        let user = &view.certificates.get(last?)?.user;
        let kind = LockoutKind::Signal;
        is_held(user).then_some(AdmissionRefusal::LockedOut { kind, left_s: None })
    };
    barred(view, desk.as_str(), last, now).or_else(held)?.withdraws()
}

/// What follows when lists refuse a certificate. Our own list has those that newer ones replaced,
/// and those of whoever is locked: of these the registry says what they are.
fn by_list(view: Option<&View>, shown: &Shown, why: &Refusal, now: UtcMillis) -> EndReason {
    let says_more =
        |e: &AdmissionRefusal| *e == AdmissionRefusal::Superseded || e.withdraws().is_some();
    let of_registry = view.and_then(|v| still_good(v, shown, now).err()).filter(says_more);
    of_registry.map_or_else(|| EndReason::from(why), EndReason::from)
}

impl Pipeline {
    /// Why a session ends, or a desk that is away has nothing open, whose certificate lists refuse.
    pub fn refused_by_list(&self, shown: &Shown, why: &Refusal) -> EndReason {
        let view = self.registry.as_ref().map(|r| r.view());
        by_list(view.as_deref(), shown, why, now())
    }

    /// Withdraws what is open of desks that are away and kept out by the registry, some at a time:
    /// each end may wait for the disk.
    pub(super) fn barred_tick(&self) {
        let Some(registry) = &self.registry else { return };
        if !self.barred_look.is_due(steady()) {
            return;
        }
        let (view, at) = (registry.view(), now());
        let is_held = |user: &str| self.not_held(user).is_err();
        let mut all: Vec<(Key, &'static str)> = Vec::new();
        for desk in self.away_with_open() {
            let last = self.certificates.of(&desk).map(|last| last.shown.serial);
            if let Some(text) = why(&view, &desk, last.as_deref(), is_held, at) {
                all.extend(self.untried(&desk).into_iter().map(|key| (key, text)));
            }
            if all.len() >= AT_ONCE {
                break;
            }
        }
        for (key, text) in all.into_iter().take(AT_ONCE) {
            let (desk, rfq) = &key;
            tracing::warn!(%desk, %rfq, "{text}");
            self.withdraw(key, text);
        }
    }

    /// Withdraws what is open of desks that are away and whose certificate `check` finds revoked,
    /// by the lists in force. Those that are on are asked elsewhere.
    pub async fn withdraw_of_revoked(
        &self,
        check: impl Fn(&[CertificateDer<'static>]) -> Result<(), Refusal>,
    ) {
        for few in self.away_with_open().chunks(AT_A_TIME) {
            for desk in few {
                let Some(last) = self.certificates.of(desk) else { continue };
                let refused = check(&last.chain).err();
                let found = refused.map(|why| self.refused_by_list(&last.shown, &why).withdrawal);
                if let Some(how @ Withdrawal::Always(_)) = found
                    && !self.sessions.is_on(desk)
                {
                    tracing::warn!(%desk, serial = last.shown.serial, "revoked while it was away");
                    self.withdraw_as(desk, how);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn away_with_open(&self) -> Vec<CompId> {
        let is_away = |desk: &&CompId| !self.sessions.is_on(desk);
        self.router.with(|r| r.desks_with_open().filter(is_away).cloned().collect())
    }

    /// What a desk has open that is to end, and is not tried again anyway.
    fn untried(&self, desk: &CompId) -> Vec<Key> {
        let waiting = self.withdrawals.borrow();
        let open = self.router.with(|r| to_end(r, desk));
        open.into_iter().filter(|key| !waiting.has(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_registry::{AccountState, CertificateState, CertificateView};
    use std::time::Duration;

    #[test]
    fn table_of_desks_that_are_away_and_may_not_come_back() {
        let desk = CompId::new("ALICE1").unwrap();
        let good = CertificateView {
            user: "alice".into(),
            device: "laptop".into(),
            comp_id: "ALICE1".into(),
            protection: "keychain".into(),
            role: "standard".into(),
            spki_sha256: "aa".into(),
            state: CertificateState::Good,
            not_after: UtcMillis(1_000),
            used: true,
            user_state: AccountState::Active,
            device_state: AccountState::Active,
        };
        let locked = CertificateView { user_state: AccountState::Locked, ..good.clone() };
        let revoked = CertificateView { state: CertificateState::Revoked, ..good.clone() };
        let old = CertificateView { state: CertificateState::Superseded, ..good.clone() };
        let held = |user: &str| user == "alice";
        let nobody = |_: &str| false;
        let withdrawn = |a: AdmissionRefusal| a.withdraws();
        let signal = AdmissionRefusal::LockedOut { kind: LockoutKind::Signal, left_s: None };
        for (name, c, last, is_held, want) in [
            ("good", &good, Some("01"), false, None),
            ("one that a newer one replaced", &old, Some("01"), false, None),
            ("locked", &locked, Some("01"), false, withdrawn(AdmissionRefusal::UserLocked)),
            ("locked, before", &locked, None, false, withdrawn(AdmissionRefusal::UserLocked)),
            ("revoked", &revoked, Some("01"), false, withdrawn(AdmissionRefusal::Revoked)),
            ("kept out by a provider", &good, Some("01"), true, withdrawn(signal)),
            ("somebody, as far as is known", &good, None, true, None),
        ] {
            let view =
                View { certificates: [("01".to_owned(), c.clone())].into(), ..View::default() };
            let seen = match is_held {
                true => why(&view, &desk, last, held, UtcMillis(500)),
                false => why(&view, &desk, last, nobody, UtcMillis(500)),
            };
            assert_eq!(seen, want, "{name}");
            let none = View::default();
            assert_eq!(why(&none, &desk, last, held, UtcMillis(500)), None, "{name}");
        }
    }

    /// Our own list, which is checked where lists are required, has more than what is revoked.
    #[test]
    fn table_of_what_a_list_says_of_a_certificate() {
        use AccountState::{Active, Locked};
        use CertificateState::{Good, Revoked, Superseded};
        let certificate = |state, user_state| CertificateView {
            user: "alice".into(),
            device: "laptop".into(),
            comp_id: "ALICE1".into(),
            protection: "keychain".into(),
            role: "standard".into(),
            spki_sha256: "aa".into(),
            state,
            not_after: UtcMillis(1_000),
            used: true,
            user_state,
            device_state: AccountState::Active,
        };
        let shown = Shown {
            serial: "01".into(),
            spki_sha256: "aa".into(),
            comp_id: "ALICE1".into(),
            not_after: UtcMillis(1_000),
        };
        let (revoked, missing) =
            (Refusal::ClientCertificateRevoked, Refusal::RevocationListMissing);
        for (state, user, why, code, withdrawn) in [
            // An authority of another's, which the registry does not hear of.
            (Good, Active, &revoked, "client.revoked", true),
            (Good, Active, &missing, missing.code(), false),
            (Superseded, Active, &revoked, "admission.certificate_superseded", false),
            (Good, Locked, &revoked, "admission.user_locked", true),
            (Revoked, Active, &revoked, "admission.certificate_revoked", true),
        ] {
            let certificates = [("01".to_owned(), certificate(state, user))].into();
            let view = View { certificates, ..View::default() };
            let ends = by_list(Some(&view), &shown, why, UtcMillis(500));
            let is_withdrawn = matches!(ends.withdrawal, Withdrawal::Always(_));
            assert_eq!((ends.code, is_withdrawn), (code, withdrawn), "{state} {user}");
        }
        for view in [None, Some(&View::default())] {
            let ends = by_list(view, &shown, &revoked, UtcMillis(500));
            assert_eq!(ends.code, "client.revoked");
            assert!(matches!(ends.withdrawal, Withdrawal::Always(_)));
        }
    }

    #[test]
    fn desks_that_are_away_are_looked_at_at_times() {
        let (look, start) = (BarredLook::default(), Instant::now());
        let seen =
            [0, 1, 499, 500, 501, 1_000].map(|ms| look.is_due(start + Duration::from_millis(ms)));
        assert_eq!(seen, [true, false, false, true, false, true]);
    }
}

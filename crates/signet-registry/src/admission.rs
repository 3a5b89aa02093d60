//! Whether a desk may be online: a pure function of the registry's state and of the certificate
//! that the desk showed.

use super::{AccountState, CertificateState, CertificateView, Lockout, LockoutKind, View};
use signet_rfq::UtcMillis;

/// How soon a desk tries again that was refused because the registry did not answer, seconds: it
/// may be back at any moment, and nobody at the desk can do anything about it.
const STALE_RETRY_S: u64 = 5;

/// The certificate that a desk proved in its handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub spki_sha256: String,
    /// CompID (49) that the certificate names.
    pub comp_id: String,
    /// End of the certificate's validity (RFC 5280 §4.1.2.5).
    pub not_after: UtcMillis,
}

/// Why a desk may not be online. The trader reads the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionRefusal {
    /// At fault: the gateway's operator.
    #[error("the gateway cannot reach its registry; try again in a minute")]
    RegistryStale,
    /// No certificate of this serial number, or one that ended long ago. At fault: the desk's user,
    /// or a restored backup.
    #[error(
        "this certificate is not in the registry; ask your administrator for a new enrolment code"
    )]
    Unknown,
    /// Two certificates of different authorities with one serial number, or a forgery.
    #[error("this certificate is not the one the registry has")]
    NotTheSame,
    /// An administrator took the certificate back.
    #[error("this certificate was revoked; ask your administrator")]
    Revoked,
    /// A newer certificate of the same device has been used.
    #[error("this certificate was replaced by a newer one on this device")]
    Superseded,
    /// The certificate's own time is over.
    #[error("this certificate has expired; it must be renewed")]
    Expired,
    /// An administrator locked the user.
    #[error("your account is locked; ask your administrator")]
    UserLocked,
    /// An administrator locked this device of the user.
    #[error("this device is locked; ask your administrator")]
    DeviceLocked,
    /// The gateway keeps the user out for a time.
    #[error("{}", lockout_words(*kind))]
    LockedOut {
        /// Why.
        kind: LockoutKind,
        /// Seconds until it is over, rounded up; `None`: until an administrator lifts it.
        left_s: Option<u64>,
    },
}

impl AdmissionRefusal {
    /// Never changes between releases.
    pub fn code(self) -> &'static str {
        match self {
            Self::RegistryStale => "admission.registry_stale",
            Self::Unknown => "admission.certificate_unknown",
            Self::NotTheSame => "admission.certificate_differs",
            Self::Revoked => "admission.certificate_revoked",
            Self::Superseded => "admission.certificate_superseded",
            Self::Expired => "admission.certificate_expired",
            Self::UserLocked => "admission.user_locked",
            Self::DeviceLocked => "admission.device_locked",
            Self::LockedOut { kind: LockoutKind::Failures, .. } => "lockout.user",
            Self::LockedOut { kind: LockoutKind::Fatigue, .. } => "lockout.fatigue",
            Self::LockedOut { kind: LockoutKind::Signal, .. } => "signal.session_revoked",
        }
    }
}

impl AdmissionRefusal {
    /// When the desk may try again by itself, seconds from now; `None`: somebody must act.
    pub fn retry_s(self) -> Option<u64> {
        match self {
            Self::LockedOut { left_s, .. } => left_s,
            Self::RegistryStale => Some(STALE_RETRY_S),
            _ => None,
        }
    }

    /// Why what somebody has open at dealers is withdrawn who is refused so, as their desk reads
    /// it. `None`: it stays, since nobody decided against them. Time ran out, they have a newer
    /// certificate, the registry does not answer, or lacks what it had before; and failed logons
    /// prove nothing against whoever logged on before.
    pub fn withdraws(self) -> Option<&'static str> {
        match self {
            Self::Revoked => Some("withdrawn by the gateway: your certificate was revoked"),
            Self::UserLocked => Some("withdrawn by the gateway: your account is locked"),
            Self::DeviceLocked => Some("withdrawn by the gateway: your device is locked"),
            Self::LockedOut { kind: LockoutKind::Fatigue, .. } => {
                Some("withdrawn by the gateway: you are locked out")
            }
            Self::LockedOut { kind: LockoutKind::Signal, .. } => {
                Some("withdrawn by the gateway: your sessions were revoked")
            }
            Self::LockedOut { kind: LockoutKind::Failures, .. }
            | Self::RegistryStale
            | Self::Unknown
            | Self::NotTheSame
            | Self::Superseded
            | Self::Expired => None,
        }
    }

    /// What the person at the desk does about it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::RegistryStale => "It passes by itself; if it does not, tell your administrator.",
            Self::Unknown | Self::Expired => {
                "Ask your administrator for a new enrolment code, then choose Enrol this laptop."
            }
            Self::NotTheSame => "Tell your administrator: two certificates have one serial number.",
            Self::Revoked => {
                "Ask your administrator why it was revoked; a new enrolment code makes a new one."
            }
            Self::Superseded => {
                "Choose this laptop's newer identity, or ask your administrator for a new \
                    enrolment code."
            }
            Self::UserLocked => "Ask your administrator to unlock your account.",
            Self::DeviceLocked => {
                "Ask your administrator to unlock this device, or use another one of yours."
            }
            Self::LockedOut { kind: LockoutKind::Failures, .. } => {
                "Wait some minutes, then log on again; your administrator can lift it at once \
                    (lockout lift)."
            }
            Self::LockedOut { kind: LockoutKind::Fatigue, .. } => {
                "Tell your administrator whether you asked for those approvals; they lift it \
                    (lockout lift)."
            }
            Self::LockedOut { kind: LockoutKind::Signal, .. } => {
                "Ask your firm's security desk why; your administrator lifts it (lockout lift)."
            }
        }
    }
}

fn lockout(l: &Lockout, now: UtcMillis) -> AdmissionRefusal {
    let left = u64::try_from(l.until.0.saturating_sub(now.0)).unwrap_or(0).div_ceil(1_000);
    AdmissionRefusal::LockedOut { kind: l.kind, left_s: (l.until.0 != 0).then_some(left) }
}

fn lockout_words(kind: LockoutKind) -> &'static str {
    match kind {
        LockoutKind::Failures => "too many of your logons failed; you are kept out for a time",
        LockoutKind::Fatigue => {
            "too many approvals were declined, not answered or answered wrongly; you are locked out"
        }
        LockoutKind::Signal => "your firm's identity provider revoked your sessions",
    }
}

/// `age_ms` is how long ago the registry last confirmed `view`.
pub fn admit<'v>(
    view: &'v View,
    age_ms: i64,
    age_max_ms: i64,
    shown: &Shown,
    now: UtcMillis,
) -> Result<&'v CertificateView, AdmissionRefusal> {
    if age_ms > age_max_ms {
        return Err(AdmissionRefusal::RegistryStale);
    }
    let c = still_good(view, shown, now)?;
    match locked_out(view, c, now) {
        Some(l) => Err(lockout(l, now)),
        None => Ok(c),
    }
}

fn locked_out<'v>(view: &'v View, c: &CertificateView, now: UtcMillis) -> Option<&'v Lockout> {
    view.lockouts.get(&c.user).filter(|l| l.holds(now))
}

/// The same without a check of the view's age: for a session that is online already.
pub fn still_good<'v>(
    view: &'v View,
    shown: &Shown,
    now: UtcMillis,
) -> Result<&'v CertificateView, AdmissionRefusal> {
    let c = view.certificates.get(&shown.serial).ok_or(AdmissionRefusal::Unknown)?;
    if c.spki_sha256 != shown.spki_sha256 || c.comp_id != shown.comp_id {
        return Err(AdmissionRefusal::NotTheSame);
    }
    match c.state {
        CertificateState::Revoked => return Err(AdmissionRefusal::Revoked),
        CertificateState::Superseded => return Err(AdmissionRefusal::Superseded),
        CertificateState::Good => {}
    }
    if c.user_state == AccountState::Locked {
        return Err(AdmissionRefusal::UserLocked);
    }
    if c.device_state == AccountState::Locked {
        return Err(AdmissionRefusal::DeviceLocked);
    }
    if shown.not_after <= now {
        return Err(AdmissionRefusal::Expired);
    }
    if let Some(l) = locked_out(view, c, now).filter(|l| l.ends_sessions()) {
        return Err(lockout(l, now));
    }
    Ok(c)
}

/// Which decision keeps whoever has this desk out, whether or not it is on. `last`: the serial
/// number of the certificate of its last session; where a newer one has replaced it, those of its
/// device decide. Without one that the registry has, every certificate of the desk must be barred,
/// as any of them may be the one.
pub fn barred(
    view: &View,
    desk: &str,
    last: Option<&str>,
    now: UtcMillis,
) -> Option<AdmissionRefusal> {
    let last = last.and_then(|serial| view.certificates.get(serial));
    let last = last.filter(|c| c.comp_id == desk);
    if let Some(c) = last {
        let bar = bar(view, c, now);
        if bar.is_some() || c.state != CertificateState::Superseded {
            return bar;
        }
    }
    // One that a newer one replaced says nothing of who has the desk now.
    let may_be_it = |c: &&CertificateView| {
        c.comp_id == desk
            && c.state != CertificateState::Superseded
            && last.is_none_or(|l| (&l.user, &l.device) == (&c.user, &c.device))
    };
    let mut all = view.certificates.values().filter(may_be_it).map(|c| bar(view, c, now));
    let first = all.next()??;
    all.all(|bar| bar.is_some()).then_some(first)
}

/// The decision against a certificate, its device or its user. What is said of the user goes first:
/// it says most.
fn bar(view: &View, c: &CertificateView, now: UtcMillis) -> Option<AdmissionRefusal> {
    if c.user_state == AccountState::Locked {
        return Some(AdmissionRefusal::UserLocked);
    }
    if let Some(l) = locked_out(view, c, now).filter(|l| l.ends_sessions()) {
        return Some(lockout(l, now));
    }
    if c.device_state == AccountState::Locked {
        return Some(AdmissionRefusal::DeviceLocked);
    }
    (c.state == CertificateState::Revoked).then_some(AdmissionRefusal::Revoked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> CertificateView {
        CertificateView {
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
        }
    }

    fn shown() -> Shown {
        Shown {
            serial: "01".into(),
            spki_sha256: "aa".into(),
            comp_id: "ALICE1".into(),
            not_after: UtcMillis(1_000),
        }
    }

    #[test]
    fn table_of_admissions() {
        use AdmissionRefusal::*;
        type Change = fn(&mut CertificateView, &mut Shown);
        let table: &[(&str, Change, Result<(), AdmissionRefusal>)] = &[
            ("all is well", |_, _| {}, Ok(())),
            ("another serial", |_, s| s.serial = "02".into(), Err(Unknown)),
            ("another key", |_, s| s.spki_sha256 = "bb".into(), Err(NotTheSame)),
            ("another CompID", |_, s| s.comp_id = "BOB1".into(), Err(NotTheSame)),
            ("revoked", |c, _| c.state = CertificateState::Revoked, Err(Revoked)),
            ("superseded", |c, _| c.state = CertificateState::Superseded, Err(Superseded)),
            ("user locked", |c, _| c.user_state = AccountState::Locked, Err(UserLocked)),
            ("device locked", |c, _| c.device_state = AccountState::Locked, Err(DeviceLocked)),
            ("expired", |_, s| s.not_after = UtcMillis(500), Err(Expired)),
            (
                "revoked says more than locked",
                |c, _| (c.state, c.user_state) = (CertificateState::Revoked, AccountState::Locked),
                Err(Revoked),
            ),
        ];
        for (name, change, want) in table {
            let (mut c, mut s) = (good(), shown());
            change(&mut c, &mut s);
            let view = View {
                version: 1,
                certificates: [("01".to_string(), c)].into(),
                ..View::default()
            };
            assert_eq!(admit(&view, 0, 10_000, &s, UtcMillis(500)).map(|_| ()), *want, "{name}");
        }
    }

    #[test]
    fn table_of_lock_outs() {
        use LockoutKind::{Failures, Fatigue, Signal};
        for (kind, until, logon, session) in [
            (Failures, 501, false, true),
            (Failures, 500, true, true),
            (Failures, 0, false, true),
            (Fatigue, 501, false, false),
            (Fatigue, 500, true, true),
            (Fatigue, 0, false, false),
            (Signal, 501, false, false),
            (Signal, 500, true, true),
        ] {
            let lockout = Lockout {
                kind,
                words: String::new(),
                since: UtcMillis(1),
                until: UtcMillis(until),
                level: 1,
            };
            let view = |user: &str| View {
                certificates: [("01".to_string(), good())].into(),
                lockouts: [(user.to_string(), lockout.clone())].into(),
                ..View::default()
            };
            let left_s = (until != 0).then_some(1);
            let refused = AdmissionRefusal::LockedOut { kind, left_s };
            let want = |good: bool| if good { Ok(()) } else { Err(refused) };
            let at = UtcMillis(500);
            let v = view("alice");
            assert_eq!(admit(&v, 0, 9, &shown(), at).map(|_| ()), want(logon), "{kind} {until}");
            assert_eq!(still_good(&v, &shown(), at).map(|_| ()), want(session), "{kind} {until}");
            assert!(admit(&view("bob"), 0, 9, &shown(), at).is_ok(), "somebody else's");
        }
    }

    /// Whether the desk is on does not matter, nor that its certificate has expired.
    #[test]
    fn table_of_who_is_barred() {
        use AdmissionRefusal::{DeviceLocked, LockedOut, Revoked, UserLocked};
        type Change = fn(&mut CertificateView);
        let revoke: Change = |c| c.state = CertificateState::Revoked;
        let replace: Change = |c| c.state = CertificateState::Superseded;
        let lock_user: Change = |c| c.user_state = AccountState::Locked;
        let lock_device: Change = |c| c.device_state = AccountState::Locked;
        let revoke_and_lock: Change =
            |c| (c.state, c.user_state) = (CertificateState::Revoked, AccountState::Locked);
        let replace_and_lock: Change =
            |c| (c.state, c.user_state) = (CertificateState::Superseded, AccountState::Locked);
        let revoke_elsewhere: Change =
            |c| (c.state, c.device) = (CertificateState::Revoked, "desktop".into());
        let none: Change = |_| {};
        // Of the certificates 01 and 02; the last session's; and what follows.
        for (name, first, second, last, want) in [
            ("nobody", none, none, Some("01"), None),
            ("nobody, and the last one is not known", none, none, None, None),
            ("the last one", revoke, none, Some("01"), Some(Revoked)),
            ("the other one", revoke, none, Some("02"), None),
            ("one of two", revoke, none, None, None),
            ("one of two, and the last is not in the registry", revoke, none, Some("03"), None),
            ("both", revoke, revoke, None, Some(Revoked)),
            ("a device", lock_device, none, Some("01"), Some(DeviceLocked)),
            ("a user", lock_user, lock_user, Some("02"), Some(UserLocked)),
            ("the user's says more", revoke_and_lock, none, Some("01"), Some(UserLocked)),
            ("one that was replaced, and revoked since", replace, revoke, None, Some(Revoked)),
            ("one that was replaced", replace_and_lock, lock_user, Some("01"), Some(UserLocked)),
            ("only one that was replaced", replace, replace, None, None),
            ("the one that replaced the last", replace, revoke, Some("01"), Some(Revoked)),
            ("one of another device", replace, revoke_elsewhere, Some("01"), None),
            ("what replaced the last is good", replace, none, Some("01"), None),
        ] {
            let changed = |change: Change| {
                let mut c = good();
                change(&mut c);
                c
            };
            let [first, second] = [first, second].map(changed);
            let of_another = CertificateView { comp_id: "BOB1".into(), ..good() };
            let view = View {
                certificates: [("01", first), ("02", second), ("04", of_another)]
                    .map(|(serial, c)| (serial.to_owned(), c))
                    .into(),
                ..View::default()
            };
            assert_eq!(barred(&view, "ALICE1", last, UtcMillis(9_999)), want, "{name}");
            assert_eq!(barred(&view, "CAROL1", last, UtcMillis(9_999)), None, "{name}");
        }
        for (kind, until, want) in [
            (LockoutKind::Failures, 0, false),
            (LockoutKind::Fatigue, 0, true),
            (LockoutKind::Signal, 501, true),
            (LockoutKind::Signal, 500, false),
        ] {
            let words = String::new();
            let l = Lockout { kind, words, since: UtcMillis(1), until: UtcMillis(until), level: 1 };
            let view = View {
                certificates: [("01".to_string(), good())].into(),
                lockouts: [("alice".to_string(), l)].into(),
                ..View::default()
            };
            let bar = barred(&view, "ALICE1", Some("01"), UtcMillis(500));
            let is = matches!(bar, Some(LockedOut { kind: k, .. }) if k == kind);
            assert_eq!((bar.is_some(), is), (want, want), "{kind} {until}");
            // Whoever is barred has nothing open.
            assert!(bar.is_none_or(|bar| bar.withdraws().is_some()), "{kind}");
        }
    }

    #[test]
    fn a_stale_view_admits_nobody_but_cuts_nobody_either() {
        let view = View {
            version: 1,
            certificates: [("01".to_string(), good())].into(),
            ..View::default()
        };
        assert!(admit(&view, 10_000, 10_000, &shown(), UtcMillis(500)).is_ok());
        assert_eq!(
            admit(&view, 10_001, 10_000, &shown(), UtcMillis(500)),
            Err(AdmissionRefusal::RegistryStale)
        );
        assert!(still_good(&view, &shown(), UtcMillis(500)).is_ok());
    }

    #[test]
    fn a_desk_comes_back_by_itself_where_time_or_the_operator_cures_it() {
        let locked = |left_s| AdmissionRefusal::LockedOut { kind: LockoutKind::Failures, left_s };
        for (refusal, want) in [
            (AdmissionRefusal::RegistryStale, Some(STALE_RETRY_S)),
            (locked(Some(60)), Some(60)),
            (locked(None), None),
            (AdmissionRefusal::Revoked, None),
            (AdmissionRefusal::UserLocked, None),
            (AdmissionRefusal::Unknown, None),
        ] {
            assert_eq!(refusal.retry_s(), want, "{refusal}");
        }
    }
}

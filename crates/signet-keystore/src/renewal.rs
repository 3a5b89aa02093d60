//! When to renew, and when to give up the old key. Pure: time and randomness are arguments.

use time::{Duration, OffsetDateTime};

/// What to do about a certificate now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing before `at`.
    NotDue {
        /// When to ask again.
        at: OffsetDateTime,
    },
    /// Renew.
    Due,
    /// Renew, and tell the trader that it has not worked so far.
    Urgent,
    /// Too late to renew: enrol again, with a new code from the administrator.
    Expired,
}

/// What [`renewal`] decides from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalInputs {
    /// The time by this computer's clock.
    pub now: OffsetDateTime,
    /// The first moment of the certificate's validity.
    pub not_before: OffsetDateTime,
    /// The last moment of the certificate's validity.
    pub not_after: OffsetDateTime,
    /// When renewal was last tried, with or without success.
    pub last_attempt: Option<OffsetDateTime>,
    /// The number of failed tries in a row.
    pub failures: u32,
    /// 0 to 1000, drawn once per certificate: spreads desks that were enrolled together.
    pub jitter_permille: u16,
}

const RETRY_FIRST: Duration = Duration::minutes(1);
const RETRY_LAST: Duration = Duration::hours(1);

/// Due at two thirds of the lifetime, up to a twelfth earlier by chance; urgent from five sixths.
/// A failed try is repeated after one minute, then two, four and so on up to an hour, and in any
/// case soon enough for three more tries before the end.
#[must_use]
pub fn renewal(inputs: RenewalInputs) -> Renewal {
    let RenewalInputs { now, not_before, not_after, last_attempt, failures, jitter_permille } =
        inputs;
    let lifetime = not_after - not_before;
    if now >= not_after || lifetime <= Duration::ZERO {
        return Renewal::Expired;
    }
    let early = lifetime / 12 * f64::from(jitter_permille.min(1000)) / 1000.0;
    let due = not_before + lifetime * 2 / 3 - early;
    if now < due {
        return Renewal::NotDue { at: due };
    }
    // A last attempt in the future means that the clock was set back: it is ignored.
    if let Some(last) = last_attempt.filter(|last| *last <= now && *last >= not_before) {
        let doubled = RETRY_FIRST * 2i32.pow(failures.saturating_sub(1).min(10));
        let left = not_after - now;
        let wait = doubled.min(RETRY_LAST).min(left / 4);
        if failures > 0 && now < last + wait {
            return Renewal::NotDue { at: last + wait };
        }
    }
    if is_urgent(now, not_before, not_after) { Renewal::Urgent } else { Renewal::Due }
}

/// Whether the trader should see a warning, between tries too.
#[must_use]
pub fn is_urgent(
    now: OffsetDateTime,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
) -> bool {
    now >= not_before + (not_after - not_before) * 5 / 6
}

/// One of the two places for an identity of one name: during a renewal there are two identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentitySlot {
    /// The identity that has worked.
    Current,
    /// The identity just issued, not yet accepted by the gateway.
    Pending,
}

/// How far the change of keys has come. After a restart: [`Self::Trying`] with no refusals if the
/// keychain holds a pending identity, else [`Self::Settled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySwitch {
    /// There is one identity.
    Settled,
    /// There are two, and the new one has not yet been accepted by the gateway.
    Trying {
        /// How often the gateway refused the new one.
        refusals: u8,
    },
}

/// What happened to a connection or a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchEvent {
    /// The pending identity is stored.
    Issued,
    /// The gateway accepted a handshake (and, where there is one, the logon) with it.
    Accepted(IdentitySlot),
    /// The gateway refused its certificate, or its key could not sign.
    Refused(IdentitySlot),
    /// No decision was reached: network, time-out, the server's own certificate.
    Unreached,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchAction {
    /// Connect with this one next.
    Connect(IdentitySlot),
    /// Make the pending identity the current one and forget the old key.
    Promote,
    /// Forget the pending identity; the current one stays and is renewed again.
    Discard,
}

/// This many refusals of a fresh certificate are not a coincidence.
const REFUSALS_MAX: u8 = 3;

impl KeySwitch {
    /// The next state and action. Rule: the old key is kept until the first good handshake with the
    /// new one.
    #[must_use]
    pub const fn next(self, event: SwitchEvent) -> (Self, SwitchAction) {
        use SwitchAction::{Connect, Discard, Promote};
        use SwitchEvent::{Accepted, Issued, Refused, Unreached};
        match (self, event) {
            (_, Issued) => (Self::Trying { refusals: 0 }, Connect(IdentitySlot::Pending)),
            (Self::Settled, _) => (Self::Settled, Connect(IdentitySlot::Current)),
            (Self::Trying { .. }, Accepted(IdentitySlot::Pending)) => (Self::Settled, Promote),
            // Trading continues with the old one; the next connection tries the new one again.
            (
                Self::Trying { .. },
                Accepted(IdentitySlot::Current) | Refused(IdentitySlot::Current) | Unreached,
            ) => (self, Connect(IdentitySlot::Pending)),
            (Self::Trying { refusals }, Refused(IdentitySlot::Pending))
                if refusals + 1 >= REFUSALS_MAX =>
            {
                (Self::Settled, Discard)
            }
            (Self::Trying { refusals }, Refused(IdentitySlot::Pending)) => {
                (Self::Trying { refusals: refusals + 1 }, Connect(IdentitySlot::Current))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(days: f64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds_f64(days * 86_400.0)
    }

    fn inputs(now: f64) -> RenewalInputs {
        RenewalInputs {
            now: day(now),
            not_before: day(0.0),
            not_after: day(6.0),
            last_attempt: None,
            failures: 0,
            jitter_permille: 0,
        }
    }

    #[test]
    fn table_of_times() {
        use Renewal::{Due, Expired, NotDue, Urgent};
        let minutes = |n: i64| Duration::minutes(n);
        let table = [
            (inputs(0.0), NotDue { at: day(4.0) }),
            (inputs(-1.0), NotDue { at: day(4.0) }),
            (inputs(3.99), NotDue { at: day(4.0) }),
            (inputs(4.0), Due),
            (inputs(5.0), Urgent),
            (inputs(6.0), Expired),
            (inputs(60.0), Expired),
            (RenewalInputs { jitter_permille: 1000, ..inputs(3.5) }, Due),
            (RenewalInputs { jitter_permille: 500, ..inputs(3.5) }, NotDue { at: day(3.75) }),
            (RenewalInputs { jitter_permille: u16::MAX, ..inputs(3.49) }, NotDue { at: day(3.5) }),
            // tried, failed
            (
                RenewalInputs { last_attempt: Some(day(4.5)), failures: 1, ..inputs(4.5) },
                NotDue { at: day(4.5) + minutes(1) },
            ),
            (
                RenewalInputs { last_attempt: Some(day(4.5)), failures: 4, ..inputs(4.5) },
                NotDue { at: day(4.5) + minutes(8) },
            ),
            (
                RenewalInputs { last_attempt: Some(day(4.5)), failures: 99, ..inputs(4.5) },
                NotDue { at: day(4.5) + minutes(60) },
            ),
            (RenewalInputs { last_attempt: Some(day(4.4)), failures: 99, ..inputs(4.5) }, Due),
            (RenewalInputs { last_attempt: Some(day(5.4)), failures: 99, ..inputs(5.5) }, Urgent),
            // tried, and it is not known to have failed: a crash in between does not delay the next
            // try
            (RenewalInputs { last_attempt: Some(day(4.5)), failures: 0, ..inputs(4.5) }, Due),
            // the clock was set back since
            (RenewalInputs { last_attempt: Some(day(5.0)), failures: 9, ..inputs(4.5) }, Due),
            // of the certificate before
            (RenewalInputs { last_attempt: Some(day(-0.1)), failures: 9, ..inputs(4.5) }, Due),
            (RenewalInputs { not_after: day(0.0), ..inputs(-1.0) }, Expired),
        ];
        for (inputs, expected) in table {
            assert_eq!(renewal(inputs), expected, "{inputs:?}");
        }
    }

    #[test]
    fn table_of_the_change_of_keys() {
        use IdentitySlot::{Current, Pending};
        use KeySwitch::{Settled, Trying};
        use SwitchAction::{Connect, Discard, Promote};
        use SwitchEvent::{Accepted, Issued, Refused, Unreached};
        let trying = |refusals| Trying { refusals };
        let table = [
            (Settled, Issued, trying(0), Connect(Pending)),
            (Settled, Accepted(Current), Settled, Connect(Current)),
            (Settled, Refused(Current), Settled, Connect(Current)),
            (Settled, Unreached, Settled, Connect(Current)),
            (trying(0), Accepted(Pending), Settled, Promote),
            (trying(2), Accepted(Pending), Settled, Promote),
            (trying(0), Refused(Pending), trying(1), Connect(Current)),
            (trying(1), Refused(Pending), trying(2), Connect(Current)),
            (trying(2), Refused(Pending), Settled, Discard),
            (trying(1), Accepted(Current), trying(1), Connect(Pending)),
            (trying(1), Refused(Current), trying(1), Connect(Pending)),
            (trying(1), Unreached, trying(1), Connect(Pending)),
            (trying(2), Issued, trying(0), Connect(Pending)),
        ];
        for (state, event, after, action) in table {
            assert_eq!(state.next(event), (after, action), "{state:?} {event:?}");
        }
    }

    fn event() -> impl Strategy<Value = SwitchEvent> {
        use SwitchEvent::{Accepted, Issued, Refused, Unreached};
        let which = prop_oneof![Just(IdentitySlot::Current), Just(IdentitySlot::Pending)];
        prop_oneof![
            Just(Issued),
            which.clone().prop_map(Accepted),
            which.prop_map(Refused),
            Just(Unreached)
        ]
    }

    proptest! {
        #[test]
        fn the_old_key_goes_only_after_the_new_one_was_accepted(events in proptest::collection::vec(event(), 0..40)) {
            let mut state = KeySwitch::Settled;
            for event in events {
                let (next, action) = state.next(event);
                if action == SwitchAction::Promote {
                    prop_assert_eq!(event, SwitchEvent::Accepted(IdentitySlot::Pending));
                    let trying = matches!(state, KeySwitch::Trying { .. });
                    prop_assert!(trying);
                }
                state = next;
            }
        }

        #[test]
        fn what_is_not_due_becomes_due_before_the_end(
            now in -1.0f64..7.0, failures in 0u32..50, last in proptest::option::of(0.0f64..6.0), jitter_permille in 0u16..=1000,
        ) {
            let inputs = RenewalInputs { failures, last_attempt: last.map(day), jitter_permille, ..inputs(now) };
            // Twice at most: until it is due, and then until a try made before that may be
            // repeated.
            let mut at = inputs.now;
            for _ in 0..3 {
                match renewal(RenewalInputs { now: at, ..inputs }) {
                    Renewal::NotDue { at: next } => {
                        prop_assert!(next > at && next < inputs.not_after);
                        at = next;
                    }
                    Renewal::Expired => prop_assert!(at >= inputs.not_after),
                    Renewal::Due | Renewal::Urgent => return Ok(()),
                }
            }
            prop_assert!(at >= inputs.not_after);
        }
    }
}

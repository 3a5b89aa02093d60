//! What identity providers say, and what receivers of the firm are told.

use super::{
    Change, Class, Entry, Severity,
    techniques::{EXPLOIT_PUBLIC_FACING_APPLICATION, IMPAIR_DEFENSES},
};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "signal.received",
        severity: Severity::Medium,
        class: Class::Finding,
        technique: None,
        meaning: "An identity provider said something of a session, a credential or a device.",
        response: "Look there for the reason.",
    },
    Entry {
        code: "signal.session_revoked",
        severity: Severity::Medium,
        class: Class::AccountChange(Change::Lock),
        technique: None,
        meaning: "A session ended, or a person is kept out: the identity provider revoked it.",
        response: "Look there for the reason; lift it with `lockout lift`.",
    },
    Entry {
        code: "signal.refused",
        severity: Severity::High,
        class: Class::Finding,
        technique: EXPLOIT_PUBLIC_FACING_APPLICATION,
        meaning: "A signal of an identity provider was refused: its signature, issuer, audience or \
            age is wrong.",
        response: "Compare the settings of both ends.",
    },
    Entry {
        code: "signal.forgotten",
        severity: Severity::High,
        class: Class::Finding,
        technique: IMPAIR_DEFENSES,
        meaning: "An administrator took back what an identity provider that is gone had said.",
        response: "Compare with what was ordered.",
    },
    Entry {
        code: "signal.keys_fetched",
        severity: Severity::Informational,
        class: Class::Finding,
        technique: None,
        meaning: "Other keys of an identity provider are in force, or they could be fetched again.",
        response: "Nothing to do.",
    },
    Entry {
        code: "signal.keys_unfetched",
        severity: Severity::Medium,
        class: Class::Finding,
        technique: IMPAIR_DEFENSES,
        meaning: "The keys of an identity provider cannot be fetched; the last good ones are used.",
        response: "Look at the provider's key server and the way to it.",
    },
    Entry {
        code: "signal.keys_stale",
        severity: Severity::High,
        class: Class::Finding,
        technique: IMPAIR_DEFENSES,
        meaning: "The keys of an identity provider are too old; none of its signals is taken.",
        response: "Look at the provider's key server and the way to it.",
    },
    Entry {
        code: "signal.sent",
        severity: Severity::Informational,
        class: Class::Finding,
        technique: None,
        meaning: "A signal about a person was delivered to the receiver of the firm.",
        response: "Nothing to do.",
    },
    Entry {
        code: "signal.undelivered",
        severity: Severity::Medium,
        class: Class::Finding,
        technique: None,
        meaning: "A signal will not be delivered, since the receiver refused it for good or the \
            queue was full; or the disk of the queue failed.",
        response: "The words say why. Where signals are lost, tell the receiver's owner what it \
            has missed; where the disk failed, see to the disk.",
    },
    Entry {
        code: "signal.receiver_away",
        severity: Severity::High,
        class: Class::Finding,
        technique: IMPAIR_DEFENSES,
        meaning: "The receiver of signals does not take them; they wait on disk.",
        response: "Bring the receiver back; if it answers, look at the token and the address.",
    },
    Entry {
        code: "signal.receiver_back",
        severity: Severity::Low,
        class: Class::Finding,
        technique: None,
        meaning: "The receiver of signals takes them again.",
        response: "Nothing to do.",
    },
];

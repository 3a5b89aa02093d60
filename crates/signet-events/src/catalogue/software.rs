//! Which versions of the desk may log on.

use super::{Class, Entry, Severity};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "software.too_old",
        severity: Severity::Low,
        class: Class::Logon(false),
        technique: None,
        meaning: "A desk says a version below the least one that may log on.",
        response: "Update the laptop; signet-gateway fleet lists those that are behind.",
    },
    Entry {
        code: "software.unknown_version",
        severity: Severity::Low,
        class: Class::Logon(false),
        technique: None,
        meaning: "A desk says no version, or one that cannot be read, while a least one is set.",
        response: "Update the laptop. Of a laptop that is up to date: look what runs there.",
    },
    Entry {
        code: "software.withdrawn",
        severity: Severity::Medium,
        class: Class::Logon(false),
        technique: None,
        meaning: "A desk of a version that was withdrawn was refused, or its session was ended.",
        response: "Put another version on the laptop before it is used again.",
    },
];

//! The registry and the files of the gateway.

use super::{
    Change, Class, Entry, Severity,
    techniques::{DATA_MANIPULATION, ENDPOINT_DENIAL_OF_SERVICE},
};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "registry.restored",
        severity: Severity::Critical,
        class: Class::Entity(Change::Update),
        technique: DATA_MANIPULATION,
        meaning: "The registry was restored from a backup: later locks and revocations are lost.",
        response: "Apply them again.",
    },
    Entry {
        code: "registry.migrated",
        severity: Severity::Medium,
        class: Class::Entity(Change::Update),
        technique: None,
        meaning: "The registry has another schema.",
        response: "Nothing to do.",
    },
    Entry {
        code: "registry.backed_up",
        severity: Severity::Low,
        class: Class::Entity(Change::Read),
        technique: None,
        meaning: "A backup of the registry was made.",
        response: "Nothing to do.",
    },
    Entry {
        code: "registry.away",
        severity: Severity::Critical,
        class: Class::Finding,
        technique: ENDPOINT_DENIAL_OF_SERVICE,
        meaning: "The registry does not answer, or takes nothing down; nobody is admitted.",
        response: "Bring the database back, or make room on its disk; the words say which.",
    },
    Entry {
        code: "registry.back",
        severity: Severity::Low,
        class: Class::Finding,
        technique: None,
        meaning: "The registry answers again; desks are admitted.",
        response: "Nothing to do.",
    },
    Entry {
        code: "registry.unwritten",
        severity: Severity::High,
        class: Class::Finding,
        technique: None,
        meaning: "The registry refused to write something down for what it says, such as an event \
            with a character that its encoding does not have; that is lost.",
        response: "The gateway's log says why. Give PostgreSQL a database with the encoding UTF8.",
    },
    Entry {
        code: "registry.*",
        severity: Severity::High,
        class: Class::Finding,
        technique: None,
        meaning: "The registry refused something or does not answer.",
        response: "The words say why.",
    },
    Entry {
        code: "files.salvaged",
        severity: Severity::High,
        class: Class::Entity(Change::Update),
        technique: DATA_MANIPULATION,
        meaning: "A damaged file of the gateway was set aside and what can be read was kept.",
        response: "Find out what damaged it.",
    },
    Entry {
        code: "files.*",
        severity: Severity::High,
        class: Class::Finding,
        technique: None,
        meaning: "A file of the gateway cannot be used.",
        response: "The words say why.",
    },
];

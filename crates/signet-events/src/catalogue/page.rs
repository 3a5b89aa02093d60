//! The page of the catalogue, `docs/events.md`.

use super::{Change, Class, Entry, Stage, entries};
use std::fmt::Write as _;

const HEAD: &str = "# Events

This page is written from the catalogue in `crates/signet-events`; a test compares them
(`UPDATE_DOCS=1 cargo test -p signet-events page` writes it).

Each event has a code that never changes between releases. A code that ends in `.*` stands for
every other code of its area: refusals have codes of their own, and the event carries them. Severity
and class are those of OCSF, the technique is one of MITRE ATT&CK that the event may be a sign of.

";
const COLUMNS: &str = "| code | severity | class (activity) | technique | meaning | response |
| --- | --- | --- | --- | --- | --- |
";
const FOOT: &str = "
## Fields

| field | holds |
| --- | --- |
| `at` | microseconds since 1970, UTC |
| `code`, `severity` | as above |
| `actor` | who did it: `gateway`, `account` (by its real uid), `administrator` (by certificate), \
    `desk`, `dealer` (by CompID), `service`, or an `address` that proved nothing |
| `user`, `device`, `desk`, `dealer` | who it is about |
| `address`, `country` | where from; the country is two letters (ISO 3166-1) |
| `address_before`, `country_before` | where the session was before |
| `as_number`, `as_name` | the autonomous system of the address, and whose it is |
| `certificate` | serial number, hexadecimal |
| `policy`, `policy_before`, `rules` | digests of policies; ids of rules that decided or asked: of \
    policies, settings (`step_up.when.accept_above`) and of what the risk was concerned about \
    (`risk.impossible_travel`) |
| `reason` | why a touch was asked: `amount`, `ahead`, `key`, `logon`, `on-demand`, `wake`, \
    `unlock`, `idle`, `risk`, or `policy` |
| `score`, `decision`, `factors` | the risk of an access |
| `rfq`, `quote`, `accept`, `execution`, `instrument`, `side`, `quantity`, `price`, `currency`, \
    `message` | the business, decimals as text |
| `object`, `count` | a file or setting; how many |
| `words` | the rest, for a person: one line, at most 500 characters |
";

/// The whole page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut area = "";
    for e in entries() {
        let this = e.code.split('.').next().unwrap_or_default();
        if this != area {
            area = this;
            // A text buffer takes whatever is written to it.
            let _ = write!(page, "\n## {area}\n\n{COLUMNS}");
        }
        let _ = writeln!(page, "{}", row(e));
    }
    page + FOOT
}

fn row(e: &Entry) -> String {
    let technique = e.technique.map_or_else(String::new, |t| format!("{} {}", t.id, t.name));
    let (code, severity, class) = (e.code, e.severity.caption(), class(e.class));
    let (meaning, response) = (e.meaning, e.response);
    format!("| `{code}` | {severity} | {class} | {technique} | {meaning} | {response} |")
}

fn class(class: Class) -> String {
    let done = |ok: bool| if ok { "" } else { ", failed" };
    match class {
        Class::AccountChange(c) => format!("Account Change ({})", change(c)),
        Class::Logon(ok) => format!("Authentication (logon{})", done(ok)),
        Class::Logoff => "Authentication (logoff)".to_owned(),
        Class::Authorize(ok) => format!("Authorize Session (assign privileges{})", done(ok)),
        Class::Entity(c) => format!("Entity Management ({})", change(c)),
        Class::Message(c, ok) => format!("API Activity ({}{})", change(c), done(ok)),
        Class::Lifecycle(s) => format!("Application Lifecycle ({})", stage(s)),
        Class::Finding => "Detection Finding (create)".to_owned(),
    }
}

fn change(c: Change) -> &'static str {
    match c {
        Change::Create => "create",
        Change::Read => "read",
        Change::Update => "update",
        Change::Delete => "delete",
        Change::Enable => "enable",
        Change::Disable => "disable",
        Change::Lock => "lock",
        Change::Unlock => "unlock",
        Change::Reset => "reset",
    }
}

fn stage(s: Stage) -> &'static str {
    match s {
        Stage::Start => "start",
        Stage::Stop => "stop",
        Stage::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_page_is_the_catalogue() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, page()).expect("written");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page(), "docs/events.md differs: UPDATE_DOCS=1 writes it");
    }
}

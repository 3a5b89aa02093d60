//! A row of the registry as an event, in fields.
//!
//! Rows have no fields of their own: what they are about is read from kind, actor and subject, and
//! from a detail that is one name and nothing else, or begins with a serial number. Any other
//! detail is prose and stays words: the name of a security key, who made it, a role, a reason.

use crate::{response::Network, stepup::AskedFor};
use signet_events::{About, Actor, Event, Text, catalogue};
use signet_registry::Event as Row;
use signet_rfq::DealerId;

pub(super) fn event(row: &Row) -> Event {
    let entry = catalogue::entry(&row.kind);
    let actor = Actor::read(&row.actor);
    Event {
        at_us: row.at.0.saturating_mul(1_000),
        entry,
        code: entry.code,
        about: about(row, &actor),
        actor,
        words: row.detail.as_str().into(),
        origin: None,
    }
}

/// What it is about, from where, and at which desk.
fn about(row: &Row, actor: &Actor) -> About {
    let named = subject(row);
    let desk = match actor {
        Actor::Desk(desk) if named.desk.is_none() => Some(desk.clone()),
        _ => named.desk,
    };
    let asked = match row.kind.as_str() {
        "stepup.passed" => AskedFor::at_end_of(&row.detail),
        _ => AskedFor::default(),
    };
    let text = |t: String| Text::from(t.as_str());
    About {
        desk,
        reason: asked.reason.map(text),
        rules: asked.rules.into_iter().map(text).collect(),
        policy: asked.policy.map(text),
        address: named.address.or(actor.address()),
        certificate: row.certificate().map(Text::from),
        ..named
    }
}

/// Who or what the subject of a row is.
fn subject(row: &Row) -> About {
    let (kind, subject) = (row.kind.as_str(), row.subject.as_str());
    let area = kind.split('.').next().unwrap_or_default();
    match (area, subject.split_once('/')) {
        _ if subject.is_empty() => About::default(),
        ("lockout", _) => locked_out(row),
        ("trade", None) => About { dealer: dealer(row), ..About::desk(subject) },
        ("session" | "logon" | "admission" | "fix", None) => About::desk(subject),
        ("dealer", None) => About::dealer(subject),
        // The listener has events of its own.
        ("console", None) if !subject.starts_with("admin.") => About::user(subject),
        (
            "user" | "device" | "certificate" | "code" | "key" | "stepup" | "enrol" | "risk",
            None,
        ) => About::user(subject),
        ("signal", None) if kind == "signal.session_revoked" => About::user(subject),
        // A provider of signals is named by its address.
        ("signal", Some((scheme, _))) if scheme.ends_with(':') => About::object(subject),
        ("crl" | "files" | "registry" | "policy" | "journal", _) | (_, None) => {
            About::object(subject)
        }
        (_, Some((user, device))) => About::device(user, device),
    }
}

/// A person, or a network. Which it is a lift says in its detail, which is this one word; what a
/// gateway does about networks has them all as its object.
fn locked_out(row: &Row) -> About {
    const NETWORKS: &str = "networks";
    let network = Network::read(&row.subject).filter(|_| row.detail == "network");
    match network {
        Some(n) => About { address: Some(n.address()), ..About::object(NETWORKS) },
        None if row.kind == "lockout.network" || row.subject == NETWORKS => About::object(NETWORKS),
        None => About::user(&row.subject),
    }
}

/// The dealer of a first trade: the whole detail.
fn dealer(row: &Row) -> Option<Text> {
    let dealer = DealerId::new(row.detail.as_str()).ok()?;
    (row.kind == "trade.first").then(|| Text::of(dealer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_rfq::UtcMillis;

    fn row([kind, actor, subject, detail]: [&str; 4]) -> Row {
        Row {
            seq: 1,
            at: UtcMillis(5),
            actor: actor.into(),
            kind: kind.into(),
            subject: subject.into(),
            detail: detail.into(),
            prev: String::new(),
            hash: "h".into(),
            origin: String::new(),
        }
    }

    #[test]
    fn a_row_is_an_event_of_its_code() {
        let e = event(&row(["user.locked", "alice(1000)@gw1", "bob", "d"]));
        assert_eq!((e.entry.code, e.at_us), ("user.locked", 5_000));
        assert_eq!(e.actor, Actor::Account("alice(1000)@gw1".into()));
        assert_eq!((e.about, e.words.as_str()), (About::user("bob"), "d"));
    }

    #[test]
    fn table_of_subjects() {
        let network = |ip: &str| About { address: ip.parse().ok(), ..About::object("networks") };
        let north = About { dealer: Some("NORTH".into()), ..About::desk("ALICE1") };
        for (kind, subject, detail, want) in [
            ("user.locked", "bob", "", About::user("bob")),
            ("device.locked", "bob/vm", "", About::device("bob", "vm")),
            ("key.reset", "bob", "2 keys removed: lost", About::user("bob")),
            ("enrol.code_wrong", "bob", "", About::user("bob")),
            ("stepup.refused", "bob", "accept: stepup.late", About::user("bob")),
            ("stepup.not_approved", "bob/vm", "", About::device("bob", "vm")),
            ("trade.first", "ALICE1", "NORTH", north),
            ("trade.first", "ALICE1", "", About::desk("ALICE1")),
            ("dealer.resumed", "NORTH", "", About::dealer("NORTH")),
            ("session.reset", "ALICE1", "", About::desk("ALICE1")),
            ("console.key_added", "sylvia", "\"blue\" 01", About::user("sylvia")),
            ("console.refused", "admin.console", "", About::object("admin.console")),
            ("signal.forgotten", "https://idp.example", "", About::object("https://idp.example")),
            ("signal.session_revoked", "bob", "", About::user("bob")),
            ("lockout.lifted", "bob", "failures: too many", About::user("bob")),
            ("lockout.lifted", "192.0.2.1", "network", network("192.0.2.1")),
            ("lockout.lifted", "2001:db8::/64", "network", network("2001:db8::")),
            ("lockout.lifted", "networks", "its time is over", About::object("networks")),
            ("lockout.network", "networks", "", About::object("networks")),
            ("lockout.user", "bob", "", About::user("bob")),
            ("crl.issued", "desks.crl", "", About::object("desks.crl")),
            ("files.salvaged", "a/b", "", About::object("a/b")),
            ("registry.restored", "", "", About::default()),
        ] {
            let e = event(&row([kind, "gateway", subject, detail]));
            assert_eq!(e.about, want, "{kind} {subject} {detail}");
        }
    }

    #[test]
    fn a_pass_names_what_asked() {
        let rules = ["step_up.when.accept_above", "large"];
        let asked = AskedFor::of(Some("accept"), rules.into_iter(), Some("d1".into()));
        let detail = format!("accept, key \"blue\" c2Vj, evidence 7 0a1b {asked}");
        let passed = event(&row(["stepup.passed", "gateway", "bob", &detail])).about;
        let want = About {
            reason: Some("accept".into()),
            rules: rules.map(Text::from).into(),
            policy: Some("d1".into()),
            ..About::user("bob")
        };
        assert_eq!(passed, want);
        let other = event(&row(["stepup.refused", "gateway", "bob", &detail])).about;
        assert_eq!(other, About::user("bob"), "no other kind is read so");
    }

    /// Where somebody was, and at which desk, as far as the actor says it.
    #[test]
    fn table_of_actors() {
        let here = |about: About| About { address: "192.0.2.1".parse().ok(), ..about };
        let bob = || About::user("bob");
        let at_desk = About { desk: Some("BOB1".into()), ..bob() };
        for (kind, actor, want) in [
            ("enrol.code_wrong", "est 192.0.2.1", here(bob())),
            ("user.locked", "admin sylvia from 192.0.2.1", here(bob())),
            ("key.reset", "admin sylvia from 192.0.2.1 with key c2Vj", here(bob())),
            ("key.registered", "desk BOB1", at_desk.clone()),
            ("stepup.refused", "desk BOB1", at_desk),
            ("user.locked", "alice(1000)@gw1", bob()),
            ("user.locked", "gateway", bob()),
        ] {
            assert_eq!(event(&row([kind, actor, "bob", ""])).about, want, "{kind} {actor}");
        }
    }

    #[test]
    fn the_serial_of_a_certificate_is_a_field_and_prose_is_not() {
        for (kind, detail, serial) in [
            ("certificate.issued", "0a1b for BOB1, key in keychain", Some("0a1b")),
            ("certificate.renewed", "0a1b for BOB1, key in token, follows 0a1a", Some("0a1b")),
            ("certificate.first_used", "0a1b", Some("0a1b")),
            ("certificate.superseded", "0a1b by 0a1c", Some("0a1b")),
            ("certificate.revoked", "0a1b: keyCompromise", Some("0a1b")),
            ("certificate.revoked", "somebody said so", None),
            ("certificate.issued", "", None),
            ("key.registered", "0a1b", None),
        ] {
            let e = event(&row([kind, "gateway", "bob/vm", detail]));
            assert_eq!(e.about.certificate, serial.map(Text::from), "{kind} {detail}");
            assert_eq!(e.about.subject(), "bob/vm");
        }
    }
}

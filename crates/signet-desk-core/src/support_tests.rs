//! A report of a session full of markers holds none of them.

use super::*;
use crate::{
    book::{Book, Ids},
    view::{
        ChannelView, FactorView, IdentityView, LinkState, NetworkView, NoticeKind, Problem,
        RiskVerdict, RiskView, VenueView,
    },
};
use signet_fix::message::{AppMessage, SnapshotMark};
use signet_rfq::UtcMillis;

const NOW: UtcMillis = UtcMillis(1_795_000_000_000);
/// Stands in every text that a peer, a client or a person could have written.
const MARK: &str = "MARKER";

fn marked(what: &str) -> String {
    format!("{MARK}-{what}")
}

fn problem(code: &str) -> Problem {
    Problem::new(code, marked("message"), marked("cure"))
}

/// A book that was told markers wherever it can be told a text.
fn book() -> Book {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.link(NOW, |s| {
        s.state = LinkState::Online;
        s.venue = Some(VenueView { name: marked("venue"), endpoint: marked("endpoint") });
        s.identity = Some(marked("identity"));
        s.comp_id = Some(marked("comp-id"));
        s.tls = Some(marked("tls"));
        s.problem = Some(problem("link.lost"));
        s.network = Some(NetworkView { name: marked("network"), metered: false });
        s.portal = Some(marked("portal"));
    });
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    b.tell(NoticeKind::Bad, "accept.declined", marked("dealer sold 5,000,000"), NOW);
    b.tell(NoticeKind::Good, "rfq.filled", marked("filled"), NOW);
    b
}

fn risk() -> RiskView {
    RiskView {
        verdict: RiskVerdict::StepUp,
        score: 20,
        text: marked("risk"),
        cure: Some(marked("cure")),
        factors: vec![FactorView {
            attribute: marked("attribute"),
            condition: marked("condition"),
            points: 20,
            rationale: marked("rationale"),
        }],
        policy: marked("policy"),
        at_ms: NOW.0 as f64,
    }
}

/// An error of the network stands behind the semicolon.
fn channel() -> ChannelView {
    ChannelView {
        transport: Transport::Fixs,
        tls: format!("TLS 1.3; not QUIC: {}", marked("error")),
        endpoint: "rfq.bank.example:9876".into(),
        server_name: "rfq.bank.example".into(),
        pins: 1,
        revocation_required: true,
        hybrid_only: false,
    }
}

fn facts() -> Facts {
    let (session, access, problems) = book().troubles();
    let access = AccessView { text: Some(marked("text")), risk: Some(risk()), ..access };
    let identity = IdentityView {
        name: marked("name"),
        comp_id: marked("comp-id"),
        issuer: marked("issuer"),
        serial: "4f2a".into(),
        not_before_ms: 0.0,
        not_after_ms: NOW.0 as f64,
        fingerprint: "sha256/AAAA".into(),
        held_in: "OS keychain".into(),
        problem: Some(problem("client.certificate_expired")),
    };
    Facts {
        version: "0.1.0".into(),
        practice: false,
        system: vec!["linux 6.1".into()],
        session,
        access,
        problems,
        security: SecurityView {
            identity: Some(identity),
            days_left: Some(0),
            channel: Some(channel()),
        },
        made_at_ms: NOW.0 as f64,
    }
}

#[test]
fn a_report_of_a_session_full_of_markers_holds_none_of_them() {
    let text = report(&facts(), "the address answers");
    assert!(!text.contains(MARK), "{text}");
    for said in [
        "version   0.1.0",
        "linux 6.1",
        "serial    4f2a",
        "sha256/AAAA in OS keychain",
        "state     online",
        "problem   link.lost",
        "problem   client.certificate_expired",
        "accept.declined",
        "channel   FIXS, TLS 1.3\n",
        "score     20 (StepUp), policy unreadable",
        "the address answers",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("rfq.filled"), "only what went wrong: {text}");
}

#[test]
fn a_report_is_bounded() {
    let mut facts = facts();
    facts.problems = (0..10_000).map(|n| (f64::from(n), "link.lost".to_owned())).collect();
    let text = report(&facts, "");
    assert_eq!(text.matches("link.lost").count(), PROBLEMS_MAX + 1, "the session's own too");
}

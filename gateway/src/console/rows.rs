//! Rows of the lists, as JSON. Pure.

use crate::{
    admin::date,
    geo::AutonomousSystem,
    pipeline::{NetworkOut, RfqRow, SessionSeen},
};
use serde_json::{Value, json};
use signet_identity::CertificateFacts;
use signet_policy::score::{Decision, Factor};
use signet_registry::Lockout;
use signet_rfq::{Ask, RfqState, UtcMillis};
use signet_router::LineSeen;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) fn date_us(us: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1_000);
    at.ok().and_then(|t| t.format(&Rfc3339).ok())
}

pub(super) fn session(s: &SessionSeen) -> Value {
    let level = s.last.as_ref().map(|a| match a.decision {
        Decision::Allow => "low",
        Decision::StepUp => "medium",
        Decision::Deny => "high",
    });
    let factor = |f: &Factor| {
        let words = match f.cause.is_empty() {
            true => f.condition.clone(),
            false => format!("{} ({})", f.condition, f.cause),
        };
        json!({ "name": f.attribute, "points": f.points, "words": words })
    };
    let factors = s.last.iter().flat_map(|a| &a.factors).map(factor).collect::<Vec<_>>();
    let facts = s.certificate.as_ref().and_then(|c| CertificateFacts::from_certificate(c).ok());
    let until = facts.and_then(|f| f.not_after.format(&Rfc3339).ok());
    let on = &s.on;
    json!({
        "desk": on.desk, "user": on.user, "device": on.device, "address": on.address,
        "country": on.country, "network": on.system.as_ref().map(network_words),
        "transport": if on.transport == "quic" { "quic" } else { "fixs" },
        "since": date(on.since).ok(), "score": s.last.as_ref().map(|a| a.score), "level": level,
        "factors": factors, "step_up": s.step_up, "messages": on.messages,
        "certificate": { "serial": on.serial, "until": until }, "open_rfqs": s.open_rfqs,
    })
}

/// `AS3320 Deutsche Telekom AG`.
fn network_words(s: &AutonomousSystem) -> String {
    format!("AS{} {}", s.number, s.name.as_deref().unwrap_or_default()).trim_end().to_owned()
}

pub(super) fn rfq(row: &RfqRow) -> Value {
    let r = &row.rfq;
    let side = match r.ask {
        Ask::Buy => "buy",
        Ask::Sell => "sell",
        Ask::TwoWay => "two_way",
    };
    let ended = match r.state {
        RfqState::Sent | RfqState::Open => None,
        state => Some(r.reason.clone().unwrap_or_else(|| state.words().to_owned())),
    };
    json!({
        "id": format!("{}.{}", r.desk, r.id), "desk": r.desk.as_str(), "name": r.id.as_str(),
        "dealers_call_it": r.called.as_str(),
        "user": row.user, "instrument": r.instrument, "side": side,
        "quantity": r.quantity.normalize().to_string(), "currency": r.currency,
        "state": r.state.words(), "since": date(r.created).ok(), "until": date(r.expires).ok(),
        "dealers": r.lines.iter().map(line).collect::<Vec<_>>(), "outcome": ended,
    })
}

/// Of two sides both prices, what the dealer pays first.
fn line(l: &LineSeen) -> Value {
    let prices: Vec<String> = l.prices.iter().map(ToString::to_string).collect();
    let price = Some(prices.join(" / ")).filter(|p| !p.is_empty());
    json!({
        "dealer": l.dealer.as_str(), "state": l.state, "price": price,
        "at": l.quoted_at.and_then(|at| date(at).ok()),
    })
}

pub(super) fn person(user: &str, l: &Lockout) -> Value {
    let until = Some(l.until).filter(|u| u.0 > 0).and_then(|u| date(u).ok());
    json!({
        "kind": "person", "subject": user, "words": format!("{}: {}", l.kind.as_str(), l.words),
        "since": date(l.since).ok(), "until": until, "in_a_row": l.level,
    })
}

/// When it began only the gateway's network table could say, and does not.
pub(super) fn network(n: &NetworkOut, now: UtcMillis) -> Value {
    let left = i64::try_from(n.seconds_left).unwrap_or(i64::MAX / 1_000);
    json!({
        "kind": "network", "subject": n.network, "since": null,
        "words": format!("failures from there; lock-out number {} in a row", n.level),
        "until": date(UtcMillis(now.0.saturating_add(left.saturating_mul(1_000)))).ok(),
        "in_a_row": n.level,
    })
}

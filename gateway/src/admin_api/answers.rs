//! The answers' JSON. Times are RFC 3339 in UTC.

use super::{AdminRefusal, fleet::place_words};
use crate::{
    admin::{AdminError, Checked, FleetPage, date, fleet_json},
    cut_lines::CutLines,
    pipeline::{NetworkOut, Reload, Reloaded, SessionOn},
};
use serde_json::{Value, json};
use signet_registry::{CodePurpose, DeviceRecord, Lockout, UserDetails, UserRecord};
use signet_rfq::{DealerId, UtcMillis};

pub fn sessions(all: &[SessionOn]) -> Result<Value, AdminError> {
    let one = |s: &SessionOn| {
        let last = s.last.as_ref();
        Ok(json!({
            "desk": s.desk, "user": s.user, "device": s.device, "address": s.address,
            "country": s.country, "as_number": s.system.as_ref().map(|a| a.number),
            "as_name": s.system.as_ref().and_then(|a| a.name.as_deref()),
            "transport": s.transport, "serial": s.serial,
            "since": date(s.since)?, "messages": s.messages,
            "lease_until": s.lease_until.map(date).transpose()?,
            "verdict": last.map(|l| l.verdict), "score": last.map(|l| l.score),
            "factors": last.map(|l| &l.factors), "policy": last.map(|l| &l.policy),
        }))
    };
    Ok(json!({ "sessions": all.iter().map(one).collect::<Result<Vec<_>, AdminError>>()? }))
}

pub fn lockouts(
    people: &[(String, Lockout)],
    networks: &[NetworkOut],
) -> Result<Value, AdminError> {
    let person = |(user, l): &(String, Lockout)| {
        let until = (l.until.0 > 0).then(|| date(l.until)).transpose()?;
        Ok(json!({
            "user": user, "kind": l.kind.as_str(), "why": l.words, "since": date(l.since)?,
            "until": until, "in_a_row": l.level,
        }))
    };
    let people = people.iter().map(person).collect::<Result<Vec<_>, AdminError>>()?;
    Ok(json!({ "people": people, "networks": self::networks(networks) }))
}

/// Networks that are locked out.
pub fn networks(all: &[NetworkOut]) -> Vec<Value> {
    let one = |n: &NetworkOut| {
        let (name, left) = (&n.network, n.seconds_left);
        json!({ "network": name, "seconds_left": left, "in_a_row": n.level })
    };
    all.iter().map(one).collect()
}

pub fn dealers(all: &[DealerId], lines: &CutLines) -> Value {
    let one = |d: &DealerId| json!({ "dealer": d.as_str(), "cut": lines.why(d) });
    json!({ "dealers": all.iter().map(one).collect::<Vec<_>>() })
}

pub fn users(all: &[UserRecord]) -> Result<Value, AdminError> {
    Ok(json!({ "users": all.iter().map(user_record).collect::<Result<Vec<_>, _>>()? }))
}

fn user_record(u: &UserRecord) -> Result<Value, AdminError> {
    Ok(json!({
        "id": u.id, "comp_id": u.comp_id, "name": u.name, "role": u.role,
        "protection": u.protection, "state": u.state.as_str(),
        "created": date(u.created)?,
    }))
}

/// Of codes only that there are some: what they are is known to nobody but whoever was given them.
pub fn user(d: &UserDetails) -> Result<Value, AdminError> {
    let device = |x: &DeviceRecord| {
        let of = d.certificates.iter().filter(|c| c.device == x.id);
        let certificate = |c: &signet_registry::CertificateRecord| {
            Ok(json!({
                "serial": c.serial, "state": c.state.as_str(), "reason": c.reason,
                "managed": c.managed,
                "not_after": date(c.not_after)?,
                "first_used": (c.first_used.0 > 0).then(|| date(c.first_used)).transpose()?,
            }))
        };
        let certificates = of.map(certificate).collect::<Result<Vec<_>, AdminError>>()?;
        Ok(json!({
            "id": x.id, "state": x.state.as_str(), "protection": x.protection,
            "created": date(x.created)?, "certificates": certificates,
        }))
    };
    let code =
        |(purpose, state, expires): &(CodePurpose, signet_registry::CodeState, UtcMillis)| {
            Ok(json!({
                "purpose": purpose.as_str(),
                "state": state.as_str(),
                "expires": date(*expires)?,
            }))
        };
    let mut v = user_record(&d.user)?;
    v["devices"] = json!(d.devices.iter().map(device).collect::<Result<Vec<_>, AdminError>>()?);
    v["codes"] = json!(d.codes.iter().map(code).collect::<Result<Vec<_>, AdminError>>()?);
    Ok(v)
}

/// `next` is what the next page is asked for with.
pub fn fleet(page: &FleetPage) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(|(row, flags)| fleet_json(row, flags)).collect();
    json!({ "fleet": rows, "next": page.next.as_ref().map(place_words) })
}

pub fn events(c: &Checked) -> Result<Value, AdminError> {
    let one = |e: &signet_registry::Event| {
        Ok(json!({
            "seq": e.seq, "at": date(e.at)?, "kind": e.kind, "subject": e.subject,
            "actor": e.actor, "detail": e.detail,
        }))
    };
    let events = c.events.iter().map(one).collect::<Result<Vec<_>, AdminError>>()?;
    let next = c.events.first().map(|e| e.seq).filter(|seq| *seq > 1);
    Ok(json!({
        "events": events,
        "count": c.count,
        "next_before": next,
        "head": { "seq": c.head.0, "hash": c.head.1 },
    }))
}

/// Refused when one of the two policies is; the other may have changed all the same, and the words
/// say so.
pub fn reloaded(r: &Reloaded) -> Result<Value, AdminRefusal> {
    let part = |l: &Reload| match l {
        Ok(Some((from, to))) => json!({ "changed": true, "from": from, "to": to }),
        _ => json!({ "changed": false }),
    };
    let words = |what: &str, l: &Reload| match l {
        Ok(Some((from, to))) => format!("{what}: in force, {from} -> {to}. "),
        Ok(None) => format!("{what}: as before. "),
        Err(e) => format!("{what}: refused as a whole, the last good one stays: {e}. "),
    };
    match (&r.risk, &r.entitlements) {
        (Ok(_), Ok(_)) => {
            Ok(json!({ "risk": part(&r.risk), "entitlements": part(&r.entitlements) }))
        }
        _ => {
            let all = words("risk", &r.risk) + &words("entitlements", &r.entitlements);
            Err(AdminRefusal::PolicyRefused(all.trim_end().to_owned()))
        }
    }
}

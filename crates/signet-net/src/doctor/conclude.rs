//! Decides from the observations what is wrong. Pure.

use signet_identity::Refusal;
use time::Duration;

use super::report::{After, Check, Observations, Outcome, Report, Step, date};

/// More than this and signatures, codes and certificates begin to fail.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::minutes(5);

/// Decides each step from the observations. A step after a failed one is skipped, except that a
/// wrong clock stops nothing.
#[must_use]
pub fn conclude(observations: Observations) -> Report {
    let seen = &observations;
    let mut steps = Vec::with_capacity(Check::ALL.len());
    let mut blocked = false;
    for check in Check::ALL {
        let outcome =
            if blocked { Outcome::Skipped("not reached".into()) } else { judge(check, seen) };
        // A wrong clock is reported, but does not stop a connection by itself.
        blocked |= check != Check::Clock && matches!(outcome, Outcome::Failed { .. });
        steps.push(Step { check, outcome });
    }
    Report { steps, observations }
}

fn judge(check: Check, seen: &Observations) -> Outcome {
    match check {
        Check::Clock => clock(seen),
        Check::Proxy => match &seen.proxy {
            Ok(None) => Outcome::Skipped("none is used".into()),
            Ok(Some(proxy)) => Outcome::Ok(format!("{proxy} is used")),
            Err(error) => failed(error.code(), sentence(&error.to_string()), error.cure()),
        },
        Check::Name => match &seen.addresses {
            None => Outcome::Skipped("the proxy looks the name up".into()),
            Some(Ok(addresses)) => {
                let addresses: Vec<String> =
                    addresses.iter().take(8).map(ToString::to_string).collect();
                Outcome::Ok(addresses.join(", "))
            }
            Some(Err(refusal)) => refused(refusal),
        },
        Check::Route => match &seen.connected {
            None => Outcome::Skipped("not tried".into()),
            Some(Ok(())) => Outcome::Ok("connected".into()),
            Some(Err(error)) => failed(error.code(), sentence(&error.to_string()), error.cure()),
        },
        later => secured(later, seen),
    }
}

/// The steps that one handshake decides together.
fn secured(check: Check, seen: &Observations) -> Outcome {
    let refusal = match &seen.secured {
        None => return Outcome::Skipped("not tried".into()),
        Some(Err(refusal)) => Some(refusal),
        Some(Ok(_)) => match &seen.after {
            Some(After::Refused(refusal)) => Some(refusal),
            _ => None,
        },
    };
    if let Some(refusal) = refusal.filter(|refusal| concerns(refusal) == check) {
        return match (check, refusal) {
            (Check::Authority, Refusal::UnknownCa) => unknown_authority(seen),
            (Check::Validity, Refusal::Expired | Refusal::NotYetValid) => dates(refusal, seen),
            _ => refused(refusal),
        };
    }
    let leaf = seen.shown.first();
    match check {
        Check::Tls => Outcome::Ok(match &seen.secured {
            Some(Ok(agreed)) => agreed.clone(),
            _ => "the server speaks TLS".into(),
        }),
        Check::Validity => Outcome::Ok(
            leaf.map_or_else(|| "current".into(), |leaf| format!("until {}", date(leaf.not_after))),
        ),
        Check::Authority => Outcome::Ok(
            leaf.map_or_else(|| "trusted".into(), |leaf| format!("issued by {}", leaf.issuer)),
        ),
        Check::Revocation => {
            Outcome::Ok("not revoked, as far as the lists loaded here tell".into())
        }
        Check::ServerName => Outcome::Ok(format!("names {}", seen.server_name)),
        Check::Pin => Outcome::Ok("no pin is set, or the key is a pinned one".into()),
        _ => own_certificate(seen),
    }
}

/// Which step a refusal belongs to. What belongs to none of the certificate's steps is about TLS.
fn concerns(refusal: &Refusal) -> Check {
    match refusal {
        Refusal::Expired | Refusal::NotYetValid => Check::Validity,
        Refusal::UnknownCa
        | Refusal::ServerNotCertifiedForThis
        | Refusal::ServerCertificateInvalid { .. } => Check::Authority,
        Refusal::ServerCertificateRevoked
        | Refusal::RevocationListMissing
        | Refusal::RevocationListOfAnotherAuthority { .. }
        | Refusal::RevocationListStale { .. }
        | Refusal::RevocationListInvalid { .. } => Check::Revocation,
        Refusal::NameMismatch { .. } => Check::ServerName,
        Refusal::PinMismatch { .. } => Check::Pin,
        Refusal::ClientCertificateRefused { .. }
        | Refusal::ClientCertificateExpired
        | Refusal::ClientCertificateRevoked
        | Refusal::ClientCertificateUnknownCa
        | Refusal::NoClientCertificateSent
        | Refusal::KeyUnavailable { .. }
        | Refusal::KeyHolder { .. } => Check::ClientCertificate,
        _ => Check::Tls,
    }
}

/// An authority that is not trusted: either something intercepts the connection, or the settings
/// are wrong. A security officer can tell which from the authority's name.
fn unknown_authority(seen: &Observations) -> Outcome {
    let code = Refusal::UnknownCa.code();
    let Some(last) = seen.shown.last() else { return refused(&Refusal::UnknownCa) };
    let issuer: String = last.issuer.chars().filter(|c| !c.is_control()).take(200).collect();
    if seen.trusted.contains(&last.issuer) {
        return failed(
            code,
            format!(
                "The server's certificate says it was issued by {issuer}, but that authority's \
                    key did not sign it: it is an imitation, or the authority has a new key."
            ),
            "Do not connect. Ask your security team whether the authority was renewed.",
        );
    }
    failed(
        code,
        format!(
            "The server's certificate was issued by {issuer}, which is not trusted here. \
                Something between here and the server may have opened the connection: a security \
                proxy, a guest network, an antivirus program."
        ),
        "Do not connect. Tell your security team this name. If it is the firm's inspecting proxy, \
            this server must be exempted from it; if it is the venue's own authority, the \
            settings need it.",
    )
}

fn dates(refusal: &Refusal, seen: &Observations) -> Outcome {
    let Some(leaf) = seen.shown.first() else { return refused(refusal) };
    let (from, until) = (date(leaf.not_before), date(leaf.not_after));
    let here = date(seen.now);
    let said = format!(
        "The server's certificate is valid from {from} to {until}; by this computer's clock it is \
            {here}."
    );
    let clock_is_right = seen.clock_difference_s.map(|difference| {
        difference.unsigned_abs() <= CLOCK_DIFFERENCE_MAX.whole_seconds().unsigned_abs()
    });
    match clock_is_right {
        Some(true) => failed(
            refusal.code(),
            said,
            "This computer's clock is right: ask the server's operator to renew its certificate.",
        ),
        Some(false) => failed(
            refusal.code(),
            said,
            "This computer's clock is wrong: set it (automatic time), then try again.",
        ),
        None => failed(
            refusal.code(),
            said,
            "Check this computer's clock; if it is right, ask the server's operator to renew its \
                certificate.",
        ),
    }
}

fn clock(seen: &Observations) -> Outcome {
    if let Some(difference) = seen.clock_difference_s {
        let minutes = difference.unsigned_abs() / 60;
        if difference.unsigned_abs() <= CLOCK_DIFFERENCE_MAX.whole_seconds().unsigned_abs() {
            return Outcome::Ok("agrees with the server's".into());
        }
        let way = if difference > 0 { "slow" } else { "fast" };
        return failed(
            "clock.wrong",
            format!("This computer's clock is {minutes} min {way}."),
            "Set the clock (automatic time), then try again.",
        );
    }
    // Without the server's clock: our own certificate cannot begin in the future.
    match &seen.own {
        Some(own) if own.not_before > seen.now + CLOCK_DIFFERENCE_MAX => failed(
            "clock.wrong",
            format!(
                "This computer's clock is slow: it says {}, but this client's certificate was \
                    issued after that ({}).",
                date(seen.now),
                date(own.not_before)
            ),
            "Set the clock (automatic time), then try again.",
        ),
        _ => Outcome::Skipped("no server's time to compare with".into()),
    }
}

fn own_certificate(seen: &Observations) -> Outcome {
    let Some(own) = &seen.own else { return Outcome::Skipped("none is shown".into()) };
    if matches!(seen.after, Some(After::Closed)) {
        return failed(
            "client.closed",
            "The server closed the connection right after the handshake without a reason: it may \
                not accept this client's certificate."
                .into(),
            "Ask the server's operator to look for this certificate's serial number in its log.",
        );
    }
    if own.not_after <= seen.now {
        // A server without a clock of its own might not have noticed.
        return failed(
            "client.certificate_expired",
            format!("This client's certificate expired on {}.", date(own.not_after)),
            "Enrol again with a new code from your administrator.",
        );
    }
    Outcome::Ok(format!("not refused; until {}", date(own.not_after)))
}

fn refused(refusal: &Refusal) -> Outcome {
    failed(refusal.code(), refusal.message(), refusal.cure())
}

fn failed(code: &str, sentence: String, cure: &str) -> Outcome {
    Outcome::Failed { code: code.to_owned(), sentence, cure: cure.to_owned() }
}

/// Makes a sentence of an error, which by Rust's custom has no capital and no full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

#[cfg(test)]
#[path = "conclude_tests.rs"]
mod tests;

//! `signet-desk doctor`: a report that says why a venue cannot be reached and what to do about it.

use crate::{
    holders::{Holders, KeyStore},
    link::PortalExam,
    peer_text::lines,
    venue::{DeskConfig, Venue, Venues, profile},
    view::Problem,
};
use signet_identity::{Identity, Refusal};
use signet_keystore::{IdentitySlot, Pin, PinPrompt, PinRequest};
use signet_net::{
    DialError,
    doctor::{DoctorInputs, Observations, STEP_TIME_MAX_DEFAULT, diagnose},
};
use std::{fmt::Write as _, io::Write as _, sync::Arc};

/// Examines every venue with every identity of its trust domain; `identity` limits it to one.
/// When a venue is not reached and a captive portal may be why, it also looks for one, as a desk
/// does. Returns the report and whether every examination passed. The report contains no secret.
pub async fn doctor(
    config: &DeskConfig,
    keychain: Arc<dyn KeyStore>,
    identity: Option<&str>,
) -> (String, bool) {
    let mut report = String::new();
    let venues = Venues::open(&config.venues, &config.data_dir, config.managed.clone()).all();
    if venues.is_empty() {
        let _ = writeln!(
            report,
            "No venue is known to this desk. Enrol it with an invitation, or have your \
                administrator deploy desk.toml."
        );
        return (report, false);
    }
    let holders = Holders::new(keychain, config.token.clone(), Arc::new(Terminal));
    let holders = Arc::new(holders.allowing(&config.holders()));
    let wanted = identity.map(str::to_owned);
    let found = tokio::task::spawn_blocking(move || identities(&holders, wanted.as_deref())).await;
    let identities = match found {
        Ok(Ok(found)) => found,
        Ok(Err(why)) => {
            let _ = writeln!(
                report,
                "The keychain does not give an identity. {} {} [{}]",
                why.message, why.cure, why.code
            );
            return (report, false);
        }
        Err(e) => return (format!("The keychain failed: {e}\n"), false),
    };
    if identities.is_empty() {
        let _ = writeln!(
            report,
            "The keychain has no such identity. Enrol this laptop with an invitation."
        );
        return (report, false);
    }
    let named = identity.is_some();
    let mut well = examine(config, &venues, (identities.as_slice(), named), &mut report).await;
    if report.is_empty() {
        report.push_str("No identity on this laptop belongs to any venue it knows.\n");
        well = false;
    }
    // Certificates and proxies have words of their own in it.
    (lines(&report), well)
}

/// Examines every venue with every identity that belongs to it; whether all is well. `named`: a
/// person named the identity.
async fn examine(
    config: &DeskConfig,
    venues: &[Venue],
    (identities, named): (&[Identity], bool),
    report: &mut String,
) -> bool {
    let mut well = true;
    let mut portal = PortalExam::new(config);
    for venue in venues {
        let domain = venue.direct.is_none().then_some(venue.trust_domain.as_str());
        let meant = |i: &&Identity| {
            let own = i.peer().ok().map(|p| p.trust_domain);
            belongs(domain, own.as_deref(), named)
        };
        for identity in identities.iter().filter(meant) {
            let _ = writeln!(report, "== {}", venue.name);
            let profile = match profile(venue, identity, &config.tls) {
                Ok(profile) => profile,
                Err(why) => {
                    well = false;
                    let _ = writeln!(report, "{} {} [{}]", why.message, why.cure, why.code);
                    continue;
                }
            };
            let examined = diagnose(&DoctorInputs {
                host: venue.host.clone(),
                port: venue.port,
                server_name: venue.server_name.clone(),
                profile,
                proxy: config.proxy.clone(),
                server_date: None,
                step_time_max: STEP_TIME_MAX_DEFAULT,
            })
            .await;
            well &= examined.is_healthy();
            let _ = writeln!(report, "{examined}");
            let Some(why) = unreached(&examined.observations) else { continue };
            if let Some(found) = portal.look(&venue.host, why).await {
                let _ = writeln!(report, "{found}\n");
            }
        }
    }
    well
}

/// Why the venue itself was not reached, or something else answered in its place.
fn unreached(seen: &Observations) -> Option<&Refusal> {
    match (&seen.addresses, &seen.connected, &seen.secured) {
        (Some(Err(why)), _, _)
        | (_, Some(Err(DialError::Direct(why))), _)
        | (_, _, Some(Err(why))) => Some(why),
        _ => None,
    }
}

fn identities(holders: &Holders, wanted: Option<&str>) -> Result<Vec<Identity>, Problem> {
    let listed = holders.keychain.identities().map_err(|e| Problem::from(&e))?;
    let mut found = Vec::new();
    for one in listed.into_iter().filter(|i| wanted.is_none_or(|w| i.name.as_str() == w)) {
        found.extend(holders.load(&one.name, IdentitySlot::Current)?);
    }
    Ok(found)
}

/// Whether an identity of the trust domain `own` belongs to a venue of `domain`. A plain venue has
/// none: there an identity is meant that has none either, or that a person named.
fn belongs(domain: Option<&str>, own: Option<&str>, named: bool) -> bool {
    match domain {
        Some(domain) => own == Some(domain),
        None => named || own.is_none(),
    }
}

/// Asks for a token's PIN on the terminal.
#[derive(Debug)]
struct Terminal;

impl PinPrompt for Terminal {
    fn ask(&self, request: &PinRequest) -> Option<Pin> {
        eprint!(
            "{}PIN of {} (it shows while you type; empty to stop): ",
            if request.wrong { "Wrong. " } else { "" },
            request.token
        );
        let _ = std::io::stderr().flush();
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed).ok()?;
        let end = typed.trim_end_matches(['\r', '\n']).len();
        typed.truncate(end);
        (!typed.is_empty()).then(|| Pin::new(typed))
    }
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn an_identity_is_shown_to_its_own_venues_only() {
        for (domain, own, named, want) in [
            (Some("bank.example"), Some("bank.example"), false, true),
            (Some("bank.example"), Some("other.example"), true, false),
            (Some("bank.example"), None, true, false),
            (None, None, false, true),
            (None, Some("bank.example"), false, false),
            (None, Some("bank.example"), true, true),
        ] {
            assert_eq!(belongs(domain, own, named), want, "{domain:?} {own:?} {named}");
        }
    }
}

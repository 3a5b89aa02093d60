//! A venue as a policy has it, and back.

use super::entry::{OtherHost, Venue};
use crate::{problem::problem, view::Problem};
use signet_identity::{CompId, SpkiPin, TrustRoots};
use signet_managed::{Difference, Managed, Pin, VenueSettings};
use signet_net::Endpoint;

/// What a policy can decide about this venue.
pub(crate) fn settings(v: &Venue) -> VenueSettings {
    VenueSettings {
        name: v.name.clone(),
        host: v.host.clone(),
        port: v.port,
        server_name: v.server_name.clone(),
        also: v.also.iter().map(|o| (o.at.host.clone(), o.at.port)).collect(),
        comp_id: v.comp_id.to_string(),
        trust_domain: v.trust_domain.clone(),
        anchors: v.roots.certificates().iter().map(|c| c.to_vec()).collect(),
        pins: v.pins.iter().map(|pin| Pin(*pin.as_bytes())).collect(),
        allow_tls12: v.allow_tls12,
        quic: v.quic,
        crl: v.crl.iter().map(|file| file.display().to_string()).collect(),
        crl_required: v.crl_required,
        rp_id: v.rp_id.clone(),
    }
}

/// The venue that a policy describes; an error says what is wrong with it.
pub(crate) fn of_firm(v: &VenueSettings) -> Result<Venue, String> {
    let also = v.also.iter().map(|(host, port)| OtherHost {
        at: Endpoint { host: host.clone(), port: *port },
        server_name: v.server_name.clone(),
    });
    let anchors = v.anchors.iter().map(|der| der.clone().into());
    if v.rp_id.as_deref().is_some_and(|id| !signet_identity::is_relying_party(id)) {
        return Err("rp_id must be a host name with a dot in it, in lower case".into());
    }
    Ok(Venue {
        name: v.name.clone(),
        host: v.host.clone(),
        port: v.port,
        server_name: v.server_name.clone(),
        also: also.collect(),
        comp_id: v.comp_id.parse::<CompId>().map_err(|e| format!("comp_id: {e}"))?,
        trust_domain: v.trust_domain.clone(),
        roots: TrustRoots::new(anchors).map_err(|e| format!("anchors: {e}"))?,
        pins: v.pins.iter().map(|pin| SpkiPin::from(pin.0)).collect(),
        allow_tls12: v.allow_tls12,
        quic: v.quic,
        crl: v.crl.iter().map(Into::into).collect(),
        crl_required: v.crl_required,
        est: None,
        rp_id: v.rp_id.clone(),
        direct: None,
    })
}

/// The firm does not allow the venue of an invitation.
pub(super) fn not_admitted(managed: &Managed, venue: &str, why: Difference) -> Problem {
    let code = match why {
        Difference::NotListed => "managed.venue_not_allowed",
        Difference::Other(_) => "managed.venue_differs",
    };
    problem(
        code,
        format!(
            "{} does not allow the venue {venue} of this invitation: {why}.",
            managed.policy.firm
        ),
        "Ask your administrator for an invitation to a venue of your firm's policy; signet-desk \
            policy show lists them.",
    )
}

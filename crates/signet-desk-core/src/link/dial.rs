//! Makes one connection to a venue and checks everything that TLS tells about the peer.

use super::outcome::Ended;
use crate::{
    problem::{problem, sentence},
    venue::{DeskConfig, Venue, profile, tls_settings},
};
use signet_identity::{Identity, PeerIdentity, ProfileError, Refusal, Role, Stage};
use signet_net::{self as net, DialError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::{client::TlsStream, rustls::pki_types::ServerName};

pub(super) const DIAL_MAX: Duration = Duration::from_secs(8);

/// Connects with TCP and TLS, and checks that the peer is the right gateway.
pub(super) async fn dial(
    v: &Venue,
    identity: &Identity,
    config: &DeskConfig,
) -> Result<TlsStream<TcpStream>, Ended> {
    let refused = |e: ProfileError| Ended::refused(tls_settings(&e.to_string()));
    let tls =
        profile(v, identity, &config.tls).map_err(Ended::refused)?.config().map_err(refused)?;
    let classify = |stage| move |e: std::io::Error| Ended::by(&Refusal::seen_by_client(&e, stage));
    let tcp = net::dial(&v.host, v.port, &config.proxy, DIAL_MAX).await.map_err(|e| match &e {
        DialError::Direct(refusal) => Ended::by(refusal),
        // The next network may have another proxy, so the desk tries again.
        _ => Ended::lost(problem(e.code(), sentence(&e.to_string()), e.cure())),
    })?;
    tcp.set_nodelay(true).map_err(classify(Stage::Connect))?;
    let name = ServerName::try_from(v.server_name.clone()).map_err(|_| {
        Ended::refused(problem(
            "venue.server_name",
            "The venue's server name is not a host name.",
            "Have desk.toml corrected.",
        ))
    })?;
    let stream =
        net::handshake(tls, name, tcp, DIAL_MAX).await.map_err(classify(Stage::Handshake))?;
    if v.direct.is_some() {
        // Chain, name and pins are checked. A plain venue's certificate has no Signet identity.
        return Ok(stream);
    }
    let wrong = |why: String| {
        Ended::refused(problem(
            "server.wrong_identity",
            why,
            "Do not trade. Tell your security officer: something answers in the gateway's place.",
        ))
    };
    let peer = PeerIdentity::of_connection(stream.get_ref().1).map_err(|e| wrong(e.to_string()))?;
    peer.require(Role::Gateway, &v.trust_domain).map_err(|e| wrong(e.to_string()))?;
    if peer.comp_id.as_str() != v.comp_id.as_str() {
        return Err(wrong(format!("The server is {}, not {}.", peer.comp_id, v.comp_id)));
    }
    Ok(stream)
}

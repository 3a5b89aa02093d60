//! Makes one connection to a venue and checks everything that TLS tells about the peer.

use super::{
    outcome::{Ended, Fault, Next, internal},
    over_quic::Heard,
    quic,
    wire::Wire,
};
use crate::{
    problem::{problem, sentence},
    venue::{DeskConfig, Venue, profile, tls_settings},
    view::Problem,
};
use signet_identity::{Identity, PeerIdentity, ProfileError, Protection, Refusal, Role, Stage};
use signet_net::{
    self as net, Addresses, Attempt, AttemptError, DialError, Endpoint, HandshakeRace,
    ProxySetting, RaceLimits,
};
use signet_quic::client::ConnectError;
use std::{
    cmp::Ordering,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

pub(super) const DIAL_MAX: Duration = Duration::from_secs(8);
/// The answer of a gateway, or of a proxy, is waited for a little less long, so that it is known
/// what was missing.
const ANSWER_MAX: Duration = Duration::from_millis(7_750);
const LIMITS: RaceLimits = RaceLimits { connect: DIAL_MAX, answer: ANSWER_MAX };
/// How long QUIC is waited for after TCP has failed: what drops datagrams says nothing.
const QUIC_ALONE_MAX: Duration = Duration::from_secs(1);

/// A connection, and what was heard over QUIC meanwhile; `None`: it was not dialled.
pub(super) struct Made {
    pub wire: Wire,
    pub heard: Option<Heard>,
}

/// Connects and checks that the peer is the right gateway. All hosts of the venue are tried;
/// `first` says which one begins. With `quic_first`, QUIC begins and FIXS over TCP follows after
/// this time, or as soon as QUIC fails; the first that is made wins (RFC 8305 §5). With a key in a
/// token FIXS follows only when QUIC has failed: each of the two asks for a signature.
pub(super) async fn dial(
    v: &Venue,
    identity: &Identity,
    config: &DeskConfig,
    first: usize,
    quic_first: Option<Duration>,
) -> Result<Made, Ended> {
    let refused = |e: ProfileError| Ended::refused(tls_settings(&e.to_string()));
    let tls =
        profile(v, identity, &config.tls).map_err(Ended::refused)?.config().map_err(refused)?;
    let hosts = hosts(v, first);
    let in_token = is_in_token(identity);
    let made = |wire, heard| Made { wire, heard };
    let through = |wire| of_gateway(v, wire).map(|wire| made(wire, Some(Heard::Through)));
    let Some(head_start) = quic_first else {
        return fixs(v, tls, config, &hosts, in_token).await.map(|wire| made(wire, None));
    };
    let began = Instant::now();
    if in_token {
        return match quic::dial_with_token(Addresses::of(&hosts.0), &hosts.1, tls.clone()).await {
            Ok(wire) => through(wire),
            Err(e) => fixs_after(&e, began.elapsed(), v, tls, config, &hosts, in_token).await,
        };
    }
    let (answered, tls_of_quic) = (Arc::<AtomicBool>::default(), tls.clone());
    let addresses = Addresses::of(&hosts.0);
    let mut over_quic = pin!(quic::dial(addresses, &hosts.1, &tls_of_quic, answered.clone()));
    if let Ok(made) = timeout(head_start, &mut over_quic).await {
        return match made {
            Ok(wire) => through(wire),
            Err(e) => fixs_after(&e, began.elapsed(), v, tls, config, &hosts, in_token).await,
        };
    }
    let mut over_tcp = pin!(fixs(v, tls, config, &hosts, in_token));
    tokio::select! {
        quic = &mut over_quic => match quic {
            Ok(wire) => through(wire),
            Err(e) => {
                let heard = Heard::by(&e, began.elapsed());
                over_tcp.await.map(|wire| made(wire, Some(heard)))
            }
        },
        tcp = &mut over_tcp => match tcp {
            // TCP does not come through, or leads to somebody else, as where a proxy reads along;
            // QUIC may. A gateway that is busy is so over both.
            Err(ended) if ended.next.may_be_the_way() && ended.fault != Fault::Unanswered => {
                match timeout(QUIC_ALONE_MAX, over_quic).await {
                    Ok(Ok(wire)) => through(wire),
                    _ => Err(ended),
                }
            }
            mut tcp => {
                tcp.iter_mut().for_each(|wire| wire.says("not QUIC: it did not answer first"));
                let silence = Heard::Nothing(began.elapsed());
                let heard = if answered.load(Relaxed) { Heard::Something } else { silence };
                tcp.map(|wire| made(wire, Some(heard)))
            }
        },
    }
}

/// Whether the key may ask for a PIN or a touch, and hold its caller up, each time that it signs.
pub(super) fn is_in_token(identity: &Identity) -> bool {
    identity.key().protection() == Protection::Hardware
}

/// The same after QUIC has failed, which took so long.
async fn fixs_after(
    e: &ConnectError,
    after: Duration,
    v: &Venue,
    tls: Arc<ClientConfig>,
    config: &DeskConfig,
    hosts: &(Vec<Endpoint>, Vec<String>),
    in_token: bool,
) -> Result<Made, Ended> {
    tracing::debug!(code = e.code(), "no connection over QUIC: {e}");
    let mut wire = fixs(v, tls, config, hosts, in_token).await?;
    wire.says(&format!("not QUIC: {e}"));
    Ok(Made { wire, heard: Some(Heard::by(e, after)) })
}

/// Connects with TCP and TLS. With a key that signs at once, whole handshakes race, so that a host
/// that takes connections and says nothing holds up no other. A key in a token may ask a person for
/// a touch in each handshake, so only TCP races then, and one handshake follows.
async fn fixs(
    v: &Venue,
    tls: Arc<ClientConfig>,
    config: &DeskConfig,
    hosts: &(Vec<Endpoint>, Vec<String>),
    in_token: bool,
) -> Result<Wire, Ended> {
    match in_token {
        true => one_handshake(v, tls, config, hosts).await,
        false => race(v, tls, &config.proxy, hosts, LIMITS).await,
    }
}

async fn one_handshake(
    v: &Venue,
    tls: Arc<ClientConfig>,
    config: &DeskConfig,
    (endpoints, names): &(Vec<Endpoint>, Vec<String>),
) -> Result<Wire, Ended> {
    let began = Instant::now();
    // A connection that is made later would leave no time for the handshake.
    let dialled = net::dial_any(endpoints, &config.proxy, ANSWER_MAX).await;
    let (which, tcp) = dialled.map_err(|e| not_connected(&e))?;
    let broken = |e: io::Error| Ended::by(&Refusal::seen_by_client(&e, Stage::Connect));
    tcp.set_nodelay(true).map_err(broken)?;
    let name = server_name(&names[which])?;
    let limit = ANSWER_MAX.saturating_sub(began.elapsed());
    let stream = net::handshake(tls, name, tcp, limit).await.map_err(|e| not_secured(&e))?;
    secured(v, stream)
}

async fn race(
    v: &Venue,
    tls: Arc<ClientConfig>,
    proxy: &ProxySetting,
    (endpoints, names): &(Vec<Endpoint>, Vec<String>),
    limits: RaceLimits,
) -> Result<Wire, Ended> {
    let mut failed: Option<Failed> = None;
    let mut named = Vec::new();
    for (at, name) in endpoints.iter().zip(names) {
        match server_name(name) {
            Ok(name) => named.push((at.clone(), name)),
            // A fault of the settings, which matters where no other host can be tried.
            Err(ended) => failed = Some(Failed { number: 0, took: Took::Nobody, ended }),
        }
    }
    let mut race = HandshakeRace::begin(tls, named, proxy, limits);
    while let Some(Attempt { number, outcome }) = race.next().await {
        let took = match &outcome {
            Err(AttemptError::Dial(DialError::Direct(_))) => Took::Nobody,
            Err(AttemptError::Dial(_)) => Took::Proxy,
            Err(AttemptError::Handshake(_)) | Ok(_) => Took::Host,
        };
        match outcome.map_err(|e| not_made(&e)).and_then(|stream| secured(v, stream)) {
            Ok(wire) => {
                failed.iter().for_each(Failed::log);
                return Ok(wire);
            }
            Err(ended) => {
                let now = Failed { number, took, ended };
                failed = Some(match failed {
                    Some(before) => more_telling(before, now),
                    None => now,
                });
            }
        }
    }
    Err(failed.map_or_else(|| Ended::by(&Refusal::DnsFailure), |f| f.ended))
}

/// An attempt of a race that failed.
#[derive(Debug)]
struct Failed {
    /// In the order in which attempts are begun.
    number: usize,
    took: Took,
    ended: Ended,
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// Nothing took the TCP connection.
    Nobody,
    /// There is no tunnel through the proxy on the way.
    Proxy,
    /// Whatever is at the host's address took the TCP connection.
    Host,
}

/// How much a failed attempt tells of the venue, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    /// Nobody took the connection.
    Unreached,
    /// There is no tunnel through the proxy, and the trader can change or leave it.
    Proxy,
    /// Somebody took it and gave no answer that lasts: none in time, or a close without a word.
    Silence,
    /// A refusal, or somebody who is not the gateway.
    Answer,
}

impl Failed {
    fn tells(&self) -> Tells {
        match (self.took, self.ended.next) {
            (Took::Nobody, _) => Tells::Unreached,
            (Took::Proxy, _) => Tells::Proxy,
            (Took::Host, Next::TryAgain) => Tells::Silence,
            (Took::Host, _) => Tells::Answer,
        }
    }

    /// Another host answered, so the trader is not told.
    fn log(&self) {
        let Problem { code, message, .. } = &self.ended.problem;
        match self.tells() {
            Tells::Answer => tracing::warn!(code, "another host of the venue is used: {message}"),
            _ => tracing::info!(code, "another host of the venue is used: {message}"),
        }
    }
}

/// Which of two failures is reported when every attempt failed; `before` ended first. Of two that
/// tell as much it is that of the attempt begun first, because the venue's own host comes first.
/// Where nobody took a connection it is the last one, with which the race ended.
fn more_telling(before: Failed, after: Failed) -> Failed {
    let (earlier, later) = (before.tells(), after.tells());
    let is_after = match later.cmp(&earlier) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => later == Tells::Unreached || after.number < before.number,
    };
    if is_after { after } else { before }
}

fn not_made(e: &AttemptError) -> Ended {
    match e {
        AttemptError::Dial(e) => not_connected(e),
        AttemptError::Handshake(e) => not_secured(e),
    }
}

fn not_connected(e: &DialError) -> Ended {
    match e {
        DialError::Direct(refusal) => Ended::by(refusal),
        // The next network may have another proxy, so the desk tries again.
        _ => Ended::lost(problem(e.code(), sentence(&e.to_string()), e.cure())),
    }
}

fn not_secured(e: &io::Error) -> Ended {
    match e.kind() {
        io::ErrorKind::TimedOut => Ended::unanswered(),
        _ => Ended::by(&Refusal::seen_by_client(e, Stage::Handshake)),
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, Ended> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Ended::refused(problem(
            "venue.server_name",
            "The venue's server name is not a host name.",
            "Have desk.toml corrected.",
        ))
    })
}

/// A connection whose handshake is complete, if the peer is the right gateway.
fn secured(v: &Venue, stream: TlsStream<TcpStream>) -> Result<Wire, Ended> {
    let no_channel = |e: tokio_rustls::rustls::Error| Ended::lost(internal(&e.to_string()));
    of_gateway(v, Wire::fixs(stream).map_err(no_channel)?)
}

/// The hosts of a venue and the names of their certificates, beginning with number `first`.
fn hosts(v: &Venue, first: usize) -> (Vec<Endpoint>, Vec<String>) {
    let own = (Endpoint { host: v.host.clone(), port: v.port }, v.server_name.clone());
    let others = v.also.iter().map(|h| (h.at.clone(), h.server_name.clone()));
    let mut all: Vec<_> = std::iter::once(own).chain(others).collect();
    let first = first % all.len();
    all.rotate_left(first);
    all.into_iter().unzip()
}

/// Chain, name and pins are checked by now; this checks that the certificate is the gateway's.
fn of_gateway(v: &Venue, wire: Wire) -> Result<Wire, Ended> {
    if v.direct.is_some() {
        // A plain venue's certificate has no Signet identity.
        return Ok(wire);
    }
    let wrong = |why: String| {
        Ended::by_another(problem(
            "server.wrong_identity",
            why,
            "Do not trade. Tell your security officer: something answers in the gateway's place.",
        ))
    };
    let peer = PeerIdentity::from_certificate(&wire.peer).map_err(|e| wrong(e.to_string()))?;
    peer.require(Role::Gateway, &v.trust_domain).map_err(|e| wrong(e.to_string()))?;
    if peer.comp_id.as_str() != v.comp_id.as_str() {
        return Err(wrong(format!("The server is {}, not {}.", peer.comp_id, v.comp_id)));
    }
    Ok(wire)
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;

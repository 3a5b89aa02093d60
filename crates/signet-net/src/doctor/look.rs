//! The I/O: one lookup, one connection, one handshake, one short read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use signet_identity::{CertificateFacts, ChainRecorder, ClientProfile, Refusal, Stage, describe};
use time::OffsetDateTime;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::conclude::conclude;
use super::report::{After, Observations, Report};
use crate::dial::{dial, handshake};
use crate::lookup;
use crate::proxy::{ProxyEnvironment, ProxySetting};

/// How long each step may take, unless told otherwise.
pub const STEP_TIME_MAX_DEFAULT: Duration = Duration::from_secs(10);
/// How long a server may take to refuse a client's certificate after the handshake.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct DoctorInputs {
    /// A DNS name or an IP address to dial.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The name that the server's certificate must state.
    pub server_name: String,
    /// What is trusted and shown.
    pub profile: ClientProfile,
    /// Whether and which proxy is used.
    pub proxy: ProxySetting,
    /// The time by a server's clock, such as the `Date` of an HTTP answer, next to the time here
    /// when it was heard.
    pub server_date: Option<(OffsetDateTime, OffsetDateTime)>,
    /// How long each step may take.
    pub step_time_max: Duration,
}

/// Examines a connection: [`look`], then [`conclude`].
pub async fn diagnose(inputs: &DoctorInputs) -> Report {
    conclude(look(inputs).await)
}

/// Dials and shakes hands, and writes down what happens. Sends nothing but a handshake; the first
/// failure ends the examination.
pub async fn look(inputs: &DoctorInputs) -> Observations {
    let DoctorInputs { host, port, server_name, profile, proxy, server_date, step_time_max } =
        inputs;
    let mut seen = Observations {
        endpoint: format!("{host}:{port}"),
        server_name: server_name.clone(),
        now: OffsetDateTime::now_utc(),
        trusted: profile.trusted_authorities(),
        own: profile.own_certificate(),
        clock_difference_s: server_date.map(|(theirs, ours)| (theirs - ours).whole_seconds()),
        proxy: proxy
            .choose(&ProxyEnvironment::read(), host)
            .map(|chosen| chosen.map(|url| url.to_string())),
        addresses: None,
        connected: None,
        shown: Vec::new(),
        secured: None,
        after: None,
    };
    match &seen.proxy {
        Err(_) => return seen,
        Ok(Some(_)) => {}
        Ok(None) => {
            let found = addresses(host, *port, *step_time_max).await;
            let stop = found.is_err();
            seen.addresses = Some(found);
            if stop {
                return seen;
            }
        }
    }
    let tcp = match dial(host, *port, proxy, *step_time_max).await {
        Ok(tcp) => tcp,
        Err(error) => {
            seen.connected = Some(Err(error));
            return seen;
        }
    };
    seen.connected = Some(Ok(()));
    let recorder = Arc::new(ChainRecorder::default());
    let shaken = match timeout(*step_time_max, shake(inputs, tcp, &recorder)).await {
        Ok(shaken) => shaken,
        Err(_) => Err(Refusal::TimedOut),
    };
    seen.shown = recorder
        .chain()
        .iter()
        .filter_map(|certificate| CertificateFacts::from_certificate(certificate).ok())
        .collect();
    match shaken {
        Ok(mut tls) => {
            seen.secured = Some(Ok(describe(tls.get_ref().1)));
            seen.after = Some(after(&mut tls).await);
        }
        Err(refusal) => seen.secured = Some(Err(refusal)),
    }
    seen
}

/// As whoever dials finds them: IPv6 addresses that are late are not waited for.
async fn addresses(host: &str, port: u16, limit: Duration) -> Result<Vec<IpAddr>, Refusal> {
    let answer = timeout(limit, lookup::resolve(host, port)).await;
    let answer = answer.map_err(|_| Refusal::DnsFailure)?;
    let found: Vec<_> = answer.found.iter().map(SocketAddr::ip).collect();
    if found.is_empty() { Err(Refusal::DnsFailure) } else { Ok(found) }
}

async fn shake(
    inputs: &DoctorInputs,
    tcp: TcpStream,
    recorder: &Arc<ChainRecorder>,
) -> Result<TlsStream<TcpStream>, Refusal> {
    let other = |detail: String| Refusal::Other { detail };
    let config =
        inputs.profile.config_recording(Arc::clone(recorder)).map_err(|e| other(e.to_string()))?;
    let name = ServerName::try_from(inputs.server_name.clone())
        .map_err(|_| other("the server's name is none".into()))?;
    let shaken = handshake(config, name, tcp, inputs.step_time_max).await;
    shaken.map_err(|e| Refusal::seen_by_client(&e, Stage::Handshake))
}

async fn after(tls: &mut TlsStream<TcpStream>) -> After {
    match timeout(REFUSAL_TIME_MAX, tls.read(&mut [0; 1])).await {
        Err(_) => After::Fine,
        Ok(Ok(0)) => After::Closed,
        Ok(Ok(_)) => After::Fine,
        Ok(Err(error)) => match Refusal::seen_by_client(&error, Stage::Session) {
            // Closed without a reason, seen as another I/O error.
            Refusal::Other { .. } => After::Closed,
            refusal => After::Refused(refusal),
        },
    }
}

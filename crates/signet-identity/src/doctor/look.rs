//! The I/O: one lookup, one connection, one handshake, one short read.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use time::OffsetDateTime;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::{After, DoctorInputs, Observations, Report, conclude};
use crate::channel::describe;
use crate::net::{ProxyEnvironment, dial, handshake};
use crate::peer::CertificateFacts;
use crate::profile::Recorder;
use crate::refusal::{Refusal, Stage};

/// How long a server may take to refuse a client's certificate after the handshake.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);

/// Looks and decides.
pub async fn diagnose(inputs: &DoctorInputs) -> Report {
    conclude(look(inputs).await)
}

/// Looks. Sends nothing but a handshake; whatever fails is written down and ends the looking.
pub async fn look(inputs: &DoctorInputs) -> Observations {
    let DoctorInputs { host, port, server_name, profile, proxy, server_date, step_time_max } =
        inputs;
    let (trusted, own) = profile.described();
    let mut seen = Observations {
        endpoint: format!("{host}:{port}"),
        server_name: server_name.clone(),
        now: OffsetDateTime::now_utc(),
        trusted,
        own,
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
            let found = match timeout(*step_time_max, lookup_host((host.as_str(), *port))).await {
                Ok(Ok(found)) => Ok(found.map(|address| address.ip()).collect::<Vec<_>>()),
                Ok(Err(error)) => Err(Refusal::seen_by_client(&error, Stage::Resolve)),
                Err(_) => Err(Refusal::DnsFailure),
            };
            let found =
                found.and_then(
                    |found| if found.is_empty() { Err(Refusal::DnsFailure) } else { Ok(found) },
                );
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
    let recorder = Arc::new(Recorder::default());
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

async fn shake(
    inputs: &DoctorInputs,
    tcp: TcpStream,
    recorder: &Arc<Recorder>,
) -> Result<TlsStream<TcpStream>, Refusal> {
    let other = |detail: String| Refusal::Other { detail };
    let config = inputs
        .profile
        .config_recording(Some(Arc::clone(recorder)))
        .map_err(|e| other(e.to_string()))?;
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
            // An end without a word, in one of its other forms.
            Refusal::Other { .. } => After::Closed,
            refusal => After::Refused(refusal),
        },
    }
}

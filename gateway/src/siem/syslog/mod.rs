//! Syslog (RFC 5424) over TLS (RFC 5425), both ends with certificates.
//!
//! Syslog has no acknowledgement. An event counts as received when the kernel of the receiver has
//! acknowledged its bytes, and the connection is still alive some seconds later: a receiver that is
//! killed in between has read it from its kernel or not, and gets it again, with the same uid.

mod frame;
mod wire;

#[cfg(test)]
pub(in crate::siem) use frame::{Header as FrameHeader, frame as framed};

use super::{Plan, feed::Feed};
use crate::{
    GatewayError,
    config::{SinkSection, SyslogSection},
    delivery::DeliveryFailure,
};
use frame::{Header, frame};
use rustls_pki_types::ServerName;
use signet_identity::host_and_port;
use signet_net as net;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use wire::{Counted, Sent};

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A receiver that takes no byte for so long is given up.
const WRITE_MAX: Duration = Duration::from_secs(60);
/// How long a connection must live on after the kernel's acknowledgement.
const SETTLE: Duration = Duration::from_secs(5);
/// How often the kernel is asked.
const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Syslog {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
    header: Header,
}

/// What was sent, oldest first, and may get lost with the receiver: event, bytes of the connection
/// until its end, and since when the receiver's kernel is known to have them.
#[derive(Debug, Default)]
struct Unsettled(VecDeque<(u64, u64, Option<Instant>)>);

impl Unsettled {
    /// Everything up to an event was written, at so many bytes of the connection.
    fn sent(&mut self, sequence: u64, bytes: u64) {
        self.0.push_back((sequence, bytes, None));
    }

    /// The last event that the receiver has for certain, when there is another one. A receiver that
    /// is busy may have left bytes in our kernel for long: time counts from when it has them.
    fn settled(&mut self, acknowledged: u64, now: Instant) -> Option<u64> {
        let there = self.0.iter_mut().take_while(|(_, bytes, _)| *bytes <= acknowledged);
        there.for_each(|(_, _, since)| {
            since.get_or_insert(now);
        });
        let mut last = None;
        while let Some((sequence, _, Some(since))) = self.0.front() {
            if now.duration_since(*since) < SETTLE {
                break;
            }
            last = Some(*sequence);
            self.0.pop_front();
        }
        last
    }
}

impl Syslog {
    pub(super) fn new(plan: &Plan, s: &SyslogSection) -> Result<Self, GatewayError> {
        let fault = |why: &str| GatewayError::Session(format!("siem.sink {}: {why}", s.name));
        let (host, port) = host_and_port(&s.address).map_err(|_| fault("address"))?;
        let named = s.tls.name_to_verify(host).to_owned();
        let name = ServerName::try_from(named).map_err(|_| fault("server_name"))?;
        let of = SinkSection::section(&s.name);
        let profile = plan.config.receiver_profile(Some(&plan.identity), &s.trust, &s.tls, &of)?;
        let tls = profile.config().map_err(|e| GatewayError::Tls(e.to_string()))?;
        let header = Header::of_this_host(s.facility);
        Ok(Self { host: host.into(), port, name, tls, header })
    }

    /// One connection, until it fails.
    pub(super) async fn session(&mut self, feed: &mut Feed) -> DeliveryFailure {
        match self.talk(feed).await {
            Ok(never) => match never {},
            Err(e) => e,
        }
    }

    async fn talk(&self, feed: &mut Feed) -> Result<std::convert::Infallible, DeliveryFailure> {
        let tcp = timeout(CONNECT_MAX, net::tcp(&self.host, self.port))
            .await
            .map_err(|_| DeliveryFailure::Silent(CONNECT_MAX.as_secs()))?
            .map_err(|r| DeliveryFailure::Unreachable(r.message()))?;
        wire::notice_death(&tcp);
        let sent = Sent::of(&tcp).map_err(DeliveryFailure::Connection)?;
        let tls = TlsConnector::from(self.tls.clone());
        let stream = timeout(CONNECT_MAX, tls.connect(self.name.clone(), Counted::new(tcp, &sent)))
            .await
            .map_err(|_| DeliveryFailure::Silent(CONNECT_MAX.as_secs()))?
            .map_err(DeliveryFailure::Tls)?;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut unsettled = Unsettled::default();
        let mut after = feed.confirmed();
        let mut looks = tokio::time::interval(LOOK);
        let mut ignored = [0; 512];
        loop {
            tokio::select! {
                // It has nothing to say but that it goes.
                read = reader.read(&mut ignored) => match read {
                    Ok(0) => return Err(DeliveryFailure::Closed),
                    Ok(_) => {}
                    Err(e) => return Err(DeliveryFailure::Connection(e)),
                },
                _ = looks.tick() => {
                    let acknowledged = sent.acknowledged().map_err(DeliveryFailure::Connection)?;
                    if let Some(sequence) = unsettled.settled(acknowledged, Instant::now()) {
                        feed.confirm(sequence);
                    }
                }
                batch = feed.next(after) => {
                    let batch = batch?;
                    let mut bytes = Vec::new();
                    batch.iter().for_each(|r| frame(&self.header, r, &mut bytes));
                    let write = async {
                        writer.write_all(&bytes).await?;
                        writer.flush().await
                    };
                    timeout(WRITE_MAX, write)
                        .await
                        .map_err(|_| DeliveryFailure::Silent(WRITE_MAX.as_secs()))?
                        .map_err(DeliveryFailure::Connection)?;
                    if let Some(last) = batch.last() {
                        after = last.sequence;
                        unsettled.sent(after, sent.written());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_and_old_enough_is_settled_in_order() {
        let (mut u, start) = (Unsettled::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        u.sent(10, 1_000);
        u.sent(20, 2_000);
        u.sent(30, 3_000);
        assert_eq!(u.settled(999, at(60)), None, "our own kernel has it still");
        assert_eq!(u.settled(1_999, at(60)), None, "the receiver has only just got it");
        assert_eq!(u.settled(3_000, at(61)), None);
        assert_eq!(u.settled(3_000, at(64)), None);
        assert_eq!(u.settled(3_000, at(65)), Some(10));
        assert_eq!(u.settled(3_000, at(65)), None);
        u.sent(40, 4_000);
        assert_eq!(u.settled(4_000, at(66)), Some(30));
        assert_eq!(u.settled(4_000, at(71)), Some(40));
        assert_eq!(u.settled(4_000, at(99)), None);
    }
}

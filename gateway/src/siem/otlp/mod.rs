//! OpenTelemetry logs over HTTPS (OTLP/HTTP with protobuf bodies).
//!
//! The receiver's 2xx is its word that it has the events. What it refuses for good is set aside and
//! told; the others go on.

mod messages;
mod verdict;

#[cfg(test)]
pub(in crate::siem) use messages::{bodies, body as request};

use super::{Plan, feed::Feed};
use crate::{
    GatewayError,
    config::{OtlpSection, SinkSection},
    delivery::{DeliveryFailure, Poster},
};
use messages::body;
use signet_events::ocsf::Source;
use verdict::{Verdict, verdict};

const PROTOBUF: &str = "application/x-protobuf";
/// Events that are set aside one after the other, with none taken in between; beyond it each takes
/// a pause first: perhaps it is the receiver that is wrong, and not the events.
const SET_ASIDE_MAX: u32 = 32;

pub(super) struct Otlp {
    to: Poster,
    source: Source,
    /// Fewer after the receiver refused a request as it is.
    batch: usize,
    /// Set aside since it took something.
    set_aside: u32,
}

impl Otlp {
    pub(super) fn new(plan: &Plan, s: &OtlpSection) -> Result<Self, GatewayError> {
        let to = Poster::new(
            (&plan.config, Some(&plan.identity)),
            (&s.url, &s.trust, &s.tls),
            s.token_file.clone(),
            &SinkSection::section(&s.name),
        )?;
        let source = Source {
            gateway: plan.config.gateway.comp_id.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        Ok(Self { to, source, batch: usize::MAX, set_aside: 0 })
    }

    /// One connection, until it fails.
    pub(super) async fn session(&mut self, feed: &mut Feed) -> DeliveryFailure {
        match self.talk(feed).await {
            Ok(never) => match never {},
            Err(e) => e,
        }
    }

    async fn talk(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, DeliveryFailure> {
        // Nothing is dialled before there is something to say.
        let mut records = feed.next(feed.confirmed()).await?;
        let mut connection = self.to.connect().await?;
        loop {
            records.truncate(self.batch.max(1));
            let body = body(&self.source, &records);
            let answer = self.to.post(&mut connection, (PROTOBUF, PROTOBUF), body).await?;
            let Some(last) = records.last().map(|r| r.sequence) else {
                records = feed.next(feed.confirmed()).await?;
                continue;
            };
            match verdict(answer.0.as_u16(), &answer.1, records.len()) {
                Verdict::Taken { rejected } => {
                    // The protocol says that these are not sent again.
                    if let Some((count, words)) = rejected {
                        feed.rejected(count, &words);
                    }
                    (self.batch, self.set_aside) = (self.batch.saturating_mul(2), 0);
                    feed.confirm(last);
                }
                Verdict::Split => self.batch = records.len() / 2,
                Verdict::SetAside(status) => {
                    let uid = records.first().map_or("", |r| r.uid.as_str());
                    feed.rejected(1, &format!("it answered {status} to event {uid}"));
                    self.set_aside = self.set_aside.saturating_add(1);
                    feed.pass_over(last);
                    if self.set_aside > SET_ASIDE_MAX {
                        return Err(DeliveryFailure::TakesNone(status));
                    }
                }
                Verdict::Again(failure) => return Err(failure),
            }
            records = feed.next(feed.confirmed()).await?;
        }
    }
}

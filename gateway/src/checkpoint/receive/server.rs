//! One request: which gateway sends it, whether it is about that gateway's log, and what is done.

use super::{
    judge::{Head, Offer, Verdict},
    peer::Peer,
    refusal::SubmitRefusal,
    silence::{Silence, SilenceNews},
};
use crate::{
    checkpoint::thread::signed_at,
    clock::{now, steady},
    events::EventSink,
    listeners::https::{self, Answers, AnswersOverTls, Client, Response, TurnedAway},
    metrics::Metrics,
};
use hyper::{Method, Request, StatusCode, body::Incoming};
use signet_events::About;
use signet_identity::{PeerError, PeerIdentity, Role};
use signet_rfq::UtcMillis;
use signet_tlog::{
    Checkpoint,
    witness::{AddCheckpoint, BODY_LEN_MAX},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio_rustls::TlsAcceptor;

/// What the listener answers from.
pub(super) struct Receiver {
    tls: TlsAcceptor,
    peers: Vec<Peer>,
    events: EventSink,
    metrics: Arc<Metrics>,
}

impl Receiver {
    /// Looks at what is held of each gateway, and says where it cannot be used. A gateway is silent
    /// since its newest came: a restart here ends no silence.
    pub(super) fn new(
        tls: TlsAcceptor,
        peers: Vec<Peer>,
        events: EventSink,
        metrics: Arc<Metrics>,
    ) -> Self {
        let receiver = Self { tls, peers, events, metrics };
        for peer in &receiver.peers {
            let held = match peer.with_store(|store| Ok(store.newest())) {
                Ok(held) => held,
                Err(e) => {
                    receiver.tell(peer, &SubmitRefusal::NotKept(e));
                    None
                }
            };
            // One that has sent nothing has a series as well, so that its silence can be seen.
            let (size, at) = held.map_or((0, UtcMillis(0)), |(head, at)| (head.size, at));
            receiver.metrics.checkpoints.is_now(&peer.name, size, at);
            if let Some(quiet) = age(at, now()) {
                peer.silence.replace(Silence::of(quiet, steady()));
            }
        }
        receiver
    }

    /// Which gateway of the configuration it is, by its certificate.
    fn peer(&self, client: &Client) -> Result<&Peer, SubmitRefusal> {
        let leaf = client.chain.first().ok_or(PeerError::NoCertificate)?;
        let shown = PeerIdentity::from_certificate(leaf)?;
        let peer = self.peers.iter().find(|p| p.name == shown.comp_id.as_str());
        // Another role is named as such, whoever it is.
        let domain = peer.map_or(&shown.trust_domain, |p| &p.trust_domain);
        shown.require(Role::Gateway, domain)?;
        peer.ok_or(SubmitRefusal::UnknownPeer(shown.comp_id))
    }

    async fn add(&self, peer: &Peer, request: Request<Incoming>) -> Result<(), SubmitRefusal> {
        if !peer.may_ask(steady()) {
            return Err(SubmitRefusal::TooOften);
        }
        let (head, body) = request.into_parts();
        if !peer.is_at(head.uri.path()) {
            return Err(SubmitRefusal::NotFound);
        }
        if head.method != Method::POST {
            return Err(SubmitRefusal::Method);
        }
        let body = https::body(body, BODY_LEN_MAX).await?;
        self.take(peer, &AddCheckpoint::parse(&body)?)
    }

    /// Nothing is awaited here, so two checkpoints of one gateway are judged one after the other.
    fn take(&self, peer: &Peer, sent: &AddCheckpoint<'_>) -> Result<(), SubmitRefusal> {
        if sent.origin() != Some(peer.key.name()) {
            return Err(SubmitRefusal::OtherOrigin(peer.key.name().into()));
        }
        let checkpoint = Checkpoint::open(sent.note, &peer.key)?;
        let (head, signed) = (Head::of(&checkpoint), signed_at(&checkpoint));
        let offer = Offer { head, signed, old: sent.old, proof: &sent.proof };
        let at = now();
        match peer.with_store(|store| store.take(sent.note, &offer, at, steady()))? {
            // It shows nothing that is not held: not that the log is alive, either.
            Verdict::Same => return Ok(()),
            Verdict::Later | Verdict::Grown => {}
            Verdict::First => {
                let about = About::object(peer.key.name());
                let (actor, words) = (peer.actor(), head.to_string());
                self.events.by(actor, "checkpoint.received_first", about, words);
            }
            Verdict::OldIsLarger => return Err(SubmitRefusal::OldIsLarger),
            Verdict::OtherOld(size) => return Err(SubmitRefusal::OtherOld(size)),
            Verdict::NothingToProve => return Err(SubmitRefusal::NothingToProve),
            Verdict::Contradicts { what, held } => {
                let kept = peer.with_store(|store| store.keep_refused(what, sent.note, &head));
                let evidence = match kept {
                    Ok(Some(path)) => format!("kept as {}", path.display()),
                    Ok(None) => "not kept, since enough of these are".into(),
                    Err(e) => format!("not kept: {e}"),
                };
                return Err(SubmitRefusal::Contradicts { what, held, offered: head, evidence });
            }
        }
        self.metrics.checkpoints.is_now(&peer.name, head.size, at);
        let news = peer.silence.borrow_mut().heard(steady());
        self.tell_silence(peer, news);
        let (peer, size) = (&peer.name, head.size);
        tracing::info!(peer, size, "a checkpoint of another gateway is held");
        Ok(())
    }

    /// Time passes: which gateways have sent nothing for too long.
    pub(super) fn look_for_silence(&self, max: Duration) {
        for peer in &self.peers {
            let news = peer.silence.borrow_mut().look(max, steady());
            self.tell_silence(peer, news);
        }
    }

    fn tell_silence(&self, peer: &Peer, news: Option<SilenceNews>) {
        let about = About::object(peer.key.name());
        match news {
            None => {}
            Some(SilenceNews::Began(quiet)) => {
                self.metrics.checkpoints.is_silent(&peer.name, true);
                let words = format!("no checkpoint was taken for {} minutes", minutes(quiet));
                let code = "checkpoint.silent";
                tracing::error!(alert = true, peer = peer.name, code, "{words}");
                self.events.by(peer.actor(), code, about, words);
            }
            Some(SilenceNews::Ended(quiet)) => {
                self.metrics.checkpoints.is_silent(&peer.name, false);
                let words = format!("after {} minutes", minutes(quiet));
                self.events.by(peer.actor(), "checkpoint.heard", about, words);
            }
        }
    }

    /// Writes down why a gateway was refused; the same contradiction only once.
    fn tell(&self, peer: &Peer, why: &SubmitRefusal) {
        let words = why.event_words();
        let Some(event) = why.event() else {
            return tracing::info!(peer = peer.name, code = why.code(), "not taken yet: {words}");
        };
        tracing::warn!(peer = peer.name, code = why.code(), "checkpoint not taken: {words}");
        if let SubmitRefusal::Contradicts { what, offered, .. } = why
            && !peer.is_news(*what, *offered)
        {
            return;
        }
        self.events.by(peer.actor(), event, About::object(peer.key.name()), words);
    }
}

impl AnswersOverTls for Receiver {
    fn tls(&self) -> TlsAcceptor {
        self.tls.clone()
    }
}

impl Answers for Receiver {
    const WHAT: &'static str = "checkpoints of other gateways";

    async fn answer(&self, request: Request<Incoming>, client: &Client) -> Response {
        let peer = match self.peer(client) {
            Ok(peer) => peer,
            Err(why) => {
                let (from, words) = (client.from.ip().to_canonical(), why.event_words());
                tracing::warn!(%from, code = why.code(), "checkpoint not taken: {words}");
                self.events.stranger(from, "checkpoint.refused", words);
                return why.response();
            }
        };
        match self.add(peer, request).await {
            // A departure from tlog-witness, whose answer is a cosignature: the
            // checkpoint that is held is the proof, for whoever asks for it.
            Ok(()) => https::with_type(StatusCode::OK, "text/plain; charset=utf-8", ""),
            Err(why) => {
                self.tell(peer, &why);
                why.response()
            }
        }
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        self.events.stranger(from.ip().to_canonical(), why.code(), why.to_string());
    }
}

/// How long ago something came; `None`: nothing did. A clock that was set back makes it now.
fn age(at: UtcMillis, now: UtcMillis) -> Option<Duration> {
    let ms = u64::try_from(now.since(at)).unwrap_or(0);
    (at.0 > 0).then_some(Duration::from_millis(ms))
}

fn minutes(quiet: Duration) -> u64 {
    quiet.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_ages() {
        let ms = |n| Some(Duration::from_millis(n));
        for (at, now, want) in [
            (0, 9, None),
            (1, 9, ms(8)),
            (9, 9, ms(0)),
            (10, 9, ms(0)),
            (i64::MAX, 9, ms(0)),
            (1, i64::MAX, ms(i64::MAX as u64 - 1)),
        ] {
            assert_eq!(age(UtcMillis(at), UtcMillis(now)), want, "{at} {now}");
        }
    }
}

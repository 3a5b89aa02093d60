//! One PUT: which gateway sends it, whether it is about that gateway's log, and what is done.

use super::{
    judge::{Head, Verdict},
    peer::Peer,
    refusal::PutRefusal,
};
use crate::{
    clock::{now, steady},
    events::EventSink,
    listeners::https::{self, Answers, AnswersOverTls, Client, Response, TurnedAway},
    metrics::Metrics,
};
use hyper::{Method, Request, StatusCode, body::Incoming};
use signet_events::About;
use signet_identity::{PeerError, PeerIdentity, Role};
use signet_rfq::UtcMillis;
use signet_tlog::{Checkpoint, note::NOTE_LEN_MAX};
use std::{net::SocketAddr, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// What the listener answers from.
pub(super) struct Receiver {
    tls: TlsAcceptor,
    peers: Vec<Peer>,
    events: EventSink,
    metrics: Arc<Metrics>,
}

impl Receiver {
    /// Looks at what is held of each gateway, and says where it cannot be used.
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
                    receiver.tell(peer, &PutRefusal::NotKept(e));
                    None
                }
            };
            // One that has sent nothing has a series as well, so that its silence can be seen.
            let (size, at) = held.map_or((0, UtcMillis(0)), |(head, at)| (head.size, at));
            receiver.metrics.checkpoints.is_now(&peer.name, size, at);
        }
        receiver
    }

    /// Which gateway of the configuration it is, by its certificate.
    fn peer(&self, client: &Client) -> Result<&Peer, PutRefusal> {
        let leaf = client.chain.first().ok_or(PeerError::NoCertificate)?;
        let shown = PeerIdentity::from_certificate(leaf)?;
        let peer = self.peers.iter().find(|p| p.name == shown.comp_id.as_str());
        // Another role is named as such, whoever it is.
        let domain = peer.map_or(&shown.trust_domain, |p| &p.trust_domain);
        shown.require(Role::Gateway, domain)?;
        peer.ok_or(PutRefusal::UnknownPeer(shown.comp_id))
    }

    async fn put(&self, peer: &Peer, request: Request<Incoming>) -> Result<StatusCode, PutRefusal> {
        if !peer.may_ask(steady()) {
            return Err(PutRefusal::TooOften);
        }
        let (head, body) = request.into_parts();
        let address = peer.address(head.uri.path()).ok_or(PutRefusal::NotFound)?;
        if head.method != Method::PUT {
            return Err(PutRefusal::Method);
        }
        let note = https::body(body, NOTE_LEN_MAX).await?;
        self.take(peer, &note, address.size)
    }

    /// `named`: the size in the address. Nothing is awaited here, so two notes of one gateway are
    /// judged one after the other.
    fn take(&self, peer: &Peer, note: &[u8], named: Option<u64>) -> Result<StatusCode, PutRefusal> {
        let offered = Head::of(&Checkpoint::open(note, &peer.key)?);
        if let Some(address) = named.filter(|size| *size != offered.size) {
            return Err(PutRefusal::OtherSize { note: offered.size, address });
        }
        let at = now();
        let verdict = peer.with_store(|store| store.take(note, offered, at, steady()))?;
        match verdict {
            // It may be the one that was held when this gateway started.
            Verdict::Same => {
                self.metrics.checkpoints.is_now(&peer.name, offered.size, at);
                return Ok(StatusCode::OK);
            }
            Verdict::Grown => {}
            Verdict::First => {
                let about = About::object(peer.key.name());
                let (actor, words) = (peer.actor(), offered.to_string());
                self.events.by(actor, "checkpoint.received_first", about, words);
            }
            Verdict::Contradicts { what, held } => {
                let kept = peer.with_store(|store| store.keep_refused(what, note, &offered));
                let evidence = match kept {
                    Ok(Some(path)) => format!("kept as {}", path.display()),
                    Ok(None) => "not kept, since enough of these are".into(),
                    Err(e) => format!("not kept: {e}"),
                };
                return Err(PutRefusal::Contradicts { what, held, offered, evidence });
            }
        }
        let (peer, size) = (&peer.name, offered.size);
        self.metrics.checkpoints.is_now(peer, size, at);
        tracing::info!(peer, size, "a checkpoint of another gateway was taken");
        Ok(StatusCode::CREATED)
    }

    /// Writes down why a gateway was refused; the same contradiction only once.
    fn tell(&self, peer: &Peer, why: &PutRefusal) {
        let words = why.event_words();
        tracing::warn!(peer = peer.name, code = why.code(), "checkpoint not taken: {words}");
        if let PutRefusal::Contradicts { what, offered, .. } = why
            && !peer.is_news(*what, *offered)
        {
            return;
        }
        self.events.by(peer.actor(), why.event(), About::object(peer.key.name()), words);
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
                self.events.stranger(from, why.event(), words);
                return why.response();
            }
        };
        match self.put(peer, request).await {
            Ok(status) => https::with_type(status, "application/json", "{}\n"),
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

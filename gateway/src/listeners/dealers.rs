//! Connections to dealers: dialled by the gateway, one FIX session each, kept up for ever.

use super::{
    carried::{Aborter, Connections, NoThread, NotCarried, Refused, Wire},
    crl::{self, CrlFiles},
    fix_sessions::tell_unsigned,
};
use crate::{
    clock::now,
    config::{DealerEntry, ResetSchedule},
    pipeline::Pipeline,
};
use rustls_pki_types::CertificateDer;
use signet_events::About;
use signet_fix::{
    framer::Framer,
    pump::pump_within,
    session::{Binding, Channel, Session},
    signature::{commits_asker, every},
};
use signet_identity::{
    ClientProfile, Crls, MessageKey, MessagePublicKey, PeerError, PeerIdentity, Refusal, Role,
    Stage, describe,
};
use signet_net as net;
use signet_rfq::DealerId;
use std::{rc::Rc, time::Duration};
use time::OffsetDateTime;
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

pub const DIAL_MAX: Duration = Duration::from_secs(10);
const RETRY: net::Doubling =
    net::Doubling { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// An established connection, and what the dealer showed.
struct Connected {
    stream: Wire<TlsStream<TcpStream>>,
    shown: Shown,
}

struct Shown {
    /// The connection's cryptography, for the log.
    words: String,
    chain: Vec<CertificateDer<'static>>,
    /// The key that its messages are verified with, when they must be signed.
    key: Option<MessagePublicKey>,
}

/// The revocation lists for dealers' certificates, shared by all lines.
pub struct DealerLists(watch::Sender<Option<Crls>>);

impl DealerLists {
    pub fn new(crls: Option<Crls>) -> Self {
        Self(watch::Sender::new(crls))
    }

    fn crls(&self) -> Option<Crls> {
        self.0.borrow().clone()
    }

    fn changes(&self) -> watch::Receiver<Option<Crls>> {
        self.0.subscribe()
    }

    /// Keeps the lists fresh, and those that were in force as evidence.
    pub async fn keep_up(self: Rc<Self>, mut files: CrlFiles, pipeline: Rc<Pipeline>) {
        pipeline.signed.lists(now(), files.contents());
        loop {
            tokio::time::sleep(crl::LOOK).await;
            files.complain(OffsetDateTime::now_utc());
            let Some((lists, changed)) = files.refreshed_aside().await else {
                return tracing::error!(
                    alert = true,
                    "the revocation lists for dealers are not looked at any longer; restart the \
                        gateway"
                );
            };
            files = lists;
            if changed {
                drop(self.0.send_replace(files.crls(None)));
                pipeline.signed.lists(now(), files.contents());
            }
        }
    }
}

/// Why a dealer cannot be connected to. At fault: the dealer, the network, or the configuration.
#[derive(Debug, thiserror::Error)]
pub enum DealerRefusal {
    /// The connection or its TLS handshake.
    #[error("{}", .0.message())]
    Connection(Refusal),
    /// Our own TLS settings.
    #[error("{0}")]
    Settings(String),
    /// `server_name` is not a host name.
    #[error("{0}")]
    ServerName(&'static str),
    /// The certificate is another party's, or states no identity.
    #[error("{0}")]
    Certificate(String),
    /// The dealer must sign, and its key cannot be verified with.
    #[error("{words}")]
    Key {
        /// Stable.
        code: &'static str,
        /// With what cures it.
        words: String,
    },
    /// No connection thread takes it.
    #[error(transparent)]
    NoThread(NoThread),
}

impl DealerRefusal {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection(r) => r.code(),
            Self::Settings(_) => "dealer.tls",
            Self::ServerName(_) => "dealer.server_name",
            Self::Certificate(_) => "dealer.certificate",
            Self::Key { code, .. } => code,
            Self::NoThread(_) => "dealer.no_thread",
        }
    }

    /// Whether the dealer answered, and refused whoever shows no certificate.
    pub fn wants_certificate(&self) -> bool {
        matches!(
            self,
            Self::Connection(
                Refusal::NoClientCertificateSent
                    | Refusal::ClientCertificateRefused { .. }
                    | Refusal::ClientCertificateUnknownCa
                    | Refusal::ClientCertificateExpired
                    | Refusal::ClientCertificateRevoked
                    | Refusal::KeyUnavailable { .. }
            )
        )
    }
}

/// The dealer to dial, and the identity that must answer.
#[derive(Debug, Clone)]
pub struct Peer {
    pub dealer: DealerId,
    pub host: String,
    pub port: u16,
    pub server_name: String,
    pub trust_domain: String,
    /// Its messages must be signed.
    pub signs: bool,
}

impl Peer {
    pub fn new(d: &DealerEntry, trust_domain: &str) -> Self {
        let (host, port) = d.host_and_port().unwrap_or_default();
        let (host, server_name) = (host.to_owned(), d.name_to_verify().to_owned());
        Self {
            dealer: d.comp_id.clone(),
            host,
            port,
            server_name,
            trust_domain: trust_domain.to_owned(),
            signs: d.signs,
        }
    }

    /// TCP, TLS, and the certificate's identity.
    ///
    /// # Errors
    /// Why the dealer cannot be connected to.
    pub async fn dial(
        &self,
        profile: &ClientProfile,
    ) -> Result<TlsStream<TcpStream>, DealerRefusal> {
        let tls = profile.config().map_err(|e| DealerRefusal::Settings(e.to_string()))?;
        let tcp = net::tcp(&self.host, self.port).await.map_err(DealerRefusal::Connection)?;
        let name = ServerName::try_from(self.server_name.clone())
            .map_err(|_| DealerRefusal::ServerName("not a host name"))?;
        let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(|e| {
            DealerRefusal::Connection(Refusal::seen_by_client(&e, Stage::Handshake))
        })?;
        let wrong = |e: PeerError| DealerRefusal::Certificate(e.to_string());
        let peer = PeerIdentity::of_connection(stream.get_ref().1).map_err(wrong)?;
        peer.require(Role::Dealer, &self.trust_domain).map_err(wrong)?;
        if peer.comp_id.as_str() != self.dealer.as_str() {
            let words = format!("the certificate is {}'s", peer.comp_id);
            return Err(DealerRefusal::Certificate(words));
        }
        self.key(&stream)?;
        Ok(stream)
    }

    /// The same, and what the dealer showed.
    async fn reach(
        &self,
        profile: &ClientProfile,
    ) -> Result<(TlsStream<TcpStream>, Shown), DealerRefusal> {
        let stream = self.dial(profile).await?;
        let connection = stream.get_ref().1;
        let chain = connection.peer_certificates().unwrap_or_default();
        let shown = Shown {
            words: describe(connection),
            chain: chain.iter().map(|c| c.clone().into_owned()).collect(),
            key: self.key(&stream)?,
        };
        Ok((stream, shown))
    }

    /// The key of a dealer that must sign. An unsupported key type fails at connect, not at the
    /// first quote.
    fn key(
        &self,
        stream: &TlsStream<TcpStream>,
    ) -> Result<Option<MessagePublicKey>, DealerRefusal> {
        if !self.signs {
            return Ok(None);
        }
        MessagePublicKey::of_connection(stream.get_ref().1)
            .map(Some)
            .map_err(|e| DealerRefusal::Key { code: e.code(), words: format!("{e}. {}", e.cure()) })
    }
}

pub struct Line {
    pub to: Peer,
    pub tls: ClientProfile,
    pub lists: Rc<DealerLists>,
    pub session: Rc<Session>,
    /// Signs what commits us; `None` towards a dealer that does not want it.
    pub signing: Option<MessageKey>,
    /// When its sequence numbers start again.
    pub reset: ResetSchedule,
    /// Threads that have its socket, if any.
    pub connections: Option<Connections>,
}

/// How often a clock is looked at that may be set, or stand still while the machine sleeps.
const RESET_LOOK: Duration = Duration::from_secs(5);
/// For the dealer to answer our Logout before the line is cut for the reset.
const RESET_GOODBYE: Duration = Duration::from_secs(2);
/// How often is looked whether a line that was cut is resumed.
const CUT_LOOK: Duration = Duration::from_millis(500);
/// For the Logout to leave before a dealer that sends too much is disconnected.
const EXCESS_GOODBYE: Duration = Duration::from_millis(200);

impl Line {
    /// Dials, logs on and pumps, again and again.
    pub async fn keep_up(self, pipeline: Rc<Pipeline>) {
        let (mut tries, mut told) = (0u32, None);
        loop {
            while pipeline.line_is_cut(&self.to.dealer) {
                tokio::time::sleep(CUT_LOOK).await;
            }
            self.reset_if_due(&pipeline);
            let mut excess = false;
            // From before the lists of the handshake are read: one that comes during it counts.
            let changes = self.lists.changes();
            match timeout(DIAL_MAX, self.dial()).await {
                Ok(Ok((Connected { stream, shown }, profile))) => {
                    told = None;
                    let began = tokio::time::Instant::now();
                    let (aborter, chain) = (stream.aborter(), &shown.chain);
                    // Nor does what waits for its socket reach a dealer that is revoked.
                    let revoked = async {
                        self.revoked(changes, chain, &profile).await;
                        aborter.iter().for_each(Aborter::abort);
                    };
                    tokio::select! {
                        () = self.run(stream, chain, shown.key, &pipeline) => {}
                        () = self.until_reset() => self.leave(&pipeline),
                        () = self.over_budget(&pipeline) => {
                            self.leave(&pipeline);
                            excess = true;
                        }
                        () = revoked => {
                            // The session is left by dropping the connection: a dealer that is
                            // revoked gets no further word.
                            self.leave(&pipeline);
                        }
                    }
                    // A line that held was good: start over with short waits.
                    if began.elapsed() > RETRY.longest {
                        tries = 0;
                    }
                }
                Ok(Err(why)) => {
                    tracing::warn!(
                        dealer = %self.to.dealer,
                        code = why.code(),
                        "cannot connect: {why}"
                    );
                    let cause = (why.code(), why.to_string());
                    pipeline.dealer_unreached(&self.to.dealer, &mut told, cause);
                }
                Err(_) => {
                    tracing::warn!(dealer = %self.to.dealer, "cannot connect: no answer within \
                        {DIAL_MAX:?}");
                    let why = Refusal::TimedOut;
                    let cause = (why.code(), why.message());
                    pipeline.dealer_unreached(&self.to.dealer, &mut told, cause);
                }
            }
            tokio::time::sleep(if excess && !pipeline.line_is_cut(&self.to.dealer) {
                pipeline.peers.pause()
            } else {
                RETRY.doubled(tries)
            })
            .await;
            tries = tries.saturating_add(1);
        }
    }

    /// Leaves the session by dropping its connection.
    fn leave(&self, pipeline: &Pipeline) {
        self.session.detach();
        while let Some(e) = self.session.next_event() {
            pipeline.dealer_event(&self.to.dealer, e);
        }
    }

    /// Returns when the dealer has gone on beyond its budget, and has been told Logout.
    async fn over_budget(&self, pipeline: &Pipeline) {
        pipeline.peers.dealer_out(&self.to.dealer).notified().await;
        let cut = pipeline.line_is_cut(&self.to.dealer);
        self.session.logout(match cut {
            true => {
                "too many contradicting or unreadable messages; call the gateway's operator \
                (dealer.cut)"
            }
            false => "too many messages (budget.dealer_out)",
        });
        tokio::time::sleep(EXCESS_GOODBYE).await;
    }

    /// Starts the sequence numbers again when their time has come. The line is down.
    fn reset_if_due(&self, pipeline: &Pipeline) {
        let now = now();
        if !self.reset.is_due(self.session.numbers_since(), now) {
            return;
        }
        match self.session.reset_numbers(now) {
            Ok(_) => {
                tracing::info!(dealer = %self.to.dealer, "sequence numbers start again, as \
                    scheduled");
                let words =
                    format!("{}: sequence numbers start again, as scheduled", self.to.dealer);
                pipeline.events.gateway("session.reset", About::object("gateway"), words);
            }
            Err(e) => {
                tracing::error!(dealer = %self.to.dealer, error = %e, "sequence numbers cannot be \
                    reset")
            }
        }
    }

    /// Returns when the numbers are due to start again, and the dealer has been told Logout.
    async fn until_reset(&self) {
        while !self.reset.is_due(self.session.numbers_since(), now()) {
            tokio::time::sleep(RESET_LOOK).await;
        }
        self.session.logout("sequence numbers start again, as scheduled");
        tokio::time::sleep(RESET_GOODBYE).await;
    }

    async fn dial(&self) -> Result<(Connected, ClientProfile), DealerRefusal> {
        let profile =
            self.lists.crls().into_iter().fold(self.tls.clone(), ClientProfile::with_crls);
        let (stream, shown) = match &self.connections {
            None => {
                let (stream, shown) = self.to.reach(&profile).await?;
                (Wire::Own(stream), shown)
            }
            Some(threads) => {
                let (to, profile) = (self.to.clone(), profile.clone());
                let establish =
                    move || async move { to.reach(&profile).await.map_err(Refused::at_once) };
                let (carried, shown) = threads.carried(establish).await.map_err(|e| match e {
                    NotCarried::NoThread(e) => DealerRefusal::NoThread(e),
                    NotCarried::Refused(why, _) => why,
                })?;
                (Wire::Carried(carried), shown)
            }
        };
        tracing::info!(dealer = %self.to.dealer, tls = shown.words, "connected to dealer");
        Ok((Connected { stream, shown }, profile))
    }

    /// Returns when a newer list names the dealer's certificate.
    async fn revoked(
        &self,
        mut changes: watch::Receiver<Option<Crls>>,
        chain: &[CertificateDer<'static>],
        profile: &ClientProfile,
    ) {
        let Ok(name) = ServerName::try_from(self.to.server_name.clone()) else { return };
        loop {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            let crls = changes.borrow_and_update().clone();
            let profile = crls.into_iter().fold(profile.clone(), ClientProfile::with_crls);
            if let Err(why) = profile.recheck(chain, &name, OffsetDateTime::now_utc()) {
                return tracing::error!(
                    dealer = %self.to.dealer,
                    code = why.code(),
                    "dealer cut off: {why}"
                );
            }
        }
    }

    async fn run(
        &self,
        stream: Wire<TlsStream<TcpStream>>,
        chain: &[CertificateDer<'static>],
        key: Option<MessagePublicKey>,
        pipeline: &Rc<Pipeline>,
    ) {
        if let Some((leaf, issuers)) = chain.split_first() {
            pipeline.signed.dealer_is(&self.to.dealer, leaf, issuers);
        }
        let signing = self.signing.as_ref().map(|key| pipeline.signed.signing(key, commits_asker));
        let verification = key.map(|key| pipeline.signed.verification(key, every));
        let channel = Channel { binding: Binding::None, signing, verification };
        let outbox = match self.session.attach(channel) {
            Ok(o) => o,
            Err(e) => {
                return tracing::error!(dealer = %self.to.dealer, error = %e, "the session cannot \
                    be attached");
            }
        };
        self.session.tick();
        let mut framer = Framer::new();
        let share = pipeline.peers.dealer_share(&self.to.dealer);
        let on_event = |e| pipeline.dealer_event(&self.to.dealer, e);
        let closed =
            pump_within(stream, &mut framer, &self.session, &outbox, &share, on_event).await;
        tell_unsigned(&pipeline.events, &self.to.dealer, &closed);
        tracing::info!(dealer = %self.to.dealer, why = %closed, "connection ended");
    }
}

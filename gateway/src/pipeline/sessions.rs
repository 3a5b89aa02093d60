//! The FIX sessions of desks and dealers, and which desks are on.
//!
//! The maps are private: a stage asks a question about one desk and gets a copy of what it needs.

use crate::{limits::NoLogon, risk::Access, utc::DeskClock};
use rustls_pki_types::CertificateDer;
use signet_fix::{
    message::Capabilities,
    session::{Outbox, Session},
};
use signet_identity::{CompId, Refusal};
use signet_policy::{score::Assessment, software::SoftwareRefusal};
use signet_registry::admission::{AdmissionRefusal, Shown};
use signet_rfq::{DealerId, UtcMillis};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::IpAddr,
    rc::Rc,
};

/// Who is at the other end of a desk's connection, and which connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The registry's user id.
    pub user: String,
    /// RFC 9266 exporter.
    pub exporter: [u8; 32],
    /// Serial number of the client certificate, lower-case hexadecimal.
    pub serial: String,
    /// The peer's address, or what a load balancer of ours says it is.
    pub address: IpAddr,
}

/// Set once a session was cut off.
#[derive(Debug, Clone, Default)]
pub struct SessionCut(Rc<Cell<bool>>);

impl SessionCut {
    /// Whether it was.
    pub fn done(&self) -> bool {
        self.0.get()
    }
}

/// What becomes of what a desk has open at dealers when its session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It stays: the person may come back.
    None,
    /// It is withdrawn, unless `risk.open_rfqs` keeps it. Why, as the desk reads it.
    BySetting(&'static str),
    /// It is withdrawn: somebody decided that this person, device or certificate is kept out.
    Always(&'static str),
}

/// Why a session ends, or does not begin.
#[derive(Debug, Clone)]
pub struct EndReason {
    /// Stable.
    pub code: &'static str,
    /// For the person at the desk.
    pub words: String,
    /// Empty when there is nothing to say.
    pub cure: String,
    /// When the desk may try again by itself, seconds from now; `None`: somebody must act.
    pub retry_s: Option<u64>,
    /// The judgement that it follows from, for the event.
    pub judged: Option<Box<Assessment>>,
    /// What becomes of open RFQs.
    pub withdrawal: Withdrawal,
}

impl EndReason {
    /// One that does not end by time, and leaves RFQs open.
    pub fn new(code: &'static str, words: impl Into<String>, cure: impl Into<String>) -> Self {
        let (words, cure) = (words.into(), cure.into());
        Self { code, words, cure, retry_s: None, judged: None, withdrawal: Withdrawal::None }
    }
}

impl From<AdmissionRefusal> for EndReason {
    fn from(why: AdmissionRefusal) -> Self {
        let withdrawal = why.withdraws().map_or(Withdrawal::None, Withdrawal::Always);
        let ends = Self::new(why.code(), why.to_string(), why.cure());
        Self { retry_s: why.retry_s(), withdrawal, ..ends }
    }
}

impl From<NoLogon> for EndReason {
    fn from(why: NoLogon) -> Self {
        let retry_s = match why {
            NoLogon::Paused { seconds } => Some(seconds),
            NoLogon::TooOften => None,
        };
        Self { retry_s, ..Self::new(why.code(), why.to_string(), why.cure()) }
    }
}

impl From<SoftwareRefusal> for EndReason {
    fn from(why: SoftwareRefusal) -> Self {
        let text = "withdrawn by the gateway: this desk may not be used";
        let withdrawal = Withdrawal::BySetting(text);
        Self { withdrawal, ..Self::new(why.code(), why.to_string(), why.cure()) }
    }
}

impl From<&Refusal> for EndReason {
    fn from(why: &Refusal) -> Self {
        // A list that is missing or too old, or time, says nothing against anybody.
        let withdrawal = match why {
            Refusal::ClientCertificateRevoked => {
                AdmissionRefusal::Revoked.withdraws().map_or(Withdrawal::None, Withdrawal::Always)
            }
            _ => Withdrawal::None,
        };
        Self { withdrawal, ..Self::new(why.code(), why.message().to_string(), why.cure()) }
    }
}

/// What a desk's frames come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Transport {
    Tcp,
    Quic,
}

impl Transport {
    /// As administrators read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Quic => "quic",
        }
    }
}

/// One desk's connection.
pub struct ActiveSession {
    /// The certificate, as the registry knows certificates.
    pub shown: Shown,
    /// Who is at the other end.
    pub connection: Connection,
    /// What its risk is judged by.
    pub access: Rc<Access>,
    /// The desk's FIX session.
    pub session: Rc<Session>,
    /// What leaves over this connection.
    pub outbox: Rc<Outbox>,
    /// When it was admitted.
    pub since: UtcMillis,
    /// How its clock compares with ours.
    pub clock: Cell<DeskClock>,
    /// What its frames come over.
    pub transport: Transport,
    /// Messages that came over it; shared with the connection's task.
    pub messages: Rc<Cell<u64>>,
    /// Shared with the connection's task.
    pub cut: SessionCut,
    /// As shown in the handshake, leaf first; checked again when revocation lists change.
    pub chain: Vec<CertificateDer<'static>>,
}

/// All sessions of the gateway.
#[derive(Default)]
pub struct Sessions {
    desks: RefCell<BTreeMap<CompId, Rc<Session>>>,
    dealers: RefCell<BTreeMap<DealerId, Rc<Session>>>,
    active: RefCell<BTreeMap<CompId, ActiveSession>>,
}

impl Sessions {
    /// The FIX session of a desk that has connected before.
    pub fn desk(&self, desk: &CompId) -> Option<Rc<Session>> {
        self.desks.borrow().get(desk).cloned()
    }

    /// Remembers the FIX session of a desk.
    pub fn add_desk(&self, desk: &CompId, session: Rc<Session>) {
        self.desks.borrow_mut().insert(desk.clone(), session);
    }

    /// The FIX session of a dealer.
    pub fn dealer(&self, dealer: &DealerId) -> Option<Rc<Session>> {
        self.dealers.borrow().get(dealer).cloned()
    }

    /// Remembers the FIX session of a dealer.
    pub fn add_dealer(&self, dealer: &DealerId, session: Rc<Session>) {
        self.dealers.borrow_mut().insert(dealer.clone(), session);
    }

    /// Every FIX session, on or not.
    pub fn all(&self) -> Vec<Rc<Session>> {
        let (desks, dealers) = (self.desks.borrow(), self.dealers.borrow());
        desks.values().chain(dealers.values()).cloned().collect()
    }

    /// A desk was admitted; its newest connection is the one that counts.
    pub fn begin(&self, desk: &CompId, session: ActiveSession) {
        self.active.borrow_mut().insert(desk.clone(), session);
    }

    /// A desk's connection ended, unless a newer one has taken its place.
    pub fn end(&self, desk: &CompId, outbox: &Rc<Outbox>) {
        let mut active = self.active.borrow_mut();
        if active.get(desk).is_some_and(|s| Rc::ptr_eq(&s.outbox, outbox)) {
            active.remove(desk);
        }
    }

    /// A desk's connection moved to another address; what its risk is judged by, and the address
    /// before. `None`: the connection is not the one that counts, or was cut off.
    pub fn moved(
        &self,
        desk: &CompId,
        outbox: &Rc<Outbox>,
        to: IpAddr,
    ) -> Option<(Rc<Access>, IpAddr)> {
        let mut active = self.active.borrow_mut();
        let s = active.get_mut(desk).filter(|s| !s.cut.done() && Rc::ptr_eq(&s.outbox, outbox))?;
        let from = std::mem::replace(&mut s.connection.address, to);
        Some((s.access.clone(), from))
    }

    /// Asks about a desk that is on and was not cut off.
    pub fn of<T>(&self, desk: &CompId, f: impl FnOnce(&ActiveSession) -> T) -> Option<T> {
        self.active.borrow().get(desk).filter(|s| !s.cut.done()).map(f)
    }

    /// Whether a desk is on and was not cut off.
    pub fn is_on(&self, desk: &CompId) -> bool {
        self.of(desk, |_| ()).is_some()
    }

    /// Who is at a desk that is on, and over which connection.
    pub fn connection(&self, desk: &CompId) -> Option<Connection> {
        self.of(desk, |s| s.connection.clone())
    }

    /// What the risk of a desk that is on is judged by.
    pub fn access(&self, desk: &CompId) -> Option<Rc<Access>> {
        self.of(desk, |s| s.access.clone())
    }

    /// Which newer fields and messages a desk knows, as its Logon says; none for one that is off.
    pub fn knows(&self, desk: &CompId) -> Capabilities {
        self.of(desk, |s| s.access.software.knows()).unwrap_or_default()
    }

    /// The desks that are on.
    pub fn on(&self) -> Vec<CompId> {
        self.map_on(|desk, _| desk.clone())
    }

    /// What `f` says of each desk that is on.
    pub fn map_on<T>(&self, mut f: impl FnMut(&CompId, &ActiveSession) -> T) -> Vec<T> {
        let active = self.active.borrow();
        active.iter().filter(|(_, s)| !s.cut.done()).map(|(d, s)| f(d, s)).collect()
    }

    /// Marks a desk's connection as cut off: from here on nothing the desk says is acted on,
    /// whatever it still sends. Its FIX session, and where its last words leave.
    pub fn cut(&self, desk: &CompId) -> Option<(Rc<Session>, Rc<Outbox>, String)> {
        let active = self.active.borrow();
        let s = active.get(desk)?;
        s.cut.0.set(true);
        Some((s.session.clone(), s.outbox.clone(), s.shown.serial.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_devca::{DevPki, Order};
    use signet_fix::{
        session::{Binding, Role, SessionConfig},
        store::MemoryStore,
    };
    use signet_identity::{MessagePublicKey, PeerIdentity};

    /// A desk's connection and where it says it is.
    fn connection(desk: &CompId, session: &Rc<Session>, address: IpAddr) -> ActiveSession {
        let pki = DevPki::generate("test.signet.example", time::OffsetDateTime::now_utc()).unwrap();
        let issued = pki.issue(&Order::desk(desk.as_str())).unwrap();
        let leaf = issued.chain().first().unwrap().clone();
        let peer = PeerIdentity::from_certificate(&leaf).unwrap();
        let key = MessagePublicKey::of_certificate(&leaf).unwrap();
        let access = Access::new("alice".into(), &peer, key, "", Some(address));
        ActiveSession {
            shown: crate::registry_view::shown(&peer),
            connection: Connection {
                user: "alice".into(),
                exporter: [0; 32],
                serial: peer.serial,
                address,
            },
            access: Rc::new(access),
            session: session.clone(),
            outbox: session.attach(Binding::None).unwrap(),
            since: UtcMillis(0),
            clock: Cell::default(),
            transport: Transport::Tcp,
            messages: Rc::default(),
            cut: SessionCut::default(),
            chain: vec![leaf],
        }
    }

    #[test]
    fn only_the_connection_that_counts_moves_its_desk() {
        let id = |s: &str| CompId::new(s).unwrap();
        let (desk, target) = (id("MOVES-DESK"), id("MOVES-GW"));
        let (sender, target) = (target, desk.clone());
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 10, strict: true };
        let store = Box::new(MemoryStore::new(UtcMillis(0)));
        let session = Rc::new(Session::open(&config, store).unwrap());
        let [office, hotel, phone] =
            ["10.0.0.1", "10.0.1.1", "10.0.2.1"].map(|a| a.parse::<IpAddr>().unwrap());
        let sessions = Sessions::default();
        let first = connection(&desk, &session, office);
        let old = first.outbox.clone();
        sessions.begin(&desk, first);
        let from = sessions.moved(&desk, &old, hotel).map(|(_, from)| from);
        assert_eq!(from, Some(office));
        let second = connection(&desk, &session, office);
        let new = second.outbox.clone();
        sessions.begin(&desk, second);
        assert!(sessions.moved(&desk, &old, phone).is_none(), "a newer one took its place");
        assert_eq!(sessions.connection(&desk).map(|c| c.address), Some(office));
        assert_eq!(sessions.moved(&desk, &new, hotel).map(|(_, from)| from), Some(office));
        sessions.cut(&desk);
        assert!(sessions.moved(&desk, &new, phone).is_none(), "it was cut off");
    }
}

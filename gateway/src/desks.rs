//! The listener for desks: TLS, identity, CompID, then the session.

use crate::{
    admission::{AdmissionLimits, Place, Places, Progress},
    core::Core,
    crl::{self, CrlFiles},
    enforce::Connection,
    listener_tls::ListenerTls,
    live::{self, Cut, Live},
    loaded::Loaded,
    registry_view::{self, Admitted as Who, RegistryView},
    risk::{self, Access, Risk, proxy},
    signed,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ipnetwork::IpNetwork;
use rustls_pki_types::CertificateDer;
use signet_fix::{
    framer::Framer,
    pump::{Closed, frames, pump_within},
    session::{Binding, Channel, Event, Session, SessionOptions, read_logon},
    signature::{commits_gateway, every},
    tag,
    tagvalue::{Fields, format_utc, seal},
};
use signet_identity::{
    MessageKey, MessagePublicKey, PeerIdentity, Refusal, Role, Stage, channel_binding, describe,
};
use signet_policy::score::Decision;
use signet_registry::{NewEvent, admission::Shown};
use signet_rfq::CompId;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

/// TLS handshake and Logon together may take this long; a stranger holds a place no longer.
const ADMISSION_MAX: Duration = Duration::from_secs(5);

/// Opens the FIX session of a desk that connects for the first time.
type OpenSession = Box<dyn Fn(&CompId) -> Result<Session, String>>;

pub struct Door {
    pub listener: TcpListener,
    pub tls: Rc<ListenerTls>,
    pub comp_id: CompId,
    pub trust_domain: String,
    pub known: BTreeSet<CompId>,
    pub max_connections: usize,
    /// Strangers compete with strangers, not with traders who are on.
    pub admission: AdmissionLimits,
    /// With a registry: who is registered, and whether those without a `[[desk]]` entry may come
    /// in.
    pub roster: Option<Rc<RegistryView>>,
    pub desk_default: bool,
    pub risk: Rc<Risk>,
    /// Balancers that say whom they speak for.
    pub proxy_from: Vec<IpNetwork>,
    /// Somebody whose score wants a touch can be asked for one.
    pub step_up: bool,
    pub open_session: OpenSession,
    /// What a Logon may say.
    pub options: SessionOptions,
    /// What commits us towards desks is signed with it.
    pub message_key: MessageKey,
}

impl Door {
    pub fn new(
        listener: TcpListener,
        tls: Rc<ListenerTls>,
        loaded: &Loaded,
        roster: Option<Rc<RegistryView>>,
        risk: Rc<Risk>,
        open_session: OpenSession,
    ) -> Self {
        Self {
            listener,
            tls,
            comp_id: loaded.config.gateway.comp_id.clone(),
            trust_domain: loaded.config.gateway.trust_domain.clone(),
            known: loaded.config.desk.iter().map(|d| d.comp_id.clone()).collect(),
            max_connections: loaded.config.desks.max_connections,
            admission: AdmissionLimits::of_desks(&loaded.config.limits),
            roster: roster.clone(),
            desk_default: loaded.config.desk_default.is_some(),
            risk,
            proxy_from: loaded.config.desks.proxy_from.clone(),
            step_up: roster.is_some() && loaded.config.step_up.is_some(),
            open_session,
            options: crate::desk_options(&loaded.config),
            message_key: loaded.message_key.clone(),
        }
    }

    /// Accepts for ever; every connection is a task of this thread.
    pub async fn serve(self, core: Rc<Core>) {
        let door = Rc::new(self);
        let places = Arc::new(Semaphore::new(door.max_connections));
        let admissions = Places::new(door.admission);
        loop {
            let (stream, from) = match door.listener.accept().await {
                Ok(x) => x,
                Err(e) => {
                    // Out of descriptors, most likely: wait instead of spinning.
                    tracing::error!(error = %e, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(connection) = places.clone().try_acquire_owned() else {
                tracing::warn!(%from, code = "desks.max_connections", "too many connections; one \
                    refused");
                continue;
            };
            let place = match admissions.take((!door.is_balancer(from)).then(|| from.ip())) {
                Ok(p) => p,
                Err(e) => {
                    tracing::warn!(%from, code = "admission.refused", "{e}; one refused");
                    continue;
                }
            };
            let (door, core) = (door.clone(), core.clone());
            tokio::task::spawn_local(async move {
                let admitted = tokio::select! {
                    admitted = timeout(ADMISSION_MAX, door.admit(stream, from, &place, &core)) => admitted,
                    () = place.evicted() => {
                        return tracing::warn!(%from, code = "admission.evicted", "still no Logon, and others wait; closed");
                    }
                };
                drop(place);
                match admitted {
                    Ok(Some(a)) => door.run(a, from, &core).await,
                    Ok(None) => {}
                    Err(_) => tracing::warn!(%from, "no TLS and Logon in time; closed"),
                }
                drop(connection);
            });
        }
    }

    /// TLS, certificate, first frame. `None` when refused; the reason has been logged.
    async fn admit(
        &self,
        mut stream: TcpStream,
        from: SocketAddr,
        place: &Place,
        core: &Core,
    ) -> Option<Admitted> {
        stream.set_nodelay(true).ok()?;
        let vouched_for = match self.address(&mut stream, from).await {
            Ok(a) => a,
            Err(e) => {
                tracing::warn!(%from, code = "proxy.refused", "{e}");
                return None;
            }
        };
        let address = vouched_for.unwrap_or_else(|| from.ip());
        if self.is_balancer(from)
            && let Err(e) = place.named(address)
        {
            tracing::warn!(%from, %address, code = "admission.refused", "{e}; one refused");
            return None;
        }
        let mut tls = match self.tls.acceptor().accept(stream).into_fallible().await {
            Ok(s) => s,
            Err((e, tcp)) => {
                let why = Refusal::seen_by_server(&e, Stage::Handshake);
                tracing::warn!(%from, code = why.code(), "TLS refused: {why}");
                hang_up(tcp).await;
                return None;
            }
        };
        place.is_now(Progress::Encrypted);
        let connection = tls.get_ref().1;
        let peer = PeerIdentity::of_connection(connection)
            .and_then(|p| p.require(Role::Desk, &self.trust_domain).map(|()| p))
            .map_err(|e| tracing::warn!(%from, "certificate refused: {e}"))
            .ok()?;
        let exporter = channel_binding(connection).ok()?;
        let binding = BASE64.encode(exporter);
        let key = MessagePublicKey::of_connection(connection);
        let words = describe(connection);
        let desk = CompId::new(peer.comp_id.as_str()).ok()?;
        let (first, framer) = match first_frame(&mut tls).await {
            Ok(x) => x,
            Err(e) => {
                tracing::warn!(%from, %desk, "no Logon: {e}");
                return None;
            }
        };
        let shown = registry_view::shown(&peer);
        let chain: Vec<_> = tls
            .get_ref()
            .1
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|c| c.clone().into_owned())
            .collect();
        let checked = match &key {
            Ok(key) => self.check(&first, &desk, &binding, &shown).await.and_then(|who| {
                // Only now: who is refused does not use up the budget of the desk it names.
                core.peers
                    .may_log_on(&desk)
                    .map(|()| (who, key.clone()))
                    .map_err(live::Reason::from)
            }),
            // Said at the Logon, not at the first RFQ.
            Err(e) => {
                Err(live::Reason { code: e.code(), words: e.to_string(), cure: e.cure().into() })
            }
        };
        let admitted = match checked {
            Ok((who, key)) => {
                let first_use =
                    who.as_ref().is_some_and(|w| w.first_use).then_some(peer.serial.as_str());
                let user = who.map_or_else(|| desk.to_string(), |w| w.user);
                let access =
                    Access::new(user, &peer, key, &binding, vouched_for).with_first_use(first_use);
                self.judge(&first, access, &shown)
            }
            Err(why) => Err(why),
        };
        if let Err(live::Reason { code, words: reason, .. }) = &admitted {
            let code = *code;
            tracing::warn!(%from, %desk, serial = peer.serial, code, "Logon refused: {reason}");
            if let Some(r) = &self.roster {
                let who = peer
                    .enrolled
                    .as_ref()
                    .map_or(desk.to_string(), |e| format!("{}/{}", e.user, e.device));
                let detail = format!("certificate {}: {reason}", peer.serial);
                r.note(NewEvent::new(
                    crate::clock::now(),
                    &format!("fix {address}"),
                    code,
                    who,
                    detail,
                ));
            }
            let goodbye =
                admitted.as_ref().err().map(|why| self.logout(&desk, why)).unwrap_or_default();
            let _ = tls.write_all(&goodbye).await;
            hang_up(tls).await;
            return None;
        }
        let access = Rc::new(admitted.ok()?);
        tracing::info!(%from, %desk, serial = peer.serial, tls = words, "desk connected");
        let connection = Connection {
            user: access.user.clone(),
            exporter,
            serial: shown.serial.clone(),
            address,
        };
        Some(Admitted {
            tls,
            framer,
            first,
            desk,
            binding,
            key: key.ok()?,
            shown,
            connection,
            access,
            chain,
        })
    }

    /// Who is at the other end, by the balancer's word if it is one of ours. A header from anybody
    /// else fails as TLS. `None`: a balancer that speaks for itself, so nobody vouches for an
    /// address.
    async fn address(
        &self,
        stream: &mut TcpStream,
        from: SocketAddr,
    ) -> Result<Option<IpAddr>, proxy::ProxyError> {
        match self.is_balancer(from) {
            true => proxy::read_header(stream).await,
            false => Ok(Some(from.ip())),
        }
    }

    /// Whether a connection is from a balancer of ours, which says whom it speaks for.
    fn is_balancer(&self, from: SocketAddr) -> bool {
        self.proxy_from.iter().any(|n| n.contains(from.ip().to_canonical()))
    }

    /// The risk of an access that is otherwise good: whether it may come in.
    fn judge(&self, logon: &[u8], access: Access, shown: &Shown) -> Result<Access, live::Reason> {
        let now = crate::clock::now();
        if let Some(s) = self.roster.as_ref().and_then(|r| r.last_seen(&access.user)) {
            self.risk.remember(&access.user, s);
        }
        let role = self.roster.as_ref().and_then(|r| r.role(&shown.serial));
        let report =
            Fields::parse(logon).ok().and_then(|f| f.text(tag::RAW_DATA).map(str::to_owned));
        let a = access.at_logon(&self.risk, role.as_deref(), report.as_deref(), now);
        let refused = |code| {
            risk::alert(&access.user, code, &a);
            Err(live::Reason {
                code,
                words: format!("{} Policy {}.", a.words(), a.policy),
                cure: a.cure(),
            })
        };
        match a.decision {
            Decision::Deny => refused("risk.denied"),
            Decision::StepUp if !self.step_up => refused("risk.no_step_up"),
            _ => Ok(access),
        }
    }

    /// What the Logon says, then what the registry says; a stable code and words for the trader.
    async fn check(
        &self,
        frame: &[u8],
        desk: &CompId,
        binding: &str,
        shown: &Shown,
    ) -> Result<Option<Who>, live::Reason> {
        let refused =
            |words| live::Reason { code: "logon.refused", words, cure: LOGON_CURE.into() };
        self.check_logon(frame, desk, binding).map_err(refused)?;
        let Some(roster) = &self.roster else { return Ok(None) };
        roster.admit(shown).await.map(Some).map_err(live::Reason::from)
    }

    /// FIXS: the party that TLS authenticated may use its own CompID and no other.
    /// Checked before the session is touched: a Logon that is refused must not displace the live
    /// connection of the desk it names. (The session checks the binding again, at both ends.)
    fn check_logon(&self, frame: &[u8], desk: &CompId, binding: &str) -> Result<(), String> {
        let fields = Fields::parse(frame).map_err(|_| "the first message cannot be read")?;
        if fields.text(tag::MSG_TYPE) != Some("A") {
            return Err("the first message must be a Logon".into());
        }
        if fields.text(tag::SENDER_COMP_ID) != Some(desk.as_str()) {
            return Err("the SenderCompID is not the one of the certificate".into());
        }
        if fields.text(tag::TARGET_COMP_ID) != Some(self.comp_id.as_str()) {
            return Err("the TargetCompID is not this gateway's".into());
        }
        let by_default = self.roster.is_some() && self.desk_default;
        if !self.known.contains(desk) && !by_default {
            return Err("this desk is not configured at the gateway".into());
        }
        // Whatever the session would refuse, field by field.
        read_logon(&fields, &self.options, &Binding::Required(binding.to_owned()), true)
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    /// A Logout outside any session, so that the person at the desk reads why.
    fn logout(&self, desk: &CompId, why: &live::Reason) -> Vec<u8> {
        let now = format_utc(crate::clock::now());
        let clean = |s: &str| s.chars().filter(|c| !c.is_control()).collect::<String>();
        let (text, code, cure) = (clean(&why.words), why.code, clean(&why.cure));
        let mut body = format!(
            "35=5\u{1}34=1\u{1}49={}\u{1}52={now}\u{1}56={desk}\u{1}58={text}\u{1}",
            self.comp_id
        );
        body.push_str(&format!("{}={code}\u{1}", tag::REASON_CODE));
        if !cure.is_empty() {
            body.push_str(&format!("{}={cure}\u{1}", tag::CURE));
        }
        seal(signet_fix::BEGIN_STRING, body.as_bytes())
    }

    async fn run(&self, admitted: Admitted, from: SocketAddr, core: &Rc<Core>) {
        let Admitted {
            tls,
            mut framer,
            first,
            desk,
            binding,
            key,
            shown,
            connection,
            access,
            chain,
        } = admitted;
        let session = match self.session(&desk, core) {
            Ok(s) => s,
            Err(e) => {
                return tracing::error!(%desk, error = e, "the session cannot be opened; desk \
                    refused");
            }
        };
        // The newest connection wins: the old one is most likely dead and nobody has noticed.
        let channel = Channel {
            binding: Binding::Required(binding),
            signing: Some(signed::signing(&self.message_key, commits_gateway)),
            verification: Some(signed::verification(key, every)),
        };
        let outbox = match session.attach(channel) {
            Ok(o) => o,
            Err(e) => return tracing::error!(%desk, error = %e, "the session cannot be attached"),
        };
        let cut = Cut::default();
        let admitted = access.clone();
        let since = crate::clock::now();
        let live = Live {
            shown,
            connection,
            access,
            session: session.clone(),
            outbox: outbox.clone(),
            since,
            cut: cut.clone(),
            chain,
        };
        core.live.borrow_mut().insert(desk.clone(), live);
        core.let_in(&admitted);
        // What a desk still says after it was cut off is not heard.
        let mut on_event = |e: Event| {
            if !(cut.done() && matches!(e, Event::Message { .. })) {
                core.desk_event(&desk, e);
            }
        };
        while let Some(e) = session.next_event() {
            on_event(e);
        }
        let mut start = Framer::new();
        start.push(&first);
        let closed = match frames(&mut start, &session, &outbox, &mut on_event) {
            Ok(()) => {
                pump_within(
                    tls,
                    &mut framer,
                    &session,
                    &outbox,
                    &core.peers.desk_share(&desk),
                    on_event,
                )
                .await
            }
            Err(e) => e,
        };
        let mut live = core.live.borrow_mut();
        if live.get(&desk).is_some_and(|l| Rc::ptr_eq(&l.outbox, &outbox)) {
            live.remove(&desk);
        }
        drop(live);
        match closed {
            Closed::NotFix(e) => tracing::warn!(%desk, %from, error = %e, "connection ended"),
            other => tracing::info!(%desk, %from, why = %other, "connection ended"),
        }
    }

    fn session(&self, desk: &CompId, core: &Core) -> Result<Rc<Session>, String> {
        if let Some(s) = core.desks.borrow().get(desk) {
            return Ok(s.clone());
        }
        let s = Rc::new((self.open_session)(desk)?);
        core.desks.borrow_mut().insert(desk.clone(), s.clone());
        Ok(s)
    }
}

/// Whatever is wrong with a Logon itself, the program or its settings sent it.
const LOGON_CURE: &str = "Update Signet Desk; if it stays so, have your administrator compare the \
    venue's settings with the gateway's.";

struct Admitted {
    tls: TlsStream<TcpStream>,
    framer: Framer,
    first: Vec<u8>,
    desk: CompId,
    binding: String,
    /// Whose signatures are believed on this connection.
    key: MessagePublicKey,
    shown: Shown,
    connection: Connection,
    access: Rc<Access>,
    chain: Vec<CertificateDer<'static>>,
}

/// Keeps the lists for desks fresh, and ends sessions whose certificate is on one.
pub async fn keep_up(
    tls: Rc<ListenerTls>,
    mut files: CrlFiles,
    core: Rc<Core>,
    roster: Option<Rc<RegistryView>>,
) {
    let required = files.required();
    let own = || roster.as_ref().filter(|_| required).map(|r| r.own_crl());
    let mut last_own = own();
    loop {
        tokio::time::sleep(crl::LOOK).await;
        let own = own();
        let other = own != last_own;
        last_own = own;
        let Some((lists, changed)) = files.refreshed_aside().await else {
            return tracing::error!(
                alert = true,
                "the revocation lists for desks are not looked at any longer; restart the gateway"
            );
        };
        files = lists;
        if !tls.take(&mut files, last_own.as_ref().map(|c| c.as_slice()), changed || other) {
            continue;
        }
        let good = |l: &Live| {
            tls.recheck(&l.chain, OffsetDateTime::now_utc()).map_err(|r| live::Reason::from(&r))
        };
        live::end_few_at_a_time(&core, roster.as_deref(), good).await;
    }
}

/// Hangs up so that the peer can read why: a socket closed over unread bytes sends a reset, and
/// some systems (Windows) then throw away what the peer has not read yet. Lasts no longer than
/// admission.
async fn hang_up(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.shutdown().await;
    let mut sink = [0u8; 1024];
    while matches!(stream.read(&mut sink).await, Ok(n) if n > 0) {}
}

async fn first_frame(tls: &mut TlsStream<TcpStream>) -> Result<(Vec<u8>, Framer), String> {
    let mut framer = Framer::new();
    let mut buffer = [0u8; 4096];
    loop {
        let n = tls.read(&mut buffer).await.map_err(|e| e.to_string())?;
        if n == 0 {
            return Err("the peer closed the connection".into());
        }
        framer.push(&buffer[..n]);
        if let Some(frame) = framer.next_frame().map_err(|e| e.to_string())? {
            let frame = frame.to_vec();
            return Ok((frame, framer));
        }
    }
}

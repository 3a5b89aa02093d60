//! Who comes in: TLS, certificate, Logon, registry, risk; in this order, each before the next costs
//! anything.

use super::{ADMISSION_MAX, DeskListener, quic};
use crate::{
    clock::now,
    listeners::{
        carried::{self, Handshaken, NotCarried, Wire},
        ends::{self, Standing},
        proxy_header,
        queue::Ticket,
        sockets::{self, hang_up},
    },
    pipeline::{Connection, EndReason, Pipeline, decided},
    registry_view::{self, Admitted as Who},
    response,
    risk::{self, Access, DeskSoftware},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::CertificateDer;
use signet_events::{About, Actor, Text};
use signet_fix::{
    framer::Framer,
    session::{Binding, read_logon},
    tag,
    tagvalue::{Fields, format_utc, seal},
};
use signet_identity::{CompId, MessagePublicKey, PeerIdentity, Role};
use signet_policy::{score::Decision, software::When};
use signet_quic::server::Moves;
use signet_registry::admission::Shown;
use std::{
    cell::Cell,
    net::{IpAddr, SocketAddr},
    rc::Rc,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Whatever is wrong with a Logon itself, the program or its settings sent it.
const LOGON_CURE: &str = "Update Signet Desk; if it stays so, have your administrator compare the \
    venue's settings with the gateway's.";

/// A connection whose handshake is complete, over TCP or QUIC.
pub(super) struct Secured<S> {
    pub stream: S,
    /// RFC 9266 exporter.
    pub exporter: Option<[u8; 32]>,
    /// As shown in the handshake, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its cryptography, for the log.
    pub words: String,
    pub from: SocketAddr,
    pub vouched_for: VouchedFor,
    /// How often the listener's lists had changed when it began: the ones that it was checked
    /// against are those, or newer.
    pub lists: u64,
}

/// The client's address. `None`: a load balancer that speaks for itself.
pub(super) type VouchedFor = Option<IpAddr>;

/// A desk that comes in, and its connection.
pub(super) struct Admitted<S> {
    pub stream: S,
    pub framer: Framer,
    pub first: Vec<u8>,
    pub desk: CompId,
    pub binding: String,
    /// Whose signatures are believed on this connection.
    pub key: MessagePublicKey,
    pub shown: Shown,
    pub connection: Connection,
    pub access: Rc<Access>,
    pub chain: Vec<CertificateDer<'static>>,
}

/// What the certificate and the first message of a connection say.
struct Claim {
    desk: CompId,
    peer: PeerIdentity,
    /// RFC 9266 exporter, and the same as a Logon carries it.
    exporter: [u8; 32],
    binding: String,
    logon: Vec<u8>,
    shown: Shown,
    /// As seen, or as a load balancer of ours says.
    address: IpAddr,
    /// `None`: a load balancer that speaks for itself.
    vouched_for: Option<IpAddr>,
    /// As shown in the handshake, and the lists of that time.
    chain: Vec<CertificateDer<'static>>,
    lists: u64,
}

impl DeskListener {
    /// Until a TCP connection has named its client and its turn has come. `None` when refused; the
    /// reason has been logged.
    pub(super) async fn turn(
        &self,
        stream: &mut TcpStream,
        from: SocketAddr,
        ticket: &Ticket,
    ) -> Option<VouchedFor> {
        stream.set_nodelay(true).ok()?;
        sockets::before_logon(stream, ADMISSION_MAX);
        let vouched_for = self.named_address(stream, from, ticket).await?;
        ticket.turn_of(stream).await.ok()?;
        Some(vouched_for)
    }

    /// TLS of a TCP connection. `None` when refused; the reason has been logged.
    pub(super) async fn secure(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        vouched_for: VouchedFor,
        pipeline: &Pipeline,
    ) -> Option<Secured<Wire<TlsStream<TcpStream>>>> {
        if !pipeline.may_try(vouched_for) {
            tracing::debug!(%from, code = "lockout.network", "the network is locked out; closed");
            return None;
        }
        let lists = self.tls.changes();
        let (stream, shaken) = self.handshake(stream, vouched_for, from, pipeline).await?;
        let Handshaken { exporter, chain, words } = shaken;
        Some(Secured { stream, exporter, chain, words, from, vouched_for, lists })
    }

    /// Certificate, first frame, and everything after it, whatever the frames come over. `moves`:
    /// over QUIC, where it moves to. `None` when refused; the reason has been logged.
    pub(super) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        secured: Secured<S>,
        moves: Option<&Moves>,
        ticket: &Ticket,
        pipeline: &Rc<Pipeline>,
    ) -> Option<Admitted<S>> {
        let Secured { mut stream, exporter, chain, words, from, vouched_for, lists } = secured;
        ticket.encrypted();
        let leaf = chain.first()?;
        let peer = self.desk_of(leaf, from, vouched_for, pipeline)?;
        let (exporter, key) = (exporter?, MessagePublicKey::of_certificate(leaf));
        let desk = CompId::new(peer.comp_id.as_str()).ok()?;
        // Nothing can be read of a connection that is moving, so where it is when its first frame
        // is read is where the frame came from.
        let address = Cell::new(vouched_for);
        let first = tokio::select! {
            first = first_frame(&mut stream) => first,
            never = quic::follow_moves(self, moves, &address, ticket, pipeline) => match never {},
        };
        let (first, framer) =
            first.map_err(|e| tracing::warn!(%from, %desk, "no Logon: {e}")).ok()?;
        let vouched_for = address.get();
        let claim = Claim {
            shown: registry_view::shown(&peer),
            binding: BASE64.encode(exporter),
            desk,
            peer,
            exporter,
            logon: first,
            address: vouched_for.unwrap_or_else(|| from.ip()),
            vouched_for,
            chain,
            lists,
        };
        let judged = match key {
            Ok(key) => self.judge(&claim, &key, pipeline).await.map(|access| (access, key)),
            // Said at the Logon, not at the first RFQ.
            Err(e) => Err(EndReason::new(e.code(), e.to_string(), e.cure())),
        };
        let (access, key) = match judged {
            Ok(x) => x,
            Err(why) => {
                self.refuse(stream, &claim, from, &why, pipeline).await;
                return None;
            }
        };
        let Claim { desk, exporter, binding, logon: first, shown, address, peer, chain, .. } =
            claim;
        tracing::info!(%from, %desk, serial = shown.serial, tls = words, "desk connected");
        let (begins, ends) = (peer.not_before, peer.not_after);
        if ends::standing(begins, ends, OffsetDateTime::now_utc()) == Standing::Soon {
            let about = About { certificate: Some(Text::of(&shown.serial)), ..About::desk(&desk) };
            let words = format!("the desk's certificate is good until {ends} and was not renewed");
            pipeline.events.gateway("certificate.ends_soon", about, words);
        }
        let (user, serial) = (access.user.clone(), shown.serial.clone());
        Some(Admitted {
            stream,
            framer,
            first,
            desk,
            binding,
            key,
            shown,
            connection: Connection { user, exporter, serial, address },
            access: Rc::new(access),
            chain,
        })
    }

    /// Whose certificate it is. `None`: not that of a desk of ours, which has been logged.
    fn desk_of(
        &self,
        leaf: &CertificateDer<'_>,
        from: SocketAddr,
        vouched_for: VouchedFor,
        pipeline: &Pipeline,
    ) -> Option<PeerIdentity> {
        PeerIdentity::from_certificate(leaf)
            .and_then(|p| p.require(Role::Desk, &self.trust_domain).map(|()| p))
            .map_err(|e| {
                tracing::warn!(%from, "certificate refused: {e}");
                let by = vouched_for.unwrap_or_else(|| from.ip());
                pipeline.events.stranger(by, "client.not_a_desk", e.to_string());
                pipeline.stranger_failed(vouched_for, response::of_certificate());
            })
            .ok()
    }

    /// Where the connection comes from, by the balancer's word if it is one of ours. The outer
    /// `None`: refused.
    async fn named_address(
        &self,
        stream: &mut TcpStream,
        from: SocketAddr,
        ticket: &Ticket,
    ) -> Option<VouchedFor> {
        let vouched_for = self
            .address(stream, from)
            .await
            .map_err(|e| tracing::warn!(%from, code = "proxy.refused", "{e}"))
            .ok()?;
        let address = vouched_for.unwrap_or_else(|| from.ip());
        if self.is_balancer(from)
            && let Err(e) = ticket.named(address)
        {
            tracing::warn!(%from, %address, code = "admission.refused", "{e}; one refused");
            return None;
        }
        Some(vouched_for)
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        vouched_for: Option<IpAddr>,
        from: SocketAddr,
        pipeline: &Pipeline,
    ) -> Option<(Wire<TlsStream<TcpStream>>, Handshaken)> {
        let (threads, by) = (self.connections.as_ref(), vouched_for.unwrap_or_else(|| from.ip()));
        match carried::handshake(threads, self.tls.acceptor(), stream).await {
            Ok(shaken) => return Some(shaken),
            Err(NotCarried::NoThread(e)) => {
                tracing::warn!(%from, code = "admission.refused", "{e}; one refused");
                pipeline.events.stranger(by, "admission.refused", e.to_string());
            }
            Err(NotCarried::Refused(why, lingering)) => {
                tracing::warn!(%from, code = why.code(), "TLS refused: {why}");
                pipeline.events.stranger(by, why.code(), why.to_string());
                pipeline.stranger_failed(vouched_for, response::of_tls(&why));
                lingering.over().await;
            }
        }
        None
    }

    /// Logon, registry, budget and risk: whether this desk may come in.
    async fn judge(
        &self,
        claim: &Claim,
        key: &MessagePublicKey,
        pipeline: &Pipeline,
    ) -> Result<Access, EndReason> {
        let who = self.check(&claim.logon, &claim.desk, &claim.binding, &claim.shown).await?;
        // After the last wait: from here on the session is found by whoever takes newer lists.
        self.check_lists(claim)?;
        if let Some(w) = &who {
            pipeline.is_kept_out(&w.user)?;
        }
        // Only now: whoever is refused does not use up the budget of the desk it names.
        pipeline.peers.may_log_on(&claim.desk)?;
        let software = self.judge_software(claim)?;
        let serial = claim.peer.serial.as_str();
        let first_use = who.as_ref().is_some_and(|w| w.first_use).then_some(serial);
        let user = who.map_or_else(|| claim.desk.to_string(), |w| w.user);
        let key = key.clone();
        let access = Access::new(user, &claim.peer, key, &claim.binding, claim.vouched_for)
            .with_first_use(first_use)
            .with_software(software);
        pipeline.recall_signals(&access);
        self.judge_risk(claim, access, pipeline)
    }

    /// Whether lists that came since the handshake let the certificate in. The sessions that were
    /// on then were asked, and this one was not among them.
    fn check_lists(&self, claim: &Claim) -> Result<(), EndReason> {
        if self.tls.changes() == claim.lists {
            return Ok(());
        }
        let checked = self.tls.recheck(&claim.chain, OffsetDateTime::now_utc());
        checked.map_err(|why| EndReason::from(&why))
    }

    /// Whether the program at the other end may be used, by what it says of itself.
    fn judge_software(&self, claim: &Claim) -> Result<DeskSoftware, EndReason> {
        let fields = Fields::parse(&claim.logon).ok();
        let software = fields.as_ref().map(DeskSoftware::of_logon).unwrap_or_default();
        self.risk.judge_software(&software, When::Logon).map_err(EndReason::from)?;
        Ok(software)
    }

    /// Writes the refusal down, tells the desk and hangs up.
    async fn refuse(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        claim: &Claim,
        from: SocketAddr,
        why: &EndReason,
        pipeline: &Rc<Pipeline>,
    ) {
        let (desk, serial) = (&claim.desk, &claim.peer.serial);
        let (code, reason) = (why.code, &why.words);
        tracing::warn!(%from, %desk, serial, code, "Logon refused: {reason}");
        let enrolled = claim.peer.enrolled.as_ref();
        let who = enrolled.map_or_else(About::default, |e| About::device(&e.user, &e.device));
        let about = About {
            desk: Some(Text::of(desk)),
            address: Some(claim.address),
            certificate: Some(serial.into()),
            ..who
        };
        let about = why.judged.iter().fold(about, |about, a| decided(about, a));
        // The handshake proved the certificate; the Logon may name another desk.
        let actor = Actor::Desk(Text::of(&claim.peer.comp_id));
        pipeline.events.by(actor, code, about, format!("certificate {serial}: {reason}"));
        pipeline.logon_refused(&claim.shown, claim.vouched_for, code);
        let _ = stream.write_all(&self.logout(desk, why)).await;
        hang_up(stream).await;
    }

    /// Who is at the other end, by the balancer's word if it is one of ours. A header from anybody
    /// else fails as TLS. `None`: a balancer that speaks for itself, so nobody vouches for an
    /// address.
    async fn address(
        &self,
        stream: &mut TcpStream,
        from: SocketAddr,
    ) -> Result<Option<IpAddr>, proxy_header::ProxyError> {
        match self.is_balancer(from) {
            true => proxy_header::read_header(stream).await,
            false => Ok(Some(from.ip())),
        }
    }

    /// The risk of an access that is otherwise good: whether it may come in.
    fn judge_risk(
        &self,
        claim: &Claim,
        access: Access,
        pipeline: &Pipeline,
    ) -> Result<Access, EndReason> {
        let at = now();
        if let Some(s) = self.registry.as_ref().and_then(|r| r.last_seen(&access.user)) {
            self.risk.remember(&access.user, s);
        }
        let role = self.registry.as_ref().and_then(|r| r.role(&claim.shown.serial));
        let report =
            Fields::parse(&claim.logon).ok().and_then(|f| f.text(tag::RAW_DATA).map(str::to_owned));
        let a = access.at_logon(&self.risk, role.as_deref(), report.as_deref(), at);
        pipeline.tell_level(&access.user, &a);
        let refused = |code| {
            risk::alert(&access.user, code, &a);
            let words = format!("{} Policy {}.", a.words(), a.policy);
            let judged = Some(Box::new(a.clone()));
            Err(EndReason { judged, ..EndReason::new(code, words, a.cure()) })
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
    ) -> Result<Option<Who>, EndReason> {
        let refused = |words| EndReason::new("logon.refused", words, LOGON_CURE);
        self.check_logon(frame, desk, binding).map_err(refused)?;
        let Some(registry) = &self.registry else { return Ok(None) };
        registry.admit(shown).await.map(Some).map_err(EndReason::from)
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
        let by_default = self.registry.is_some() && self.desk_default;
        if !self.known.contains(desk) && !by_default {
            return Err("this desk is not configured at the gateway".into());
        }
        // Whatever the session would refuse, field by field.
        read_logon(&fields, &self.options, &Binding::Required(binding.to_owned()), true)
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    /// A Logout outside any session, so that the person at the desk reads why.
    fn logout(&self, desk: &CompId, why: &EndReason) -> Vec<u8> {
        let now = format_utc(now());
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
        if let Some(s) = why.retry_s {
            body.push_str(&format!("{}={s}\u{1}", tag::RETRY_AFTER));
        }
        seal(signet_fix::BEGIN_STRING, body.as_bytes())
    }
}

async fn first_frame(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Vec<u8>, Framer), String> {
    let mut framer = Framer::new();
    let mut buffer = [0u8; 4096];
    loop {
        let n = stream.read(&mut buffer).await.map_err(|e| e.to_string())?;
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

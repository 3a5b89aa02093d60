//! The listener for desks: `admit.rs` decides who comes in; then the session is run.

mod admit;
mod quic;

pub use quic::QuicListener;

use self::admit::Admitted;
use super::{
    carried::Connections,
    crl::{self, CrlFiles},
    fix_sessions::{desk_options, tell_unsigned},
    queue::{AdmissionQueue, QueueLimits, Ticket},
    sockets::{self, Abort},
    tls::ListenerTls,
};
use crate::{
    clock::now,
    config::Config,
    events::EventSink,
    pipeline::{ActiveSession, Pipeline, SessionCut, Transport},
    registry_view::RegistryView,
    risk::Risk,
    state_dir::known_networks_path,
};
use ipnetwork::IpNetwork;
use rustls_pki_types::CertificateDer;
use signet_fix::{
    framer::Framer,
    pump::{Closed, frames, pump_within},
    session::{Binding, Channel, Event, Outbox, Session, SessionOptions},
    signature::{commits_gateway, every},
};
use signet_identity::{CompId, MessageKey, MessagePublicKey};
use signet_quic::server::Moves;
use std::{
    cell::Cell, collections::BTreeSet, convert::Infallible, net::SocketAddr, path::PathBuf, rc::Rc,
    sync::Arc, time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};

/// TLS handshake and Logon together may take this long; a stranger holds a turn no longer.
const ADMISSION_MAX: Duration = Duration::from_secs(5);
/// How long a connection may wait for its turn. A desk waits less long for an answer.
const WAIT_MAX: Duration = Duration::from_secs(10);
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Opens the FIX session of a desk that connects for the first time.
type OpenSession = Box<dyn Fn(&CompId) -> Result<Session, String>>;

pub struct DeskListener {
    pub listener: TcpListener,
    pub tls: Rc<ListenerTls>,
    pub comp_id: CompId,
    pub trust_domain: String,
    pub known: BTreeSet<CompId>,
    pub max_connections: usize,
    /// Strangers compete with strangers, not with traders who are on.
    pub admission: QueueLimits,
    /// Where the networks that go first are kept.
    pub known_networks: PathBuf,
    /// With a registry: who is registered, and whether those without a `[[desk]]` entry may come
    /// in.
    pub registry: Option<Rc<RegistryView>>,
    pub desk_default: bool,
    pub risk: Rc<Risk>,
    /// Load balancers whose PROXY header is believed.
    pub proxy_from: Vec<IpNetwork>,
    /// Somebody whose score wants a touch can be asked for one.
    pub step_up: bool,
    pub open_session: OpenSession,
    /// What a Logon may say.
    pub options: SessionOptions,
    /// What commits us towards desks is signed with it.
    pub message_key: MessageKey,
    /// Threads that have the sockets of desks over TCP, if any.
    connections: Option<Connections>,
}

impl DeskListener {
    pub fn new(
        listener: TcpListener,
        tls: Rc<ListenerTls>,
        config: &Config,
        message_key: MessageKey,
        registry: Option<Rc<RegistryView>>,
        risk: Rc<Risk>,
        open_session: OpenSession,
    ) -> Self {
        Self {
            listener,
            tls,
            comp_id: config.gateway.comp_id.clone(),
            trust_domain: config.gateway.trust_domain.clone(),
            known: config.desk.iter().map(|d| d.comp_id.clone()).collect(),
            max_connections: config.desks.max_connections,
            admission: QueueLimits::of(&config.limits),
            known_networks: known_networks_path(config),
            registry: registry.clone(),
            desk_default: config.desk_default.is_some(),
            risk,
            proxy_from: config.desks.proxy_from.clone(),
            step_up: registry.is_some() && config.step_up.is_some(),
            open_session,
            options: desk_options(config),
            message_key,
            connections: None,
        }
    }

    /// Leaves the sockets of desks over TCP to these threads.
    pub(crate) fn carried_by(self, connections: Option<Connections>) -> Self {
        Self { connections, ..self }
    }

    /// Accepts for ever, over TCP and, if there is a listener for it, over QUIC; every connection
    /// is a task of this thread.
    pub async fn serve(self, quic: Option<QuicListener>, pipeline: Rc<Pipeline>) {
        let desks = Rc::new(self);
        // Both ways share their quotas.
        let connections = Arc::new(Semaphore::new(desks.max_connections));
        let queue = AdmissionQueue::new(desks.admission);
        let networks = queue.keeping(desks.known_networks.clone(), pipeline.events.clone());
        let quic = async {
            match quic {
                Some(q) => q.serve(&desks, &connections, &queue, &pipeline).await,
                None => std::future::pending().await,
            }
        };
        let measuring = desks.measure(&connections, &queue, &pipeline);
        let tcp = desks.serve_tcp(&connections, &queue, &pipeline);
        tokio::join!(tcp, quic, queue.serve(), networks.serve(), measuring);
    }

    async fn serve_tcp(
        self: &Rc<Self>,
        connections: &Arc<Semaphore>,
        queue: &AdmissionQueue,
        pipeline: &Rc<Pipeline>,
    ) {
        loop {
            let (stream, from) = match self.listener.accept().await {
                Ok(x) => x,
                Err(e) => {
                    // Out of descriptors, most likely: wait instead of spinning.
                    tracing::error!(error = %e, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let ticket = match queue.arrive((!self.is_balancer(from)).then(|| from.ip())) {
                Ok(t) => t,
                Err(e) => {
                    tracing::warn!(%from, code = "admission.refused", "{e}; one refused");
                    pipeline.events.stranger(from.ip(), "admission.refused", e.to_string());
                    continue;
                }
            };
            let (desks, pipeline) = (self.clone(), pipeline.clone());
            let connections = connections.clone();
            tokio::task::spawn_local(async move {
                let mut stream = stream;
                let turn = desks.turn(&mut stream, from, &ticket);
                let Some(vouched_for) =
                    in_time(turn, WAIT_MAX, &ticket, from, &pipeline.events).await
                else {
                    return;
                };
                let events = &pipeline.events;
                // Boxed: one that only waits, and later a session, need no memory for it.
                let admitted = Box::pin(async {
                    let secured = desks.secure(stream, from, vouched_for, &pipeline).await?;
                    desks.admit(secured, None, &ticket, &pipeline).await
                });
                if let Some(a) = in_time(admitted, ADMISSION_MAX, &ticket, from, events).await {
                    ticket.logged_on();
                    sockets::of_desk(&a.stream, &a.first);
                    Box::pin(desks.run_counted(a, None, from, &connections, &pipeline)).await;
                }
            });
        }
    }

    /// Runs a session if there is room for one more, or if its desk is on already: then it takes
    /// the room of the connection that it displaces, as soon as that has ended.
    async fn run_counted<S: AsyncRead + AsyncWrite + Unpin + Abort>(
        &self,
        admitted: Admitted<S>,
        moves: Option<Moves>,
        from: SocketAddr,
        connections: &Arc<Semaphore>,
        pipeline: &Rc<Pipeline>,
    ) {
        let counted = connections.clone().try_acquire_owned().ok();
        if counted.is_none() && !pipeline.sessions.is_on(&admitted.desk) {
            let (desk, code) = (&admitted.desk, "desks.max_connections");
            return tracing::warn!(%from, %desk, code, "too many connections; one refused");
        }
        let count = async {
            let _counted = match counted {
                Some(c) => Some(c),
                None => connections.clone().acquire_owned().await.ok(),
            };
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            () = self.run(admitted, moves, from, pipeline) => {}
            never = count => match never {},
        }
    }

    /// Tells how many turns are taken, once a second, for ever.
    async fn measure(&self, connections: &Semaphore, queue: &AdmissionQueue, pipeline: &Pipeline) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let state = &pipeline.metrics.state;
        let gauge = |s: &'static str, n| {
            state.admission.get_or_create(&[("state", s)]).set(whole(n));
        };
        loop {
            gauge("used", queue.turns());
            gauge("limit", self.admission.turns);
            let open = self.max_connections.saturating_sub(connections.available_permits());
            state.connections.set(whole(open));
            tokio::time::sleep(MEASURE_EVERY).await;
        }
    }

    /// Whether a connection is from a load balancer whose PROXY header is believed.
    fn is_balancer(&self, from: SocketAddr) -> bool {
        self.proxy_from.iter().any(|n| n.contains(from.ip().to_canonical()))
    }

    /// Runs a session until its connection ends. `moves`: over QUIC, where it moves to.
    async fn run<S: AsyncRead + AsyncWrite + Unpin + Abort>(
        &self,
        admitted: Admitted<S>,
        moves: Option<Moves>,
        from: SocketAddr,
        pipeline: &Rc<Pipeline>,
    ) {
        let Admitted {
            mut stream,
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
        let (session, outbox) = match self.attach(&desk, binding, key, pipeline) {
            Ok(x) => x,
            Err(e) => return tracing::error!(%desk, error = e, "the desk is refused"),
        };
        let (cut, messages) = (SessionCut::default(), Rc::<Cell<u64>>::default());
        let active = ActiveSession {
            shown,
            connection,
            access: access.clone(),
            session: session.clone(),
            outbox: outbox.clone(),
            since: now(),
            clock: Cell::default(),
            transport: if moves.is_some() { Transport::Quic } else { Transport::Tcp },
            messages: messages.clone(),
            cut: cut.clone(),
            chain,
        };
        pipeline.sessions.begin(&desk, active);
        pipeline.admitted(&access);
        // What a desk still says after it was cut off is not heard.
        let mut on_event = |e: Event| {
            let message = matches!(e, Event::Message { .. });
            if !(cut.done() && message) {
                messages.set(messages.get() + u64::from(message));
                pipeline.desk_event(&desk, e);
            }
        };
        std::iter::from_fn(|| session.next_event()).for_each(&mut on_event);
        let mut start = Framer::new();
        start.push(&first);
        let closed = match frames(&mut start, &session, &outbox, &mut on_event) {
            Ok(()) => {
                let (to, share) = (&mut stream, pipeline.peers.desk_share(&desk));
                let pumped = pump_within(to, &mut framer, &session, &outbox, &share, on_event);
                let judging = quic::judge_moves(self, moves.as_ref(), &desk, &outbox, pipeline);
                tokio::select! {
                    closed = pumped => closed,
                    never = judging => match never {},
                }
            }
            Err(e) => e,
        };
        sockets::close(stream, &outbox, &closed);
        pipeline.sessions.end(&desk, &outbox);
        tell_unsigned(&pipeline.events, &desk, &closed);
        match closed {
            Closed::NotFix(e) => tracing::warn!(%desk, %from, error = %e, "connection ended"),
            other => tracing::info!(%desk, %from, why = %other, "connection ended"),
        }
    }

    /// The desk's session on this connection. The newest connection wins: the old one is most
    /// likely dead and nobody has noticed.
    fn attach(
        &self,
        desk: &CompId,
        binding: String,
        key: MessagePublicKey,
        pipeline: &Pipeline,
    ) -> Result<(Rc<Session>, Rc<Outbox>), String> {
        let session = self
            .session(desk, pipeline)
            .map_err(|e| format!("the session cannot be opened: {e}"))?;
        let channel = Channel {
            binding: Binding::Required(binding),
            signing: Some(pipeline.signed.signing(&self.message_key, commits_gateway)),
            verification: Some(pipeline.signed.verification(key, every)),
        };
        let outbox =
            session.attach(channel).map_err(|e| format!("the session cannot be attached: {e}"))?;
        Ok((session, outbox))
    }

    fn session(&self, desk: &CompId, pipeline: &Pipeline) -> Result<Rc<Session>, String> {
        if let Some(s) = pipeline.sessions.desk(desk) {
            return Ok(s);
        }
        let s = Rc::new((self.open_session)(desk)?);
        pipeline.sessions.add_desk(desk, s.clone());
        Ok(s)
    }
}

/// What comes of a part of the admission that keeps to its time and its place.
async fn in_time<T>(
    part: impl Future<Output = Option<T>>,
    at_most: Duration,
    ticket: &Ticket,
    from: SocketAddr,
    events: &EventSink,
) -> Option<T> {
    tokio::select! {
        part = timeout(at_most, part) => match part {
            Ok(part) => part,
            Err(_) => {
                tracing::warn!(%from, code = "admission.late", "no TLS and Logon in time, or no \
                    turn; closed");
                None
            }
        },
        () = ticket.evicted() => {
            let code = "admission.evicted";
            tracing::warn!(%from, code, "still no Logon, and others wait; closed");
            events.stranger(from.ip(), code, "still no Logon, and others wait; closed");
            None
        }
    }
}

/// Keeps the lists for desks fresh, and ends sessions whose certificate is on one; what desks that
/// are away have open is withdrawn.
pub async fn keep_up(
    tls: Rc<ListenerTls>,
    mut files: CrlFiles,
    pipeline: Rc<Pipeline>,
    registry: Option<Rc<RegistryView>>,
) {
    let required = files.required();
    let own = || registry.as_ref().filter(|_| required).map(|r| r.own_crl());
    let mut last_own = own();
    let lists = |files: &CrlFiles, own: &Option<Arc<Vec<u8>>>| {
        let own = own.as_ref().map(|c| c.as_slice());
        pipeline.signed.lists(now(), files.contents().chain(own));
    };
    lists(&files, &last_own);
    let check = |chain: &[CertificateDer<'static>]| tls.recheck(chain, OffsetDateTime::now_utc());
    // What was open when the gateway stopped.
    pipeline.withdraw_of_revoked(check).await;
    loop {
        tokio::time::sleep(crl::LOOK).await;
        let own = own();
        let other = own != last_own;
        last_own = own;
        let Some((read, changed)) = files.refreshed_aside().await else {
            return tracing::error!(
                alert = true,
                "the revocation lists for desks are not looked at any longer; restart the gateway"
            );
        };
        files = read;
        if !tls.take(&mut files, last_own.as_ref().map(|c| c.as_slice()), changed || other) {
            continue;
        }
        lists(&files, &last_own);
        let good =
            |s: &ActiveSession| check(&s.chain).map_err(|r| pipeline.refused_by_list(&s.shown, &r));
        pipeline.end_sessions_few_at_a_time(good).await;
        pipeline.withdraw_of_revoked(check).await;
    }
}

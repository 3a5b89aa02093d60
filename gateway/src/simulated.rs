//! The trading thread without sockets, the machine's clock and a database, for the simulator: the
//! pipeline is put together as a start does it (`start`), with router, journal, evidence,
//! entitlements, risk and pending approvals as they are. The registry says what the caller wants.
//!
//! The caller brings the FIX sessions and moves bytes and time. Timers of the pipeline's own tasks
//! run on tokio's paused clock, which [`TradingThread::time_is`] moves.

use crate::{
    GatewayError, Loaded, Options,
    clock::virtual_time,
    config::Config,
    events::EventSink,
    metrics::Alerts,
    pipeline::{ActiveSession, Connection, Pipeline, SessionCut, StepUp, Transport},
    registry_view::{RegistryView, shown, test_double::TestRegistry},
    risk::{Access, DeskSoftware},
    signed::{
        self, SignedLogError,
        read::{GOOD, SignedLine, Wanted, each},
    },
    start::{assemble, kept, open_books, policies},
    state_dir::{make_folders, signed_folder},
    stepup::test_double::TestService,
};

pub use crate::registry_view::test_double::Bar;

use rustls_pki_types::CertificateDer;
use signet_fix::{
    AppMessage,
    message::TakeOver,
    session::{Binding, Channel, Event, Outbox, Session},
    signature::{Kinds, Signing, Verification, commits_asker, commits_gateway, every},
    tagvalue::Fields,
};
use signet_identity::{CompId, MessagePublicKey, PeerIdentity};
use signet_journal::StoreKey;
use signet_policy::entitle::CedarEntitlements;
use signet_policy::score::Decision;
use signet_registry::admission::Shown;
use signet_rfq::{AcceptId, DealerId, Rfq, UtcMillis};
use signet_router::{Amounts, NameBytes, journal::JournalLimits};
use signet_stepup::rules::WhenSection;
use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    path::Path,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};
use tokio::{runtime::Runtime, task::LocalSet};

/// How often tasks of the thread have their turn in one call: each of ours is done after a few.
const TURNS: usize = 8;
/// Seals the files of a run.
const STORE_KEY: [u8; 32] = [7; 32];

/// What the gateway of a run is made of.
pub struct Plan<'a> {
    /// Configuration and certificates, read once for many runs.
    pub loaded: &'a Loaded,
    /// Where this run's files lie.
    pub state_dir: &'a Path,
    /// When a touch is wanted, and for how long a challenge may be answered, milliseconds.
    pub step_up: (WhenSection, i64),
    /// What is put around signers and verifiers.
    pub around: Around,
    /// What dealers call RFQs follows from this number: another one for each start of a run.
    pub names: u64,
    /// The certificates of the desks that the registry has.
    pub desks: &'a [CertificateDer<'static>],
    /// Who is kept out when the gateway starts, by CompID.
    pub barred: Option<(&'a str, Bar)>,
}

/// Puts something around a signer or a verifier, given the certificate of its key.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// Of the gateway's own signer.
    pub signing: fn(&CertificateDer<'static>, Signing) -> Signing,
    /// Of the verifier of a peer.
    pub verification: fn(&CertificateDer<'static>, Verification) -> Verification,
}

/// The desk's connection that counts.
struct Desk {
    id: CompId,
    session: Rc<Session>,
    outbox: Rc<Outbox>,
    cut: SessionCut,
}

/// A trading thread whose time, sockets and step-up service are the caller's.
pub struct TradingThread {
    pipeline: Rc<Pipeline>,
    alerts: Arc<Alerts>,
    service: RefCell<TestService>,
    registry: RefCell<TestRegistry>,
    view: Rc<RegistryView>,
    desk: RefCell<Option<Desk>>,
    loaded: Loaded,
    around: Around,
    // Last: the tasks hold the pipeline.
    local: RefCell<LocalSet>,
    runtime: Runtime,
    /// No task of the pipeline waits for anything.
    idle: Cell<bool>,
    passed: Cell<Duration>,
}

/// The same with its files elsewhere; without what only other threads use.
fn in_folder(loaded: &Loaded, state_dir: &Path) -> Loaded {
    let mut config: Config = loaded.config.clone();
    config.gateway.state_dir = state_dir.into();
    Loaded {
        config,
        identity: loaded.identity.clone(),
        message_key: loaded.message_key.clone(),
        desk_roots: loaded.desk_roots.clone(),
        dealer_roots: loaded.dealer_roots.clone(),
        admin_roots: None,
        metrics_roots: None,
        signals: None,
        signals_roots: None,
        catalogue: loaded.catalogue.clone(),
        checkpoint_roots: None,
        console: None,
        dealer_pins: loaded.dealer_pins.clone(),
        registry: None,
        enrolment: None,
        step_up: None,
        risk: loaded.risk.clone(),
        entitlements: loaded.entitlements.clone(),
        entitlement_texts: loaded.entitlement_texts.clone(),
    }
}

/// The start's number, and the RFQ's within it.
fn names(start: u64) -> impl FnMut() -> Option<NameBytes> + Send + 'static {
    let mut rfq = 0_u16;
    move || {
        rfq = rfq.checked_add(1)?;
        let mut bytes = NameBytes::default();
        let (of_start, of_rfq) = bytes.split_at_mut(8);
        of_start.copy_from_slice(&start.to_be_bytes());
        of_rfq.copy_from_slice(&rfq.to_be_bytes());
        Some(bytes)
    }
}

impl TradingThread {
    /// Starts on what the folder holds, as of `at`, `passed` after the beginning of the run.
    ///
    /// # Errors
    /// As the start of a gateway: the journal or the evidence cannot be read, or was rewritten.
    ///
    /// # Panics
    /// When the runtime of the thread's tasks cannot be made, or a certificate is not a desk's.
    pub fn start(plan: &Plan<'_>, at: UtcMillis, passed: Duration) -> Result<Self, GatewayError> {
        virtual_time::is(at, passed);
        let mut loaded = in_folder(plan.loaded, plan.state_dir);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        make_folders(&loaded.config)?;
        let key = StoreKey::new(STORE_KEY);
        let history = policies::open(&mut loaded, &key)?;
        let options = Options { practice: true };
        let names = names(plan.names);
        let books = runtime.block_on(open_books(&loaded, options, &key, history, names))?.0;
        let (handle, service) = TestService::new();
        let (when, answer_ms) = plan.step_up.clone();
        let gateway = &loaded.config.gateway.comp_id;
        let step_up = StepUp::new(handle, when, String::new(), gateway, answer_ms);
        let alerts = Arc::<Alerts>::default();
        let events = EventSink::alerting(alerts.clone());
        let parts = (books, kept(&loaded.config, &key)?, Vec::new());
        let of = |leaf| PeerIdentity::from_certificate(leaf).expect("a desk's certificate");
        let people = plan.desks.iter().map(of).collect();
        let (registry, view) = TestRegistry::new(people, plan.barred);
        let pipeline = assemble(&loaded, parts, Some(&view), Some(step_up), events, alerts.clone());
        Ok(Self {
            pipeline,
            alerts,
            service: RefCell::new(service),
            registry: RefCell::new(registry),
            view,
            desk: RefCell::default(),
            loaded,
            around: plan.around,
            local: RefCell::default(),
            runtime,
            idle: Cell::new(true),
            passed: Cell::new(passed),
        })
    }

    /// The wall clock reads `utc`, `passed` after the beginning of the run.
    pub fn time_is(&self, utc: UtcMillis, passed: Duration) {
        virtual_time::is(utc, passed);
        let step = passed.saturating_sub(self.passed.replace(passed));
        if !step.is_zero() && !self.idle.get() {
            self.runtime.block_on(async {
                tokio::time::advance(step).await;
                // The timers that are due are looked at between two turns.
                tokio::task::yield_now().await;
            });
            self.turns();
        }
    }

    /// The tasks have their turn.
    fn turns(&self) {
        let _runtime = self.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..TURNS {
            let all = Pin::new(&mut *self.local.borrow_mut()).poll(&mut context);
            self.idle.set(all.is_ready());
            if all.is_ready() {
                return;
            }
        }
    }

    /// Runs something on the thread, then the tasks that it started or woke.
    fn on_thread<T>(&self, f: impl FnOnce(&Rc<Pipeline>) -> T) -> T {
        let done = {
            let _runtime = self.runtime.enter();
            let _local = self.local.borrow().enter();
            f(&self.pipeline)
        };
        self.turns();
        done
    }

    // ----- connections -----

    /// Remembers the FIX session of a dealer.
    pub fn add_dealer(&self, dealer: &DealerId, session: &Rc<Session>) {
        self.pipeline.sessions.add_dealer(dealer, session.clone());
    }

    /// How a dealer's session is attached: our messages to it are signed, and its must be. `chain`
    /// is what the dealer shows, leaf first.
    ///
    /// # Panics
    /// When the certificate has no key for message signatures.
    pub fn dealer_channel(&self, dealer: &DealerId, chain: &[CertificateDer<'static>]) -> Channel {
        let (leaf, issuers) = chain.split_first().expect("a certificate");
        self.pipeline.signed.dealer_is(dealer, leaf, issuers);
        let key = MessagePublicKey::of_certificate(leaf).expect("a dealer's key");
        Channel {
            binding: Binding::None,
            signing: Some(self.signing(commits_asker)),
            verification: Some((self.around.verification)(leaf, signed::verification(key, every))),
        }
    }

    /// The gateway's signer of a connection.
    fn signing(&self, which: Kinds) -> Signing {
        let shown = self.loaded.identity.certified_key();
        let leaf = shown.cert.first().expect("a certificate");
        (self.around.signing)(leaf, signed::signing(&self.loaded.message_key, which))
    }

    /// Attaches the session of a desk to a connection, as `listeners/desks` does with one whose
    /// Logon is good; `None`: the registry or the risk of the access refuses it. `logon`: the
    /// first message.
    ///
    /// # Panics
    /// When the certificate is not one of a desk, or the session takes no connection.
    pub fn desk_connects(
        &self,
        session: &Rc<Session>,
        chain: &[CertificateDer<'static>],
        binding: &str,
        address: IpAddr,
        logon: &[u8],
        at: UtcMillis,
    ) -> Option<Rc<Outbox>> {
        let (id, outbox, cut) = self.admit(session, chain, binding, address, logon, at)?;
        let (session, kept) = (session.clone(), outbox.clone());
        self.desk.replace(Some(Desk { id, session, outbox: kept, cut }));
        Some(outbox)
    }

    /// A colleague's desk is on, whose messages are the caller's; whether it may be.
    ///
    /// # Panics
    /// As [`Self::desk_connects`].
    pub fn colleague_connects(
        &self,
        session: &Rc<Session>,
        chain: &[CertificateDer<'static>],
        address: IpAddr,
        at: UtcMillis,
    ) -> bool {
        self.admit(session, chain, "colleague", address, &[], at).is_some()
    }

    fn admit(
        &self,
        session: &Rc<Session>,
        chain: &[CertificateDer<'static>],
        binding: &str,
        address: IpAddr,
        logon: &[u8],
        at: UtcMillis,
    ) -> Option<(CompId, Rc<Outbox>, SessionCut)> {
        let leaf = chain.first().expect("a certificate");
        let peer = PeerIdentity::from_certificate(leaf).expect("a desk's certificate");
        let key = MessagePublicKey::of_certificate(leaf).expect("a desk's key");
        let id = CompId::new(peer.comp_id.as_str()).expect("a CompID");
        // Certificates are made on the machine's clock, and a run is on another one.
        let shown = Shown { not_after: UtcMillis(i64::MAX), ..shown(&peer) };
        self.view.still_good(&shown).ok()?;
        let fields = Fields::parse(logon).ok();
        let software = fields.as_ref().map(DeskSoftware::of_logon).unwrap_or_default();
        let access = Access::new(id.to_string(), &peer, key.clone(), binding, Some(address))
            .with_software(software);
        let role = self.view.role(&peer.serial);
        let judged = access.at_logon(self.pipeline.risk(), role.as_deref(), None, at);
        if judged.decision == Decision::Deny {
            return None;
        }
        let access = Rc::new(access);
        let channel = Channel {
            binding: Binding::Required(binding.into()),
            signing: Some(self.signing(commits_gateway)),
            verification: Some((self.around.verification)(leaf, signed::verification(key, every))),
        };
        if self.pipeline.sessions.desk(&id).is_none() {
            self.pipeline.sessions.add_desk(&id, session.clone());
        }
        let outbox = session.attach(channel).expect("the session takes a connection");
        let mut exporter = [0; 32];
        binding.bytes().zip(&mut exporter).for_each(|(b, e)| *e = b);
        let cut = SessionCut::default();
        let active = ActiveSession {
            shown,
            connection: Connection {
                user: id.to_string(),
                exporter,
                serial: peer.serial.clone(),
                address,
            },
            access: access.clone(),
            session: session.clone(),
            outbox: outbox.clone(),
            since: at,
            clock: Default::default(),
            transport: Transport::Quic,
            messages: Rc::default(),
            cut: cut.clone(),
            chain: chain.to_vec(),
        };
        self.pipeline.sessions.begin(&id, active);
        self.pipeline.admitted(&access);
        Some((id, outbox, cut))
    }

    /// The desk's connection is proved to be at another address; whether it may go on from there.
    pub fn desk_moved(&self, outbox: &Rc<Outbox>, to: IpAddr) -> bool {
        let id = self.desk.borrow().as_ref().map(|d| d.id.clone());
        id.is_some_and(|id| self.on_thread(|p| p.moved(&id, outbox, to)))
    }

    // ----- what happens -----

    /// Something happened in the desk's session.
    pub fn desk_event(&self, event: Event) {
        let of = |d: &Desk| (d.id.clone(), d.cut.clone());
        let Some((id, cut)) = self.desk.borrow().as_ref().map(of) else { return };
        // What a desk still says after it was cut off is not heard.
        if !(cut.done() && matches!(event, Event::Message { .. })) {
            self.on_thread(|p| p.desk_event(&id, event));
        }
        self.forget_ended();
    }

    /// A connection that has ended counts no longer.
    fn forget_ended(&self) {
        let mut desk = self.desk.borrow_mut();
        if let Some(d) = desk.take_if(|d| !d.session.is_attached_to(&d.outbox)) {
            self.pipeline.sessions.end(&d.id, &d.outbox);
        }
    }

    /// Something happened in a dealer's session.
    pub fn dealer_event(&self, dealer: &DealerId, event: Event) {
        self.on_thread(|p| p.dealer_event(dealer, event));
    }

    /// The thread's timer.
    pub fn tick(&self) {
        self.on_thread(Pipeline::tick);
    }

    /// The wall clock was set.
    pub fn clock_was_set(&self) {
        self.on_thread(Pipeline::clock_was_set);
    }

    /// Puts other policies in force.
    pub fn use_entitlements(&self, new: Arc<CedarEntitlements>) {
        self.on_thread(|p| p.use_entitlements(new));
    }

    /// The registry keeps somebody out from now on, by CompID, or nobody.
    pub fn registry_bars(&self, who: Option<(&str, Bar)>) {
        self.registry.borrow_mut().says(who);
        self.on_thread(Pipeline::registry_changed);
    }

    /// Whether a line to this dealer may be dialled.
    pub fn may_dial(&self, dealer: &DealerId) -> bool {
        !self.pipeline.line_is_cut(dealer)
    }

    /// The step-up service: what was asked until now is answered `due`.
    pub fn questions_are_due(&self, due: i64) {
        self.service.borrow_mut().take(due);
    }

    /// When the step-up service answers next.
    pub fn next_answer(&self) -> Option<i64> {
        self.service.borrow().next_due()
    }

    /// The answers of the step-up service that are due by `t`; `good` judges an answer.
    pub fn service_answers(&self, t: i64, at: UtcMillis, good: impl Fn(&str, &str) -> bool) {
        self.service.borrow_mut().answer(t, at, good);
        self.turns();
    }

    /// The limits of the journal from now on.
    pub fn limit_journal(&self, limits: JournalLimits) {
        self.pipeline.limit_journal(limits);
    }

    /// A colleague's desk says something that is let through.
    pub fn colleague_says(&self, desk: &CompId, m: AppMessage) {
        self.on_thread(|p| p.colleague_says(desk, m));
    }

    // ----- what is so -----

    /// A colleague asks for an RFQ, whose desk is on; whether it has it then.
    pub fn colleague_asks(&self, desk: &CompId, t: TakeOver) -> bool {
        self.pipeline.colleague_asks(desk, t)
    }

    /// What limits count of a desk's day as of `at`: amounts, and how many trades.
    pub fn day_of(&self, desk: &CompId, at: UtcMillis) -> (Amounts, usize) {
        self.pipeline.day_of(desk, at)
    }

    /// What the gateway holds of a desk's RFQs.
    pub fn rfqs_of(&self, desk: &CompId) -> Vec<Rfq> {
        self.pipeline.rfqs_of(desk)
    }

    /// The accept that a dealer calls so, by the gateway's id; as it is said if there is none.
    pub fn accept_called(&self, name: &AcceptId) -> AcceptId {
        self.pipeline.accept_called(name)
    }

    /// The messages of a sender and a type in the evidence whose signature is good, as they
    /// travelled; SOH is U+2401. The whole evidence is read, and must be whole.
    ///
    /// # Errors
    /// The evidence cannot be read, or is not whole.
    pub fn evidence_of(&self, sender: &str, kind: &str) -> Result<Vec<String>, SignedLogError> {
        let (sender, msg_type) = (Some(sender.into()), Some(kind.into()));
        let lines = self.evidence(&Wanted { sender, msg_type, ..Wanted::default() })?;
        Ok(lines.into_iter().filter(|l| l.verified == GOOD).map(|l| l.text).collect())
    }

    /// The signed messages in the evidence that are wanted, in its order. The whole evidence is
    /// read, and must be whole.
    ///
    /// # Errors
    /// The evidence cannot be read, or is not whole.
    pub fn evidence(&self, wanted: &Wanted) -> Result<Vec<SignedLine>, SignedLogError> {
        let (folder, mut all) = (signed_folder(&self.loaded.config), Vec::new());
        each(&folder, &StoreKey::new(STORE_KEY), wanted, |line| {
            all.push(line.clone());
            Ok::<_, SignedLogError>(())
        })?;
        Ok(all)
    }

    /// How many alerts of this code were raised since the start, of the last ones that are kept.
    pub fn alerts(&self, code: &str) -> usize {
        self.alerts.after(0, usize::MAX).iter().filter(|a| a.code == code).count()
    }
}

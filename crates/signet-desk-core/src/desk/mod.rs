//! The desk as the window uses it.

mod around;
mod group;
mod insights;
mod list;
mod ticket;

use crate::{
    book::{Book, Ids, lock},
    enrol,
    holders::{Holders, KeyStore},
    issue::Issuer,
    laptop_clock::laptop_now,
    link::{self, Command, StepUpIntent},
    look::Looks,
    pin::PinDesk,
    problem::problem,
    ticket::Finder,
    venue::{DeskConfig, Venues},
    view::*,
};
use signet_fix::AppMessage;
use signet_keystore::{Pin, StoredIdentity};
use signet_stepup::{
    SessionReason,
    client::{Pin as KeyPin, StepUp},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

pub use insights::Export;

/// The longest that [`Desk::shut_down`] takes.
pub const SHUT_DOWN_MAX: Duration = link::STOP_MAX;

/// A running desk. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Desk {
    config: Arc<DeskConfig>,
    issuer: Issuer,
    pins: Arc<PinDesk>,
    enrolling: Arc<AtomicBool>,
    keys: Arc<dyn StepUp>,
    looks: Arc<Looks>,
    book: Arc<Mutex<Book>>,
    finder: Arc<Finder>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Desk {
    /// Starts the link's thread and connects nothing. `keys` gives access to security keys.
    pub fn start(
        config: DeskConfig,
        keychain: Arc<dyn KeyStore>,
        keys: Arc<dyn StepUp>,
    ) -> Result<Self, Problem> {
        let now = laptop_now();
        let ids = Ids::new(now, u32::from_le_bytes(random()));
        let book = Book::new(ids, now).protected_by(config.trading);
        let book = Arc::new(Mutex::new(book));
        let (commands, receiver) = mpsc::unbounded_channel();
        let venues =
            Arc::new(Venues::open(&config.venues, &config.data_dir, config.managed.clone()));
        let pins = Arc::new(PinDesk::new(book.clone()));
        let looks = Arc::new(Looks::open(&config.data_dir));
        let holders = Holders::new(keychain, config.token.clone(), pins.clone());
        let holders = Arc::new(holders.allowing(&config.holders()));
        let issuer = Issuer {
            holders,
            venues,
            book: book.clone(),
            proxy: config.proxy.clone(),
            tls: config.tls,
            renewing: Arc::default(),
        };
        let (c, i, k) = (config.clone(), issuer.clone(), keys.clone());
        std::thread::Builder::new()
            .name("signet-link".into())
            .spawn(move || link::run(c, i, k, receiver))
            .map_err(|e| {
                problem(
                    "desk.internal",
                    format!("No thread for the link: {e}"),
                    "Restart the computer.",
                )
            })?;
        Ok(Self {
            config: Arc::new(config),
            issuer,
            pins,
            enrolling: Arc::default(),
            keys,
            looks,
            book,
            finder: Arc::default(),
            commands,
        })
    }

    /// What this build is, and the venues it knows.
    pub fn info(&self) -> DeskInfo {
        let venue = |v: &crate::Venue| VenueView { name: v.name.clone(), endpoint: v.endpoint() };
        DeskInfo {
            version: self.config.version.clone(),
            practice: self.config.practice,
            simulated_key: self.keys.simulated(),
            venues: self.issuer.venues.all().iter().map(venue).collect(),
            managed_by: self.config.managed.as_ref().map(|m| m.policy.firm.clone()),
            problem: None,
        }
    }

    /// The client identities in the OS keychain. Waits for the keychain, at most until its
    /// deadline.
    pub async fn identities(&self) -> Result<Vec<IdentityView>, Problem> {
        let found = self.issuer.blocking(|holders| {
            let listed = holders.keychain.identities().map_err(|e| Problem::from(&e))?;
            Ok(listed.into_iter().map(|i| (holders.held_in(&i.name), i)).collect::<Vec<_>>())
        });
        let now = OffsetDateTime::now_utc();
        // A plain venue may accept a certificate that states no Signet identity.
        let nameless = self
            .issuer
            .venues
            .all()
            .iter()
            .any(|v| v.direct.as_ref().is_some_and(|d| d.sender_comp_id.is_some()));
        Ok(found
            .await?
            .into_iter()
            .map(|(held_in, i)| identity(i, held_in, nameless, now))
            .collect())
    }

    /// What an invitation says. `text` is the link, or the text of the file.
    pub fn read_invitation(&self, text: &str) -> Result<InvitationView, Problem> {
        let invitation = enrol::read(text)?;
        self.issuer.admitted(&invitation)?;
        let mut view = enrol::view(&invitation, OffsetDateTime::now_utc(), &enrol::host_name());
        view.holders.retain(|h| self.issuer.holders.allows(Holders::kind(*h)).is_ok());
        Ok(view)
    }

    /// Makes a key, gets its certificate and stores both. The frames show how it goes.
    pub async fn enrol(&self, intent: EnrolIntent) -> Result<(), Problem> {
        enrol::check(&intent)?;
        if self.enrolling.swap(true, Ordering::SeqCst) {
            return Err(problem(
                "enrol.under_way",
                "An enrolment is under way.",
                "Wait until it has ended.",
            ));
        }
        let random = random();
        self.issuer.enrol(intent, random).await;
        self.enrolling.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Answers a token that waits for its PIN; `None` declines. `question` is that of the frame; an
    /// answer to another question does nothing. The PIN is wiped as soon as the token has it.
    pub fn give_pin(&self, question: u32, pin: Option<String>) {
        self.pins.answer(question, pin.map(Pin::new));
    }

    /// Tells the trader something about this program: a notice, which stays in their history.
    pub fn tell(&self, kind: NoticeKind, code: &str, text: String) {
        lock(&self.book).tell(kind, code, text, laptop_now());
    }

    /// Renews key and certificate now, even if they are not due. A notice tells the result.
    pub fn renew(&self) -> Result<(), Problem> {
        self.command(Command::Renew)
    }

    /// Connects, and reconnects until [`Self::disconnect`]. The frames show the result.
    pub async fn connect(&self, identity: String, venue: String) -> Result<(), Problem> {
        self.connect_now(&identity, &venue)
    }

    /// As [`Self::connect`], for code that is not asynchronous.
    pub fn connect_now(&self, identity: &str, venue: &str) -> Result<(), Problem> {
        self.command(Command::Connect { identity: identity.into(), venue: venue.into() })
    }

    /// Logs out and stays offline.
    pub async fn disconnect(&self) -> Result<(), Problem> {
        self.command(Command::Disconnect)
    }

    /// What a typed quantity means, and whether the instrument allows it.
    pub fn read_quantity(&self, instrument: &str, text: &str) -> Result<QuantityView, Problem> {
        lock(&self.book).read_quantity(instrument, text)
    }

    /// The days on which a trade of this instrument may settle, the usual one first.
    pub fn settlement_dates(&self, instrument: &str) -> Result<SettlementView, Problem> {
        lock(&self.book).settlement_dates(instrument, laptop_now())
    }

    /// Sends the RFQ and returns its id.
    pub fn send_rfq(&self, ticket: Ticket) -> Result<String, Problem> {
        let message = lock(&self.book).new_rfq(&ticket, laptop_now())?;
        let id = match &message {
            AppMessage::QuoteRequest(q) => q.id.to_string(),
            _ => String::new(),
        };
        self.command(Command::Send(message))?;
        Ok(id)
    }

    /// Ends an RFQ without trading.
    pub fn cancel_rfq(&self, rfq_id: &str) -> Result<(), Problem> {
        let message = lock(&self.book).cancel(rfq_id)?;
        self.command(Command::Send(message))
    }

    /// As [`Self::cancel_rfq`], with the trader's reason for the records.
    pub fn end_rfq(&self, rfq_id: &str, reason: &str) -> Result<(), Problem> {
        let message = lock(&self.book).end(rfq_id, Some(reason))?;
        self.command(Command::Send(message))
    }

    /// Tells one dealer of an RFQ that nothing will be traded with it, with the trader's reason for
    /// the records.
    pub fn pass_dealer(&self, rfq_id: &str, dealer: &str, reason: &str) -> Result<(), Problem> {
        let message = lock(&self.book).pass(rfq_id, dealer, reason, laptop_now())?;
        self.command(Command::Send(message))
    }

    /// Asks one dealer for a better price than it quotes; agrees to nothing.
    pub fn counter(&self, intent: &CounterIntent) -> Result<(), Problem> {
        let message = lock(&self.book).counter(intent, laptop_now())?;
        self.command(Command::Send(message))
    }

    /// Stops everything at once: takes back what is armed and ends every open RFQ. Asks nothing.
    pub fn stop_all(&self) -> Result<StoppedView, Problem> {
        let (messages, approvals, done) = lock(&self.book).stop_all(laptop_now());
        for id in approvals {
            self.command(Command::StepUp(StepUpIntent::Refuse(id)))?;
        }
        messages.into_iter().try_for_each(|m| self.command(Command::Send(m)))?;
        Ok(done)
    }

    /// Takes an ended RFQ off the screen (the blotter keeps it).
    pub fn dismiss_rfq(&self, rfq_id: &str) -> Result<(), Problem> {
        lock(&self.book).dismiss(rfq_id)
    }

    /// Returns the terms that an accept would agree to. Nothing of them is sent; the peer is asked
    /// whether it is there.
    pub fn arm(&self, intent: ArmIntent) -> Result<AcceptView, Problem> {
        let armed = lock(&self.book).arm_typed(intent, laptop_now())?;
        // The accept may follow in a moment: by then it should be known whether the path is dead.
        let _ = self.command(Command::Probe);
        Ok(armed)
    }

    /// Lets an armed accept follow its dealer's quotes by so many ticks.
    pub fn set_limit(&self, rfq_id: &str, ticks: u32) -> Result<(), Problem> {
        lock(&self.book).set_limit_typed(rfq_id, ticks, laptop_now())
    }

    /// Lets an armed accept take so much of its quote, as typed; nothing typed is the whole.
    pub fn take_quantity(&self, rfq_id: &str, typed: &str) -> Result<(), Problem> {
        lock(&self.book).take_quantity(rfq_id, typed, laptop_now())
    }

    /// Asks to approve an accept of an RFQ before its quote is chosen: at the best price or so many
    /// ticks worse, or without `ticks` at the ticket's limit.
    pub fn approve_ahead(
        &self,
        rfq_id: &str,
        side: Side,
        ticks: Option<u32>,
    ) -> Result<(), Problem> {
        let message = lock(&self.book).approve_ahead_typed(rfq_id, side, ticks, laptop_now())?;
        self.command(Command::Send(message))
    }

    /// Takes an armed accept back.
    pub fn disarm(&self, rfq_id: &str) -> Result<(), Problem> {
        lock(&self.book).disarm(rfq_id)
    }

    /// Sends the armed accept with this id.
    pub fn accept(&self, rfq_id: &str, accept_id: &str) -> Result<(), Problem> {
        let message = lock(&self.book).accept(rfq_id, accept_id, laptop_now())?;
        self.command(Command::Send(message))
    }

    /// Starts the ceremony of a step-up dialog, or starts it again.
    pub fn begin_step_up(&self, id: &str) -> Result<(), Problem> {
        self.command(Command::StepUp(StepUpIntent::Begin(id.into())))
    }

    /// Answers a security key that waits for its PIN; an answer to another question than the one
    /// that is open does nothing. The PIN is wiped as soon as the key has it.
    pub fn give_key_pin(&self, id: &str, question: u32, pin: String) -> Result<(), Problem> {
        self.command(Command::StepUp(StepUpIntent::Pin(id.into(), question, KeyPin::new(pin))))
    }

    /// Stops a ceremony; it may be started again until its deadline.
    pub fn stop_step_up(&self, id: &str) -> Result<(), Problem> {
        self.command(Command::StepUp(StepUpIntent::Stop(id.into())))
    }

    /// Declines: what waits for the touch is refused.
    pub fn refuse_step_up(&self, id: &str) -> Result<(), Problem> {
        self.command(Command::StepUp(StepUpIntent::Refuse(id.into())))
    }

    /// Asks the gateway for a challenge now, on the trader's own wish.
    pub fn verify_now(&self) -> Result<(), Problem> {
        if !lock(&self.book).online() {
            return Err(crate::problem::offline());
        }
        self.command(Command::Verify(SessionReason::OnDemand))
    }

    /// Touches the simulated key of a practice build; a build with real keys refuses.
    pub fn touch_simulated_key(&self) -> Result<(), Problem> {
        if self.keys.touch_simulated() {
            return Ok(());
        }
        Err(problem(
            "key.not_simulated",
            "This desk has no simulated key.",
            "Touch your security key itself.",
        ))
    }

    /// Tells the gateway, if it wants to know, that the screen of this laptop was unlocked.
    pub fn screen_unlocked(&self) {
        let _ = self.command(Command::Verify(SessionReason::Unlock));
    }

    /// Whether the window may close now. While an RFQ is open or the answer to an accept is
    /// outstanding the first call says no, and the page asks the trader; the second says yes.
    #[must_use]
    pub fn may_close(&self) -> bool {
        lock(&self.book).may_close(laptop_now())
    }

    /// Whether a request is open, the answer to an accept is outstanding, or rows of a list wait.
    #[must_use]
    pub fn has_open_requests(&self) -> bool {
        lock(&self.book).has_open_requests()
    }

    /// The trader was asked whether the window is to close, and it stays.
    pub fn stay_open(&self) {
        lock(&self.book).stay_open();
    }

    /// Calls `attention` from any thread whenever a touch is asked for, so that the system can
    /// point to the window. `attention` must not call the desk.
    pub fn on_step_up(&self, attention: impl Fn() + Send + Sync + 'static) {
        lock(&self.book).on_step_up(Box::new(attention));
    }

    /// The desk's window (HWND), which the dialog of Windows for security keys needs.
    pub fn set_window(&self, handle: isize) {
        let _ = self.command(Command::Window(handle));
    }

    /// Registers a security key under a name; the first key may need the administrator's code.
    pub fn register_key(&self, name: &str, code: Option<String>) -> Result<(), Problem> {
        let message = lock(&self.book).register_key(name, code)?;
        self.command(Command::Send(message))
    }

    /// What changed since frame `since`, 0 for everything. For the RFQs in `behind` their own frame
    /// counts.
    pub fn pull(&self, since: u64, behind: &[Behind]) -> Frame {
        lock(&self.book).pull(since, behind, laptop_now())
    }

    /// Calls `wake` once, from any thread, at the first change after frame `seq`, so that the page
    /// need not pull on every animation frame. `wake` must not call the desk.
    pub fn wake_after(&self, seq: u64, wake: Box<dyn FnOnce() + Send>) {
        lock(&self.book).wake_after(seq, wake);
    }

    /// The rows of the blotter that match, newest first.
    pub fn blotter(&self, query: BlotterQuery) -> Result<BlotterPage, Problem> {
        Ok(lock(&self.book).blotter(&query))
    }

    /// Logs out and closes the stores.
    pub async fn shut_down(&self) {
        let (done, ended) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).is_ok() {
            let _ = tokio::time::timeout(SHUT_DOWN_MAX, ended).await;
        }
    }

    fn command(&self, c: Command) -> Result<(), Problem> {
        self.commands.send(c).map_err(|_| {
            problem("desk.internal", "The link's thread has ended.", "Restart Signet Desk.")
        })
    }
}

fn random() -> [u8; 4] {
    let mut random = [0u8; 4];
    let _ = aws_lc_rs::rand::fill(&mut random);
    random
}

fn identity(
    i: StoredIdentity,
    held_in: String,
    nameless: bool,
    now: OffsetDateTime,
) -> IdentityView {
    let ms = |t: OffsetDateTime| (t.unix_timestamp() * 1_000) as f64;
    let facts = i.certificate.as_ref();
    let trouble = match facts {
        None => Some(problem(
            "identity.damaged",
            "The keychain entry is damaged.",
            "Delete it and enrol this device again.",
        )),
        Some(f) if f.not_after <= now => Some(problem(
            "client.certificate_expired",
            "This certificate has expired.",
            "Ask your administrator for a new code, then choose Enrol this laptop. Certificates \
                are short-lived by design.",
        )),
        Some(f) if f.not_before > now => Some(problem(
            "client.certificate_not_yet_valid",
            "This certificate is not valid yet, or this laptop's clock is slow.",
            "Check the clock of this laptop.",
        )),
        Some(_) if i.peer.is_none() && !nameless => Some(problem(
            "identity.unsuitable",
            "This certificate names no Signet desk.",
            "Ask your administrator for a Signet desk certificate.",
        )),
        Some(_) => None,
    };
    IdentityView {
        name: i.name.to_string(),
        comp_id: i.peer.as_ref().map_or_else(String::new, |p| p.comp_id.to_string()),
        issuer: facts.map_or_else(String::new, |f| f.issuer.clone()),
        serial: facts.map_or_else(String::new, |f| f.serial.clone()),
        not_before_ms: facts.map_or(0.0, |f| ms(f.not_before)),
        not_after_ms: facts.map_or(0.0, |f| ms(f.not_after)),
        fingerprint: facts.map_or_else(String::new, |f| f.spki_sha256.to_string()),
        held_in,
        problem: trouble,
    }
}

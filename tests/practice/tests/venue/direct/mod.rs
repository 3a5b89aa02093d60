//! A desk without a gateway: plain FIXS venues, a real firmware in the desk's USB port, and the
//! desk as its own relying party. One venue is the dealer simulator, whose FIX engine is not ours;
//! the other is written by hand, to see what travels.

mod plain;

use crate::support::{BUND, Screen, TURN};
use plain::{Plain, Script};
use rust_decimal::Decimal;
use signet_dealer::{Credentials, DealerSettings, Force, Instruments, Simulator};
use signet_desk_core::{Desk, DeskConfig, TradingSettings, view::*};
use signet_devca::{DevPki, Order, store_desk_identity};
use signet_identity::{MessageKey, ServerProfile};
use signet_journal::{SealedLog, StoreKey};
use signet_keystore::{IdentityName, Keychain as _, MemoryKeychain};
use signet_stepup::evidence::Evidence;
use signet_vkey::{Settings, TestAuthority, VirtualKey, VirtualKeys};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const TRUST_DOMAIN: &str = "direct.signet.example";
const NORTH: &str = "NORTHBANK";
const VENUE: &str = "VENUE";
const ME: &str = "TRADER7";
const PIN: &str = "123456";
const TOUCH: &str = "accept_above = { default = '1m' }";

/// A folder as an administrator deploys it, and who vouches for whom.
struct Ground {
    dir: tempfile::TempDir,
    pki: DevPki,
    authority: TestAuthority,
    keychain: Arc<MemoryKeychain>,
    _turn: MutexGuard<'static, ()>,
}

impl Ground {
    /// The desk's certificate is this one.
    fn new(certificate: &Order) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let pki = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap();
        let keychain = Arc::new(MemoryKeychain::new());
        store_desk_identity(keychain.as_ref(), &pki.issue(certificate).unwrap(), &name()).unwrap();
        let g = Self {
            dir: tempfile::tempdir().unwrap(),
            pki,
            authority: TestAuthority::generate().unwrap(),
            keychain,
            _turn: turn,
        };
        g.pki.write_roots(g.dir.path()).unwrap();
        fs::write(g.dir.path().join("instruments.toml"), signet_dealer::INSTRUMENTS_TOML).unwrap();
        fs::write(g.dir.path().join("models.toml"), g.authority.attestation_toml()).unwrap();
        g
    }

    /// desk.toml for one plain venue.
    fn config(&self, comp_id: &str, trust: &Path, at: SocketAddr, when: &str) -> DeskConfig {
        let text = format!(
            "[[venue]]\nname = 'Plain venue'\naddress = 'localhost:{}'\ncomp_id = '{comp_id}'\ntrust = {trust:?}\n\
             [venue.direct]\nsender_comp_id = '{ME}'\ninstruments = 'instruments.toml'\n\
             dealers = [{{ id = '{NORTH}', name = 'Northbank' }}]\n\
             [venue.direct.step_up]\nrp_id = 'stepup.direct.signet.example'\nattestation = 'models.toml'\n\
             [venue.direct.step_up.when]\n{when}\n",
            at.port()
        );
        let path = self.dir.path().join("desk.toml");
        fs::write(&path, text).unwrap();
        // Nobody reads the terms here.
        let config = DeskConfig::from_file(&path, self.dir.path().join("data"), "test").unwrap();
        DeskConfig { trading: TradingSettings::NONE, ..config }
    }

    fn key(&self, name: &str) -> VirtualKey {
        VirtualKey::plug_in(&self.authority, Settings::named(name).pin(PIN)).unwrap()
    }

    /// The evidence in the identity's folder, once its desk is shut down.
    fn evidence(&self, folder: &str, comp_id: &str) -> Vec<Evidence> {
        let key = StoreKey::new(*self.keychain.secret(&name()).unwrap());
        let path = self.dir.path().join("data").join(folder).join(format!("{comp_id}.evidence"));
        let (_, recovered) = SealedLog::open(&path, &key).unwrap();
        recovered
            .records
            .iter()
            .map(|r| Evidence::from_json(std::str::from_utf8(r).unwrap()).unwrap())
            .collect()
    }
}

fn name() -> IdentityName {
    ME.parse().unwrap()
}

/// The dealer simulator as a venue of its own.
struct World {
    simulator: Option<Simulator>,
    runtime: tokio::runtime::Runtime,
    config: DeskConfig,
    // Last: its turn ends when the venue is down.
    ground: Ground,
}

impl World {
    fn start(when: &str) -> Self {
        // The simulator wants to see a gateway's certificate; the venue of `Plain` sees one that
        // names nobody.
        let ground = Ground::new(&Order::gateway(ME));
        let mut settings = signet_dealer::Settings::parse(signet_dealer::DEALERS_TOML).unwrap();
        settings.gateway = ME.into();
        settings.dealers.retain(|d| d.id == NORTH);
        settings.dealers.iter_mut().for_each(calm);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let key = ground.pki.issue(&Order::dealer(NORTH)).unwrap().certified_key().unwrap();
        let message_key = MessageKey::of(&key).unwrap();
        let profile = ServerProfile::new(ground.pki.gateway_roots().unwrap(), key);
        let credentials = Credentials::new(TRUST_DOMAIN)
            .with_dealer(NORTH, &profile)
            .unwrap()
            .with_message_key(NORTH, message_key);
        let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML).unwrap();
        let state = ground.dir.path().join("dealer");
        let simulator = runtime
            .block_on(Simulator::start(&settings, instruments, &credentials, &state))
            .unwrap();
        let roots = ground.pki.write_roots(ground.dir.path()).unwrap();
        let mut config = ground.config(NORTH, &roots.dealers, simulator.addresses()[NORTH], when);
        // This one takes nothing unsigned, and signs what it says; the venue of `Plain` knows no
        // signatures.
        config.venues[0].direct.as_mut().unwrap().sign_messages = true;
        Self { simulator: Some(simulator), runtime, config, ground }
    }

    fn force(&self, f: Force) {
        self.runtime.block_on(self.simulator.as_ref().unwrap().force(NORTH, f)).unwrap();
    }

    /// This dealer trades what it quoted, and nothing smaller.
    fn quotes(&self, offer: &str, size: i64, valid_ms: u64) {
        let offer: Decimal = offer.parse().unwrap();
        self.force(Force::QuoteExactly {
            bid: None,
            offer: Some(offer),
            size: size.into(),
            valid_ms,
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(s) = self.simulator.take() {
            self.runtime.block_on(s.stop());
        }
    }
}

fn calm(d: &mut DealerSettings) {
    (d.quote_delay_ms, d.requote_every_ms, d.last_look_ms) = ([0, 0], [0, 0], [0, 0]);
    d.valid_ms = 30_000;
    (d.partial_size_probability, d.pass_probability, d.withdraw_probability) = (0.0, 0.0, 0.0);
    (d.silent_probability, d.slow_probability, d.reject_probability, d.partial_fill_probability) =
        (0.0, 0.0, 0.0, 0.0);
    d.die_after_messages = 0;
}

/// A trader at a desk with a security key in it.
struct Person {
    desk: Desk,
    s: Screen,
    key: VirtualKey,
    keys: VirtualKeys,
}

impl Person {
    /// Connected, without a registered key.
    fn new(g: &Ground, config: &DeskConfig) -> Self {
        let key = g.key("blue");
        let keys = VirtualKeys::new(vec![key.clone()]);
        let desk = Desk::start(config.clone(), g.keychain.clone(), Arc::new(keys.clone())).unwrap();
        desk.connect_now(ME, "Plain venue").unwrap();
        let mut p = Self { desk, s: Screen::default(), key, keys };
        p.online();
        p
    }

    fn with_key(g: &Ground, config: &DeskConfig) -> Self {
        let mut p = Self::new(g, config);
        p.desk.register_key("blue", None).unwrap();
        p.approve();
        p.until("a registered key", |s| s.access.as_ref().is_some_and(|a| a.keys == 1));
        p
    }

    fn online(&mut self) {
        self.until("online", |s| {
            s.link() == Some(LinkState::Online)
                && s.access.as_ref().is_some_and(|a| a.step_up && a.direct)
        });
    }

    fn until(&mut self, what: &str, done: impl Fn(&Screen) -> bool) {
        let began = Instant::now();
        loop {
            self.s.pull(&self.desk);
            if done(&self.s) {
                return;
            }
            let s = &self.s;
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "never: {what}\n{:?}\n{:#?}\n{:?}\n{:?}\n{:#?}\n{:#?}",
                s.session,
                s.step_up,
                s.access,
                s.keys,
                s.rfqs,
                s.notices
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn phase(&mut self, phase: StepUpPhase) -> StepUpView {
        self.until(&format!("{phase:?}"), |s| s.step_up.as_ref().is_some_and(|d| d.phase == phase));
        self.s.step_up.clone().unwrap()
    }

    fn closed(&mut self) {
        self.until("the dialog to close", |s| s.step_up.is_none());
    }

    fn approve(&mut self) {
        let open = self.phase(StepUpPhase::Pin);
        self.desk.give_key_pin(&open.id, open.pin_question, PIN.into()).unwrap();
        self.phase(StepUpPhase::Touch);
        self.key.touch_once();
    }

    fn ask(&self, quantity: &str) -> String {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: Ask::Buy,
            quantity: quantity.into(),
            dealers: vec![NORTH.into()],
            ttl_s: 120,
            settlement_date: None,
        };
        self.desk.send_rfq(ticket).unwrap()
    }

    /// Asks, waits for the quote and accepts it.
    fn accept(&mut self, quantity: &str) -> String {
        let rfq = self.ask(quantity);
        self.accept_quote(&rfq);
        rfq
    }

    fn accept_quote(&mut self, rfq: &str) {
        self.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
        let l = self.s.line(rfq, NORTH).clone();
        let price = l.offer.unwrap().price;
        let intent = ArmIntent {
            rfq_id: rfq.into(),
            dealer: NORTH.into(),
            quote_id: l.quote_id.unwrap(),
            side: Side::Buy,
            price,
        };
        let armed = self.desk.arm(intent).unwrap();
        self.desk.accept(rfq, &armed.id).unwrap();
    }

    fn outcome(&mut self, rfq: &str, state: AcceptState) -> String {
        self.until(&format!("{state:?}"), |s| s.accept_state(rfq) == Some(state));
        self.s.rfq(rfq).accept.clone().unwrap().text
    }

    /// The desk is closed; its stores are free.
    fn leave(self) {
        drop(self);
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(self.desk.shut_down());
    }
}

// ----- the dealer simulator -----

#[test]
fn a_small_trade_needs_no_touch_and_a_large_one_is_filled_after_its_own() {
    let w = World::start(TOUCH);
    let mut p = Person::with_key(&w.ground, &w.config);
    w.quotes("99.125", 500_000, 30_000);
    let small = p.accept("500k");
    p.outcome(&small, AcceptState::Filled);
    w.quotes("99.125", 5_000_000, 30_000);
    let rfq = p.accept("5m");
    let open = p.phase(StepUpPhase::Pin);
    let terms = open.terms.unwrap();
    assert_eq!(
        (open.kind, terms.quantity.as_str(), terms.price.as_deref()),
        (StepUpKind::Accept, "5,000,000", Some("99.125"))
    );
    assert_eq!(
        (terms.dealers, p.s.accept_state(&rfq)),
        (vec!["Northbank".to_owned()], Some(AcceptState::StepUp))
    );
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    p.closed();
    assert!(p.s.access.as_ref().unwrap().lease_until_ms.is_some());
    p.leave();
    let evidence = w.ground.evidence(ME, NORTH);
    assert_eq!(evidence.len(), 1, "the small one left none");
    assert_eq!(evidence[0].verify(), Ok(()));
    assert!(
        evidence[0].approval.contains("\nquantity=5000000\n")
            && evidence[0].approval.contains("\ngateway=NORTHBANK\n")
    );
    assert_eq!((evidence[0].user.as_str(), evidence[0].key_name.as_str()), (ME, "blue"));
}

#[test]
fn refused_by_the_trader_nothing_is_sent() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 5_000_000, 30_000);
    let mut p = Person::with_key(&w.ground, &w.config);
    let rfq = p.accept("5m");
    let open = p.phase(StepUpPhase::Pin);
    p.desk.refuse_step_up(&open.id).unwrap();
    assert!(p.outcome(&rfq, AcceptState::Disarmed).contains("You did not approve it"));
    p.closed();
    // The RFQ is still there, and another try is good.
    p.accept_quote(&rfq);
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    p.leave();
    assert_eq!(w.ground.evidence(ME, NORTH).len(), 1);
}

#[test]
fn without_a_registered_key_what_needs_a_touch_is_refused() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 5_000_000, 30_000);
    let mut p = Person::new(&w.ground, &w.config);
    assert_eq!(p.s.access.as_ref().unwrap().keys, 0);
    let rfq = p.accept("5m");
    assert!(p.outcome(&rfq, AcceptState::Disarmed).contains("no security key registered"));
    assert!(p.s.step_up.is_none());
    // What needs none goes on.
    w.quotes("99.125", 500_000, 30_000);
    let small = p.accept("500k");
    p.outcome(&small, AcceptState::Filled);
}

#[test]
fn a_quote_that_ends_while_nobody_touches_is_said_to_have_ended() {
    let w = World::start(TOUCH);
    let mut p = Person::with_key(&w.ground, &w.config);
    w.quotes("99.125", 5_000_000, 6_000);
    let rfq = p.accept("5m");
    p.phase(StepUpPhase::Pin);
    let text = p.outcome(&rfq, AcceptState::Disarmed);
    assert!(text.contains("it waited for your touch") && text.contains("expired"), "{text}");
    p.closed();
    p.leave();
    assert_eq!(w.ground.evidence(ME, NORTH), []);
}

#[test]
fn a_key_that_is_not_registered_approves_nothing() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 5_000_000, 30_000);
    let mut p = Person::with_key(&w.ground, &w.config);
    p.key.unplug();
    let strange = w.ground.key("somebody else's");
    p.keys.add(strange.clone());
    let rfq = p.accept("5m");
    let open = p.phase(StepUpPhase::Pin);
    p.desk.give_key_pin(&open.id, open.pin_question, PIN.into()).unwrap();
    p.phase(StepUpPhase::Touch);
    strange.touch_once();
    let failed = p.phase(StepUpPhase::Failed);
    assert_eq!(failed.problem.unwrap().code, "key.wrong");
    p.desk.refuse_step_up(&failed.id).unwrap();
    p.outcome(&rfq, AcceptState::Disarmed);
    p.leave();
    assert_eq!(w.ground.evidence(ME, NORTH), []);
}

#[test]
fn the_link_goes_while_a_touch_is_waited_for_and_nothing_is_sent_later() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 5_000_000, 60_000);
    let mut p = Person::with_key(&w.ground, &w.config);
    let rfq = p.accept("5m");
    p.phase(StepUpPhase::Pin);
    w.force(Force::Die);
    let text = p.outcome(&rfq, AcceptState::Disarmed);
    assert!(text.contains("connection was lost while it waited"), "{text}");
    p.closed();
    w.force(Force::Resume);
    p.online();
    // The RFQ goes on with a new quote; the accept does not come back.
    w.quotes("99.250", 5_000_000, 60_000);
    let new = |l: &LineView| l.can_lift && l.offer.as_ref().is_some_and(|o| o.price == "99.250");
    p.until("a new quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && new(l)));
    assert_eq!(p.s.accept_state(&rfq), Some(AcceptState::Disarmed));
    // The dealer may quote once more just then, which disarms it.
    while p.s.step_up.is_none() {
        p.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && new(l)));
        p.accept_quote(&rfq);
        p.until("the dialog, or no", |s| {
            s.step_up.is_some() || s.accept_state(&rfq) == Some(AcceptState::Disarmed)
        });
    }
    p.approve();
    assert!(p.outcome(&rfq, AcceptState::Filled).contains("99.250"));
}

#[test]
fn what_became_of_an_accept_in_flight_is_asked_after_a_reconnect() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 500_000, 60_000);
    let mut p = Person::with_key(&w.ground, &w.config);
    let rfq = p.ask("500k");
    p.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    // It fills, and says nothing.
    w.force(Force::Silent);
    p.accept_quote(&rfq);
    p.outcome(&rfq, AcceptState::Sent);
    w.force(Force::Die);
    p.until("the loss", |s| s.link() != Some(LinkState::Online));
    p.outcome(&rfq, AcceptState::Unknown);
    w.force(Force::Resume);
    p.online();
    p.until("an answer", |s| {
        matches!(s.accept_state(&rfq), Some(AcceptState::Filled | AcceptState::Declined))
    });
}

#[test]
fn a_further_key_is_approved_with_the_first() {
    let w = World::start(TOUCH);
    w.quotes("99.125", 5_000_000, 30_000);
    let mut p = Person::with_key(&w.ground, &w.config);
    let red = w.ground.key("red");
    p.keys.add(red.clone());
    p.desk.register_key("red", None).unwrap();
    p.phase(StepUpPhase::ChooseByTouch);
    p.key.touch_once();
    p.approve();
    let chooses =
        |d: &StepUpView| (d.kind, d.phase) == (StepUpKind::NewKey, StepUpPhase::ChooseByTouch);
    p.until("the second ceremony", |s| s.step_up.as_ref().is_some_and(chooses));
    p.key = red;
    p.key.touch_once();
    p.approve();
    p.until("two keys", |s| s.access.as_ref().is_some_and(|a| a.keys == 2));
    let rfq = p.accept("5m");
    p.phase(StepUpPhase::ChooseByTouch);
    p.key.touch_once();
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    p.leave();
    let evidence = w.ground.evidence(ME, NORTH);
    assert_eq!(evidence.iter().map(|e| e.key_name.as_str()).collect::<Vec<_>>(), ["blue", "red"]);
    assert!(evidence.iter().all(|e| e.verify().is_ok()));
}

// ----- a venue written by hand -----

fn plain_world(script: Script) -> (Plain, DeskConfig, Ground) {
    // Neither certificate says anything of Signet.
    let ground = Ground::new(&Order::desk(ME).with_uri("https://clients.venue.example/7"));
    let own =
        ground.pki.issue(&Order::gateway(VENUE).with_uri("https://fix.venue.example/")).unwrap();
    let profile =
        ServerProfile::new(ground.pki.desk_roots().unwrap(), own.certified_key().unwrap());
    let venue = Plain::start(profile.config().unwrap(), VENUE, ME, script);
    let roots = ground.pki.write_roots(ground.dir.path()).unwrap();
    let config = ground.config(VENUE, &roots.gateways, venue.address, TOUCH);
    (venue, config, ground)
}

#[test]
fn nothing_but_standard_messages_and_tags_travels() {
    let (venue, config, ground) = plain_world(Script::Fills);
    let mut p = Person::with_key(&ground, &config);
    let small = p.accept("500k");
    p.outcome(&small, AcceptState::Filled);
    let rfq = p.accept("5m");
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    p.desk.verify_now().unwrap();
    p.approve();
    p.closed();
    let open = p.ask("500k");
    p.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == open && l.can_lift));
    p.desk.cancel_rfq(&open).unwrap();
    p.until("ended", |s| s.rfq(&open).state == RfqState::Cancelled);
    venue.hears("the Pass", |f| f.contains("|35=AJ|") && f.contains("|694=6|"));
    p.leave();
    let frames = venue.frames();
    for kind in ["|35=A|", "|35=R|", "|35=AJ|", "|35=1|", "|35=5|"] {
        assert!(frames.iter().any(|f| f.contains(kind)), "{kind} never came");
    }
    for f in &frames {
        // FIX 4.4: user-defined message types begin with U, user-defined tags are 5000 to 9999, and
        // ours lie above.
        assert!(!f.contains("|35=U"), "{f}");
        let tags = f
            .split('|')
            .filter_map(|x| x.split_once('='))
            .filter_map(|(t, _)| t.parse::<u32>().ok());
        assert!(tags.into_iter().all(|t| t < 5_000), "{f}");
    }
    assert_eq!(frames.iter().filter(|f| f.contains("|35=AJ|") && f.contains("|694=1|")).count(), 2);
    // A certificate that names nobody has a folder of its own.
    let evidence = ground.evidence(&format!("direct-{ME}"), VENUE);
    assert_eq!(evidence.iter().filter(|e| e.verify().is_ok()).count(), 2);
}

/// A spread: 5m of one bond bought, 5m of another sold; 10m gross.
fn spread() -> Ticket {
    let leg = |id: &str, side| TicketLeg {
        instrument: id.into(),
        side,
        quantity: "5m".into(),
        ratio: None,
        settlement_date: None,
    };
    Ticket {
        price_type: Default::default(),
        instrument: String::new(),
        legs: vec![leg(BUND, Side::Buy), leg("DE000BU2Z023", Side::Sell)],
        ask: Ask::Buy,
        quantity: String::new(),
        dealers: vec![NORTH.into()],
        ttl_s: 120,
        settlement_date: None,
    }
}

/// FIX 4.4 has legs in R, S, AJ and 8, so a package goes to a plain venue as it goes to a dealer of
/// the gateway, and no field of it is ours. A limit is between desk and gateway: there is none here.
#[test]
fn a_package_goes_to_a_plain_venue_with_standard_fields_only() {
    let (venue, config, ground) = plain_world(Script::Fills);
    let mut p = Person::with_key(&ground, &config);
    let rfq = p.desk.send_rfq(spread()).unwrap();
    p.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    let line = p.s.line(&rfq, NORTH).clone();
    let prices: Vec<_> = line.legs.iter().map(|l| l.bought.as_deref().unwrap()).collect();
    assert_eq!(prices, ["100.000", "99.000"]);
    assert_eq!(p.desk.set_limit(&rfq, 1).unwrap_err().code, "accept.no_limit");
    assert_eq!(p.desk.approve_ahead(&rfq, Side::Buy, Some(0)).unwrap_err().code, "accept.no_ahead");
    p.accept_quote(&rfq);
    let terms = p.phase(StepUpPhase::Pin).terms.unwrap();
    assert_eq!((terms.quantity.as_str(), terms.legs.len()), ("10,000,000", 2));
    assert_eq!(terms.limit, None);
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    let done = p.s.rfq(&rfq).accept.clone().unwrap();
    assert_eq!((done.legs.len(), done.quantity.as_str()), (2, "10,000,000"));
    p.leave();
    let frames = venue.frames();
    for kind in ["|35=R|", "|35=AJ|"] {
        let f = frames.iter().find(|f| f.contains(kind)).unwrap();
        for part in ["|55=[N/A]|", "|167=MLEG|", "|555=2|", "|624=1|", "|624=2|", "|687=5000000|"] {
            assert!(f.contains(part), "{part} is not in {f}");
        }
        let tags = f.split('|').filter_map(|x| x.split_once('=')?.0.parse::<u32>().ok());
        assert!(tags.into_iter().all(|t| t < 5_000), "{f}");
    }
    let evidence = ground.evidence(&format!("direct-{ME}"), VENUE);
    assert_eq!(evidence.iter().filter(|e| e.verify().is_ok()).count(), 1);
    assert_eq!(evidence[0].approval.matches("\nleg=").count(), 2, "{}", evidence[0].approval);
}

#[test]
fn an_accept_whose_answer_was_lost_with_the_link_turns_out_to_be_a_trade() {
    let (venue, config, ground) = plain_world(Script::HangsUpOnAccepts);
    let mut p = Person::with_key(&ground, &config);
    let rfq = p.accept("5m");
    p.approve();
    p.outcome(&rfq, AcceptState::Filled);
    let frames = venue.frames();
    let accepts = frames.iter().filter(|f| f.contains("|35=AJ|")).count();
    let asked = frames.iter().filter(|f| f.contains("|35=H|")).count();
    assert!((accepts, asked >= 1) == (1, true), "accepted once, asked after: {frames:#?}");
    p.leave();
    assert_eq!(ground.evidence(&format!("direct-{ME}"), VENUE).len(), 1);
}

#[test]
fn a_venue_cannot_speak_as_a_gateway() {
    let (venue, config, ground) = plain_world(Script::PlaysGateway);
    let mut p = Person::new(&ground, &config);
    let rfq = p.ask("500k");
    p.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    let access = p.s.access.clone().unwrap();
    assert!(
        access.direct && access.step_up && !access.approver && p.s.step_up.is_none(),
        "{access:?}"
    );
    assert_eq!(p.desk.reference().dealers.len(), 1);
    drop(venue);
}

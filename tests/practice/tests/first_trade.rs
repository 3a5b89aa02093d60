//! From a firm's answers to its first trade: what `signet-gateway init` makes runs, dealers take the
//! certificates that it issued, and a trader enrols and trades.

// A gateway is a Unix server.
#![cfg(unix)]

use signet_dealer::{Credentials, Instruments, Settings, Simulator};
use signet_desk_core::{Desk, DeskConfig, TradingSettings, view::*};
use signet_gateway::{
    Config, Gateway, Loaded, Options,
    admin::{self, CodeTerms},
    init::{Answers, Bank, DealerAnswer, Given, Order, install, renew_gateway},
};
use signet_keystore::MemoryKeychain;
use signet_registry::NewUser;
use signet_stepup::client::NoKeys;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const BUND: &str = "DE000BU2Z049";
const PATIENCE: Duration = Duration::from_secs(60);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A laptop that nobody prepared: enrols, connects, asks the first dealer that is there, takes its
/// price. Answers how the trade ended.
fn first_trade(data: &Path, link: &str, code: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let trading = TradingSettings { confirm_after_ms: 0, ..TradingSettings::default() };
    let config = DeskConfig { trading, ..DeskConfig::empty(data.join("desk"), "test") };
    let desk = Desk::start(config, Arc::new(MemoryKeychain::new()), Arc::new(NoKeys)).unwrap();
    let read = desk.read_invitation(link).unwrap();
    let intent = EnrolIntent {
        invitation: link.into(),
        compared: read.fingerprint,
        code: code.into(),
        device: "first laptop".into(),
        holder: Holder::Keychain,
    };
    runtime.block_on(desk.enrol(intent)).unwrap();
    let enrolled = desk.pull(0, &[]).enrol.unwrap();
    let identity = enrolled.identity.unwrap_or_else(|| panic!("{:?}", enrolled.problem));
    let venue = desk.info().venues[0].name.clone();
    runtime.block_on(desk.connect(identity, venue)).unwrap();
    let dealer = until("a dealer", || {
        let r = desk.reference();
        let ready = r.instruments > 0;
        r.dealers.into_iter().find(|d| d.online && ready).map(|d| d.id)
    });
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: BUND.into(),
        ask: Ask::Buy,
        quantity: "5m".into(),
        dealers: vec![dealer],
        ttl_s: 60,
        settlement_date: None,
    };
    let id = desk.send_rfq(ticket).unwrap();
    let mut ended = None;
    let began = Instant::now();
    while ended.is_none() {
        assert!(began.elapsed() < PATIENCE, "{:#?}", desk.pull(0, &[]).rfqs);
        let f = desk.pull(0, &[]);
        let accept = f.rfqs.iter().find(|r| r.id == id).and_then(|r| r.accept.clone());
        let accept = accept.filter(|a| a.state != AcceptState::Disarmed);
        match accept {
            Some(a) if a.state == AcceptState::Filled => ended = Some(a.text),
            Some(a) if a.state == AcceptState::Armed => {
                let _ = desk.accept(&id, &a.id);
            }
            Some(_) => {}
            // A quote may be gone between being read and being pressed.
            None => {
                for l in f.lines.iter().filter(|l| l.rfq_id == id && l.can_lift) {
                    let (Some(quote_id), Some(offer)) = (&l.quote_id, &l.offer) else { continue };
                    let _ = desk.arm(ArmIntent {
                        rfq_id: id.clone(),
                        dealer: l.dealer.clone(),
                        quote_id: quote_id.clone(),
                        side: Side::Buy,
                        price: offer.price.clone(),
                    });
                }
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    runtime.block_on(desk.shut_down());
    ended.unwrap_or_default()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A dealer's key, which its own machine makes, and its request.
fn request(folder: &Path, id: &str) -> PathBuf {
    let csr = folder.join(format!("{id}.csr"));
    let mut c = Command::new("openssl");
    c.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    c.args(["-subj", "/CN=fix", "-keyout"]).arg(folder.join(format!("{id}-key.pem")));
    assert!(c.arg("-out").arg(&csr).output().unwrap().status.success());
    let key = folder.join(format!("{id}-key.pem"));
    fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    csr
}

/// The bank of all examples, on this machine, with two of the simulated dealers.
fn answers(dir: &Path, dealers: &[(String, u16)]) -> Answers {
    let dealer = |(id, port): &(String, u16)| DealerAnswer {
        comp_id: id.clone(),
        host: "127.0.0.1".into(),
        port: *port,
        server_name: "localhost".into(),
        request: format!("{id}.csr"),
        ..DealerAnswer::default()
    };
    let example = include_str!("../../../packaging/gateway/answers.example.toml");
    let mut a = Answers::parse(example).unwrap();
    a.hosts = vec!["localhost".into()];
    a.console_host = "console.bank.example".into();
    // The trader's laptop is this machine, whose disk may not be encrypted.
    a.require = Some(vec![]);
    a.networks = vec!["127.0.0.0/8".into(), "::1/128".into()];
    a.state_dir = dir.join("state").display().to_string();
    let ports = [(); 4].map(|()| format!("127.0.0.1:{}", free_port()));
    [a.listen.desks, a.listen.enrolment, a.listen.admin, a.listen.console] = ports;
    a.dealer = dealers.iter().map(dealer).collect();
    a
}

/// The script `scripts/first-trade.sh` does the same with the package, in a root of its own.
#[test]
fn what_init_makes_runs_and_a_trader_trades() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let mut settings = Settings::parse(signet_dealer::DEALERS_TOML).unwrap();
    settings.dealers.retain(|d| ["NORTHBANK", "HARBOUR"].contains(&d.id.as_str()));
    for d in &mut settings.dealers {
        d.listen.set_port(free_port());
        (d.quote_delay_ms, d.partial_fill_probability) = ([10, 20], 0.0);
        (d.signs, d.wants_signed) = (signet_dealer::Signs::No, false);
    }
    let dealers: Vec<_> =
        settings.dealers.iter().map(|d| (d.id.clone(), d.listen.port())).collect();
    dealers.iter().for_each(|(id, _)| drop(request(here, id)));
    let answers = answers(here, &dealers);

    let bank = Bank::of(&answers, 7).unwrap();
    let given = Given::read(&bank, here).unwrap();
    let (folder, now) = (here.join("signet"), OffsetDateTime::now_utc());
    let (bank, given) = (&bank, &given);
    install(&Order { bank, given, folder: &folder, force: false, account: None, now }).unwrap();
    let path = folder.join("gateway.toml");
    let mut config = Config::read(&path).unwrap();
    // Its port is fixed; another gateway may run on this machine.
    config.metrics = None;

    for (id, _) in &dealers {
        fs::copy(folder.join(format!("dealers/{id}.pem")), here.join(format!("{id}.pem"))).unwrap();
    }
    fs::copy(folder.join("gateways-ca.pem"), here.join("gateways-ca.pem")).unwrap();
    let credentials = Credentials::from_directory(here, "bank.example", &settings).unwrap();
    let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let state = here.join("dealers");
    fs::create_dir(&state).unwrap();
    let simulator =
        runtime.block_on(Simulator::start(&settings, instruments, &credentials, &state)).unwrap();

    let gateway = Gateway::start(Loaded::of(config.clone()).unwrap(), Options::default()).unwrap();
    let alice = &answers.trader[0];
    let user = NewUser {
        id: alice.id.clone(),
        comp_id: alice.comp_id.clone(),
        name: alice.name.clone(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let terms = CodeTerms { hours: 1, managed: true };
    let invited = runtime.block_on(admin::add(&config, user, terms, here)).unwrap();
    println!("{}", first_trade(here, &invited.link, &invited.code));

    // The authorities that init made issue the next certificate while it runs.
    let serial = || fs::read(folder.join("gateway.pem")).unwrap();
    let before = serial();
    renew_gateway(&path, true, &[], now).unwrap();
    assert_ne!(serial(), before);
    gateway.stop();
    runtime.block_on(simulator.stop());
}

/// The desk of `scripts/first-trade.sh`.
#[test]
#[ignore = "scripts/first-trade.sh runs it against a package"]
fn a_desk_trades_with_the_gateway_of_the_script() {
    let [link, code] = ["SIGNET_LINK", "SIGNET_CODE"].map(|v| std::env::var(v).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let text = first_trade(dir.path(), &link, &code);
    println!("filled {text}");
}

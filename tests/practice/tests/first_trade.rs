//! From a firm's answers to its first trade: what `signet-gateway init` makes runs, dealers take the
//! certificates that it issued, and a trader enrols and trades.

// A gateway is a Unix server.
#![cfg(unix)]

#[path = "../../needs/ports.rs"]
mod ports;

use ports::free_port;
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
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const BUND: &str = "DE000BU2Z049";
const PATIENCE: Duration = Duration::from_secs(60);

/// One of them changes the environment.
static TURN: Mutex<()> = Mutex::new(());

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

/// A bank that `signet-gateway init` has set up in a folder, and its dealers.
struct Installed {
    answers: Answers,
    folder: PathBuf,
    simulator: Simulator,
    runtime: tokio::runtime::Runtime,
    now: OffsetDateTime,
}

impl Installed {
    fn new(here: &Path) -> Self {
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

        for (id, _) in &dealers {
            fs::copy(folder.join(format!("dealers/{id}.pem")), here.join(format!("{id}.pem")))
                .unwrap();
        }
        fs::copy(folder.join("gateways-ca.pem"), here.join("gateways-ca.pem")).unwrap();
        let credentials = Credentials::from_directory(here, "bank.example", &settings).unwrap();
        let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let state = here.join("dealers");
        fs::create_dir(&state).unwrap();
        let started = Simulator::start(&settings, instruments, &credentials, &state);
        let simulator = runtime.block_on(started).unwrap();
        Self { answers, folder, simulator, runtime, now }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("gateway.toml")
    }

    fn config(&self) -> Config {
        let mut config = Config::read(&self.path()).unwrap();
        // Its port is fixed; another gateway may run on this machine.
        config.metrics = None;
        config
    }

    /// Adds the first trader of the answers, who then trades from a laptop in `here`.
    fn trader_trades(&self, config: &Config, here: &Path) {
        let alice = &self.answers.trader[0];
        let user = NewUser {
            id: alice.id.clone(),
            comp_id: alice.comp_id.clone(),
            name: alice.name.clone(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let terms = CodeTerms { hours: 1, managed: true };
        let invited = self.runtime.block_on(admin::add(config, user, terms, here)).unwrap();
        println!("{}", first_trade(here, &invited.link, &invited.code));
    }

    fn stop(self) {
        self.runtime.block_on(self.simulator.stop());
    }
}

/// The script `scripts/first-trade.sh` does the same with the package, in a root of its own.
#[test]
fn what_init_makes_runs_and_a_trader_trades() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let bank = Installed::new(dir.path());
    let config = bank.config();
    let gateway = Gateway::start(Loaded::of(config.clone()).unwrap(), Options::default()).unwrap();
    bank.trader_trades(&config, dir.path());

    // The authorities that init made issue the next certificate while it runs.
    let serial = || fs::read(bank.folder.join("gateway.pem")).unwrap();
    let before = serial();
    renew_gateway(&bank.path(), true, &[], bank.now).unwrap();
    assert_ne!(serial(), before);
    gateway.stop();
    bank.stop();
}

const PIN: &str = "135790";

/// SoftHSM2 with one token, `signet`, in a folder of its own; its module.
fn soft_hsm(dir: &Path) -> PathBuf {
    let places =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let module = places.map(PathBuf::from).into_iter().find(|m| m.exists());
    fs::create_dir(dir.join("tokens")).unwrap();
    let conf = dir.join("softhsm2.conf");
    let tokens = dir.join("tokens");
    fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    // SAFETY: the tests of this program take turns, and nothing of this one runs yet.
    unsafe { std::env::set_var("SOFTHSM2_CONF", &conf) };
    let mut make = Command::new("softhsm2-util");
    make.args(["--init-token", "--free", "--label", "signet", "--pin", PIN]);
    let made = make.args(["--so-pin", "24680864"]).output().expect("softhsm2-util is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    module.expect("softhsm2 is installed")
}

fn write_pin(file: &Path, pin: &str) {
    let _ = fs::remove_file(file);
    fs::write(file, format!("{pin}\n")).unwrap();
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// As docs/admins.md moves the keys of a gateway into an HSM: its own and its issuing authority's
/// are made there, sign handshakes, messages and certificates there, and lie in no file.
#[test]
fn a_gateway_whose_keys_are_in_a_token_enrols_and_trades() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let module = soft_hsm(dir.path());
    let bank = Installed::new(dir.path());
    let (path, pin_file) = (bank.path(), bank.folder.join("hsm.pin"));
    let text = fs::read_to_string(&path).unwrap();
    for there in ["\nkey = \"gateway-key.pem\"", "\"desks-ca.pem\"", "\"desks-ca-key.pem\""] {
        assert!(text.contains(there), "{there}");
    }
    let text = text
        .replace("\nkey = \"gateway-key.pem\"", "\nkey = \"pkcs11:token=signet;object=gateway\"")
        .replace("ca_certificate = \"desks-ca.pem\"", "ca_certificate = \"desks-ca-2.pem\"")
        .replace("\"desks-ca-key.pem\"", "\"pkcs11:token=signet;object=desks-ca\"");
    let section = format!("\n[pkcs11]\nmodule = {module:?}\npin_file = \"hsm.pin\"\n");
    fs::write(&path, text + &section).unwrap();

    write_pin(&pin_file, PIN);
    let config = bank.config();
    let pin = admin::make_token_key(&config, "pkcs11:token=signet;object=gateway").unwrap();
    assert!(pin.starts_with("sha256/"), "{pin}");
    let again = admin::make_token_key(&config, "pkcs11:token=signet;object=gateway");
    assert!(again.unwrap_err().to_string().contains("already a key named gateway"));
    // The certificate is still of the key in the file.
    let other = Loaded::of(bank.config()).map(drop).unwrap_err().to_string();
    assert!(other.contains("pkcs11:token=signet;object=gateway"), "{other}");
    renew_gateway(&path, true, &[], bank.now).unwrap();
    admin::ca_init(&config, None, 1).unwrap();
    let mut trust = fs::read(bank.folder.join("desks-ca.pem")).unwrap();
    trust.extend(fs::read(bank.folder.join("desks-ca-2.pem")).unwrap());
    fs::write(bank.folder.join("desks-ca.pem"), trust).unwrap();
    for key in ["gateway-key.pem", "desks-ca-key.pem"] {
        fs::remove_file(bank.folder.join(key)).unwrap();
    }
    drop(config);

    // A gateway that starts again and again with a wrong PIN gives it once.
    write_pin(&pin_file, "000000");
    for _ in 0..20 {
        let wrong = Loaded::of(bank.config()).map(drop).unwrap_err().to_string();
        assert!(wrong.contains("pkcs11.pin_file"), "{wrong}");
    }
    write_pin(&pin_file, PIN);
    assert!(Loaded::of(bank.config()).is_err(), "a person looks at it first");
    let tried = admin::try_token_keys(&bank.config()).unwrap();
    assert_eq!(tried.iter().map(|t| t.name).collect::<Vec<_>>(), ["tls.key", "enrolment.ca_key"]);

    let config = bank.config();
    let gateway = Gateway::start(Loaded::of(config.clone()).unwrap(), Options::default()).unwrap();
    bank.trader_trades(&config, dir.path());
    gateway.stop();
    bank.stop();
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

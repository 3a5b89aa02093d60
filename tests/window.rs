//! The real window, driven as a trader would: connect, RFQ, quotes, accept, fill, blotter, restart.
//!
//! Linux only. The display is Xvfb, the keychain a gnome-keyring on a bus of its own, the driver
//! WebKitWebDriver; all of them real, none of them shared with the person at this machine.

#![cfg(target_os = "linux")]

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::TimeoutConfiguration};
use serde_json::{Map, Value, json};
use signet_devca::private_keyring::{PrivateKeyring, Start};
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

#[path = "window/acting.rs"]
mod acting;
#[path = "window/around.rs"]
mod around;
#[path = "window/beside.rs"]
mod beside;
#[path = "window/hand_over.rs"]
mod hand_over;
#[path = "window/insight.rs"]
mod insight;
#[path = "window/list.rs"]
mod list;
#[path = "window/package.rs"]
mod package;
#[path = "needs/ports.rs"]
mod ports;
#[path = "window/ticket.rs"]
mod ticket;
#[path = "window/trader.rs"]
mod trader;
#[path = "window/types.rs"]
mod types;

/// Of the practice venue's simulated key.
const KEY_PIN: &str = "123456";
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the desk wants terms to be shown before they are confirmed.
const TERMS_READ: Duration = Duration::from_millis(900);

/// A child that does not outlive the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Xvfb on a display number it chooses itself.
fn display(width: u32, height: u32) -> (Daemon, String) {
    let mut child = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
            "-nolisten",
            "tcp",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is installed (package xvfb)");
    let out: ChildStdout = child.stdout.take().unwrap();
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).unwrap();
    (Daemon(child), format!(":{}", line.trim()))
}

/// Windows at a time: each draws without a graphics card, and a person who waits too long for it
/// meets other rules of the desk.
const STAGES_MAX: usize = 2;
static STAGES: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

struct Turn;

impl Turn {
    fn take() -> Self {
        let open = STAGES.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = STAGES.1.wait_while(open, |open| *open >= STAGES_MAX);
        *free.unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *STAGES.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        STAGES.1.notify_one();
    }
}

struct Stage {
    dir: tempfile::TempDir,
    keyring: PrivateKeyring,
    display: String,
    _xvfb: Daemon,
    _turn: Turn,
}

impl Stage {
    fn new() -> Self {
        Self::on_screen(1280, 800)
    }

    fn on_screen(width: u32, height: u32) -> Self {
        let turn = Turn::take();
        let dir = tempfile::tempdir().unwrap();
        let keyring =
            PrivateKeyring::start_in(&dir.path().join("keyring"), "window test", Start::Unlocked)
                .expect("a gnome-keyring starts");
        let (xvfb, display) = display(width, height);
        Self { dir, keyring, display, _xvfb: xvfb, _turn: turn }
    }

    /// Whether a desk on this stage's folder is still a process.
    fn desk_runs(&self) -> bool {
        let venue = format!("SIGNET_PRACTICE_DIR={}", self.dir.path().join("venue").display());
        std::fs::read_dir("/proc").unwrap().flatten().any(|p| {
            let name = std::fs::read_to_string(p.path().join("comm")).unwrap_or_default();
            // The desk closes its memory to others; who is not root cannot tell whose it is.
            let environment = std::fs::read(p.path().join("environ")).ok();
            let ours =
                environment.is_none_or(|e| e.split(|b| *b == 0).any(|v| v == venue.as_bytes()));
            name.trim() == "signet-desk" && ours
        })
    }

    /// What a desktop says on its bus when somebody unlocks it.
    fn unlock_screen(&self) {
        let args = ["--session", "--type=signal", "/org/freedesktop/ScreenSaver"];
        let said = Command::new("dbus-send")
            .args(args)
            .args(["org.freedesktop.ScreenSaver.ActiveChanged", "boolean:false"])
            .envs(self.keyring.env())
            .status();
        assert!(said.expect("dbus-send is installed (package dbus)").success());
    }

    /// Starts the desk under a driver; the desk ends with the session.
    async fn open(&self, connect_by_hand: bool) -> Window {
        self.open_with(connect_by_hand.then_some(("SIGNET_PRACTICE_WAIT", "1"))).await
    }

    async fn open_with(&self, setting: Option<(&str, &str)>) -> Window {
        let port = ports::free_port();
        let log = self.dir.path().join(format!("desk-{port}.log"));
        let mut command = Command::new("WebKitWebDriver");
        command
            .args([format!("--port={port}"), "--host=127.0.0.1".into()])
            .env("DISPLAY", &self.display)
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("SIGNET_PRACTICE_DIR", self.dir.path().join("venue"))
            .env("SIGNET_PRACTICE_CALM", "1")
            .env("NO_AT_BRIDGE", "1")
            .env("RUST_LOG", "info")
            .env_remove("WAYLAND_DISPLAY")
            .envs(self.keyring.env())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        command.envs(setting);
        let driver = Daemon(
            command.spawn().expect("WebKitWebDriver is installed (package webkit2gtk-driver)"),
        );
        let mut capabilities: Map<String, Value> = Map::new();
        capabilities.insert(
            "webkitgtk:browserOptions".into(),
            json!({ "binary": env!("CARGO_BIN_EXE_signet-desk"), "args": [] }),
        );
        let began = Instant::now();
        let client = loop {
            let connector = hyper_util::client::legacy::connect::HttpConnector::new();
            let tried = ClientBuilder::new(connector)
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await;
            match tried {
                Ok(c) => break c,
                Err(e) if began.elapsed() > PATIENCE => panic!("no window: {e}\n{}", read(&log)),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        client
            .update_timeouts(TimeoutConfiguration::new(
                Some(PATIENCE),
                Some(PATIENCE),
                Some(Duration::ZERO),
            ))
            .await
            .unwrap();
        Window { client, display: self.display.clone(), log, _driver: driver }
    }
}

fn read(path: &Path) -> String {
    let mut s = String::new();
    let _ = std::fs::File::open(path).and_then(|mut f| f.read_to_string(&mut s));
    s
}

struct Window {
    client: Client,
    display: String,
    log: PathBuf,
    _driver: Daemon,
}

impl Window {
    async fn find(&self, css: &str) -> Element {
        match self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await {
            Ok(e) => e,
            Err(e) => {
                let text = self
                    .client
                    .find(Locator::Css("body"))
                    .await
                    .unwrap()
                    .text()
                    .await
                    .unwrap_or_default();
                panic!("never on screen: {css}: {e}\nscreen:\n{text}\nlog:\n{}", read(&self.log));
            }
        }
    }

    async fn id(&self, test_id: &str) -> Element {
        self.find(&format!("[data-testid='{test_id}']")).await
    }

    async fn click(&self, test_id: &str) {
        self.id(test_id).await.click().await.unwrap();
    }

    /// Reads the terms in a panel, then confirms them.
    async fn confirm(&self, panel: &str) {
        let confirm = self.find(&format!("{panel} [data-testid='confirm-accept']")).await;
        tokio::time::sleep(TERMS_READ).await;
        confirm.click().await.unwrap();
    }

    /// Types where the keyboard is.
    async fn type_here(&self, text: &str) {
        self.client.active_element().await.unwrap().send_keys(text).await.unwrap();
    }

    /// Waits until an element is on the screen no more.
    async fn gone(&self, test_id: &str) {
        let began = Instant::now();
        while self.count(&format!("[data-testid='{test_id}']")).await > 0 {
            assert!(began.elapsed() < PATIENCE, "{test_id} stays\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an element says exactly this.
    async fn reads(&self, test_id: &str, text: &str) {
        let began = Instant::now();
        loop {
            let said = self.id(test_id).await.text().await.unwrap_or_default();
            if said == text {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{test_id} says {said:?}, not {text:?}\n{}",
                read(&self.log)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    async fn shot(&self, name: &str) {
        // Kept only when somebody asks for pictures (README, a look at what a trader sees).
        if let Some(dir) = std::env::var_os("SIGNET_SHOTS") {
            // Of the display, with ImageMagick: WebDriver's own screenshot never answers from a
            // view that draws without a graphics card.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let file = Path::new(&dir).join(format!("{name}.png"));
            let taken = Command::new("import")
                .args(["-display", &self.display, "-window", "root"])
                .arg(file)
                .status();
            assert!(taken.expect("ImageMagick's import").success());
        }
    }

    /// Closes the window and waits until its process has logged out and let go of its stores.
    async fn close(self, stage: &Stage) {
        self.client.clone().close().await.unwrap();
        let began = Instant::now();
        while stage.desk_runs() {
            assert!(began.elapsed() < PATIENCE, "the desk does not end\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Fills the ticket with the keyboard and sends it; the answer is the new RFQ's id.
    async fn ask(&self, quantity: &str) -> String {
        let before = self.count("[data-testid^='rfq-panel-']").await;
        let instrument = self.id("ticket-instrument").await;
        instrument.click().await.unwrap();
        self.client
            .execute("document.activeElement.select && document.activeElement.select()", vec![])
            .await
            .unwrap();
        instrument.send_keys("DE000BU2Z049").await.unwrap();
        self.id("instrument-option-DE000BU2Z049").await;
        instrument.send_keys("\u{e007}").await.unwrap(); // Enter
        let q = self.id("ticket-quantity").await;
        q.click().await.unwrap();
        self.client.execute("document.activeElement.select()", vec![]).await.unwrap();
        q.send_keys(quantity).await.unwrap();
        self.click("dealers-all").await;
        self.click("ticket-send").await;
        let began = Instant::now();
        while self.count("[data-testid^='rfq-panel-']").await == before {
            assert!(began.elapsed() < PATIENCE, "no panel\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let script = "return [...document.querySelectorAll('[data-testid^=rfq-panel-]')].map(e => \
            [e.dataset.testid.slice(10), e.dataset.state])";
        let panels = self.client.execute(script, vec![]).await.unwrap();
        let panels: Vec<(String, String)> = serde_json::from_value(panels).unwrap();
        panels.into_iter().find(|(_, s)| s == "sent" || s == "open").expect("an open panel").0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trader_connects_asks_sees_quotes_takes_one_and_finds_it_after_a_restart() {
    let stage = Stage::new();
    let w = stage.open(true).await;
    // The connect screen shows the identity found in the keychain, and that this is for practice.
    w.find("[data-testid='identity-row-PRACTICE1']").await;
    w.id("practice-band").await;
    w.shot("connect").await;
    w.click("connect-button").await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;

    // What the gateway decided about this access, and what it consists of.
    w.find("[data-testid='risk'][data-verdict='allow']").await;
    w.click("risk").await;
    let said = w.id("risk-panel").await.text().await.unwrap();
    assert!(said.contains("MFA, software token") && said.contains("+5"), "{said}");
    w.shot("risk").await;
    w.type_here("\u{e00c}").await;
    w.gone("risk-panel").await;

    // A quantity that makes no sense is refused beside its field, and nothing is sent.
    let quantity = w.id("ticket-quantity").await;
    quantity.send_keys("lots").await.unwrap();
    w.click("ticket-send").await;
    w.find("[data-testid='screen-main'] [data-testid='problem-code']").await;
    assert_eq!(w.count("[data-testid^='rfq-panel-']").await, 0);

    let id = w.ask("5m").await;
    w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='open']")).await;
    for dealer in ["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"] {
        w.find(&format!("[data-testid='line-{id}-{dealer}'][data-state='quoted']")).await;
    }
    w.find(&format!("[data-testid^='line-{id}-'][data-best-offer='true']")).await;
    w.shot("quotes").await;

    // The best offer: arm, read the terms, confirm.
    w.click(&format!("primary-buy-{id}")).await;
    let panel = format!("[data-testid='rfq-panel-{id}']");
    let terms =
        w.find(&format!("{panel} [data-testid='accept-terms']")).await.text().await.unwrap();
    assert!(terms.to_lowercase().contains("buy") && terms.contains("5,000,000"), "{terms}");
    w.shot("armed").await;
    w.confirm(&panel).await;

    // So large a trade wants a touch: the dialog says the same terms, and prices go on beside it.
    w.find("[data-testid='step-up'][data-kind='accept'][data-phase='pin']").await;
    assert_eq!(w.id("step-up-quantity").await.text().await.unwrap(), "5,000,000");
    let price = w.id("step-up-price").await.text().await.unwrap();
    assert!(terms.contains(&price), "{price} is not in {terms}");
    w.find(&format!("{panel} [data-testid='accept-state'][data-state='stepUp']")).await;
    // The keyboard is in the dialog already.
    w.shot("step-up-pin").await;
    w.type_here("999999\u{e007}").await;
    assert!(w.id("key-pin-wrong").await.text().await.unwrap().contains("7 tries are left"));
    w.type_here(&format!("{KEY_PIN}\u{e007}")).await;
    w.find("[data-testid='step-up'][data-phase='touch']").await;
    w.shot("step-up-touch").await;
    w.click("step-up-simulated").await;
    w.find(&format!("{panel} [data-testid='accept-state'][data-state='filled']")).await;
    w.gone("step-up").await;
    w.find("[data-testid='access'][data-leased='true']").await;
    w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='done']")).await;
    w.shot("filled").await;

    // One that is not approved is not traded.
    let refused = w.ask("3m").await;
    w.find(&format!(
        "[data-testid='rfq-panel-{refused}'][data-state='open'] [data-best-offer='true']"
    ))
    .await;
    w.click(&format!("primary-buy-{refused}")).await;
    w.confirm(&format!("[data-testid='rfq-panel-{refused}']")).await;
    w.find("[data-testid='step-up'][data-phase='pin']").await;
    w.type_here("\u{e00c}").await; // Escape
    w.find(&format!(
        "[data-testid='rfq-panel-{refused}'] [data-testid='accept-state'][data-state='declined']"
    ))
    .await;
    w.gone("step-up").await;

    // The screen was locked meanwhile: its unlocking is heard, and the trader asked.
    stage.unlock_screen();
    w.find("[data-testid='step-up'][data-kind='session'][data-phase='pin']").await;
    assert!(w.id("step-up-reason").await.text().await.unwrap().contains("locked"));
    w.find("[data-testid='access'][data-leased='false']").await;
    w.type_here(&format!("{KEY_PIN}\u{e007}")).await;
    w.click("step-up-simulated").await;
    w.gone("step-up").await;
    w.find("[data-testid='access'][data-leased='true']").await;

    // Another RFQ stays open while the desk restarts.
    let open = w.ask("2m").await;
    w.find(&format!("[data-testid='rfq-panel-{open}'][data-state='open']")).await;
    w.click("blotter-tab-trades").await;
    w.find("[data-testid='blotter-row'][data-status='Filled']").await;
    assert_eq!(w.count("[data-testid='blotter-row']").await, 1);
    w.shot("blotter").await;
    let log = read(&w.log);
    assert!(!log.contains("panicked") && !log.contains(KEY_PIN), "{log}");
    w.close(&stage).await;

    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.click("blotter-tab-trades").await;
    w.find("[data-testid='blotter-row'][data-status='Filled']").await;
    assert_eq!(w.count("[data-testid='blotter-row']").await, 1);
    // The venue restarted with the desk and still knows the open RFQ.
    w.find(&format!("[data-testid='rfq-panel-{open}'][data-state='open']")).await;
    w.shot("restarted").await;
    w.close(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_trader_enrols_in_the_window_and_trades() {
    let stage = Stage::new();
    let w = stage.open_with(Some(("SIGNET_PRACTICE_ENROL", "1"))).await;
    w.id("identities-empty").await;
    let given = read(&stage.dir.path().join("venue/invitation.txt"));
    let line = |start: &str| {
        given
            .lines()
            .find_map(|l| l.strip_prefix(start))
            .expect("an invitation was written")
            .trim()
            .to_owned()
    };

    w.click("enrol-open").await;
    let invitation = w.id("enrol-invitation").await;
    invitation.send_keys("signet://enrol/%%%").await.unwrap();
    w.reads("problem-code", "invitation.bad_link").await;
    invitation.clear().await.unwrap();
    invitation.send_keys(&line("Invitation:")).await.unwrap();
    assert_eq!(w.id("enrol-venue").await.text().await.unwrap(), "Practice venue");
    let shown = w.id("enrol-fingerprint").await.text().await.unwrap();
    assert_eq!(shown.split_whitespace().collect::<String>(), line("Fingerprint:").replace(' ', ""));
    w.click("enrol-compared").await;

    // A wrong code is refused in words; the right one goes through, typed as people type.
    let code = w.id("enrol-code").await;
    code.send_keys("AAAAA-BBBBB").await.unwrap();
    w.shot("enrol").await;
    w.click("enrol-button").await;
    w.reads("problem-code", "enrol.code_wrong").await;
    let code = w.id("enrol-code").await;
    code.clear().await.unwrap();
    code.send_keys(&line("One-time code:").to_lowercase()).await.unwrap();
    w.click("enrol-button").await;
    assert!(w.id("enrol-done").await.text().await.unwrap().contains("PRACTICE1"));
    w.shot("enrolled").await;
    w.click("enrol-go").await;

    w.find("[data-testid='identity-row-PRACTICE1']").await;
    w.click("connect-button").await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;

    // Enrolment ends with a security key; the code that enrolled the laptop gives leave for the
    // first.
    w.id("keys").await;
    w.id("access-no-key").await;
    w.id("key-name").await.send_keys("My blue key").await.unwrap();
    w.shot("keys").await;
    w.click("key-register").await;
    w.find("[data-testid='step-up'][data-kind='newKey'][data-phase='pin']").await;
    w.type_here(&format!("{KEY_PIN}\u{e007}")).await;
    w.find("[data-testid='step-up'][data-phase='touch']").await;
    w.click("step-up-simulated").await;
    w.id("key-registered").await;
    assert!(w.id("key-line").await.text().await.unwrap().contains("My blue key"));
    w.shot("key-registered").await;
    w.click("keys-close").await;

    let id = w.ask("5m").await;
    w.find(&format!("[data-testid='line-{id}-NORTHBANK'][data-state='quoted']")).await;
    w.click(&format!("primary-buy-{id}")).await;
    w.confirm(&format!("[data-testid='rfq-panel-{id}']")).await;
    w.find("[data-testid='step-up'][data-kind='accept'][data-phase='pin']").await;
    w.type_here(&format!("{KEY_PIN}\u{e007}")).await;
    w.click("step-up-simulated").await;
    w.find(&format!(
        "[data-testid='rfq-panel-{id}'] [data-testid='accept-state'][data-state='filled']"
    ))
    .await;
    let log = read(&w.log);
    assert!(!log.contains("panicked") && !log.contains(&line("One-time code:")), "{log}");
    w.close(&stage).await;
}

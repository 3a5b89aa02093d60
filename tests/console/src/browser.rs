//! One Chromium with a profile and security keys of its own.

use crate::{Daemon, PATIENCE, ports::free_port, root, unpacked};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::CmdError,
    wd::{TimeoutConfiguration, WebDriverCompatibleCommand},
};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Kept on each page from its first moment.
const WATCH: &str = "window.violations = []; addEventListener('securitypolicyviolation', \
    (e) => window.violations.push(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}`));";
const AXE: &str = "const r = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', \
    'wcag21aa', 'wcag22aa', 'best-practice']}); return r.violations.map((v) => v.id + ': ' + \
    v.nodes.slice(0, 4).map((n) => n.html.slice(0, 200) + ' ' + n.failureSummary).join(' | '));";

/// How the browser is started.
#[derive(Default)]
pub struct Start {
    /// Arguments besides the usual ones.
    pub arguments: Vec<String>,
    /// A certificate that it shows to servers that ask for one.
    pub certificate: Option<ClientCertificate>,
}

/// A client certificate of the browser, in a database of its own.
pub struct ClientCertificate {
    /// PKCS#12 without a password.
    pub p12: PathBuf,
    /// The server that it is shown to, without asking: `https://HOST:PORT`.
    pub server: String,
}

/// Chromium while a test uses it.
pub struct Browser {
    client: Client,
    folder: tempfile::TempDir,
    log: PathBuf,
    _driver: Daemon,
}

/// A command of WebDriver that is not in its first version, or Chromium's own.
#[derive(Debug)]
struct Extra {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Opens one; `None`: `SIGNET_WITHOUT_BROWSER=1` leaves its tests out.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(start: Start) -> Option<Self> {
        let tools = unpacked()?;
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("downloads")).expect("a folder");
        if let Some(c) = &start.certificate {
            import(&tools, folder.path(), &c.p12);
        }
        let log = folder.path().join("driver.log");
        let port = free_port();
        let driver = Command::new(tools.join("chromedriver"))
            .arg(format!("--port={port}"))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).expect("a log"))
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let driver = Daemon(driver);
        let capabilities = capabilities(&tools, folder.path(), &start);
        let began = Instant::now();
        let client = loop {
            let connector = hyper_util::client::legacy::connect::HttpConnector::new();
            let tried = ClientBuilder::new(connector)
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await;
            match tried {
                Ok(c) => break c,
                Err(e) if began.elapsed() > PATIENCE => {
                    panic!("no browser: {e}\n{}", fs::read_to_string(&log).unwrap_or_default())
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        let browser = Self { client, folder, log, _driver: driver };
        let long = TimeoutConfiguration::new(Some(PATIENCE * 2), Some(PATIENCE), None);
        browser.client.update_timeouts(long).await.expect("timeouts");
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        browser.size(1280, 800).await;
        Some(browser)
    }

    /// The WebDriver session, for what is not here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where downloads go.
    #[must_use]
    pub fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    async fn extra(&self, path: &'static str, body: Value) -> Value {
        let answer: Result<Value, CmdError> = self.client.issue_cmd(Extra { path, body }).await;
        answer.unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// A command of Chromium's own protocol.
    ///
    /// # Panics
    /// When Chromium refuses it.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.extra("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Plugs in a security key, which is touched whenever it is asked, and knows its person.
    pub async fn plug_in_key(&self) {
        let key = json!({
            "protocol": "ctap2", "transport": "usb", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true, "isUserConsenting": true,
        });
        self.extra("webauthn/authenticator", key).await;
    }

    /// The size of the page.
    pub async fn size(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// `light` or `dark`.
    pub async fn scheme(&self, scheme: &str) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": feature })).await;
    }

    /// The colours that the system asks for: `light` or `dark`, and `more` or `no-preference`.
    pub async fn prefers(&self, scheme: &str, contrast: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-contrast", "value": contrast },
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Opens an address that may not open; why it does not.
    pub async fn try_goto(&self, address: &str) -> Result<(), String> {
        self.client.goto(address).await.map_err(|e| e.to_string())
    }

    /// Opens an address.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn goto(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|e| panic!("{address}: {e}"));
    }

    /// Runs the body of an asynchronous function in the page.
    ///
    /// # Panics
    /// When it throws.
    pub async fn script(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {body} }})()\
             .then((v) => done({{ v: v ?? null }}), (e) => done({{ e: String(e) }}));"
        );
        let mut answer = match self.client.execute_async(&script, Vec::new()).await {
            Ok(a) => a,
            Err(e) => panic!("{body}: {e}\n{}", fs::read_to_string(&self.log).unwrap_or_default()),
        };
        assert!(answer["e"].is_null(), "{body}: {}", answer["e"]);
        answer["v"].take()
    }

    /// Waits until an expression of the page is true.
    ///
    /// # Panics
    /// When it never is.
    pub async fn until(&self, what: &str, expression: &str) {
        let began = Instant::now();
        loop {
            let value = self.script(&format!("return Boolean({expression});")).await;
            if value == true {
                return;
            }
            if began.elapsed() > PATIENCE {
                let text = self.script("return document.body.innerText;").await;
                let text = text.as_str().unwrap_or_default().to_owned();
                panic!("never: {what} ({expression})\nscreen:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page says this somewhere.
    pub async fn says(&self, words: &str) {
        let expression = format!("document.body.innerText.includes({})", json!(words));
        self.until(&format!("the page says {words:?}"), &expression).await;
    }

    /// Whether the page says this at this moment.
    pub async fn is_saying(&self, words: &str) -> bool {
        let expression = format!("return document.body.innerText.includes({});", json!(words));
        self.script(&expression).await == true
    }

    /// Waits for an element.
    ///
    /// # Panics
    /// When it never comes.
    pub async fn find(&self, css: &str) -> Element {
        self.until(css, &format!("document.querySelector({})", json!(css))).await;
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"))
    }

    /// Clicks where a person would.
    ///
    /// # Panics
    /// When nothing can be clicked there.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Clicks the button that says this.
    ///
    /// # Panics
    /// When there is none.
    pub async fn press(&self, words: &str) {
        let path = format!("//button[normalize-space()='{words}']");
        let wait = self.client.wait().at_most(PATIENCE);
        let found = wait.for_element(Locator::XPath(&path)).await;
        let found = found.unwrap_or_else(|e| panic!("no button {words:?}: {e}"));
        found.click().await.unwrap_or_else(|e| panic!("{words:?}: {e}"));
    }

    /// Types into an element.
    ///
    /// # Panics
    /// When it takes no text.
    pub async fn write(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Types where the keyboard is.
    ///
    /// # Panics
    /// When it is nowhere.
    pub async fn keys(&self, text: &str) {
        let active = self.client.active_element().await.expect("something has the keyboard");
        active.send_keys(text).await.expect("it takes keys");
    }

    /// Opens a view of the console by its link.
    pub async fn view(&self, name: &str) {
        self.click(&format!("nav a[href='#/{name}']")).await;
        self.until(
            name,
            &format!("document.querySelector('nav a[aria-current]').hash === '#/{name}'"),
        )
        .await;
    }

    /// Fails with what axe-core finds on the page.
    ///
    /// # Panics
    /// When it finds something.
    pub async fn accessible(&self, what: &str) {
        let found = self.axe().await;
        assert_eq!(found, json!([]), "{what}: {found:#}");
    }

    /// What axe-core finds on the page, a line for each rule.
    ///
    /// # Panics
    /// When axe-core is not installed.
    pub async fn axe(&self) -> Value {
        if self.script("return typeof axe;").await == "undefined" {
            let axe = root().join("ui/node_modules/axe-core/axe.min.js");
            let axe = fs::read_to_string(axe).expect("axe-core is installed: make ui");
            // As a module of its own it would not be global.
            self.script(&format!("{axe}; window.axe = axe;")).await;
        }
        self.script(AXE).await
    }

    /// Fails when the page's security policy had to refuse something, or the page threw.
    ///
    /// # Panics
    /// When it did.
    pub async fn unblemished(&self) {
        let found = self.script("return window.violations;").await;
        assert_eq!(found, json!([]));
        let log = self.extra("se/log", json!({ "type": "browser" })).await;
        let bad = |l: &&Value| {
            let words = l["message"].as_str().unwrap_or_default();
            // An answer of the gateway that is a refusal is a line there as well.
            l["level"] == "SEVERE" && !words.contains("Failed to load resource")
        };
        let bad: Vec<&Value> = log.as_array().into_iter().flatten().filter(bad).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }

    /// A picture, when somebody asks for them (`SIGNET_SHOTS`).
    ///
    /// # Panics
    /// When it cannot be taken.
    pub async fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("SIGNET_SHOTS") else { return };
        let taken = self.cdp("Page.captureScreenshot", json!({ "format": "png" })).await;
        let png = STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("base64");
        fs::write(Path::new(&folder).join(format!("{name}.png")), png).expect("a file");
    }

    /// Ends it.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn close(self) {
        self.client.close().await.expect("it closes");
    }
}

/// Makes the browser's database of certificates, in its own home, and puts one into it.
fn import(tools: &Path, home: &Path, p12: &Path) {
    let nss = home.join(".pki/nssdb");
    fs::create_dir_all(&nss).expect("a folder");
    let database = format!("sql:{}", nss.display());
    let run = |program: &str, more: &[&str]| {
        let mut command = Command::new(tools.join(program));
        command.args(["-d", &database]).args(more).env("HOME", home).stdin(Stdio::null());
        let out = command.output().unwrap_or_else(|e| panic!("{program}: {e}"));
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{program} {more:?}: {said}");
    };
    run("certutil", &["-N", "--empty-password"]);
    run("pk12util", &["-i", &p12.display().to_string(), "-W", "", "-K", ""]);
}

fn capabilities(tools: &Path, folder: &Path, start: &Start) -> Map<String, Value> {
    let usual = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
    let mut arguments: Vec<String> = usual.map(String::from).into();
    // Its sandbox refuses root, whose tests run in a container of their own.
    arguments.push("--no-sandbox".into());
    arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
    arguments.extend_from_slice(&start.arguments);
    let mut prefs = json!({
        "download.default_directory": folder.join("downloads"),
        "download.prompt_for_download": false,
    });
    if let Some(c) = &start.certificate {
        // What the policy AutoSelectCertificateForUrls becomes: any certificate will do.
        let any = json!({ "setting": { "filters": [{}] } });
        prefs["profile.content_settings.exceptions.auto_select_certificate"] =
            json!({ format!("{},*", c.server): any });
    }
    let options = json!({
        "binary": tools.join("chromium"),
        "args": arguments,
        "prefs": prefs,
    });
    let all = json!({
        "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        "unhandledPromptBehavior": "accept",
    });
    all.as_object().cloned().unwrap_or_default()
}

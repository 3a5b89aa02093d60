//! A gateway with a registry and an enrolment service on loopback, its command line, curl, openssl,
//! and a small FIX client.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    signature::{every, sign},
    tagvalue::{format_utc, seal},
};
use signet_gateway::{Config, Gateway, Loaded, Options, signed::signing};
use signet_identity::{ClientProfile, Role, ServerIdentity, TrustRoots, channel_binding};
use signet_quic::client::{self as quic, Rebinder};
use signet_rfq::UtcMillis;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig,
        pki_types::{CertificateDer, ServerName},
    },
};

/// Less than the heartbeat of the desks here, or one who waits for another message would go on.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// For what the gateway looks at once or twice a second; the rest is for the machine. What nothing
/// tells of is judged again after ten.
pub const AT_ONCE: Duration = Duration::from_secs(6);

/// FIX sessions are unique in a process, so every world has CompIDs of its own.
static WORLDS: AtomicU32 = AtomicU32::new(1);

pub struct World {
    pub dir: TempDir,
    pub config: PathBuf,
    pub gateway: Option<Gateway>,
    pub pki: DevPki,
    /// When `pki` was made: what it issues counts from there.
    pub made: OffsetDateTime,
    pub gw: String,
    pub n: u32,
}

pub struct Http {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Http {
    pub fn code(&self) -> &str {
        self.header("signet-code").unwrap_or("")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let line =
            |l: &'_ str| l.split_once(':').is_some_and(|(k, _)| k.eq_ignore_ascii_case(name));
        self.headers
            .lines()
            .find(|l| line(l))
            .and_then(|l| l.split_once(':'))
            .map(|(_, v)| v.trim())
    }

    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}\n{}", self.headers, self.body);
        assert!(
            self.header("content-type").unwrap().starts_with("text/plain")
                && self.body.trim().len() > 20,
            "{}",
            self.body
        );
    }
}

impl World {
    /// Configuration, certificates and an authority; no gateway yet.
    pub fn new() -> Self {
        Self::with("sqlite:registry.db", "")
    }

    pub fn with(registry: &str, more: &str) -> Self {
        let n = WORLDS.fetch_add(1, Ordering::Relaxed);
        let gw = format!("GW{n}-{}", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let made = OffsetDateTime::now_utc();
        let pki = DevPki::generate("bank.example", made).unwrap();
        pki.issue(&Order::gateway(&gw)).unwrap().write_to(dir.path(), "gateway").unwrap();
        pki.write_roots(dir.path()).unwrap();
        fs::write(dir.path().join("instruments.toml"), "").unwrap();
        // Laptops of tests are managed by nobody; loopback is the firm's network.
        let table = signet_gateway::config::DEFAULT_TABLE.replace("points = 25", "points = 0");
        fs::write(dir.path().join("risk-score.toml"), table).unwrap();
        fs::write(
            dir.path().join("risk.toml"),
            "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("entitlements.cedar"),
            "@id(\"all\") permit (principal, action, resource);",
        )
        .unwrap();
        fs::write(dir.path().join("entitlements.toml"), "reporting_currency = 'EUR'").unwrap();
        let config = dir.path().join("gateway.toml");
        let text = format!(
            r#"
[gateway]
name = "Example Bank RFQ"
comp_id = "{gw}"
state_dir = "state"
instruments = "instruments.toml"
trust_domain = "bank.example"
[tls]
certificate = "gateway.pem"
key = "gateway-key.pem"
[desks]
listen = "127.0.0.1:0"
trust = "issuing.pem"
[dealers]
trust = "dealers-ca.pem"
[entitlements]
policies = "entitlements.cedar"
facts = "entitlements.toml"
[desk_default]
[risk]
table = "risk-score.toml"
settings = "risk.toml"
[[dealer]]
comp_id = "BANK{n}"
name = "Bank"
address = "localhost:1"
[registry]
url = "{registry}"
[enrolment]
listen = "127.0.0.1:0"
public_host = "localhost"
public_port = 9444
fix_port = 9443
anchors = "gateways-ca.pem"
ca_certificate = "issuing.pem"
ca_key = "issuing-key.pem"
{more}
"#
        );
        fs::write(&config, text).unwrap();
        let w = Self { dir, config, gateway: None, pki, made, gw, n };
        w.cli(&["ca", "init"]);
        w
    }

    pub fn started() -> Self {
        let mut w = Self::new();
        w.start();
        w
    }

    pub fn start(&mut self) {
        let loaded = Loaded::of(Config::read(&self.config).unwrap()).unwrap();
        self.gateway = Some(Gateway::start(loaded, Options::default()).unwrap());
    }

    /// Starts, which must fail; what it said.
    pub fn start_fails(&self) -> String {
        let loaded = Config::read(&self.config).and_then(Loaded::of).unwrap();
        Gateway::start(loaded, Options::default())
            .err()
            .map(|e| e.to_string())
            .expect("the gateway started")
    }

    pub fn stop(&mut self) {
        if let Some(g) = self.gateway.take() {
            g.stop();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command line, which must succeed.
    #[track_caller]
    pub fn cli(&self, args: &[&str]) -> String {
        let out = self.cli_raw(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// The command line, which must fail; what it said.
    #[track_caller]
    pub fn cli_fails(&self, args: &[&str]) -> String {
        let out = self.cli_raw(args);
        assert!(!out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stdout));
        String::from_utf8(out.stderr).unwrap()
    }

    /// The command line with these environment variables.
    pub fn cli_with(&self, env: &[(&str, &str)], args: &[&str]) -> String {
        let out = self.command(args).envs(env.iter().copied()).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn cli_raw(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_signet-gateway"));
        c.args(args).arg("--config").arg(&self.config).current_dir(self.dir.path());
        c
    }

    /// Adds a user; the code.
    pub fn user(&self, id: &str, comp_id: &str) -> String {
        self.user_with(id, comp_id, &[])
    }

    pub fn user_with(&self, id: &str, comp_id: &str, more: &[&str]) -> String {
        let comp_id = self.comp_id(comp_id);
        let mut args = vec![
            "user",
            "add",
            "--id",
            id,
            "--comp-id",
            &comp_id,
            "--name",
            "Somebody",
            "--out",
            ".",
        ];
        args.extend(more);
        code_in(&self.cli(&args))
    }

    /// CompIDs of this world.
    pub fn comp_id(&self, short: &str) -> String {
        format!("{short}-{}", self.n)
    }

    /// A key and a request by openssl: files `<stem>-key.pem` and `<stem>.b64`.
    pub fn request(&self, stem: &str, device: &str) {
        self.request_with(
            stem,
            &[
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-subj",
                &format!("/CN={device}"),
            ],
        );
    }

    pub fn request_with(&self, stem: &str, args: &[&str]) {
        let key = format!("{stem}-key.pem");
        let mut all =
            vec!["req", "-new", "-nodes", "-keyout", &key, "-outform", "DER", "-out", "req.der"];
        all.extend(args);
        self.openssl(&all);
        let der = fs::read(self.path("req.der")).unwrap();
        fs::write(self.path(&format!("{stem}.b64")), BASE64.encode(der)).unwrap();
    }

    #[track_caller]
    pub fn openssl(&self, args: &[&str]) -> String {
        let out = Command::new("openssl")
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .expect("openssl is installed");
        assert!(out.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    pub fn est(&self) -> u16 {
        self.gateway.as_ref().unwrap().enrolment_address().unwrap().port()
    }

    pub fn curl(&self, path: &str, args: &[&str]) -> Http {
        self.curl_at(self.est(), path, args)
    }

    pub fn curl_at(&self, port: u16, path: &str, args: &[&str]) -> Http {
        let url = format!("https://localhost:{port}{path}");
        let out = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "20",
                "--cacert",
                "gateways-ca.pem",
                "--dump-header",
                "-",
                "--http1.1",
            ])
            .args(args)
            .arg(url)
            .current_dir(self.dir.path())
            .output()
            .expect("curl is installed");
        let text =
            String::from_utf8_lossy(&out.stdout).replace("HTTP/1.1 100 Continue\r\n\r\n", "");
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = headers.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let headers = if status == 0 {
            String::from_utf8_lossy(&out.stderr).into_owned()
        } else {
            headers.to_owned()
        };
        Http { status, headers, body: body.to_owned() }
    }

    /// simpleenroll with a request of [`World::request`].
    pub fn enrol(&self, user: &str, code: &str, stem: &str) -> Http {
        self.enrol_at(self.est(), user, code, stem)
    }

    pub fn enrol_at(&self, port: u16, user: &str, code: &str, stem: &str) -> Http {
        let data = format!("@{stem}.b64");
        let user = format!("{user}:{code}");
        let args =
            ["--user", &user, "-H", "Content-Type: application/pkcs10", "--data-binary", &data];
        self.curl_at(port, "/.well-known/est/simpleenroll", &args)
    }

    pub fn reenrol(&self, with: &str, stem: &str) -> Http {
        let (cert, key, data) =
            (format!("{with}.pem"), format!("{with}-key.pem"), format!("@{stem}.b64"));
        let args = [
            "--cert",
            &cert,
            "--key",
            &key,
            "-H",
            "Content-Type: application/pkcs10",
            "--data-binary",
            &data,
        ];
        self.curl("/.well-known/est/simplereenroll", &args)
    }

    /// The certificate in an answer as `<stem>.pem`, unpacked by openssl.
    #[track_caller]
    pub fn keep(&self, answer: &Http, stem: &str) {
        assert_eq!(answer.status, 200, "{}\n{}", answer.headers, answer.body);
        let der = BASE64.decode(answer.body.split_whitespace().collect::<String>()).unwrap();
        fs::write(self.path("answer.p7"), der).unwrap();
        let pem = self.openssl(&["pkcs7", "-inform", "DER", "-in", "answer.p7", "-print_certs"]);
        fs::write(self.path(&format!("{stem}.pem")), pem).unwrap();
    }

    /// A user with a certificate in `<stem>.pem`, all by the book.
    pub fn enrolled(&self, id: &str, comp_id: &str, stem: &str) {
        let code = self.user(id, comp_id);
        self.request(stem, "laptop");
        self.keep(&self.enrol(id, &code, stem), stem);
    }

    pub fn serial(&self, stem: &str) -> String {
        let text = self.openssl(&["x509", "-in", &format!("{stem}.pem"), "-noout", "-serial"]);
        text.trim().split_once('=').unwrap().1.to_lowercase()
    }

    /// What the tests cannot wait for, and what nobody should do, is done in the database itself.
    pub fn sqlite(&self, statement: &str) {
        runtime().block_on(self.sql(statement));
    }

    /// The same for a test that is in a runtime already.
    pub async fn sql(&self, statement: &str) {
        sqlx::any::install_default_drivers();
        let pool =
            sqlx::AnyPool::connect(&format!("sqlite://{}", self.path("registry.db").display()))
                .await
                .unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }

    pub fn events(&self) -> String {
        self.cli(&["events", "--limit", "1000"])
    }

    #[track_caller]
    pub fn eventually(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

pub fn code_in(text: &str) -> String {
    let line = text.lines().find(|l| l.starts_with("One-time code")).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What frames go over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A desk made by hand.
pub struct Desk {
    stream: Box<dyn Stream>,
    certificate: CertificateDer<'static>,
    framer: Framer,
    binding: String,
    seq: u64,
    me: String,
    you: String,
}

impl Desk {
    /// TLS with `<stem>.pem` and its key.
    pub async fn connect(w: &World, stem: &str, comp_id: &str) -> Self {
        Self::connect_to(w, w.gateway.as_ref().unwrap().address(), stem, comp_id).await
    }

    /// The same to a gateway in another process.
    pub async fn connect_to(w: &World, to: SocketAddr, stem: &str, comp_id: &str) -> Self {
        Self::secured(w, TcpStream::connect(to).await.unwrap(), stem, comp_id).await
    }

    /// The same as [`Self::connect`], from a loopback address.
    pub async fn connect_from(w: &World, from: &str, stem: &str, comp_id: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let tcp = socket.connect(w.gateway.as_ref().unwrap().address()).await.unwrap();
        Self::secured(w, tcp, stem, comp_id).await
    }

    async fn secured(w: &World, tcp: TcpStream, stem: &str, comp_id: &str) -> Self {
        let tls = Self::profile(w, stem);
        let stream = TlsConnector::from(tls)
            .connect(ServerName::try_from("localhost").unwrap(), tcp)
            .await
            .unwrap();
        let exporter = channel_binding(stream.get_ref().1).unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        Self::over(w, Box::new(stream), certificate, exporter, comp_id)
    }

    /// QUIC from a loopback address, with `<stem>.pem` and its key.
    pub async fn over_quic(w: &World, stem: &str, comp_id: &str, from: &str) -> (Self, Rebinder) {
        Self::try_quic(w, stem, comp_id, from).await.unwrap()
    }

    /// The same when the gateway may refuse in the handshake.
    pub async fn try_quic(
        w: &World,
        stem: &str,
        comp_id: &str,
        from: &str,
    ) -> Result<(Self, Rebinder), quic::ConnectError> {
        let tls = Self::profile(w, stem);
        let socket = std::net::UdpSocket::bind(format!("{from}:0")).unwrap();
        let to = w.gateway.as_ref().unwrap().address();
        let c = quic::connect(socket, to, "localhost", &tls).await?;
        let (exporter, rebinder) = (c.exporter().unwrap(), c.rebinder());
        let certificate = c.peer_certificates()[0].clone();
        let stream = Box::new(c.into_stream());
        Ok((Self::over(w, stream, certificate, exporter, comp_id), rebinder))
    }

    /// As the desk with `<stem>.pem` and its key connects.
    pub fn profile(w: &World, stem: &str) -> Arc<ClientConfig> {
        let (pem, key): (&Path, &Path) =
            (&w.path(&format!("{stem}.pem")), &w.path(&format!("{stem}-key.pem")));
        let identity = ServerIdentity::from_pem_files(pem, key).unwrap();
        let roots = TrustRoots::new([w.pki.root(Role::Gateway).clone()]).unwrap();
        ClientProfile::new(roots, identity.certified_key()).config().unwrap()
    }

    fn over(
        w: &World,
        stream: Box<dyn Stream>,
        certificate: CertificateDer<'static>,
        exporter: [u8; 32],
        comp_id: &str,
    ) -> Self {
        let (me, you) = (w.comp_id(comp_id), w.gw.clone());
        let binding = BASE64.encode(exporter);
        Self { stream, certificate, framer: Framer::new(), binding, seq: 1, me, you }
    }

    /// The certificate that the gateway showed.
    pub fn server_certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Logs on from sequence number `seq`; what the gateway says first.
    pub async fn log_on(&mut self, seq: u64) -> String {
        self.tries(seq).await.expect("an answer to the Logon")
    }

    /// The same when the connection may end instead.
    pub async fn tries(&mut self, seq: u64) -> Option<String> {
        self.tries_with(seq, "").await
    }

    /// The same with more fields in the Logon.
    pub async fn tries_with(&mut self, seq: u64, more: &str) -> Option<String> {
        self.seq = seq;
        let body = format!("35=A|98=0|108=60|20000={}|{more}", self.binding);
        self.says(&body).await;
        self.next().await
    }

    pub async fn logged_on(w: &World, stem: &str, comp_id: &str, seq: u64) -> Self {
        let mut d = Self::connect(w, stem, comp_id).await;
        let answer = d.log_on(seq).await;
        assert!(answer.contains("|35=A|"), "{answer}");
        d
    }

    /// The same, signed (93/89) with the key of `<stem>-key.pem`.
    pub async fn signs(&mut self, w: &World, stem: &str, body: &str) {
        let frame = self.signed(w, stem, body);
        self.writes(&frame).await;
    }

    /// The same and a Logout in one TLS record, so that the gateway reads both at once.
    pub async fn signs_and_leaves(&mut self, w: &World, stem: &str, body: &str) {
        let frames = [self.signed(w, stem, body), self.frame("35=5|")].concat();
        self.writes(&frames).await;
    }

    fn signed(&mut self, w: &World, stem: &str, body: &str) -> Vec<u8> {
        let (pem, key) = (w.path(&format!("{stem}.pem")), w.path(&format!("{stem}-key.pem")));
        let key = ServerIdentity::from_pem_files(&pem, &key).unwrap().message_key().unwrap();
        sign(&self.frame(body), &*signing(&key, every).signer).unwrap()
    }

    async fn writes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next numbers are never sent.
    pub fn skip(&mut self, numbers: u64) {
        self.seq += numbers;
    }

    pub async fn says(&mut self, body: &str) {
        let frame = self.frame(body);
        let _ = self.stream.write_all(&frame).await;
        let _ = self.stream.flush().await;
    }

    fn frame(&mut self, body: &str) -> Vec<u8> {
        let (kind, rest) = body.split_once('|').unwrap();
        let text =
            format!("{kind}|34={}|49={}|52={}|56={}|{rest}", self.seq, self.me, now(), self.you);
        self.seq += 1;
        seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
    }

    /// The same with a signature by the key of `<stem>.pem` (tags 93/89).
    pub async fn says_signed(&mut self, w: &World, stem: &str, body: &str) {
        let (pem, key) = (w.path(&format!("{stem}.pem")), w.path(&format!("{stem}-key.pem")));
        let key = ServerIdentity::from_pem_files(&pem, &key).unwrap().message_key().unwrap();
        let frame = self.frame(body);
        let frame = sign(&frame, &|covered: &[u8]| Ok(key.sign(covered).unwrap())).unwrap();
        let _ = self.stream.write_all(&frame).await;
        let _ = self.stream.flush().await;
    }

    /// The next frame, with `|` for SOH; `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<String> {
        let mut buffer = [0u8; 8192];
        loop {
            if let Some(f) = self.framer.next_frame().unwrap() {
                return Some(String::from_utf8_lossy(f).replace('\u{1}', "|"));
            }
            match timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("something comes") {
                Ok(n) if n > 0 => self.framer.push(&buffer[..n]),
                _ => return None,
            }
        }
    }

    /// Everything until the connection ends.
    pub async fn until_cut(&mut self) -> Vec<String> {
        let mut all = vec![];
        while let Some(f) = self.next().await {
            all.push(f);
        }
        all
    }
}

pub fn now() -> String {
    after_ms(0)
}

/// So long after now, as FIX writes it.
pub fn after_ms(ms: i64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format_utc(UtcMillis(i64::try_from(since.as_millis()).unwrap() + ms))
}

//! The firmware as a card in a PC/SC reader: pcscd with vpcd's virtual reader, a key on it, and two
//! clients: Yubico's python-fido2, and our own back end.
//!
//! Everything runs in a mount and a network namespace of its own: nobody outside sees this pcscd or
//! vpcd's port, and they see no other reader. A pcscd the system runs is not touched. Each test
//! starts itself again inside.
#![cfg(target_os = "linux")]

#[path = "../../needs/left_out.rs"]
mod needs;
mod support;

use needs::left_out;
use signet_stepup::{
    Context, Digest,
    client::{CeremonyError, KeyOperation, ReaderKeys, Status, StepUp},
};
use signet_vkey::{ReaderCard, Settings, TestAuthority, VirtualKey};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use support::*;

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const PCSCD: &str = "/usr/sbin/pcscd";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// In a network with nobody else in it any port is free.
const VPCD_PORT: u16 = 35963;
const FOLDER: &str = "SIGNET_TEST_FOLDER";

/// Folders of the test in the place of the system's, the loopback interface up, then the test
/// itself.
const ENTER: &str = r#"
mount --bind "$1/run" /run && mount --bind "$1/drivers" /usr/lib/pcsc/drivers && ip link set lo up || exit 1
exec "$2" --exact "$3" --ignored --nocapture
"#;

/// What is missing on this machine, if anything.
fn missing() -> Option<String> {
    for (file, package) in [(DRIVER, "vsmartcard-vpcd"), (PCSCD, "pcscd")] {
        if !Path::new(file).exists() {
            return Some(format!("{file} is missing (Debian: apt-get install {package})"));
        }
    }
    let enter = [
        "--map-root-user",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        "ip link set lo up",
    ];
    let private = Command::new("unshare").args(enter).stderr(Stdio::null()).status();
    if !private.is_ok_and(|s| s.success()) {
        return Some(
            "this machine gives no namespace of one's own (unshare --map-root-user \
            --mount --net), or has no iproute2"
                .into(),
        );
    }
    let python =
        Command::new(python()).args(["-c", "import smartcard"]).stderr(Stdio::null()).status();
    if !python.is_ok_and(|s| s.success()) {
        return Some("pyscard is missing (Debian: apt-get install python3-pyscard)".into());
    }
    None
}

/// Runs the ignored test `name` inside. Where something is missing it fails, unless
/// `SIGNET_WITHOUT_READERS=1` leaves it out.
fn inside(name: &str) {
    if left_out("SIGNET_WITHOUT_READERS", name) {
        return;
    }
    if let Some(why) = missing() {
        panic!("{why}. SIGNET_WITHOUT_READERS=1 leaves these tests out");
    }
    let folder = tempfile::tempdir().expect("folder");
    for name in ["run", "conf", "drivers"] {
        fs::create_dir(folder.path().join(name)).expect("folder");
    }
    let driver = folder.path().join("libifdvpcd.so");
    fs::copy(DRIVER, &driver).expect("driver");
    let device = format!(
        "FRIENDLYNAME \"Signet test reader\"\nDEVICENAME /dev/null:{VPCD_PORT}\nLIBPATH \
            {}\nCHANNELID {VPCD_PORT}\n",
        driver.display()
    );
    fs::write(folder.path().join("conf/reader"), device).expect("configuration");
    let out = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            ENTER,
            "sh",
        ])
        .arg(folder.path())
        .arg(env::current_exe().expect("this program"))
        .arg(name)
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    let said =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn python_fido2_registers_and_signs_over_a_reader() {
    inside("inside_python_fido2");
}

#[test]
fn our_own_back_end_registers_and_signs_over_a_reader() {
    inside("inside_our_own_back_end");
}

/// A reader with a key on it, and the service in front.
struct Reader {
    service: Child,
    authority: TestAuthority,
    _key: VirtualKey,
    card: Option<ReaderCard>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

impl Reader {
    fn start() -> Self {
        let folder = PathBuf::from(env::var_os(FOLDER).expect("started by the other test"));
        let service = Command::new(PCSCD)
            .args(["--foreground", "--critical", "--config"])
            .arg(folder.join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("pcscd");
        let authority = TestAuthority::generate().expect("authority");
        let key = VirtualKey::plug_in(&authority, Settings::named("card").pin(PIN)).expect("key");
        // A key held to a reader is a key touched.
        key.hold_finger(true);
        let vpcd = SocketAddr::from((Ipv4Addr::LOCALHOST, VPCD_PORT));
        let card = wait_for("vpcd", || ReaderCard::lay(&key, vpcd).ok());
        wait_for("pcscd", || Path::new(SOCKET).exists().then_some(()));
        Self { service, authority, _key: key, card: Some(card) }
    }
}

fn wait_for<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not start");
        thread::sleep(Duration::from_millis(20));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("workspace").into()
}

/// python-fido2, installed on the first call.
fn python() -> PathBuf {
    let out = Command::new(root().join("scripts/fido2-deps.sh"))
        .stdin(Stdio::null())
        .output()
        .expect("scripts/fido2-deps.sh starts");
    assert!(
        out.status.success(),
        "python-fido2 could not be installed:\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("interop/fido2/bin/python")
}

/// The client's process; one order, one answer.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Python {
    fn start() -> Self {
        let child = Command::new(python())
            .arg(root().join("tests/interop/fido2_client.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        Self(child)
    }

    fn perform(&mut self, what: &str, options: &str, context: Context) -> String {
        let options: serde_json::Value = serde_json::from_str(options).expect("options");
        let member = signet_stepup::client_data_json(
            signet_stepup::CeremonyKind::Sign,
            "",
            ORIGIN,
            Some(&context),
        );
        let member: serde_json::Value = serde_json::from_str(&member).expect("client data");
        let order = serde_json::json!({
            "do": what, "origin": ORIGIN, "pin": PIN, "stepUp": member["stepUp"], "options": options,
        });
        let stdin = self.0.stdin.as_mut().expect("piped");
        writeln!(stdin, "{order}").and_then(|()| stdin.flush()).expect("order");
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("answer");
        let reply: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert!(reply["error"].is_null(), "python-fido2: {}", reply["error"]);
        reply["answer"].to_string()
    }
}

#[test]
#[ignore = "run inside a namespace by python_fido2_registers_and_signs_over_a_reader"]
fn inside_python_fido2() {
    let reader = Reader::start();
    let rp = Rp::trusting(&reader.authority);
    let mut python = Python::start();
    let context = Context { approval: Digest([3; 32]), exporter: [4; 32] };
    let (options, state) = rp.ask_to_register(&[]);
    let answer = python.perform("register", &options, context);
    let passkey = rp.registered(&answer, &state).expect("accepted");
    let (options, state) = rp.ask_to_sign(&[passkey]);
    let answer = python.perform("sign", &options, context);
    let result = rp.signed(&answer, &state).expect("accepted");
    assert!(result.user_verified());
    let parsed: webauthn_rs::prelude::PublicKeyCredential =
        serde_json::from_str(&answer).expect("an assertion");
    assert_eq!(Context::of_client_data(&parsed.response.client_data_json), Some(context));
}

#[tokio::test]
#[ignore = "run inside a namespace by our_own_back_end_registers_and_signs_over_a_reader"]
async fn inside_our_own_back_end() {
    let mut reader = Reader::start();
    let rp = Rp::trusting(&reader.authority);
    let passkey = rp.register(&ReaderKeys).await;
    let context = Context { approval: Digest([5; 32]), exporter: [6; 32] };
    let (options, state) = rp.ask_to_sign(std::slice::from_ref(&passkey));
    let (answer, seen) = run(
        ReaderKeys.begin(with_context(order(KeyOperation::Sign(options.clone())), context)),
        knows_pin,
    )
    .await;
    let result = rp.signed(&answer.expect("signed"), &state).expect("accepted");
    assert!(result.user_verified());
    assert!(seen.ends_with(&[Status::Verifying, Status::Touch]), "{seen:?}");

    // Taken off the reader while the PIN is waited for.
    let (answer, _) =
        run(ReaderKeys.begin(order(KeyOperation::Sign(options.clone()))), |_, status| {
            if let Status::Pin { .. } = status {
                reader.card = None;
            }
        })
        .await;
    assert_eq!(answer, Err(CeremonyError::Removed));

    // An empty reader is a key to be waited for.
    let short = signet_stepup::client::Order {
        timeout: Duration::from_secs(1),
        ..order(KeyOperation::Sign(options))
    };
    let (answer, seen) = run(ReaderKeys.begin(short), knows_pin).await;
    assert_eq!((answer, seen), (Err(CeremonyError::TimedOut), vec![Status::Insert]));
}

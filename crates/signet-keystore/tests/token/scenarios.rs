//! What happens in each child.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};
use signet_devca::{DevPki, Order};
use signet_identity::{
    ClientProfile, DeviceKey, Identity, Protection, Refusal, ServerProfile, SoftwareKey, Stage,
};
use signet_keystore::pkcs11::{ANSWER_TIME_DEFAULT, Pkcs11Holder, Pkcs11Settings};
use signet_keystore::{HolderError, KeyHolder, KeyLabel, Pin, PinPrompt, PinRequest, PinTries};
use time::OffsetDateTime;

use crate::bench::median;
use crate::child::{PIN, TOKEN, awkward_file, module};
use crate::softhsm::awkward_module;

/// Gives the answers in turn, then declines, and remembers what it was shown.
#[derive(Debug, Default)]
struct Answers {
    answers: Mutex<Vec<&'static str>>,
    shown: Mutex<Vec<PinRequest>>,
}

impl PinPrompt for Answers {
    fn ask(&self, request: &PinRequest) -> Option<Pin> {
        self.shown.lock().unwrap().push(request.clone());
        let mut answers = self.answers.lock().unwrap();
        (!answers.is_empty()).then(|| Pin::new(answers.remove(0).to_owned()))
    }
}

fn holder_of(
    module: PathBuf,
    token: Option<&str>,
    answers: &[&'static str],
) -> (Pkcs11Holder, Arc<Answers>) {
    let prompt = Arc::new(Answers { answers: Mutex::new(answers.to_vec()), ..Answers::default() });
    let settings = Pkcs11Settings { module, token: token.map(str::to_owned) };
    (Pkcs11Holder::new(settings, Arc::clone(&prompt) as _, ANSWER_TIME_DEFAULT), prompt)
}

fn holder(answers: &[&'static str]) -> (Pkcs11Holder, Arc<Answers>) {
    holder_of(module(), Some(TOKEN), answers)
}

fn label(text: &str) -> KeyLabel {
    text.parse().unwrap()
}

fn pki() -> DevPki {
    DevPki::generate("practice.signet.example", OffsetDateTime::now_utc()).unwrap()
}

/// A handshake with both certificates, in memory.
fn handshake(pki: &DevPki, identity: &Identity) {
    let client = ClientProfile::new(pki.gateway_roots().unwrap(), identity.certified_key())
        .config()
        .unwrap();
    let gateway = pki.issue(&Order::gateway("SIGNET")).unwrap().certified_key().unwrap();
    let server = ServerProfile::new(pki.desk_roots().unwrap(), gateway).config().unwrap();
    let mut client =
        ClientConnection::new(client, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..6 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        while !wire.is_empty() && server.read_tls(&mut wire.as_slice()).unwrap() > 0 {
            server.process_new_packets().unwrap();
            wire.clear();
        }
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        if !wire.is_empty() {
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert!(server.peer_certificates().is_some());
}

fn identity(pki: &DevPki, key: Arc<dyn DeviceKey>) -> Identity {
    let chain = pki.issue_for(&Order::desk("TRADER1"), key.public_point()).unwrap();
    Identity::new(chain, key).unwrap()
}

/// What the module states about its PINs: SoftHSM2 wants four characters, tpm2-pkcs11 none.
fn pin_chars_min() -> usize {
    if module().ends_with("libtpm2_pkcs11.so") { 0 } else { 4 }
}

pub fn made_in_the_token_and_used_for_mutual_tls() {
    let (holder, prompt) = holder(&[PIN]);
    assert_eq!(holder.tokens().unwrap()[0].label, TOKEN);
    assert!(prompt.shown.lock().unwrap().is_empty(), "listing asks for no PIN");
    let key = holder.generate(&label("TRADER1-a")).unwrap();
    assert_eq!(
        (key.protection(), holder.protection()),
        (Protection::Hardware, Protection::Hardware)
    );
    let pki = pki();
    handshake(&pki, &identity(&pki, Arc::clone(&key)));

    let again = holder.open(&label("TRADER1-a")).unwrap();
    assert_eq!(again.public_point(), key.public_point());
    handshake(&pki, &identity(&pki, again));
    let shown = prompt.shown.lock().unwrap();
    assert_eq!(shown.len(), 1, "the PIN is asked for once");
    let PinRequest { token, tries, wrong, chars_min, on_reader, .. } = &shown[0];
    assert_eq!(
        (token.as_str(), *tries, *wrong, *chars_min, *on_reader),
        (TOKEN, PinTries::Full, false, pin_chars_min(), false)
    );
    assert!(!format!("{holder:?} {key:?}").contains(PIN));
}

pub fn the_private_half_cannot_be_read() {
    let (holder, _) = holder(&[PIN]);
    holder.generate(&label("K")).unwrap();
    // A program of its own on the same token, with the PIN.
    let module = Pkcs11::new(module()).unwrap();
    // This process initialised it already.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let session =
        module.open_ro_session(module.get_slots_with_initialized_token().unwrap()[0]).unwrap();
    let _ = session.login(UserType::User, Some(&AuthPin::from(PIN)));
    let found = session
        .find_objects(&[
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(b"K".to_vec()),
        ])
        .unwrap();
    assert_eq!(found.len(), 1);
    let value = session.get_attributes(found[0], &[AttributeType::Value]);
    assert!(!value.is_ok_and(|found| {
        found.iter().any(|a| matches!(a, Attribute::Value(v) if !v.is_empty()))
    }));
    let wanted = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::NeverExtractable,
        AttributeType::Local,
    ];
    let flags = session.get_attributes(found[0], &wanted).unwrap();
    assert_eq!(
        flags,
        [
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Local(true)
        ]
    );
}

pub fn labels_are_not_overwritten() {
    let (holder, _) = holder(&[PIN]);
    let a = holder.generate(&label("TRADER1-a")).unwrap();
    assert_eq!(holder.generate(&label("TRADER1-a")).unwrap_err().code(), "holder.label_taken");
    let b = holder.generate(&label("TRADER1-b")).unwrap();
    assert_ne!(a.public_point(), b.public_point());
    holder.delete(&label("TRADER1-a")).unwrap();
    assert_eq!(holder.open(&label("TRADER1-a")).unwrap_err().code(), "holder.no_such_key");
    assert_eq!(holder.delete(&label("TRADER1-a")).unwrap_err().code(), "holder.no_such_key");
    assert!(a.sign_es256(b"x").unwrap_err().to_string().contains("no key named TRADER1-a"));
    b.sign_es256(b"x").unwrap();
}

pub fn a_wrong_pin_is_asked_again_and_then_told() {
    let (first, prompt) = holder(&["00000000", PIN]);
    first.generate(&label("K")).unwrap();
    let shown: Vec<_> = prompt.shown.lock().unwrap().iter().map(|r| (r.wrong, r.tries)).collect();
    assert_eq!(shown, [(false, PinTries::Full), (true, PinTries::Low)]);
    first.log_out().unwrap();
    let (second, _) = holder(&["00000000", "1", PIN]);
    let error = second.open(&label("K")).unwrap_err();
    assert!(matches!(error, HolderError::PinWrong { tries: PinTries::Low }), "{error:?}");
}

/// tpm2-pkcs11 has no flag that says how many tries are left; the TPM itself counts them.
pub fn a_wrong_pin_of_a_tpm_is_asked_again() {
    let (holder, prompt) = holder(&["00000000", PIN]);
    holder.generate(&label("K")).unwrap();
    let shown: Vec<_> = prompt.shown.lock().unwrap().iter().map(|r| (r.wrong, r.tries)).collect();
    assert_eq!(shown, [(false, PinTries::Full), (true, PinTries::Full)]);
}

pub fn a_declined_pin_is_told() {
    let (holder, _) = holder(&[]);
    assert_eq!(holder.generate(&label("K")).unwrap_err().code(), "token.pin_declined");
}

pub fn a_pin_that_locks() {
    let module = awkward_module();
    fs::write(awkward_file("count"), "0").unwrap();
    let (holder, prompt) =
        holder_of(module, Some(TOKEN), &["00000000", "00000000", "00000000", PIN]);
    // Two tries, then it says that the next one would be the last, and stops asking.
    let error = holder.open(&label("K")).unwrap_err();
    assert!(matches!(error, HolderError::PinWrong { tries: PinTries::Last }), "{error:?}");
    assert!(error.cure().contains("One try is left"));
    assert_eq!(prompt.shown.lock().unwrap().len(), 2);
    // The person insists, and is told before.
    let error = holder.open(&label("K")).unwrap_err();
    assert_eq!(prompt.shown.lock().unwrap().last().unwrap().tries, PinTries::Last);
    assert_eq!(error.code(), "token.pin_locked");
    // Locked: nobody is asked any more.
    assert_eq!(holder.open(&label("K")).unwrap_err().code(), "token.pin_locked");
    assert_eq!(prompt.shown.lock().unwrap().len(), 3);
}

pub fn no_module_no_token_other_token() {
    let code = |module: PathBuf, token| {
        holder_of(module, token, &[PIN]).0.open(&label("K")).unwrap_err().code()
    };
    assert_eq!(code("/nonexistent/token.so".into(), None), "token.no_module");
    // A library, but none for tokens.
    assert_eq!(code("/lib/x86_64-linux-gnu/libc.so.6".into(), None), "token.no_module");
    let error =
        holder_of(module(), Some("somebody else's"), &[PIN]).0.open(&label("K")).unwrap_err();
    assert!(
        matches!(&error, HolderError::NoToken { present, .. } if present.as_slice() == [TOKEN]),
        "{error:?}"
    );
    let second = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "second", "--so-pin", "87654321", "--pin", PIN])
        .output()
        .unwrap();
    assert!(second.status.success());
    assert_eq!(code(module(), Some("K")), "token.none");
    let awkward = awkward_module();
    fs::write(awkward_file("pulled"), "").unwrap();
    let error = holder_of(awkward, None, &[PIN]).0.open(&label("K")).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("token.none", "no token is inserted"));
}

pub fn a_token_pulled_and_put_back() {
    let (holder, prompt) = holder_of(awkward_module(), Some(TOKEN), &[PIN, PIN]);
    let key = holder.generate(&label("K")).unwrap();
    fs::write(awkward_file("pulled"), "").unwrap();
    let error = key.sign_es256(b"x").unwrap_err();
    assert_eq!(error.to_string(), format!("the token {TOKEN} is not inserted"));
    assert!(
        matches!(error, signet_identity::KeyError::Holder { code: "token.none", .. }),
        "{error:?}"
    );
    // In a handshake the holder's own reason and cure come through.
    let pki = pki();
    let profile = ClientProfile::new(
        pki.gateway_roots().unwrap(),
        identity(&pki, Arc::clone(&key)).certified_key(),
    );
    let gateway = pki.issue(&Order::gateway("SIGNET")).unwrap().certified_key().unwrap();
    let server = ServerProfile::new(pki.desk_roots().unwrap(), gateway).config().unwrap();
    let mut client = ClientConnection::new(
        profile.config().unwrap(),
        ServerName::try_from("localhost").unwrap(),
    )
    .unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let mut wire = Vec::new();
    client.write_tls(&mut wire).unwrap();
    server.read_tls(&mut wire.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    wire.clear();
    while server.wants_write() {
        server.write_tls(&mut wire).unwrap();
    }
    client.read_tls(&mut wire.as_slice()).unwrap();
    let refusal =
        Refusal::seen_by_client(&client.process_new_packets().unwrap_err(), Stage::Handshake);
    assert_eq!(
        (refusal.code(), refusal.cure()),
        ("token.none", "Insert the token that holds your key and try again."),
        "{refusal}"
    );

    fs::remove_file(awkward_file("pulled")).unwrap();
    key.sign_es256(b"x").unwrap();
    assert!(prompt.shown.lock().unwrap().len() <= 2);
}

/// PKCS#11 knows one log-in per process and token.
pub fn a_log_out_elsewhere_in_the_process() {
    let (one, one_prompt) = holder(&[PIN, PIN]);
    let (two, _) = holder(&[PIN]);
    let key = one.generate(&label("K")).unwrap();
    two.open(&label("K")).unwrap();
    two.log_out().unwrap();
    key.sign_es256(b"x").unwrap();
    assert_eq!(one_prompt.shown.lock().unwrap().len(), 2, "asked again");
}

pub fn a_token_without_elliptic_curves() {
    let (holder, _) = holder_of(awkward_module(), Some(TOKEN), &[PIN]);
    fs::write(awkward_file("no-ecdsa"), "").unwrap();
    assert_eq!(holder.generate(&label("K")).unwrap_err().code(), "token.no_p256");
}

pub fn a_token_that_leaks_is_refused() {
    let (holder, _) = holder_of(awkward_module(), Some(TOKEN), &[PIN]);
    fs::write(awkward_file("leaky"), "").unwrap();
    assert_eq!(holder.generate(&label("K")).unwrap_err().code(), "token.extractable");
    fs::remove_file(awkward_file("leaky")).unwrap();
    assert_eq!(
        holder.open(&label("K")).unwrap_err().code(),
        "holder.no_such_key",
        "it was deleted again"
    );
}

pub fn a_dialog_left_open_does_not_block_for_ever() {
    /// Until the test ends it, and not for ever.
    #[derive(Debug)]
    struct Away(Mutex<Receiver<()>>);
    impl PinPrompt for Away {
        fn ask(&self, _: &PinRequest) -> Option<Pin> {
            let left_open = self.0.lock().unwrap().recv_timeout(Duration::from_secs(60));
            assert!(left_open != Err(RecvTimeoutError::Timeout), "the dialog was waited for");
            None
        }
    }
    let settings = Pkcs11Settings { module: module(), token: None };
    let (closes, open) = mpsc::channel();
    let away = Arc::new(Away(Mutex::new(open)));
    let holder = Pkcs11Holder::new(settings, away, Duration::from_millis(300));
    assert_eq!(holder.open(&label("K")).unwrap_err().code(), "holder.timed_out");
    closes.send(()).unwrap();
}

pub fn an_identity_with_its_key_in_the_token() {
    let (holder, _) = holder(&[PIN]);
    let key = holder.generate(&label("TRADER1-a")).unwrap();
    let other = holder.generate(&label("TRADER1-b")).unwrap();
    let pki = pki();
    let made = identity(&pki, key);
    assert!(Identity::new(made.chain().to_vec(), other).is_err(), "a certificate of another key");
    handshake(&pki, &made);
}

/// The request's signature, made in the token, as somebody else verifies it.
pub fn a_request_that_openssl_accepts() {
    #[cfg(feature = "csr")]
    {
        let (holder, _) = holder(&[PIN]);
        let key = holder.generate(&label("K")).unwrap();
        let request = awkward_file("request.der");
        fs::write(
            &request,
            signet_keystore::certificate_request(key.as_ref(), "x1-laptop").unwrap(),
        )
        .unwrap();
        let checked = Command::new("openssl")
            .args(["req", "-inform", "DER", "-verify", "-noout", "-subject", "-in"])
            .arg(&request)
            .output();
        let Ok(checked) = checked else { return };
        let said = String::from_utf8_lossy(&checked.stdout).into_owned()
            + &String::from_utf8_lossy(&checked.stderr);
        assert!(
            checked.status.success()
                && said.contains("CN = x1-laptop")
                && said.contains("verify OK"),
            "{said}"
        );
    }
}

/// OpenSC's tool, where it is installed, finds the key and cannot read it either.
pub fn a_pkcs11_tool_that_is_not_ours_sees_the_same() {
    let (holder, _) = holder(&[PIN]);
    holder.generate(&label("K")).unwrap();
    drop(holder);
    let tool = |arguments: &[&str]| {
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(module()).args(["--login", "--pin", PIN]).args(arguments);
        command.output().ok().map(|out| {
            String::from_utf8_lossy(&out.stdout).into_owned()
                + &String::from_utf8_lossy(&out.stderr)
        })
    };
    let Some(listed) = tool(&["--list-objects"]) else {
        eprintln!("skipped: pkcs11-tool is not installed");
        return;
    };
    assert!(
        listed.contains("Private Key Object; EC") && listed.contains("never extractable"),
        "{listed}"
    );
    let read = tool(&["--read-object", "--type", "privkey", "--label", "K"]).unwrap();
    assert!(
        read.contains("CKR_ATTRIBUTE_SENSITIVE") || read.contains("not") || read.contains("error"),
        "{read}"
    );
}

pub fn how_long_a_signature_takes() {
    let (holder, _) = holder(&[PIN]);
    let key = holder.generate(&label("K")).unwrap();
    let document = SoftwareKey::generate_pkcs8().unwrap();
    let software: Arc<dyn DeviceKey> =
        Arc::new(SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory).unwrap());
    let pki = pki();
    println!();
    for (name, key) in [("software", software), ("pkcs11 (SoftHSM2)", key)] {
        let sign = median(101, || drop(key.sign_es256(b"8=FIX.4.4").unwrap()));
        let identity = identity(&pki, key);
        let shake = median(31, || handshake(&pki, &identity));
        println!(
            "bench {name}: sign {sign:?}, mutual TLS handshake both ends {shake:?} (medians, \
                unoptimised build)"
        );
    }
}

//! A whole run with every log line caught: nothing secret, and no price, may be in it.

#[allow(dead_code, unreachable_pub)]
#[path = "venue/support/mod.rs"]
mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_desk_core::view::*;
use signet_devca::{Order, store_desk_identity};
use signet_keystore::Keychain;
use signet_practice::TRADER;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use support::World;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Caught(Arc<Mutex<Vec<u8>>>);

impl Write for Caught {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Caught {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Ways in which bytes end up in a log: as they are, in hexadecimal, in base64, as `{:?}` of a
/// slice.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let list = format!("{secret:?}");
    let mut all = vec![hex.to_uppercase(), hex, list.trim_matches(['[', ']']).into()];
    // Base64 of something longer that holds it: at any of three alignments, without the ends.
    for skip in 0..3 {
        let whole = BASE64.encode(&secret[skip..]);
        all.push(whole[..whole.len() - 4].into());
    }
    all
}

#[test]
fn a_run_from_logon_to_fill_leaves_no_secret_and_no_price_in_the_log() {
    let caught = Caught::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(caught.clone())
        .init();
    let w = World::start();
    let issued = w.practice.pki().issue(&Order::desk(TRADER)).unwrap();
    store_desk_identity(w.keychain.as_ref(), &issued, &TRADER.parse().unwrap()).unwrap();
    w.quotes("NORTHBANK", "97.531", 30_000);
    let mut s = w.connect();
    let id = w.ask(Ask::Buy, &["NORTHBANK"], 60);
    w.until(&mut s, "a quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.state == LineState::Quoted)
    });
    let armed = w.arm(&s, &id, "NORTHBANK", Side::Buy).unwrap();
    assert_eq!(armed.price, "97.531");
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    let secret = w.keychain.secret(&TRADER.parse().unwrap()).unwrap();
    drop(w);

    let bytes = caught.0.lock().unwrap().clone();
    let log = String::from_utf8_lossy(&bytes);
    let ours: Vec<&str> = log.lines().filter(|l| l.contains(" signet_")).collect();
    assert!(ours.iter().any(|l| l.contains("desk logged on")), "the log was caught");
    assert!(ours.iter().any(|l| l.contains("DEBUG") || l.contains("TRACE")), "at every level");

    // RFC 5915 puts the 32 bytes of a P-256 private key at offset 36 of its PKCS#8 form.
    for secret in [&issued.key_pkcs8()[36..68], &secret[..]] {
        assert!(!bytes.windows(16).any(|b| b == &secret[8..24]), "a key is in the log as it is");
        for spelling in spellings(secret) {
            assert!(!log.contains(&spelling), "a key is in the log");
        }
    }
    // Prices and whole messages: in no line of ours, and in nobody's at INFO or above.
    for line in log.lines() {
        let quiet = line.contains(" DEBUG ") || line.contains(" TRACE ");
        if !quiet || line.contains(" signet_") {
            for content in ["97.531", "97.431", "8=FIX"] {
                assert!(!line.contains(content), "{line}");
            }
        }
    }
}

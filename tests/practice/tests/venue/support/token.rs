//! A PKCS#11 token without hardware, and somebody who types its PIN.

use super::World;
use signet_desk_core::{
    Desk, DeskConfig,
    view::{EnrolIntent, Holder},
};
use signet_keystore::{MemoryKeychain, pkcs11::Pkcs11Settings};
use signet_stepup::client::NoKeys;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// SoftHSM2 with one token, in a folder of its own.
pub fn token(dir: &Path) -> Pkcs11Settings {
    let module =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]
            .map(Path::new);
    let module = module.into_iter().find(|m| m.exists()).expect("softhsm2 is installed");
    let conf = dir.join("softhsm2.conf");
    std::fs::create_dir_all(dir.join("tokens")).unwrap();
    std::fs::write(
        &conf,
        format!("directories.tokendir = {}\nlog.level = ERROR\n", dir.join("tokens").display()),
    )
    .unwrap();
    // SAFETY: worlds take turns, and no other thread of this one reads the environment yet.
    unsafe { std::env::set_var("SOFTHSM2_CONF", &conf) };
    let made = std::process::Command::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            "alice",
            "--pin",
            "135790",
            "--so-pin",
            "24680864",
        ])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .expect("softhsm2-util is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Pkcs11Settings { module: module.into(), token: Some("alice".into()) }
}

/// Answers every PIN dialog of a desk with the next of `pins`, until dropped.
pub fn typist(desk: &Desk, pins: &'static [&'static str]) -> std::thread::JoinHandle<Vec<bool>> {
    let desk = desk.clone();
    std::thread::spawn(move || {
        let mut wrong = Vec::new();
        for pin in pins {
            let began = Instant::now();
            let asked = loop {
                if let Some(p) =
                    desk.pull(0, &[]).pin.filter(|p| p.open && (wrong.is_empty() || p.wrong))
                {
                    break p;
                }
                assert!(began.elapsed() < Duration::from_secs(60), "no PIN was asked for");
                std::thread::sleep(Duration::from_millis(10));
            };
            wrong.push(asked.wrong);
            desk.give_pin(asked.question, Some((*pin).into()));
            std::thread::sleep(Duration::from_millis(50));
        }
        wrong
    })
}

/// Alice's desk, enrolled with a key in a token of its own; not connected yet.
#[allow(dead_code)]
pub fn alice(w: &World) -> Desk {
    let config = DeskConfig {
        token: Some(token(w.dir.path())),
        ..DeskConfig::empty(w.dir.path().join("laptop"), "test")
    };
    let desk = Desk::start(config, Arc::new(MemoryKeychain::new()), Arc::new(NoKeys)).unwrap();
    let invited = w.practice.invite("alice", "ALICE1", "token").unwrap();
    let typing = typist(&desk, &["135790"]);
    let read = desk.read_invitation(&invited.link).unwrap();
    let intent = EnrolIntent {
        invitation: invited.link.clone(),
        compared: read.fingerprint,
        code: invited.code.to_string(),
        device: "Alice's laptop".into(),
        holder: Holder::Token,
    };
    w.runtime.block_on(desk.enrol(intent)).unwrap();
    typing.join().unwrap();
    desk
}

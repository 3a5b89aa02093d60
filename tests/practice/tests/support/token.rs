//! A PKCS#11 token without hardware, and somebody who types its PIN.

use signet_desk_core::Desk;
use signet_identity::pkcs11::Pkcs11Settings;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// SoftHSM2 with one token, in a folder of its own.
pub fn token(dir: &Path) -> Pkcs11Settings {
    let module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"].map(Path::new);
    let module = module.into_iter().find(|m| m.exists()).expect("softhsm2 is installed");
    let conf = dir.join("softhsm2.conf");
    std::fs::create_dir_all(dir.join("tokens")).unwrap();
    std::fs::write(&conf, format!("directories.tokendir = {}\nlog.level = ERROR\n", dir.join("tokens").display())).unwrap();
    // SAFETY: worlds take turns, and no other thread of this one reads the environment yet.
    unsafe { std::env::set_var("SOFTHSM2_CONF", &conf) };
    let made = std::process::Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "alice", "--pin", "135790", "--so-pin", "24680864"])
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
                if let Some(p) = desk.pull(0, &[]).pin.filter(|p| p.open && (wrong.is_empty() || p.wrong)) {
                    break p;
                }
                assert!(began.elapsed() < Duration::from_secs(20), "no PIN was asked for");
                std::thread::sleep(Duration::from_millis(10));
            };
            wrong.push(asked.wrong);
            desk.give_pin(Some((*pin).into()));
            std::thread::sleep(Duration::from_millis(50));
        }
        wrong
    })
}

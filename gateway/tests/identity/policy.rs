//! `[tls] hybrid_only` and `fips`.

use crate::support::{Desk, World, runtime};
use std::{
    fs,
    process::{Command, Output, Stdio},
};

fn with(setting: &str) -> World {
    let w = World::new();
    fs::write(
        &w.config,
        w.text("gateway.toml").replacen("[tls]\n", &format!("[tls]\n{setting}\n"), 1),
    )
    .unwrap();
    w
}

/// A handshake by openssl with nothing but X25519.
fn classical(w: &World, port: u16) -> Output {
    let mut c = Command::new("openssl");
    c.args([
        "s_client",
        "-tls1_3",
        "-groups",
        "X25519",
        "-connect",
        &format!("localhost:{port}"),
        "-CAfile",
        "gateways-ca.pem",
    ]);
    c.args(["-cert", "laptop.pem", "-key", "laptop-key.pem"]);
    c.stdin(Stdio::null()).current_dir(w.dir.path()).output().expect("openssl is installed")
}

#[test]
fn hybrid_only_refuses_a_client_that_offers_x25519_alone() {
    let mut w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let fix = |w: &World| w.gateway.as_ref().unwrap().address().port();
    for port in [fix(&w), w.est()] {
        let agreed = String::from_utf8_lossy(&classical(&w, port).stdout).into_owned();
        assert!(
            agreed.contains("Server Temp Key: X25519")
                && agreed.contains("Verify return code: 0 (ok)"),
            "{agreed}"
        );
    }
    w.gateway = None;
    fs::write(
        &w.config,
        w.text("gateway.toml").replacen("[tls]\n", "[tls]\nhybrid_only = true\n", 1),
    )
    .unwrap();
    assert!(w.cli(&["check-config"]).contains("post-quantum hybrid key exchange only"));
    w.start();
    for port in [fix(&w), w.est()] {
        let refused = classical(&w, port);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("handshake failure"), "{said}");
    }
    // Our own desk offers the hybrid.
    runtime().block_on(async { drop(Desk::logged_on(&w, "laptop", "ALICE", 1).await) });
}

#[test]
fn fips_needs_a_build_with_the_fips_module() {
    let w = with("fips = true");
    if cfg!(feature = "fips") {
        assert!(w.cli(&["check-config"]).contains("FIPS module"));
        return;
    }
    for command in ["check-config", "run"] {
        let said = w.cli_fails(&[command]);
        assert!(
            said.contains("tls.fips")
                && said.contains("not built with the FIPS module")
                && said.contains("fips = false"),
            "{said}"
        );
    }
}

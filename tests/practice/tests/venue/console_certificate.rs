//! The web console that demands a certificate, in Chromium: certificates from the browser's own
//! database (NSS), TLS and gateway as they run at a firm.
#![cfg(target_os = "linux")]

use crate::support::World;
use signet_console_tests::{Browser, ClientCertificate, Start};
use signet_devca::{DevPki, Order};
use signet_gateway::admin;
use signet_practice::CONSOLE_HOST;
use std::{fs, path::PathBuf, process::Command};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

fn world() -> World {
    World::start_with(|p| {
        p.enrolment = true;
        p.desks.clear();
        p.admins = vec!["ada".into(), "bob".into()];
        (p.console, p.console_certificates) = (true, true);
        p.policies.push_str(
            "@id(\"officers\") permit (principal is Administrator, action in \
                [Action::\"admin-read\"], resource);",
        );
        p.facts.push_str("\n[admin_groups]\nofficers = [\"ada\", \"bob\"]\n");
    })
}

fn sh(script: &str) -> String {
    let out = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// `NAME.pem` and `NAME-key.pem` as PKCS#12 without a password.
fn p12(certificate: PathBuf) -> PathBuf {
    let to = certificate.with_extension("p12");
    let key = certificate.display().to_string().replace(".pem", "-key.pem");
    let (from, out) = (certificate.display(), to.display());
    sh(&format!("openssl pkcs12 -export -in '{from}' -inkey '{key}' -out '{out}' -passout pass:"));
    to
}

/// The certificate that an administrator was given.
fn of(w: &World, name: &str) -> PathBuf {
    let tls = &w.practice.gateway_config().tls;
    p12(tls.certificate.with_file_name(format!("admin-{name}.pem")))
}

/// A browser that trusts the gateway's certificate and shows this one.
async fn browser(w: &World, certificate: Option<PathBuf>) -> Option<Browser> {
    let gateway = w.practice.gateway_config().tls.certificate.display().to_string();
    let pin = sh(&format!(
        "openssl x509 -in '{gateway}' -pubkey -noout | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | base64"
    ));
    let arguments = vec![
        format!("--host-resolver-rules=MAP {CONSOLE_HOST} 127.0.0.1"),
        format!("--ignore-certificate-errors-spki-list={pin}"),
    ];
    let server = w.practice.console_origin().unwrap().to_owned();
    let certificate = certificate.map(|p12| ClientCertificate { p12, server });
    Browser::open(Start { arguments, certificate }).await
}

fn address(w: &World) -> String {
    format!("{}/console/", w.practice.console_origin().unwrap())
}

#[test]
fn the_console_opens_with_an_administrators_certificate_and_not_without_one() {
    let (w, rt) = (world(), Runtime::new().unwrap());
    let strangers = w.dir.path().join("strangers");
    fs::create_dir(&strangers).unwrap();
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
    pki.issue(&Order::admin("ada")).unwrap().write_to(&strangers, "ada").unwrap();
    rt.block_on(async {
        for (what, certificate) in
            [("none", None), ("of another authority", Some(p12(strangers.join("ada.pem"))))]
        {
            let Some(b) = browser(&w, certificate).await else { return };
            // TLS 1.3 refuses after the handshake, so the driver may call it a page that is open.
            if let Err(why) = b.try_goto(&address(&w)).await {
                assert!(why.contains("ERR_"), "{what}: {why}");
            }
            b.until(what, "location.protocol === 'chrome-error:'").await;
            b.close().await;
        }
        let Some(b) = browser(&w, Some(of(&w, "ada"))).await else { return };
        let (code, _) = admin::console_invite(w.practice.gateway_config(), "ada").await.unwrap();
        b.plug_in_key().await;
        b.goto(&address(&w)).await;
        b.says("Log in with your key").await;
        b.accessible("the login page").await;
        b.click("summary").await;
        b.write("#code", &code).await;
        b.write("#label", "blue key").await;
        b.press("Register this key").await;
        b.find("nav a[aria-current]").await;
        b.until("the name", "document.querySelector('.who').innerText.includes('ada')").await;
        b.view("sessions").await;
        b.says("No desk is logged on.").await;
        b.unblemished().await;
        b.close().await;
        // Another administrator's certificate does not go with an invitation of ada.
        let Some(b) = browser(&w, Some(of(&w, "bob"))).await else { return };
        let (code, _) = admin::console_invite(w.practice.gateway_config(), "ada").await.unwrap();
        b.plug_in_key().await;
        b.goto(&address(&w)).await;
        b.click("summary").await;
        b.write("#code", &code).await;
        b.write("#label", "blue key").await;
        b.press("Register this key").await;
        b.says("this code cannot be used").await;
        assert!(!b.is_saying("Sessions").await);
        b.close().await;
    });
}

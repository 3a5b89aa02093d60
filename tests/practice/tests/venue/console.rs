//! The web console of a whole venue, in Chromium: two administrators with keys, a trader, dealers.
#![cfg(target_os = "linux")]

use crate::support::{
    World,
    person::{NORTH, Person, quotes},
};
use serde_json::json;
use signet_console_tests::{Browser, Start};
use signet_desk_core::view::*;
use signet_gateway::{admin, checkpoint::public_key, config::CheckpointSection};
use signet_practice::CONSOLE_HOST;
use signet_registry::{LockoutKind, LockoutTerms, Registry, RegistryUrl};
use signet_rfq::UtcMillis;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::runtime::Runtime;

const VIEWS: [&str; 8] =
    ["overview", "sessions", "rfqs", "alerts", "locks", "dealers", "policies", "evidence"];
const OFFICERS: &str = "@id(\"officers\") permit (principal is Administrator, action in \
    [Action::\"admin-read\", Action::\"admin-lock\", Action::\"admin-sessions\", \
    Action::\"admin-policy\"], resource);";

fn world() -> World {
    World::start_with(|p| {
        p.enrolment = true;
        p.desks.clear();
        p.admins = vec!["ada".into(), "bob".into()];
        p.console = true;
        p.policies.push_str(OFFICERS);
        p.facts.push_str("\n[admin_groups]\nofficers = [\"ada\", \"bob\"]\n");
        p.checkpoint = CheckpointSection { every_seconds: 1, ..CheckpointSection::default() };
    })
}

fn sh(script: &str) -> String {
    let out = Command::new("sh").args(["-ec", script]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{script}: {said}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// A browser that finds the console's host here, and trusts the gateway's certificate.
fn browser(rt: &Runtime, w: &World) -> Option<Browser> {
    let certificate = w.practice.gateway_config().tls.certificate.display().to_string();
    let pin = sh(&format!(
        "openssl x509 -in '{certificate}' -pubkey -noout | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | base64"
    ));
    let arguments = vec![
        format!("--host-resolver-rules=MAP {CONSOLE_HOST} 127.0.0.1"),
        format!("--ignore-certificate-errors-spki-list={pin}"),
    ];
    rt.block_on(Browser::open(Start { arguments, ..Start::default() }))
}

/// Opens the console and registers a key with an invitation.
fn registered(rt: &Runtime, w: &World, name: &str) -> Option<Browser> {
    let b = browser(rt, w)?;
    let (code, _) = rt.block_on(admin::console_invite(w.practice.gateway_config(), name)).unwrap();
    rt.block_on(async {
        b.plug_in_key().await;
        b.goto(&format!("{}/console/", w.practice.console_origin().unwrap())).await;
        b.click("summary").await;
        b.write("#code", &code).await;
        b.write("#label", "blue key").await;
        b.press("Register this key").await;
        b.find("nav a[aria-current]").await;
        b.until(
            "the name",
            &format!("document.querySelector('.who').innerText.includes('{name}')"),
        )
        .await;
    });
    Some(b)
}

fn log_in(rt: &Runtime, b: &Browser, name: &str) {
    rt.block_on(async {
        b.write("#name", name).await;
        b.press("Log in with your key").await;
        b.find("nav a[aria-current]").await;
    });
}

fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UtcMillis(i64::try_from(since.as_millis()).unwrap())
}

/// Locks out somebody who declined too many challenges, as the gateway does.
fn locked_out(rt: &Runtime, w: &World, user: &str) {
    w.practice.invite(user, &user.to_uppercase(), "keychain").unwrap();
    let url = RegistryUrl::Sqlite(w.dir.path().join("registry.db"));
    let terms = LockoutTerms { first_ms: 3_600_000, max_ms: 3_600_000 };
    rt.block_on(async {
        let registry = Registry::open(&url).await.unwrap();
        let words = "5 challenges were declined in 10 minutes";
        registry.lock_out(user, LockoutKind::Fatigue, words, terms, now()).await.unwrap();
        registry.close().await;
    });
}

/// The downloaded archive, unpacked.
fn unpacked(b: &Browser) -> PathBuf {
    let folder = b.downloads();
    let began = Instant::now();
    loop {
        let mut all = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        if let Some(tar) = all.find(|p| p.extension().is_some_and(|e| e == "tar")) {
            let out = folder.join("unpacked");
            fs::create_dir_all(&out).unwrap();
            sh(&format!("tar -xf '{}' -C '{}'", tar.display(), out.display()));
            let mut inside = fs::read_dir(&out).unwrap().map(|e| e.unwrap().path());
            let first = inside.next().expect("something is in it");
            return if first.is_dir() && inside.next().is_none() { first } else { out };
        }
        assert!(began.elapsed() < signet_console_tests::PATIENCE, "no download");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn two_administrators_watch_act_and_change_a_policy() {
    let w = world();
    let rt = Runtime::new().unwrap();
    let Some(ada) = registered(&rt, &w, "ada") else { return };
    quotes(&w, "99.135", 5_000_000, 60_000);
    let port = w.practice.address().unwrap().port();
    let mut alice = Person::without_key(&w, "alice", "ALICE1", port);
    alice.ready();
    let open = alice.ask("5000000");
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == open && l.can_lift));

    rt.block_on(async {
        ada.view("sessions").await;
        ada.click("tr[data-key^='ALICE1 '] button.name").await;
        ada.until("its risk", "/^Low \\d+$/.test(document.querySelector('.risk-line').innerText)")
            .await;
        ada.until("a factor", "document.querySelectorAll('.factors li').length > 0").await;
        ada.shot("real-session").await;
        ada.view("rfqs").await;
        ada.says(&open).await;
        ada.says("NORTHBANK 99.135").await;
        ada.until("quoted", "document.querySelector('.legs').innerText.includes('Quoted')").await;
    });
    alice.accept_quote(&open);
    alice.outcome(&open, AcceptState::Filled);
    rt.block_on(async {
        ada.until("filled", "document.querySelector('.legs').innerText.includes('Filled')").await;
        ada.click("tbody button.name").await;
        ada.shot("real-rfq").await;
        ada.view("dealers").await;
        ada.says(NORTH).await;
    });

    locked_out(&rt, &w, "mallory");
    rt.block_on(async {
        ada.view("locks").await;
        ada.says("5 challenges were declined").await;
        ada.click("button[aria-label='Lift… mallory']").await;
        ada.write("dialog input", "called back, all is well").await;
        ada.press("Lift lock").await;
        ada.says("The lock of mallory was lifted.").await;
        ada.says("Nobody is locked out.").await;
    });
    let Some(bob) = registered(&rt, &w, "bob") else { return };
    policy_change(&rt, &w, &ada, &bob);
    let bundle = evidence(&rt, &ada, &open);
    verified_offline(&rt, &ada, &bundle, &public_key(w.practice.gateway_config()).unwrap());

    rt.block_on(async {
        bob.view("sessions").await;
        bob.click("tr[data-key^='ALICE1 '] button.name").await;
        bob.press("End session…").await;
        bob.write("dialog input", "fire drill").await;
        bob.press("End session").await;
        bob.says("The session of ALICE1 was ended.").await;
    });
    // The desk came back by itself; who ended the session, and why, is an event.
    alice.until("it is back", |s| s.session.as_ref().is_some_and(|s| s.back.is_some()));
    rt.block_on(async {
        bob.view("evidence").await;
        bob.write("#search-code", "session.ended").await;
        bob.press("Search").await;
        bob.click("tbody button.name").await;
        bob.until("why", "document.querySelector('.panel').innerText.includes('fire drill')").await;
    });
    rt.block_on(async {
        bob.click("#logout").await;
        bob.find("#name").await;
        let gone = "return (await fetch('/console/api/sessions')).status;";
        assert_eq!(bob.script(gone).await, 401);
    });
    log_in(&rt, &bob, "bob");
    rt.block_on(async {
        bob.unblemished().await;
        bob.close().await;
        ada.close().await;
    });
}

/// Ada prepares, bob approves by key; both are in the history.
fn policy_change(rt: &Runtime, w: &World, ada: &Browser, bob: &Browser) {
    rt.block_on(async {
        ada.view("policies").await;
        ada.click("#change-risk").await;
        ada.write("#draft-settings", "nonsense =\n").await;
        ada.press("Prepare with your key").await;
        ada.until("why not", "document.querySelector('.draft .fault').innerText !== ''").await;
        ada.shot("real-refused-draft").await;
        let mended = "const t = document.querySelector('#draft-settings'); \
            t.value = t.value.replace('nonsense =', '# looked at by ada'); \
            t.dispatchEvent(new Event('input'));";
        ada.script(mended).await;
        ada.press("Prepare with your key").await;
        ada.says("You prepared this. It waits for the key of another administrator.").await;
        let none = "return document.querySelectorAll('.approve').length;";
        assert_eq!(ada.script(none).await, 0);

        bob.view("policies").await;
        bob.says("Change of the risk policy by ada").await;
        bob.until(
            "the difference",
            "document.querySelector('.waiting .d-add').innerText.includes('# looked at by ada')",
        )
        .await;
        bob.accessible("a change that waits").await;
        bob.shot("real-approve").await;
        bob.press("Approve with your key").await;
        bob.says("The risk policy that ada prepared is in force.").await;
        bob.says("ada and bob").await;
        let approved = "[...document.querySelectorAll('.history tbody tr')].some((r) => \
            /Approved[^]*risk[^]*bob/.test(r.innerText))";
        bob.until("the history", approved).await;
        bob.click(".history tbody tr:first-child button.name").await;
        bob.until("whose key", "document.querySelector('.panel').innerText.includes('key ')").await;
        bob.shot("real-history").await;
    });
    let history = admin::policy_history(w.practice.gateway_config()).unwrap();
    let last = history.last().unwrap();
    // Each with a key of their own.
    let prepared = last.preparation.as_ref().unwrap();
    let approved = last.approval.as_ref().unwrap();
    assert_eq!(prepared.by, "ada");
    assert_ne!(prepared.proof.credential_id, approved.proof.credential_id);
    assert!(last.documents.values().any(|d| d.contains("# looked at by ada")), "{last:?}");
}

/// Finds the RFQ, and downloads its bundle.
fn evidence(rt: &Runtime, b: &Browser, rfq: &str) -> PathBuf {
    rt.block_on(async {
        b.view("evidence").await;
        b.write("#search-rfq", rfq).await;
        b.press("Search").await;
        b.until("its records", "document.querySelectorAll('tbody tr').length > 2").await;
        b.click("tbody button.name").await;
        b.shot("real-evidence").await;
        // What a checkpoint does not cover yet has no bundle; there is one each second.
        let began = Instant::now();
        loop {
            b.click("#bundle").await;
            b.until("an answer", "!document.querySelector('#bundle').disabled").await;
            if b.is_saying("was downloaded").await {
                break;
            }
            let why = b.script("return document.querySelector('.stack > .fault').innerText;").await;
            assert!(began.elapsed() < signet_console_tests::PATIENCE, "{why}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        b.view("overview").await;
        for scheme in ["light", "dark"] {
            b.scheme(scheme).await;
            for view in VIEWS {
                b.view(view).await;
                b.until(view, "document.querySelector('.verdict, .tools, form.search')").await;
                b.accessible(&format!("{view} {scheme}")).await;
                b.shot(&format!("real-{view}-{scheme}")).await;
            }
        }
        b.unblemished().await;
    });
    unpacked(b)
}

/// The page of the bundle, from its folder, without a network.
fn verified_offline(rt: &Runtime, b: &Browser, bundle: &Path, key: &str) {
    rt.block_on(async {
        let page = format!("file://{}", bundle.join("verify.html").display());
        b.client().new_window(true).await.unwrap();
        let all = b.client().windows().await.unwrap();
        let console = b.client().window().await.unwrap();
        let tab = all.into_iter().find(|t| *t != console).unwrap();
        b.client().switch_to_window(tab).await.unwrap();
        b.cdp("Network.enable", json!({})).await;
        let offline = json!({
            "offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        b.cdp("Network.emulateNetworkConditions", offline).await;
        b.goto(&page).await;
        b.write("#key", key).await;
        dropped(b, bundle).await;
        b.until("a verdict", "/^(OK|NOT)/.test(document.querySelector('#verdict').innerText)")
            .await;
        b.shot("verify-good").await;
        let said = "return document.querySelector('#verdict').innerText + '\\n' + \
            document.querySelector('#report').innerText;";
        let said = b.script(said).await;
        assert!(said.as_str().unwrap().starts_with("OK: RFQ"), "{said}");
        // By the button, as well.
        b.goto(&page).await;
        b.write("#key", key).await;
        b.write("#files", bundle.to_str().unwrap()).await;
        b.until("OK", "document.querySelector('#verdict').innerText.startsWith('OK: RFQ')").await;

        let record = fs::read_dir(bundle.join("records")).unwrap().map(|e| e.unwrap().path());
        let record = record.filter(|p| p.extension().is_some_and(|e| e == "record")).min().unwrap();
        let mut bytes = fs::read(&record).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&record, bytes).unwrap();
        b.goto(&page).await;
        b.write("#key", key).await;
        dropped(b, bundle).await;
        b.until("a verdict", "/^NOT VERIFIED/.test(document.querySelector('#verdict').innerText)")
            .await;
        let named = record.file_name().unwrap().to_str().unwrap();
        b.says(&format!("FAULT: records/{named}")).await;
        b.shot("verify-flipped").await;
        b.client().close_window().await.unwrap();
        b.client().switch_to_window(console).await.unwrap();
    });
}

/// Drops the folder on the page.
async fn dropped(b: &Browser, folder: &Path) {
    let place = "const r = document.querySelector('#drop').getBoundingClientRect(); \
        return { x: r.x + r.width / 2, y: r.y + r.height / 2 };";
    let place = b.script(place).await;
    for kind in ["dragEnter", "dragOver", "drop"] {
        let drag = json!({
            "type": kind, "x": place["x"], "y": place["y"],
            "data": { "items": [], "files": [folder], "dragOperationsMask": 1 },
        });
        b.cdp("Input.dispatchDragEvent", drag).await;
    }
}

//! Identity for life, the whole way: an administrator's invitation, a desk that enrols, trades,
//! renews and is cut off; the key in the keychain or in a token.

// The registry in it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::{
    Screen, World,
    network::Network,
    token::{token, typist},
};
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_gateway::admin::{self, Account, Invited};
use signet_keystore::{Keychain, MemoryKeychain, pkcs11::Pkcs11Settings};
use signet_practice::VENUE_NAME;
use signet_registry::{AccountState, CertificateSelector};
use signet_stepup::client::NoKeys;
use std::{path::Path, process::Command, sync::Arc, time::Duration, time::Instant};

const NORTH: &str = "NORTHBANK";

/// A venue where traders enrol, and a desk that nobody has prepared.
fn world() -> World {
    World::start_with(|plan| {
        plan.enrolment = true;
        plan.desks.clear();
    })
}

fn empty_desk(dir: &Path, keychain: Arc<MemoryKeychain>, token: Option<Pkcs11Settings>) -> Desk {
    Desk::start(
        DeskConfig { token, ..DeskConfig::empty(dir.join("laptop"), "test") },
        keychain,
        Arc::new(NoKeys),
    )
    .unwrap()
}

fn intent(desk: &Desk, invited: &Invited, holder: Holder) -> EnrolIntent {
    let read = desk.read_invitation(&invited.link).unwrap();
    assert_eq!(read.fingerprint.join(" "), invited.fingerprint, "what the administrator reads out");
    EnrolIntent {
        invitation: invited.link.clone(),
        compared: read.fingerprint,
        code: invited.code.to_lowercase(),
        device: "Alice's laptop".into(),
        holder,
    }
}

fn enrol(w: &World, desk: &Desk, intent: EnrolIntent) -> EnrolView {
    w.runtime.block_on(desk.enrol(intent)).unwrap();
    desk.pull(0, &[]).enrol.unwrap()
}

fn until(desk: &Desk, s: &mut Screen, what: &str, done: impl Fn(&Screen) -> bool) {
    let began = Instant::now();
    loop {
        s.pull(desk);
        if done(s) {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "never: {what}\n{:?}\n{:?}",
            s.session,
            s.notices
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn online(w: &World, desk: &Desk, identity: &str) -> Screen {
    w.runtime.block_on(desk.connect(identity.into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    until(desk, &mut s, "online", |s| s.link() == Some(LinkState::Online));
    s
}

fn serial(desk: &Desk, w: &World) -> String {
    w.runtime.block_on(desk.identities()).unwrap()[0].fingerprint.clone()
}

#[test]
fn a_trader_enrols_with_an_invitation_trades_renews_and_trades_on() {
    let w = world();
    let keychain = Arc::new(MemoryKeychain::new());
    let desk = empty_desk(w.dir.path(), keychain.clone(), None);
    assert!(desk.info().venues.is_empty(), "nobody prepared this laptop");
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();

    let done = enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    assert_eq!(
        (done.phase, done.identity.as_deref()),
        (EnrolPhase::Done, Some("ALICE1")),
        "{:?}",
        done.problem
    );
    assert_eq!(desk.info().venues.len(), 1);
    let name = "ALICE1".parse().unwrap();
    let peer = keychain.load_identity(&name).unwrap().peer().unwrap();
    let facts = peer.enrolled.unwrap();
    assert_eq!(
        (facts.user.as_str(), facts.device.as_str(), facts.protection.as_str()),
        ("alice", "alice-s-laptop", "keychain")
    );

    let mut s = online(&w, &desk, "ALICE1");
    until(&desk, &mut s, "instruments and the dealer", |_| {
        let r = desk.reference();
        r.instruments > 0 && r.dealers.iter().any(|d| d.id == NORTH && d.online)
    });
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: desk.find_instruments("DE000BU2Z049").hits[0].id.clone(),
        ask: Ask::Buy,
        quantity: "5m".into(),
        dealers: vec![NORTH.into()],
        ttl_s: 60,
        settlement_date: None,
    };
    let id = desk.send_rfq(ticket.clone()).unwrap();
    until(&desk, &mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));

    // While an RFQ is open the link stays as it is; when nothing is, it is made again with the new
    // key.
    let before = serial(&desk, &w);
    desk.renew().unwrap();
    let began = Instant::now();
    while keychain.load_enrolled(&name, signet_keystore::IdentitySlot::Pending).unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "never renewed: {:?}", s.notices);
        std::thread::sleep(Duration::from_millis(20));
    }
    s.pull(&desk);
    assert_eq!(
        (s.link(), serial(&desk, &w)),
        (Some(LinkState::Online), before.clone()),
        "the old key is kept"
    );
    desk.cancel_rfq(&id).unwrap();
    until(&desk, &mut s, "the new key is the current one", |s| {
        s.link() == Some(LinkState::Online) && serial(&desk, &w) != before
    });
    assert!(
        keychain.load_enrolled(&name, signet_keystore::IdentitySlot::Pending).unwrap().is_none()
    );
    let again = desk.send_rfq(ticket).unwrap();
    until(&desk, &mut s, "a quote with the new key", |s| {
        s.lines.iter().any(|l| l.rfq_id == again && l.can_lift)
    });

    // Another desk process on the same laptop remembers where it was enrolled.
    w.runtime.block_on(desk.shut_down());
    drop(desk);
    let desk = empty_desk(w.dir.path(), keychain, None);
    assert_eq!(desk.info().venues[0].name, VENUE_NAME);
}

#[test]
fn what_is_wrong_with_an_enrolment_is_said_and_leaves_nothing_behind() {
    let w = world();
    let keychain = Arc::new(MemoryKeychain::new());
    let desk = empty_desk(w.dir.path(), keychain.clone(), None);
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();
    let good = intent(&desk, &invited, Holder::Keychain);

    let other_print = EnrolIntent { compared: vec!["0000".into()], ..good.clone() };
    let refused = w.runtime.block_on(desk.enrol(other_print)).unwrap_err();
    assert_eq!(refused.code, "enrol.fingerprint_not_compared");
    let other_holder = EnrolIntent { holder: Holder::Token, ..good.clone() };
    assert_eq!(
        w.runtime.block_on(desk.enrol(other_holder)).unwrap_err().code,
        "enrol.holder_not_allowed"
    );

    let failed = enrol(
        &w,
        &desk,
        EnrolIntent { code: "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AA".into(), ..good.clone() },
    );
    let why = failed.problem.unwrap();
    assert_eq!(
        (failed.phase, why.code.as_str()),
        (EnrolPhase::Failed, "enrol.code_wrong"),
        "{why:?}"
    );
    assert!(!why.cure.is_empty());
    assert!(keychain.raw_names().is_empty(), "no key is left behind: {:?}", keychain.raw_names());

    assert_eq!(enrol(&w, &desk, good.clone()).phase, EnrolPhase::Done);
    // The code works once; what was enrolled stays.
    let used = enrol(&w, &desk, good).problem.unwrap();
    assert_eq!(used.code, "enrol.code_used", "{used:?}");
    online(&w, &desk, "ALICE1");
}

#[test]
fn a_locked_user_is_out_within_a_second_and_stays_out() {
    let w = world();
    let desk = empty_desk(w.dir.path(), Arc::new(MemoryKeychain::new()), None);
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();
    enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    let mut s = online(&w, &desk, "ALICE1");
    let config = w.practice.gateway_config().clone();

    let alice = Account::User("alice".into());
    w.runtime.block_on(admin::set_state(&config, &alice, AccountState::Locked)).unwrap();
    until(&desk, &mut s, "cut", |s| s.link() != Some(LinkState::Online));
    until(&desk, &mut s, "refused", |s| s.link() == Some(LinkState::Refused));
    let why = s.session.as_ref().unwrap().problem.clone().unwrap();
    assert!(why.message.contains("locked"), "{why:?}");

    w.runtime.block_on(admin::set_state(&config, &alice, AccountState::Active)).unwrap();
    // The gateway hears of it within a moment.
    let began = Instant::now();
    while s.link() != Some(LinkState::Online) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", s.session);
        w.runtime.block_on(desk.connect("ALICE1".into(), VENUE_NAME.into())).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        until(&desk, &mut s, "an answer", |s| {
            matches!(s.link(), Some(LinkState::Online | LinkState::Refused))
        });
    }
    w.runtime
        .block_on(admin::revoke(&config, &CertificateSelector::User("alice".into()), "lost laptop"))
        .unwrap();
    until(&desk, &mut s, "revoked", |s| s.link() == Some(LinkState::Refused));

    // A new code brings the trader back, on the same laptop.
    let invited = w
        .runtime
        .block_on(admin::code(
            &config,
            "alice",
            signet_gateway::admin::CodeTerms { hours: 1, managed: true },
            w.dir.path(),
        ))
        .unwrap();
    let back = enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    assert_eq!(back.phase, EnrolPhase::Done, "{:?}", back.problem);
    online(&w, &desk, "ALICE1");
}

#[test]
fn a_key_in_a_token_is_made_there_asks_for_its_pin_and_trades() {
    let w = world();
    let settings = token(w.dir.path());
    let keychain = Arc::new(MemoryKeychain::new());
    let desk = empty_desk(w.dir.path(), keychain.clone(), Some(settings.clone()));
    let invited = w.practice.invite("alice", "ALICE1", "token").unwrap();
    let typing = typist(&desk, &["000000", "135790"]);
    let done = enrol(&w, &desk, intent(&desk, &invited, Holder::Token));
    assert_eq!(done.phase, EnrolPhase::Done, "{:?}", done.problem);
    assert_eq!(
        typing.join().unwrap(),
        [false, true],
        "a wrong PIN is said to be wrong and asked for again"
    );
    let places = keychain.key_places(&"ALICE1".parse().unwrap()).unwrap();
    assert_eq!(places[0].holder, signet_keystore::HolderKind::Pkcs11);
    assert!(
        keychain.raw_names().iter().all(|n| !n.starts_with("held/")),
        "no key in the keychain: {:?}",
        keychain.raw_names()
    );
    assert!(signet_keystore::KeyHolder::open(keychain.as_ref(), &places[0].label).is_err());
    assert_eq!(
        w.runtime.block_on(desk.identities()).unwrap()[0].held_in,
        "smart card or security key"
    );
    online(&w, &desk, "ALICE1");

    // After a restart the PIN is asked for once more.
    w.runtime.block_on(desk.shut_down());
    let desk = empty_desk(w.dir.path(), keychain, Some(settings));
    let typing = typist(&desk, &["135790"]);
    online(&w, &desk, "ALICE1");
    typing.join().unwrap();
}

/// A proxy that carries CONNECT and nothing else; answers how many connections it has carried.
fn proxy(w: &World) -> (u16, Arc<std::sync::atomic::AtomicU32>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let carried = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let listener = w.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = carried.clone();
    w.runtime.spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(from.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let target = head
                    .strip_prefix("CONNECT ")
                    .and_then(|h| h.split(' ').next())
                    .expect("a CONNECT")
                    .to_owned();
                let mut to = tokio::net::TcpStream::connect(target).await?;
                from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    (port, carried)
}

#[test]
fn a_hotel_with_a_proxy_is_no_obstacle() {
    let w = world();
    let (port, carried) = proxy(&w);
    let setting =
        signet_net::ProxySetting::Url(format!("http://127.0.0.1:{port}").parse().unwrap());
    let config =
        DeskConfig { proxy: setting, ..DeskConfig::empty(w.dir.path().join("laptop"), "test") };
    let desk = Desk::start(config, Arc::new(MemoryKeychain::new()), Arc::new(NoKeys)).unwrap();
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();
    let done = enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    assert_eq!(done.phase, EnrolPhase::Done, "{:?}", done.problem);
    let enrolling = carried.load(std::sync::atomic::Ordering::Relaxed);
    assert!(enrolling > 0, "enrolment went through the proxy");
    online(&w, &desk, "ALICE1");
    assert!(
        carried.load(std::sync::atomic::Ordering::Relaxed) > enrolling,
        "and so did the session"
    );
}

#[test]
fn doctor_says_that_all_is_well_and_what_is_not() {
    let mut w = world();
    let keychain = Arc::new(MemoryKeychain::new());
    let config = DeskConfig::empty(w.dir.path().join("laptop"), "test");
    let nothing = w.runtime.block_on(signet_desk_core::doctor(&config, keychain.clone(), None));
    assert!(!nothing.1 && nothing.0.contains("No venue"), "{}", nothing.0);
    let desk = Desk::start(config.clone(), keychain.clone(), Arc::new(NoKeys)).unwrap();
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();
    enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    let (report, well) =
        w.runtime.block_on(signet_desk_core::doctor(&config, keychain.clone(), Some("ALICE1")));
    assert!(well, "{report}");
    assert!(!report.contains("PRIVATE") && !report.contains(invited.code.as_str()), "{report}");
    w.practice.stop_gateway();
    let (report, well) = w.runtime.block_on(signet_desk_core::doctor(&config, keychain, None));
    assert!(!well && report.contains("FAILED") && report.contains("what to do"), "{report}");
}

#[test]
fn doctor_finds_a_portal_before_a_venue_that_is_not_reached() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // A NetworkManager of this machine may have looked itself.
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let test = "identity::doctor_behind_a_portal";
    let out = command.args(["--ignored", "--exact", "--nocapture", test]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

#[test]
#[ignore = "helper process of the test above: needs a system that says nothing"]
fn doctor_behind_a_portal() {
    let mut w = world();
    let network = Network::to(&w.runtime, ([127, 0, 0, 1], 9).into());
    let page = format!("http://127.0.0.1:{}/", network.page(&w.runtime));
    let keychain = Arc::new(MemoryKeychain::new());
    let config = DeskConfig {
        portal_check: Some(page.parse().unwrap()),
        proxy: signet_net::ProxySetting::Direct,
        ..DeskConfig::empty(w.dir.path().join("laptop"), "test")
    };
    let desk = Desk::start(config.clone(), keychain.clone(), Arc::new(NoKeys)).unwrap();
    let invited = w.practice.invite("alice", "ALICE1", "keychain").unwrap();
    enrol(&w, &desk, intent(&desk, &invited, Holder::Keychain));
    let says = |w: &World, config: &DeskConfig| {
        w.runtime.block_on(signet_desk_core::doctor(config, keychain.clone(), None))
    };
    network.is_portal(true);
    let (report, well) = says(&w, &config);
    assert!(well && !report.contains("portal"), "nobody looks where all is well: {report}");
    w.practice.stop_gateway();
    let (report, well) = says(&w, &config);
    assert!(!well && report.contains("[net.captive_portal]"), "{report}");
    assert!(report.contains(&format!("Open {page} in a browser")), "{report}");
    network.is_portal(false);
    let (report, well) = says(&w, &config);
    assert!(!well && report.contains(&format!("none was found: {page} answered")), "{report}");
    network.is_portal(true);
    let (report, _) = says(&w, &DeskConfig { portal_check: None, ..config });
    assert!(report.contains("not looked for") && !report.contains(&page), "{report}");
}

#[test]
fn a_gateway_whose_certificate_was_revoked_is_not_talked_to_and_a_missing_list_closes_the_door() {
    let w = World::start();
    let list = w.dir.path().join("gateways.crl");
    let venue = signet_desk_core::Venue {
        crl: vec![list.clone()],
        crl_required: true,
        ..w.practice.venue().clone()
    };
    let config = DeskConfig {
        venues: vec![venue],
        ..DeskConfig::empty(w.dir.path().join("laptop"), "test")
    };
    let desk = Desk::start(config, w.keychain.clone(), Arc::new(NoKeys)).unwrap();
    let refused = |code: &str| {
        w.runtime
            .block_on(desk.connect(signet_practice::TRADER.into(), VENUE_NAME.into()))
            .unwrap();
        let mut s = Screen::default();
        let says = |s: &Screen| {
            s.session.as_ref().and_then(|s| s.problem.clone()).is_some_and(|p| p.code == code)
        };
        until(&desk, &mut s, code, |s| s.link() == Some(LinkState::Refused) && says(s));
    };
    refused("server.crl_unusable");

    let tomorrow = time::OffsetDateTime::now_utc() + time::Duration::days(1);
    let pki = w.practice.pki();
    let write = |revoked: &[&rustls::pki_types::CertificateDer<'static>], next| {
        std::fs::write(&list, pki.crl(signet_identity::Role::Gateway, revoked, next).unwrap())
            .unwrap();
    };
    write(&[], tomorrow);
    w.runtime.block_on(desk.connect(signet_practice::TRADER.into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    until(&desk, &mut s, "online with a good list", |s| s.link() == Some(LinkState::Online));
    w.runtime.block_on(desk.disconnect()).unwrap();

    use rustls::pki_types::pem::PemObject as _;
    let own = rustls::pki_types::CertificateDer::from_pem_file(
        &w.practice.gateway_config().tls.certificate,
    )
    .unwrap();
    write(&[&own], tomorrow);
    refused("server.revoked");
    write(&[], time::OffsetDateTime::now_utc() - time::Duration::hours(1));
    refused("crl.stale");
}

//! Every way in which a connection is refused, as the trader sees it: a code of its own, what
//! happened, and what would cure it.

use crate::support::{Screen, World, raw::Raw};
use signet_desk_core::{Desk, DeskConfig, KeyStore, Venue, view::*};
use signet_devca::{DevPki, Issued, Order, store_desk_identity};
use signet_identity::{
    CompId, DeviceKey, Identity, IdentityError, Protection, ServerProfile, SpkiPin,
};
use signet_keystore::{
    HolderError, HolderKind, IdentityName, KeyHolder, KeyLabel, Keychain, KeychainError,
    MemoryKeychain, StoredIdentity,
};
use signet_practice::{GATEWAY, TRADER, TRUST_DOMAIN, VENUE_NAME};
use signet_stepup::client::NoKeys;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        version::TLS12,
    },
};
use zeroize::Zeroizing;

/// A desk of its own for each case: FIX sessions are unique in a process.
struct Trial<'a> {
    world: &'a World,
    codes: BTreeSet<String>,
    count: u32,
}

impl<'a> Trial<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, codes: BTreeSet::new(), count: 0 }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("T{}", self.count)
    }

    fn desk(&self, name: &str, venue: Venue, keychain: Arc<dyn KeyStore>) -> Desk {
        let data_dir = self.world.dir.path().join(format!("desk-{name}"));
        Desk::start(
            DeskConfig {
                venues: vec![venue],
                practice: true,
                ..DeskConfig::empty(data_dir, "test")
            },
            keychain,
            Arc::new(NoKeys),
        )
        .unwrap()
    }

    fn wait(&self, desk: &Desk, what: &str, done: impl Fn(&SessionView) -> bool) -> SessionView {
        let mut s = Screen::default();
        self.world.eventually(what, || {
            s.pull(desk);
            s.session.as_ref().is_some_and(&done)
        });
        s.session.unwrap()
    }

    /// Connects a fresh desk whose identity is `issued` and returns the problem on its screen.
    fn refused_as(&mut self, issued: &Issued, name: &str, venue: Venue) -> Problem {
        let keychain = Arc::new(MemoryKeychain::new());
        store_desk_identity(keychain.as_ref(), issued, &name.parse().unwrap()).unwrap();
        self.refused_with(keychain, name, venue)
    }

    fn refused_with(&mut self, keychain: Arc<dyn KeyStore>, name: &str, venue: Venue) -> Problem {
        let desk = self.desk(name, venue, keychain);
        desk.connect_now(name, VENUE_NAME).unwrap();
        let session = self.wait(&desk, "refused", |s| s.state == LinkState::Refused);
        self.world.runtime.block_on(desk.shut_down());
        // Not after a round of "connection lost": the reason must arrive with the first refusal.
        assert!(session.attempt <= 1, "{session:?}");
        let p = session.problem.expect("a refusal says why");
        assert!(p.message.ends_with('.') || p.message.len() > 10, "{p:?}");
        assert!(!p.cure.is_empty(), "{p:?}");
        self.codes.insert(p.code.clone());
        p
    }

    /// As [`Self::refused_as`], with a good certificate of the practice authority.
    fn refused(&mut self, venue: Venue) -> Problem {
        let name = self.name();
        let issued = self.world.practice.pki().issue(&Order::desk(&name)).unwrap();
        self.refused_as(&issued, &name, venue)
    }

    fn venue(&self, change: impl FnOnce(&mut Venue)) -> Venue {
        let mut v = self.world.practice.venue().clone();
        change(&mut v);
        v
    }

    /// A TLS server that shows this certificate, and then says `words`.
    fn server(&self, pki: &DevPki, order: &Order, words: &'static str) -> u16 {
        let key = pki.issue(order).unwrap().certified_key().unwrap();
        let roots = self.world.practice.pki().desk_roots().unwrap();
        self.listen(Some(ServerProfile::new(roots, key).config().unwrap()), words)
    }

    /// A server that says `words` to whoever connects and listens until they hang up.
    fn listen(&self, tls: Option<Arc<ServerConfig>>, words: &'static str) -> u16 {
        let listener = self.world.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        self.world.runtime.spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let mut sink = vec![];
                    if let Some(tls) = tls {
                        let Ok(mut stream) = TlsAcceptor::from(tls).accept(tcp).await else {
                            return;
                        };
                        let _ = stream.write_all(words.as_bytes()).await;
                        let _ = stream.flush().await;
                        let _ = stream.read_to_end(&mut sink).await;
                    } else {
                        let _ = tcp.write_all(words.as_bytes()).await;
                        let _ = tcp.read_to_end(&mut sink).await;
                    }
                });
            }
        });
        port
    }
}

#[test]
fn a_server_that_is_not_the_gateway_is_refused_each_for_its_own_reason() {
    let w = World::start();
    let pki = w.practice.pki();
    let mut t = Trial::new(&w);

    let other = DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap();
    let unknown_ca = t.server(&other, &Order::gateway(GATEWAY), "");
    let p = t.refused(t.venue(|v| v.port = unknown_ca));
    assert_eq!(p.code, "server.unknown_ca");

    // An authority that only bears the name of ours: a practice venue of yesterday.
    let namesake = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap();
    let port = t.server(&namesake, &Order::gateway(GATEWAY), "");
    assert_eq!(t.refused(t.venue(|v| v.port = port)).code, "server.unknown_ca");

    let port = t.server(pki, &Order::gateway(GATEWAY).expired(), "");
    assert_eq!(t.refused(t.venue(|v| v.port = port)).code, "server.expired");

    let port = t.server(pki, &Order::gateway(GATEWAY).not_yet_valid(), "");
    assert_eq!(t.refused(t.venue(|v| v.port = port)).code, "server.not_yet_valid");

    let port = t.server(pki, &Order::gateway(GATEWAY).with_dns(["gateway.example"]), "");
    let p = t.refused(t.venue(|v| v.port = port));
    assert_eq!(p.code, "server.name_mismatch");
    assert!(p.message.contains("gateway.example"), "{p:?}");

    let pin: SpkiPin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap();
    let p = t.refused(t.venue(|v| v.pins = vec![pin]));
    assert_eq!(p.code, "server.pin_mismatch");

    assert_eq!(t.codes.len(), 5, "{:?}", t.codes);
}

#[test]
fn a_genuine_certificate_of_somebody_else_is_not_the_gateway() {
    let w = World::start();
    let pki = w.practice.pki();
    let mut t = Trial::new(&w);
    let elsewhere = DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap();
    let mut messages = BTreeSet::new();

    let port = t.server(pki, &Order::gateway("OTHERGATE"), "");
    let p = t.refused(t.venue(|v| v.port = port));
    assert_eq!(p.code, "server.wrong_identity");
    assert!(p.message.contains("OTHERGATE") && p.message.contains(GATEWAY), "{p:?}");
    messages.insert(p.message);

    let uri = format!("spiffe://{TRUST_DOMAIN}/dealer/{GATEWAY}");
    let port = t.server(pki, &Order::gateway(GATEWAY).with_uri(&uri), "");
    let p = t.refused(t.venue(|v| v.port = port));
    assert_eq!(p.code, "server.wrong_identity");
    assert!(p.message.contains("dealer"), "{p:?}");
    messages.insert(p.message);

    let port = t.server(pki, &Order::gateway(GATEWAY).with_uri("https://gateway.example/"), "");
    let p = t.refused(t.venue(|v| v.port = port));
    assert_eq!(p.code, "server.wrong_identity");
    messages.insert(p.message);

    let port = t.server(&elsewhere, &Order::gateway(GATEWAY), "");
    let p = t.refused(t.venue(|v| {
        v.port = port;
        v.roots = elsewhere.gateway_roots().unwrap();
    }));
    assert_eq!(p.code, "server.wrong_identity");
    assert!(p.message.contains("elsewhere.example"), "{p:?}");
    messages.insert(p.message);
    assert_eq!(messages.len(), 4, "{messages:?}");

    // A dealer's own certificate comes from another authority.
    let port = t.server(pki, &Order::dealer("NORTHBANK"), "");
    assert_eq!(t.refused(t.venue(|v| v.port = port)).code, "server.unknown_ca");
}

#[test]
fn what_does_not_speak_fixs_is_refused() {
    let w = World::start();
    let pki = w.practice.pki();
    let mut t = Trial::new(&w);

    let plain_fix = t.listen(None, "8=FIX.4.4\u{1}9=5\u{1}35=0\u{1}10=161\u{1}");
    assert_eq!(t.refused(t.venue(|v| v.port = plain_fix)).code, "tls.not_tls");

    let http = t.listen(None, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(t.refused(t.venue(|v| v.port = http)).code, "tls.not_tls");

    let https = t.server(
        pki,
        &Order::gateway(GATEWAY),
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(t.refused(t.venue(|v| v.port = https)).code, "link.not_fix");

    let issued = pki.issue(&Order::gateway(GATEWAY)).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.key_pkcs8().to_vec()));
    let old = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(issued.chain().to_vec(), key)
        .unwrap();
    let old = t.listen(Some(Arc::new(old)), "");
    assert_eq!(t.refused(t.venue(|v| v.port = old)).code, "tls.no_common_version");
    assert_eq!(t.codes.len(), 3, "{:?}", t.codes);
}

#[test]
fn a_client_certificate_that_the_gateway_does_not_take_is_named_as_the_cause() {
    let w = World::start();
    let pki = w.practice.pki();
    let mut t = Trial::new(&w);
    let venue = w.practice.venue().clone();

    let expired = pki.issue(&Order::desk("EXPIRED").expired()).unwrap();
    assert_eq!(t.refused_as(&expired, "EXPIRED", venue.clone()).code, "client.certificate_expired");

    let other = DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap();
    let unknown = other.issue(&Order::desk("UNKNOWN")).unwrap();
    assert_eq!(t.refused_as(&unknown, "UNKNOWN", venue.clone()).code, "client.unknown_ca");

    let namesake = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap();
    let stale = namesake.issue(&Order::desk("STALE")).unwrap();
    assert_eq!(t.refused_as(&stale, "STALE", venue.clone()).code, "client.certificate_refused");

    // The certificate is good and the gateway was never told of this desk.
    let stranger = pki.issue(&Order::desk("STRANGER")).unwrap();
    let p = t.refused_as(&stranger, "STRANGER", venue);
    assert_eq!(p.code, "logon.refused");
    assert!(p.message.contains("not configured"), "{p:?}");
    assert_eq!(t.codes.len(), 4, "{:?}", t.codes);
}

#[test]
fn the_expired_identity_is_marked_before_anybody_connects() {
    let w = World::start();
    let pki = w.practice.pki();
    let keychain = MemoryKeychain::new();
    for (name, order) in [
        ("OLD", Order::desk("OLD").expired()),
        ("EARLY", Order::desk("EARLY").not_yet_valid()),
        ("FIT", Order::desk("FIT")),
    ] {
        store_desk_identity(&keychain, &pki.issue(&order).unwrap(), &name.parse().unwrap())
            .unwrap();
    }
    let desk = Trial::new(&w).desk("LIST", w.practice.venue().clone(), Arc::new(keychain));
    let found = w.runtime.block_on(desk.identities()).unwrap();
    let problem = |name: &str| {
        found.iter().find(|i| i.name == name).unwrap().problem.as_ref().map(|p| p.code.clone())
    };
    assert_eq!(problem("OLD").as_deref(), Some("client.certificate_expired"));
    assert_eq!(problem("EARLY").as_deref(), Some("client.certificate_not_yet_valid"));
    assert_eq!(problem("FIT"), None);
}

/// FIXS: TLS says who it is, and FIX may not say otherwise.
#[test]
fn a_logon_under_another_name_than_the_certificates_is_refused_in_words() {
    let w = World::start_with(|p| p.desks = vec![TRADER.into(), "EVE".into()]);
    let (at, pki) = (w.practice.address().unwrap(), w.practice.pki());
    w.runtime.block_on(async {
        for (me, you, why) in [
            (TRADER, GATEWAY, "58=the SenderCompID is not the one of the certificate|"),
            ("EVE", "OTHERGATE", "58=the TargetCompID is not this gateway's|"),
        ] {
            let mut eve = Raw::desk(at, pki, "EVE").await;
            (eve.me, eve.you) = (me.into(), you.into());
            let logon = format!("35=A|98=0|108=60|20000={}|", eve.binding);
            eve.says(&logon).await;
            eve.hears(&["35=5|", why]).await;
            assert!(eve.hung_up().await.is_empty());
        }
        Raw::logged_on(at, pki, "EVE").await;
    });
}

#[test]
fn with_nobody_listening_the_desk_keeps_trying_and_connects_when_the_gateway_appears() {
    let mut w = World::start();
    w.practice.stop_gateway();
    w.desk.connect_now(TRADER, VENUE_NAME).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "several attempts", |s| {
        s.session.as_ref().is_some_and(|s| s.attempt >= 3 && s.problem.is_some())
    });
    let session = s.session.clone().unwrap();
    assert_eq!(session.state, LinkState::Reconnecting);
    assert_eq!(session.problem.unwrap().code, "net.connection_refused");
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    assert_eq!(s.session.unwrap().problem, None);
}

#[test]
fn a_name_that_cannot_be_looked_up_says_so_and_is_tried_again() {
    let w = World::start();
    let t = Trial::new(&w);
    // A label longer than DNS allows: no name server is asked.
    let venue = t.venue(|v| v.host = format!("{}.example", "x".repeat(64)));
    let desk = t.desk("DNS", venue, w.keychain.clone());
    desk.connect_now(TRADER, VENUE_NAME).unwrap();
    let session = t.wait(&desk, "a second attempt", |s| s.attempt >= 2 && s.problem.is_some());
    assert_eq!(session.state, LinkState::Reconnecting);
    assert_eq!(session.problem.unwrap().code, "net.dns_failure");
    w.runtime.block_on(desk.shut_down());
}

/// A keychain that fails as told.
#[derive(Debug)]
struct Failing(Mutex<Option<KeychainError>>);

impl Keychain for Failing {
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError> {
        Err(self.0.lock().unwrap().take().unwrap())
    }

    fn store_identity(
        &self,
        _: &IdentityName,
        _: &[u8],
        _: &[CertificateDer<'static>],
    ) -> Result<(), KeychainError> {
        Err(KeychainError::Locked)
    }

    fn load_identity(&self, _: &IdentityName) -> Result<Identity, KeychainError> {
        Err(self.0.lock().unwrap().take().unwrap())
    }

    fn delete_identity(&self, _: &IdentityName) -> Result<(), KeychainError> {
        Err(KeychainError::Locked)
    }

    fn erase(&self) -> Result<usize, KeychainError> {
        Err(KeychainError::Locked)
    }

    fn secret(&self, _: &IdentityName) -> Result<Zeroizing<[u8; 32]>, KeychainError> {
        Err(KeychainError::Locked)
    }
}

impl KeyHolder for Failing {
    fn generate(&self, _: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        Err(KeychainError::Locked.into())
    }

    fn open(&self, _: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        Err(KeychainError::Locked.into())
    }

    fn delete(&self, _: &KeyLabel) -> Result<(), HolderError> {
        Err(KeychainError::Locked.into())
    }

    fn protection(&self) -> Protection {
        Protection::OsKeychain
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Keychain
    }
}

#[test]
fn every_trouble_with_the_keychain_has_a_code_and_a_cure_on_screen() {
    let w = World::start();
    let mut t = Trial::new(&w);
    type Trouble = fn() -> KeychainError;
    let troubles: [(Trouble, &str); 9] = [
        (|| KeychainError::NoKeychain { detail: "no bus".into() }, "keychain.none"),
        (|| KeychainError::Locked, "keychain.locked"),
        (|| KeychainError::PromptDismissed, "keychain.prompt_dismissed"),
        (|| KeychainError::NoDefaultCollection, "keychain.no_default_collection"),
        (|| KeychainError::TimedOut(Duration::from_secs(60)), "keychain.timed_out"),
        (|| KeychainError::NoSuchIdentity { name: TRADER.into() }, "keychain.no_such_identity"),
        (
            || KeychainError::Malformed { entry: TRADER.into(), why: "not a certificate" },
            "keychain.malformed",
        ),
        (|| KeychainError::Identity(IdentityError::CertificateOfAnotherKey), "identity.other_key"),
        (|| KeychainError::Other { detail: "it burns".into() }, "keychain.other"),
    ];
    let mut messages = BTreeSet::new();
    for (trouble, code) in troubles {
        let name = t.name();
        let keychain = || Arc::new(Failing(Mutex::new(Some(trouble()))));
        let p = t.refused_with(keychain(), &name, w.practice.venue().clone());
        assert_eq!(p.code, code);
        messages.insert(p.message.clone());
        // The list of identities says the same.
        let desk = t.desk(&name, w.practice.venue().clone(), keychain());
        assert_eq!(w.runtime.block_on(desk.identities()).unwrap_err(), p);
    }
    assert_eq!((t.codes.len(), messages.len()), (9, 9));

    // Nothing stored under that name, in a keychain that works.
    let p = t.refused_with(Arc::new(MemoryKeychain::new()), "NOBODY", w.practice.venue().clone());
    assert_eq!(p.code, "keychain.no_such_identity");
    let p = t.refused_with(Arc::new(MemoryKeychain::new()), "no/name", w.practice.venue().clone());
    assert_eq!(p.code, "keychain.bad_name");
    let p = t.refused(t.venue(|v| v.comp_id = CompId::new("ELSEWHERE").unwrap()));
    assert_eq!(p.code, "server.wrong_identity");
}

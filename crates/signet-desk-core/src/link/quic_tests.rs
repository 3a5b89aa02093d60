use super::*;
use rustls::{
    SignatureAlgorithm,
    pki_types::SubjectPublicKeyInfoDer,
    sign::{Signer, SigningKey},
};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, ServerProfile};
use signet_net::Endpoint;
use signet_quic::server::{self, KEYS_BYTES, Keys};
use std::sync::atomic::AtomicUsize;
use tokio::{task::LocalSet, time::sleep};

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Counts what it is asked to sign.
#[derive(Debug)]
struct Counted {
    key: Arc<CertifiedKey>,
    signed: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct CountedSigner(Box<dyn Signer>, Arc<AtomicUsize>);

impl SigningKey for Counted {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.key.choose_scheme(offered)?;
        Some(Box::new(CountedSigner(signer, self.signed.clone())))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.key.algorithm()
    }
}

impl Signer for CountedSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.1.fetch_add(1, Relaxed);
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

struct Ground {
    tls: Arc<ClientConfig>,
    signed: Arc<AtomicUsize>,
    gateway: server::Endpoint,
    at: SocketAddr,
}

impl Ground {
    /// A gateway that takes desks of `authority`, and a desk of `pki`.
    fn new(pki: &DevPki, authority: &DevPki) -> Self {
        let shown = pki.issue(&Order::gateway("GATEWAY")).unwrap().certified_key().unwrap();
        let profile = ServerProfile::new(authority.desk_roots().unwrap(), shown);
        let keys = Keys::new([7; KEYS_BYTES].into());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let gateway = server::Endpoint::new(socket, &profile.config().unwrap(), &keys, 8).unwrap();
        let key = pki.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
        let signed = Arc::<AtomicUsize>::default();
        let chain = key.cert.clone();
        let counted = Counted { key, signed: signed.clone() };
        let shown = Arc::new(CertifiedKey::new(chain, Arc::new(counted)));
        let profile = ClientProfile::new(pki.gateway_roots().unwrap(), shown);
        let at = gateway.local_addr().unwrap();
        Self { tls: profile.config().unwrap(), signed, gateway, at }
    }

    /// Who connects, and how, when these are the addresses.
    async fn dial(&self, all: &[SocketAddr]) -> Result<QuicWire, ConnectError> {
        let at = |to: &SocketAddr| Endpoint { host: to.ip().to_string(), port: to.port() };
        let endpoints: Vec<_> = all.iter().map(at).collect();
        self.dial_to(Addresses::of(&endpoints), all.len()).await
    }

    async fn dial_to(&self, all: Addresses, hosts: usize) -> Result<QuicWire, ConnectError> {
        let dial = on_a_thread(all, names(hosts), self.tls.clone());
        timeout(PATIENCE, dial).await.expect("it ends")
    }
}

fn names(hosts: usize) -> Vec<String> {
    vec!["localhost".into(); hosts]
}

/// Hosts whose names are resolved after so many milliseconds.
fn resolved_after(hosts: [(u64, SocketAddr); 2]) -> Addresses {
    Addresses::found_by(hosts.map(|(ms, at)| async move {
        sleep(Duration::from_millis(ms)).await;
        vec![at]
    }))
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

fn pki() -> DevPki {
    DevPki::generate("bank.example", time::OffsetDateTime::now_utc()).unwrap()
}

/// Somebody is there and says nothing, as where UDP is blocked on the way.
fn silent() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

/// The first gateway is silent, the second answers: the token signs for the second alone.
#[test]
fn the_token_signs_once_whichever_address_answers() {
    run(async {
        let pki = pki();
        let g = Ground::new(&pki, &pki);
        let (_kept, nobody) = silent();
        for (n, all) in
            [vec![g.at], vec![nobody, g.at], vec![g.at, g.at, nobody]].iter().enumerate()
        {
            let accepts = async { g.gateway.accept().await.accept().unwrap().established().await };
            let (made, seen) = tokio::join!(g.dial(all), accepts);
            let (made, seen) = (made.unwrap(), seen.unwrap());
            assert_eq!((made.remote, Some(made.exporter)), (g.at, seen.exporter()), "{all:?}");
            assert_eq!(g.signed.load(Relaxed), n + 1, "{all:?}");
        }
    });
}

#[test]
fn the_token_signs_for_nobody_where_nobody_answers() {
    run(async {
        let pki = pki();
        let g = Ground::new(&pki, &pki);
        let (_kept, nobody) = silent();
        for all in [vec![], vec![nobody], vec![nobody; 5]] {
            let failed = g.dial(&all).await.map(|w| w.remote).unwrap_err();
            assert!(matches!(failed, ConnectError::NoAnswer), "{failed:?}");
        }
        assert_eq!(g.signed.load(Relaxed), 0);
    });
}

/// A gateway that shows a foreign certificate gets no signature.
#[test]
fn the_token_signs_for_no_stranger() {
    run(async {
        let (own, foreign) = (pki(), pki());
        let stranger = Ground::new(&foreign, &foreign);
        let desk = Ground::new(&own, &own);
        let accepts = async {
            drop(stranger.gateway.accept().await.accept().unwrap().established().await);
        };
        let at = [stranger.at];
        let (failed, ()) = tokio::join!(desk.dial(&at), accepts);
        let failed = failed.map(|w| w.remote).unwrap_err();
        assert!(matches!(failed, ConnectError::Tls(_)), "{failed:?}");
        assert_eq!(desk.signed.load(Relaxed), 0);
    });
}

/// The first host is silent, and the name of the second one is known only after more than all
/// delays: it joins the attempts, with either kind of key.
#[test]
fn a_host_whose_name_is_resolved_late_is_reached() {
    run(async {
        let pki = pki();
        let g = Ground::new(&pki, &pki);
        let (_kept, nobody) = silent();
        let accepts = || async { g.gateway.accept().await.accept().unwrap().established().await };
        let late = || resolved_after([(0, nobody), (600, g.at)]);

        let names = names(2);
        let made = timeout(PATIENCE, dial(late(), &names, &g.tls, Arc::default()));
        let (made, seen) = tokio::join!(made, accepts());
        let (made, seen) = (made.expect("it ends").unwrap(), seen.unwrap());
        assert_eq!(made.path.map(|p| p.peer()), Some(g.at));
        assert_eq!(Some(made.exporter), seen.exporter());

        let (made, seen) = tokio::join!(g.dial_to(late(), 2), accepts());
        let (made, seen) = (made.unwrap(), seen.unwrap());
        assert_eq!((made.remote, Some(made.exporter)), (g.at, seen.exporter()));
    });
}

/// Where QUIC is switched off the system says so at once, and a name that hangs does not keep the
/// token from FIXS.
#[test]
fn a_name_that_hangs_is_waited_for_only_a_moment() {
    run(async {
        let pki = pki();
        let g = Ground::new(&pki, &pki);
        let (closed, refusing) = silent();
        drop(closed);
        let failed = g.dial_to(resolved_after([(0, refusing), (60_000, g.at)]), 2).await;
        let failed = failed.map(|w| w.remote).unwrap_err();
        // Not the end of the time for the handshake.
        assert!(!matches!(failed, ConnectError::Other { .. }), "{failed:?}");
        assert_eq!(g.signed.load(Relaxed), 0);
    });
}

//! Certificates, both ends, and a relay in between that can be a NAT, a network change or a forger.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs as provider},
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use signet_quic::{
    client::{self, ClientStream, ConnectError, Rebinder},
    server::{Endpoint, KEYS_BYTES, Keys, Moves, ServerStream},
};
use std::{
    cell::{Cell, RefCell},
    net::{SocketAddr, UdpSocket as StdSocket},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{net::UdpSocket, task::LocalSet, time::timeout};

pub(crate) const NAME: &str = "gateway.test";

/// Runs a test as gateway and desk run: one thread, local tasks. Not for ever.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = async { timeout(Duration::from_secs(180), test).await };
    LocalSet::new().block_on(&runtime, ended).expect("the test ends");
}

/// A development authority with one server and one client.
pub(crate) struct Pki {
    roots: Arc<RootCertStore>,
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
    client: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

impl Pki {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let mut roots = RootCertStore::empty();
        roots.add(ca.self_signed(&key).unwrap().der().clone()).unwrap();
        let issuer = Issuer::new(ca, key);
        let leaf = |name: &str, usage| {
            let key = KeyPair::generate().unwrap();
            let mut p = CertificateParams::new(vec![name.to_owned()]).unwrap();
            p.extended_key_usages = vec![usage];
            let cert = p.signed_by(&key, &issuer).unwrap().der().clone();
            (cert, PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
        };
        let server = leaf(NAME, ExtendedKeyUsagePurpose::ServerAuth);
        let client = leaf("desk.test", ExtendedKeyUsagePurpose::ClientAuth);
        Self { roots: Arc::new(roots), server, client }
    }

    pub(crate) fn server(&self) -> rustls::ServerConfig {
        let p = Arc::new(provider::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.roots.clone(), p.clone()).build();
        rustls::ServerConfig::builder_with_provider(p)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.unwrap())
            .with_single_cert(vec![self.server.0.clone()], self.server.1.clone_key())
            .unwrap()
    }

    pub(crate) fn client(&self) -> rustls::ClientConfig {
        self.client_with(provider::default_provider(), true)
    }

    /// A client that offers one key exchange only.
    pub(crate) fn client_of_group(
        &self,
        group: &'static dyn SupportedKxGroup,
    ) -> rustls::ClientConfig {
        let p = CryptoProvider { kx_groups: vec![group], ..provider::default_provider() };
        self.client_with(p, true)
    }

    pub(crate) fn client_without_certificate(&self) -> rustls::ClientConfig {
        self.client_with(provider::default_provider(), false)
    }

    /// A client whose key is asked through `wrap`.
    pub(crate) fn client_with_key(
        &self,
        wrap: impl FnOnce(Arc<dyn SigningKey>) -> Arc<dyn SigningKey>,
    ) -> rustls::ClientConfig {
        let mut tls = self.client();
        let key =
            provider::default_provider().key_provider.load_private_key(self.client.1.clone_key());
        let certified = CertifiedKey::new(vec![self.client.0.clone()], wrap(key.unwrap()));
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        tls
    }

    fn client_with(&self, p: CryptoProvider, certificate: bool) -> rustls::ClientConfig {
        let b = rustls::ClientConfig::builder_with_provider(Arc::new(p))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone());
        match certificate {
            true => b
                .with_client_auth_cert(vec![self.client.0.clone()], self.client.1.clone_key())
                .unwrap(),
            false => b.with_no_client_auth(),
        }
    }
}

pub(crate) fn keys() -> Keys {
    Keys::new([7; KEYS_BYTES].into())
}

pub(crate) fn bind(at: &str) -> StdSocket {
    StdSocket::bind(at).unwrap()
}

pub(crate) fn endpoint(pki: &Pki) -> (Endpoint, SocketAddr) {
    let e = Endpoint::new(bind("127.0.0.1:0"), &pki.server(), &keys(), 8).unwrap();
    let at = e.local_addr().unwrap();
    (e, at)
}

/// Both ends of one connection.
pub(crate) struct Pair {
    pub(crate) client: ClientStream,
    pub(crate) rebinder: Rebinder,
    pub(crate) server: ServerStream,
    pub(crate) moves: Moves,
    /// Exporters of client and server.
    pub(crate) exporters: [[u8; 32]; 2],
}

pub(crate) async fn connect(
    pki: &Pki,
    endpoint: &Endpoint,
    from: &str,
    to: SocketAddr,
) -> Result<Pair, ConnectError> {
    let tls = pki.client();
    let dials = client::connect(bind(from), to, NAME, &tls);
    let accepts = async { endpoint.accept().await.accept().unwrap().established().await.unwrap() };
    let (client, server) = tokio::join!(dials, accepts);
    let client = client?;
    assert_eq!(client.remote(), to);
    assert_eq!(client.peer_certificates(), std::slice::from_ref(&pki.server.0));
    assert_eq!(server.peer_certificates(), std::slice::from_ref(&pki.client.0));
    let exporters = [client.exporter().unwrap(), server.exporter().unwrap()];
    let rebinder = client.rebinder();
    let client = client.into_stream();
    let (server, moves) = server.into_parts();
    Ok(Pair { client, rebinder, server, moves, exporters })
}

/// One way from client to server: the source address that the server sees.
struct Way {
    socket: Rc<UdpSocket>,
    /// What the server sends there reaches nobody: the source is forged.
    deaf: Rc<Cell<bool>>,
}

/// Carries datagrams of one client; the test chooses by which way.
pub(crate) struct Relay {
    pub(crate) front: SocketAddr,
    ways: Rc<RefCell<(Vec<Way>, usize)>>,
    to: SocketAddr,
    reply: Rc<(UdpSocket, RefCell<Option<SocketAddr>>)>,
    /// The client's last datagram.
    last: Rc<RefCell<Vec<u8>>>,
}

impl Relay {
    pub(crate) async fn new(to: SocketAddr) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = front.local_addr().unwrap();
        let relay = Self {
            front: at,
            ways: Rc::default(),
            to,
            reply: Rc::new((front, RefCell::new(None))),
            last: Rc::default(),
        };
        relay.add("127.0.0.1:0", false).await;
        let (ways, reply) = (relay.ways.clone(), relay.reply.clone());
        let last = relay.last.clone();
        tokio::task::spawn_local(async move {
            let mut buf = vec![0; 2_000];
            while let Ok((n, from)) = reply.0.recv_from(&mut buf).await {
                *reply.1.borrow_mut() = Some(from);
                *last.borrow_mut() = buf[..n].to_vec();
                let way = {
                    let w = ways.borrow();
                    w.0[w.1].socket.clone()
                };
                let _ = way.send_to(&buf[..n], to).await;
            }
        });
        relay
    }

    /// Another source address; its number.
    pub(crate) async fn add(&self, source: &str, deaf: bool) -> usize {
        let socket = Rc::new(UdpSocket::bind(source).await.unwrap());
        let (back, reply, to) = (socket.clone(), self.reply.clone(), self.to);
        let deaf = Rc::new(Cell::new(deaf));
        let is_deaf = deaf.clone();
        tokio::task::spawn_local(async move {
            let mut buf = vec![0; 2_000];
            while let Ok((n, from)) = back.recv_from(&mut buf).await {
                let client = *reply.1.borrow();
                if let Some(client) = client.filter(|_| from == to && !is_deaf.get()) {
                    let _ = reply.0.send_to(&buf[..n], client).await;
                }
            }
        });
        let mut w = self.ways.borrow_mut();
        w.0.push(Way { socket, deaf });
        w.0.len() - 1
    }

    /// Somebody who saw the client's last datagram sends it from another source, changed by `f`.
    pub(crate) async fn replay(&self, source: &str, f: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.last.borrow().clone();
        f(&mut bytes);
        let socket = UdpSocket::bind(source).await.unwrap();
        socket.send_to(&bytes, self.to).await.unwrap();
    }

    /// Whether what the server sends there reaches nobody.
    pub(crate) fn deafen(&self, way: usize, deaf: bool) {
        self.ways.borrow().0[way].deaf.set(deaf);
    }

    /// From here on the client's datagrams go this way.
    pub(crate) fn go(&self, way: usize) {
        self.ways.borrow_mut().1 = way;
    }

    pub(crate) fn source(&self, way: usize) -> SocketAddr {
        let w = self.ways.borrow();
        w.0[way].socket.local_addr().unwrap()
    }
}

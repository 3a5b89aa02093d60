//! A load balancer: takes connections, says with PROXY protocol v2 whom they come from, and passes
//! bytes.

use rustls_pki_types::ServerName;
use signet_devca::{DevPki, Order};
use signet_identity::ClientProfile;
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::AsyncWriteExt, net::TcpSocket};
use tokio_rustls::TlsConnector;

pub struct Balancer {
    port: u16,
    address: Arc<Mutex<IpAddr>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Balancer {
    /// Passes on to `gateway` from 127.0.0.2, and says at first that everybody is at `address`.
    pub fn start(gateway: SocketAddr, address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Arc::new(Mutex::new(address.parse().unwrap()));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (said, kept) = (address.clone(), open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Some(mut far) = from("127.0.0.2", gateway) else { continue };
                let address = *said.lock().unwrap();
                if far.write_all(&header(address)).is_err() {
                    continue;
                }
                let (n, f) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                kept.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                std::thread::spawn(move || copy(near, f));
                std::thread::spawn(move || copy(far, n));
            }
        });
        Self { port, address, open }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From the next connection on.
    pub fn says(&self, address: &str) {
        *self.address.lock().unwrap() = address.parse().unwrap();
    }

    /// Every connection is gone.
    pub fn cut(&self) {
        for s in self.open.lock().unwrap().drain(..) {
            let _ = s.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0u8; 16 * 1024];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}

fn header(address: IpAddr) -> Vec<u8> {
    let mut h = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match address {
        IpAddr::V4(a) => {
            h.extend([0x11, 0, 12]);
            h.extend(a.octets());
            h.extend([192, 0, 2, 1]);
        }
        IpAddr::V6(a) => {
            h.extend([0x21, 0, 36]);
            h.extend(a.octets());
            h.extend([0; 16]);
        }
    }
    h.extend([0x30, 0x39, 0x01, 0xbb]);
    h
}

/// A connection from this address of loopback.
fn from(address: &str, to: SocketAddr) -> Option<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0))?;
        socket.connect(to).await?.into_std()
    });
    let stream = stream.ok()?;
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Whether TLS comes about for somebody at `address` who says a header, or none, before it.
pub async fn shakes(pki: &DevPki, address: &str, to: SocketAddr, says: Option<&str>) -> bool {
    let key = pki.issue(&Order::desk("STRANGER")).unwrap().certified_key().unwrap();
    let tls = ClientProfile::new(pki.gateway_roots().unwrap(), key).config().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    if let Some(a) = says {
        stream.write_all(&header(a.parse().unwrap())).await.unwrap();
    }
    let shaken =
        TlsConnector::from(tls).connect(ServerName::try_from("localhost").unwrap(), stream);
    matches!(tokio::time::timeout(Duration::from_secs(60), shaken).await, Ok(Ok(_)))
}

//! An HTTPS server of files, with the faults of networks and of hostile servers.

use std::{
    fs,
    net::TcpListener as StdListener,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// What goes wrong with packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection ends after so many bytes of a body.
    CutAfter(usize),
    /// The body is longer than the file.
    TooLong,
    /// The body comes byte by byte.
    Drip,
}

#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

pub struct Server {
    port: u16,
    told: Arc<Mutex<(Fault, Vec<String>)>>,
}

impl Server {
    pub fn start(folder: PathBuf, key: Arc<CertifiedKey>) -> Self {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::new((Fault::None, Vec::new())));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(One(key)));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let heard = told.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((tcp, _)) = listener.accept().await {
                    let (acceptor, folder, told) =
                        (acceptor.clone(), folder.clone(), heard.clone());
                    tokio::spawn(async move {
                        if let Ok(tls) = acceptor.accept(tcp).await {
                            answer(tls, &folder, &told).await;
                        }
                    });
                }
            });
        });
        Self { port, told }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn fault(&self, fault: Fault) {
        self.told.lock().unwrap().0 = fault;
    }

    /// The ranges asked for of the package 0.2.0, empty for the whole.
    pub fn ranges(&self) -> Vec<String> {
        self.told.lock().unwrap().1.clone()
    }
}

async fn answer(
    mut tls: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    folder: &std::path::Path,
    told: &Mutex<(Fault, Vec<String>)>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
        let Ok(byte) = tls.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let name = head.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
    let range = head.lines().find_map(|l| l.strip_prefix("range: ")).unwrap_or("").to_owned();
    let Ok(file) = fs::read(folder.join(&name)) else {
        let _ = tls.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    let fault = {
        let mut told = told.lock().unwrap();
        let new = name.contains("0.2.0");
        if new {
            told.1.push(range.clone());
        }
        if new { told.0 } else { Fault::None }
    };
    let from: usize = range
        .strip_prefix("bytes=")
        .and_then(|r| r.trim_end_matches('-').parse().ok())
        .unwrap_or(0);
    let mut body = file[from.min(file.len())..].to_vec();
    if fault == Fault::TooLong {
        body.extend_from_slice(&[0; 9000]);
    }
    let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{}/{}\r\n\r\n",
        body.len(),
        file.len() - 1,
        file.len()
    );
    let _ = tls.write_all(head.as_bytes()).await;
    if let Fault::CutAfter(bytes) = fault {
        let _ = tls.write_all(&body[..bytes.min(body.len())]).await;
        let _ = tls.flush().await;
        // Without an end of the TLS connection, as when a network goes away.
        return;
    }
    if fault == Fault::Drip {
        for byte in &body {
            if tls.write_all(&[*byte]).await.is_err() || tls.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        return;
    }
    let _ = tls.write_all(&body).await;
    let _ = tls.shutdown().await;
}

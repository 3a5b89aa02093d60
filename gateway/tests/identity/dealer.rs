//! A dealer made by hand, and what a revocation list does to a real one.

use crate::support::{PATIENCE, World};
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Issued, Order};
use signet_fix::{
    framer::Framer,
    tagvalue::{format_utc, seal},
};
use signet_identity::{Role, ServerProfile};
use signet_rfq::UtcMillis;
use std::{
    fs,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

/// What happened at the dealer's door.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The gateway did not go on with the handshake; its alert.
    Refused(String),
    /// A Logon came and was answered.
    LoggedOn,
    /// That connection ended.
    Ended,
}

pub struct Dealer {
    pub port: u16,
    pub seen: mpsc::Receiver<Seen>,
    _stop: oneshot::Sender<()>,
}

impl Dealer {
    /// Accepts connections until dropped.
    pub fn start(w: &World, shown: &Issued) -> Self {
        let tls =
            ServerProfile::new(w.pki.gateway_roots().unwrap(), shown.certified_key().unwrap())
                .config()
                .unwrap();
        let (me, you) = (format!("BANK{}", w.n), w.gw.clone());
        let (tell, seen) = mpsc::channel();
        let (ready, port) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            crate::support::runtime().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap().port()).unwrap();
                let serve = async {
                    loop {
                        let (tcp, _) = listener.accept().await.unwrap();
                        let (tls, me, you, tell) =
                            (TlsAcceptor::from(tls.clone()), me.clone(), you.clone(), tell.clone());
                        tokio::spawn(async move { serve_one(tls, tcp, &me, &you, &tell).await });
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port: port.recv().unwrap(), seen, _stop: stop }
    }

    #[track_caller]
    pub fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("something happens at the dealer")
    }
}

async fn serve_one(
    tls: TlsAcceptor,
    tcp: TcpStream,
    me: &str,
    you: &str,
    tell: &mpsc::Sender<Seen>,
) -> std::io::Result<()> {
    let mut stream = match tls.accept(tcp).await {
        Ok(s) => s,
        Err(e) => {
            let _ = tell.send(Seen::Refused(e.to_string()));
            return Ok(());
        }
    };
    let mut framer = Framer::new();
    let mut buffer = [0u8; 4096];
    let mut on = false;
    loop {
        let n = match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => n,
            // In TLS 1.3 the gateway's alert comes after the dealer's handshake, or the doctor
            // looked in.
            end => {
                let text = end.err().map(|e| e.to_string()).unwrap_or_default();
                let seen = if on {
                    Some(Seen::Ended)
                } else {
                    text.contains("alert").then_some(Seen::Refused(text))
                };
                seen.into_iter().for_each(|s| drop(tell.send(s)));
                return Ok(());
            }
        };
        framer.push(&buffer[..n]);
        while let Ok(Some(frame)) = framer.next_frame() {
            let text = String::from_utf8_lossy(frame).replace('\u{1}', "|");
            if text.contains("|35=A|") {
                let seq = text
                    .split("|34=")
                    .nth(1)
                    .and_then(|s| s.split('|').next())
                    .unwrap_or("1")
                    .to_owned();
                let now = OffsetDateTime::now_utc().unix_timestamp() * 1_000;
                let body = format!(
                    "35=A|34={seq}|49={me}|52={}|56={you}|98=0|108=10|",
                    format_utc(UtcMillis(now))
                );
                stream.write_all(&seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())).await?;
                stream.flush().await?;
                on = true;
                let _ = tell.send(Seen::LoggedOn);
            }
        }
    }
}

/// Points the configuration to a dealer, and at most to these lists.
pub fn configure(w: &World, port: u16, crl: Option<&Path>) {
    let mut text = w.text("gateway.toml").replace("localhost:1\"", &format!("localhost:{port}\""));
    if let Some(crl) = crl {
        text = text.replace(
            "trust = \"dealers-ca.pem\"\n",
            &format!("trust = \"dealers-ca.pem\"\ncrl = [{crl:?}]\n"),
        );
    }
    fs::write(&w.config, text).unwrap();
}

fn publish(w: &World, pki: &DevPki, revoked: &[&CertificateDer<'_>]) {
    let list = pki
        .crl(Role::Dealer, revoked, OffsetDateTime::now_utc() + time::Duration::days(1))
        .unwrap();
    fs::write(w.path("new.crl"), list).unwrap();
    fs::rename(w.path("new.crl"), w.path("dealers.crl")).unwrap();
}

#[test]
fn a_dealer_on_a_new_revocation_list_is_cut_off_and_dialled_in_vain() {
    let mut w = World::new();
    let certificate = w.pki.issue(&Order::dealer(&format!("BANK{}", w.n))).unwrap();
    let dealer = Dealer::start(&w, &certificate);
    configure(&w, dealer.port, Some(Path::new("dealers.crl")));
    publish(&w, &w.pki, &[]);
    w.start();
    assert_eq!(dealer.next(), Seen::LoggedOn);
    publish(&w, &w.pki, &[&certificate.chain()[0]]);
    let began = Instant::now();
    assert_eq!(dealer.next(), Seen::Ended);
    let took = began.elapsed();
    println!("the dealer's session had ended {took:?} after the list was in place");
    assert!(took < Duration::from_secs(3), "{took:?}");
    for _ in 0..2 {
        let Seen::Refused(alert) = dealer.next() else { panic!("a revoked dealer was talked to") };
        assert!(alert.to_lowercase().contains("revoked"), "{alert}");
    }
    // A list without it lets the dealer in again: nothing but the list kept it out.
    publish(&w, &w.pki, &[]);
    let began = Instant::now();
    while dealer.next() != Seen::LoggedOn {
        assert!(began.elapsed() < PATIENCE * 2, "not dialled again");
    }
}

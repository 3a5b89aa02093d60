//! A dealer made by hand, and what a revocation list does to a real one.

use crate::support::{AT_ONCE, PATIENCE, World};
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
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
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
        Self::saying(w, shown, &[])
    }

    /// The same, and after each Logon it says this.
    pub fn saying(w: &World, shown: &Issued, says: &'static [&'static str]) -> Self {
        let tls =
            ServerProfile::new(w.pki.gateway_roots().unwrap(), shown.certified_key().unwrap())
                .config()
                .unwrap();
        let (me, you) = (format!("BANK{}", w.n), w.gw.clone());
        let (tell, seen) = mpsc::channel();
        let (ready, port) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        // Its next sequence number, over all connections.
        let next = Arc::new(AtomicU64::new(1));
        std::thread::spawn(move || {
            crate::support::runtime().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap().port()).unwrap();
                let serve = async {
                    loop {
                        let (tcp, _) = listener.accept().await.unwrap();
                        let (tls, me, you, tell) =
                            (TlsAcceptor::from(tls.clone()), me.clone(), you.clone(), tell.clone());
                        let next = next.clone();
                        tokio::spawn(async move {
                            serve_one(tls, tcp, (&me, &you), says, &next, &tell).await
                        });
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
    (me, you): (&str, &str),
    says: &[&str],
    next: &AtomicU64,
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
                // As the gateway counts, or further on when more was said here.
                let first = next.load(Ordering::Relaxed).max(seq.parse().unwrap());
                next.store(first + 1 + says.len() as u64, Ordering::Relaxed);
                let seq = first;
                let now = OffsetDateTime::now_utc().unix_timestamp() * 1_000;
                let body = format!(
                    "35=A|34={seq}|49={me}|52={}|56={you}|98=0|108=10|",
                    format_utc(UtcMillis(now))
                );
                stream.write_all(&seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())).await?;
                stream.flush().await?;
                on = true;
                for (n, what) in says.iter().enumerate() {
                    let (kind, rest) = what.split_once('|').unwrap();
                    let (seq, at) = (first + n as u64 + 1, format_utc(UtcMillis(now)));
                    let body = format!("{kind}|34={seq}|49={me}|52={at}|56={you}|{rest}60={at}|");
                    stream
                        .write_all(&seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes()))
                        .await?;
                }
                stream.flush().await?;
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
    assert!(took < AT_ONCE, "{took:?}");
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

/// A fill of an accept that it was not sent.
const STRAY: &str = "35=8|37=o1|11=NOBODY.R1:1|17=e1|150=F|39=2|55=X|48=X|22=4|54=1|38=5000000|\
    151=0|14=5000000|6=99.1|31=99.1|32=5000000|";

#[test]
fn a_dealer_that_contradicts_what_is_so_is_cut_until_it_is_resumed() {
    let mut w = World::with(
        "sqlite:registry.db",
        &format!("{}[response]\ndealer_faults = 2\n", crate::admin::ADMIN),
    );
    crate::admin::show(&w, "sylvia", &Order::admin("sylvia"));
    let name = format!("BANK{}", w.n);
    let certificate = w.pki.issue(&Order::dealer(&name)).unwrap();
    let dealer = Dealer::saying(&w, &certificate, &[STRAY, STRAY]);
    configure(&w, dealer.port, None);
    assert!(w.cli(&["dealer", "list"]).contains(" open"));
    w.start();
    assert_eq!(dealer.next(), Seen::LoggedOn);
    assert_eq!(dealer.next(), Seen::Ended);
    w.eventually("told", || w.events().contains("dealer.cut"));
    assert!(w.cli(&["dealer", "list"]).contains("cut: too many faults"));
    // A restart keeps to it.
    w.stop();
    w.start();
    assert!(dealer.seen.recv_timeout(Duration::from_secs(2)).is_err(), "dialled all the same");
    let listed = crate::admin::good(&crate::admin::get(&w, "/v1/dealers"));
    assert!(listed["dealers"][0]["cut"].as_str().unwrap().contains("execution.stray"), "{listed}");
    let resume = format!("/v1/dealers/{name}/resume");
    crate::admin::good(&crate::admin::post(&w, &resume, "{}"));
    assert_eq!(dealer.next(), Seen::LoggedOn);
    crate::admin::refused(
        &crate::admin::post(&w, "/v1/dealers/NOBODY/resume", "{}"),
        404,
        "dealer.unknown",
    );
    // It goes on as before, and is cut again; the other way of resuming it.
    assert_eq!(dealer.next(), Seen::Ended);
    w.eventually("cut again", || w.cli(&["dealer", "list"]).contains("cut: "));
    assert!(w.cli(&["dealer", "resume", &name]).contains("resumed"));
    assert_eq!(dealer.next(), Seen::LoggedOn);
    assert!(w.cli_fails(&["dealer", "resume", "NOBODY"]).contains("dealer.unknown"));
    w.eventually("who resumed it", || {
        let events = w.events();
        let by =
            |who: &str| events.lines().any(|l| l.contains("dealer.resumed") && l.contains(who));
        by("admin sylvia") && by("@")
    });
}

//! A dealer made by hand: it quotes what it is told, fills every accept, and remembers each message
//! that reached it.

use super::raw::{Raw, in_ms};
use signet_devca::{DevPki, Order};
use signet_fix::tagvalue::format_utc;
use signet_identity::ServerProfile;
use signet_practice::GATEWAY;
use std::{
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::{TlsAcceptor, TlsStream};

pub const WATCHER: &str = "WATCHER";

/// Messages that reached the dealer, with `|` for SOH.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    /// The requests that reached it, in order, whole.
    pub fn requests(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|f| field(f, "35") == "R").cloned().collect()
    }

    /// The requests and accepts that reached it, in order: `R #1` is the first RFQ, `AJ #1:~1` its
    /// first accept. What the gateway calls an RFQ says nothing of the desk that asks.
    pub fn business(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Vec::new();
        let mut said = Vec::new();
        for f in all.iter() {
            let (kind, id) = match field(f, "35") {
                "R" => ("R", field(f, "131")),
                "AJ" if field(f, "694") == "1" => ("AJ", field(f, "11")),
                _ => continue,
            };
            let name = id.split(':').next().unwrap_or_default();
            assert!(signet_router::is_name(name), "{f}");
            if kind == "R" {
                assert!(!names.contains(&name), "asked twice under one name: {f}");
                names.push(name);
            }
            let number = names.iter().position(|n| *n == name).expect("an RFQ it was asked in");
            said.push(format!("{kind} #{}{}", number + 1, &id[name.len()..]));
        }
        said
    }
}

/// A place to listen, before there is a venue to know it.
pub struct Place(StdListener);

impl Place {
    pub fn new() -> Self {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Answers the gateway whenever it dials.
    pub fn serve(self, runtime: &Runtime, pki: &DevPki, price: &'static str) -> Heard {
        let key = pki.issue(&Order::dealer(WATCHER)).unwrap().certified_key().unwrap();
        let tls = TlsAcceptor::from(
            ServerProfile::new(pki.gateway_roots().unwrap(), key).config().unwrap(),
        );
        let heard = Heard::default();
        let ears = heard.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(self.0).unwrap();
            let mut seq = 1;
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                let Ok(stream) = tls.accept(tcp).await else { continue };
                let mut raw = Raw::over(TlsStream::Server(stream), WATCHER, GATEWAY);
                raw.seq = seq;
                session(&mut raw, &ears, price).await;
                seq = raw.seq;
            }
        });
        heard
    }
}

pub fn field<'a>(frame: &'a str, tag: &str) -> &'a str {
    frame
        .split('|')
        .find_map(|f| f.strip_prefix(tag).and_then(|f| f.strip_prefix('=')))
        .unwrap_or("")
}

async fn session(raw: &mut Raw, heard: &Heard, price: &str) {
    while let Some(f) = raw.next().await {
        heard.0.lock().unwrap_or_else(PoisonError::into_inner).push(f.clone());
        let (id, symbol, quantity, at) =
            (field(&f, "11"), field(&f, "55"), field(&f, "38"), format_utc(in_ms(0)));
        match field(&f, "35") {
            "A" => raw.says("35=A|98=0|108=60|").await,
            "1" => raw.says(&format!("35=0|112={}|", field(&f, "112"))).await,
            "R" => {
                let (rfq, until) = (field(&f, "131"), format_utc(in_ms(60_000)));
                raw.says(&format!(
                    "35=S|131={rfq}|117=W-{rfq}|537=1|55={symbol}|132={price}|133={price}|134={quantity}|135={quantity}|62={until}|60={at}|"
                ))
                .await;
            }
            "AJ" if field(&f, "694") == "1" => {
                let (side, price) = (field(&f, "54"), field(&f, "44"));
                raw.says(&format!(
                    "35=8|37=O-{id}|11={id}|17=E-{id}|150=F|39=2|55={symbol}|54={side}|32={quantity}|31={price}|151=0|14={quantity}|6={price}|60={at}|"
                ))
                .await;
            }
            "5" => {
                raw.says("35=5|").await;
                return;
            }
            _ => {}
        }
    }
}

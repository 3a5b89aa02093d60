//! A FIXS venue written by hand: it answers what it must, and keeps every byte it heard.

use crate::support::raw::{Raw, in_ms};
use signet_fix::tagvalue::format_utc;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_rustls::{TlsAcceptor, TlsStream, rustls::ServerConfig};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Script {
    /// Quotes and fills.
    Fills,
    /// Hangs up when it gets an accept, which it fills; whoever asks later is told.
    HangsUpOnAccepts,
    /// Sends what only a gateway sends, before its quotes.
    PlaysGateway,
}

pub(crate) struct Plain {
    pub(crate) address: SocketAddr,
    frames: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Plain {
    pub(crate) fn start(
        tls: Arc<ServerConfig>,
        me: &'static str,
        you: &'static str,
        script: Script,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let frames = Arc::new(Mutex::new(vec![]));
        let (stop, stopped) = oneshot::channel();
        let heard = frames.clone();
        let thread = std::thread::spawn(move || {
            let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            rt.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let acceptor = TlsAcceptor::from(tls);
                let serve = async {
                    let mut seq = 1;
                    loop {
                        let Ok((tcp, _)) = listener.accept().await else { continue };
                        let Ok(stream) = acceptor.accept(tcp).await else { continue };
                        let mut raw = Raw::over(TlsStream::Server(stream), me, you);
                        raw.seq = seq;
                        session(&mut raw, script, &heard).await;
                        seq = raw.seq;
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, frames, stop: Some(stop), thread: Some(thread) }
    }

    /// Everything the desk has said, with `|` for SOH.
    pub(crate) fn frames(&self) -> Vec<String> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn hears(&self, what: &str, is: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !self.frames().iter().any(|f| is(f)) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "never heard {what}: {:#?}",
                self.frames()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

fn field<'a>(frame: &'a str, tag: &str) -> &'a str {
    frame
        .split('|')
        .find_map(|f| f.strip_prefix(tag).and_then(|f| f.strip_prefix('=')))
        .unwrap_or("")
}

/// One connection, until somebody hangs up.
async fn session(raw: &mut Raw, script: Script, heard: &Mutex<Vec<String>>) {
    while let Some(frame) = raw.next().await {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(frame.clone());
        let (id, quantity) = (field(&frame, "11"), field(&frame, "38"));
        match field(&frame, "35") {
            "A" => raw.says("35=A|98=0|108=5|").await,
            "1" => raw.says(&format!("35=0|112={}|", field(&frame, "112"))).await,
            "R" => {
                if script == Script::PlaysGateway {
                    raw.says("35=U1|20002=Other|20001=Y|20003=0|60=20260101-00:00:00.000|").await;
                    raw.says("35=U7|20111=0|20112=N|20113=N|20114=N|20115=0|20116=Y|").await;
                    raw.says("35=U2|20020=1|").await;
                }
                if !field(&frame, "555").is_empty() {
                    raw.says(&package_quote(&frame)).await;
                    continue;
                }
                let (rfq, valid) = (field(&frame, "131"), format_utc(in_ms(60_000)));
                let quote = format!(
                    "35=S|131={rfq}|117=Q-{rfq}|55={}|133=99.125|135=50000000|62={valid}|",
                    field(&frame, "55")
                );
                raw.says(&quote).await;
            }
            "AJ" if field(&frame, "694") == "1" => {
                if script == Script::HangsUpOnAccepts {
                    return;
                }
                let report = match field(&frame, "555") {
                    "" => report(id, "F", field(&frame, "55"), quantity),
                    _ => package_report(&frame),
                };
                raw.says(&report).await;
            }
            "H" => raw.says(&report(id, "I", field(&frame, "55"), "5000000")).await,
            "5" => {
                raw.says("35=5|").await;
                return;
            }
            _ => {}
        }
    }
}

/// The legs of a frame as they came, each with more fields at its end.
fn legs(frame: &str, more: &str) -> String {
    let of_leg = ["600", "602", "603", "624", "687", "588", "623"];
    let mut out = format!("555={}|", field(frame, "555"));
    let mut first = true;
    for (tag, value) in frame.split('|').filter_map(|f| f.split_once('=')) {
        if !of_leg.contains(&tag) {
            continue;
        }
        if tag == "600" && !std::mem::replace(&mut first, false) {
            out += more;
        }
        out += &format!("{tag}={value}|");
    }
    out + more
}

/// Each leg of a spread at 99 bid and 100 offered: bought for 100 - 99.
fn package_quote(r: &str) -> String {
    let (rfq, valid) = (field(r, "131"), format_utc(in_ms(60_000)));
    format!(
        "35=S|131={rfq}|117=Q-{rfq}|55=[N/A]|167=MLEG|{}133=1|135={}|62={valid}|",
        legs(r, "681=99|684=100|"),
        field(r, "38")
    )
}

fn package_report(aj: &str) -> String {
    let (id, quantity) = (field(aj, "11"), field(aj, "38"));
    // The first is bought at the offer, the second sold at the bid.
    let done = legs(aj, "637=?|").replacen("637=?", "637=100", 1).replacen("637=?", "637=99", 1);
    format!(
        "35=8|37=O-{id}|11={id}|17=E-{id}|150=F|39=2|55=[N/A]|54=1|{done}32={quantity}|31=1|151=0|14={quantity}|6=1|60={}|",
        format_utc(in_ms(0))
    )
}

fn report(id: &str, exec_type: &str, symbol: &str, quantity: &str) -> String {
    format!(
        "35=8|37=O-{id}|11={id}|17=E-{id}|150={exec_type}|39=2|55={symbol}|54=1|32={quantity}|31=99.125|151=0|14={quantity}|6=99.125|60={}|",
        format_utc(in_ms(0))
    )
}

//! A FIXS venue written by hand: it answers what it must, and keeps every byte it heard.

use crate::raw::{Raw, in_ms};
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
                began.elapsed() < Duration::from_secs(20),
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
                raw.says(&report(id, "F", field(&frame, "55"), quantity)).await;
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

fn report(id: &str, exec_type: &str, symbol: &str, quantity: &str) -> String {
    format!(
        "35=8|37=O-{id}|11={id}|17=E-{id}|150={exec_type}|39=2|55={symbol}|54=1|32={quantity}|31=99.125|151=0|14={quantity}|6=99.125|60={}|",
        format_utc(in_ms(0))
    )
}

//! A network between a desk and its gateway that can go silent or reset, as a laptop's does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What becomes of the connections that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Carried,
    /// Nothing arrives at either end, and neither end is told.
    Silent,
    Reset,
}

/// A relay to the gateway.
pub struct Network {
    pub port: u16,
    now: Mutex<watch::Sender<Fate>>,
    state: Arc<Mutex<watch::Receiver<Fate>>>,
    portal: Arc<AtomicBool>,
}

impl Network {
    pub fn to(runtime: &tokio::runtime::Runtime, gateway: SocketAddr) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (now, fate) = watch::channel(Fate::Carried);
        let state = Arc::new(Mutex::new(fate));
        let fates = state.clone();
        let portal = Arc::<AtomicBool>::default();
        let signs_in = portal.clone();
        runtime.spawn(async move {
            while let Ok((mut desk, _)) = listener.accept().await {
                if signs_in.load(Ordering::Relaxed) {
                    let page = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n";
                    let _ = desk.write_all(page.as_bytes()).await;
                    let _ = desk.shutdown().await;
                    continue;
                }
                let fate = fates.lock().unwrap().clone();
                tokio::spawn(carry(desk, gateway, fate));
            }
        });
        Self { port, now: Mutex::new(now), state, portal }
    }

    /// A page on the web that answers 204, or that the portal answers for; its port.
    pub fn page(&self, runtime: &tokio::runtime::Runtime) -> u16 {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let signs_in = self.portal.clone();
        runtime.spawn(async move {
            while let Ok((mut desk, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match desk.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => break,
                    }
                }
                let answer = match signs_in.load(Ordering::Relaxed) {
                    true => "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
                    false => "HTTP/1.1 204 No Content\r\n\r\n",
                };
                let _ = desk.write_all(answer.as_bytes()).await;
                let _ = desk.shutdown().await;
            }
        });
        port
    }

    /// A captive portal answers in the gateway's place, or does no longer; nothing else changes.
    pub fn is_portal(&self, portal: bool) {
        self.portal.store(portal, Ordering::Relaxed);
    }

    /// What is open goes silent; what is opened from now on is carried.
    pub fn moves(&self) {
        self.open_ones(Fate::Silent);
    }

    /// What is open is reset; what is opened from now on is carried.
    pub fn resets(&self) {
        self.open_ones(Fate::Reset);
    }

    fn open_ones(&self, fate: Fate) {
        let (next, state) = watch::channel(Fate::Carried);
        *self.state.lock().unwrap() = state;
        let before = std::mem::replace(&mut *self.now.lock().unwrap(), next);
        before.send_replace(fate);
        // Silent ones stay open for as long as the test runs.
        std::mem::forget(before);
    }
}

async fn carry(desk: TcpStream, gateway: SocketAddr, mut fate: watch::Receiver<Fate>) {
    let Ok(gateway) = TcpStream::connect(gateway).await else { return };
    let (mut from_desk, mut to_desk) = desk.into_split();
    let (mut from_gateway, mut to_gateway) = gateway.into_split();
    let mut other = fate.clone();
    let up = copy(&mut from_desk, &mut to_gateway, &mut fate);
    let down = copy(&mut from_gateway, &mut to_desk, &mut other);
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    fate: &mut watch::Receiver<Fate>,
) {
    let mut buffer = [0; 4_096];
    loop {
        let now = *fate.borrow_and_update();
        match now {
            Fate::Reset => return,
            Fate::Silent => {
                let _ = fate.changed().await;
            }
            Fate::Carried => tokio::select! {
                _ = fate.changed() => {}
                n = from.read(&mut buffer) => match n {
                    Ok(n) if n > 0 && to.write_all(&buffer[..n]).await.is_ok() => {}
                    _ => return,
                },
            },
        }
    }
}

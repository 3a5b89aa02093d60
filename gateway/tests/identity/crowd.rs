//! Many connections at once, at a gateway with few places: they wait their turn, and those that
//! stall hold up nobody else.

use crate::support::{Desk, World, runtime};
use std::{fs, net::SocketAddr};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    task::LocalSet,
};
use tokio_rustls::rustls::{ClientConnection, pki_types::ServerName};

const CROWD: usize = 40;
const FEW: &str = "[limits]\nadmission_places = 8\nadmission_places_per_address = 2\n\
    admission_places_per_network = 3\n";

fn world() -> World {
    let mut w = World::with("sqlite:registry.db", FEW);
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w
}

/// An office behind one address, over TCP and over QUIC. A connection that cannot be made panics.
#[test]
fn a_crowd_behind_one_address_waits_its_turn() {
    let w = std::rc::Rc::new(world());
    runtime().block_on(LocalSet::new().run_until(async {
        let mut all = tokio::task::JoinSet::new();
        for n in 0..CROWD {
            let w = w.clone();
            all.spawn_local(async move {
                match n % 2 {
                    0 => drop(Desk::connect(&w, "laptop", "ALICE").await),
                    _ => drop(Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await),
                }
            });
        }
        all.join_all().await;
        Desk::logged_on(&w, "laptop", "ALICE", 1).await;
    }));
}

async fn from_another_address(w: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    socket.connect(w.gateway.as_ref().unwrap().address()).await.unwrap()
}

/// Whoever opens connections and says nothing, half a Client Hello, or a whole one and no more.
#[test]
fn connections_that_stall_do_not_keep_a_desk_out() {
    let w = world();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Desk::profile(&w, "laptop"), name).unwrap();
    let mut hello = vec![];
    tls.write_tls(&mut hello).unwrap();
    runtime().block_on(async {
        for said in [&[][..], &hello[..hello.len() / 2], &hello[..]] {
            let mut stalled = vec![];
            for _ in 0..CROWD {
                let mut tcp = from_another_address(&w).await;
                tcp.write_all(said).await.unwrap();
                stalled.push(tcp);
            }
            Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        }
    });
}

#[test]
fn when_all_connections_are_taken_a_desk_may_still_replace_its_own() {
    let mut w = World::new();
    let listens = "listen = \"127.0.0.1:0\"\ntrust";
    let one = w.text("gateway.toml").replacen(
        listens,
        "listen = \"127.0.0.1:0\"\nmax_connections = 1\ntrust",
        1,
    );
    assert!(one.contains("max_connections = 1"));
    fs::write(&w.config, one).unwrap();
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.enrolled("bob", "BOB", "phone");
    runtime().block_on(async {
        let mut first = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let mut other = Desk::connect(&w, "phone", "BOB").await;
        assert_eq!(other.tries(1).await, None, "there is room for one");
        let mut again = Desk::logged_on(&w, "laptop", "ALICE", 10).await;
        first.until_cut().await;
        let mut third = Desk::logged_on(&w, "laptop", "ALICE", 20).await;
        again.until_cut().await;
        assert_eq!(other_refused(&w).await, None);
        third.says("35=1|112=STILL|").await;
        while !third.next().await.expect("it is on").contains("112=STILL|") {}
    });
}

async fn other_refused(w: &World) -> Option<String> {
    Desk::connect(w, "phone", "BOB").await.tries(1).await
}

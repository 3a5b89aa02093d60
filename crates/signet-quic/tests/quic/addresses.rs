//! What a change of address means: proof, judgement, and what is never handed up.

use crate::{
    SOON,
    support::{NAME, Pair, Pki, Relay, bind, connect, endpoint, run},
};
use signet_quic::{
    client::{self, ClientStream, ConnectError},
    server::ServerStream,
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::timeout,
};

/// Long enough for whatever would be handed up wrongly.
const A_WHILE: Duration = Duration::from_millis(300);

async fn says(client: &mut ClientStream, text: &str) {
    client.write_all(text.as_bytes()).await.unwrap();
}

async fn hears(server: &mut ServerStream) -> io::Result<String> {
    let mut buf = [0; 64];
    let n = timeout(SOON, server.read(&mut buf)).await.expect("something is read")?;
    Ok(String::from_utf8_lossy(&buf[..n]).into_owned())
}

async fn hears_nothing(server: &mut ServerStream) {
    let mut buf = [0; 64];
    let read = timeout(A_WHILE, server.read(&mut buf)).await;
    assert!(read.is_err(), "{read:?}");
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_rebind_is_proved_and_judged_before_anything_is_read() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let Pair { mut client, rebinder, mut server, moves, exporters } =
            connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");

        rebinder.rebind(bind("127.0.0.2:0")).unwrap();
        says(&mut client, "two").await;
        timeout(SOON, moves.claimed()).await.unwrap();
        hears_nothing(&mut server).await;
        let now_at = rebinder.local_addr().unwrap();
        moves.judge(|m| {
            assert_eq!((m.from, m.to), (ip("127.0.0.1"), now_at));
            true
        });
        assert_eq!(hears(&mut server).await.unwrap(), "two");
        // The other way was never closed.
        server.write_all(b"ok").await.unwrap();
        let mut ok = [0; 2];
        client.read_exact(&mut ok).await.unwrap();
        assert_eq!(exporters[0], exporters[1]);
    });
}

/// The timer of the old path fires in the turn in which the move is seen: what was lost there is
/// sent over the new path, and the connection goes on.
#[test]
fn a_move_while_an_answer_is_lost_costs_nothing() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let (lose, lost) = oneshot::channel();
        let (deaf, is_deaf) = oneshot::channel();
        let (go, going) = oneshot::channel();
        let tls = pki.client();
        // In a thread of its own it sends while this one stands still.
        let laptop = std::thread::spawn(move || {
            run(async move {
                let relay = Relay::new(at).await;
                let made = client::connect(bind("127.0.0.1:0"), relay.front, NAME, &tls).await;
                let mut client = made.unwrap().into_stream();
                says(&mut client, "one").await;
                lost.await.unwrap();
                relay.deafen(0, true);
                deaf.send(()).unwrap();
                going.await.unwrap();
                let hotel = relay.add("127.0.0.2:0", false).await;
                relay.go(hotel);
                says(&mut client, "two").await;
                let mut answer = [0; 6];
                timeout(SOON, client.read_exact(&mut answer)).await.unwrap().unwrap();
                assert_eq!(&answer, b"answer");
            });
        });
        let on = e.accept().await.accept().unwrap().established().await.unwrap();
        let (mut server, moves) = on.into_parts();
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        tokio::time::sleep(A_WHILE).await;
        lose.send(()).unwrap();
        is_deaf.await.unwrap();
        server.write_all(b"answer").await.unwrap();
        server.flush().await.unwrap();
        // The endpoint's task waits for the socket and the timer by then.
        tokio::time::sleep(Duration::from_millis(2)).await;
        go.send(()).unwrap();
        std::thread::sleep(A_WHILE);
        timeout(SOON, moves.claimed()).await.unwrap();
        moves.judge(|_| true);
        assert_eq!(hears(&mut server).await.unwrap(), "two");
        while !laptop.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        laptop.join().unwrap();
    });
}

/// Denied: nothing is read, and the last words still arrive.
#[test]
fn a_denied_address_hears_why() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let Pair { mut client, rebinder, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        rebinder.rebind(bind("127.0.0.2:0")).unwrap();
        says(&mut client, "two").await;
        timeout(SOON, moves.claimed()).await.unwrap();
        moves.judge(|_| false);
        hears_nothing(&mut server).await;
        server.write_all(b"Logout").await.unwrap();
        server.shutdown().await.unwrap();
        drop((server, moves));
        let mut all = String::new();
        timeout(SOON, client.read_to_string(&mut all)).await.unwrap().unwrap();
        assert_eq!(all, "Logout");
    });
}

/// Another port of the same address: the proof is made, nobody is asked.
#[test]
fn a_nat_that_gives_another_port_costs_nothing() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        let port = relay.add("127.0.0.1:0", false).await;
        relay.go(port);
        says(&mut client, "two").await;
        assert_eq!(hears(&mut server).await.unwrap(), "two");
        assert!(timeout(A_WHILE, moves.claimed()).await.is_err(), "nobody was asked");
    });
}

/// The same with a port to which nothing comes back: proof is wanted there as well.
#[test]
fn another_port_is_not_believed_without_a_proof() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves: _moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        let port = relay.add("127.0.0.1:0", true).await;
        relay.go(port);
        says(&mut client, "two").await;
        hears_nothing(&mut server).await;
        let end = hears(&mut server).await.unwrap_err();
        assert!(end.to_string().contains("not proved"), "{end}");
    });
}

/// Data from an address that receives nothing, then packets from the proved one again: QUIC takes
/// the data, and the gate never hands it up.
#[test]
fn data_from_a_forged_source_is_never_handed_up() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        let forged = relay.add("127.0.0.66:0", true).await;
        relay.go(forged);
        says(&mut client, "evil").await;
        hears_nothing(&mut server).await;
        relay.go(0);
        says(&mut client, "and on").await;
        let end = hears(&mut server).await.unwrap_err();
        assert!(end.to_string().contains("not proved"), "{end}");
        assert!(timeout(A_WHILE, moves.claimed()).await.is_err(), "nobody was asked");
        // The desk reads whose rule it was.
        let seen = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
        let Some(ConnectError::Closed { number: 1, reason }) = ConnectError::of_stream(&seen)
        else {
            panic!("{seen:?}")
        };
        assert_eq!(reason, "address.unproved");
    });
}

/// What a dead path holds fills the send window; the proof does not wait for it.
#[test]
fn a_full_send_window_does_not_hold_up_the_proof() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        relay.deafen(0, true);
        let block = [b'x'; 8 * 1024];
        let mut sent = 0;
        while let Ok(n) = timeout(A_WHILE, server.write(&block)).await {
            sent += n.unwrap();
        }
        // Long enough for the time between probes to grow.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let hotel = relay.add("127.0.0.2:0", false).await;
        relay.go(hotel);
        says(&mut client, "two").await;
        timeout(SOON, moves.claimed()).await.unwrap();
        moves.judge(|_| true);
        assert_eq!(hears(&mut server).await.unwrap(), "two");
        let mut all = vec![0; sent];
        timeout(SOON, client.read_exact(&mut all)).await.unwrap().unwrap();
        assert!(all.iter().all(|b| *b == b'x') && sent >= 64 * 1024, "{sent}");
    });
}

/// Somebody on the way who repeats or alters packets from another source moves nothing and stops
/// nothing, however often.
#[test]
fn what_is_not_authentic_and_new_claims_no_address() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        // Not even a proof is asked for: what cannot be answered now is not needed.
        relay.deafen(0, true);
        relay.replay("127.0.0.99:0", |b| *b.last_mut().unwrap() ^= 1).await;
        tokio::time::sleep(A_WHILE).await;
        says(&mut client, "deaf").await;
        assert_eq!(hears(&mut server).await.unwrap(), "deaf");
        relay.deafen(0, false);
        for n in 0..20 {
            says(&mut client, "word").await;
            assert_eq!(hears(&mut server).await.unwrap(), "word");
            let source = format!("127.0.0.{}:0", 100 + n);
            relay.replay(&source, |_| {}).await;
            relay.replay(&source, |b| *b.last_mut().unwrap() ^= 1).await;
            relay.replay(&source, |b| b.truncate(30)).await;
        }
        assert!(timeout(A_WHILE, moves.claimed()).await.is_err(), "nobody was asked");
        says(&mut client, "on").await;
        assert_eq!(hears(&mut server).await.unwrap(), "on");
    });
}

/// An address that is proved and not judged, and one that the peer left before it was: a judgement
/// about an address that the peer has left does not count.
#[test]
fn a_judgement_counts_for_the_address_that_was_judged() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let relay = Relay::new(at).await;
        let Pair { mut client, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", relay.front).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        let hotel = relay.add("127.0.0.2:0", false).await;
        let phone = relay.add("127.0.0.3:0", false).await;
        relay.go(hotel);
        says(&mut client, "two").await;
        timeout(SOON, moves.claimed()).await.unwrap();
        relay.go(phone);
        says(&mut client, "three").await;
        let mut asked: Vec<SocketAddr> = Vec::new();
        // The claim of the phone replaces the one of the hotel, with a nonce of its own.
        while asked.last() != Some(&relay.source(phone)) {
            timeout(SOON, moves.claimed()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            moves.judge(|m| {
                asked.push(m.to);
                m.to == relay.source(phone)
            });
            assert!(!asked.contains(&relay.source(hotel)), "the claim of the hotel is void");
        }
        // What came from the hotel was never judged: the session starts over.
        let end = hears(&mut server).await.unwrap_err();
        assert!(end.to_string().contains("not proved"), "{end}");
    });
}

#[test]
fn flapping_is_bounded_and_does_not_end_the_session_at_the_proved_address() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let Pair { mut client, rebinder, mut server, moves, .. } =
            connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        says(&mut client, "one").await;
        assert_eq!(hears(&mut server).await.unwrap(), "one");
        let mut judged = 0;
        for n in 0..12 {
            rebinder.rebind(bind(&format!("127.0.0.{}:0", 10 + n))).unwrap();
            if timeout(A_WHILE, moves.claimed()).await.is_ok() {
                moves.judge(|_| true);
                judged += 1;
            }
        }
        // Five at once, and those that came back within these seconds.
        assert!((5..=7).contains(&judged), "{judged}");
        // When it stays somewhere, that address is heard as soon as the budget has a claim.
        says(&mut client, "two").await;
        let serve = async {
            loop {
                moves.claimed().await;
                moves.judge(|_| true);
            }
        };
        tokio::select! {
            heard = hears(&mut server) => assert_eq!(heard.unwrap(), "two"),
            () = serve => {}
        }
    });
}

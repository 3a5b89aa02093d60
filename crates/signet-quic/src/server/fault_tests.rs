//! A fault of the library ends the connection that it is about, and nothing else.

use crate::{
    client::ConnectError,
    support::{Pair, Pki, connect, endpoint, run},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

async fn both_say(pair: &mut Pair) {
    let mut buf = [0; 2];
    pair.client.write_all(b"hi").await.unwrap();
    timeout(SOON, pair.server.read_exact(&mut buf)).await.unwrap().unwrap();
    pair.server.write_all(b"ok").await.unwrap();
    timeout(SOON, pair.client.read_exact(&mut buf)).await.unwrap().unwrap();
    assert_eq!(&buf, b"ok");
}

/// In the endpoint's task, and in the call of its user.
#[test]
fn a_fault_of_the_library_ends_its_connection_only() {
    for within_a_call in [false, true] {
        run(async {
            let pki = Pki::new();
            let (e, at) = endpoint(&pki);
            let mut failing = connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
            let mut other = connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
            both_say(&mut failing).await;
            both_say(&mut other).await;
            // The first connection of the endpoint.
            e.shared.with(0, |c| c.fails_next = true);
            let Pair { mut client, mut server, moves, .. } = failing;
            if within_a_call {
                assert!(server.write_all(b"more").await.is_err());
            } else {
                tokio::task::yield_now().await;
            }
            let end = timeout(SOON, server.read_u8()).await.unwrap().unwrap_err();
            assert!(end.to_string().contains("the library failed"), "{end}");
            assert!(server.write_all(b"more").await.is_err());
            server.shutdown().await.unwrap();
            drop((server, moves));
            both_say(&mut other).await;
            // The endpoint does not know it, so its client is told by a reset, if it was not yet.
            let _ = client.write_all(b"still there?").await;
            let seen = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
            assert!(matches!(ConnectError::of_stream(&seen), Some(ConnectError::Reset)), "{seen}");
            assert_eq!(e.open_connections(), 1);
            let mut third = connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
            both_say(&mut third).await;
            both_say(&mut other).await;
        });
    }
}

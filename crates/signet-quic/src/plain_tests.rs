//! Both ends on a system that lacks the options of QUIC's sockets.

use crate::{
    support::{Pair, Pki, bind, connect, endpoint, run},
    udp::tests::{LACKS, NOT_SUPPORTED},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

/// Everything that a desk needs: the handshake, more than a window, a move, and the end.
#[test]
fn desks_come_in_trade_and_move_without_any_option() {
    run(async {
        LACKS.set(Some(NOT_SUPPORTED));
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let Pair { mut client, rebinder, mut server, moves, exporters } =
            connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        assert_eq!(exporters[0], exporters[1]);
        let text = vec![b'x'; 100_000];
        let mut got = vec![0; text.len()];
        let (sent, read) = tokio::join!(client.write_all(&text), server.read_exact(&mut got));
        assert!(sent.is_ok() && read.unwrap() == text.len() && got == text);

        rebinder.rebind(bind("127.0.0.2:0")).unwrap();
        client.write_all(b"moved").await.unwrap();
        timeout(SOON, moves.claimed()).await.unwrap();
        moves.judge(|_| true);
        let mut moved = [0; 5];
        timeout(SOON, server.read_exact(&mut moved)).await.unwrap().unwrap();
        assert_eq!(&moved, b"moved");

        server.write_all(&text).await.unwrap();
        server.shutdown().await.unwrap();
        drop((server, moves));
        let mut all = Vec::new();
        timeout(SOON, client.read_to_end(&mut all)).await.unwrap().unwrap();
        assert_eq!(all.len(), text.len());
        LACKS.set(None);
    });
}

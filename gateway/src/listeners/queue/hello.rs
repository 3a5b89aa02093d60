//! Whether a connection has said enough to be given a turn.

use std::time::Duration;
use tokio::net::TcpStream;

/// A Client Hello with X25519MLKEM768 has about 1,700 bytes. Of a longer one this much is enough.
const LOOK_BYTES: usize = 4_096;
const RECORD_HEADER: usize = 5;
const HANDSHAKE: u8 = 22;
/// How long the rest of a Client Hello is waited for before the next look, which doubles.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Whether these first bytes need an answer: a whole TLS record, or what is none. Half a record
/// does not, so it costs no turn.
fn has_spoken(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [HANDSHAKE, _, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            bytes.len() >= (RECORD_HEADER + length).min(LOOK_BYTES)
        }
        [HANDSHAKE, ..] => false,
        _ => true,
    }
}

/// Returns when the peer has said something that needs an answer, or has hung up. Takes nothing
/// out of the socket: what waits for its turn holds no memory of this process.
pub(super) async fn spoken(stream: &TcpStream) -> std::io::Result<()> {
    let mut again = LOOK_AGAIN;
    loop {
        let mut bytes = [0u8; LOOK_BYTES];
        let n = stream.peek(&mut bytes).await?;
        if n == 0 || has_spoken(&bytes[..n]) {
            return Ok(());
        }
        // The socket stays readable, so only time tells.
        tokio::time::sleep(again).await;
        again *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    fn record(length: u16, there: usize) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut bytes = vec![HANDSHAKE, 3, 1, high, low];
        bytes.resize(RECORD_HEADER + there, 1);
        bytes
    }

    #[test]
    fn a_whole_record_or_what_is_none_has_spoken() {
        for (bytes, want) in [
            (vec![], false),
            (vec![HANDSHAKE], false),
            (vec![HANDSHAKE, 3, 1, 0], false),
            (record(0, 0), true),
            (record(300, 0), false),
            (record(300, 299), false),
            (record(300, 300), true),
            (record(300, 400), true),
            (record(16_384, LOOK_BYTES - RECORD_HEADER - 1), false),
            (record(16_384, LOOK_BYTES - RECORD_HEADER), true),
            (record(u16::MAX, LOOK_BYTES - RECORD_HEADER), true),
            (b"GET / HTTP/1.1".to_vec(), true),
            (vec![0], true),
        ] {
            assert_eq!(has_spoken(&bytes), want, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_hello_in_two_parts_is_waited_for_and_stays_in_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let hello = record(1_000, 1_000);
        peer.write_all(&hello[..600]).await.unwrap();
        let early = tokio::time::timeout(LOOK_AGAIN * 8, spoken(&stream)).await;
        assert!(early.is_err(), "half a record was taken for a whole one");
        peer.write_all(&hello[600..]).await.unwrap();
        spoken(&stream).await.unwrap();
        let mut bytes = vec![0; 2_000];
        assert_eq!(stream.peek(&mut bytes).await.unwrap(), hello.len());
        drop(peer);
    }

    #[tokio::test]
    async fn one_that_hangs_up_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        drop(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let (stream, _) = listener.accept().await.unwrap();
        spoken(&stream).await.unwrap();
    }
}

//! Message signatures (tags 93/89) around an engine without them. Written from docs/protocol.md
//! without code of `signet-fix`, so that two readings of that page meet in the tests.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::{MessageKey, MessagePublicKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};

/// `93=88|89=` and 88 characters and `|`.
const SIGNATURE_FIELDS_BYTES: usize = 98;
const CHECKSUM_BYTES: usize = 7;
const BUFFER_BYTES: usize = 64 * 1024;
/// A peer that sends a longer message is not the gateway.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// What is done to messages on their way.
#[derive(Clone)]
pub(crate) struct Signing {
    /// Signs what leaves.
    pub(crate) ours: Option<MessageKey>,
    /// Signs another text than the message.
    pub(crate) badly: bool,
    /// Lets in what commits the gateway (R, AJ) only when this key signed it.
    pub(crate) theirs: Option<MessagePublicKey>,
}

/// What the engine gets in place of `stream`. The connection ends when either side does, and when
/// something comes that is not signed as it must be.
pub(crate) fn between<S>(stream: S, signing: Signing) -> DuplexStream
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (engine, ours) = duplex(BUFFER_BYTES);
    let signing = Arc::new(signing);
    tokio::spawn(async move {
        let (from_gateway, mut to_gateway) = split(stream);
        let (from_engine, mut to_engine) = split(ours);
        let inward = carry(from_gateway, &mut to_engine, |m| signing.inward(m));
        let outward = carry(from_engine, &mut to_gateway, |m| signing.outward(m));
        let ended = tokio::select! {
            ended = inward => ended,
            ended = outward => ended,
        };
        if let Err(why) = ended {
            tracing::warn!(%why, "the connection is ended");
        }
        // The peer may be gone already.
        let _ = to_gateway.shutdown().await;
    });
    engine
}

/// Carries whole messages until there are no more.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    change: impl Fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let mut waiting = Vec::new();
    let mut piece = vec![0; BUFFER_BYTES];
    loop {
        while let Some(end) = message_end(&waiting)? {
            let changed = change(&waiting[..end])?;
            to.write_all(&changed).await.map_err(|e| e.to_string())?;
            waiting.drain(..end);
        }
        to.flush().await.map_err(|e| e.to_string())?;
        match from.read(&mut piece).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(n) => waiting.extend_from_slice(&piece[..n]),
        }
    }
}

/// Where the first message ends, once it is there.
fn message_end(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut fields = bytes.split_inclusive(|b| *b == 1);
    let (Some(begin), Some(length)) = (fields.next(), fields.next()) else {
        return if bytes.len() > MESSAGE_BYTES_MAX { Err("not FIX".into()) } else { Ok(None) };
    };
    if !length.ends_with(&[1]) {
        return Ok(None);
    }
    let digits =
        length.strip_prefix(b"9=").and_then(|l| std::str::from_utf8(&l[..l.len() - 1]).ok());
    let body: usize = digits
        .and_then(|d| d.parse().ok())
        .filter(|n| *n <= MESSAGE_BYTES_MAX)
        .ok_or("not a BodyLength")?;
    let end = begin.len() + length.len() + body + CHECKSUM_BYTES;
    Ok((bytes.len() >= end).then_some(end))
}

fn message_type(message: &[u8]) -> &[u8] {
    message.split(|b| *b == 1).find_map(|f| f.strip_prefix(b"35=")).unwrap_or_default()
}

/// BeginString, and what stands between BodyLength and CheckSum.
fn begin_and_body(message: &[u8]) -> (&[u8], &[u8]) {
    let starts: Vec<usize> =
        message.iter().enumerate().filter(|(_, b)| **b == 1).map(|(i, _)| i + 1).take(2).collect();
    (&message[..starts[0]], &message[starts[1]..message.len() - CHECKSUM_BYTES])
}

fn with_checksum(mut message: Vec<u8>) -> Vec<u8> {
    let sum = message.iter().map(|b| u32::from(*b)).sum::<u32>() % 256;
    message.extend_from_slice(format!("10={sum:03}\u{1}").as_bytes());
    message
}

impl Signing {
    fn outward(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let session =
            matches!(message_type(message), b"0" | b"1" | b"2" | b"3" | b"4" | b"5" | b"A");
        let Some(key) = self.ours.as_ref().filter(|_| !session) else {
            return Ok(message.to_vec());
        };
        let (begin, body) = begin_and_body(message);
        let mut signed = begin.to_vec();
        signed.extend_from_slice(
            format!("9={}\u{1}", body.len() + SIGNATURE_FIELDS_BYTES).as_bytes(),
        );
        signed.extend_from_slice(body);
        let signature = if self.badly { key.sign(b"something else") } else { key.sign(&signed) };
        let signature = BASE64.encode(signature.map_err(|e| e.to_string())?);
        signed.extend_from_slice(format!("93=88\u{1}89={signature}\u{1}").as_bytes());
        Ok(with_checksum(signed))
    }

    fn inward(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let commits = matches!(message_type(message), b"R" | b"AJ");
        let Some(key) = self.theirs.as_ref().filter(|_| commits) else {
            return Ok(message.to_vec());
        };
        let end = message
            .len()
            .checked_sub(CHECKSUM_BYTES + SIGNATURE_FIELDS_BYTES)
            .ok_or("not signed")?;
        let (covered, fields) = message[..message.len() - CHECKSUM_BYTES].split_at(end);
        let text = fields
            .strip_prefix(b"93=88\x0189=")
            .and_then(|f| f.strip_suffix(b"\x01"))
            .ok_or("not signed")?;
        let signature: [u8; 64] =
            BASE64.decode(text).ok().and_then(|s| s.try_into().ok()).ok_or("no signature")?;
        if !key.is_good(covered, &signature) {
            return Err("the gateway's signature is not good".into());
        }
        // The engine is given the message it would have got without.
        let (begin, body) = begin_and_body(message);
        let body = &body[..body.len() - SIGNATURE_FIELDS_BYTES];
        let mut plain = begin.to_vec();
        plain.extend_from_slice(format!("9={}\u{1}", body.len()).as_bytes());
        plain.extend_from_slice(body);
        Ok(with_checksum(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use signet_devca::{DevPki, Order};
    use time::OffsetDateTime;

    fn pair() -> (MessageKey, MessagePublicKey) {
        let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        let key = pki.issue(&Order::gateway("SIGNET")).unwrap().certified_key().unwrap();
        (MessageKey::of(&key).unwrap(), MessagePublicKey::of_certificate(&key.cert[0]).unwrap())
    }

    fn request() -> Vec<u8> {
        let body = "35=R\u{1}49=SIGNET\u{1}56=NORTH\u{1}34=2\u{1}131=R1\u{1}";
        with_checksum(format!("8=FIX.4.4\u{1}9={}\u{1}{body}", body.len()).into_bytes())
    }

    #[test]
    fn what_one_end_signs_the_other_takes_and_nothing_else() {
        let (key, public) = pair();
        let ours = Signing { ours: Some(key.clone()), badly: false, theirs: None };
        let theirs = Signing { ours: None, badly: false, theirs: Some(public) };
        let signed = ours.outward(&request()).unwrap();
        assert_eq!(message_end(&signed), Ok(Some(signed.len())));
        assert_eq!(theirs.inward(&signed).unwrap(), request());
        let changed = String::from_utf8(signed).unwrap().replace("131=R1", "131=R2").into_bytes();
        let bad =
            Signing { ours: Some(key), badly: true, theirs: None }.outward(&request()).unwrap();
        for refused in [changed, bad, request()] {
            assert!(theirs.inward(&refused).is_err());
        }
        let logon = String::from_utf8(request()).unwrap().replace("35=R", "35=A").into_bytes();
        assert_eq!((ours.outward(&logon), theirs.inward(&logon)), (Ok(logon.clone()), Ok(logon)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), fix in any::<bool>()) {
            let mut all = if fix { b"8=FIX.4.4\x019=5\x01".to_vec() } else { vec![] };
            all.extend(bytes);
            if let Ok(Some(end)) = message_end(&all) { prop_assert!(end <= all.len()); }
        }
    }
}

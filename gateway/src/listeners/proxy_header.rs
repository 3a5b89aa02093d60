//! The address a load balancer saw: PROXY protocol version 2, from balancers that are named, and
//! from nobody else. (HAProxy's specification, section 2.2.)

use ppp::v2::{Addresses, Command, Header, Protocol};
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Signature, version, family, length.
const HEAD_LEN: usize = 16;
/// Addresses and additions of a header, bytes. What a balancer has to say fits; a stranger gets no
/// more.
const REST_LEN_MAX: usize = 536;

/// At fault: the balancer, or whoever sits in its network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    #[error("no PROXY protocol header: {0}")]
    Io(#[from] std::io::Error),
    #[error("the PROXY protocol header is not one of version 2: {0}")]
    Unreadable(String),
    #[error("the PROXY protocol header is longer than {REST_LEN_MAX} bytes")]
    TooLong,
    #[error("the balancer does not say an IP address over TCP")]
    NoAddress,
}

/// Reads exactly the header and returns the client that it names; TLS follows. `None`: the balancer
/// speaks for itself (LOCAL, a health check), which section 2.2 wants accepted. What comes over
/// such a connection has no address that anybody vouches for, so an access is scored as from an
/// unknown one.
pub async fn read_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<IpAddr>, ProxyError> {
    let mut bytes = vec![0u8; HEAD_LEN];
    stream.read_exact(&mut bytes).await?;
    if !bytes.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(ProxyError::Unreadable("it does not begin like one".into()));
    }
    let rest = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if rest > REST_LEN_MAX {
        return Err(ProxyError::TooLong);
    }
    bytes.resize(HEAD_LEN + rest, 0);
    stream.read_exact(&mut bytes[HEAD_LEN..]).await?;
    named(&bytes)
}

fn named(bytes: &[u8]) -> Result<Option<IpAddr>, ProxyError> {
    let header = Header::try_from(bytes).map_err(|e| ProxyError::Unreadable(e.to_string()))?;
    match (header.command, header.protocol, header.addresses) {
        (Command::Local, ..) => Ok(None),
        (_, Protocol::Stream, Addresses::IPv4(a)) => Ok(Some(IpAddr::V4(a.source_address))),
        (_, Protocol::Stream, Addresses::IPv6(a)) => Ok(Some(IpAddr::V6(a.source_address))),
        _ => Err(ProxyError::NoAddress),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the specification's text, not by the library.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut h = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        h.extend([0x20 | command, family]);
        h.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        h.extend(rest);
        h
    }

    async fn read(bytes: &[u8]) -> (Result<Option<IpAddr>, ProxyError>, usize) {
        let mut rest = bytes;
        let result = read_header(&mut rest).await;
        (result, rest.len())
    }

    #[tokio::test]
    async fn the_address_is_read_and_nothing_after_it() {
        let v4 = [198, 51, 100, 7, 192, 0, 2, 1, 0x1f, 0x90, 0x01, 0xbb];
        let mut v6 = [0u8; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 9;
        for (rest, family, want) in
            [(&v4[..], 0x11, "198.51.100.7"), (&v6[..], 0x21, "2001:db8::9")]
        {
            // With an addition (type 4, NOOP) and the first bytes of TLS behind.
            let bytes =
                [header(1, family, &[rest, &[4, 0, 1, 0]].concat()), vec![0x16, 3, 1]].concat();
            let (got, left) = read(&bytes).await;
            assert_eq!((got.unwrap().unwrap().to_string().as_str(), left), (want, 3));
        }
    }

    /// Section 2.2: LOCAL must be accepted, and whatever addresses come with it are skipped.
    #[tokio::test]
    async fn a_health_check_names_nobody_and_is_accepted() {
        for (family, rest) in
            [(0x00, &[][..]), (0x11, &[1; 12]), (0x21, &[1; 36]), (0x00, &[4, 0, 1, 0])]
        {
            let (got, left) = read(&[header(0, family, rest), vec![0x16, 3, 1]].concat()).await;
            assert_eq!((got.unwrap(), left), (None, 3), "{family:#x}");
        }
    }

    #[tokio::test]
    async fn whatever_else_comes_is_refused_with_a_reason() {
        let v4 = [1; 12];
        let cut = header(1, 0x11, &v4);
        let mut other_version = header(1, 0x11, &v4);
        other_version[12] = 0x11;
        for (bytes, want) in [
            (header(1, 0x00, &[]), "does not say an IP address"),
            (header(1, 0x12, &v4), "does not say an IP address"),
            (header(1, 0x31, &[0; 216]), "does not say an IP address"),
            (header(1, 0x11, &v4[..11]), "not one of version 2"),
            (header(1, 0x11, &[0; 537]), "longer than"),
            (other_version, "not one of version 2"),
            (cut[..20].to_vec(), "no PROXY protocol header"),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(), "does not begin like one"),
            (
                [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0; 40]].concat(),
                "does not begin like one",
            ),
        ] {
            let (got, _) = read(&bytes).await;
            let got = got.unwrap_err().to_string();
            assert!(got.contains(want), "{got} / {want}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(rest in proptest::collection::vec(any::<u8>(), 0..300), family in any::<u8>(), command in any::<u8>()) {
            let _ = named(&header(command & 0xf, family, &rest));
            let _ = named(&rest);
        }
    }
}

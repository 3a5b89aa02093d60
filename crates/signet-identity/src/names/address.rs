//! Where a server is: `host:port`, as settings and URLs write it.

use std::net::Ipv6Addr;

/// The longest name of a host (RFC 1035 §2.3.4), in characters.
const HOST_CHARS_MAX: usize = 253;

/// A text does not say where a server is. At fault: whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a host and a port.
    #[error("must be host:port")]
    Form,
    /// An IPv6 address whose last group could be the port.
    #[error("must have brackets around an IPv6 address, as in [2001:db8::1]:9443")]
    NoBrackets,
}

/// Host and port of `host:port`. Brackets stand around an IPv6 address (RFC 3986 §3.2.2), around
/// nothing else, and once; the host is returned without them.
///
/// # Errors
/// [`AddressError`].
pub fn host_and_port(text: &str) -> Result<(&str, u16), AddressError> {
    match host_and_optional_port(text)? {
        (host, Some(port)) => Ok((host, port)),
        (_, None) => Err(AddressError::Form),
    }
}

/// The same where the port may be left out, as between `//` and path of a URL. A user's name there
/// is refused: nothing would send it.
///
/// # Errors
/// [`AddressError`].
pub fn host_and_optional_port(text: &str) -> Result<(&str, Option<u16>), AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(AddressError::Form)?;
        host.parse::<Ipv6Addr>().map_err(|_| AddressError::Form)?;
        return match rest.strip_prefix(':') {
            Some(digits) => Ok((host, Some(port(digits)?))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(AddressError::Form),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((_, more)) if more.contains(':') => return Err(AddressError::NoBrackets),
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    if is_name(host) { Ok((host, port)) } else { Err(AddressError::Form) }
}

/// Whether this is the name or the address of a host, without brackets and without a port.
#[must_use]
pub fn is_host(text: &str) -> bool {
    is_name(text) || text.parse::<Ipv6Addr>().is_ok()
}

/// `host:port` as a URL and the Host of a request have it (RFC 9110 §7.2): brackets around an IPv6
/// address.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{host}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

/// A name, or an IPv4 address: what neither a URL nor an HTTP header reads as more than a host.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=HOST_CHARS_MAX).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|b| b.is_ascii_alphanumeric())
}

/// 1 to 65535, in digits alone: `+80` is a number to Rust and no port to others.
fn port(digits: &str) -> Result<u16, AddressError> {
    let port = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok());
    port.flatten().filter(|port| *port != 0).ok_or(AddressError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, SocketAddr};

    const FORM: AddressError = AddressError::Form;
    const BRACKETS: AddressError = AddressError::NoBrackets;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for host in ["gw.bank.example", "192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1"] {
            assert_eq!(host_and_port(&authority(host, 9443)), Ok((host, 9443)));
        }
    }

    #[test]
    fn table_of_addresses() {
        let long = format!("{}:1", "a".repeat(HOST_CHARS_MAX + 1));
        for (text, want) in [
            ("gw.bank.example:9443", Ok(("gw.bank.example", Some(9443)))),
            ("GW_1-a.bank.example.:1", Ok(("GW_1-a.bank.example.", Some(1)))),
            ("192.0.2.1:65535", Ok(("192.0.2.1", Some(65535)))),
            ("[2001:db8::1]:9443", Ok(("2001:db8::1", Some(9443)))),
            ("[::ffff:192.0.2.1]:1", Ok(("::ffff:192.0.2.1", Some(1)))),
            ("gw.bank.example", Ok(("gw.bank.example", None))),
            ("[::1]", Ok(("::1", None))),
            ("::1", Err(BRACKETS)),
            ("2001:db8::1", Err(BRACKETS)),
            ("2001:db8::1:9443", Err(BRACKETS)),
            ("2001:db8::1]:9443", Err(BRACKETS)),
            ("::1]", Err(BRACKETS)),
            ("[::1", Err(FORM)),
            ("[::1:9443", Err(FORM)),
            ("[[::1]", Err(FORM)),
            ("[[::1]:9443", Err(FORM)),
            ("[[::1]]:9443", Err(FORM)),
            ("[::1]]:9443", Err(FORM)),
            ("[::1]9443", Err(FORM)),
            ("[::1]:", Err(FORM)),
            ("[::1]:0", Err(FORM)),
            ("[::1].bank.example:9443", Err(FORM)),
            ("[gw.bank.example]:9443", Err(FORM)),
            ("[192.0.2.1]:9443", Err(FORM)),
            ("[fe80::1%eth0]:9443", Err(FORM)),
            ("[]:9443", Err(FORM)),
            ("gw]:9443", Err(FORM)),
            ("gw:", Err(FORM)),
            ("gw:0", Err(FORM)),
            ("gw:65536", Err(FORM)),
            ("gw:+1", Err(FORM)),
            ("gw: 1", Err(FORM)),
            ("gw:٣", Err(FORM)),
            (":9443", Err(FORM)),
            ("..:9443", Err(FORM)),
            ("", Err(FORM)),
            ("a b:1", Err(FORM)),
            ("gw\r\nX-Y:1", Err(FORM)),
            ("user@gw:1", Err(FORM)),
            ("user:password@gw", Err(FORM)),
            ("gw/path:1", Err(FORM)),
            ("bänk.example:1", Err(FORM)),
            (long.as_str(), Err(FORM)),
        ] {
            assert_eq!(host_and_optional_port(text), want, "{text:?}");
            let with_port = want.and_then(|(host, port)| Ok((host, port.ok_or(FORM)?)));
            assert_eq!(host_and_port(text), with_port, "{text:?}");
        }
    }

    #[test]
    fn a_host_has_neither_brackets_nor_a_port() {
        for host in ["gw.bank.example", "192.0.2.1", "::1", "2001:db8::1"] {
            assert!(is_host(host), "{host}");
        }
        for other in ["", "[::1]", "[::1", "gw:9443", "::1:::", "a b", "-", "gw/", "gw@gw"] {
            assert!(!is_host(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_socket_address_is_read_as_it_is_written(ip: [u8; 16], v4: bool, port: u16) {
            let host = match v4 {
                true => IpAddr::from([ip[0], ip[1], ip[2], ip[3]]),
                false => IpAddr::from(ip),
            };
            let text = SocketAddr::new(host, port).to_string();
            let host = host.to_string();
            let want = if port == 0 { Err(FORM) } else { Ok((host.as_str(), port)) };
            prop_assert_eq!(host_and_port(&text), want);
        }

        #[test]
        fn what_is_read_is_a_host_that_is_written_in_one_way(text in "[\\[\\]:.a1 @/]{0,12}") {
            if let Ok((host, port)) = host_and_port(&text) {
                prop_assert!(is_host(host), "{}", text);
                let again = match host.contains(':') {
                    true => format!("[{host}]:{port}"),
                    false => format!("{host}:{port}"),
                };
                prop_assert_eq!(host_and_port(&again), Ok((host, port)));
            }
        }
    }
}

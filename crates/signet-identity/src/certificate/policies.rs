//! Certificate policies (RFC 5280 §4.2.1.4): how an authority marks what kind of device it issued
//! to.

use x509_parser::certificate::X509Certificate;

/// The most policies read from one certificate; further ones are ignored.
const POLICIES_MAX: usize = 16;

/// The policies a certificate asserts, as dotted identifiers; none when the extension is absent or
/// cannot be read.
pub(super) fn of(certificate: &X509Certificate<'_>) -> Vec<String> {
    use x509_parser::extensions::ParsedExtension::CertificatePolicies;
    let extensions = certificate.extensions().iter().map(|e| e.parsed_extension());
    let policies = extensions
        .filter_map(|e| if let CertificatePolicies(p) = e { Some(p) } else { None })
        .flatten();
    policies.take(POLICIES_MAX).filter_map(|p| dotted(p.policy_id.as_bytes())).collect()
}

/// An object identifier's content in DER as text (X.690 §8.19). The parser's own text form takes
/// the first byte for the first two arcs, which is wrong above 2.47.
fn dotted(der: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut n = 0u64;
    for (i, b) in der.iter().enumerate() {
        n = n.checked_mul(128)?.checked_add(u64::from(b & 0x7f))?;
        let last = b & 0x80 == 0;
        if last {
            arcs.push(n);
            n = 0;
        } else if i + 1 == der.len() {
            return None;
        }
    }
    let (&joined, rest) = arcs.split_first()?;
    let first = (joined / 40).min(2);
    let all = [first, joined - 40 * first].into_iter().chain(rest.iter().copied());
    Some(all.map(|a| a.to_string()).collect::<Vec<_>>().join("."))
}

/// The DER content of a certificate policies extension (2.5.29.32) that asserts one policy, given
/// as a dotted object identifier. `None` when `oid` is not one, or has a number of 2^64 or more.
#[must_use]
pub fn policy_extension(oid: &str) -> Option<Vec<u8>> {
    let arcs = oid.split('.').map(|a| a.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()?;
    let (&[first, second], rest) = arcs.split_first_chunk()?;
    if first > 2 || (first < 2 && second > 39) || rest.len() > 20 {
        return None;
    }
    let mut body = Vec::new();
    base128(&mut body, first.checked_mul(40)?.checked_add(second)?);
    rest.iter().for_each(|arc| base128(&mut body, *arc));
    wrap(0x30, &wrap(0x30, &wrap(0x06, &body)?)?)
}

/// Seven bits a byte, most significant first, all but the last marked.
fn base128(out: &mut Vec<u8>, n: u64) {
    let groups = (64 - n.leading_zeros()).div_ceil(7).max(1);
    for g in (0..groups).rev() {
        let bits = u8::try_from((n >> (7 * g)) & 0x7f).unwrap_or_default();
        out.push(if g > 0 { bits | 0x80 } else { bits });
    }
}

/// Tag, short length, content.
fn wrap(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let len = u8::try_from(content.len()).ok().filter(|l| *l < 0x80)?;
    Some([&[tag, len], content].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_policy_in_der() {
        // `openssl asn1parse -genconf` of SEQUENCE { SEQUENCE { OID 1.3.6.1.4.1.311.20 } }.
        let want =
            [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14];
        assert_eq!(policy_extension("1.3.6.1.4.1.311.20").unwrap(), want);
        for bad in ["", "1", "1.x", "3.1", "1.40", "1..2", "1.-2", "1.2.18446744073709551616"] {
            assert_eq!(policy_extension(bad), None, "{bad}");
        }
        for oid in ["1.3.6.1.4.1.311.20", "2.5.29.32", "2.999.1", "0.9.2342", "2.47.0", "2.48"] {
            assert_eq!(dotted(&policy_extension(oid).unwrap()[6..]).as_deref(), Some(oid));
        }
        assert_eq!((dotted(&[0x2b, 0x86]), dotted(&[])), (None, None));
        assert_eq!(dotted(&[0xff; 12]), None);
        assert!(
            policy_extension("2.999.1").is_some()
                && policy_extension("2.999.18446744073709551615").is_some()
        );
    }
}

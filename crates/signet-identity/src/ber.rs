//! Converts BER to DER (ITU-T X.690), for the wrappers of PKCS#7 messages from other programs.
//!
//! RFC 5652 §2 lets a sender encode a CMS message in BER; some authorities do. Indefinite lengths,
//! long forms of short lengths and octet strings in pieces become their DER forms. The
//! signed parts inside, the certificates, are DER already and do not change.

/// Nesting of a PKCS#7 message with certificates is about fifteen deep.
const DEPTH_MAX: usize = 32;
const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// The one value in `ber`, in DER; `None` when it is incomplete or followed by other bytes.
#[must_use]
pub fn to_der(ber: &[u8]) -> Option<Vec<u8>> {
    let (der, rest) = value(ber, 0)?;
    rest.is_empty().then_some(der)
}

fn value(ber: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (tag, rest) = tag(ber)?;
    let (length, rest) = length(rest)?;
    let is_constructed = tag.first()? & CONSTRUCTED != 0;
    let (content, rest) = match (length, is_constructed) {
        (Some(n), false) => (rest.get(..n)?.to_vec(), rest.get(n..)?),
        (Some(n), true) => (values(rest.get(..n)?, depth)?.0, rest.get(n..)?),
        (None, true) => until_end(rest, depth)?,
        (None, false) => return None,
    };
    // An octet string in pieces is its pieces, one after the other (X.690 §8.7.3).
    if tag == [OCTET_STRING | CONSTRUCTED] {
        return Some((written(&[OCTET_STRING], &joined(&content)?), rest));
    }
    Some((written(tag, &content), rest))
}

/// All values in `ber`, in DER.
fn values(mut ber: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let mut all = Vec::new();
    while !ber.is_empty() {
        let (der, rest) = value(ber, depth + 1)?;
        all.extend(der);
        ber = rest;
    }
    Some((all, ber))
}

/// The values up to the end-of-contents octets (§8.1.5).
fn until_end(mut ber: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let mut all = Vec::new();
    while !ber.starts_with(&END_OF_CONTENTS) {
        let (der, rest) = value(ber, depth + 1)?;
        all.extend(der);
        ber = rest;
    }
    Some((all, ber.get(END_OF_CONTENTS.len()..)?))
}

/// The contents of octet strings that follow each other, which are DER by now.
fn joined(mut der: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !der.is_empty() {
        let rest = der.strip_prefix(&[OCTET_STRING])?;
        let (Some(n), rest) = length(rest)? else { return None };
        all.extend(rest.get(..n)?);
        der = rest.get(n..)?;
    }
    Some(all)
}

fn tag(ber: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = *ber.first()?;
    // Tag numbers above 30 use further octets (§8.1.2.4); PKCS#7 messages have no such tag. Tag 0
    // is that of the end-of-contents octets alone (§8.6), however its length is written.
    if first & 0x1f == 0x1f || first == 0 { None } else { ber.split_at_checked(1) }
}

/// `None` inside: the indefinite form.
fn length(ber: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let (first, rest) = ber.split_first()?;
    match *first {
        0x80 => Some((None, rest)),
        short if short < 0x80 => Some((Some(usize::from(short)), rest)),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let significant =
                &digits[digits.iter().position(|d| *d != 0).unwrap_or(digits.len())..];
            if significant.len() > 4 {
                return None;
            }
            let n = significant.iter().fold(0usize, |n, d| (n << 8) | usize::from(*d));
            Some((Some(n), rest))
        }
    }
}

fn written(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let mut out = tag.to_vec();
    if let Ok(short @ 0..0x80) = u8::try_from(n) {
        out.push(short);
    } else {
        let digits = n.to_be_bytes();
        let significant = &digits[digits.iter().position(|d| *d != 0).unwrap_or(digits.len())..];
        // Eight octets at most, so it fits beside the mark.
        out.push(0x80 | significant.len() as u8);
        out.extend(significant);
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_that_ber_has_and_der_has_not() {
        let cases: [(&[u8], &[u8]); 7] = [
            (&[0x30, 0x80, 0x02, 0x01, 0x05, 0, 0], &[0x30, 0x03, 0x02, 0x01, 0x05]),
            (&[0x30, 0x81, 0x03, 0x02, 0x01, 0x05], &[0x30, 0x03, 0x02, 0x01, 0x05]),
            (&[0x30, 0x84, 0, 0, 0, 0x03, 0x02, 0x01, 0x05], &[0x30, 0x03, 0x02, 0x01, 0x05]),
            (
                &[0x24, 0x80, 0x04, 0x01, 0x0a, 0x04, 0x02, 0x0b, 0x0c, 0, 0],
                &[0x04, 0x03, 0x0a, 0x0b, 0x0c],
            ),
            (
                &[0x24, 0x08, 0x24, 0x03, 0x04, 0x01, 0x0a, 0x04, 0x01, 0x0b],
                &[0x04, 0x02, 0x0a, 0x0b],
            ),
            (&[0xa0, 0x80, 0x30, 0x80, 0, 0, 0, 0], &[0xa0, 0x02, 0x30, 0x00]),
            (&[0x05, 0x00], &[0x05, 0x00]),
        ];
        for (ber, der) in cases {
            assert_eq!(to_der(ber).as_deref(), Some(der), "{ber:x?}");
            assert_eq!(to_der(der).as_deref(), Some(der), "DER stays as it is");
        }
    }

    #[test]
    fn what_is_not_one_whole_value_is_refused() {
        let deep = [[0x30, 0x80].repeat(40), [0, 0].repeat(40)].concat();
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x05, 0],
            &[0x04, 0x80, 0, 0],
            &[0, 0],
            &[0, 0x81, 0],
            &[0x30, 0x03, 0, 0x81, 0],
            &[0x05, 0, 0x05, 0],
            &deep,
            &[0x30, 0x85, 1, 1, 1, 1, 1],
        ] {
            assert_eq!(to_der(bad), None, "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_der_is_a_fixed_point(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(der) = to_der(&bytes) {
                prop_assert!(der.len() <= bytes.len() + 8);
                prop_assert_eq!(to_der(&der), Some(der));
            }
        }
    }
}

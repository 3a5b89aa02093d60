//! As much of CBOR (RFC 8949) as authenticators may send: definite lengths, no floats, no tags
//! (CTAP 2.1 §8). Written here so that evidence is judged without the library that made it.

/// CTAP 2.1 §8 allows four levels; attestation statements stay within them.
const DEPTH_MAX: usize = 6;
/// Members of one array or map.
const MEMBERS_MAX: u64 = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Int(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    Bool(bool),
    Null,
}

impl<'a> Value<'a> {
    /// A member of a map, by number.
    pub(crate) fn at(&self, key: i128) -> Option<&Value<'a>> {
        self.member(&Value::Int(key))
    }

    /// A member of a map, by name.
    pub(crate) fn named(&self, key: &str) -> Option<&Value<'a>> {
        self.member(&Value::Text(key))
    }

    fn member(&self, key: &Value<'_>) -> Option<&Value<'a>> {
        let Self::Map(members) = self else { return None };
        members.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub(crate) fn int(&self) -> Option<i128> {
        if let Self::Int(n) = self { Some(*n) } else { None }
    }

    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(b) = self { Some(b) } else { None }
    }
}

/// The first item and what follows it; `None` for anything malformed, too deep or too large, or a
/// map with a key twice.
pub(crate) fn read(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
    item(input, DEPTH_MAX)
}

/// Exactly one item.
pub(crate) fn read_all(input: &[u8]) -> Option<Value<'_>> {
    read(input).filter(|(_, rest)| rest.is_empty()).map(|(v, _)| v)
}

fn item(input: &[u8], depth: usize) -> Option<(Value<'_>, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let (first, rest) = input.split_first()?;
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        let simple = match info {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 => Value::Null,
            _ => return None,
        };
        return Some((simple, rest));
    }
    let (n, mut rest) = argument(info, rest)?;
    let value = match major {
        0 => Value::Int(n.into()),
        1 => Value::Int(-1 - i128::from(n)),
        2 | 3 => {
            let (bytes, after) = rest.split_at_checked(usize::try_from(n).ok()?)?;
            rest = after;
            if major == 2 {
                Value::Bytes(bytes)
            } else {
                Value::Text(std::str::from_utf8(bytes).ok()?)
            }
        }
        4 if n <= MEMBERS_MAX => {
            let mut all = Vec::new();
            for _ in 0..n {
                let (v, after) = item(rest, depth)?;
                all.push(v);
                rest = after;
            }
            Value::Array(all)
        }
        5 if n <= MEMBERS_MAX => {
            let mut all: Vec<(Value, Value)> = Vec::new();
            for _ in 0..n {
                let (k, after) = item(rest, depth)?;
                let (v, after) = item(after, depth)?;
                if all.iter().any(|(known, _)| *known == k) {
                    return None;
                }
                all.push((k, v));
                rest = after;
            }
            Value::Map(all)
        }
        _ => return None,
    };
    Some((value, rest))
}

fn argument(info: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let size = match info {
        0..=23 => return Some((info.into(), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(size)?;
    Some((bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 8949 appendix A, and what must not be read.
    #[test]
    fn table() {
        use Value::*;
        let good: &[(&[u8], Value)] = &[
            (b"\x00", Int(0)),
            (b"\x18\x64", Int(100)),
            (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", Int(18446744073709551615)),
            (b"\x39\x03\xe7", Int(-1000)),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Int(-18446744073709551616)),
            (b"\x44\x01\x02\x03\x04", Bytes(&[1, 2, 3, 4])),
            (b"\x62\xc3\xbc", Text("b\u{fc}".get(1..).unwrap())),
            (b"\x82\x01\xf5", Array(vec![Int(1), Bool(true)])),
            (b"\xa1\x61\x61\xf6", Map(vec![(Text("a"), Null)])),
        ];
        for (bytes, want) in good {
            assert_eq!(read_all(bytes).as_ref(), Some(want), "{bytes:02x?}");
        }
        let bad: &[(&str, &[u8])] = &[
            ("nothing", b""),
            ("cut off", b"\x44\x01"),
            ("longer than there is", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("indefinite", b"\x9f\x01\xff"),
            ("a float", b"\xf9\x00\x00"),
            ("a tag", b"\xc0\x00"),
            ("no UTF-8", b"\x61\xff"),
            ("a key twice", b"\xa2\x01\x01\x01\x02"),
            ("too many members", b"\x98\x41"),
            ("too deep", b"\x81\x81\x81\x81\x81\x81\x81\x00"),
            ("more than one", b"\x00\x00"),
        ];
        for (name, bytes) in bad {
            assert_eq!(read_all(bytes), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}

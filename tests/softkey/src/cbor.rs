//! Writing CBOR, as authenticators do.

fn head(major: u8, n: usize) -> Vec<u8> {
    let major = major << 5;
    match n {
        0..=23 => vec![major | n as u8],
        24..=0xff => vec![major | 24, n as u8],
        _ => vec![major | 25, (n >> 8) as u8, n as u8],
    }
}

pub fn int(n: i64) -> Vec<u8> {
    if n >= 0 { head(0, n as usize) } else { head(1, (-1 - n) as usize) }
}

pub fn bytes(b: &[u8]) -> Vec<u8> {
    [head(2, b.len()), b.to_vec()].concat()
}

pub fn text(t: &str) -> Vec<u8> {
    [head(3, t.len()), t.as_bytes().to_vec()].concat()
}

pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

pub fn map(members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let inside =
        members.iter().map(|(k, v)| [k.as_slice(), v.as_slice()].concat()).collect::<Vec<_>>();
    [head(5, members.len()), inside.concat()].concat()
}

//! The order of the addresses of one host, and how far apart attempts are (RFC 8305). Pure.

use std::net::SocketAddr;
use std::time::Duration;

/// RFC 8305 §8, Connection Attempt Delay.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The most addresses of one host that are tried, and as many that became known late; the name
/// server decides how many it returns.
pub(super) const ADDRESSES_MAX: usize = 16;

/// §4: the families in turn, beginning with the one the resolver put first (RFC 6724 orders them).
pub(super) fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = found.first() else { return found };
    let v6_first = first.is_ipv6();
    let (mut preferred, mut other): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|a| a.is_ipv6() == v6_first);
    preferred.reverse();
    other.reverse();
    let mut all = Vec::new();
    while all.len() < ADDRESSES_MAX
        && let Some(next) = preferred.pop().or_else(|| other.pop())
    {
        if !all.contains(&next) {
            all.push(next);
        }
        std::mem::swap(&mut preferred, &mut other);
        if preferred.is_empty() {
            std::mem::swap(&mut preferred, &mut other);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let all =
            |text: &[&str]| text.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let (a6, b6, c6) = ("[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1");
        let (a4, b4) = ("192.0.2.1:1", "192.0.2.2:1");
        for (found, tried) in [
            (vec![], vec![]),
            (vec![a6], vec![a6]),
            (vec![a6, b6, c6, a4, b4], vec![a6, a4, b6, b4, c6]),
            (vec![a4, b4, a6], vec![a4, a6, b4]),
            (vec![a4, a4, a6], vec![a4, a6]),
        ] {
            assert_eq!(in_turn(all(&found)), all(&tried), "{found:?}");
        }
        // So many that a comparison of each with each would not end.
        for many in [100, 1_000_000u32] {
            let many = (0..many).map(|n| SocketAddr::from((n.to_be_bytes(), 1))).collect();
            assert_eq!(in_turn(many).len(), ADDRESSES_MAX);
        }
    }
}

//! Network namespaces for tests. Included by path, beside `left_out`.

use super::left_out;
use std::process::Command;

const CURE: &str = "Install util-linux and iproute2, load the module tun where a TUN device is \
    made, and let users make namespaces (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu \
    kernel.apparmor_restrict_unprivileged_userns=0). SIGNET_WITHOUT_NAMESPACES=1 leaves these \
    tests out";

/// Whether these tests are to be run here: `ip` with the words of `proof` works as root of a
/// namespace of its own.
///
/// # Panics
/// When it does not, and nobody asked to leave the tests out.
pub(crate) fn namespaces_are_wanted(which: &str, proof: &str) -> bool {
    if left_out("SIGNET_WITHOUT_NAMESPACES", which) {
        return false;
    }
    let made = Command::new("unshare").args(["-rn", "ip"]).args(proof.split(' ')).output();
    let why = match made {
        Ok(out) if out.status.success() => return true,
        Ok(out) => String::from_utf8_lossy(&out.stderr).trim().to_owned(),
        Err(e) => format!("unshare cannot be started: {e}"),
    };
    panic!("in a network namespace of this machine `ip {proof}` fails: {why}. {CURE}");
}

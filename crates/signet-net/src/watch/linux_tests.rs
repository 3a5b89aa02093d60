//! Against the kernel, in network namespaces of our own.

#[path = "../../../../tests/needs/namespaces.rs"]
mod namespaces;
#[path = "../../../../tests/needs/left_out.rs"]
mod needs;

use super::*;
use namespaces::namespaces_are_wanted;
use needs::left_out;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What follows needs to be root in a network namespace of its own.
///
/// # Panics
/// When none can be made here, and nobody asked to leave these tests out.
fn in_a_namespace(test: &str) {
    if !namespaces_are_wanted(test, "link") {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let out = std::process::Command::new("unshare")
        .args(["-rn", "--"])
        .arg(program)
        .args(["--ignored", "--exact", &format!("watch::system::tests::{test}")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

fn ip(arguments: &str) {
    let status =
        std::process::Command::new("ip").args(arguments.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {arguments}");
}

/// Counts what is heard.
#[derive(Clone, Default)]
struct Heard(Arc<AtomicUsize>);

impl Heard {
    fn tell(&self) -> impl Fn() + Send + Sync + use<> {
        let heard = self.0.clone();
        move || {
            heard.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until more than `before` was heard.
    async fn beyond(&self, before: usize) -> bool {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.count() > before {
                return true;
            }
        }
        false
    }

    async fn hears(&self, change: &str) {
        // What belongs to the change before.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let before = self.count();
        ip(change);
        assert!(self.beyond(before).await, "{change}");
    }
}

fn block_on(what: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what);
}

#[test]
fn an_address_and_a_route_are_heard() {
    in_a_namespace("addresses_and_routes");
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn addresses_and_routes() {
    block_on(async {
        let heard = Heard::default();
        listen(heard.tell());
        for change in [
            "link set lo up",
            "link add name x0 type veth",
            "link set x0 up",
            "addr add 192.0.2.1/24 dev x0",
            "route add 198.51.100.0/24 dev x0",
            "route del 198.51.100.0/24 dev x0",
            "addr del 192.0.2.1/24 dev x0",
            "link del x0",
        ] {
            heard.hears(change).await;
        }
    });
}

#[test]
fn after_an_overrun_changes_are_still_heard() {
    in_a_namespace("an_overrun");
}

/// The smallest buffer that the kernel gives: a few messages fit.
fn open_small() -> io::Result<TokioSocket> {
    let socket = open()?;
    socket.socket_ref().set_rx_buf_sz(1i32)?;
    Ok(socket)
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn an_overrun() {
    block_on(async {
        let heard = Heard::default();
        let seen = open_small().unwrap();
        keep_listening(open_small, heard.tell());
        // This thread reads nothing meanwhile.
        ip("link set lo up");
        for n in 0..10 {
            ip(&format!("link add name x{n} type veth"));
        }
        let overrun = loop {
            let read = tokio::time::timeout(Duration::from_secs(5), seen.recv_from_full());
            if let Err(e) = read.await.expect("such a flood overruns a small buffer") {
                break e;
            }
        };
        assert_eq!(overrun.raw_os_error(), Some(OVERRUN), "{overrun}");
        assert!(heard.beyond(0).await);
        heard.hears("addr add 192.0.2.1/24 dev x0").await;
    });
}

#[test]
fn a_socket_that_fails_is_opened_again_and_counts_as_one_change() {
    in_a_namespace("a_failed_socket");
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn a_failed_socket() {
    block_on(async {
        let heard = Heard::default();
        let mut attempts = 0;
        let open = move || {
            attempts += 1;
            match attempts {
                1 | 2 => Err(io::ErrorKind::PermissionDenied.into()),
                _ => open(),
            }
        };
        keep_listening(open, heard.tell());
        assert!(heard.beyond(0).await, "what may have been missed");
        assert_eq!(heard.count(), 1);
        heard.hears("link set lo up").await;
    });
}

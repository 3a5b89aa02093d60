//! Linux: rtnetlink multicast groups (`rtnetlink(7)`).

use netlink_sys::{
    AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE,
};
use std::io;

/// Groups of `linux/rtnetlink.h`: links, IPv4 and IPv6 addresses, IPv4 and IPv6 routes.
const GROUPS: u32 =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
const RTMGRP_LINK: u32 = 0x1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV4_ROUTE: u32 = 0x40;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;
const RTMGRP_IPV6_ROUTE: u32 = 0x400;

/// ENOBUFS: so much changed that some was lost.
const OVERRUN: i32 = 105;

/// Calls `changed` at each change, until it is dropped with its runtime.
pub(super) async fn listen(changed: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
    tokio::spawn(async move {
        loop {
            match socket.recv_from_full().await {
                // Only the kernel sends from port 0.
                Ok((_, from)) if from.port_number() == 0 => changed(),
                Ok(_) => {}
                Err(e) if e.raw_os_error() == Some(OVERRUN) => changed(),
                Err(e) => return tracing::warn!(error = %e, "changes of networks are not heard"),
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};

    /// Needs to be root in a network namespace of its own, so it runs in one of the kernel's for
    /// whoever may make one, and says so where nobody may.
    #[test]
    fn an_address_and_a_route_are_heard() {
        let made = std::process::Command::new("unshare")
            .args(["-rn", "ip", "link"])
            .status()
            .is_ok_and(|s| s.success());
        if !made {
            return eprintln!("no network namespace can be made here: not tested");
        }
        let program = std::env::current_exe().unwrap();
        let out = std::process::Command::new("unshare")
            .args(["-rn", "--"])
            .arg(program)
            .args(["--ignored", "--exact", "watch::system::tests::in_a_namespace"])
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

    #[test]
    #[ignore = "helper process of the test above: needs a network namespace of its own"]
    fn in_a_namespace() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (tell, heard) = mpsc::channel();
        runtime.block_on(async {
            listen(move || {
                let _ = tell.send(());
            })
            .await
            .unwrap();
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
                while heard.try_recv().is_ok() {}
                ip(change);
                let mut told = false;
                for _ in 0..100 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    told |= heard.try_recv().is_ok();
                    if told {
                        break;
                    }
                }
                assert!(told, "{change}");
            }
        });
    }
}

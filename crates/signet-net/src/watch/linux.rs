//! Linux: rtnetlink multicast groups (`rtnetlink(7)`).

use super::restart::Restart;
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

/// ENOBUFS: so much changed that some was lost. The socket goes on.
const OVERRUN: i32 = 105;

/// Calls `changed` at each change, on a task of the current runtime.
pub(super) fn listen(changed: impl Fn() + Send + Sync + 'static) {
    keep_listening(open, changed);
}

fn keep_listening(
    mut open: impl FnMut() -> io::Result<TokioSocket> + Send + 'static,
    changed: impl Fn() + Send + Sync + 'static,
) {
    // Opened before this returns, so that whatever changes from then on is heard.
    let mut socket = open();
    tokio::spawn(async move {
        let mut again = Restart::new("changes of networks");
        loop {
            let why = match socket {
                Ok(socket) => {
                    if again.hears() {
                        changed();
                    }
                    hear(socket, &changed).await
                }
                Err(e) => e,
            };
            let wait = again.ended(&why);
            tokio::time::sleep(wait).await;
            socket = open();
        }
    });
}

fn open() -> io::Result<TokioSocket> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
    Ok(socket)
}

/// Calls `changed` at each change, until the socket fails.
async fn hear(socket: TokioSocket, changed: &(impl Fn() + Sync)) -> io::Error {
    loop {
        match socket.recv_from_full().await {
            // Only the kernel sends from port 0.
            Ok((_, from)) if from.port_number() == 0 => changed(),
            Ok(_) => {}
            Err(e) if e.raw_os_error() == Some(OVERRUN) => changed(),
            Err(e) => return e,
        }
    }
}

#[cfg(test)]
#[path = "linux_tests.rs"]
mod tests;

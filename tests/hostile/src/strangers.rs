//! Strangers: connections that say nothing, come and go, or show a certificate that nobody knows.

use crate::{desks::HostileDesk, dice::Dice};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::TcpSocket,
    time::{Instant, sleep, timeout},
};

/// Opens connections from many addresses and says nothing, or half a word.
pub async fn silent(gateway: SocketAddr, mut dice: Dice, until: Instant) -> u64 {
    let (mut held, mut n) = (std::collections::VecDeque::new(), 0);
    while Instant::now() < until {
        // A few networks, many addresses in each.
        let from = Ipv4Addr::new(127, 66, dice.below(8) as u8, dice.below(250) as u8 + 1);
        let socket =
            TcpSocket::new_v4().and_then(|s| s.bind(SocketAddr::from((from, 0))).map(|()| s));
        if let Ok(socket) = socket
            && let Ok(Ok(tcp)) = timeout(Duration::from_secs(1), socket.connect(gateway)).await
        {
            n += 1;
            if dice.below(3) > 0 {
                if dice.below(2) == 0 {
                    let _ = tcp.try_write(&[22, 3, 1, 2, 0]);
                }
                held.push_back(tcp);
            }
        }
        if held.len() > 600 {
            held.pop_front();
        }
        sleep(Duration::from_millis(2)).await;
    }
    n
}

/// Logs on again and again with an identity that the gateway does not know.
pub async fn unknown(desk: HostileDesk, until: Instant) -> u64 {
    let mut n = 0;
    while Instant::now() < until {
        if let Ok(mut w) = desk.connects().await {
            n += 1;
            let logon = format!("35=A|98=0|108=60|20000={}|", w.binding);
            let _ = w.says(&logon).await && w.hears("|35=5|").await;
        }
        sleep(Duration::from_millis(10)).await;
    }
    n
}

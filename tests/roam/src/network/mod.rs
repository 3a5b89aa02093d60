//! A laptop's networks: TUN devices in a network namespace of the desk, joined to the namespace of
//! the gateway by a router of our own, with delay, silent loss, resets and address translation.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `packet.rs` | IPv4 packets as bytes: pure |
//! | `access.rs` | one network, what it carries, drops, translates and resets: pure |
//! | `namespace.rs` | namespaces and TUN devices |
//! | `router.rs` | the thread that carries packets, each after its delay |
//!
//! The kernel of a build machine seldom has netem, and netem knows neither translation that forgets
//! nor a reset on demand; so the router is ours. It needs the rights that a user has in a namespace
//! of its own (`unshare -rn`) and the device /dev/net/tun.

mod access;
mod namespace;
mod packet;
mod router;

use namespace::Namespace;
pub(crate) use namespace::enter;

use access::Access;
use router::Router;
use std::{fs, io, net::Ipv4Addr, time::Duration};

/// Where the gateway is reached.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// A network of the laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// The first one.
    Wifi,
    /// The other one.
    Lte,
}

impl Net {
    fn device(self) -> &'static str {
        match self {
            Self::Wifi => "wifi",
            Self::Lte => "lte",
        }
    }

    fn inside(self) -> [u8; 2] {
        match self {
            Self::Wifi => [10, 1],
            Self::Lte => [10, 2],
        }
    }

    /// The one that is not this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Wifi => Self::Lte,
            Self::Lte => Self::Wifi,
        }
    }
}

/// The networks, and the laptop's place in them. This thread is in the gateway's namespace.
#[derive(Debug)]
pub struct Network {
    laptop: Namespace,
    router: Router,
    addresses: [u8; 2],
}

impl Network {
    /// Both networks, `delay` each way; the laptop is in the wifi only. The calling thread must be
    /// root in a network namespace that nobody else uses.
    ///
    /// # Errors
    /// The system makes no namespace or no TUN device here.
    pub fn start(delay: Duration) -> io::Result<Self> {
        let outside = namespace::tun("world")?;
        namespace::ip("link set lo up")?;
        namespace::ip(&format!("addr add {GATEWAY}/32 dev lo"))?;
        namespace::ip("addr add 10.99.0.254/32 dev world")?;
        namespace::ip("link set world up")?;
        namespace::ip(&format!("route add 10.0.0.0/8 dev world src {GATEWAY}"))?;
        let laptop = Namespace::new()?;
        let devices = laptop.run(|| {
            namespace::ip("link set lo up")?;
            Ok((namespace::tun(Net::Wifi.device())?, namespace::tun(Net::Lte.device())?))
        })?;
        let nets = [Access::new(Net::Wifi.inside()), Access::new(Net::Lte.inside())];
        let router = Router::start(outside, [devices.0, devices.1], nets, delay)?;
        let mut network = Self { laptop, router, addresses: [1, 1] };
        network.up(Net::Wifi)?;
        Ok(network)
    }

    /// The namespace of the laptop, as a path that `setns` takes.
    pub fn laptop(&self) -> String {
        self.laptop.path()
    }

    /// The device gets an address it never had, and the route to everywhere.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn up(&mut self, net: Net) -> io::Result<()> {
        let at = &mut self.addresses[net as usize];
        *at = at.checked_add(1).unwrap_or(2);
        let address = format!("10.{}.0.{at}", net.inside()[1]);
        let device = net.device();
        self.ip([
            format!("addr flush dev {device}"),
            format!("addr add {address}/24 dev {device}"),
            format!("link set {device} up"),
            format!("route replace default dev {device} src {address}"),
        ])
    }

    /// The device is down, and its routes with it.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn down(&mut self, net: Net) -> io::Result<()> {
        self.ip([format!("link set {} down", net.device())])
    }

    /// The kernels of both sides give a connection up that is not acknowledged after so many
    /// attempts (`tcp_retries2`).
    ///
    /// # Errors
    /// The system does not let them.
    pub fn give_up_after(&self, attempts: u32) -> io::Result<()> {
        let set = move || fs::write("/proc/sys/net/ipv4/tcp_retries2", attempts.to_string());
        set()?;
        self.laptop.run(set)
    }

    fn ip(&self, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
        let lines: Vec<String> = lines.into_iter().collect();
        // One process for all of them: a switch is one moment.
        self.laptop.run(move || namespace::ip_batch(&lines))
    }

    /// Everything through this network is lost and nobody is told, or it is carried.
    pub fn silent(&self, net: Net, silent: bool) {
        self.router.access(net as usize, |a| a.silent(silent));
    }

    /// UDP through this network is lost and nobody is told, or it is carried.
    pub fn block_udp(&self, net: Net, blocked: bool) {
        self.router.access(net as usize, |a| a.block_udp(blocked));
    }

    /// Every connection through this network is reset at both ends.
    pub fn reset(&self, net: Net) {
        self.router.reset(net as usize);
    }

    /// Connections that begin from now on are translated.
    pub fn translate(&self, net: Net) {
        let outside = Ipv4Addr::new(10, 201, 0, 1 + net as u8);
        self.router.access(net as usize, |a| a.translate(outside));
    }

    /// The translator gives every connection another port.
    pub fn other_ports(&self, net: Net) {
        self.router.access(net as usize, Access::give_other_ports);
    }

    /// The translator forgets every connection.
    pub fn forget(&self, net: Net) {
        self.router.access(net as usize, Access::forget);
    }
}

//! Where connections come in and go out: desks, dealers, HTTPS; TLS, revocation lists, load
//! balancers' headers and admission quotas.

pub(crate) mod admission;
pub(crate) mod carried;
pub(crate) mod crl;
pub(crate) mod dealers;
pub(crate) mod desks;
pub(crate) mod ends;
pub(crate) mod fix_sessions;
pub(crate) mod https;
mod lists;
pub(crate) mod own_certificate;
mod proxy_header;
mod queue;
mod sockets;
mod sources;
pub(crate) mod tls;

pub use lists::{list_faults, lists_enforced};

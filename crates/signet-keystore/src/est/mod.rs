//! The enrolment client: EST (RFC 7030) over TLS 1.3.
//!
//! A server's answer is accepted only as far as it can be checked: the certificate must carry our
//! key and our user, lead to the issuing authority that the server named, and be valid now. The
//! server itself is trusted because its certificate leads to the invitation's anchors, which the
//! trader compared with the administrator's word.
//!
//! RFC 7030's link between request and channel uses `tls-unique`, which TLS 1.3 does not have; the
//! one-time code is the link.

mod answer;
mod client;
mod error;
mod http;

pub use answer::{CsrAttributes, Enrolled};
pub use client::{EstClient, TIME_MAX_DEFAULT};
pub use error::EstError;

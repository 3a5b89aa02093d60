//! What a certificate says about its holder. Reads only; the TLS handshake validates.

mod facts;
mod peer;
mod policies;

pub use facts::{CHAIN_CERTIFICATES_MAX, CertificateFacts};
pub use peer::PeerIdentity;
pub use policies::policy_extension;

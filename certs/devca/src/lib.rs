//! A certificate authority for demonstrations and tests, generated anew each time it is wanted.
//!
//! **DEMONSTRATION AND TESTS ONLY.** It issues to anybody, asks nothing, and its authorities' keys
//! exist only in memory. A release of the desk must not depend on this crate.
//!
//! Desks, gateways, dealers and administrators each have an authority of their own, as in
//! production, so that a certificate of one kind is worth nothing in another's place. The profiles
//! it follows are written down in `certs/profiles/`.

mod authority;
mod error;
mod files;
mod order;
#[cfg(unix)]
pub mod private_keyring;

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use signet_identity::{Role, TrustRoots};
use signet_keystore::{IdentityName, Keychain, KeychainError};
use time::OffsetDateTime;

use authority::Authority;

pub use authority::Issued;
pub use error::DevCaError;
pub use files::{IssuedFiles, RootFiles};
pub use order::{MANAGED, Order};

/// The four authorities of one make-believe world.
#[derive(Debug)]
pub struct DevPki {
    trust_domain: String,
    now: OffsetDateTime,
    desks: Authority,
    gateways: Authority,
    dealers: Authority,
    admins: Authority,
}

impl DevPki {
    /// Four fresh authorities whose certificates are valid around `now`.
    pub fn generate(trust_domain: &str, now: OffsetDateTime) -> Result<Self, DevCaError> {
        Ok(Self {
            trust_domain: trust_domain.to_owned(),
            now,
            desks: Authority::generate(&format!("{trust_domain} desks"), now)?,
            gateways: Authority::generate(&format!("{trust_domain} gateways"), now)?,
            dealers: Authority::generate(&format!("{trust_domain} dealers"), now)?,
            admins: Authority::generate(&format!("{trust_domain} administrators"), now)?,
        })
    }

    /// Issues what is ordered, from the authority of the order's role.
    pub fn issue(&self, order: &Order) -> Result<Issued, DevCaError> {
        self.authority(order.role()).issue(order, &self.trust_domain, self.now)
    }

    /// Issues what is ordered for a P-256 key made elsewhere, given as its uncompressed point.
    pub fn issue_for(
        &self,
        order: &Order,
        public_point: &[u8],
    ) -> Result<Vec<CertificateDer<'static>>, DevCaError> {
        self.authority(order.role()).issue_for(order, public_point, &self.trust_domain, self.now)
    }

    /// A list of this role's authority that revokes `revoked` and is good until `next_update`.
    pub fn crl(
        &self,
        role: Role,
        revoked: &[&CertificateDer<'_>],
        next_update: OffsetDateTime,
    ) -> Result<CertificateRevocationListDer<'static>, DevCaError> {
        self.authority(role).crl(revoked, next_update)
    }

    /// The trust domain in every SPIFFE URI.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The authority certificate that vouches for this role.
    #[must_use]
    pub fn root(&self, role: Role) -> &CertificateDer<'static> {
        self.authority(role).certificate()
    }

    /// What a gateway's listener trusts.
    pub fn desk_roots(&self) -> Result<TrustRoots, DevCaError> {
        self.roots(Role::Desk)
    }

    /// What a desk, and a dealer's listener, trusts.
    pub fn gateway_roots(&self) -> Result<TrustRoots, DevCaError> {
        self.roots(Role::Gateway)
    }

    /// What a gateway dialling dealers trusts.
    pub fn dealer_roots(&self) -> Result<TrustRoots, DevCaError> {
        self.roots(Role::Dealer)
    }

    fn roots(&self, role: Role) -> Result<TrustRoots, DevCaError> {
        Ok(TrustRoots::new([self.root(role).clone()])?)
    }

    fn authority(&self, role: Role) -> &Authority {
        match role {
            Role::Desk => &self.desks,
            Role::Gateway => &self.gateways,
            Role::Dealer => &self.dealers,
            Role::Admin => &self.admins,
        }
    }
}

/// Puts an issued identity where a desk looks for it.
pub fn store_desk_identity(
    keychain: &dyn Keychain,
    issued: &Issued,
    name: &IdentityName,
) -> Result<(), KeychainError> {
    keychain.store_identity(name, issued.key_pkcs8(), issued.chain())
}

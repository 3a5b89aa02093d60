//! Who is at each end of a FIXS connection, and how that is proved.
//!
//! The crate holds the names of both ends ([`CompId`], [`Role`]), the identity a certificate states
//! ([`PeerIdentity`]), a chain with its key ([`Identity`]), the TLS settings of every FIX listener
//! and dialler ([`ClientProfile`], [`ServerProfile`]), the reason a connection was refused, in
//! words ([`Refusal`]), and the invitations that enrolment begins with ([`Invitation`]).
//!
//! It opens no socket, knows no keychain or token (`signet-keystore` does), never writes a private
//! key to a file and never uses the machine's own list of trusted authorities.
//!
//! Without the feature `tls`, which is on by default, the crate is the names only: for the FIX
//! codec and the router, which need a [`CompId`] and no cryptography.

#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "tls")]
pub mod ber;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod channel;
#[cfg(feature = "tls")]
mod digest;
#[cfg(feature = "tls")]
mod harden;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod invitation;
#[cfg(feature = "tls")]
mod key;
mod names;
#[cfg(feature = "tls")]
mod pin;
#[cfg(feature = "tls")]
mod profile;
#[cfg(feature = "tls")]
mod refusal;
#[cfg(feature = "tls")]
mod signing;

pub use names::{
    AddressError, COMP_ID_CHARS_MAX, CompId, CompIdError, DEVICE_CHARS_MAX, EnrolledFacts,
    PROTECTIONS, PeerError, Role, USER_CHARS_MAX, authority, device_name, file_stem,
    host_and_optional_port, host_and_port, is_device_name, is_host, is_trust_domain, is_user_id,
    name_of_file,
};
#[cfg(feature = "tls")]
pub use {
    certificate::{CHAIN_CERTIFICATES_MAX, CertificateFacts, PeerIdentity, policy_extension},
    channel::{CHANNEL_BINDING_LABEL, channel_binding, describe},
    digest::sha256,
    harden::{Hardened, harden_process},
    identity::{Identity, IdentityError},
    invitation::{
        EstAddress, FixAddress, HolderRule, INVITATION_BYTES_MAX, INVITATION_EXTENSION,
        INVITATION_LINK_PREFIX, Invitation, InvitationError, fingerprint, is_relying_party,
    },
    key::{DeviceKey, HolderFault, KeyError, Protection, SoftwareKey},
    pin::{PinError, SpkiPin},
    profile::{
        CRL_FILE_BYTES_MAX, CRLS_MAX, ChainRecorder, ClientProfile, CrlError, CrlFacts, Crls,
        PartialList, PemError, PinMatch, ProfileError, Revocation, ServerIdentity, ServerProfile,
        Shown, TlsPolicy, TlsVersions, TrustRoots, UnusableList, check_client_chain,
    },
    refusal::{Refusal, Stage},
    signing::{MESSAGE_SIGNATURE_BYTES, MessageKey, MessageKeyError, MessagePublicKey},
};

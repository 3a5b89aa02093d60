//! The key holders of this computer, and the identities whose keys they hold. Every call may wait
//! for a person, so it belongs on a blocking thread.

use crate::{
    problem::{problem, sentence},
    view::{Holder, Problem},
};
use signet_identity::{DeviceKey, Identity};
use signet_keystore::{
    HolderError, HolderKind, IdentityName, IdentitySlot, KeyHolder, KeyLabel, KeyPlace, Keychain,
    Loaded, PinPrompt,
    pkcs11::{self, Pkcs11Holder, Pkcs11Settings},
};
use std::{fmt, sync::Arc};

/// A keychain that also makes keys.
pub trait KeyStore: Keychain + KeyHolder {}

impl<T: Keychain + KeyHolder> KeyStore for T {}

pub(crate) struct Holders {
    pub keychain: Arc<dyn KeyStore>,
    token: Option<Pkcs11Holder>,
    /// The kinds that the firm allows.
    allowed: Vec<HolderKind>,
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holders")
    }
}

impl Holders {
    pub(crate) fn new(
        keychain: Arc<dyn KeyStore>,
        token: Option<Pkcs11Settings>,
        pins: Arc<dyn PinPrompt>,
    ) -> Self {
        Self {
            keychain,
            token: token
                .map(|settings| Pkcs11Holder::new(settings, pins, pkcs11::ANSWER_TIME_DEFAULT)),
            allowed: vec![HolderKind::Keychain, HolderKind::Pkcs11],
        }
    }

    /// The same, with keys only where the firm allows them.
    pub(crate) fn allowing(self, holders: &[signet_managed::Holder]) -> Self {
        let kind = |holder: &signet_managed::Holder| match holder {
            signet_managed::Holder::Keychain => HolderKind::Keychain,
            signet_managed::Holder::Pkcs11 => HolderKind::Pkcs11,
        };
        Self { allowed: holders.iter().map(kind).collect(), ..self }
    }

    /// Whether keys may be made and used there.
    pub(crate) fn allows(&self, kind: HolderKind) -> Result<(), Problem> {
        if self.allowed.contains(&kind) {
            return Ok(());
        }
        Err(problem(
            "managed.holder_not_allowed",
            "Your firm does not allow keys of this desk to be held there.",
            "Enrol this laptop with a key where your firm allows it; signet-desk policy show says \
                where.",
        ))
    }

    pub(crate) fn kind(holder: Holder) -> HolderKind {
        match holder {
            Holder::Keychain => HolderKind::Keychain,
            Holder::Token => HolderKind::Pkcs11,
        }
    }

    fn holder(&self, kind: HolderKind) -> Result<&dyn KeyHolder, Problem> {
        match (kind, &self.token) {
            (HolderKind::Keychain, _) => Ok(self.keychain.as_ref()),
            (HolderKind::Pkcs11, Some(token)) => Ok(token),
            (HolderKind::Pkcs11, None) => Err(problem(
                "token.not_set_up",
                "This desk does not know which token to use.",
                "Have your administrator name the token's module in desk.toml, under [token].",
            )),
            _ => Err(problem(
                "holder.unsupported",
                "This desk cannot use that kind of key holder.",
                "Enrol this laptop again.",
            )),
        }
    }

    /// Makes a new key under `label`.
    pub(crate) fn generate(
        &self,
        kind: HolderKind,
        label: KeyLabel,
    ) -> Result<(KeyPlace, Arc<dyn DeviceKey>), Problem> {
        self.allows(kind)?;
        let key = self.holder(kind)?.generate(&label).map_err(|e| Problem::from(&e))?;
        Ok((KeyPlace { holder: kind, label }, key))
    }

    /// Loads the current or the pending identity of this name, ready for a handshake.
    pub(crate) fn load(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
    ) -> Result<Option<Identity>, Problem> {
        match self.keychain.load_enrolled(name, slot).map_err(|e| Problem::from(&e))? {
            None => Ok(None),
            Some(Loaded::Ready(identity)) => {
                self.allows(HolderKind::Keychain)?;
                Ok(Some(identity))
            }
            Some(Loaded::Elsewhere { chain, place }) => {
                self.allows(place.holder)?;
                let key =
                    self.holder(place.holder)?.open(&place.label).map_err(|e| Problem::from(&e))?;
                let identity = Identity::new(chain, key).map_err(|e| {
                    problem(
                        "identity.damaged",
                        format!("The certificate and the key do not belong together: {e}."),
                        "Insert the token this laptop was enrolled with, or enrol it again.",
                    )
                })?;
                Ok(Some(identity))
            }
        }
    }

    /// Names the holder of this identity's key, for the window.
    pub(crate) fn held_in(&self, name: &IdentityName) -> String {
        let place =
            self.keychain.key_places(name).ok().and_then(|places| places.into_iter().next());
        match place.map(|p| p.holder) {
            None | Some(HolderKind::Keychain) => "OS keychain",
            Some(HolderKind::Pkcs11) => "smart card or security key",
            Some(HolderKind::Cng) => "this computer's TPM",
            Some(HolderKind::Enclave) => "Secure Enclave",
            Some(_) => "unknown holder",
        }
        .into()
    }

    /// Deletes a key that may not exist.
    pub(crate) fn forget_quietly(&self, place: &KeyPlace) {
        let _ = self.holder(place.holder).map(|h| h.delete(&place.label));
    }

    /// Deletes keys that are no longer needed. One that cannot be deleted stays, unused.
    pub(crate) fn forget(&self, places: &[KeyPlace]) {
        for place in places {
            let deleted = self.holder(place.holder).map(|h| h.delete(&place.label));
            if let Ok(Err(e)) = deleted {
                tracing::warn!(key = %place.label, "a key that is no longer needed could not be \
                    deleted: {e}");
            }
        }
    }
}

impl From<&HolderError> for Problem {
    fn from(e: &HolderError) -> Self {
        problem(e.code(), sentence(&e.to_string()), e.cure())
    }
}

//! Security keys in software: a real FIDO2 firmware (`fido-authenticator`, the code inside Nitrokey 3
//! and Solo 2) running in this process. Demonstration and tests only: no release build links it.
#![allow(clippy::todo, unused_variables)]

use signet_stepup::client::{Ceremony, Order, StepUp};
use std::{net::TcpListener, path::{Path, PathBuf}, time::Duration};

/// An attestation authority made at run time, and the one model of keys it vouches for.
pub struct TestAuthority(());

impl TestAuthority {
    pub fn generate() -> Result<Self, VkeyError> { todo!() }
    /// The authority kept in `folder`; made there on the first call. For keys that live in a folder.
    pub fn in_folder(folder: &Path) -> Result<Self, VkeyError> { todo!() }
    pub fn ca_pem(&self) -> &str { todo!() }
    /// As a UUID: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    pub fn aaguid(&self) -> String { todo!() }
    /// The text of a reviewed list that trusts this authority's keys and no others.
    pub fn attestation_toml(&self) -> String { todo!() }
}

/// Where a key's memory lives.
pub enum Memory { Ram, File(PathBuf) }

pub struct Settings {
    pub name: String,
    /// Set when the key is new.
    pub pin: Option<String>,
    pub memory: Memory,
    /// How long the key waits for a touch before it gives up by itself.
    pub touch_timeout: Duration,
}

impl Settings {
    /// In RAM, no PIN, thirty seconds.
    pub fn named(name: &str) -> Self { todo!() }
    pub fn pin(self, pin: &str) -> Self { todo!() }
    pub fn touch_timeout(self, timeout: Duration) -> Self { todo!() }
    pub fn kept_in(self, file: PathBuf) -> Self { todo!() }
}

/// A key; clones are handles to the same key.
#[derive(Debug, Clone)]
pub struct VirtualKey(());

impl VirtualKey {
    pub fn plug_in(authority: &TestAuthority, settings: Settings) -> Result<Self, VkeyError> { todo!() }
    /// A second key with the memory this one has now: same credentials, same PIN, same counters.
    pub fn clone_of(original: &Self, name: &str) -> Result<Self, VkeyError> { todo!() }
    pub fn name(&self) -> &str { todo!() }
    /// Of a key that has none.
    pub fn set_pin(&self, pin: &str) -> Result<(), VkeyError> { todo!() }
    /// A finger that stays on the key: whatever waits for a touch, now or later, gets it.
    pub fn hold_finger(&self, on: bool) { todo!() }
    /// One touch: for the wait that is on, or the one that comes next without a PIN in between.
    pub fn touch_once(&self) { todo!() }
    /// Whether the key blinks.
    pub fn waits_for_touch(&self) -> bool { todo!() }
    /// A ceremony in progress sees the key go.
    pub fn unplug(&self) { todo!() }
    pub fn plug(&self) -> Result<(), VkeyError> { todo!() }
    pub fn is_plugged(&self) -> bool { todo!() }
}

/// The keys plugged into this desk.
#[derive(Debug, Clone, Default)]
pub struct VirtualKeys(());

impl VirtualKeys {
    pub fn new(keys: Vec<VirtualKey>) -> Self { todo!() }
    pub fn add(&self, key: VirtualKey) { todo!() }
    pub fn keys(&self) -> Vec<VirtualKey> { todo!() }
}

impl StepUp for VirtualKeys {
    fn begin(&self, order: Order) -> Ceremony { todo!() }
}

/// The key as a card in a PC/SC reader: answers vpcd's connections on `listener` until dropped.
pub struct ReaderCard(());

impl ReaderCard {
    pub fn insert(key: &VirtualKey, listener: TcpListener) -> Result<Self, VkeyError> { todo!() }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VkeyError {
    #[error("the virtual key's files: {0}")]
    Files(std::io::Error),
    #[error("the virtual key's certificates: {0}")]
    Certificates(String),
    #[error("the virtual key is not plugged in")]
    Unplugged,
    #[error("the virtual key answered with CTAP error 0x{0:02x}")]
    Refused(u8),
    #[error("the virtual key's firmware failed: {0}")]
    Firmware(String),
}

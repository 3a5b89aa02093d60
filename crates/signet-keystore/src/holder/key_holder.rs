//! What every holder of private keys can do.

use std::fmt;
use std::sync::Arc;

use signet_identity::{DeviceKey, Protection};

use super::error::HolderError;
use super::label::{HolderKind, KeyLabel};

/// A place that makes, keeps and uses P-256 keys without giving them out to the rest of Signet.
///
/// Each method may block up to the holder's deadline, and fails with [`HolderError::TimedOut`]
/// then.
pub trait KeyHolder: Send + Sync + fmt::Debug {
    /// Makes a key under this label.
    ///
    /// # Errors
    /// [`HolderError::LabelTaken`] when there is a key of this label, and what the holder says.
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError>;

    /// The key of this label.
    ///
    /// # Errors
    /// [`HolderError::NoSuchKey`] when there is none, and what the holder says.
    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError>;

    /// Deletes the key of this label.
    ///
    /// # Errors
    /// [`HolderError::NoSuchKey`] when there is none, and what the holder says.
    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError>;

    /// How the keys it makes are protected.
    fn protection(&self) -> Protection;

    /// The kind of holder, as stored with an identity.
    fn kind(&self) -> HolderKind;
}

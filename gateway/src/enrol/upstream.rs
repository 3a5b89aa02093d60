//! An outside EST authority that signs instead of the embedded one.

use crate::registry::{IssuedCertificate, Order};
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    pub url: String,
    pub roots: PathBuf,
    pub credentials_file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    #[error("not there yet")]
    NotYet,
}

#[derive(Debug)]
pub struct Upstream {}

impl Upstream {
    pub fn load(_: &UpstreamSettings) -> Result<Self, UpstreamError> {
        Err(UpstreamError::NotYet)
    }

    pub async fn issue(&self, _: &Order, _: &[u8]) -> Result<IssuedCertificate, UpstreamError> {
        Err(UpstreamError::NotYet)
    }

    pub async fn chain(&self) -> Result<Vec<Vec<u8>>, UpstreamError> {
        Err(UpstreamError::NotYet)
    }
}

//! Which token, and what a token says about itself.

use std::path::PathBuf;

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The token maker's library (`.so`, `.dll`, `.dylib`).
    pub module: PathBuf,
    /// The token's label or serial number; `None` takes the only one inserted.
    pub token: Option<String>,
}

/// What a token says about itself (PKCS#11 `CK_TOKEN_INFO`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// The label it was given when it was prepared.
    pub label: String,
    /// Its maker's serial number.
    pub serial: String,
    /// Its maker's model.
    pub model: String,
}

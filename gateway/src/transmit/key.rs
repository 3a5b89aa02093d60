//! What tokens are signed with: a key of the configuration, or one that is made at the first start.

use crate::{
    GatewayError,
    config::{Config, TransmitSection},
    state_dir::{kept, signer_path},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use signet_signals::Signer;
use std::{fs, io};
use zeroize::Zeroizing;

/// Characters of a line of PEM (RFC 7468).
const LINE: usize = 64;

/// The key, made when the configuration names none and there is none yet.
pub(super) fn signer(config: &Config, section: &TransmitSection) -> Result<Signer, GatewayError> {
    let named = section.key.is_some();
    let path = signer_path(config, section);
    let pem = kept(&path, || match named {
        true => Err(GatewayError::Io {
            what: format!("{}: key: {}", section.of(), path.display()),
            source: io::Error::from(io::ErrorKind::NotFound),
        }),
        false => made(),
    })?;
    read(&pem).map_err(|why| GatewayError::Session(format!("{}: {why}", path.display())))
}

/// The JWK Set for a receiver, of a gateway that has run before or whose configuration names the
/// key; without a name the one of the first.
///
/// # Errors
/// The receiver is unknown, or its key is missing or cannot be used.
pub fn key_set(config: &Config, receiver: Option<&str>) -> Result<String, GatewayError> {
    let mut all = config.signals.transmit.iter();
    let section = all.find(|t| receiver.is_none_or(|name| t.name == name));
    let section = section.ok_or_else(|| {
        GatewayError::Session("[signals.transmit] has no receiver of this name".into())
    })?;
    let path = signer_path(config, section);
    let fail = |source| GatewayError::Io { what: path.display().to_string(), source };
    let pem = fs::read(&path).map(Zeroizing::new).map_err(fail)?;
    let signer = read(&pem);
    let signer = signer.map_err(|w| GatewayError::Session(format!("{}: {w}", path.display())))?;
    Ok(signer.key_set())
}

fn made() -> Result<Zeroizing<Vec<u8>>, GatewayError> {
    let der = Signer::make_pkcs8().map(Zeroizing::new);
    let der = der.map_err(|e| GatewayError::Session(e.to_string()))?;
    let text = Zeroizing::new(BASE64.encode(&*der));
    let mut pem = Zeroizing::new(b"-----BEGIN PRIVATE KEY-----\n".to_vec());
    for line in text.as_bytes().chunks(LINE) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(b"-----END PRIVATE KEY-----\n");
    Ok(pem)
}

fn read(pem: &[u8]) -> Result<Signer, String> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|e| e.to_string())?;
    Signer::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_is_read_and_anything_else_is_not() {
        let pem = made().unwrap();
        assert!(read(&pem).unwrap().key_set().contains("ES256"));
        assert!(read(b"").is_err());
        assert!(read(&pem[..pem.len() / 2]).is_err());
    }
}

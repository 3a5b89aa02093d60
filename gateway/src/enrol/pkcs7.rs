//! Certs-only PKCS#7 (RFC 7030 §4.1.3), both ways.

use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::{
    cert::{CertificateChoices, x509::Certificate},
    content_info::ContentInfo,
    signed_data::SignedData,
};

/// Certificates that can be in one answer.
const CERTIFICATES_MAX: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a certs-only PKCS#7 message: {0}")]
pub struct Pkcs7Error(String);

impl From<cms::cert::x509::der::Error> for Pkcs7Error {
    fn from(e: cms::cert::x509::der::Error) -> Self {
        Self(e.to_string())
    }
}

/// DER of a message that holds these certificates.
pub fn certs_only<'a>(
    certificates: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Pkcs7Error> {
    let path =
        certificates.into_iter().map(Certificate::from_der).collect::<Result<Vec<_>, _>>()?;
    Ok(ContentInfo::try_from(path)?.to_der()?)
}

/// The certificates in a message, DER each.
pub fn certificates(message: &[u8]) -> Result<Vec<Vec<u8>>, Pkcs7Error> {
    // RFC 5652 §2: a sender may use BER, and some authorities do.
    let message = signet_identity::ber::to_der(message)
        .ok_or_else(|| Pkcs7Error("it is not one whole BER value".into()))?;
    let info = ContentInfo::from_der(&message)?;
    let signed: SignedData = info.content.decode_as()?;
    let set = signed.certificates.ok_or_else(|| Pkcs7Error("it holds none".into()))?;
    if set.0.len() > CERTIFICATES_MAX {
        return Err(Pkcs7Error("it holds too many".into()));
    }
    let der = |c: &CertificateChoices| match c {
        CertificateChoices::Certificate(c) => Ok(c.to_der()?),
        CertificateChoices::Other(_) => {
            Err(Pkcs7Error("it holds something that is not a certificate".into()))
        }
    };
    set.0.iter().map(der).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outer three wrappers with indefinite lengths, as authorities that stream write them.
    fn in_ber(der: &[u8]) -> Vec<u8> {
        fn content(der: &[u8]) -> &[u8] {
            match der[1] {
                0x82 => &der[4..],
                0x81 => &der[3..],
                _ => &der[2..],
            }
        }
        fn opened(tag: u8, content: &[u8]) -> Vec<u8> {
            [&[tag, 0x80][..], content, &[0, 0]].concat()
        }
        let info = content(der);
        let (oid, explicit) = info.split_at(2 + usize::from(info[1]));
        let signed = content(content(explicit));
        opened(0x30, &[oid, &opened(0xa0, &opened(0x30, signed))].concat())
    }

    #[test]
    fn certificates_go_in_and_come_out() {
        let made = |name: &str| {
            rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().to_vec()
        };
        let (a, b) = (made("a.example"), made("b.example"));
        let message = certs_only([&a[..], &b[..]]).unwrap();
        let mut out = certificates(&message).unwrap();
        out.sort_by_key(|c| *c != a);
        assert_eq!(out, [a, b]);
        assert_eq!(
            certificates(&in_ber(&message)).unwrap().len(),
            2,
            "indefinite lengths around everything but the certificates"
        );
        assert!(certificates(b"rubbish").is_err());
        assert!(certificates(&message[..message.len() - 1]).is_err());
        assert!(certs_only([&b"rubbish"[..]]).is_err());
    }
}

//! The settings of a relying party.

use super::RpError;
use std::{net::IpAddr, time::Duration};
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

/// Longest time that is told to a key's client.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// Keys are registered for `rp_id` and can never be moved to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpSettings {
    /// A host name the firm owns. Best one without a web page, so that no page can ask for its
    /// keys.
    pub rp_id: String,
    /// `https://` and `rp_id` if left out.
    pub origin: Option<String>,
    /// Some systems show it beside the key.
    pub name: String,
    /// A hint for the key's client; deadlines are the caller's.
    pub timeout: Duration,
}

impl RpSettings {
    pub(super) fn build(&self) -> Result<(Webauthn, String), RpError> {
        if !is_rp_id(&self.rp_id) {
            return Err(RpError::BadRpId(self.rp_id.clone()));
        }
        if self.name.trim().is_empty()
            || self.name.chars().count() > 60
            || self.name.chars().any(char::is_control)
        {
            return Err(RpError::BadName);
        }
        let origin = self.origin.clone().unwrap_or_else(|| format!("https://{}", self.rp_id));
        let url = self.check_origin(&origin).ok_or_else(|| RpError::BadOrigin(origin.clone()))?;
        let builder = WebauthnBuilder::new(&self.rp_id, &url)
            .map_err(|_| RpError::BadOrigin(origin.clone()))?;
        let webauthn = builder.rp_name(&self.name).timeout(self.timeout.min(TIMEOUT_MAX)).build();
        Ok((webauthn.map_err(super::setup)?, origin))
    }

    /// An origin is a scheme, a host and perhaps a port, in the one form that browsers write.
    fn check_origin(&self, origin: &str) -> Option<Url> {
        let url = Url::parse(origin).ok()?;
        let host = url.host_str()?;
        let ours = host == self.rp_id || host.ends_with(&format!(".{}", self.rp_id));
        let plain = url.scheme() == "https" && url.origin().ascii_serialization() == origin;
        (ours && plain && is_host_name(host)).then_some(url)
    }
}

/// Whether keys can be registered for `name`: a host name with at least one dot, in the spelling of
/// browsers. A label that begins with `xn--` and is not one that IDNA makes is refused, as they do.
#[must_use]
pub fn is_rp_id(name: &str) -> bool {
    let url = || Url::parse(&format!("https://{name}")).ok();
    is_host_name(name) && url().is_some_and(|u| u.host_str() == Some(name))
}

/// The origin of pages at `host` and `port` as browsers write it: without the port of HTTPS.
#[must_use]
pub fn origin_of(host: &str, port: u16) -> String {
    match port {
        443 => format!("https://{host}"),
        _ => format!("https://{host}:{port}"),
    }
}

/// A name in the DNS: no address, not this machine, not the made-up host that Tauri serves pages
/// from.
fn is_host_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    labels.len() >= 2
        && name.len() <= 253
        && labels.iter().all(|l| label(l))
        && name.parse::<IpAddr>().is_err()
        && !last.bytes().all(|b| b.is_ascii_digit())
        && last != "localhost"
        && name != "tauri.localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(rp_id: &str, origin: Option<&str>, name: &str) -> Result<String, RpError> {
        let s = RpSettings {
            rp_id: rp_id.into(),
            origin: origin.map(Into::into),
            name: name.into(),
            timeout: Duration::from_secs(60),
        };
        s.build().map(|(_, origin)| origin)
    }

    #[test]
    fn table_of_relying_parties() {
        assert_eq!(
            with("stepup.bank.example", None, "Bank").as_deref(),
            Ok("https://stepup.bank.example")
        );
        for bad in [
            "",
            "bank",
            "localhost",
            "a.localhost",
            "tauri.localhost",
            "127.0.0.1",
            "1.2",
            "::1",
            "[::1]",
            "Bank.example",
            "xn--a.example",
            "xn--.example",
            "bank.xn--99999999",
        ] {
            assert_eq!(with(bad, None, "Bank"), Err(RpError::BadRpId(bad.into())), "{bad}");
        }
        for bad in [
            "bank.example:443",
            "https://bank.example",
            "bank..example",
            "-a.example",
            "a-.example",
            "b\u{e4}nk.example",
        ] {
            assert_eq!(with(bad, None, "Bank"), Err(RpError::BadRpId(bad.into())), "{bad}");
        }
        for bad in ["", " ", "a\nb", &"x".repeat(61)] {
            assert_eq!(with("bank.example", None, bad), Err(RpError::BadName), "{bad:?}");
        }
    }

    #[test]
    fn the_origin_of_a_host_and_port_is_one_that_is_taken() {
        for id in ["bank.example", "xn--bnk-qla.example"] {
            assert!(is_rp_id(id), "{id}");
            for port in [1, 80, 443, 8443, u16::MAX] {
                let origin = origin_of(id, port);
                assert_eq!(with(id, Some(&origin), "Bank").as_ref(), Ok(&origin));
            }
        }
    }

    #[test]
    fn table_of_origins() {
        for good in
            ["https://bank.example", "https://stepup.bank.example", "https://bank.example:8443"]
        {
            assert_eq!(with("bank.example", Some(good), "Bank").as_deref(), Ok(good));
        }
        for bad in [
            "https://bank.example/",
            "https://bank.example:443",
            "https://BANK.example",
            "http://bank.example",
            "https://evilbank.example",
            "https://example",
            "https://user@bank.example",
            "https://bank.example/path",
            "https://localhost",
            "tauri://localhost",
            "https://tauri.localhost",
            "https://127.0.0.1",
            "bank.example",
            "",
        ] {
            assert_eq!(
                with("bank.example", Some(bad), "Bank"),
                Err(RpError::BadOrigin(bad.into())),
                "{bad}"
            );
        }
    }
}

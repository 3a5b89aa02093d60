//! What `signet-gateway init` is told: an answers file, flags, or what somebody types.

use super::{AnswerFault, InitError};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

/// All answers, as they were given. Empty text: not answered, so the default counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// The firm, as traders read it.
    pub firm: String,
    /// The gateway's CompID; `SIGNET` if left out.
    pub comp_id: String,
    /// The authority of the SPIFFE ids: a name of the firm's, such as `bank.example`.
    pub trust_domain: String,
    /// Where desks reach the gateway; the first is in invitations, all are in the certificate.
    pub hosts: Vec<String>,
    /// Where the firm's people work, ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// The firm's networks, `10.20.0.0/16`; in the first of the countries.
    pub networks: Vec<String>,
    /// The currency of limits; `EUR` if left out.
    pub currency: String,
    /// `sqlite`, or the URL of a PostgreSQL database; `sqlite` if left out.
    pub database: String,
    /// The file with PostgreSQL's password.
    pub database_password_file: String,
    /// `/var/lib/signet` if left out.
    pub state_dir: String,
    /// The user id of the first administrator.
    pub admin: String,
    /// The host name of the administrators' web console; the first of `hosts` if left out.
    pub console_host: String,
    /// The certificate policy that marks managed devices; one is made up if left out.
    pub managed_policy: String,
    /// What laptops must report of themselves to count as managed: `disk_encryption` if left out;
    /// also `secure_boot`, `firewall`, `screen_lock`, `tpm`.
    pub require: Option<Vec<String>>,
    /// A file with instruments; a few to begin with if left out.
    pub instruments: String,
    /// Where the gateway listens.
    pub listen: Listen,
    /// Authorities of the firm's own PKI, in place of those that `init` makes.
    pub outside: Outside,
    /// The dealers.
    pub dealer: Vec<DealerAnswer>,
    /// The traders who may trade at once.
    pub trader: Vec<TraderAnswer>,
}

/// Addresses, `0.0.0.0:9443`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Desks; `0.0.0.0:9443`.
    pub desks: String,
    /// Enrolment; `0.0.0.0:9444`.
    pub enrolment: String,
    /// Administrators' programs; `127.0.0.1:9445`.
    pub admin: String,
    /// Administrators' browsers; `127.0.0.1:9449`.
    pub console: String,
}

/// With an authority of the firm's own, `init` writes certificate requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outside {
    /// The certificates of the authority that will issue the gateway's certificate, PEM.
    pub gateways: String,
    /// The same for administrators.
    pub admins: String,
}

/// One dealer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DealerAnswer {
    /// Its CompID.
    pub comp_id: String,
    /// Shown to traders; the CompID if left out.
    pub name: String,
    /// The host to dial.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name in its certificate; `host` if left out.
    pub server_name: String,
    /// The certificate of the authority that issued the dealer's certificate, PEM. Left out: the
    /// firm's own authority issues it.
    pub ca: String,
    /// The dealer's certificate request, PEM, for the firm's authority.
    pub request: String,
    /// Whether the dealer signs its messages (tags 93/89).
    pub signs: bool,
    /// Whether the gateway signs what it sends to it.
    pub sign: bool,
}

/// One trader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TraderAnswer {
    /// The user id.
    pub id: String,
    /// The CompID of the desk.
    pub comp_id: String,
    /// The person's name; the id if left out.
    pub name: String,
}

impl Answers {
    /// Reads an answers file.
    ///
    /// # Errors
    /// It is not TOML, or has a key that is not known.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// For settings that are written again in `folder`: a managed policy that nobody answers stays
    /// the one of the settings there. Another one would make every certificate that carries it one
    /// of an unmanaged device.
    ///
    /// # Errors
    /// There was a gateway here and its settings do not tell.
    pub fn keep_policy(&mut self, folder: &Path) -> Result<(), InitError> {
        if !self.managed_policy.is_empty() {
            return Ok(());
        }
        let path = folder.join("gateway.toml");
        let untold = |why: &str| {
            let answer = "managed_policy".to_owned();
            let why = format!("is not answered, and {} {why}", path.display());
            let cure = "write the one that the certificates of managed laptops and administrators \
                have (openssl x509 -noout -text -in admins/ID.pem), or restore that file";
            InitError::Answers(vec![AnswerFault { answer, why, cure }])
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // Nobody has a certificate of a gateway that never was.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let was = folder.join("desks-ca.pem").symlink_metadata().is_ok();
                return if was { Err(untold("is not there")) } else { Ok(()) };
            }
            Err(e) => return Err(untold(&format!("cannot be read: {e}"))),
        };
        let present: toml::Table =
            toml::from_str(&text).map_err(|_| untold("cannot be read: it is not TOML"))?;
        let policy = present.get("enrolment").and_then(|e| e.get("managed_policy"));
        if let Some(policy) = policy {
            let policy = policy.as_str().ok_or_else(|| untold("has one that is not a text"))?;
            policy.clone_into(&mut self.managed_policy);
        }
        Ok(())
    }
}

/// `COMPID,HOST:PORT` and, after further commas, `name=`, `ca=`, `request=` or `server_name=`.
impl std::str::FromStr for DealerAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "write COMPID,HOST:PORT[,name=N][,ca=FILE][,request=FILE][,server_name=S]";
        let mut parts = text.split(',');
        let (Some(id), Some(address)) = (parts.next(), parts.next()) else {
            return Err(FORM.into());
        };
        let (host, port) = signet_identity::host_and_port(address.trim())
            .map_err(|why| format!("{address:?} {why}; {FORM}"))?;
        let mut dealer =
            Self { comp_id: id.trim().into(), host: host.into(), port, ..Self::default() };
        for more in parts {
            match more.split_once('=') {
                Some(("name", v)) => dealer.name = v.into(),
                Some(("ca", v)) => dealer.ca = v.into(),
                Some(("request", v)) => dealer.request = v.into(),
                Some(("server_name", v)) => dealer.server_name = v.into(),
                _ => return Err(format!("{more:?} is not known; {FORM}")),
            }
        }
        Ok(dealer)
    }
}

/// `ID,COMPID` and, after a further comma, the name.
impl std::str::FromStr for TraderAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ',');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(id), Some(comp_id), name) => Ok(Self {
                id: id.trim().into(),
                comp_id: comp_id.trim().into(),
                name: name.unwrap_or_default().trim().into(),
            }),
            _ => Err("write ID,COMPID[,NAME]".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_group_of_an_ipv6_address_is_never_taken_for_a_port() {
        let read = |text: &str| text.parse::<DealerAnswer>().map(|d| (d.host, d.port)).ok();
        let at = |host: &str| Some((host.to_owned(), 9880));
        for (address, want) in [
            ("fix.northbank.example:9880", at("fix.northbank.example")),
            (" 192.0.2.1:9880 ", at("192.0.2.1")),
            ("[2001:db8::1]:9880", at("2001:db8::1")),
            ("2001:db8::1:9880", None),
            ("[[2001:db8::1]:9880", None),
            ("fix.northbank.example", None),
            ("fix.northbank.example:0", None),
        ] {
            assert_eq!(read(&format!("NORTHBANK,{address},name=Northbank")), want, "{address}");
        }
    }
}

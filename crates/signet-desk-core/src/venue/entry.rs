//! One venue, from `desk.toml` or from an invitation.

use super::{direct_settings::DirectSettings, error::DeskConfigError};
use serde::Deserialize;
use signet_identity::{
    AddressError, CompId, EstAddress, Invitation, SpkiPin, TrustRoots, host_and_port,
    is_relying_party,
};
use signet_net::Endpoint;
use std::path::{Path, PathBuf};

/// Each is another attempt in flight while the network is slow.
const OTHER_HOSTS_MAX: usize = 7;

/// A gateway or a plain venue, and how to verify that the peer is it.
#[derive(Debug, Clone)]
pub struct Venue {
    /// What people call it.
    pub name: String,
    /// Host name or address at which it listens.
    pub host: String,
    /// TCP port at which it listens.
    pub port: u16,
    /// The name its certificate must carry.
    pub server_name: String,
    /// Other hosts where the same gateway listens, or one that stands in for it.
    pub also: Vec<OtherHost>,
    /// Its CompID.
    pub comp_id: CompId,
    /// The trust domain that certificates must state; empty in direct mode, where they state none.
    pub trust_domain: String,
    /// The authorities that may issue its certificate.
    pub roots: TrustRoots,
    /// The keys that its certificate may have; empty for any key.
    pub pins: Vec<SpkiPin>,
    /// TLS 1.2 is allowed.
    pub allow_tls12: bool,
    /// The gateway is reached over QUIC where the network lets it through, else over TCP.
    pub quic: bool,
    /// Revocation lists for its certificate, PEM or DER.
    pub crl: Vec<PathBuf>,
    /// The desk does not connect without a good revocation list.
    pub crl_required: bool,
    /// Where certificates are renewed, if this laptop was enrolled with an invitation.
    pub est: Option<EstAddress>,
    /// The only relying party as which this venue may ask security keys: a venue that could name
    /// any would get answers that count at another one.
    pub rp_id: Option<String>,
    /// The settings of a plain FIXS venue; `None` for a gateway.
    pub direct: Option<DirectSettings>,
}

/// Another host of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherHost {
    /// Where it listens.
    pub at: Endpoint,
    /// The name its certificate must carry.
    pub server_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueEntry {
    name: String,
    address: String,
    #[serde(default)]
    also: Vec<String>,
    server_name: Option<String>,
    comp_id: CompId,
    trust_domain: Option<String>,
    /// PEM file of the CA certificates, relative to this file.
    trust: PathBuf,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    allow_tls12: bool,
    /// Left out: yes, for a gateway.
    quic: Option<bool>,
    #[serde(default)]
    crl: Vec<PathBuf>,
    /// Left out: when `crl` names a file.
    crl_required: Option<bool>,
    rp_id: Option<String>,
    direct: Option<toml::Table>,
}

impl Venue {
    /// Reads a venue of `desk.toml`; file names are relative to `base`.
    pub(super) fn read(v: VenueEntry, base: &Path) -> Result<Self, DeskConfigError> {
        let wrong = |why: String| DeskConfigError::Venue { venue: v.name.clone(), why };
        let Endpoint { host, port } =
            endpoint(&v.address).map_err(|why| wrong(format!("address {why}")))?;
        let also = other_hosts(&v).map_err(wrong)?;
        let roots =
            TrustRoots::from_pem_file(&base.join(&v.trust)).map_err(|e| wrong(e.to_string()))?;
        if v.rp_id.as_deref().is_some_and(|id| !is_relying_party(id)) {
            return Err(wrong("rp_id must be a host name with a dot in it, in lower case".into()));
        }
        let pins = v
            .pins
            .iter()
            .map(|p| p.parse().map_err(|e| wrong(format!("pin {p}: {e}"))))
            .collect::<Result<_, _>>()?;
        let direct = v
            .direct
            .as_ref()
            .map(|d| DirectSettings::read(d, &v.name, base))
            .transpose()
            .map_err(wrong)?;
        let trust_domain = match (&v.trust_domain, &direct) {
            (Some(domain), None) => domain.clone(),
            (None, Some(_)) => String::new(),
            (None, None) => {
                return Err(wrong(
                    "trust_domain is missing: the one its certificate states".into(),
                ));
            }
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "trust_domain: not with direct, where no certificate states one".into(),
                ));
            }
        };
        if v.quic == Some(true) && direct.is_some() {
            return Err(wrong("quic: not with direct, a plain venue speaks FIXS over TCP".into()));
        }
        let rp_id = match (&v.rp_id, &direct) {
            (Some(_), Some(_)) => {
                return Err(wrong("rp_id: with direct it stands in direct.step_up".into()));
            }
            (rp_id, None) => rp_id.clone(),
            (None, Some(d)) => d.step_up.as_ref().map(|s| s.relying_party.rp_id().to_owned()),
        };
        Ok(Self {
            server_name: v.server_name.clone().unwrap_or_else(|| host.clone()),
            name: v.name.clone(),
            host,
            port,
            also,
            comp_id: v.comp_id.clone(),
            trust_domain,
            roots,
            pins,
            allow_tls12: v.allow_tls12,
            quic: v.quic.unwrap_or(direct.is_none()),
            crl: v.crl.iter().map(|file| base.join(file)).collect(),
            crl_required: v.crl_required.unwrap_or(!v.crl.is_empty()),
            est: None,
            rp_id,
            direct,
        })
    }

    /// The venue of an invitation.
    pub fn of_invitation(i: &Invitation) -> Result<Self, DeskConfigError> {
        let wrong = |why: String| DeskConfigError::Venue { venue: i.venue.clone(), why };
        Ok(Self {
            name: i.venue.clone(),
            host: i.fix.host.clone(),
            port: i.fix.port,
            also: Vec::new(),
            server_name: i.fix.server_name.clone(),
            comp_id: i.fix.comp_id.clone(),
            trust_domain: i.fix.trust_domain.clone(),
            roots: TrustRoots::new(i.anchors.iter().cloned()).map_err(|e| wrong(e.to_string()))?,
            pins: i.pins.clone(),
            allow_tls12: false,
            quic: true,
            crl: Vec::new(),
            crl_required: false,
            est: Some(i.est.clone()),
            rp_id: i.rp_id.clone(),
            direct: None,
        })
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub fn endpoint(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The other hosts of a venue; an error says what is wrong with the setting.
fn other_hosts(v: &VenueEntry) -> Result<Vec<OtherHost>, String> {
    if v.also.len() > OTHER_HOSTS_MAX {
        return Err(format!("also names more than {OTHER_HOSTS_MAX} hosts"));
    }
    let read = |text: &String| {
        let at = endpoint(text).map_err(|why| format!("also: {text} {why}"))?;
        let server_name = v.server_name.clone().unwrap_or_else(|| at.host.clone());
        Ok(OtherHost { at, server_name })
    };
    v.also.iter().map(read).collect()
}

fn endpoint(text: &str) -> Result<Endpoint, AddressError> {
    host_and_port(text).map(|(host, port)| Endpoint { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_a_port() {
        let (form, brackets) = (Err("host:port"), Err("brackets"));
        for (text, want) in [
            ("gw.bank.example:9443", Ok(("gw.bank.example", 9443))),
            ("192.0.2.1:1", Ok(("192.0.2.1", 1))),
            ("[2001:db8::1]:9443", Ok(("2001:db8::1", 9443))),
            ("2001:db8::1:9443", brackets),
            ("::1", brackets),
            ("2001:db8::1", brackets),
            ("[2001:db8::1]", form),
            ("[2001:db8::1:9443", form),
            ("2001:db8::1]:9443", brackets),
            ("[[2001:db8::1]]:9443", form),
            ("gw.bank.example", form),
            ("gw.bank.example:", form),
            ("gw.bank.example:65536", form),
            ("gw.bank.example:0", form),
            (":9443", form),
            ("[]:9443", form),
            ("", form),
        ] {
            match (endpoint(text), want) {
                (Ok(e), Ok(want)) => assert_eq!((e.host.as_str(), e.port), want, "{text}"),
                (Err(why), Err(word)) => {
                    assert!(why.to_string().contains(word), "{text}: {why}");
                }
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }

    fn read(also: &[&str], server_name: Option<&str>) -> Result<Venue, String> {
        let dir = tempfile::tempdir().unwrap();
        let pki = signet_devca::DevPki::generate("bank.example", time::OffsetDateTime::now_utc());
        pki.unwrap().write_roots(dir.path()).unwrap();
        let mut table = toml::Table::new();
        for (key, value) in [
            ("name", "Bank"),
            ("address", "gw1.bank.example:9443"),
            ("comp_id", "SIGNET"),
            ("trust_domain", "bank.example"),
            ("trust", "gateways-ca.pem"),
        ] {
            table.insert(key.into(), value.into());
        }
        table.insert("also".into(), also.to_vec().into());
        table.extend(server_name.map(|n| ("server_name".to_owned(), n.into())));
        Venue::read(table.try_into().unwrap(), dir.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn other_hosts_have_names_of_their_own_unless_one_is_given() {
        let also = ["gw2.bank.example:9444"];
        let names = |v: Venue| v.also.into_iter().map(|h| h.server_name).collect::<Vec<_>>();
        assert_eq!(names(read(&also, None).unwrap()), ["gw2.bank.example"]);
        assert_eq!(names(read(&also, Some("gw.bank.example")).unwrap()), ["gw.bank.example"]);
        assert!(read(&["gw2.bank.example"], None).unwrap_err().contains("host:port"));
        assert!(read(&["2001:db8::2:9443"], None).unwrap_err().contains("brackets"));
    }

    #[test]
    fn an_ipv6_address_is_shown_in_brackets() {
        let mut v = read(&["[2001:db8::2]:9443"], None).unwrap();
        assert_eq!(v.endpoint(), "gw1.bank.example:9443");
        v.host = v.also[0].at.host.clone();
        assert_eq!(v.endpoint(), "[2001:db8::2]:9443");
        assert!(read(&["h:1"; OTHER_HOSTS_MAX + 1], None).unwrap_err().contains("more than"));
    }
}

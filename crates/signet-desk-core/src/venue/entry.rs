//! One venue, from `desk.toml` or from an invitation.

use super::{direct_settings::DirectSettings, error::DeskConfigError};
use serde::Deserialize;
use signet_identity::{CompId, EstAddress, Invitation, SpkiPin, TrustRoots, is_relying_party};
use std::path::{Path, PathBuf};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueEntry {
    name: String,
    address: String,
    server_name: Option<String>,
    comp_id: CompId,
    trust_domain: Option<String>,
    /// PEM file of the CA certificates, relative to this file.
    trust: PathBuf,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    allow_tls12: bool,
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
        let (host, port) =
            v.address.rsplit_once(':').ok_or_else(|| wrong("address must be host:port".into()))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().map_err(|_| wrong("address must be host:port".into()))?;
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
            comp_id: v.comp_id.clone(),
            trust_domain,
            roots,
            pins,
            allow_tls12: v.allow_tls12,
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
            server_name: i.fix.server_name.clone(),
            comp_id: i.fix.comp_id.clone(),
            trust_domain: i.fix.trust_domain.clone(),
            roots: TrustRoots::new(i.anchors.iter().cloned()).map_err(|e| wrong(e.to_string()))?,
            pins: i.pins.clone(),
            allow_tls12: false,
            crl: Vec::new(),
            crl_required: false,
            est: Some(i.est.clone()),
            rp_id: i.rp_id.clone(),
            direct: None,
        })
    }

    /// `host:port`.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

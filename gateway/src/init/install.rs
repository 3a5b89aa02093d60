//! Makes everything in a folder beside, checks it as `check-config` does, and puts it into place.

use super::{
    Account, InitError,
    bank::Bank,
    given::Given,
    pki::{Authority, Pki, Request},
    place::Staging,
    plan::{Act, Kind, Rights, plan},
    texts::texts,
};
use crate::{Config, Loaded, doctor, faults, list_faults};
use std::path::Path;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const GATEWAY: (&str, &str) = ("gateway.pem", "gateway-key.pem");
const GATEWAY_REQUEST: &str = "gateway.csr";

/// What to install, and where.
pub struct Order<'a> {
    pub bank: &'a Bank,
    pub given: &'a Given,
    /// `/etc/signet`.
    pub folder: &'a Path,
    /// Writes settings again that are there, and what is missing.
    pub force: bool,
    /// Who gets the gateway's key, when another account than this one runs it.
    pub account: Option<&'a Account>,
    pub now: OffsetDateTime,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Files that were written, relative to the folder.
    pub written: Vec<String>,
    /// Files that were there and stayed.
    pub kept: Vec<String>,
    /// Requests that an outside authority must answer.
    pub requests: Vec<String>,
}

/// A file to be.
struct File {
    name: String,
    kind: Kind,
    rights: Rights,
    bytes: Zeroizing<Vec<u8>>,
}

/// Makes the files of a first gateway.
///
/// # Errors
/// Nothing was changed. Files are there already, an answer does not fit the others, or the disk.
pub fn install(order: &Order<'_>) -> Result<Installed, InitError> {
    let names = names(order.bank);
    let there = |n: &String| order.folder.join(n).symlink_metadata().is_ok();
    let (present, missing): (Vec<_>, Vec<_>) = names.into_iter().partition(there);
    if !present.is_empty() && !order.force {
        return Err(InitError::AlreadyThere {
            folder: order.folder.into(),
            there: present,
            missing,
        });
    }
    let mut files = Vec::new();
    let mut all = Makings { order, files: &mut files };
    let pki = all.authorities()?;
    all.settings(&pki)?;
    let stand_in = all.gateway(&pki)?;
    all.admin(&pki)?;
    all.dealers(&pki)?;
    let staging = Staging::beside(order.folder)?;
    let mut done = Installed::default();
    let mut put = Vec::new();
    for f in &files {
        match plan(f.kind, order.folder.join(&f.name).symlink_metadata().is_ok(), order.force) {
            Act::Keep => {
                staging.borrow(order.folder, &f.name)?;
                done.kept.push(f.name.clone());
            }
            Act::Write => {
                staging.write(&f.name, &f.bytes, f.rights)?;
                put.push((f.name.clone(), f.rights));
                done.written.push(f.name.clone());
            }
            // Somebody else made it since.
            Act::Stop => {
                let there = vec![f.name.clone()];
                let folder = order.folder.into();
                return Err(InitError::AlreadyThere { folder, there, missing: vec![] });
            }
        }
    }
    check(&staging, stand_in)?;
    staging.put(order.folder, &put, order.account)?;
    done.requests = done.written.iter().filter(|n| n.ends_with(".csr")).cloned().collect();
    Ok(done)
}

/// As `check-config`, in the folder where the files were made. A gateway whose certificate an
/// outside authority will issue is checked with one that stands in for it.
fn check(staging: &Staging, stand_in: Option<StandIn>) -> Result<(), InitError> {
    if let Some(s) = &stand_in {
        staging.remove(GATEWAYS)?;
        staging.write(GATEWAYS, s.authority.as_bytes(), Rights::Public)?;
        staging.write(GATEWAY.0, s.certificate.as_bytes(), Rights::Public)?;
    }
    let path = staging.folder.join("gateway.toml");
    let wrong = match Config::read(&path) {
        Err(e) => vec![e.to_string()],
        Ok(config) => {
            let mut wrong = faults(&config);
            wrong.extend(doctor::files(&config));
            wrong.extend(list_faults(&config).into_iter().map(|(_, text)| text));
            if wrong.is_empty() {
                wrong.extend(Loaded::of(config).err().map(|e| e.to_string()));
            }
            wrong
        }
    };
    if !wrong.is_empty() {
        return Err(InitError::Check(wrong));
    }
    if let Some(s) = stand_in {
        staging.remove(GATEWAY.0)?;
        staging.remove(GATEWAYS)?;
        staging.write(GATEWAYS, s.outside.as_bytes(), Rights::Public)?;
    }
    Ok(())
}

const GATEWAYS: &str = "gateways-ca.pem";

/// In place of what an outside authority has not issued yet.
struct StandIn {
    authority: String,
    certificate: String,
    /// What belongs there.
    outside: String,
}

/// The names of all files, which are known before anything is made.
fn names(b: &Bank) -> Vec<String> {
    let mut all: Vec<String> = [
        "gateway.toml",
        "risk.toml",
        "entitlements.cedar",
        "entitlements.toml",
        "instruments.toml",
    ]
    .map(str::to_owned)
    .into();
    let mut add = |names: &[&str]| all.extend(names.iter().map(|n| (*n).to_owned()));
    add(&["desks-ca.pem", "desks-ca-key.pem", GATEWAYS, "dealers-ca.pem", "admins-ca.pem"]);
    add(&[GATEWAY.1, if b.outside_gateways.is_some() { GATEWAY_REQUEST } else { GATEWAY.0 }]);
    let authorities = [
        (b.outside_gateways.is_none(), "authorities/gateways-ca-key.pem"),
        (b.own_dealers(), "authorities/dealers-ca.pem"),
        (b.own_dealers(), "authorities/dealers-ca-key.pem"),
        (b.outside_admins.is_none(), "authorities/admins-ca-key.pem"),
    ];
    all.extend(authorities.into_iter().filter(|(made, _)| *made).map(|(_, n)| n.to_owned()));
    let [certificate, key] = admin_names(b);
    all.extend([certificate, key]);
    let with_request = b.dealers.iter().filter(|d| d.request.is_some());
    all.extend(with_request.map(|d| format!("dealers/{}.pem", d.comp_id)));
    all
}

/// The first administrator's certificate, or request, and key.
fn admin_names(b: &Bank) -> [String; 2] {
    let end = if b.outside_admins.is_some() { "csr" } else { "pem" };
    [format!("admins/{}.{end}", b.admin), format!("admins/{}-key.pem", b.admin)]
}

/// Collects what will be written.
struct Makings<'a> {
    order: &'a Order<'a>,
    files: &'a mut Vec<File>,
}

impl Makings<'_> {
    fn add(&mut self, name: impl Into<String>, kind: Kind, rights: Rights, text: &str) {
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        self.files.push(File { name: name.into(), kind, rights, bytes });
    }

    fn there(&self, name: &str) -> bool {
        self.order.folder.join(name).symlink_metadata().is_ok()
    }

    /// The authorities that are there, or new ones.
    fn authorities(&mut self) -> Result<Pki, InitError> {
        let mut pki = Pki::make(self.order.bank, self.order.now)?;
        let files = [
            ("desks", "desks-ca.pem", "desks-ca-key.pem", Rights::Account),
            ("gateways", GATEWAYS, "authorities/gateways-ca-key.pem", Rights::Owner),
            (
                "dealers",
                "authorities/dealers-ca.pem",
                "authorities/dealers-ca-key.pem",
                Rights::Owner,
            ),
            ("administrators", "admins-ca.pem", "authorities/admins-ca-key.pem", Rights::Owner),
        ];
        for (role, certificate, key, rights) in files {
            let slot = match role {
                "desks" => Some(&mut pki.desks),
                "gateways" => pki.gateways.as_mut(),
                "dealers" => pki.dealers.as_mut(),
                _ => pki.admins.as_mut(),
            };
            let Some(authority) = slot else { continue };
            self.keep_or_add(role, authority, (certificate, key, rights))?;
        }
        Ok(pki)
    }

    fn keep_or_add(
        &mut self,
        role: &'static str,
        authority: &mut Authority,
        (certificate, key, rights): (&str, &str, Rights),
    ) -> Result<(), InitError> {
        let folder = self.order.folder;
        match (self.there(certificate), self.there(key)) {
            (true, true) => {
                let (c, k) = (folder.join(certificate), folder.join(key));
                *authority = Authority::load(&c, &k, self.order.now)?;
                authority.certificate = read(&c)?;
            }
            (true, false) if rights == Rights::Account => {
                return Err(InitError::AuthorityAway { role, path: folder.join(key) });
            }
            // Its key was taken to a safe place: it issues nothing here.
            (true, false) => {
                let text = read(&folder.join(certificate))?;
                *authority = Authority::away(role, folder.join(key), &text);
                self.add(certificate, Kind::Identity, Rights::Public, &text);
                return Ok(());
            }
            (false, true) => return Err(InitError::KeyAlone(folder.join(key))),
            (false, false) => {}
        }
        let (c, k) = (authority.certificate.clone(), authority.key.clone());
        self.add(certificate, Kind::Identity, Rights::Public, &c);
        self.add(key, Kind::Identity, rights, &k);
        Ok(())
    }

    fn settings(&mut self, pki: &Pki) -> Result<(), InitError> {
        let (bank, given) = (self.order.bank, self.order.given);
        for (name, text) in texts(bank, given) {
            self.add(name, Kind::Settings, Rights::Settings, &text);
        }
        let own = pki.dealers.as_ref().map(|a| a.certificate.as_str());
        let others = given.dealer_cas.iter().map(String::as_str);
        let trust: Vec<&str> = own.into_iter().chain(others).map(str::trim_end).collect();
        self.add("dealers-ca.pem", Kind::Settings, Rights::Public, &(trust.join("\n") + "\n"));
        let outside = [(GATEWAYS, &given.gateways), ("admins-ca.pem", &given.admins)];
        for (name, text) in outside {
            if let Some(text) = text {
                self.add(name, Kind::Settings, Rights::Public, text);
            }
        }
        Ok(())
    }

    /// The gateway's key, with a certificate or a request.
    fn gateway(&mut self, pki: &Pki) -> Result<Option<StandIn>, InitError> {
        let leaf = self.order.bank.gateway_leaf();
        let issued = pki.gateways.is_some() || self.there(GATEWAY.0);
        self.pair(if issued { GATEWAY.0 } else { GATEWAY_REQUEST }, GATEWAY.1)?;
        let now = self.order.now;
        if self.kept(GATEWAY.0, GATEWAY.1) {
            return Ok(None);
        }
        if let Some(authority) = &pki.gateways {
            let made = authority.issue(&leaf, now)?;
            self.add(GATEWAY.0, Kind::Identity, Rights::Public, &made.certificate);
            self.add(GATEWAY.1, Kind::Identity, Rights::Account, &made.key);
            return Ok(None);
        }
        if self.kept(GATEWAY_REQUEST, GATEWAY.1) {
            return self.stand_in(&read(&self.order.folder.join(GATEWAY_REQUEST))?).map(Some);
        }
        let made = Request::make(&leaf)?;
        self.add(GATEWAY_REQUEST, Kind::Identity, Rights::Public, &made.request);
        self.add(GATEWAY.1, Kind::Identity, Rights::Account, &made.key);
        self.stand_in(&made.request).map(Some)
    }

    fn stand_in(&self, request: &str) -> Result<StandIn, InitError> {
        let order = |why: String| InitError::Order { what: GATEWAY_REQUEST.into(), why };
        let key = crate::enrol::key_in_request(request.as_bytes());
        let key = key.map_err(|e| order(e.to_string()))?;
        let authority = Authority::make("stand-in", "gateways", self.order.now)?;
        let leaf = self.order.bank.gateway_leaf();
        let certificate = authority.certify(&leaf, &key, self.order.now)?;
        let outside = self.order.given.gateways.clone().unwrap_or_default();
        Ok(StandIn { authority: authority.certificate, certificate, outside })
    }

    fn admin(&mut self, pki: &Pki) -> Result<(), InitError> {
        let [certificate, key] = admin_names(self.order.bank);
        let leaf = self.order.bank.admin_leaf();
        self.pair(&certificate, &key)?;
        if self.kept(&certificate, &key) {
            return Ok(());
        }
        let (text, secret) = match &pki.admins {
            Some(authority) => {
                let made = authority.issue(&leaf, self.order.now)?;
                (made.certificate, made.key)
            }
            None => {
                let made = Request::make(&leaf)?;
                (made.request, made.key)
            }
        };
        self.add(certificate, Kind::Identity, Rights::Public, &text);
        self.add(key, Kind::Identity, Rights::Owner, &secret);
        Ok(())
    }

    fn dealers(&mut self, pki: &Pki) -> Result<(), InitError> {
        let Some(authority) = &pki.dealers else { return Ok(()) };
        let (bank, now) = (self.order.bank, self.order.now);
        for d in &bank.dealers {
            let Some(key) = self.order.given.requests.get(d.comp_id.as_str()) else { continue };
            let name = format!("dealers/{}.pem", d.comp_id);
            if self.kept(&name, &name) {
                continue;
            }
            let certificate = authority.certify(&bank.dealer_leaf(d), key, now)?;
            self.add(name, Kind::Identity, Rights::Public, &certificate);
        }
        Ok(())
    }

    /// Whether both are there, and stay.
    fn kept(&mut self, certificate: &str, key: &str) -> bool {
        let both = self.there(certificate) && self.there(key);
        if both {
            self.add(certificate, Kind::Identity, Rights::Public, "");
        }
        if both && certificate != key {
            self.add(key, Kind::Identity, Rights::Account, "");
        }
        both
    }

    /// Both of a pair, or neither: a new half would not belong to the old one.
    fn pair(&self, certificate: &str, key: &str) -> Result<(), InitError> {
        let alone = |name: &str| Err(InitError::KeyAlone(self.order.folder.join(name)));
        match (self.there(certificate), self.there(key)) {
            (true, false) => alone(certificate),
            (false, true) => alone(key),
            _ => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<String, InitError> {
    std::fs::read_to_string(path).map_err(|source| InitError::File { path: path.into(), source })
}

//! The section `[entitlements]`: who may ask which dealer for what.

use super::{Config, ConfigError};
use serde::Deserialize;
use signet_policy::entitle::{
    CedarEntitlements, Documents, InstrumentFacts, MAX_DOCUMENT_LEN, World,
};
use signet_rfq::Catalogue;
use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Required: what no policy permits is denied, so without policies nothing may be traded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntitlementsSection {
    /// The firm's policies, Cedar.
    pub policies: PathBuf,
    /// Rates, groups, panels and lists, TOML.
    pub facts: PathBuf,
}

/// The files' texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    pub policies: String,
    pub facts: String,
}

impl Texts {
    /// From texts by their names: `policies` and `facts`.
    pub fn of(documents: &BTreeMap<String, String>) -> Self {
        let text = |name| documents.get(name).cloned().unwrap_or_default();
        Self { policies: text("policies"), facts: text("facts") }
    }

    /// By their names.
    pub fn named(&self) -> BTreeMap<String, String> {
        let one = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        [one("policies", &self.policies), one("facts", &self.facts)].into()
    }

    pub fn documents(&self) -> Documents<'_> {
        Documents { policies: &self.policies, facts: &self.facts }
    }
}

impl EntitlementsSection {
    /// Reads both files.
    pub fn read(&self) -> Result<Texts, ConfigError> {
        Ok(Texts { policies: read(&self.policies)?, facts: read(&self.facts)? })
    }
}

/// At most one byte more than a document may have: what is too long is then found to be.
fn read(path: &Path) -> Result<String, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.into(), source };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(fail)?;
    file.take(MAX_DOCUMENT_LEN as u64 + 1).read_to_string(&mut text).map_err(fail)?;
    Ok(text)
}

impl Config {
    /// What policies may name.
    pub fn world(&self, catalogue: &Catalogue) -> World {
        let instrument = |i: &signet_rfq::Instrument| {
            let facts = InstrumentFacts {
                symbol: i.symbol.clone(),
                class: i.asset_class.words().into(),
                currency: i.currency.clone(),
                has_isin: i.asset_class.has_isin(),
            };
            (i.id.to_string(), facts)
        };
        World {
            gateway: self.gateway.comp_id.to_string(),
            dealers: self.dealer.iter().map(|d| d.comp_id.to_string()).collect(),
            instruments: catalogue.iter().map(instrument).collect(),
        }
    }

    /// The instruments file by itself, for commands that need nothing else.
    pub fn catalogue(&self) -> Result<Catalogue, ConfigError> {
        super::read_instruments(&self.gateway.instruments)
    }

    pub(crate) fn load_entitlements(
        &self,
        catalogue: &Catalogue,
    ) -> Result<(CedarEntitlements, Texts), ConfigError> {
        let texts = self.entitlements.read()?;
        Ok((CedarEntitlements::load(&texts.documents(), &self.world(catalogue))?, texts))
    }
}

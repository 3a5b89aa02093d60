//! One RFQ's bundle, for an auditor.

use super::{AdminError, open};
use crate::{
    config::Config,
    evidence::{BundleOrder, Bundled, bundle, by_its_desk},
};
use signet_registry::{EvidenceRow, Registry};
use signet_stepup::{Approval, evidence::Evidence};

/// A row of the registry's evidence, read.
pub(crate) type Touch = (EvidenceRow, Evidence);

/// Makes the bundle of one RFQ, named as its desk or its dealers name it, with the touches that the
/// registry has about it.
pub async fn evidence_bundle(config: &Config, order: &BundleOrder) -> Result<Bundled, AdminError> {
    let order = &by_its_desk(config, order)?;
    let approvals = match &config.registry {
        Some(_) => {
            let registry = open(config).await?;
            let all = touches(&registry, &order.rfq).await;
            registry.close().await;
            all?
        }
        None => Vec::new(),
    };
    Ok(bundle(config, order, approvals)?)
}

/// Every touch that names an RFQ of this name, oldest first.
async fn touches(registry: &Registry, rfq: &str) -> Result<Vec<Touch>, AdminError> {
    let (mut next, mut all) = (Some(0), Vec::new());
    while let Some(after) = next {
        let (found, then) = touches_after(registry, rfq, after).await?;
        all.extend(found);
        next = then;
    }
    Ok(all)
}

/// Those of a part of the registry's evidence, and where the next part begins; `None`: that was the
/// last.
pub(crate) async fn touches_after(
    registry: &Registry,
    rfq: &str,
    after: i64,
) -> Result<(Vec<Touch>, Option<i64>), AdminError> {
    let (rows, next) = registry.evidence_naming(rfq, after).await?;
    let line = format!("rfq={rfq}");
    let named = |e: &Evidence| {
        Approval::parse(&e.approval).is_ok() && e.approval.lines().any(|l| l == line)
    };
    let read = |row: EvidenceRow| {
        let record = Evidence::from_json(&row.record).ok();
        record.filter(named).map(|e| (row, e))
    };
    Ok((rows.into_iter().filter_map(read).collect(), next))
}

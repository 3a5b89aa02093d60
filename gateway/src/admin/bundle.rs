//! One RFQ's bundle, for an auditor.

use super::{AdminError, open};
use crate::{
    config::Config,
    evidence::{BundleOrder, Bundled, bundle, by_its_desk},
};
use signet_registry::{EvidenceRow, Registry};
use signet_stepup::{Approval, evidence::Evidence};

/// Makes the bundle of one RFQ, named as its desk or its dealers name it, with the touches that the
/// registry has about it.
pub async fn evidence_bundle(config: &Config, order: &BundleOrder) -> Result<Bundled, AdminError> {
    let order = &by_its_desk(config, order)?;
    let approvals = match &config.registry {
        Some(_) => {
            let registry = open(config).await?;
            let all = approvals_in(&registry, &order.rfq).await;
            registry.close().await;
            all?
        }
        None => Vec::new(),
    };
    Ok(bundle(config, order, approvals)?)
}

/// Every touch that names an RFQ of this name, oldest first.
pub(crate) async fn approvals_in(
    registry: &Registry,
    rfq: &str,
) -> Result<Vec<(EvidenceRow, Evidence)>, AdminError> {
    let (mut after, mut all, line) = (0, Vec::new(), format!("rfq={rfq}"));
    loop {
        let page = registry.evidence(None, after).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for row in page {
            let record = Evidence::from_json(&row.record);
            let named = |e: &Evidence| {
                Approval::parse(&e.approval).is_ok() && e.approval.lines().any(|l| l == line)
            };
            all.extend(record.ok().filter(named).map(|e| (row, e)));
        }
    }
    Ok(all)
}

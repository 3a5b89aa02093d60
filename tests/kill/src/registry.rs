//! The registry of a gateway, written by the test in place of the enrolment service.

use crate::{
    DESKS,
    firm::{Res, text},
    look::now,
};
use signet_gateway::Config;
use signet_identity::PeerIdentity;
use signet_registry::{
    CertificateRequest, Claim, IssuedCertificate, NewCode, NewUser, Registry, hex, hex_sha256,
};
use signet_rfq::UtcMillis;
use std::{fs, path::Path};

/// Who writes.
const TEST: &str = "test";

/// The user of a desk.
pub fn user(desk: &str) -> String {
    desk.to_lowercase()
}

/// Opens the registry of a configuration for one question.
pub(crate) async fn ask<T>(config: &Path, ask: impl AsyncFnOnce(&Registry) -> Res<T>) -> Res<T> {
    let config = Config::read(config).map_err(text)?;
    let section = config.registry.ok_or("the configuration has no registry")?;
    let registry = Registry::open(&section.url().map_err(text)?).await.map_err(text)?;
    let answer = ask(&registry).await;
    registry.close().await;
    answer
}

/// Each desk with the certificate that lies in `dir`.
pub(crate) async fn register(config: &Path, dir: &Path) -> Res<()> {
    ask(config, async |registry| {
        for desk in DESKS {
            one(registry, desk, dir).await?;
        }
        Ok(())
    })
    .await
}

async fn one(registry: &Registry, desk: &str, dir: &Path) -> Res<()> {
    let chain = fs::read(dir.join(format!("{desk}.chain"))).map_err(text)?;
    let chain: Vec<Vec<u8>> = serde_json::from_slice(&chain).map_err(text)?;
    let der = chain.into_iter().next().ok_or("no certificate")?;
    let peer = PeerIdentity::from_certificate(&der.as_slice().into()).map_err(text)?;
    let millis = |t: time::OffsetDateTime| UtcMillis(t.unix_timestamp() * 1_000);
    let user = NewUser {
        id: user(desk),
        comp_id: desk.into(),
        name: desk.into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let digest = hex_sha256(desk.as_bytes());
    let code =
        NewCode { digest: digest.clone(), expires: UtcMillis(now().0 + 60_000), managed: true };
    let id = user.id.clone();
    registry.add_users(&[(user, code)], TEST, now()).await.map_err(text)?;
    let ask = CertificateRequest {
        common_name: "laptop".into(),
        device: "laptop".into(),
        key: hex(peer.spki_sha256.as_bytes()),
    };
    let claim = registry.claim_by_code(&id, Some(&digest), &ask, now()).await.map_err(text)?;
    let Claim::Issue(order) = claim else { return Err("it was issued before".into()) };
    let issued = IssuedCertificate {
        serial: peer.serial.clone(),
        not_before: now(),
        not_after: millis(peer.not_after),
        der,
    };
    registry.complete(&order, &issued, TEST, now()).await.map_err(text)
}

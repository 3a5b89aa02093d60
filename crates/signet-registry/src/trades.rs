//! The pairs of user and dealer that have traded, for policies that treat a new dealer differently.

use super::{NewEvent, Registry, RegistryError, Tx, events};
use signet_rfq::UtcMillis;
use sqlx::Row as _;
use std::collections::HashSet;

impl Registry {
    /// A desk traded with a dealer; only the first time is kept. A desk that nobody is registered
    /// for is left out.
    pub async fn traded(
        &self,
        comp_id: &str,
        dealer: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        // The pair is nearly always known: then no lock is taken, and no gateway reads its view
        // again.
        let known = "SELECT COUNT(*) FROM trades t JOIN users u ON u.id = t.user_id WHERE \
            u.comp_id = $1 AND t.dealer = $2";
        let known: i64 = sqlx::query(known)
            .bind(comp_id)
            .bind(dealer)
            .fetch_one(&self.pool)
            .await?
            .try_get(0)?;
        if known > 0 {
            return Ok(());
        }
        let mut tx = self.write().await?;
        let insert = "INSERT INTO trades (user_id, dealer, first_ms) SELECT u.id, CAST($1 AS TEXT), CAST($2 AS BIGINT) FROM users u
            WHERE u.comp_id = $3 AND NOT EXISTS (SELECT 1 FROM trades t WHERE t.user_id = u.id AND t.dealer = $4)";
        let added = sqlx::query(insert)
            .bind(dealer)
            .bind(now.0)
            .bind(comp_id)
            .bind(dealer)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if added == 0 {
            return Ok(());
        }
        events::append(&mut tx, NewEvent::new(now, "gateway", "trade.first", comp_id, dealer))
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Every pair of user and dealer.
pub(super) async fn all(tx: &mut Tx) -> Result<HashSet<(String, String)>, RegistryError> {
    let rows = sqlx::query("SELECT user_id, dealer FROM trades").fetch_all(&mut **tx).await?;
    rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect()
}

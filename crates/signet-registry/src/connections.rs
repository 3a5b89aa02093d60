//! Connections of the registry go back to the pool only without a transaction.
//!
//! A database that meets a full disk may roll a transaction back by itself. The driver then cannot,
//! and goes on counting it as open: whatever is written over that connection later becomes a
//! savepoint within it, is reported as committed, and is lost, while nobody else can write.

use sqlx::{
    Any, AnyConnection, Connection as _, Database, TransactionManager as _, any::AnyPoolOptions,
};

/// Has connections that are not clean closed instead of used again.
pub(crate) fn clean_only(options: AnyPoolOptions) -> AnyPoolOptions {
    options.after_release(|connection, _| Box::pin(is_clean(connection)))
}

async fn is_clean(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // A transaction that was dropped is rolled back behind our back; after an answer it has been.
    connection.ping().await?;
    let open = <Any as Database>::TransactionManager::get_transaction_depth(connection);
    if open > 0 {
        tracing::warn!(
            open,
            "a connection to the registry has a transaction that could not be \
            ended; it is closed"
        );
    }
    Ok(open == 0)
}

#[cfg(test)]
mod tests {
    use crate::{CONNECTIONS_MAX, NewEvent, Registry, RegistryUrl};
    use signet_rfq::UtcMillis;

    /// What was reported as written is there for everybody, also after the database has rolled
    /// transactions back by itself on every connection.
    #[tokio::test]
    async fn nothing_is_written_within_a_transaction_that_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let url = RegistryUrl::Sqlite(dir.path().join("r.db"));
        let registry = Registry::open(&url).await.unwrap();
        for _ in 0..CONNECTIONS_MAX {
            let mut tx = registry.aside().await.unwrap();
            // As SQLite does when the disk is full.
            sqlx::query("ROLLBACK").execute(&mut *tx).await.unwrap();
            drop(tx);
            // And something fails that was begun after that.
            drop(registry.aside().await);
        }
        let note = |n: u32| NewEvent::new(UtcMillis(1), "test", "test.note", "", n.to_string());
        for n in 0..2 * CONNECTIONS_MAX {
            registry.note(note(n)).await.unwrap();
        }
        let other = Registry::connect(&url).await.unwrap();
        let (events, _) = other.events().await.unwrap();
        let there: Vec<String> =
            events.into_iter().filter(|e| e.kind == "test.note").map(|e| e.detail).collect();
        let all: Vec<String> = (0..2 * CONNECTIONS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(there, all);
    }
}

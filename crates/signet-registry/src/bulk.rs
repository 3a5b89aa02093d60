//! Many rows by few statements: everybody else waits for whoever writes, and to a database that is
//! some milliseconds away each statement costs that much.

use super::{RegistryError, Tx};
use sqlx::Any;

/// Rows that one statement writes. Few sizes, so that few statements are kept prepared, and no
/// larger one: SQLite looks at all values before it for each value that it is given.
const SIZES: [usize; 3] = [100, 10, 1];

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Adds rows to a table, in their order.
pub(super) async fn insert<const N: usize>(
    tx: &mut Tx,
    table: &'static str,
    columns: [&'static str; N],
    rows: Vec<[Value; N]>,
) -> Result<(), RegistryError> {
    let mut rows = rows.into_iter();
    for size in SIZES {
        if rows.len() < size {
            continue;
        }
        let text = statement(table, &columns, size);
        while rows.len() >= size {
            let mut query = sqlx::query::<Any>(&text);
            for value in rows.by_ref().take(size).flatten() {
                query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                };
            }
            query.execute(&mut **tx).await?;
        }
    }
    Ok(())
}

fn statement(table: &str, columns: &[&str], rows: usize) -> String {
    let mut values = (1..=rows.saturating_mul(columns.len())).map(|n| format!("${n}"));
    let row = |_| {
        let row: Vec<String> = values.by_ref().take(columns.len()).collect();
        format!("({})", row.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewEvent, Registry, RegistryUrl, events::verify};
    use signet_rfq::UtcMillis;

    #[test]
    fn each_value_has_a_number_of_its_own() {
        assert_eq!(
            statement("t", &["a", "b"], 3),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6)"
        );
        assert_eq!(statement("t", &["a"], 1), "INSERT INTO t (a) VALUES ($1)");
    }

    /// Around each size of a statement, and one that needs all of them.
    #[tokio::test]
    async fn every_row_is_written_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let r = Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap();
        let mut written: usize = 0;
        for count in [0, 1, 9, 10, 11, 99, 100, 101, 237] {
            let note = |n: usize| {
                let (subject, detail) = (format!("s{n}"), n.to_string());
                NewEvent::new(UtcMillis(5), "test", "test.note", subject, detail)
            };
            r.note_all((written..written + count).map(note).collect()).await.unwrap();
            written += count;
        }
        let (events, head) = r.events().await.unwrap();
        assert_eq!(verify(&events, (head.0, &head.1)), Ok(i64::try_from(written).unwrap()));
        for (n, e) in events.iter().enumerate() {
            let told = (e.subject.as_str(), e.detail.as_str(), e.actor.as_str(), e.at);
            let (subject, detail) = (format!("s{n}"), n.to_string());
            assert_eq!(told, (subject.as_str(), detail.as_str(), "test", UtcMillis(5)));
        }
        r.close().await;
    }
}

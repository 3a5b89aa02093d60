//! A whole registry in one file, the same for either database.
//!
//! JSON lines: a head with the schema, one line per row, and a last line with the number of rows
//! and a digest of everything before it. It holds no key and no code, but it does hold names and
//! the digests of codes: guard it like the registry.

use super::{NewEvent, Registry, RegistryError, events, hex, schema};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signet_rfq::UtcMillis;
use sqlx::Row as _;
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
};

const FORMAT: &str = "signet registry backup 1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    schema: i64,
    made_ms: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    table: String,
    row: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    rows: u64,
    sha256: String,
}

impl Registry {
    /// Writes a backup of one moment, while gateways run; how many rows. A registry of an older
    /// schema is written as it is: a backup comes before an upgrade.
    pub async fn backup(&self, out: &Path, now: UtcMillis) -> Result<u64, RegistryError> {
        let fail = |source| RegistryError::File { path: out.to_owned(), source };
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let schema = match schema::found(&mut tx, self.dialect).await? {
            0 => return Err(RegistryError::Empty),
            found if found > schema::SCHEMA => return Err(RegistryError::SchemaNew { found }),
            found => found,
        };
        let mut text = line(&Head { format: FORMAT.into(), schema, made_ms: now.0 })?;
        let mut rows = 0;
        for (table, columns) in schema::tables(schema) {
            let query =
                format!("SELECT {} FROM {table} ORDER BY {}", columns.join(", "), columns[0]);
            for r in sqlx::query(&query).fetch_all(&mut *tx).await? {
                let value = |n: usize| {
                    r.try_get::<i64, _>(n)
                        .map(Value::from)
                        .or_else(|_| r.try_get::<String, _>(n).map(Value::from))
                };
                let row = (0..columns.len()).map(value).collect::<Result<_, _>>()?;
                text.push_str(&line(&Line { table: table.into(), row })?);
                rows += 1;
            }
        }
        let sha256 = super::hex_sha256(text.as_bytes());
        text.push_str(&line(&Tail { rows, sha256 })?);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(out).map_err(fail)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        drop(file);
        if let Err(e) = written {
            // Half a backup would stand in the way of the next one.
            let _ = fs::remove_file(out);
            return Err(fail(e));
        }
        sync_folder(out);
        Ok(rows)
    }

    /// Puts a backup back, all of it or nothing; how many rows. What the registry holds is lost,
    /// and that takes `replace`. Its version goes on rising, so that running gateways notice.
    ///
    /// One-time codes that were open when the backup was made are void: whoever used one since, or
    /// found one that was used, could use it once more.
    pub async fn restore(
        &self,
        from: &Path,
        replace: bool,
        actor: &str,
        now: UtcMillis,
    ) -> Result<u64, RegistryError> {
        self.put_back(from, (replace, false), actor, now).await
    }

    /// The same, and codes that were open then are open again: for a registry that moves to another
    /// database, and in which nothing was done since the backup.
    pub async fn restore_with_codes(
        &self,
        from: &Path,
        replace: bool,
        actor: &str,
        now: UtcMillis,
    ) -> Result<u64, RegistryError> {
        self.put_back(from, (replace, true), actor, now).await
    }

    async fn put_back(
        &self,
        from: &Path,
        (replace, keep_codes): (bool, bool),
        actor: &str,
        now: UtcMillis,
    ) -> Result<u64, RegistryError> {
        let (schema, lines) = read(from)?;
        let mut tx = self.exclusive().await?;
        let (mut version, mut crl_number, mut lost) = (0i64, 0i64, String::new());
        if schema::found(&mut tx, self.dialect).await? > 0 {
            let users: i64 =
                sqlx::query("SELECT COUNT(*) FROM users").fetch_one(&mut *tx).await?.try_get(0)?;
            let meta = sqlx::query("SELECT version, head_seq FROM registry_meta WHERE id = 1")
                .fetch_one(&mut *tx)
                .await?;
            let events: i64 = meta.try_get(1)?;
            if (users > 0 || events > 0) && !replace {
                return Err(RegistryError::NotEmpty);
            }
            version = meta.try_get(0)?;
            crl_number = sqlx::query("SELECT number FROM crl WHERE id = 1")
                .fetch_one(&mut *tx)
                .await?
                .try_get(0)?;
            lost = evidence_head(&mut tx).await?;
            schema::drop_all(&mut tx).await?;
        }
        // As it was when the backup was made, and from there on.
        schema::migrate(&mut tx, self.dialect, 0, schema).await?;
        for table in ["registry_meta", "crl"] {
            sqlx::query(&format!("DELETE FROM {table}")).execute(&mut *tx).await?;
        }
        let tables = schema::tables(schema);
        for l in &lines {
            insert(&mut tx, &tables, l).await?;
        }
        schema::migrate(&mut tx, self.dialect, schema, schema::SCHEMA).await?;
        let raise = sqlx::query("UPDATE registry_meta SET version = version + $1 + 1 WHERE id = 1")
            .bind(version);
        if raise.execute(&mut *tx).await?.rows_affected() != 1 {
            return Err(RegistryError::BadBackup("it has no registry_meta".into()));
        }
        // The list is made again from what is now in force, and its number never goes back.
        let crl = "UPDATE crl SET covers = '', number = CASE WHEN number > $1 THEN number ELSE $1 \
            END WHERE id = 1";
        sqlx::query(crl).bind(crl_number).execute(&mut *tx).await?;
        let codes = match keep_codes {
            true => "open codes kept".to_owned(),
            false => format!("{} open codes void", void_codes(&mut tx).await?),
        };
        let head = evidence_head(&mut tx).await?;
        let detail = format!("{} rows; {codes}; {head}; before: {lost}", lines.len());
        events::append(&mut tx, NewEvent::new(now, actor, "registry.restored", "", detail)).await?;
        tx.commit().await?;
        Ok(lines.len() as u64)
    }
}

/// Ends every code of traders and administrators that is open; how many.
async fn void_codes(tx: &mut super::Tx) -> Result<u64, RegistryError> {
    let mut count = 0u64;
    for statement in
        ["UPDATE codes SET state = 'replaced' WHERE state = 'open'", "DELETE FROM console_invites"]
    {
        let ended = sqlx::query(statement).execute(&mut **tx).await?.rows_affected();
        count = count.saturating_add(ended);
    }
    Ok(count)
}

/// A file that is on the disk is lost when its name is not. A share may not know how: the file is
/// good all the same.
fn sync_folder(file: &Path) {
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = fs::File::open(folder).and_then(|f| f.sync_all());
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// The log's text about evidence that a restore removes or brings back.
async fn evidence_head(tx: &mut super::Tx) -> Result<String, RegistryError> {
    if sqlx::query("SELECT schema_version FROM registry_meta WHERE id = 1")
        .fetch_one(&mut **tx)
        .await?
        .try_get::<i64, _>(0)?
        < 2
    {
        return Ok("no evidence".into());
    }
    let head = sqlx::query("SELECT evidence_seq, evidence_hash FROM registry_meta WHERE id = 1")
        .fetch_one(&mut **tx)
        .await?;
    Ok(format!("evidence up to {} {}", head.try_get::<i64, _>(0)?, head.try_get::<String, _>(1)?))
}

fn line(value: &impl Serialize) -> Result<String, RegistryError> {
    let mut text =
        serde_json::to_string(value).map_err(|e| RegistryError::BadBackup(e.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Schema and rows, once head, digest and count have been checked: half a file is not a backup.
fn read(from: &Path) -> Result<(i64, Vec<Line>), RegistryError> {
    let fail = |source| RegistryError::File { path: from.to_owned(), source };
    let bad = |why: &str| RegistryError::BadBackup(why.into());
    let file = BufReader::new(fs::File::open(from).map_err(fail)?);
    let mut texts = file.lines().collect::<Result<Vec<_>, _>>().map_err(fail)?;
    let tail: Tail = texts
        .pop()
        .and_then(|t| serde_json::from_str(&t).ok())
        .ok_or_else(|| bad("its end is missing"))?;
    let mut digest = Context::new(&SHA256);
    for t in &texts {
        digest.update(t.as_bytes());
        digest.update(b"\n");
    }
    if hex(digest.finish().as_ref()) != tail.sha256 || tail.rows + 1 != texts.len() as u64 {
        return Err(bad("it was changed or is incomplete"));
    }
    let head: Head = texts
        .first()
        .and_then(|t| serde_json::from_str(t).ok())
        .ok_or_else(|| bad("its head cannot be read"))?;
    if head.format != FORMAT || !(1..=schema::SCHEMA).contains(&head.schema) {
        return Err(bad(&format!("it has format {:?} and schema {}", head.format, head.schema)));
    }
    let row = |t: &String| {
        serde_json::from_str(t).map_err(|e| bad(&format!("a row cannot be read: {e}")))
    };
    Ok((head.schema, texts.iter().skip(1).map(row).collect::<Result<_, _>>()?))
}

async fn insert(
    tx: &mut super::Tx,
    tables: &[(&str, Vec<&str>)],
    l: &Line,
) -> Result<(), RegistryError> {
    let bad = || RegistryError::BadBackup(format!("a row of {:?} does not fit", l.table));
    // Names come from our own list, never from the file.
    let (table, columns) = tables.iter().find(|(t, _)| *t == l.table).ok_or_else(bad)?;
    if columns.len() != l.row.len() {
        return Err(bad());
    }
    let places: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let statement =
        format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
    let mut query = sqlx::query(&statement);
    for v in &l.row {
        query = match v {
            Value::Number(n) => query.bind(n.as_i64().ok_or_else(bad)?),
            Value::String(s) => query.bind(s.clone()),
            _ => return Err(bad()),
        };
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

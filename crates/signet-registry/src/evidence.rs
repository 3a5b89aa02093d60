//! The evidence of approvals: rows that are only ever added, chained like events. The database
//! itself refuses to change or delete one.
//!
//! The head of the chain is in every `stepup.passed` event, so the two logs vouch for each other.

use super::{
    AccountState, CounterBack, KeyState, NewEvent, Registry, RegistryError, Tx, accounts, events,
    hex_sha256, keys, search,
};
use signet_rfq::UtcMillis;
use signet_stepup::evidence::Evidence;
use sqlx::{Row as _, any::AnyRow};

/// Rows read at once.
const PAGE: i64 = 500;
/// Rows that are looked through at once for those about an RFQ.
const SOUGHT: i64 = 5_000;

/// A row of the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its number: 1, 2, 3 ... without a gap.
    pub seq: i64,
    /// When the step-up was judged, by the gateway's clock.
    pub at: UtcMillis,
    /// Who approved, by user id.
    pub user: String,
    /// SHA-256 of the approval's text, lower-case hexadecimal.
    pub approval: String,
    /// [`Evidence`] as JSON.
    pub record: String,
    /// `hash` of the row before; empty for the first.
    pub prev: String,
    /// SHA-256 over every field above, lower-case hexadecimal.
    pub hash: String,
}

/// A step-up that was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Number of its row in the evidence.
    pub seq: i64,
    /// The key's name at that time, given by its owner.
    pub key_name: String,
}

/// Why a step-up that was signed does not count.
#[derive(Debug, thiserror::Error)]
pub enum RecordRefusal {
    /// The user was locked between challenge and answer.
    #[error("the account is locked")]
    UserLocked,
    /// The key is unknown, another user's, locked or removed.
    #[error("the key is locked or removed")]
    KeyNotActive,
    /// The key is locked now.
    #[error("the key's counter went back")]
    CounterWentBack,
    /// The database did not take it; nothing was written down.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<sqlx::Error> for RecordRefusal {
    fn from(e: sqlx::Error) -> Self {
        Self::Registry(e.into())
    }
}

impl EvidenceRow {
    /// Every field with its length, so that no two rows have one digest.
    fn digest(&self) -> String {
        let mut bytes = Vec::new();
        for field in [
            &self.seq.to_string(),
            &self.at.0.to_string(),
            &self.user,
            &self.approval,
            &self.record,
            &self.prev,
        ] {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        hex_sha256(&bytes)
    }

    /// Whether it is row `seq` after `prev`, unaltered, and its record proves what the row says.
    fn check(&self, seq: i64, prev: &str) -> Result<(), String> {
        if self.seq != seq {
            return Err("one is missing".into());
        }
        if self.prev != prev {
            return Err("it does not follow the one before".into());
        }
        if self.digest() != self.hash {
            return Err("its content was changed".into());
        }
        let record =
            Evidence::from_json(&self.record).map_err(|e| format!("{} ({})", e, e.code()))?;
        let same = record.user == self.user
            && record.at_ms == self.at.0
            && format!("{:?}", record.approval_digest()) == self.approval;
        if !same {
            return Err("the record is about something else".into());
        }
        record.verify().map_err(|e| format!("{} ({})", e, e.code()))
    }
}

/// What is wrong with evidence. At fault: whoever changed the database other than through this
/// program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("evidence {seq}: {why}")]
pub struct EvidenceChainError {
    /// Number of the first row that does not fit.
    pub seq: i64,
    /// What does not fit, in words.
    pub why: String,
}

impl Registry {
    /// A step-up that was judged good: counts the key on and keeps the evidence, or neither. On
    /// disk when this returns. `asked`: what asked for it, which ends the detail of the event.
    /// `then`: what follows when its counter has gone back meanwhile.
    pub async fn record_assertion(
        &self,
        credential_id: &str,
        (counter, then): (u32, CounterBack),
        mut evidence: Evidence,
        (action, asked): (&str, &str),
        now: UtcMillis,
    ) -> Result<Recorded, RecordRefusal> {
        let mut tx = self.aside().await?;
        let key = keys::by_credential(&mut tx, credential_id)
            .await?
            .ok_or(RecordRefusal::KeyNotActive)?;
        if key.state != KeyState::Active || key.user != evidence.user {
            return Err(RecordRefusal::KeyNotActive);
        }
        if accounts::user_by_id(&mut tx, &key.user)
            .await?
            .is_none_or(|u| u.state == AccountState::Locked)
        {
            return Err(RecordRefusal::UserLocked);
        }
        // WebAuthn Level 2 §6.1.1. Asked of the newest state: another challenge may have been
        // answered meanwhile.
        let rises = counter > key.counter || (counter == 0 && key.counter == 0);
        if !rises {
            keys::counter_is_back(&mut tx, &key, then, now).await?;
            tx.commit().await?;
            return Err(RecordRefusal::CounterWentBack);
        }
        let update = sqlx::query(
            "UPDATE security_keys SET counter = $1, last_used_ms = $2 WHERE credential_id = $3",
        );
        update.bind(i64::from(counter)).bind(now.0).bind(credential_id).execute(&mut *tx).await?;
        evidence.key_name.clone_from(&key.name);
        let row = append(&mut tx, &evidence).await?;
        let blank = if asked.is_empty() { "" } else { " " };
        let detail = format!(
            "{action}, key {:?} {}, evidence {} {}{blank}{asked}",
            key.name, key.id, row.seq, row.hash
        );
        events::append(&mut tx, NewEvent::new(now, "gateway", "stepup.passed", &key.user, detail))
            .await?;
        tx.commit().await?;
        Ok(Recorded { seq: row.seq, key_name: key.name })
    }

    /// Rows after `after`, oldest first, a page of them; of one user, or of all.
    pub async fn evidence(
        &self,
        user: Option<&str>,
        after: i64,
    ) -> Result<Vec<EvidenceRow>, RegistryError> {
        let condition =
            if user.is_some() { "seq > $1 AND user_id = $2" } else { "seq > $1 AND $2 = ''" };
        let query =
            format!("SELECT {ROW} FROM evidence WHERE {condition} ORDER BY seq LIMIT {PAGE}");
        let rows = sqlx::query(&query)
            .bind(after)
            .bind(user.unwrap_or_default().to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Rows after `after` that name an RFQ of this name, oldest first, and where the next part
    /// begins; `None`: that was the last. Looks through a bounded number of rows, of which those
    /// that name no such RFQ stay in the database.
    pub async fn evidence_naming(
        &self,
        rfq: &str,
        after: i64,
    ) -> Result<(Vec<EvidenceRow>, Option<i64>), RegistryError> {
        let until = after.saturating_add(SOUGHT);
        let query = format!(
            "SELECT {ROW} FROM evidence WHERE seq > $1 AND seq <= $2 AND record LIKE $3 \
                ESCAPE '\\' ORDER BY seq"
        );
        let found = sqlx::query(&query).bind(after).bind(until).bind(naming(rfq));
        let rows = found.fetch_all(&self.pool).await?;
        let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
        let (end, _) = self.evidence_head().await?;
        Ok((rows, Some(until).filter(|until| *until < end)))
    }

    /// The row with this number; `None` when there is none.
    pub async fn evidence_by_seq(&self, seq: i64) -> Result<Option<EvidenceRow>, RegistryError> {
        let query = format!("SELECT {ROW} FROM evidence WHERE seq = $1");
        let row = sqlx::query(&query).bind(seq).fetch_optional(&self.pool).await?;
        row.as_ref().map(read).transpose()
    }

    /// The last row's number and digest.
    pub async fn evidence_head(&self) -> Result<(i64, String), RegistryError> {
        let row = sqlx::query("SELECT evidence_seq, evidence_hash FROM registry_meta WHERE id = 1")
            .fetch_one(&self.pool)
            .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// Checks the whole chain and every record in it; how many there are, or the first fault.
    pub async fn verify_evidence(&self) -> Result<Result<i64, EvidenceChainError>, RegistryError> {
        // What is added meanwhile is not waited for.
        let (end, head) = self.evidence_head().await?;
        let (mut seq, mut prev) = (0, String::new());
        while seq < end {
            let page = self.evidence(None, seq).await?;
            if page.is_empty() {
                break;
            }
            for row in page.into_iter().take_while(|r| r.seq <= end) {
                seq += 1;
                if let Err(why) = row.check(seq, &prev) {
                    return Ok(Err(EvidenceChainError { seq, why }));
                }
                prev = row.hash;
            }
        }
        let whole = seq == end && prev == head;
        Ok(if whole {
            Ok(seq)
        } else {
            Err(EvidenceChainError { seq: seq + 1, why: "the end was cut off".into() })
        })
    }
}

const ROW: &str = "seq, at_ms, user_id, approval, record, prev, hash";

/// Records whose approval has the line `rfq=NAME`, which is part of a text in JSON there.
fn naming(rfq: &str) -> String {
    let lines = serde_json::Value::from(format!("\nrfq={rfq}\n")).to_string();
    format!("%{}%", search::literal(lines.trim_matches('"')))
}

/// The caller's transaction holds the lock that puts writers in a row.
async fn append(tx: &mut Tx, evidence: &Evidence) -> Result<EvidenceRow, RegistryError> {
    let head = sqlx::query("SELECT evidence_seq, evidence_hash FROM registry_meta WHERE id = 1")
        .fetch_one(&mut **tx)
        .await?;
    let mut row = EvidenceRow {
        seq: head.try_get::<i64, _>(0)? + 1,
        at: UtcMillis(evidence.at_ms),
        user: evidence.user.clone(),
        approval: format!("{:?}", evidence.approval_digest()),
        record: evidence.to_json(),
        prev: head.try_get(1)?,
        hash: String::new(),
    };
    row.hash = row.digest();
    sqlx::query(
        "INSERT INTO evidence (seq, at_ms, user_id, approval, record, prev, hash) VALUES \
        ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.seq)
    .bind(row.at.0)
    .bind(row.user.clone())
    .bind(row.approval.clone())
    .bind(row.record.clone())
    .bind(row.prev.clone())
    .bind(row.hash.clone())
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE registry_meta SET evidence_seq = $1, evidence_hash = $2 WHERE id = 1")
        .bind(row.seq)
        .bind(row.hash.clone())
        .execute(&mut **tx)
        .await?;
    Ok(row)
}

fn read(r: &AnyRow) -> Result<EvidenceRow, RegistryError> {
    Ok(EvidenceRow {
        seq: r.try_get(0)?,
        at: UtcMillis(r.try_get(1)?),
        user: r.try_get(2)?,
        approval: r.try_get(3)?,
        record: r.try_get(4)?,
        prev: r.try_get(5)?,
        hash: r.try_get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RegistryUrl;

    #[tokio::test]
    async fn rows_about_one_rfq_are_found_among_all_part_by_part() {
        let dir = tempfile::tempdir().unwrap();
        let r = Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap();
        let odd = "x_%\"\\'";
        for (seq, rfq) in [
            (1, "R1"),
            (2, "R10"),
            (3, "A.R1"),
            (4, odd),
            (5, "xyz\"\\'"),
            (SOUGHT, "R1"),
            (SOUGHT + 1, "R1"),
            (SOUGHT + 2, "R2"),
        ] {
            let text = format!("signet-step-up 1\ndesk=A\nrfq={rfq}\nside=buy\n");
            let insert = "INSERT INTO evidence (seq, at_ms, user_id, approval, record, prev, hash) \
                VALUES ($1, 0, 'alice', $2, $3, '', $2)";
            let insert = sqlx::query(insert).bind(seq).bind(seq.to_string());
            let record = serde_json::json!({ "approval": text }).to_string();
            insert.bind(record).execute(&r.pool).await.unwrap();
        }
        let head = sqlx::query("UPDATE registry_meta SET evidence_seq = $1 WHERE id = 1");
        head.bind(SOUGHT + 2).execute(&r.pool).await.unwrap();
        let more = Some(SOUGHT);
        for (rfq, after, want, next) in [
            ("R1", 0, vec![1, SOUGHT], more),
            ("R1", SOUGHT, vec![SOUGHT + 1], None),
            ("A.R1", 0, vec![3], more),
            (odd, 0, vec![4], more),
            ("R%", 0, vec![], more),
            ("", 0, vec![], more),
            ("R1", SOUGHT + 2, vec![], None),
        ] {
            let (rows, found) = r.evidence_naming(rfq, after).await.unwrap();
            let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            assert_eq!((seqs, found), (want, next), "{rfq} after {after}");
        }
        r.close().await;
    }
}

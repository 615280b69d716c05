//! Reading a workspace's audit log from its beginning: whether it is as it was written.

use std::{fmt, str::FromStr};

use serde::Serialize;
use uuid::Uuid;

use super::{
    audit::{AuditRow, COLUMNS},
    audit_seal::{self, End},
};
use herald_base::{boxed, vault::Sealed};
use herald_db::{Db, Result, query};

/// Rows read at a time.
const GROUP: i64 = 1_000;

/// A row that was there once: kept outside of the database, it shows when the log was replaced by an older or another
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub workspace_id: Uuid,
    /// The row's place in it.
    pub seq: i64,
    /// The row's hash.
    pub hash: String,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.workspace_id, self.seq, self.hash)
    }
}

impl FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("{text:?} is not a checkpoint: use one that an earlier verification returned");
        let mut parts = text.trim().splitn(3, '/');
        let mut part = || parts.next().ok_or_else(wrong);
        let (workspace_id, seq, hash) = (part()?, part()?, part()?);
        Ok(Self {
            workspace_id: workspace_id.parse().map_err(|_| wrong())?,
            seq: seq.parse().map_err(|_| wrong())?,
            hash: hash.to_owned(),
        })
    }
}

/// The result of verifying a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verified {
    /// The number of intact rows, counted from the first row to the first fault.
    pub rows: i64,
    /// How many of these rows were written without the key: by an older version, or by a process without `secrets.key`.
    /// The rows after them protect them.
    pub unkeyed: i64,
    /// The hash of the last intact row.
    pub head: String,
    /// The last row that the seal of the chain's end covers.
    pub sealed: Option<i64>,
    /// The checkpoint to keep outside of the database and to send with a later verification.
    pub checkpoint: Option<String>,
    /// The fault after the intact rows, if there is one.
    pub broken: Option<String>,
}

/// Reads a workspace's chain from its beginning and says where it is broken. With a checkpoint, that row must be there.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn verify(db: &Db, workspace_id: Uuid, checkpoint: Option<&Checkpoint>) -> Result<Verified> {
    // Read first: rows written while we read only make the chain longer than that.
    let end: Option<End> = query("select seq, hash, sealed_seq, seal from audit_heads where workspace_id = $1")
        .bind(workspace_id)
        .optional(db)
        .await?;
    let mut reading = Reading::new(db, workspace_id, end.unwrap_or_default(), checkpoint);
    loop {
        let rows: Vec<AuditRow> = query(&format!(
            "select {COLUMNS} from audit_log where workspace_id = $1 and seq > $2 order by seq limit $3"
        ))
        .bind(workspace_id)
        .bind(reading.found.rows)
        .bind(GROUP)
        .all(db)
        .await?;
        for row in &rows {
            if let Some(wrong) = reading.take(row) {
                return Ok(Verified { broken: Some(wrong), checkpoint: None, ..reading.found });
            }
        }
        if i64::try_from(rows.len()).unwrap_or(GROUP) < GROUP {
            break;
        }
    }
    Ok(reading.finish())
}

struct Reading<'a> {
    db: &'a Db,
    workspace_id: Uuid,
    end: End,
    checkpoint: Option<&'a Checkpoint>,
    found: Verified,
    /// The row that the chain's end names was there.
    end_seen: bool,
    /// The hash of the row up to which the end is sealed.
    sealed_hash: Option<String>,
    any_keyed: bool,
}

impl<'a> Reading<'a> {
    fn new(db: &'a Db, workspace_id: Uuid, end: End, checkpoint: Option<&'a Checkpoint>) -> Self {
        let found = Verified { rows: 0, unkeyed: 0, head: String::new(), sealed: None, checkpoint: None, broken: None };
        let end_seen = end.seq == 0;
        Self { db, workspace_id, end, checkpoint, found, end_seen, sealed_hash: None, any_keyed: false }
    }

    /// Takes the next row in, and returns the fault in it, if there is one.
    fn take(&mut self, row: &AuditRow) -> Option<String> {
        let expected = self.found.rows + 1;
        if row.seq != expected {
            return Some(format!("row {expected} is missing"));
        }
        if row.previous_hash != self.found.head {
            return Some(format!("row {expected} does not follow the row before it"));
        }
        let is_keyed = audit_seal::is_keyed(&row.hash);
        let told = row.told(self.workspace_id);
        let verdict = match (is_keyed, self.db.sealer()) {
            (false, _) if row.hash == AuditRow::plain_hash(&told) => Sealed::True,
            (false, _) => Sealed::False,
            (true, Some(sealer)) => audit_seal::check_row(sealer, &told, &row.hash),
            (true, None) => Sealed::OtherKey,
        };
        match verdict {
            Sealed::True => {}
            Sealed::False => return Some(format!("row {expected} was changed")),
            Sealed::OtherKey => return Some(format!("row {expected} {OTHER_KEY}")),
        }
        if let Some(noted) = self.checkpoint.filter(|noted| noted.seq == expected && noted.hash != row.hash) {
            return Some(format!("row {} is not the row of the checkpoint", noted.seq));
        }
        self.any_keyed |= is_keyed;
        self.found.unkeyed += i64::from(!is_keyed);
        self.found.rows = row.seq;
        self.found.head.clone_from(&row.hash);
        self.end_seen |= (row.seq, &row.hash) == (self.end.seq, &self.end.hash);
        if self.end.sealed_seq == Some(row.seq) {
            self.sealed_hash = Some(row.hash.clone());
        }
        None
    }

    fn finish(mut self) -> Verified {
        self.found.broken = self.wrong_end();
        if self.found.broken.is_none() && self.found.rows > 0 {
            let (seq, hash) = (self.found.rows, self.found.head.clone());
            let checkpoint = Checkpoint { workspace_id: self.workspace_id, seq, hash };
            self.found.checkpoint = Some(checkpoint.to_string());
        }
        self.found
    }

    /// The fault in the chain's end, if there is one.
    fn wrong_end(&mut self) -> Option<String> {
        let rows = self.found.rows;
        if let Some(noted) = self.checkpoint {
            if noted.workspace_id != self.workspace_id {
                return Some("the checkpoint belongs to the log of another workspace".to_owned());
            }
            if noted.seq > rows {
                return Some(format!("the chain ends at row {rows}, but the checkpoint names row {}", noted.seq));
            }
        }
        if !self.end_seen {
            return Some(format!("the chain ends at row {rows}, but {} rows were written", self.end.seq));
        }
        let (Some(seq), Some(seal)) = (self.end.sealed_seq, &self.end.seal) else {
            return self.any_keyed.then(|| format!("the seal on the end, row {rows}, is missing"));
        };
        let Some(sealer) = self.db.sealer() else { return Some(format!("the end {OTHER_KEY}")) };
        let hash = self.sealed_hash.as_deref();
        match hash.map(|hash| audit_seal::check_end(sealer, self.workspace_id, seq, hash, seal)) {
            Some(Sealed::True) => {
                self.found.sealed = Some(seq);
                None
            }
            Some(Sealed::OtherKey) => Some(format!("the end {OTHER_KEY}")),
            Some(Sealed::False) | None => Some(format!(
                "the seal does not fit the end at row {rows}: rows after it were cut off, or the rows were forged"
            )),
        }
    }
}

const OTHER_KEY: &str = "was sealed with a key that this process does not have: give it the installation's \
                         secrets.key, with older keys after the first";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_is_written() {
        let written = Checkpoint { workspace_id: Uuid::max(), seq: 7, hash: "ab:cd".to_owned() };
        assert_eq!(written.to_string().parse::<Checkpoint>().unwrap(), written);
        for wrong in ["", "x/1/ab", "7"] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong}");
        }
    }
}

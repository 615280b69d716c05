//! The seals of the audit log: keyed hashes, whose key does not lie in the database.
//!
//! Each row's hash is keyed, and so is the seal on the chain's end. An attacker who can write to the database, but has
//! no key, cannot change a row, cut rows off, or make up a new end. A seal that does not fit is never replaced, so
//! damage still shows after more rows were written.

use uuid::Uuid;

use herald_base::vault::{Sealed, Sealer};
use herald_db::{FromRow, Result, Tx, query};

const ROW: &str = "audit row";
const END: &str = "audit end";

/// Whether a row's hash is keyed: those of older versions are not.
pub(super) fn is_keyed(hash: &str) -> bool {
    hash.contains(':')
}

/// The hash of a row.
pub(super) fn of_row(sealer: &Sealer, told: &[u8]) -> String {
    sealer.seal(ROW, &[told])
}

/// Checks the hash of a row.
pub(super) fn check_row(sealer: &Sealer, told: &[u8], hash: &str) -> Sealed {
    sealer.check(ROW, &[told], hash)
}

/// The end of a chain, as the database has it.
#[derive(Clone, Debug, Default, FromRow)]
pub(super) struct End {
    pub(super) seq: i64,
    pub(super) hash: String,
    pub(super) sealed_seq: Option<i64>,
    pub(super) seal: Option<String>,
}

/// The seal on a chain that ends with this row.
pub(super) fn of_end(sealer: &Sealer, workspace_id: Uuid, seq: i64, hash: &str) -> String {
    sealer.seal(END, &[workspace_id.as_bytes(), &seq.to_le_bytes(), hash.as_bytes()])
}

/// Checks the seal that was set when the chain ended with this row.
pub(super) fn check_end(sealer: &Sealer, workspace_id: Uuid, seq: i64, hash: &str, seal: &str) -> Sealed {
    sealer.check(END, &[workspace_id.as_bytes(), &seq.to_le_bytes(), hash.as_bytes()], seal)
}

/// Whether a chain may be sealed anew after one more row: its end is still the sealed one, or follows it.
pub(super) async fn may_go_on(tx: &mut Tx, sealer: &Sealer, workspace_id: Uuid, before: &End) -> Result<bool> {
    let (sealed_seq, seal) = match (before.sealed_seq, &before.seal) {
        (Some(sealed_seq), Some(seal)) => (sealed_seq, seal),
        // Never sealed. A keyed row without a seal had one.
        _ => return Ok(!is_keyed(&before.hash)),
    };
    if sealed_seq == before.seq {
        return Ok(check_end(sealer, workspace_id, sealed_seq, &before.hash, seal) == Sealed::True);
    }
    // A process without the key has written since. Its rows must follow the sealed one.
    let sealed: Option<(String,)> = query("select hash from audit_log where workspace_id = $1 and seq = $2")
        .bind(workspace_id)
        .bind(sealed_seq)
        .optional(tx)
        .await?;
    let fits = |(hash,): (String,)| check_end(sealer, workspace_id, sealed_seq, &hash, seal) == Sealed::True;
    Ok(sealed_seq < before.seq && sealed.is_some_and(fits))
}

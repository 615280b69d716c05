//! What messaging holds about a person: why they are not written to. When the person is erased, the hash of the address
//! stays, without the person: nobody writes to it again.

use herald_contacts::{ContactError, Held, Holder, Move, Whom};
use herald_providers::files::Key;
use serde_json::json;

use super::suppression::{forget_person, of_contact};
use herald_db::Tx;

/// The suppressions.
pub const HOLDER: Holder = Holder {
    columns: &[("suppressions", "contact_id note lifted_why")],
    moves: &[Move::all("suppressions")],
    read: |tx, whom| Box::pin(read(tx, whom)),
    erase: |tx, whom| Box::pin(erase(tx, whom)),
};

async fn read(tx: &mut Tx, whom: &Whom) -> Result<Held, ContactError> {
    let mut held = Held::default();
    let rows = of_contact(tx, whom.workspace_id, whom.contact.id).await?;
    held.add("suppressions", rows.iter().map(|row| json!(row)).collect());
    Ok(held)
}

async fn erase(tx: &mut Tx, whom: &Whom) -> Result<Vec<Key>, ContactError> {
    forget_person(tx, whom.workspace_id, whom.contact.id).await?;
    Ok(Vec::new())
}

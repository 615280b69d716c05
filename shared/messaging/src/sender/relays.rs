//! The mail servers among which a sender shares its mails.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MessagingError, Result, SenderFields};
use herald_db::{Bulk, Db, FromRow, Tx, query};

const MOST: usize = 10;
const HEAVIEST: i64 = 100;

/// One of several mail servers of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize, ToSchema)]
#[schema(as = SenderRelay)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// The connection: a mail server.
    pub connection_id: Uuid,
    /// Its share: of two servers with the weights 3 and 1, the first gets three mails of four.
    #[schema(minimum = 1, maximum = 100)]
    pub weight: i64,
}

/// Checks the mail servers of a sender against each other, and puts them in order.
pub(super) fn checked(fields: SenderFields) -> Result<SenderFields> {
    let SenderFields { connection_id, mut relays, .. } = fields.clone();
    let wrong = |detail: String| Err(MessagingError::field("relays", detail));
    if relays.is_empty() {
        return Ok(fields);
    }
    if connection_id.is_some() {
        return wrong("the sender has a connection and relays: give one or the other".to_owned());
    }
    if relays.len() > MOST {
        return wrong(format!("there are {} relays: give at most {MOST}", relays.len()));
    }
    if let Some(one) = relays.iter().find(|one| !(1..=HEAVIEST).contains(&one.weight)) {
        return wrong(format!("the weight of a relay is {}: use 1 to {HEAVIEST}", one.weight));
    }
    let different: BTreeSet<Uuid> = relays.iter().map(|one| one.connection_id).collect();
    if different.len() < relays.len() {
        return wrong("a connection stands twice among the relays: give each once, with its weight".to_owned());
    }
    relays.sort_by_key(|one| one.connection_id);
    Ok(SenderFields { relays, ..fields })
}

/// Writes the mail servers of a sender in place of the ones that it had.
pub(super) async fn write(tx: &mut Tx, workspace_id: Uuid, sender_id: Uuid, relays: &[Relay]) -> Result<()> {
    remove(&mut *tx, workspace_id, sender_id).await?;
    Bulk::new(
        "insert into sender_relays (workspace_id, sender_id, connection_id, weight)
         select workspace_id, sender_id, connection_id, weight from {rows}",
    )
    .column("workspace_id", relays.iter().map(|_| workspace_id).collect())
    .column("sender_id", relays.iter().map(|_| sender_id).collect())
    .column("connection_id", relays.iter().map(|one| one.connection_id).collect())
    .column("weight", relays.iter().map(|one| one.weight).collect())
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes the mail servers of a sender.
pub(super) async fn remove(tx: &mut Tx, workspace_id: Uuid, sender_id: Uuid) -> Result<()> {
    query("delete from sender_relays where workspace_id = $1 and sender_id = $2")
        .bind(workspace_id)
        .bind(sender_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// The mail servers of one sender, in order.
pub(super) async fn of_sender(db: &Db, workspace_id: Uuid, sender_id: Uuid) -> Result<Vec<Relay>> {
    let found = query(
        "select connection_id, weight from sender_relays where workspace_id = $1 and sender_id = $2
         order by connection_id",
    );
    Ok(found.bind(workspace_id).bind(sender_id).all(db).await?)
}

/// The mail servers of all senders of a workspace, in order.
pub(super) async fn of_senders(db: &Db, workspace_id: Uuid) -> Result<HashMap<Uuid, Vec<Relay>>> {
    let found: Vec<(Uuid, Uuid, i64)> = query(
        "select sender_id, connection_id, weight from sender_relays where workspace_id = $1
         order by sender_id, connection_id",
    )
    .bind(workspace_id)
    .all(db)
    .await?;
    let mut all: HashMap<Uuid, Vec<Relay>> = HashMap::new();
    for (sender, connection_id, weight) in found {
        all.entry(sender).or_default().push(Relay { connection_id, weight });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(connection: Option<u128>, relays: &[(u128, i64)]) -> SenderFields {
        let relays: Vec<Relay> =
            relays.iter().map(|(id, weight)| Relay { connection_id: Uuid::from_u128(*id), weight: *weight }).collect();
        serde_json::from_value(json!({ "name": "News", "from_name": "Example", "from_address": "news@example.com",
            "postal_address": "1 Example Street", "connection_id": connection.map(Uuid::from_u128), "relays": relays }))
        .unwrap()
    }

    #[test]
    fn relays_stand_in_order_and_each_once() {
        let checked = |connection, relays: &[(u128, i64)]| checked(fields(connection, relays));
        assert_eq!(checked(Some(1), &[]).unwrap().connection_id, Some(Uuid::from_u128(1)));
        let weights: Vec<i64> = checked(None, &[(2, 1), (1, 3)]).unwrap().relays.iter().map(|one| one.weight).collect();
        assert_eq!(weights, [3, 1]);
        let many: Vec<(u128, i64)> = (0..11).map(|id| (id, 1)).collect();
        for (connection, relays, says) in [
            (Some(3), &[(1, 1), (2, 1)][..], "one or the other"),
            (None, &[(1, 0)], "use 1 to 100"),
            (None, &[(1, 101)], "use 1 to 100"),
            (None, &[(1, 1), (1, 2)], "stands twice"),
            (None, many.as_slice(), "at most 10"),
        ] {
            let refused = checked(connection, relays).unwrap_err().to_string();
            assert!(refused.contains(says), "{relays:?}: {refused}");
        }
    }
}

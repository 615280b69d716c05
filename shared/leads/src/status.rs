//! The steps of a workspace's leads, in its own words. Each counts as open, won or lost.

use herald_base::boxed;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::{LeadError, Result};
use herald_db::{Bulk, Db, FromRow, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

herald_base::text_enum! {
    /// What a lead in a status counts as.
    pub enum Outcome, "a status does not count as {:?}" {
        /// Something may come of it.
        Open "open",
        /// It became a customer.
        Won "won",
        /// Nothing came of it.
        Lost "lost",
    }
}

const LONGEST: usize = 50;
const MOST: usize = 30;

/// The statuses of a workspace that has not set its own.
const FIRST: [(&str, Outcome); 5] = [
    ("New", Outcome::Open),
    ("Contacted", Outcome::Open),
    ("Qualified", Outcome::Open),
    ("Won", Outcome::Won),
    ("Lost", Outcome::Lost),
];

/// A status.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct LeadStatus {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What a lead in it counts as.
    #[sqlx(try_from = "String")]
    pub stands_for: Outcome,
    /// Its place among the others, from 0.
    pub position: i64,
}

/// The spelling in which two names are one.
pub(crate) fn name_key(name: &str) -> String {
    tidied(name).to_lowercase().nfc().collect()
}

fn tidied(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect()
}

/// The statuses of a workspace, in their order. The first call gives it the usual ones.
#[boxed]
pub async fn list_statuses(db: &Db, workspace_id: Uuid) -> Result<Vec<LeadStatus>> {
    let found = in_order(db.into(), workspace_id).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let mut tx = db.begin().await?;
    let made = ensure(&mut tx, workspace_id).await?;
    tx.commit().await?;
    Ok(made)
}

/// The same, in a transaction.
#[boxed]
pub(crate) async fn ensure(tx: &mut Tx, workspace_id: Uuid) -> Result<Vec<LeadStatus>> {
    let found = in_order((&mut *tx).into(), workspace_id).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let names = FIRST.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect();
    insert(tx, workspace_id, names).await?;
    in_order(tx.into(), workspace_id).await
}

async fn in_order(on: herald_db::Target<'_>, workspace_id: Uuid) -> Result<Vec<LeadStatus>> {
    let rows = query(
        "select id, name, stands_for, position from lead_statuses where workspace_id = $1 order by position, name_key",
    );
    Ok(rows.bind(workspace_id).all(on).await?)
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, statuses: Vec<(String, Outcome)>) -> Result<()> {
    let ids: Vec<Uuid> = statuses.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into lead_statuses (id, workspace_id, name, name_key, stands_for, position)
         select id, workspace_id, name, name_key, stands_for, position from {rows} where true
         on conflict (workspace_id, name_key) do update set name = excluded.name, stands_for = excluded.stands_for,
           position = excluded.position",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", statuses.iter().map(|_| workspace_id).collect())
    .column("name", statuses.iter().map(|(name, _)| name.clone()).collect())
    .column("name_key", statuses.iter().map(|(name, _)| name_key(name)).collect())
    .column("stands_for", statuses.iter().map(|(_, outcome)| outcome.as_str().to_owned()).collect())
    .column("position", (0..).take(statuses.len()).collect::<Vec<i64>>().into_iter().collect())
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes these the workspace's statuses, in this order. A status that leads have cannot be left out.
///
/// # Errors
/// [`LeadError::Field`]; [`LeadError::WrongState`] names the status that leads still have.
#[boxed]
pub async fn set_statuses(db: &Db, actor: &Actor, statuses: Vec<(String, Outcome)>) -> Result<Vec<LeadStatus>> {
    let statuses: Vec<(String, Outcome)> =
        statuses.into_iter().map(|(name, outcome)| (tidied(&name), outcome)).collect();
    check(&statuses)?;
    let mut tx = db.begin().await?;
    let before = ensure(&mut tx, actor.workspace_id).await?;
    insert(&mut tx, actor.workspace_id, statuses.clone()).await?;
    for gone in before.iter().filter(|old| !statuses.iter().any(|(name, _)| name_key(name) == name_key(&old.name))) {
        let removed = query(
            "delete from lead_statuses where workspace_id = $1 and id = $2 and not exists
               (select 1 from leads as l where l.workspace_id = $1 and l.status_id = $2)",
        );
        if removed.bind(actor.workspace_id).bind(gone.id).execute(&mut tx).await? == 0 {
            return Err(LeadError::WrongState(format!(
                "leads have the status {:?}: give them another one first, or keep it",
                gone.name
            )));
        }
    }
    let set = in_order((&mut tx).into(), actor.workspace_id).await?;
    audit::record(&mut tx, actor, Entry::of("lead_statuses.set", "leads").affecting(set.len())).await?;
    tx.commit().await?;
    Ok(set)
}

fn check(statuses: &[(String, Outcome)]) -> Result<()> {
    let mut keys = std::collections::BTreeSet::new();
    for (name, _) in statuses {
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            let detail = format!("the status {name:?} cannot be used: write 1 to {LONGEST} characters");
            return Err(LeadError::field("statuses", detail));
        }
        if !keys.insert(name_key(name)) {
            return Err(LeadError::field("statuses", format!("the status {name:?} is there twice: leave one out")));
        }
    }
    for outcome in Outcome::ALL {
        if !statuses.iter().any(|(_, own)| own == outcome) {
            let detail = format!("no status counts as {outcome}: mark one");
            return Err(LeadError::field("statuses", detail));
        }
    }
    if statuses.len() > MOST {
        return Err(LeadError::field("statuses", format!("there are too many statuses: use at most {MOST}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_need_all_outcomes_and_different_names() {
        let of = |names: &[(&str, Outcome)]| {
            check(&names.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert!(of(&FIRST).is_ok());
        assert!(of(&[("New", Outcome::Open), ("Won", Outcome::Won)]).unwrap_err().contains("counts as lost"));
        let twice = [("New", Outcome::Open), ("new", Outcome::Won), ("Lost", Outcome::Lost)];
        assert!(of(&twice).unwrap_err().contains("twice"));
        assert!(of(&[("", Outcome::Open)]).unwrap_err().contains("1 to 50"));
    }
}

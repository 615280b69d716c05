//! The example data of a workspace: what it consists of, and how all of it goes again.
//!
//! Example events and templates have a name that ends with [`EXAMPLE`], and example guests an id that begins with it.

use herald_base::boxed;
use uuid::Uuid;

use herald_contacts::SnapshotUse;
use herald_db::{Db, Result, Tx, contains, query};

/// What the names of example events and templates end with, and the ids of example guests begin with.
pub const EXAMPLE: &str = "(example)";

/// A key of the file store that nothing refers to any more.
pub type ExampleFile = String;

/// The example runs of a workspace, with their batches.
#[boxed]
pub async fn example_runs(db: &Db, workspace_id: Uuid) -> Result<Vec<(Uuid, Uuid)>> {
    query(
        "select r.id, r.batch_id from invitation_runs as r
         join events as e on e.workspace_id = r.workspace_id and e.id = r.event_id
         where r.workspace_id = $1 and e.name like $2 escape '\\'",
    )
    .bind(workspace_id)
    .bind(ends())
    .all(db)
    .await
}

/// The pattern of names that end with the mark.
fn ends() -> String {
    contains(EXAMPLE).trim_end_matches('%').to_owned()
}

/// The pattern of ids that begin with the mark.
fn begins() -> String {
    contains(EXAMPLE).trim_start_matches('%').to_owned()
}

const OF_EVENTS: &str =
    "event_id in (select e.id from events as e where e.workspace_id = $1 and e.name like $2 escape '\\')";
const OF_RUNS: &str = "run_id in (select r.id from invitation_runs as r
       join events as e on e.workspace_id = r.workspace_id and e.id = r.event_id
       where r.workspace_id = $1 and e.name like $2 escape '\\')";

/// Removes the example events with their runs and invitations, the example guests, and the example templates. Returns
/// the files that belonged to the invitations. The runs were cancelled before.
#[boxed]
pub async fn remove_example(tx: &mut Tx, workspace_id: Uuid) -> Result<Vec<ExampleFile>> {
    let found: Vec<(Option<String>, Option<String>)> =
        query(&format!("select rendering, file from invitations where workspace_id = $1 and {OF_EVENTS}"))
            .bind(workspace_id)
            .bind(ends())
            .all(&mut *tx)
            .await?;
    // The timeline of a contact that was merged is the survivor's.
    let invitations: Vec<(Uuid, Uuid)> = query(&format!(
        "select coalesce(c.merged_into, c.id), i.id from invitations as i
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         where i.workspace_id = $1 and {OF_EVENTS}"
    ))
    .bind(workspace_id)
    .bind(ends())
    .all(&mut *tx)
    .await?;
    herald_contacts::forget_invited(&mut *tx, workspace_id, invitations).await?;
    let batches: Vec<(Uuid,)> =
        query(&format!("select batch_id from invitation_runs where workspace_id = $1 and {OF_EVENTS}"))
            .bind(workspace_id)
            .bind(ends())
            .all(&mut *tx)
            .await?;
    let runs: Vec<(Uuid,)> = query(&format!("select id from invitation_runs where workspace_id = $1 and {OF_EVENTS}"))
        .bind(workspace_id)
        .bind(ends())
        .all(&mut *tx)
        .await?;
    let runs = runs.into_iter().map(|(id,)| id).collect();
    herald_contacts::forget_snapshots(&mut *tx, workspace_id, SnapshotUse::Run, runs).await?;
    for statement in [
        "delete from uploads where workspace_id = $1 and invitation_id in
           (select i.id from invitations as i
            join events as e on e.workspace_id = i.workspace_id and e.id = i.event_id
            where i.workspace_id = $1 and e.name like $2 escape '\\')"
            .to_owned(),
        format!("delete from run_guests where workspace_id = $1 and {OF_RUNS}"),
        format!("delete from import_problems where workspace_id = $1 and {OF_RUNS}"),
        format!("delete from invitations where workspace_id = $1 and {OF_EVENTS}"),
        format!("delete from invitation_runs where workspace_id = $1 and {OF_EVENTS}"),
        "delete from events where workspace_id = $1 and name like $2 escape '\\'".to_owned(),
        "delete from templates where workspace_id = $1 and name like $2 escape '\\' and not exists
           (select 1 from invitation_runs as r where r.workspace_id = $1 and r.template_id = templates.id)"
            .to_owned(),
    ] {
        query(&statement).bind(workspace_id).bind(ends()).execute(&mut *tx).await?;
    }
    let unused: Vec<(Uuid,)> = query(
        "select c.id from contacts as c where c.workspace_id = $1 and c.external_id like $2 escape '\\' and not exists
           (select 1 from invitations as i where i.workspace_id = $1 and i.contact_id = c.id)",
    )
    .bind(workspace_id)
    .bind(begins())
    .all(&mut *tx)
    .await?;
    herald_contacts::remove_contacts(tx, workspace_id, unused.into_iter().map(|(id,)| id).collect()).await?;
    for (batch,) in batches {
        // A running job ends by itself: its invitation is gone.
        query(
            "delete from job_errors where workspace_id = $1 and job_id in (select j.id from jobs as j where \
               j.workspace_id = $1 and j.batch_id = $2 and j.state <> 'running')",
        )
        .bind(workspace_id)
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        query("delete from jobs where workspace_id = $1 and batch_id = $2 and state <> 'running'")
            .bind(workspace_id)
            .bind(batch)
            .execute(&mut *tx)
            .await?;
    }
    Ok(found.into_iter().flat_map(|(rendering, file)| [rendering, file]).flatten().collect())
}

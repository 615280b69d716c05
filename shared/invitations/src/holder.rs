//! What invitations hold about a person: the invitations themselves, with their files, and remarks about lists.

use futures::FutureExt;
use herald_base::boxed;
use herald_contacts::{ContactError, Held, Holder, Move, Whom, Words};
use herald_providers::files::Key;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{InvitationState, invitation_key, jobs::InvitationSummary, picture_mark, run_options::RunSource};
use chrono::{DateTime, Utc};
use herald_db::{Bulk, Db, FromRow, Json, Query, Result, Tx, query};
use herald_ledger::{self as ledger, Cancelled, LedgerError, Payload as _};

/// Invitations, their places in runs and outside, and remarks about rows of lists.
pub const HOLDER: Holder = Holder {
    columns: &[
        ("import_problems", "guest message"),
        (
            "invitations",
            "contact_id lucky_number link reason portrait_notes render_notes portrait rendering sha256 file crop",
        ),
        ("run_guests", "invitation_id"),
        ("uploads", "invitation_id remote_id sha256 link session"),
    ],
    // Nobody is invited to an event twice: of two invitations to one event the survivor keeps its own.
    moves: &[Move {
        table: "invitations",
        but: " and not exists (select 1 from invitations as o where o.workspace_id = $1
                 and o.event_id = invitations.event_id and o.contact_id = $3)",
    }],
    read: |tx, whom| read(tx, whom).boxed(),
    erase: |tx, whom| erase(tx, whom).boxed(),
};

/// An invitation as its guest may see it.
#[derive(Clone, Debug, FromRow, Serialize)]
struct Own {
    id: Uuid,
    run_id: Uuid,
    event: String,
    #[sqlx(try_from = "String")]
    state: InvitationState,
    lucky_number: String,
    link: String,
    outside_link: Option<String>,
    reason: Option<String>,
    portrait_notes: Json<Vec<String>>,
    render_notes: Json<Vec<String>>,
    crop: Option<Json<serde_json::Value>>,
    #[serde(skip)]
    portrait: Option<String>,
    #[serde(skip)]
    rendering: Option<String>,
    #[serde(skip)]
    file: Option<String>,
    #[serde(skip)]
    source: Json<RunSource>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, FromRow, Serialize)]
struct Remark {
    #[serde(skip)]
    id: Uuid,
    run_id: Uuid,
    line: i64,
    guest: String,
    message: String,
}

type Done<T> = std::result::Result<T, ContactError>;

async fn read(tx: &mut Tx, whom: &Whom) -> Done<Held> {
    let mut held = Held::default();
    let invitations = invitations(&mut *tx, whom).await?;
    for one in &invitations {
        if let Some(link) = &one.outside_link {
            held.elsewhere.push(format!("the invitation to {:?} lies at {link}: delete it there", one.event));
        }
        if let RunSource::Csv { .. } = one.source.0 {
            held.elsewhere.push(format!(
                "the list of the run {} names the person: it is kept as it was uploaded, so that the run can go on",
                one.run_id
            ));
        }
    }
    held.elsewhere.dedup();
    held.add("invitations", invitations.iter().map(|one| json!(one)).collect());
    let remarks = remarks(tx, whom, &invitations).await?;
    held.add("remarks_on_lists", remarks.iter().map(|one| json!(one)).collect());
    Ok(held)
}

async fn invitations(tx: &mut Tx, whom: &Whom) -> Result<Vec<Own>> {
    of_contact(
        "select i.id, i.run_id, e.name as event, i.state, i.lucky_number, i.link,
                u.link as outside_link, i.reason, i.portrait_notes, i.render_notes, i.crop, i.portrait, i.rendering,
                i.file, r.source, i.created_at, i.updated_at
         from invitations as i
         join events as e on e.workspace_id = i.workspace_id and e.id = i.event_id
         join invitation_runs as r on r.workspace_id = i.workspace_id and r.id = i.run_id
         left join uploads as u on u.workspace_id = i.workspace_id and u.invitation_id = i.id
         where i.workspace_id = $1 and i.contact_id = $2 order by i.id",
        whom,
    )
    .all(tx)
    .await
}

fn of_contact(sql: &str, whom: &Whom) -> Query {
    query(sql).bind(whom.workspace_id).bind(whom.contact.id)
}

/// The remarks about rows of the person's runs that name the person.
async fn remarks(tx: &mut Tx, whom: &Whom, invitations: &[Own]) -> Result<Vec<Remark>> {
    let mut runs: Vec<Uuid> = invitations.iter().map(|one| one.run_id).collect();
    runs.sort_unstable();
    runs.dedup();
    let all: Vec<Remark> = Bulk::new(
        "select p.id, p.run_id, p.line, p.guest, p.message from {rows}
         join import_problems as p on p.workspace_id = rows.workspace_id and p.run_id = rows.run_id
         where p.workspace_id = rows.workspace_id order by p.run_id, p.line",
    )
    .column("workspace_id", runs.iter().map(|_| whom.workspace_id).collect())
    .column("run_id", runs.into_iter().collect())
    .all(tx)
    .await?;
    let words = Words::of(whom);
    Ok(all.into_iter().filter(|one| words.are_in(&one.guest) || words.are_in(&one.message)).collect())
}

/// Removes the invitations, which frees no number: what a run counted stays counted. One that is on its way is
/// cancelled before.
async fn erase(tx: &mut Tx, whom: &Whom) -> Done<Vec<Key>> {
    let workspace_id = whom.workspace_id;
    let own = invitations(&mut *tx, whom).await?;
    for one in own.iter().filter(|one| one.state == InvitationState::Pending) {
        stop(&mut *tx, workspace_id, one).await?;
    }
    for remark in remarks(&mut *tx, whom, &own).await? {
        query("delete from import_problems where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(remark.id)
            .execute(&mut *tx)
            .await?;
    }
    for sql in [
        "delete from uploads where workspace_id = $1 and invitation_id in
           (select id from invitations where workspace_id = $1 and contact_id = $2)",
        "delete from run_guests where workspace_id = $1 and invitation_id in
           (select id from invitations where workspace_id = $1 and contact_id = $2)",
        "delete from invitations where workspace_id = $1 and contact_id = $2",
    ] {
        of_contact(sql, whom).execute(&mut *tx).await?;
    }
    rewrite_results(tx, workspace_id, &own).await?;
    let fetched = whom.contact.picture.as_deref().map(picture_mark);
    let files = own.into_iter().flat_map(|one| {
        let stored = [one.portrait, one.rendering, one.file].into_iter().flatten();
        let stored = stored.filter_map(|key| Key::known(workspace_id, &key)).collect::<Vec<_>>();
        let fetched = fetched.as_ref().map(|mark| Key::fetched(workspace_id, one.id, mark));
        stored.into_iter().chain(fetched)
    });
    Ok(files.collect())
}

/// Cancels the step that an invitation waits for. Its run counts it as cancelled.
async fn stop(tx: &mut Tx, workspace_id: Uuid, invitation: &Own) -> Done<()> {
    if let Some(job) = ledger::job_with_key(&mut *tx, workspace_id, &invitation_key(invitation.id)).await? {
        let cancelled = ledger::cancel_job_in(&mut *tx, workspace_id, job).await.map_err(unwrapped)?;
        if cancelled != Cancelled::AtOnce {
            let detail =
                format!("the invitation to {:?} is being made at this moment: try again in a minute", invitation.event);
            return Err(ContactError::WrongState(detail));
        }
    }
    Ok(())
}

/// Has the tables of finished runs written again, without the person.
async fn rewrite_results(tx: &mut Tx, workspace_id: Uuid, own: &[Own]) -> Done<()> {
    let mut runs: Vec<Uuid> = own.iter().map(|one| one.run_id).collect();
    runs.sort_unstable();
    runs.dedup();
    let ended: Vec<(Uuid,)> = Bulk::new(
        "select r.id from {rows} join invitation_runs as r on r.workspace_id = rows.workspace_id and r.id = rows.id
         where r.workspace_id = rows.workspace_id and r.finished_at is not null",
    )
    .column("workspace_id", runs.iter().map(|_| workspace_id).collect())
    .column("id", runs.into_iter().collect())
    .all(&mut *tx)
    .await?;
    let jobs = ended.into_iter().map(|(run_id,)| InvitationSummary { run_id }.job(workspace_id)).collect();
    ledger::enqueue(tx, jobs).await.map(drop).map_err(unwrapped)
}

fn unwrapped(error: LedgerError) -> ContactError {
    match error {
        LedgerError::Db(error) => error.into(),
        error => ContactError::WrongState(error.to_string()),
    }
}

/// Those of the files that an invitation still refers to.
#[boxed]
pub async fn invitation_files(db: &Db, workspace_id: Uuid, files: Vec<String>) -> Result<Vec<String>> {
    let mut tx = db.begin().await?;
    let found: Vec<(String,)> = Bulk::new(
        "select rows.file from {rows} where exists
           (select 1 from invitations as i where i.workspace_id = rows.workspace_id
              and (i.portrait = rows.file or i.rendering = rows.file or i.file = rows.file))",
    )
    .column("workspace_id", files.iter().map(|_| workspace_id).collect())
    .column("file", files.into_iter().collect())
    .all(&mut tx)
    .await?;
    Ok(found.into_iter().map(|(file,)| file).collect())
}

//! The steps of an import from one state to the next: made, changed, started, stopped, taken back.

use chrono::TimeDelta;
use herald_base::boxed;
use uuid::Uuid;

use super::{
    Import, ImportMode, ImportOptions, ImportReport, LONGEST_NAME, MOST_COLUMNS, NewImport, Result, UNDO_DAYS,
    find_import,
};
use crate::{
    ContactError, enqueue,
    jobs::{ImportCheck, ImportForget, ImportRun, ImportUndo},
    tag,
};
use herald_db::{Db, Tx, query};
use herald_ledger::{
    NewJob, Payload,
    audit::{self, Actor, Entry},
};

/// Keeps a list, whose file is stored already, and has it checked.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn create_import(db: &Db, actor: &Actor, new: NewImport) -> Result<Import> {
    let name: String = new.name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let NewImport { id, what, bytes, sha256, options, starts_itself, .. } = new;
    let options = checked(options)?;
    let now = db.now();
    let mut tx = db.begin().await?;
    query(
        "insert into imports (id, workspace_id, what, name, bytes, sha256, mode, sheet, columns, tags, state,
           starts_itself, cursor_row, created, updated, unchanged, skipped, refused, kept, created_by, created_at)
         values ($1, $2, $13, $3, $4, $5, $6, $7, $8, $9, 'checking', $10, 0, 0, 0, 0, 0, 0, 0, $11, $12)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(name)
    .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
    .bind(sha256)
    .bind(options.mode.unwrap_or(ImportMode::Fill).as_str())
    .bind(options.sheet.filter(|sheet| !sheet.is_empty()))
    .bind(serde_json::to_value(options.columns.unwrap_or_default()).expect("names are text"))
    .bind(serde_json::to_value(options.tags.unwrap_or_default()).expect("names are text"))
    .bind(starts_itself)
    .bind(actor.who.as_str())
    .bind(now)
    .bind(what.as_str())
    .execute(&mut tx)
    .await?;
    let mut forget = ImportForget { import_id: id }.job(actor.workspace_id);
    forget.run_at = Some(now + TimeDelta::days(UNDO_DAYS + 1));
    enqueue(&mut tx, vec![ImportCheck { import_id: id }.job(actor.workspace_id), forget]).await?;
    audit::record(&mut tx, actor, Entry::of("import.create", id).affecting(1)).await?;
    tx.commit().await?;
    find_import(db, actor.workspace_id, id).await?.ok_or(ContactError::Changed)
}

/// Changes what an import does before it starts, and has it checked again. `None`: there is no such import.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::WrongState`] if it has started.
#[boxed]
pub async fn change_import(db: &Db, actor: &Actor, id: Uuid, options: ImportOptions) -> Result<Option<Import>> {
    let options = checked(options)?;
    let Some(old) = find_import(db, actor.workspace_id, id).await? else { return Ok(None) };
    let mut tx = db.begin().await?;
    let changed = query(
        "update imports set mode = $3, sheet = $4, columns = $5, tags = $6, state = 'checking', reason = null,
           report = null
         where workspace_id = $1 and id = $2 and cursor_row = 0 and state in ('checked', 'failed', 'cancelled')",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(options.mode.unwrap_or(old.mode).as_str())
    .bind(options.sheet.or_else(|| old.sheet.clone()).filter(|sheet| !sheet.is_empty()))
    .bind(serde_json::to_value(options.columns.unwrap_or_else(|| old.columns.0.clone())).expect("names are text"))
    .bind(serde_json::to_value(options.tags.unwrap_or_else(|| old.tags.0.clone())).expect("names are text"))
    .execute(&mut tx)
    .await?;
    if changed == 0 {
        return Err(wrong_state(&old, "only an import that has not started can be changed"));
    }
    enqueue(&mut tx, vec![ImportCheck { import_id: id }.job(actor.workspace_id)]).await?;
    audit::record(&mut tx, actor, Entry::of("import.change", id).affecting(1)).await?;
    tx.commit().await?;
    find_import(db, actor.workspace_id, id).await
}

/// Starts an import that is checked. `None`: there is no such import.
///
/// # Errors
/// [`ContactError::WrongState`].
#[boxed]
pub async fn start_import(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Import>> {
    let job = ImportRun { import_id: id }.job(actor.workspace_id);
    let to = Move { from: "'checked'", to: "importing", action: "import.start", job: Some(job) };
    moved(db, actor, id, to, "it can be started once it is checked").await
}

/// Stops an import. What it has taken in stays, and can be undone. `None`: there is no such import.
///
/// # Errors
/// [`ContactError::WrongState`].
#[boxed]
pub async fn cancel_import(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Import>> {
    let from = "'checking', 'checked', 'importing'";
    let to = Move { from, to: "cancelled", action: "import.cancel", job: None };
    moved(db, actor, id, to, "only an import that has not ended can be cancelled").await
}

/// Takes an import back: contacts that it made go, and those that it changed get their old values, but for what
/// somebody edited since. `None`: there is no such import.
///
/// # Errors
/// [`ContactError::WrongState`].
#[boxed]
pub async fn undo_import(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Import>> {
    let Some(import) = find_import(db, actor.workspace_id, id).await? else { return Ok(None) };
    if import.undo_until.is_some_and(|until| until < db.now()) {
        return Err(ContactError::WrongState(format!(
            "the import is older than {UNDO_DAYS} days: it cannot be undone"
        )));
    }
    if import.cursor_row == 0 {
        return Err(wrong_state(&import, "it has taken in nobody, so there is nothing to undo"));
    }
    let job = ImportUndo { import_id: id }.job(actor.workspace_id);
    let from = "'done', 'cancelled', 'failed'";
    let to = Move { from, to: "undoing", action: "import.undo", job: Some(job) };
    moved(db, actor, id, to, "only an import that has ended can be undone").await
}

/// The step of an import from one state to another.
struct Move {
    /// The states that it is in before, as SQL.
    from: &'static str,
    to: &'static str,
    action: &'static str,
    job: Option<NewJob>,
}

async fn moved(db: &Db, actor: &Actor, id: Uuid, to: Move, rule: &str) -> Result<Option<Import>> {
    let Some(old) = find_import(db, actor.workspace_id, id).await? else { return Ok(None) };
    let now = db.now();
    let mut tx = db.begin().await?;
    let changed = query(&format!(
        "update imports set state = $3, reason = null,
           finished_at = case when $3 = 'cancelled' then $4 else finished_at end,
           undo_until = case when $3 = 'importing' then $5 else undo_until end
         where workspace_id = $1 and id = $2 and state in ({})",
        to.from
    ))
    .bind(actor.workspace_id)
    .bind(id)
    .bind(to.to)
    .bind(now)
    .bind(now + TimeDelta::days(UNDO_DAYS))
    .execute(&mut tx)
    .await?;
    if changed == 0 {
        return Err(wrong_state(&old, rule));
    }
    enqueue(&mut tx, to.job.into_iter().collect()).await?;
    audit::record(&mut tx, actor, Entry::of(to.action, id).affecting(1)).await?;
    tx.commit().await?;
    find_import(db, actor.workspace_id, id).await
}

fn wrong_state(import: &Import, rule: &str) -> ContactError {
    ContactError::WrongState(format!("the import is {}: {rule}", import.state))
}

/// Notes what a check found. If the import starts itself, it is importing now, and the answer is the job that does it.
#[boxed]
pub async fn note_import_checked(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    report: &ImportReport,
) -> Result<Option<NewJob>> {
    let goes_on = import.starts_itself && report.people() > 0;
    let until = tx.db().now() + TimeDelta::days(UNDO_DAYS);
    let noted = query(
        "update imports set state = $3, report = $4, undo_until = $5
         where workspace_id = $1 and id = $2 and state = 'checking'",
    )
    .bind(workspace_id)
    .bind(import.id)
    .bind(if goes_on { "importing" } else { "checked" })
    .bind(serde_json::to_value(report).expect("a report is plain data"))
    .bind(goes_on.then_some(until))
    .execute(tx)
    .await?;
    Ok((noted > 0 && goes_on).then(|| ImportRun { import_id: import.id }.job(workspace_id)))
}

/// Marks all rows as taken in, or an undoing as over.
#[boxed]
pub async fn import_ended(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<()> {
    let now = tx.db().now();
    query(
        "update imports set state = case when state = 'undoing' then 'undone' else 'done' end,
           finished_at = coalesce(finished_at, $3)
         where workspace_id = $1 and id = $2 and state in ('importing', 'undoing')",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

fn checked(options: ImportOptions) -> Result<ImportOptions> {
    let columns = options.columns.as_ref();
    if columns.is_some_and(|columns| columns.len() > MOST_COLUMNS) {
        let detail = format!("there are too many columns: correct at most {MOST_COLUMNS}");
        return Err(ContactError::field("columns", detail));
    }
    let is_long = |text: &String| text.chars().count() > LONGEST_NAME || text.contains('\0');
    if columns.into_iter().flatten().any(|(header, field)| is_long(header) || is_long(field)) {
        let detail = format!("a header or field is too long: use at most {LONGEST_NAME} characters");
        return Err(ContactError::field("columns", detail));
    }
    if options.sheet.as_ref().is_some_and(is_long) {
        return Err(ContactError::field(
            "sheet",
            "the name of the sheet is too long: a sheet has at most 31 characters",
        ));
    }
    let tags = options.tags.as_deref().map(tag::tidied).transpose()?;
    Ok(ImportOptions { tags: tags.map(|tags| tags.into_values().collect()), ..options })
}

//! Rows whose files are named by their content: templates, runs with their lists and pictures, contacts.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{MoveError, Moved, copy, of_hash};
use crate::RunSource;
use herald_db::{Db, FromRow, Json, query};
use herald_providers::files::{Files, Key};

/// Rows read at once. A run's row may name twenty thousand contacts.
const PAGE: i64 = 100;

#[derive(FromRow)]
struct Template {
    id: Uuid,
    workspace_id: Uuid,
    files: Json<BTreeMap<String, String>>,
}

pub(super) async fn templates(db: &Db, files: &Files, moved: &mut Moved) -> Result<(), MoveError> {
    let mut after = None;
    loop {
        let page: Vec<Template> =
            query("select id, workspace_id, files from templates where ($1 is null or id > $1) order by id limit $2")
                .bind(after)
                .bind(PAGE)
                .all(db)
                .await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for row in page {
            let mut named = row.files.0;
            if !move_all(files, row.workspace_id, &mut named).await? {
                continue;
            }
            let mut tx = db.begin().await?;
            query("update templates set files = $3 where workspace_id = $1 and id = $2")
                .bind(row.workspace_id)
                .bind(row.id)
                .bind(serde_json::to_value(&named).expect("names and keys are text"))
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
            moved.rows += 1;
        }
    }
}

#[derive(FromRow)]
struct Run {
    id: Uuid,
    workspace_id: Uuid,
    source: Json<RunSource>,
}

pub(super) async fn runs(db: &Db, files: &Files, moved: &mut Moved) -> Result<(), MoveError> {
    let mut after = None;
    loop {
        let page: Vec<Run> = query(
            "select id, workspace_id, source from invitation_runs where ($1 is null or id > $1) order by id limit $2",
        )
        .bind(after)
        .bind(PAGE)
        .all(db)
        .await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for row in page {
            // Its table can be written again at any time, but may not be.
            copy(files, &format!("results/{}.csv", row.id), &Key::results(row.workspace_id, row.id)).await?;
            let RunSource::Csv { mut key, name, sha256, picture_folder, mut pictures, is_sheet } = row.source.0 else {
                continue;
            };
            let list = move_one(files, row.workspace_id, &mut key).await?;
            if !(move_all(files, row.workspace_id, &mut pictures).await? || list) {
                continue;
            }
            let source = RunSource::Csv { key, name, sha256, picture_folder, pictures, is_sheet };
            let mut tx = db.begin().await?;
            query("update invitation_runs set source = $3 where workspace_id = $1 and id = $2")
                .bind(row.workspace_id)
                .bind(row.id)
                .bind(serde_json::to_value(&source).expect("a source is plain data"))
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
            moved.rows += 1;
        }
    }
}

#[derive(FromRow)]
struct Contact {
    id: Uuid,
    workspace_id: Uuid,
    picture: String,
}

pub(super) async fn contacts(db: &Db, files: &Files, moved: &mut Moved) -> Result<(), MoveError> {
    let mut after = None;
    loop {
        let page: Vec<Contact> = query(
            "select id, workspace_id, picture from contacts
             where picture like 'store:pictures/%' and ($1 is null or id > $1) order by id limit $2",
        )
        .bind(after)
        .bind(PAGE)
        .all(db)
        .await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        let mut tx = None;
        for row in page {
            let mut key = row.picture.trim_start_matches("store:").to_owned();
            if !move_one(files, row.workspace_id, &mut key).await? {
                continue;
            }
            let tx = match &mut tx {
                Some(tx) => tx,
                none => none.insert(db.begin().await?),
            };
            let from_to = (row.picture.as_str(), format!("store:{key}"));
            herald_contacts::move_picture(tx, row.workspace_id, row.id, from_to).await?;
            moved.rows += 1;
        }
        if let Some(tx) = tx {
            tx.commit().await?;
        }
    }
}

/// Copies a file to its workspace, and names it there. False if it was there.
async fn move_one(files: &Files, workspace_id: Uuid, named: &mut String) -> Result<bool, MoveError> {
    if Files::old(named).is_none() {
        return Ok(false);
    }
    let Some(to) = of_hash(workspace_id, named) else { return Ok(false) };
    copy(files, named, &to).await?;
    *named = to.into();
    Ok(true)
}

/// As [`move_one`] for all that a row names.
async fn move_all(files: &Files, workspace_id: Uuid, named: &mut BTreeMap<String, String>) -> Result<bool, MoveError> {
    let mut any = false;
    for key in named.values_mut() {
        any |= move_one(files, workspace_id, key).await?;
    }
    Ok(any)
}

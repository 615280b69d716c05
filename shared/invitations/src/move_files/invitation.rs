//! Invitations: a file is only taken along if it is the guest's own.

use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use super::{MoveError, Moved, copy, of_hash};
use crate::{
    InvitationState,
    redraw::{Redraw, RedrawFrom, redraw_in},
};
use herald_db::{Db, DbError, FromRow, Tx, query};
use herald_providers::files::{Files, FilesError, Key, Stored};

/// Rows in a transaction.
const PAGE: i64 = 100;
/// Files looked at at once.
const AT_ONCE: usize = 8;

#[derive(Clone, FromRow)]
struct Row {
    id: Uuid,
    workspace_id: Uuid,
    event_slug: String,
    lucky_number: String,
    #[sqlx(try_from = "String")]
    state: InvitationState,
    sha256: Option<String>,
    portrait: Option<String>,
    rendering: Option<String>,
    file: Option<String>,
}

/// Where an invitation's files are now.
struct Placed {
    portrait: Option<String>,
    has_portrait: bool,
    rendering: Option<String>,
    file: Option<String>,
    /// The old file was not the guest's own.
    was_wrong: bool,
}

/// Whether an invitation has a file where files lay before.
pub(super) async fn any(db: &Db) -> Result<bool, DbError> {
    let found: Option<(Uuid,)> =
        query("select workspace_id from invitations where file like 'invitations/%' limit 1").optional(db).await?;
    Ok(found.is_some())
}

/// Goes through all invitations once. Returns how many were changed by others meanwhile, and must be looked at again.
pub(super) async fn all(db: &Db, files: &Files, moved: &mut Moved) -> Result<usize, MoveError> {
    let (mut after, mut left) = (None, 0);
    loop {
        let page: Vec<Row> = query(
            "select i.id, i.workspace_id, e.slug as event_slug, i.lucky_number, i.state, i.sha256, i.portrait, \
             i.rendering, i.file
             from invitations as i join events as e on e.id = i.event_id and e.workspace_id = i.workspace_id
             where (i.file like 'invitations/%' or i.rendering like 'renderings/%' or i.portrait like 'portraits/%')
               and ($1 is null or i.id > $1)
             order by i.id limit $2",
        )
        .bind(after)
        .bind(PAGE)
        .all(db)
        .await?;
        let Some(last) = page.last() else { return Ok(left) };
        after = Some(last.id);
        let placed: Vec<(Row, Placed)> = futures::stream::iter(page)
            .map(|row| async { place(files, &row).await.map(|placed| (row, placed)) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut tx = db.begin().await?;
        for (row, placed) in placed {
            if write(&mut tx, &row, &placed, moved).await? {
                moved.rows += 1;
            } else {
                left += 1;
            }
        }
        tx.commit().await?;
    }
}

async fn place(files: &Files, row: &Row) -> Result<Placed, MoveError> {
    let portrait = along(files, row, row.portrait.as_deref()).await?;
    let rendering = along(files, row, row.rendering.as_deref()).await?;
    let has_portrait = match portrait.as_deref().and_then(|key| Key::known(row.workspace_id, key)) {
        Some(key) => files.size(&key).await?.is_some(),
        None => false,
    };
    let Some(old) = row.file.as_ref().filter(|file| Files::old(file).is_some()) else {
        return Ok(Placed { portrait, has_portrait, rendering, file: row.file.clone(), was_wrong: false });
    };
    let (mut file, mut was_wrong) = (None, false);
    // Its own file first, else the drawing it was a copy of.
    for (from, is_its_file) in [(Some(old), true), (rendering.as_ref(), false)] {
        let (Some(from), Some(sha256)) = (from, &row.sha256) else { continue };
        let Ok(source) = Stored::of(row.workspace_id, from) else { continue };
        if files.sha256(&source).await?.as_ref() != Some(sha256) {
            was_wrong |= is_its_file;
            continue;
        }
        let extension = source.extension().unwrap_or("jpg");
        let to = Key::invitation(row.workspace_id, &row.event_slug, &row.lucky_number, row.id, extension);
        if to.as_str() != from {
            match files.replace(&source, &to).await {
                Ok(()) => {}
                // Another process has moved it; its row says so by now.
                Err(FilesError::Missing(_)) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        file = Some(to.into());
        break;
    }
    Ok(Placed { portrait, has_portrait, rendering, file, was_wrong })
}

/// Copies a file that is named by a hash, and returns its new name.
async fn along(files: &Files, row: &Row, named: Option<&str>) -> Result<Option<String>, MoveError> {
    let Some(named) = named else { return Ok(None) };
    let Some(to) = Files::old(named).and_then(|_| of_hash(row.workspace_id, named)) else {
        return Ok(Some(named.to_owned()));
    };
    copy(files, named, &to).await?;
    Ok(Some(to.into()))
}

/// Writes the new places of an invitation's files, if its row is still as it was read.
async fn write(tx: &mut Tx, row: &Row, placed: &Placed, moved: &mut Moved) -> Result<bool, MoveError> {
    // Nothing of it is the guest's own: drawn anew. It keeps number and link.
    if let (Some(old), None, InvitationState::Made) = (&row.file, &placed.file, row.state) {
        let from = if placed.has_portrait { RedrawFrom::Drawing } else { RedrawFrom::Picture };
        let what = Redraw { invitation_id: row.id, file: old, from };
        if !redraw_in(tx, row.workspace_id, what).await? {
            return Ok(false);
        }
        query("update invitations set portrait = $3, file = null where workspace_id = $1 and id = $2")
            .bind(row.workspace_id)
            .bind(row.id)
            .bind(placed.portrait.clone().filter(|_| placed.has_portrait))
            .execute(tx)
            .await?;
        moved.redrawn += 1;
        return Ok(true);
    }
    let changed = query(
        "update invitations set portrait = $6, rendering = $7, file = $8
         where workspace_id = $1 and id = $2 and coalesce(portrait, '') = $3 and coalesce(rendering, \
         '') = $4 and coalesce(file, '') = $5",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(row.portrait.clone().unwrap_or_default())
    .bind(row.rendering.clone().unwrap_or_default())
    .bind(row.file.clone().unwrap_or_default())
    .bind(placed.portrait.clone())
    .bind(placed.rendering.clone())
    .bind(placed.file.clone())
    .execute(tx)
    .await?;
    if changed > 0 && placed.was_wrong && placed.file.is_some() {
        moved.restored += 1;
    }
    Ok(changed > 0)
}

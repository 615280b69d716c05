//! A step of an invitation is done.

use futures::FutureExt;
use uuid::Uuid;

use super::{Written, ordered};
use herald_db::{Bulk, Column, Tx};
use herald_ledger::Effect;

/// The guest's picture was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortraitReady {
    /// The guest's invitation.
    pub invitation_id: Uuid,
    /// Where the crop is; `None` for the drawn avatar.
    pub portrait: Option<String>,
    /// What a person should know, such as why there is no crop.
    pub notes: Vec<String>,
}

impl Effect for PortraitReady {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        let changes = ordered(changes, |change| change.invitation_id);
        let now = tx.db().now();
        Bulk::new(
            "update invitations set step = 'render', portrait = rows.portrait, portrait_notes = rows.notes, \
             updated_at = rows.at
             from {rows}
             where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id \
             and invitations.state = 'pending'",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.invitation_id).collect())
        .column("portrait", changes.iter().map(|(_, change)| change.portrait.clone()).collect())
        .column("notes", Column::Json(changes.iter().map(|(_, change)| Some(texts(&change.notes))).collect()))
        .column("at", changes.iter().map(|_| now).collect())
        .execute(tx)
        .boxed()
    }
}

/// The invitation was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The invitation.
    pub invitation_id: Uuid,
    /// Where the drawing is in the file store.
    pub rendering: String,
    /// Of its bytes, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What a person should know, such as a glyph that no font has.
    pub notes: Vec<String>,
}

impl Effect for Rendered {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        let changes = ordered(changes, |change| change.invitation_id);
        let now = tx.db().now();
        let bytes = |change: &Rendered| i64::try_from(change.bytes).unwrap_or(i64::MAX);
        Bulk::new(
            "update invitations set step = 'upload', rendering = rows.rendering, sha256 = rows.sha256, \
             bytes = rows.bytes,
               render_notes = rows.notes, updated_at = rows.at
             from {rows}
             where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id \
             and invitations.state = 'pending'",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.invitation_id).collect())
        .column("rendering", changes.iter().map(|(_, change)| change.rendering.clone()).collect())
        .column("sha256", changes.iter().map(|(_, change)| change.sha256.clone()).collect())
        .column("bytes", changes.iter().map(|(_, change)| bytes(change)).collect())
        .column("notes", Column::Json(changes.iter().map(|(_, change)| Some(texts(&change.notes))).collect()))
        .column("at", changes.iter().map(|_| now).collect())
        .execute(tx)
        .boxed()
    }
}

/// The invitation lies where its link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The invitation.
    pub invitation_id: Uuid,
    /// Where it is in the file store.
    pub file: String,
    /// Where it lies outside as well.
    pub outside: Option<Outside>,
}

/// Where an invitation lies outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The account.
    pub connection_id: Uuid,
    /// Its id there.
    pub remote_id: String,
    /// SHA-256, in hex, of the bytes that the provider proved to have.
    pub sha256: String,
    /// Where it can be seen, if that is not where the invitation's own link leads.
    pub link: Option<String>,
}

impl Effect for Uploaded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        async move {
            let changes = ordered(changes, |change| change.invitation_id);
            let now = tx.db().now();
            for (workspace_id, change) in &changes {
                if let Some(outside) = &change.outside {
                    super::super::upload::arrived(tx, *workspace_id, change.invitation_id, outside).await?;
                }
            }
            Bulk::new(
                "update invitations set step = 'publish', file = rows.file, updated_at = rows.at from {rows}
                 where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id \
                 and invitations.state = 'pending'",
            )
            .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
            .column("id", changes.iter().map(|(_, change)| change.invitation_id).collect())
            .column("file", changes.iter().map(|(_, change)| change.file.clone()).collect())
            .column("at", changes.iter().map(|_| now).collect())
            .execute(tx)
            .await
        }
        .boxed()
    }
}

fn texts(notes: &[String]) -> serde_json::Value {
    notes.iter().map(|note| serde_json::Value::from(note.as_str())).collect()
}

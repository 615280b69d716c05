//! What a finished job changed: written in the transaction that writes its outcome, so the two can never disagree.

use uuid::Uuid;

use crate::db::{FromRow, Result, Tx, query};

/// A change in the domain. Applying one twice changes nothing the second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The guest's picture was dealt with.
    PortraitReady {
        /// The guest's invitation.
        invitation_id: Uuid,
        /// Where the crop is; `None` for the drawn avatar.
        portrait: Option<String>,
        /// What a person should know, such as why there is no crop.
        notes: Vec<String>,
    },
    /// The invitation was drawn.
    Rendered {
        /// The invitation.
        invitation_id: Uuid,
        /// Where the drawing is in the file store.
        rendering: String,
        /// Of its bytes, in hex.
        sha256: String,
        /// Its size.
        bytes: u64,
        /// What a person should know, such as a glyph no font has.
        notes: Vec<String>,
    },
    /// The invitation lies where its link leads.
    Uploaded {
        /// The invitation.
        invitation_id: Uuid,
        /// Where it is in the file store.
        file: String,
        /// Where it lies outside as well.
        outside: Option<Outside>,
    },
    /// The contact has the link: the guest has an invitation.
    Published {
        /// The invitation.
        invitation_id: Uuid,
    },
    /// The guest gets no invitation until a person helps.
    InvitationFailed {
        /// The invitation.
        invitation_id: Uuid,
        /// Why, and what to do.
        reason: String,
    },
    /// A person stopped it.
    InvitationCancelled {
        /// The invitation.
        invitation_id: Uuid,
    },
    /// The list could not be read to its end.
    RunFailed {
        /// The run.
        run_id: Uuid,
        /// Why, and what to do.
        reason: String,
    },
    /// A person stopped the run before its list was read.
    RunCancelled {
        /// The run.
        run_id: Uuid,
    },
    /// A person has a step of a failed or cancelled invitation tried again.
    InvitationReopened {
        /// The invitation.
        invitation_id: Uuid,
    },
    /// A person has the import of a run tried again that did not reach the end of its list.
    RunReopened {
        /// The run.
        run_id: Uuid,
    },
}

/// Where an invitation lies outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The account.
    pub connection_id: Uuid,
    /// Its id there.
    pub remote_id: String,
    /// SHA-256 of what is proved to be there, in hex.
    pub sha256: String,
    /// Where it can be seen, if that is not where the invitation's own link leads.
    pub link: Option<String>,
}

#[derive(FromRow)]
struct Ended {
    run_id: Uuid,
    contact_id: Uuid,
    link: String,
    lucky_number: String,
}

impl Fact {
    /// Writes the change, in the workspace of the job that brought it about: what its arguments name elsewhere stays as it is.
    pub(crate) async fn apply(&self, tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
        let now = tx.db().now();
        match self {
            Self::PortraitReady { invitation_id, portrait, notes } => {
                query(
                    "update invitations set step = 'render', portrait = $2, portrait_notes = $3, updated_at = $4
                     where workspace_id = $5 and id = $1 and state = 'pending'",
                )
                .bind(*invitation_id)
                .bind(portrait.clone())
                .bind(texts(notes))
                .bind(now)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
            Self::Rendered { invitation_id, rendering, sha256, bytes, notes } => {
                query(
                    "update invitations set step = 'upload', rendering = $2, sha256 = $3, bytes = $4, render_notes = $5, updated_at = $6
                     where workspace_id = $7 and id = $1 and state = 'pending'",
                )
                .bind(*invitation_id)
                .bind(rendering.as_str())
                .bind(sha256.as_str())
                .bind(i64::try_from(*bytes).unwrap_or(i64::MAX))
                .bind(texts(notes))
                .bind(now)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
            Self::Uploaded { invitation_id, file, outside } => {
                if let Some(outside) = outside {
                    super::upload::arrived(tx, workspace_id, *invitation_id, outside).await?;
                }
                query(
                    "update invitations set step = 'publish', file = $2, updated_at = $3
                     where workspace_id = $4 and id = $1 and state = 'pending'",
                )
                .bind(*invitation_id)
                .bind(file.as_str())
                .bind(now)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
            Self::Published { invitation_id } => {
                if let Some(ended) = end(tx, workspace_id, *invitation_id, "made", None).await? {
                    query(
                        "update contacts set lucky_number = $3, updated_at = $4,
                           invitation_link = coalesce(
                             (select link from uploads where uploads.workspace_id = $6 and invitation_id = $5), $2)
                         where contacts.workspace_id = $6 and id = $1",
                    )
                    .bind(ended.contact_id)
                    .bind(ended.link)
                    .bind(ended.lucky_number)
                    .bind(now)
                    .bind(*invitation_id)
                    .bind(workspace_id)
                    .execute(tx)
                    .await?;
                    super::run::count(
                        tx,
                        workspace_id,
                        ended.run_id,
                        super::run::Tally { made: 1, ..Default::default() },
                    )
                    .await?;
                }
            }
            Self::InvitationFailed { invitation_id, reason } => {
                if let Some(ended) = end(tx, workspace_id, *invitation_id, "failed", Some(reason)).await? {
                    super::run::count(
                        tx,
                        workspace_id,
                        ended.run_id,
                        super::run::Tally { failed: 1, ..Default::default() },
                    )
                    .await?;
                }
            }
            Self::InvitationCancelled { invitation_id } => {
                if let Some(ended) = end(tx, workspace_id, *invitation_id, "cancelled", None).await? {
                    super::run::count(
                        tx,
                        workspace_id,
                        ended.run_id,
                        super::run::Tally { cancelled: 1, ..Default::default() },
                    )
                    .await?;
                }
            }
            Self::RunFailed { run_id, reason } => {
                query(
                    "update invitation_runs set state = 'failed', reason = $2, finished_at = $3
                     where workspace_id = $4 and id = $1 and state in ('importing', 'running')",
                )
                .bind(*run_id)
                .bind(reason.as_str())
                .bind(now)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
            Self::RunCancelled { run_id } => {
                query(
                    "update invitation_runs set state = 'cancelled', finished_at = $2
                     where workspace_id = $3 and id = $1 and state in ('importing', 'running')",
                )
                .bind(*run_id)
                .bind(now)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
            Self::InvitationReopened { invitation_id } => reopen(tx, workspace_id, *invitation_id).await?,
            Self::RunReopened { run_id } => {
                query(
                    "update invitation_runs set state = 'importing', reason = null, finished_at = null
                     where workspace_id = $2 and id = $1 and state in ('failed', 'cancelled') and not imported",
                )
                .bind(*run_id)
                .bind(workspace_id)
                .execute(tx)
                .await?;
            }
        }
        Ok(())
    }
}

#[derive(FromRow)]
struct Reopened {
    run_id: Uuid,
    state: String,
}

/// Makes an invitation that had ended without success pending again, at the step where it ended, and its run with it.
async fn reopen(tx: &mut Tx, workspace_id: Uuid, invitation_id: Uuid) -> Result<()> {
    let ended: Option<Reopened> =
        query(
            "select run_id, state from invitations where workspace_id = $2 and id = $1 and state in ('failed', 'cancelled')",
        )
            .bind(invitation_id)
            .bind(workspace_id)
            .optional(&mut *tx)
            .await?;
    let Some(Reopened { run_id, state }) = ended else { return Ok(()) };
    let changed = query(
        "update invitations set state = 'pending', reason = null, updated_at = $3
             where workspace_id = $4 and id = $1 and state = $2",
    )
    .bind(invitation_id)
    .bind(state.as_str())
    .bind(tx.db().now())
    .bind(workspace_id)
    .execute(tx)
    .await?;
    if changed == 0 {
        return Ok(());
    }
    query(
        "update invitation_runs set state = 'running', finished_at = null
         where workspace_id = $2 and id = $1 and state in ('complete', 'cancelled') and imported",
    )
    .bind(run_id)
    .bind(workspace_id)
    .execute(tx)
    .await?;
    let back = if state == "failed" {
        super::run::Tally { failed: -1, ..Default::default() }
    } else {
        super::run::Tally { cancelled: -1, ..Default::default() }
    };
    super::run::count(tx, workspace_id, run_id, back).await
}

/// Ends a pending invitation; `None` if it had ended before, so that it is counted once.
async fn end(
    tx: &mut Tx,
    workspace_id: Uuid,
    invitation_id: Uuid,
    state: &str,
    reason: Option<&String>,
) -> Result<Option<Ended>> {
    query(
        "update invitations set state = $2, reason = $3, step = case when $2 = 'made' then 'done' else step end, updated_at = $4
         where workspace_id = $5 and id = $1 and state = 'pending' returning run_id, contact_id, link, lucky_number",
    )
    .bind(invitation_id)
    .bind(state)
    .bind(reason.cloned())
    .bind(tx.db().now())
    .bind(workspace_id)
    .optional(tx)
    .await
}

fn texts(notes: &[String]) -> serde_json::Value {
    notes.iter().map(|note| serde_json::Value::from(note.as_str())).collect()
}

//! The mail of a notification, and its states.
//!
//! ```text
//! waiting ──▶ sending ──▶ sent
//!    ▲ │          ├─────▶ unknown: it may have been handed over, and is not sent again
//!    │ │          ├─────▶ failed: every attempt was refused ──▶ waiting, when a person has its job tried again
//!    │ │          └──┐
//!    │ │  refused    │
//!    └─┼─────────────┘
//!      └──▶ skipped: the person wants no mails, or has left
//! ```

use herald_base::boxed;
use uuid::Uuid;

use super::MailWish;
use herald_db::{Db, FromRow, Result, query};

herald_base::text_enum! {
    /// What became of the mail of a notification.
    pub enum MailState, "a mail is not {:?}" {
        /// The notification has no mail.
        None "none",
        /// It is still to be sent.
        Waiting "waiting",
        /// It is being handed over.
        Sending "sending",
        /// The mail server has it.
        Sent "sent",
        /// The mail server did not take it.
        Failed "failed",
        /// The mail server may have it: nobody heard the end. It is not sent again.
        Unknown "unknown",
        /// The person wants no mails.
        Skipped "skipped",
    }
}

/// The mail of a notification, and what decides whether it is sent.
#[derive(Clone, Debug, FromRow)]
pub struct NotificationLetter {
    /// What the notification is about.
    pub kind: String,
    /// What it says.
    pub title: String,
    /// The page that it leads to, below those of the workspace.
    pub link: String,
    /// Its state.
    #[sqlx(try_from = "String")]
    pub mail: MailState,
    /// The short name of the workspace.
    pub slug: String,
    /// The name of the workspace.
    pub workspace: String,
    /// The address of the person.
    pub email: String,
    /// The language of the person, as a BCP 47 tag.
    pub locale: String,
    /// Whether the person is an active member of the workspace.
    pub is_member: bool,
    wanted: Option<bool>,
}

impl NotificationLetter {
    /// Whether the person wants mails.
    pub fn wish(&self) -> MailWish {
        self.wanted.into()
    }
}

/// The mail of a notification.
#[boxed]
pub async fn find_letter(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<NotificationLetter>> {
    query(
        "select n.kind, n.title, n.link, n.mail, w.slug, w.name as workspace, u.email, u.locale,
           u.state = 'active' and m.role is not null as is_member, s.mail as wanted
         from notifications as n join workspaces as w on w.id = n.workspace_id join users as u on u.id = n.user_id
           left join members as m on m.workspace_id = n.workspace_id and m.user_id = n.user_id
           left join notification_settings as s on s.workspace_id = n.workspace_id and s.user_id = n.user_id
         where n.workspace_id = $1 and n.id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// Moves the mail of a notification from a state to another. False: it is not in that state, and stays as it is.
#[boxed]
pub async fn move_mail(db: &Db, workspace_id: Uuid, id: Uuid, from: MailState, to: MailState) -> Result<bool> {
    let mut tx = db.begin().await?;
    let moved = query("update notifications set mail = $4 where workspace_id = $1 and id = $2 and mail = $3")
        .bind(workspace_id)
        .bind(id)
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(moved == 1)
}

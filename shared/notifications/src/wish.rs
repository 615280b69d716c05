//! Whether a member wants the notifications of a workspace by mail, too.

use herald_base::boxed;
use uuid::Uuid;

use herald_db::{Db, Result, query};

herald_base::text_enum! {
    /// Whether a person wants mails.
    pub enum MailWish, "a person does not want mails {:?}" {
        /// If a mail server is set up.
        Default "default",
        /// Yes.
        On "on",
        /// No.
        Off "off",
    }
}

impl From<Option<bool>> for MailWish {
    fn from(wanted: Option<bool>) -> Self {
        match wanted {
            None => Self::Default,
            Some(true) => Self::On,
            Some(false) => Self::Off,
        }
    }
}

impl MailWish {
    /// Whether mails are sent, if this installation has a mail server or not.
    pub fn is_granted(self, has_mail_server: bool) -> bool {
        match self {
            Self::Default => has_mail_server,
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// Whether a member wants the notifications of a workspace by mail.
#[boxed]
pub async fn mail_wish(db: &Db, workspace_id: Uuid, user_id: Uuid) -> Result<MailWish> {
    let found: Option<(bool,)> =
        query("select mail from notification_settings where workspace_id = $1 and user_id = $2")
            .bind(workspace_id)
            .bind(user_id)
            .optional(db)
            .await?;
    Ok(found.map(|(wanted,)| wanted).into())
}

/// Notes whether a member wants the notifications of a workspace by mail.
#[boxed]
pub async fn set_mail_wish(db: &Db, workspace_id: Uuid, user_id: Uuid, wish: MailWish) -> Result<()> {
    let mut tx = db.begin().await?;
    let statement = match wish {
        MailWish::Default => query("delete from notification_settings where workspace_id = $1 and user_id = $2"),
        MailWish::On | MailWish::Off => query(
            "insert into notification_settings (workspace_id, user_id, mail) values ($1, $2, $3)
             on conflict (workspace_id, user_id) do update set mail = excluded.mail",
        ),
    };
    let statement = statement.bind(workspace_id).bind(user_id);
    let statement = if wish == MailWish::Default { statement } else { statement.bind(wish == MailWish::On) };
    statement.execute(&mut tx).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_says_nothing_gets_mails_where_they_are_sent() {
        assert!(MailWish::from(None).is_granted(true) && !MailWish::from(None).is_granted(false));
        assert!(MailWish::from(Some(true)).is_granted(false) && !MailWish::from(Some(false)).is_granted(true));
    }
}

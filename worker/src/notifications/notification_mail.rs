//! `notification.mail`: sends a notification to its person by mail.
//!
//! A mail is handed over at most once. It is marked before that, in a transaction of its own. If the process dies, or
//! the mail server does not answer, nobody knows whether the mail arrived: it is then `unknown`, and not sent again.
//! The notification itself is on the person's page in any case. A mail that was refused for the time being waits again.

use std::sync::Arc;

use herald_app::jobs::NotificationMail;
use herald_base::telemetry::catalog::NOTIFICATION_MAILS;
use herald_notifications::{MailState, NotificationLetter, find_letter, move_mail};
use herald_providers::{
    Class,
    email::{AccountMail, Mailbox, Message},
};
use serde_json::json;

use crate::runner::{Done, Failure};
use crate::{
    accounts::what_now,
    gone::{is_gone, note_gone},
    jobs::{Context, Task},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<NotificationMail>) -> Result<Done, Failure> {
    let Some(letter) = find_letter(&context.db, task.workspace_id, task.args.notification_id).await? else {
        return Ok(Done::default());
    };
    match letter.mail {
        MailState::Waiting => {}
        // An attempt before this one did not say how it ended.
        MailState::Sending => return end(&context, &task, MailState::Sending, MailState::Unknown).await,
        _ => return Ok(Done::default()),
    }
    let is_wanted = task.args.always || letter.wish().is_granted(!context.mailer.is_outbox());
    if !letter.is_member || !is_wanted {
        return end(&context, &task, MailState::Waiting, MailState::Skipped).await;
    }
    let Ok(to) = Mailbox::parse(&letter.email) else {
        end(&context, &task, MailState::Waiting, MailState::Failed).await?;
        return Err(Failure::Fail("the person's address cannot be written to".to_owned()));
    };
    // The notification is on the person's page all the same.
    if is_gone(&context, task.workspace_id, &letter.email).await? {
        return end(&context, &task, MailState::Waiting, MailState::Failed).await;
    }
    let id = task.args.notification_id;
    if !move_mail(&context.db, task.workspace_id, id, MailState::Waiting, MailState::Sending).await? {
        return Ok(Done::default());
    }
    let rendered = mail(&context, letter.clone()).render(&letter.locale);
    match context.mailer.send(&Message::account(id, to, rendered)).await {
        Ok(_) => end(&context, &task, MailState::Sending, MailState::Sent).await,
        Err(error) if error.class == Class::Unknown => {
            tracing::warn!(%error, notification = %id, "nobody knows whether a mail arrived: it is not sent again");
            end(&context, &task, MailState::Sending, MailState::Unknown).await
        }
        Err(error) => {
            move_mail(&context.db, task.workspace_id, id, MailState::Sending, MailState::Waiting).await?;
            note_gone(&context, task.workspace_id, (&letter.email, format!("notification:{id}")), &error).await?;
            let waited = context.db.now() - task.enqueued_at();
            Err(what_now(error, task.has_key, task.attempt, waited))
        }
    }
}

/// Notes how the mail ended, and counts it.
async fn end(
    context: &Context,
    task: &Task<NotificationMail>,
    from: MailState,
    to: MailState,
) -> Result<Done, Failure> {
    if move_mail(&context.db, task.workspace_id, task.args.notification_id, from, to).await? {
        NOTIFICATION_MAILS.add([to.as_str()], 1);
    }
    Ok(Done { result: Some(json!({ "mail": to })), ..Done::default() })
}

fn mail(context: &Context, letter: NotificationLetter) -> AccountMail {
    let page = |path: &str| context.links.page(&format!("/w/{}{path}", letter.slug));
    AccountMail::Notification {
        link: page(&letter.link),
        settings: page("/notifications"),
        title: letter.title,
        workspace: letter.workspace,
    }
}

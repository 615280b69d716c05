//! `account.mail`: sends an e-mail about a person's account.
//!
//! The e-mail is sent at least once. If the sending gets no answer, the e-mail is sent again with the same
//! `Message-ID`. A second code does no harm, while a missing code locks its owner out. Herald records the sent e-mail
//! and deletes its content, so a job that runs again finds nothing to do.

use std::sync::Arc;

use herald_app::jobs::AccountMail;
use herald_providers::email::{Mailbox, Message};

use crate::runner::{Done, Failure};
use crate::{
    accounts::what_now,
    gone::{is_gone, note_gone},
    jobs::{Context, Task},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<AccountMail>) -> Result<Done, Failure> {
    let id = task.args.letter_id;
    let Some(letter) = context.people.unsent_letter(id).await? else { return Ok(Done::default()) };
    if let Some(mail) = &letter.mail {
        if is_gone(&context, task.workspace_id, &letter.to).await? {
            let why = "the address does not exist: mail to it came back; correct the address, or lift its suppression";
            return Err(Failure::Fail(why.to_owned()));
        }
        let to = Mailbox::parse(&letter.to)
            .map_err(|_| Failure::Fail("the address of the letter cannot be written to".to_owned()))?;
        let sent = context.mailer.send(&Message::account(id, to, mail.render(&letter.locale))).await;
        if let Err(error) = &sent {
            note_gone(&context, task.workspace_id, (&letter.to, format!("letter:{id}")), error).await?;
        }
        sent.map_err(|error| what_now(error, task.has_key, task.attempt, context.db.now() - task.enqueued_at()))?;
    }
    context.people.letter_sent(id).await?;
    Ok(Done::default())
}

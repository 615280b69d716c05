//! `account.mail`: a letter about somebody's account.
//!
//! Sent at least once: a letter whose sending was not answered goes again, under the same `Message-ID`. A second code
//! does no harm, and a code that never comes keeps its owner out. What was sent is noted, and then forgotten; a job
//! that runs again finds nothing to do.

use std::sync::Arc;

use herald_app::jobs::AccountMail;
use herald_providers::email::{Mailbox, Message};

use crate::runner::{Done, Failure};
use crate::{
    accounts::what_now,
    jobs::{Context, Task},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<AccountMail>) -> Result<Done, Failure> {
    let id = task.args.letter_id;
    let Some(letter) = context.people.unsent_letter(id).await? else { return Ok(Done::default()) };
    if let Some(mail) = &letter.mail {
        let to = Mailbox::parse(&letter.to)
            .map_err(|_| Failure::Fail("the address of the letter cannot be written to".to_owned()))?;
        let sent = context.mailer.send(&Message::account(id, to, mail.render(&letter.locale))).await;
        sent.map_err(|error| what_now(error, task.has_key, task.attempt, context.db.now() - task.enqueued_at()))?;
    }
    context.people.letter_sent(id).await?;
    Ok(Done::default())
}

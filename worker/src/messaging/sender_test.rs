//! `sender.test`: sends one mail in the name of a sender, and reports what the mail server said.
//!
//! It is tried once: the person who waits for the mail starts another test. If the process dies, the mail may have been
//! sent, and a second test sends another one; a test does no harm.

use std::sync::Arc;

use herald_app::jobs::SenderTest;
use herald_messaging::{Sender, find_sender};
use herald_providers::{
    Finding,
    email::{Mailbox, Message},
};
use serde_json::json;
use uuid::Uuid;

use super::mail::bounces_to;
use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<SenderTest>) -> Result<Done, Failure> {
    let found = find_sender(&context.db, task.workspace_id, task.args.sender_id).await;
    let sender = found.map_err(|error| Failure::Fail(error.to_string()))?;
    let sender = sender.ok_or_else(|| Failure::Fail("the sender was deleted".to_owned()))?;
    let message = Message {
        envelope_from: bounces_to(&context.links, &sender, task.key.id)
            .map_err(|bad| Failure::Fail(bad.to_string()))?,
        ..message(&sender, task.key.id, &task.args.to)?
    };
    let sent = match sender.connection_id {
        None => context.mailer.send(&message).await,
        Some(id) => {
            let used = context.mail_server(&task, id).await?;
            used.client.send(&message).await
        }
    };
    let is_outbox = sender.connection_id.is_none() && context.mailer.is_outbox();
    let finding = match sent {
        Ok(receipt) if is_outbox => {
            Finding::ok(format!("no mail server is set, so the mail was written into the outbox: {}", receipt.said))
        }
        Ok(receipt) => Finding::ok(format!("the mail server took the mail: {}", receipt.said)),
        Err(error) => Finding::failed(error),
    };
    let result = json!({ "ok": finding.ok, "findings": [finding] });
    Ok(Done { result: Some(result), ..Done::default() })
}

fn message(sender: &Sender, id: Uuid, to: &str) -> Result<Message, Failure> {
    let mailbox = |name: Option<&str>, address: &str| {
        let read = Mailbox::new(name, address);
        read.map_err(|error| Failure::Fail(format!("an address of the test cannot be used: {error}")))
    };
    let parts = [
        format!("This mail shows how mails of the sender {:?} arrive.", sender.name),
        sender.footer.clone(),
        sender.postal_address.clone(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(Message {
        id,
        to: mailbox(None, to)?,
        from: Some(mailbox(Some(&sender.from_name), &sender.from_address)?),
        envelope_from: None,
        reply_to: sender.reply_to.as_deref().map(|address| mailbox(None, address)).transpose()?,
        subject: format!("A test of {}", sender.name),
        text: format!("{}\n", parts.join("\n\n")),
        html: None,
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
    })
}

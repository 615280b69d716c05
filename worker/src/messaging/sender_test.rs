//! `sender.test`: sends one mail in the name of a sender over each of its mail servers, and reports what they said.
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

use super::{mail::bounces_to, relays::Servers};
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
    let servers = Servers::of(&context, &task, &sender).await?;
    let mut findings = Vec::new();
    for (name, mailer) in servers.each() {
        let name = name.filter(|_| !sender.relays.is_empty()).map(|name| format!(" {name:?}")).unwrap_or_default();
        findings.push(match mailer.send(&message).await {
            Ok(receipt) if mailer.is_outbox() => {
                Finding::ok(format!("no mail server is set, so the mail was written into the outbox: {}", receipt.said))
            }
            Ok(receipt) => Finding::ok(format!("the mail server{name} took the mail: {}", receipt.said)),
            Err(error) => Finding::failed(error),
        });
    }
    let result = json!({ "ok": findings.iter().all(|finding| finding.ok), "findings": findings });
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

//! `campaign.test`: sends one mail of a campaign to somebody who looks at it.
//!
//! The mail goes the way of the real ones. It is tried once: the person who waits for it starts another test. If the
//! process dies, it may have been sent, and a second test sends another one; a test does no harm, and is not counted.

use std::sync::Arc;

use herald_app::jobs::CampaignTest;
use herald_contacts::find_contact;
use herald_messaging::{MessagingError, content_now, find_campaign, find_sender, template::Compiled, test_message};
use herald_providers::Finding;
use serde_json::json;

use super::{mail::Post, part::Handed};
use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CampaignTest>) -> Result<Done, Failure> {
    let (db, workspace_id, args) = (&context.db, task.workspace_id, &task.args);
    let fail = |error: MessagingError| Failure::Fail(error.to_string());
    let gone = |what: &str| Failure::Fail(format!("the {what} is not there any more"));
    let campaign = find_campaign(db, workspace_id, args.campaign_id).await?.ok_or_else(|| gone("campaign"))?;
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await.map_err(fail)?,
        None => None,
    };
    let sender = sender.ok_or_else(|| gone("sender"))?;
    let contact = match args.contact_id {
        Some(id) => Some(find_contact(db, workspace_id, id).await?.ok_or_else(|| gone("contact"))?),
        None => None,
    };
    let content = content_now(db, workspace_id, &campaign).await.map_err(fail)?;
    let content = Compiled::with_footer(&content, &sender.footer).map_err(|findings| {
        let first = findings.first().map(|one| format!(": {}", one.problem)).unwrap_or_default();
        Failure::Fail(format!("its template has a fault{first}"))
    })?;
    let post = Post::of(&context, &task, &campaign, &sender).await?.map_err(Failure::Fail)?;
    let message = test_message(&content, &campaign, contact.as_ref(), (&args.to, task.key.id));
    let finding = match post.hand_over_test(&content, &message).await {
        Handed::Over { said, .. } => Finding::ok(format!("the mail server took the mail: {said}")),
        Handed::Refused { cause: "template", reason } => Finding::wrong(format!("there is no such mail: {reason}")),
        Handed::Refused { reason, .. } | Handed::NeedsAPerson { reason } => Finding::wrong(reason),
        Handed::PutOff { reason } | Handed::PutOffFor { reason, .. } => {
            Finding { ok: false, text: reason, passing: true }
        }
        Handed::Unanswered { reason } => {
            let text = format!("the mail may have been sent, for the connection was lost before the answer: {reason}");
            Finding { ok: false, text, passing: true }
        }
        Handed::Away { .. } => {
            let text = "the mail server does not answer, or wants fewer mails now: test again later".to_owned();
            Finding { ok: false, text, passing: true }
        }
    };
    let result = json!({ "ok": finding.ok, "findings": [finding] });
    Ok(Done { result: Some(result), ..Done::default() })
}

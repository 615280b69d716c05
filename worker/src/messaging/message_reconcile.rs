//! `message.reconcile`: looks at the provider for messages whose end nobody heard.
//!
//! Only Twilio has a list of what was sent. A message is found there by its number, its time and its text; what was
//! found is taken in like a report. One that is not found stays unknown, with a word about that: nothing is sent again
//! by itself. Safe to run twice: a message that was found has the provider's id, and is not looked for any more.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::TimeDelta;
use herald_accounts::ProviderKind;
use herald_app::jobs::MessageReconcile;
use herald_messaging::{
    NewReport, UnknownMessage, WhatsappMessage, find_campaign, known_provider_ids, note_not_found, take_reports,
    unknown_messages,
};
use herald_providers::{
    twilio::Found,
    whatsapp::{Report, Whatsapp},
};

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// Messages that are read together.
const AT_ONCE: usize = 100;
/// After this time, what the provider does not list is not there.
const LISTED_BY: TimeDelta = TimeDelta::minutes(10);
/// When the job looks again for those that may still come.
const AGAIN: Duration = Duration::from_secs(120);

pub(crate) async fn run(context: Arc<Context>, task: Task<MessageReconcile>) -> Result<Done, Failure> {
    let (db, workspace_id, campaign_id) = (&context.db, task.workspace_id, task.args.campaign_id);
    let Some(campaign) = find_campaign(db, workspace_id, campaign_id).await? else { return Ok(Done::default()) };
    let Some(message) = campaign.whatsapp.as_ref().map(|message| &message.0) else { return Ok(Done::default()) };
    let used = context.whatsapp(&task, message.connection_id).await?;
    let Whatsapp::Twilio(twilio) = &used.client else { return Ok(Done::default()) };
    let (mut from, mut may_come) = (None, false);
    loop {
        let unknown = unknown_messages(db, workspace_id, campaign_id, (from, AT_ONCE)).await?;
        let Some(last) = unknown.last() else { break };
        from = Some(last.id);
        for one in unknown {
            if task.cancelled.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let Some(text) = text_of(message, &one) else { continue };
            let listed = twilio.find_sent(&one.address, one.claimed_at).await;
            let listed = used.settle(&context, listed).await?;
            let fits: Vec<Found> = listed.into_iter().filter(|found| says(found, &text)).collect();
            let ids: BTreeSet<String> = fits.iter().map(|found| found.report.provider_id.clone()).collect();
            let known = known_provider_ids(db, workspace_id, ids).await?;
            let free: Vec<Found> =
                fits.into_iter().filter(|found| !known.contains(&found.report.provider_id)).collect();
            match free.as_slice() {
                [found] => {
                    let report = Report { message_id: Some(one.id), ..found.report.clone() };
                    let (connection_id, provider) = (message.connection_id, ProviderKind::Twilio);
                    take_reports(db, vec![NewReport { workspace_id, connection_id, provider, report }]).await?;
                }
                [] if db.now() - one.claimed_at > LISTED_BY => note_not_found(db, workspace_id, one.id).await?,
                [] => may_come = true,
                // Of several that say the same, nobody knows which one it is.
                _ => {}
            }
        }
    }
    if may_come { Err(Failure::Snooze(AGAIN)) } else { Ok(Done::default()) }
}

/// What a message says. None: it could not have been sent.
fn text_of(message: &WhatsappMessage, one: &UnknownMessage) -> Option<String> {
    let values = message.values(&one.params.0).ok()?;
    Some(words(&message.template.filled(&values)))
}

fn says(found: &Found, text: &str) -> bool {
    found.body.as_deref().is_some_and(|body| words(body) == text)
}

/// A text without the white space that a provider may change.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

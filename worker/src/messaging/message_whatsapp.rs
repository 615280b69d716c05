//! `message.whatsapp`: sends a part of a campaign's messages over WhatsApp.
//!
//! Safe to run twice: a message is claimed before it is handed over (`part.rs`).

use std::sync::Arc;

use chrono::TimeDelta;
use herald_app::jobs::{MessageReconcile, MessageWhatsapp};
use herald_ledger as ledger;
use herald_ledger::Payload as _;
use herald_messaging::unknown_messages;

use super::{
    part::{Part, send_part},
    whatsapp::Messages,
};
use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

/// When messages whose end nobody heard are looked for.
const SOON: TimeDelta = TimeDelta::minutes(2);

pub(crate) async fn run(context: Arc<Context>, task: Task<MessageWhatsapp>) -> Result<Done, Failure> {
    let MessageWhatsapp { campaign_id, round, from, to } = task.args;
    let sent = send_part::<Messages, _>(&context, &task, Part { campaign_id, round, range: (from, to) }).await;
    let unknown = unknown_messages(&context.db, task.workspace_id, campaign_id, (None, 1)).await?;
    if !unknown.is_empty() {
        let mut job = MessageReconcile { campaign_id }.job(task.workspace_id);
        // By then, a report may have told.
        job.run_at = Some(context.db.now() + SOON);
        ledger::enqueue_alone(&context.db, job).await?;
    }
    sent
}

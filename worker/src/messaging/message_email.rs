//! `message.email`: sends a part of a campaign's messages by mail.
//!
//! Safe to run twice: a message is claimed before it is handed over (`part.rs`).

use std::sync::Arc;

use herald_app::jobs::MessageEmail;

use super::{
    mail::Mails,
    part::{Part, send_part},
};
use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<MessageEmail>) -> Result<Done, Failure> {
    let MessageEmail { campaign_id, round, from, to } = task.args;
    send_part::<Mails, _>(&context, &task, Part { campaign_id, round, range: (from, to) }).await
}

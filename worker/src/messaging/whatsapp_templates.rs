//! `whatsapp.templates`: reads the templates of an account that sends over WhatsApp, with the state of their approval.
//!
//! Safe to run twice: the second run writes the same.

use std::sync::Arc;

use herald_app::jobs::WhatsappTemplates;
use herald_messaging::synchronise_whatsapp_templates;
use serde_json::json;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<WhatsappTemplates>) -> Result<Done, Failure> {
    let id = task.args.connection_id;
    let used = context.whatsapp(&task, id).await?;
    let found = used.client.templates().await;
    let found = used.settle(&context, found).await?;
    let mut tx = context.db.begin().await?;
    let done = synchronise_whatsapp_templates(&mut tx, task.workspace_id, id, found).await?;
    tx.commit().await?;
    Ok(Done { result: Some(json!(done)), ..Done::default() })
}

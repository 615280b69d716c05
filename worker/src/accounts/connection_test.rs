//! `connection.test`: checks whether an account can do what Herald needs, and reports how to correct it.
//!
//! Safe to run twice: the test changes nothing at the provider.

use std::sync::Arc;

use herald_accounts as connections;
use herald_app::jobs::ConnectionTest;
use serde_json::json;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<ConnectionTest>) -> Result<Done, Failure> {
    let (id, target) = (task.args.connection_id, task.args.target.as_deref());
    let tested = connections::check(&context.accounts, task.workspace_id, id, target).await;
    let (connection, findings) = tested.map_err(|error| Failure::Fail(error.to_string()))?;
    let well = connections::note(&context.db, task.workspace_id, &connection, target, &findings).await?;
    let result = json!({ "ok": well, "findings": findings });
    Ok(Done { result: Some(result), ..Done::default() })
}

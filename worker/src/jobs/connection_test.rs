//! `connection.test`: whether an account can do what Herald needs, and what to do where it cannot.
//!
//! Safe to run twice: it changes nothing outside.

use std::sync::Arc;

use herald_shared::{connections, jobs::ConnectionTest};
use serde_json::json;

use super::{Context, Task};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<ConnectionTest>) -> Result<Done, Failure> {
    let (connection, findings) = match connections::check(
        &context.accounts,
        task.workspace_id,
        task.args.connection_id,
        task.args.target.as_deref(),
    )
    .await
    {
        Ok(tested) => tested,
        Err(error) => return Err(Failure::Fail(error.to_string())),
    };
    let wrong: Vec<&str> = findings.iter().filter(|found| !found.ok).map(|found| found.text.as_str()).collect();
    if wrong.is_empty() {
        connections::mark_ok(&context.db, &connection).await?;
    } else if task.args.target.is_none() {
        connections::mark_broken(&context.db, connection.id, connection.version, &wrong.join("; ")).await?;
    }
    let result = json!({ "ok": wrong.is_empty(), "findings": findings });
    Ok(Done { result: Some(result), ..Done::default() })
}

//! The saved views of a list, for the menu beside its filters.

use serde_json::Value;

use crate::{query::part, visit::Visit};

/// Those that the person keeps of this page. Without them, the page is whole, too.
pub(crate) async fn of(visit: &Visit, place: &str) -> Value {
    let Some(workspace) = &visit.caller.workspace else { return Value::Null };
    let path = format!("/api/v1/me/views?workspace={}&place={}", part(workspace), part(place));
    visit.ask(&path).await.map(|found| found["items"].clone()).unwrap_or_default()
}

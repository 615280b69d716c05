//! Blocks: the list, and the form of one.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use super::typed::{parts_of, rows_of};
use crate::{
    Console,
    form::{Form, NEW},
    page::page,
    query::part,
    visit::{Stop, Visit},
};

const BLOCKS: &str = "/api/v1/message-blocks";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/message-blocks", get(list))
        .route("/w/{ws}/message-blocks/new", get(new))
        .route("/w/{ws}/message-blocks/{id}", get(edit))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let found = visit.get(BLOCKS).await?;
    Ok(page(&visit, "messaging/message_blocks.html").show(json!({ "blocks": found["items"] })))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createMessageBlock")?;
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": "" } });
    show(&visit, &json!({ "name": "", "content": content }), Some(NEW.to_owned()), "createMessageBlock")
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeMessageBlock")?;
    let (block, version) = visit.versioned(&format!("{BLOCKS}/{}", part(&id))).await?;
    show(&visit, &block, version, "changeMessageBlock")
}

fn show(visit: &Visit, block: &Value, version: Option<String>, act: &'static str) -> Result<Response, Stop> {
    let typed = visit.filled.typed(act).map(|values| Form::from_iter(values.clone()));
    let content = &block["content"];
    let asked = |name: &str| typed.as_ref().and_then(|form| form.get(name)).map_or(content[name].clone(), Value::from);
    let own = json!({ "block": block, "version": version, "act": act, "format": asked("format"),
        "default_language": asked("default_language"),
        "rows": typed.as_ref().map_or_else(|| rows_of(content), parts_of) });
    Ok(page(visit, "messaging/message_block.html").show(own))
}

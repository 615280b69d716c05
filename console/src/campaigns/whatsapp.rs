//! What a campaign over WhatsApp says: its template, what is put into the variables, and how a contact would read it.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use super::{all, moves, named};
use crate::{
    Console,
    form::Form,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

const ACT: &str = "setCampaignWhatsapp";
const PREVIEW: &str = "previewWhatsappTemplate";

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/campaigns/{id}/whatsapp", get(show))
}

async fn show(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let campaign = visit.get(&format!("/api/v1/campaigns/{}", part(&id))).await?;
    let query = Query::of(&visit.address);
    let senders = all(&visit, "senders").await;
    let templates: Vec<Value> = match visit.may("listWhatsappTemplates") {
        true => {
            let found = visit.ask("/api/v1/whatsapp-templates").await.unwrap_or_default();
            of_account(&found["items"], &named(&senders, &campaign["sender_id"])["connection_id"])
        }
        false => Vec::new(),
    };
    let stored = &campaign["settings"]["whatsapp"];
    let typed = visit.filled.typed(ACT);
    let chosen = query.get("template").map(Value::from);
    let chosen = typed.and_then(|typed| typed.get("template_id")).map(|id| json!(id)).or(chosen);
    let template = named(&templates, chosen.as_ref().unwrap_or(&stored["template_id"]));
    let is_stored = template["id"] == stored["template_id"];
    let value = |name: &str| {
        let typed = typed.and_then(|typed| typed.get(&format!("variables.{name}"))).map(|text| json!(text));
        typed.or_else(|| Some(stored["variables"][name].clone()).filter(|_| is_stored)).unwrap_or_default()
    };
    let variables: Vec<Value> = template["content"]["variables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|own| {
            let name = own["name"].as_str().unwrap_or_default();
            json!({ "name": name, "example": own["example"], "value": value(name).as_str().unwrap_or_default() })
        })
        .collect();
    let own = json!({
        "campaign": campaign,
        "templates": templates,
        "chosen": template["id"],
        "template": template,
        "variables": variables,
        "is_open": moves::is_open(&campaign),
        "preview": preview(&visit, stored, query.get("contact")).await,
        "contact": query.get("contact").unwrap_or_default(),
    });
    Ok(page(&visit, "campaigns/whatsapp.html").show(own))
}

/// The templates of the sender's account; all, if there is no sender yet.
fn of_account(all: &Value, connection: &Value) -> Vec<Value> {
    let fits =
        |one: &&Value| (connection.is_null() || one["connection_id"] == *connection) && one["state"] != "deleted";
    all.as_array().into_iter().flatten().filter(fits).cloned().collect()
}

/// How the contact, or somebody who has a value in every field, would read what is stored.
async fn preview(visit: &Visit, stored: &Value, contact: Option<&str>) -> Value {
    let Some(id) = stored["template_id"].as_str() else { return Value::Null };
    if !visit.may(PREVIEW) {
        return Value::Null;
    }
    let mut asked = json!({ "variables": stored["variables"] });
    if let Some(contact) = contact.filter(|contact| !contact.is_empty()) {
        asked["contact_id"] = contact.into();
    }
    let Some(operation) = visit.console.description.operation(PREVIEW) else { return Value::Null };
    let of = Form::of(vec![("id".to_owned(), id.to_owned())]);
    match visit.call(operation, &of, Some(&asked)).await {
        Ok(answer) => answer.body,
        Err(refusal) => json!({ "text": null, "buttons": [], "problems": [refusal.detail] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_of_the_senders_account_are_offered() {
        let all = json!([
            { "id": "a", "connection_id": "x", "state": "approved" },
            { "id": "b", "connection_id": "y", "state": "approved" },
            { "id": "c", "connection_id": "x", "state": "deleted" },
        ]);
        let ids = |connection: Value| -> Vec<Value> {
            of_account(&all, &connection).into_iter().map(|one| one["id"].clone()).collect()
        };
        assert_eq!(ids(json!("x")), [json!("a")]);
        assert_eq!(ids(Value::Null), [json!("a"), json!("b")]);
    }
}

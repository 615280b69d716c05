//! Contacts: the list, one contact with its timeline, the forms, what erases a person, and its proofs; and the tags.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    form::NEW,
    invitations::passed,
    page::page,
    query::{Query, part},
    saved_views,
    visit::{Stop, Visit},
};

/// What the address of the list says.
const FILTERS: [&str; 8] = ["search", "tag", "segment", "snapshot", "country", "locale", "trashed", "cursor"];

/// The fields with a type.
const FIELDS: &str = "/api/v1/contact-fields";
/// The newest messages to a contact that its page shows.
const MESSAGES: usize = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/contacts", get(list))
        .route("/w/{ws}/contacts/new", get(new))
        .route("/w/{ws}/contacts/{id}", get(one))
        .route("/w/{ws}/contacts/{id}/edit", get(edit))
        .route("/w/{ws}/contacts/{id}/export", get(export))
        .route("/w/{ws}/contacts/{id}/merge", get(merge))
        .route("/w/{ws}/contacts/{id}/erase", get(erase))
        .route("/w/{ws}/erasures", get(erasures))
        .route("/w/{ws}/tags", get(tags))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let asked = query.only(&FILTERS);
    let (found, fault) = match visit.ask(&format!("/api/v1/contacts?{asked}")).await {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let tags = visit.get("/api/v1/tags?limit=200").await?;
    let segments = visit.get("/api/v1/segments").await?;
    let fields = visit.get(FIELDS).await?;
    let asked: Value =
        FILTERS.iter().map(|name| ((*name).to_owned(), Value::from(query.get(name).unwrap_or_default()))).collect();
    let views = saved_views::of(&visit, "contacts").await;
    let own = json!({ "views": views, "contacts": found["items"], "next_cursor": found["next_cursor"], "fault": fault,
        "tags": tags["items"], "segments": segments["items"], "asked": asked, "fields": fields["items"] });
    Ok(page(&visit, "contacts/contacts.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createContact")?;
    let fields = visit.get(FIELDS).await?;
    let own = json!({ "contact": { "tags": [], "fields": {} }, "version": NEW, "fields": fields["items"] });
    Ok(page(&visit, "contacts/form.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/contacts/{}", part(&id));
    let contact = visit.get(&address).await?;
    let query = Query::of(&visit.address).only(&["cursor"]);
    let activities = visit.get(&format!("{address}/activities?limit=25&{query}")).await?;
    let consents = visit.get(&format!("{address}/consents")).await?;
    let duplicates = visit.get(&format!("{address}/duplicates")).await?;
    let merges = visit.get(&format!("{address}/merges")).await?;
    let fields = visit.get(FIELDS).await?;
    let messages = format!("/api/v1/messages?contact={}&limit={MESSAGES}", part(&id));
    let messages = visit.ask(&messages).await.unwrap_or_default();
    let own = json!({ "contact": contact, "messages": messages["items"], "fields": fields["items"],
        "activities": activities["items"],
        "next_cursor": activities["next_cursor"],
        "consents": consents["items"], "duplicates": duplicates["items"], "merges": merges["items"],
        "now": visit.console.clock.now() });
    Ok(page(&visit, "contacts/contact.html").show(own))
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeContact")?;
    let (contact, version) = visit.versioned(&format!("/api/v1/contacts/{}", part(&id))).await?;
    let fields = visit.get(FIELDS).await?;
    let own = json!({ "contact": contact, "version": version, "fields": fields["items"] });
    Ok(page(&visit, "contacts/form.html").show(own))
}

async fn export(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/contacts/{}/export", part(&id))).await
}

async fn erase(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("eraseContact")?;
    let address = format!("/api/v1/contacts/{}", part(&id));
    let contact = visit.get(&address).await?;
    let held = visit.get(&format!("{address}/held")).await?;
    Ok(page(&visit, "contacts/erase.html").show(json!({ "contact": contact, "held": held })))
}

/// The proofs that people were erased.
async fn erasures(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let mut found = visit.get(&format!("/api/v1/erasures?{query}")).await?;
    for one in found["items"].as_array_mut().into_iter().flatten() {
        let counts = one["records"].as_object().into_iter().flat_map(|records| records.values());
        one["total"] = counts.filter_map(Value::as_i64).sum::<i64>().into();
    }
    let own = json!({ "erasures": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "contacts/erasures.html").show(own))
}

/// Both contacts side by side, or the search for the other one.
async fn merge(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("mergeContacts")?;
    let contact = visit.get(&format!("/api/v1/contacts/{}", part(&id))).await?;
    let query = Query::of(&visit.address);
    let with = query.get("with").filter(|with| !with.is_empty());
    let search = query.get("search").unwrap_or_default();
    let mut own = json!({ "contact": contact, "other": null, "rows": [], "found": [], "search": search });
    if let Some(with) = with {
        let other = visit.get(&format!("/api/v1/contacts/{}", part(with))).await?;
        own["rows"] = rows(&contact, &other).into();
        own["other"] = other;
    } else if !search.is_empty() {
        let found = visit.get(&format!("/api/v1/contacts?limit=20&{}", query.only(&["search"]))).await?;
        own["found"] = found["items"].clone();
    }
    Ok(page(&visit, "contacts/merge.html").show(own))
}

/// The fields of two contacts, side by side: those that at least one of them has.
fn rows(contact: &Value, other: &Value) -> Vec<Value> {
    const FIXED: [(&str, &str); 9] = [
        ("name", "Name"),
        ("email", "E-mail"),
        ("phone", "Phone"),
        ("external_id", "Id elsewhere"),
        ("locale", "Language"),
        ("country", "Country"),
        ("time_zone", "Time zone"),
        ("preferred_channel", "Wants to be reached by"),
        ("lucky_number", "Lucky number"),
    ];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows: Vec<Value> = FIXED
        .iter()
        .map(|(name, label)| {
            json!({ "name": name, "label": label, "own": text(&contact[name]), "theirs": text(&other[name]) })
        })
        .collect();
    let own = contact["fields"].as_object().into_iter().chain(other["fields"].as_object());
    let names: std::collections::BTreeSet<&String> = own.flat_map(|fields| fields.keys()).collect();
    rows.extend(names.into_iter().map(|name| {
        let (own, theirs) = (text(&contact["fields"][name]), text(&other["fields"][name]));
        json!({ "name": format!("fields.{name}"), "label": name, "own": own, "theirs": theirs })
    }));
    rows.retain(|row| row["own"] != "" || row["theirs"] != "");
    rows
}

async fn tags(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/tags?{query}")).await?;
    let own = json!({ "tags": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "contacts/tags.html").show(own))
}

//! `/search`: what the words in the head of every page find, and the pages of the console that have them in their name.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

/// The pages of a workspace: name, place, and the operation that a person needs for it.
const PAGES: &[(&str, &str, &str)] = &[
    ("Today", "", "listRuns"),
    ("Invitations", "/runs", "listRuns"),
    ("Start a run", "/runs/new", "startRun"),
    ("Campaigns", "/campaigns", "listCampaigns"),
    ("Write a campaign", "/campaigns/new", "createCampaign"),
    ("Templates", "/templates", "listTemplates"),
    ("Upload a template", "/templates/new", "uploadTemplate"),
    ("Failures", "/failures", "listFailures"),
    ("Jobs", "/jobs", "listJobs"),
    ("Queues", "/queues", "listQueues"),
    ("Schedules", "/schedules", "listSchedules"),
    ("New schedule", "/schedules/new", "createSchedule"),
    ("Workers", "/workers", "listWorkers"),
    ("Audit", "/audit", "listAudit"),
    ("Health", "/health", "getReadiness"),
    ("Accounts", "/connections", "listConnections"),
    ("Connect an account", "/connections/new", "saveConnection"),
    ("Members", "/members", "listMembers"),
    ("Invite people", "/members/invite", "makeWorkspaceInvitation"),
    ("Keys", "/keys", "listKeys"),
    ("New key", "/keys/new", "makeKey"),
    ("Users", "/users", "listUsers"),
    ("CRM", "/crm", "listCrmSyncs"),
];

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/search", get(search))
}

async fn search(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let words = query.get("q").unwrap_or_default();
    let found = match words {
        "" => Ok(json!({ "groups": [] })),
        _ => visit.ask(&format!("/api/v1/search?{}", query.only(&["q", "kind"]))).await,
    };
    let (found, fault) = match found {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => (json!({ "groups": [] }), Some(refusal.detail)),
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let pages = if query.get("kind").is_none() { pages(&visit, words) } else { Vec::new() };
    let own = json!({ "q": words, "kind": query.get("kind"), "groups": found["groups"], "pages": pages,
        "fault": fault });
    Ok(page(&visit, "search.html").show(own))
}

/// The pages that have the words in their name and are open to the person.
fn pages(visit: &Visit, words: &str) -> Vec<Value> {
    let words = words.to_lowercase();
    let fits = |name: &str| !words.is_empty() && name.to_lowercase().contains(&words);
    let found = PAGES.iter().filter(|(name, _, operation)| fits(name) && visit.may(operation));
    found.map(|(name, place, _)| json!({ "name": name, "address": format!("{}{place}", visit.base()) })).collect()
}

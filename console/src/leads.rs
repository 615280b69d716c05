//! Leads: the list, the board, follow-ups, one lead, and the forms.

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
const FILTERS: [&str; 6] = ["search", "status", "outcome", "owner", "source", "cursor"];
/// Leads in a column of the board.
const IN_COLUMN: usize = 20;
/// The days that the page of numbers shows.
const PERIODS: [&str; 3] = ["7", "30", "90"];

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/leads", get(list))
        .route("/w/{ws}/leads/board", get(board))
        .route("/w/{ws}/leads/follow-ups", get(follow_ups))
        .route("/w/{ws}/leads/numbers", get(numbers))
        .route("/w/{ws}/leads/statuses", get(statuses))
        .route("/w/{ws}/leads/reports", get(reports))
        .route("/w/{ws}/leads/reports/{id}", get(report))
        .route("/w/{ws}/leads/new", get(new))
        .route("/w/{ws}/leads/{id}", get(one))
}

/// The members, who may look after leads.
async fn members(visit: &Visit) -> Value {
    if !visit.may("listMembers") {
        return json!([]);
    }
    visit.ask("/api/v1/members?limit=200").await.map_or_else(|_| json!([]), |found| found["items"].clone())
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let (found, fault) = match visit.ask(&format!("/api/v1/leads?{}", query.only(&FILTERS))).await {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let statuses = visit.get("/api/v1/leads/statuses").await?;
    let asked: Value =
        FILTERS.iter().map(|name| ((*name).to_owned(), Value::from(query.get(name).unwrap_or_default()))).collect();
    let views = saved_views::of(&visit, "leads").await;
    let own = json!({ "views": views, "leads": found["items"],
        "next_cursor": found["next_cursor"], "fault": fault, "asked": asked,
        "statuses": statuses["items"], "members": members(&visit).await });
    Ok(page(&visit, "leads/leads.html").show(own))
}

/// The leads of each status, side by side.
async fn board(visit: Visit) -> Result<Response, Stop> {
    let statuses = visit.get("/api/v1/leads/statuses").await?;
    let counts = visit.get("/api/v1/leads/counts?by=status").await?;
    let mut columns = Vec::new();
    for status in statuses["items"].as_array().into_iter().flatten() {
        let name = status["name"].as_str().unwrap_or_default();
        let address = format!("/api/v1/leads?limit={IN_COLUMN}&status={}", part(name));
        let leads = visit.get(&address).await?;
        let of = counts["items"].as_array().into_iter().flatten().filter(|count| count["of"] == status["name"]);
        let (mut number, mut sums) = (0, Vec::new());
        for count in of {
            number += count["leads"].as_i64().unwrap_or_default();
            if count["currency"].is_string() {
                sums.push(count.clone());
            }
        }
        columns.push(json!({ "status": status, "leads": leads["items"], "number": number, "sums": sums }));
    }
    let own = json!({ "columns": columns, "statuses": statuses["items"] });
    Ok(page(&visit, "leads/board.html").show(own))
}

async fn follow_ups(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let due = query.get("due").unwrap_or("today").to_owned();
    let address = format!("/api/v1/leads/follow-ups?due={}&{}", part(&due), query.only(&["owner", "cursor"]));
    let found = visit.get(&address).await?;
    let own = json!({ "leads": found["items"], "next_cursor": found["next_cursor"], "due": due,
        "now": visit.console.clock.now() });
    Ok(page(&visit, "leads/follow_ups.html").show(own))
}

/// Leads in numbers, under the filters of the list.
async fn numbers(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let days = query.get("days").filter(|days| PERIODS.contains(days)).unwrap_or(PERIODS[1]).to_owned();
    let filters = query.only(&["outcome", "owner", "source"]);
    let zone = part(&visit.person.time_zone);
    let found = visit.get(&format!("/api/v1/leads/numbers?days={days}&time_zone={zone}&{filters}")).await?;
    let most = |of: &Value| of.as_array().into_iter().flatten().filter_map(|one| one["leads"].as_i64()).max();
    let own = json!({ "numbers": found, "days": days, "periods": PERIODS, "filters": filters,
        "members": members(&visit).await,
        "asked": { "outcome": query.get("outcome"), "owner": query.get("owner"), "source": query.get("source") },
        "most": { "by_status": most(&found["by_status"]), "by_source": most(&found["by_source"]),
            "by_day": most(&found["by_day"]), "answers": most(&found["answers"]) } });
    Ok(page(&visit, "leads/numbers.html").show(own))
}

async fn statuses(visit: Visit) -> Result<Response, Stop> {
    visit.needs("setLeadStatuses")?;
    let found = visit.get("/api/v1/leads/statuses").await?;
    Ok(page(&visit, "leads/statuses.html").show(json!({ "statuses": found["items"] })))
}

async fn reports(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/reports?{query}")).await?;
    let plan = visit.get("/api/v1/reports/plan").await?;
    let subscribers = visit.get("/api/v1/reports/subscribers").await?;
    let gets = |id: &Value| subscribers["items"].as_array().into_iter().flatten().any(|one| one["user_id"] == *id);
    let members = members(&visit).await;
    let others: Vec<&Value> = members
        .as_array()
        .into_iter()
        .flatten()
        .filter(|member| member["role"] != "viewer" && member["state"] == "active" && !gets(&member["user_id"]))
        .collect();
    let own = json!({ "reports": found["items"], "next_cursor": found["next_cursor"], "plan": plan,
        "subscribers": subscribers["items"], "others": others });
    Ok(page(&visit, "leads/reports.html").show(own))
}

async fn report(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["format"]);
    passed(&visit, &format!("/api/v1/reports/{}/file?{query}", part(&id))).await
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createLead")?;
    let contact = match Query::of(&visit.address).get("contact") {
        Some(id) => visit.get(&format!("/api/v1/contacts/{}", part(id))).await?,
        None => Value::Null,
    };
    let statuses = visit.get("/api/v1/leads/statuses").await?;
    let own = json!({ "contact": contact, "statuses": statuses["items"], "members": members(&visit).await,
        "version": NEW });
    Ok(page(&visit, "leads/new.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/leads/{}", part(&id));
    let (lead, version) = visit.versioned(&address).await?;
    let notes = visit.get(&format!("{address}/notes")).await?;
    let statuses = visit.get("/api/v1/leads/statuses").await?;
    let own = json!({ "lead": lead, "version": version, "notes": notes["items"], "statuses": statuses["items"],
        "members": members(&visit).await, "local": local(&lead) });
    Ok(page(&visit, "leads/lead.html").show(own))
}

/// The follow-up by the clocks of its zone, as a field of a form has it.
fn local(lead: &Value) -> String {
    let at = lead["follow_up_at"].as_str().and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let zone = lead["follow_up_zone"].as_str().and_then(|zone| zone.parse::<chrono_tz::Tz>().ok());
    let local = at.zip(zone).map(|(at, zone)| at.with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string());
    local.unwrap_or_default()
}

//! `/`, and Today: what needs a person, what runs, and what was done lately.

use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::try_join;
use serde_json::{Value, json};

use crate::{
    Console, invitations,
    page::page,
    visit::{Stop, Visit},
};

/// Runs that are looked at for what is at work, and how many of the others are shown.
const RUNS: usize = 20;
const RECENT: usize = 8;
/// For how long a run that ended with failures is brought up here.
const FRESH: TimeDelta = TimeDelta::days(7);

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}", get(today))
}

/// Leads to the first workspace.
pub(crate) async fn home(visit: Visit) -> Response {
    match visit.workspaces.first() {
        Some(workspace) => Redirect::to(&format!("/w/{}", workspace.slug)).into_response(),
        None => Redirect::to("/welcome").into_response(),
    }
}

async fn today(visit: Visit) -> Result<Response, Stop> {
    let runs = async {
        let found = visit.get(&format!("/api/v1/invitation-runs?limit={RUNS}")).await?;
        Ok(invitations::with_names(&visit, &found["items"]).await)
    };
    // Only owners may load and remove example data; others do without.
    let example = async {
        match visit.may("getExampleData") {
            true => visit.get("/api/v1/example-data").await,
            false => Ok(json!({ "loaded": false })),
        }
    };
    let failures = visit.get("/api/v1/jobs/failures?state=dead&limit=5");
    let (runs, failures, templates, example) =
        try_join!(runs, failures, visit.get("/api/v1/templates?limit=1"), example)?;
    let now = visit.console.clock.now();
    let needy: Vec<&Value> = runs.iter().filter(|run| needs_somebody(run, now)).collect();
    let (live, ended): (Vec<&Value>, Vec<&Value>) = runs.iter().partition(|run| run["is_live"] == true);
    let own = json!({ "live": live, "recent": ended.iter().take(RECENT).collect::<Vec<_>>(), "needy": needy,
        "failures": failures["items"], "template": templates["items"][0],
        "has_example": example["loaded"] });
    Ok(page(&visit, "today.html").show(own))
}

/// Whether a person has to do something about a run.
fn needs_somebody(run: &Value, now: DateTime<Utc>) -> bool {
    let waits = run["waits_for"].as_array().into_iter().flatten().any(|wait| wait["needs_a_person"] == true);
    let some = |name: &str| run[name].as_i64().unwrap_or_default() > 0;
    let begun: Option<DateTime<Utc>> = run["created_at"].as_str().and_then(|text| text.parse().ok());
    let is_fresh = begun.is_some_and(|begun| now - begun < FRESH);
    waits || is_fresh && (run["state"] == "failed" || run["state"] != "cancelled" && some("failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_needs_somebody_while_guests_of_it_failed_lately() {
        let now: DateTime<Utc> = "2026-03-05T12:00:00Z".parse().unwrap();
        let run = |state: &str, failed: i64, day: u32| {
            let begun = format!("2026-03-0{day}T12:00:00Z");
            json!({ "state": state, "failed": failed, "waits_for": [], "created_at": begun })
        };
        assert!(needs_somebody(&run("complete", 2, 4), now));
        assert!(needs_somebody(&run("failed", 0, 4), now));
        assert!(!needs_somebody(&run("complete", 0, 4), now));
        assert!(!needs_somebody(&run("cancelled", 2, 4), now));
        let later = now + TimeDelta::days(9);
        assert!(!needs_somebody(&run("complete", 2, 4), later));
        let mut waiting = run("running", 0, 4);
        waiting["waits_for"] = json!([{ "reason": "the password was refused", "needs_a_person": true }]);
        assert!(needs_somebody(&waiting, later));
    }
}

//! What can be done with a campaign now. The API decides again when it is done.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::visit::Visit;

/// The states in which a campaign may still be changed.
const OPEN: [&str; 4] = ["draft", "in_review", "approved", "scheduled"];
/// The states in which nothing happens with it any more.
const LAST: [&str; 3] = ["sent", "cancelled", "failed"];
/// The roles that may approve.
const APPROVERS: [&str; 2] = ["agency", "owner"];

/// Whether a campaign may still be changed.
pub(super) fn is_open(campaign: &Value) -> bool {
    OPEN.iter().any(|state| campaign["state"] == *state)
}

/// What its state allows, by the operation. Whether the person may do it, the page asks beside.
pub(super) fn of(visit: &Visit, campaign: &Value, members: &[Value], now: DateTime<Utc>) -> Value {
    let state = campaign["state"].as_str().unwrap_or_default();
    let number = |name: &str| campaign["counts"][name].as_i64().unwrap_or_default();
    let send_at: Option<DateTime<Utc>> = campaign["send_at"].as_str().and_then(|text| text.parse().ok());
    // Messages of a campaign that was cancelled or could not be planned are not sent any more.
    let goes_on = matches!(state, "sending" | "paused" | "sent");
    json!({
        "change": is_open(campaign),
        "submit": state == "draft",
        "approve": state == "in_review",
        "own": is_own(&visit.person.id, campaign) && others_approve(&visit.person.id, members),
        "reject": matches!(state, "in_review" | "approved" | "scheduled"),
        "schedule": state == "approved" && send_at.is_some_and(|at| at > now),
        "past": state == "approved" && send_at.is_some_and(|at| at <= now),
        "send": matches!(state, "approved" | "scheduled"),
        "pause": state == "sending",
        "resume": state == "paused",
        "cancel": !LAST.contains(&state),
        "retry": goes_on && number("failed") > 0,
        "decide": goes_on && number("unknown") > 0,
        "live": matches!(state, "scheduled" | "sending"),
    })
}

/// Whether a person made or submitted it.
fn is_own(person: &str, campaign: &Value) -> bool {
    let me = format!("user:{person}");
    campaign["created_by"] == *me || campaign["submitted_by"] == *me
}

/// Whether somebody else may approve. Without the list of members nobody knows, and the API decides.
fn others_approve(person: &str, members: &[Value]) -> bool {
    let approves =
        |member: &&Value| APPROVERS.iter().any(|role| member["role"] == *role) && member["state"] == "active";
    members.iter().filter(approves).any(|member| member["user_id"] != *person)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_offered_to_approve_their_own_while_somebody_else_may() {
        let campaign = json!({ "created_by": "user:1", "submitted_by": "user:2" });
        assert!(is_own("1", &campaign) && is_own("2", &campaign) && !is_own("3", &campaign));
        let member = |id: &str, role: &str, state: &str| json!({ "user_id": id, "role": role, "state": state });
        let me = member("1", "owner", "active");
        assert!(others_approve("1", &[me.clone(), member("2", "agency", "active")]));
        assert!(!others_approve("1", &[me, member("2", "staff", "active"), member("3", "owner", "deactivated")]));
    }
}

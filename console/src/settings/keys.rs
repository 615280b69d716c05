//! API keys: what each may do, when it was last used, and the form for a new one.

use axum::{Router, response::Response, routing::get};
use chrono::{DateTime, Days, Utc};
use serde_json::{Value, json};

use super::{roles, standing};
use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

/// After how many days a key can be made to end.
const LIFETIMES: &[(u64, &str)] = &[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year")];

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/keys", get(list)).route("/w/{ws}/keys/new", get(new))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let mut found = visit.get(&format!("/api/v1/keys?{query}")).await?;
    standing::note(&mut found["items"], visit.console.clock.now());
    let own = json!({ "keys": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "settings/keys.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("makeKey")?;
    if !visit.may("makeKey") {
        // The API says why.
        visit.get("/api/v1/keys?limit=1").await?;
    }
    let areas: Vec<Value> = visit.console.description.areas(visit.person.platform_admin).collect();
    let own = json!({ "roles": roles(&visit), "areas": areas, "ends": ends(visit.console.clock.now()) });
    Ok(page(&visit, "settings/key_new.html").show(own))
}

/// The choices of an end. They stay the same all day, so that a form that comes back still shows what was chosen.
fn ends(now: DateTime<Utc>) -> Vec<Value> {
    let of = |(days, words): &(u64, &str)| {
        let day = now.date_naive().checked_add_days(Days::new(*days))?;
        Some(
            json!({ "at": format!("{day}T23:59:59Z"), "words": format!("In {words}, on {}", day.format("%-d %B %Y")) }),
        )
    };
    LIFETIMES.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_the_same_all_day() {
        let at = |time: &str| ends(time.parse().unwrap());
        assert_eq!(at("2026-03-01T00:00:01Z"), at("2026-03-01T23:59:00Z"));
        assert_eq!(at("2026-12-30T12:00:00Z")[0]["at"], "2027-01-06T23:59:59Z");
    }
}

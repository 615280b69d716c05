//! The workspace's accounts at Google, Mautic, in buckets, at mail servers and for WhatsApp. Secrets go in and never
//! come out.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    form::NEW,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// The providers, and the ways in which each lets Herald in. The first is the usual one.
const WAYS: &[(&str, &[&str])] = &[
    ("google", &["service_account", "user"]),
    ("mautic", &["basic", "client"]),
    ("s3", &["key"]),
    ("smtp", &["login"]),
    ("twilio", &["token"]),
    ("meta", &["token"]),
];

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/connections", get(list))
        .route("/w/{ws}/connections/new", get(new))
        .route("/w/{ws}/connections/{name}", get(one))
        .route("/w/{ws}/connections/{name}/edit", get(edit))
        .route("/w/{ws}/connections/{name}/tests/{id}", get(test))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let found = visit.get("/api/v1/connections").await?;
    Ok(page(&visit, "settings/connections.html").show(json!({ "connections": found["items"] })))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("saveConnection")?;
    let query = Query::of(&visit.address);
    let way = way(query.get("provider"), query.get("auth"));
    let Some((provider, auth)) = way else {
        return Ok(page(&visit, "settings/connection_choose.html").show(json!({})));
    };
    let own = json!({
        "connection": null, "settings": {}, "provider": provider, "auth": auth, "version": NEW,
        "suggestion": provider,
    });
    Ok(page(&visit, "settings/connection_form.html").show(own))
}

async fn one(visit: Visit, Path((_, name)): Path<(String, String)>) -> Result<Response, Stop> {
    let connection = visit.get(&address(&name)).await?;
    Ok(page(&visit, "settings/connection.html").show(json!({ "connection": connection })))
}

async fn edit(visit: Visit, Path((_, name)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("saveConnection")?;
    let (connection, version) = visit.versioned(&address(&name)).await?;
    let query = Query::of(&visit.address);
    let settings = &connection["settings"];
    let own_way = way(settings["provider"].as_str(), query.get("auth").or(auth(settings)));
    let (provider, auth) = own_way.unwrap_or_default();
    let own = json!({
        "connection": connection, "settings": settings, "provider": provider, "auth": auth, "version": version,
        "suggestion": "",
    });
    Ok(page(&visit, "settings/connection_form.html").show(own))
}

/// What a test found.
async fn test(visit: Visit, Path((_, name, id)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let connection = visit.get(&address(&name)).await?;
    let job = visit.get(&format!("/api/v1/jobs/{}", part(&id))).await?;
    let findings = job["result"]["findings"].clone();
    let own = json!({ "connection": connection, "job": job, "found": found(&findings), "findings": findings });
    Ok(page(&visit, "settings/connection_test.html").show(own))
}

/// The state that a test's findings come to. A failure that passes by itself says nothing of the account.
fn found(findings: &Value) -> &'static str {
    let wrong = || findings.as_array().into_iter().flatten().filter(|one| one["ok"] != true);
    match (wrong().next(), wrong().any(|one| one["passing"] != true)) {
        (None, _) => "ok",
        (Some(_), true) => "broken",
        (Some(_), false) => "untested",
    }
}

fn address(name: &str) -> String {
    format!("/api/v1/connections/{}", part(name))
}

/// How an account lets Herald in, as its settings say.
fn auth(settings: &Value) -> Option<&str> {
    settings["auth"].as_str()
}

/// A known provider and one of its ways: the wanted one, or the usual one.
fn way(provider: Option<&str>, auth: Option<&str>) -> Option<(&'static str, &'static str)> {
    let (provider, ways) = WAYS.iter().find(|(known, _)| Some(*known) == provider)?;
    let wanted = ways.iter().find(|way| Some(**way) == auth);
    Some((provider, wanted.or(ways.first())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_away_says_nothing_of_the_account() {
        let (good, wrong) = (json!({ "ok": true }), json!({ "ok": false }));
        let away = json!({ "ok": false, "passing": true });
        assert_eq!(found(&json!([good])), "ok");
        assert_eq!(found(&json!([good, away])), "untested");
        assert_eq!(found(&json!([away, wrong])), "broken");
    }

    #[test]
    fn a_form_is_of_a_known_provider_and_one_of_its_ways() {
        assert_eq!(way(Some("mautic"), None), Some(("mautic", "basic")));
        assert_eq!(way(Some("mautic"), Some("client")), Some(("mautic", "client")));
        assert_eq!(way(Some("s3"), Some("client")), Some(("s3", "key")));
        assert_eq!(way(Some("ftp"), None), None);
        assert_eq!(way(None, None), None);
    }
}

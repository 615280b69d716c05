//! Who may do what: every route behind a token, in one table. A route that is not in it is closed.
//!
//! Roles are by workspace and each holds the ones before it: viewers look, staff does the daily work, the agency sets
//! the workspace up, owners answer for it. What is the installation's (queues, workers, all people) is for its
//! administrators.

use axum::http::Method;
use herald_people::Role;

/// What a caller has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A person, about their own account.
    Person,
    /// At least this in the workspace.
    Member(Role),
    /// An administrator of the installation.
    Platform,
}

use Access::{Member, Person, Platform};

const VIEWER: Access = Member(Role::Viewer);
const STAFF: Access = Member(Role::Staff);
const AGENCY: Access = Member(Role::Agency);
const OWNER: Access = Member(Role::Owner);

/// By the first part of the path below `/api/v1`: what looking needs, and what changing needs.
const AREAS: &[(&str, Access, Access)] = &[
    ("audit", OWNER, OWNER),
    ("auth", Person, Person),
    ("batches", VIEWER, STAFF),
    ("connections", STAFF, AGENCY),
    ("crm", Platform, Platform),
    ("face-crops", VIEWER, STAFF),
    ("invitation-runs", VIEWER, STAFF),
    ("jobs", VIEWER, STAFF),
    ("keys", AGENCY, AGENCY),
    ("me", Person, Person),
    ("members", STAFF, AGENCY),
    ("probes", Platform, Platform),
    ("queues", Platform, Platform),
    ("schedules", VIEWER, STAFF),
    ("templates", VIEWER, STAFF),
    ("users", Platform, Platform),
    ("workers", Platform, Platform),
    ("workspace-invitations", AGENCY, AGENCY),
    ("workspaces", Person, Person),
];

/// Where a route of an area needs something else than the others.
const EXCEPTIONS: &[(&str, &str, Access)] = &[
    // A list of guests leaves the house.
    ("GET", "/api/v1/invitation-runs/{id}/results.csv", STAFF),
    // What is deleted, or done to many at once, does not come back.
    ("DELETE", "/api/v1/jobs/{id}", AGENCY),
    ("POST", "/api/v1/jobs/act/{act}", AGENCY),
    ("POST", "/api/v1/connections/{name}/test", STAFF),
    // A drawing of a sample changes nothing.
    ("POST", "/api/v1/templates/{id}/preview", VIEWER),
];

/// The area of a route: what a key's scope names.
pub(crate) fn area(path: &str) -> &str {
    let below = path.strip_prefix("/api/v1/").unwrap_or_else(|| path.trim_start_matches('/'));
    below.split('/').next().unwrap_or_default()
}

/// Every area that a scope can name.
pub(crate) fn areas() -> impl Iterator<Item = &'static str> {
    let of_keys = AREAS.iter().filter(|(_, look, _)| *look != Person).map(|(area, ..)| *area);
    of_keys.chain(["metrics"])
}

/// Whether a method changes something.
pub(crate) fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// What a route needs; `None` for one that is not in the table.
pub(crate) fn needed(method: &Method, path: &str) -> Option<Access> {
    if path == "/metrics" {
        return Some(Platform);
    }
    let method_of_table = if *method == Method::HEAD { Method::GET } else { method.clone() };
    let exception = EXCEPTIONS.iter().find(|(of, route, _)| *of == method_of_table.as_str() && *route == path);
    if let Some((.., access)) = exception {
        return Some(*access);
    }
    let (_, look, change) = AREAS.iter().find(|(name, ..)| *name == area(path))?;
    Some(if writes(method) { *change } else { *look })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_closed() {
        assert_eq!(needed(&Method::GET, "/api/v1/secrets"), None);
        assert_eq!(needed(&Method::GET, ""), None);
    }

    #[test]
    fn looking_needs_less_than_changing_and_exceptions_come_first() {
        assert_eq!(needed(&Method::GET, "/api/v1/jobs/{id}"), Some(VIEWER));
        assert_eq!(needed(&Method::POST, "/api/v1/jobs/{id}/retry"), Some(STAFF));
        assert_eq!(needed(&Method::DELETE, "/api/v1/jobs/{id}"), Some(AGENCY));
        assert_eq!(needed(&Method::HEAD, "/api/v1/invitation-runs/{id}/results.csv"), Some(STAFF));
        assert_eq!(needed(&Method::GET, "/metrics"), Some(Platform));
    }

    #[test]
    fn the_table_is_in_order_and_names_each_area_once() {
        assert!(AREAS.is_sorted_by(|one, two| one.0 < two.0));
        assert!(areas().all(|area| area != "me"));
    }
}

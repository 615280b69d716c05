//! The permissions of callers: one table that lists every route behind a token. A route that is not in the table is
//! closed.
//!
//! Each workspace has its own roles, and each role includes the ones before it. Viewers look, staff does the daily
//! work, the agency sets the workspace up, and owners are responsible for it. The resources of the installation
//! (queues, workers, all people) are open to its administrators only.

use axum::http::Method;
use herald_people::Role;

/// The permission that a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A person, about their own account.
    Person,
    /// A member of the workspace with at least this role.
    Member(Role),
    /// An administrator of the installation.
    Platform,
}

use Access::{Member, Person, Platform};

const VIEWER: Access = Member(Role::Viewer);
const STAFF: Access = Member(Role::Staff);
const AGENCY: Access = Member(Role::Agency);
const OWNER: Access = Member(Role::Owner);

/// The permissions by the first part of the path below `/api/v1`: one for reading, and one for changing.
const AREAS: &[(&str, Access, Access)] = &[
    ("audit", OWNER, OWNER),
    ("auth", Person, Person),
    ("batches", VIEWER, STAFF),
    // What a campaign becomes is approved and sent by others than those who write it.
    ("campaigns", STAFF, STAFF),
    // The paths of older systems. Those who may use what they stand for may use them.
    ("compat", STAFF, STAFF),
    ("connections", STAFF, AGENCY),
    // What fields hold is set up once for all contacts.
    ("contact-fields", STAFF, AGENCY),
    // Every row is somebody's name and address.
    ("contacts", STAFF, STAFF),
    ("crm", Platform, Platform),
    ("erasures", AGENCY, AGENCY),
    ("example-data", OWNER, OWNER),
    ("exports", STAFF, STAFF),
    ("face-crops", VIEWER, STAFF),
    ("imports", STAFF, STAFF),
    ("invitation-runs", VIEWER, STAFF),
    ("jobs", VIEWER, STAFF),
    ("keys", AGENCY, AGENCY),
    ("leads", STAFF, STAFF),
    ("me", Person, Person),
    ("members", STAFF, AGENCY),
    // A preview shows what is known of a contact.
    ("message-blocks", STAFF, STAFF),
    ("message-templates", STAFF, STAFF),
    // Every row is somebody's address.
    ("messages", STAFF, STAFF),
    ("notifications", Person, Person),
    ("probes", Platform, Platform),
    ("queues", Platform, Platform),
    ("reports", STAFF, STAFF),
    ("schedules", VIEWER, STAFF),
    ("search", VIEWER, STAFF),
    ("segments", STAFF, STAFF),
    // In whose name a workspace writes is set up once.
    ("senders", STAFF, AGENCY),
    ("suppressions", STAFF, STAFF),
    ("tags", STAFF, STAFF),
    ("templates", VIEWER, STAFF),
    ("users", Platform, Platform),
    // A preview shows what is known of a contact.
    ("whatsapp-templates", STAFF, STAFF),
    ("workers", Platform, Platform),
    ("workspace-invitations", AGENCY, AGENCY),
    ("workspaces", Person, Person),
];

/// The routes that need a different permission than the rest of their area.
const EXCEPTIONS: &[(&str, &str, Access)] = &[
    // The answer is a list of guests, which leaves the installation.
    ("GET", "/api/v1/invitation-runs/{id}/results.csv", STAFF),
    ("GET", "/api/v1/invitation-runs/{id}/results.zip", STAFF),
    // A check quotes the guests of a list.
    ("GET", "/api/v1/invitation-runs/checks/{id}", STAFF),
    ("GET", "/api/v1/invitation-runs/checks/{id}/samples/{number}", STAFF),
    // A person who was erased does not come back.
    ("POST", "/api/v1/contacts/{id}/erase", AGENCY),
    // The steps of all leads are set up once.
    ("PUT", "/api/v1/leads/statuses", AGENCY),
    // Nobody sends what only they have looked at.
    ("POST", "/api/v1/campaigns/{id}/approve", AGENCY),
    ("POST", "/api/v1/campaigns/{id}/reject", AGENCY),
    ("POST", "/api/v1/campaigns/{id}/send", AGENCY),
    // A deletion, or an action on many jobs at once, cannot be undone.
    ("DELETE", "/api/v1/jobs/{id}", AGENCY),
    ("POST", "/api/v1/jobs/act/{act}", AGENCY),
    ("POST", "/api/v1/connections/{name}/test", STAFF),
    ("POST", "/api/v1/senders/{id}/test", STAFF),
    // A person who said no is written to again.
    ("POST", "/api/v1/suppressions/{id}/lift", AGENCY),
    ("POST", "/api/v1/suppressions/{id}/undo", OWNER),
    // A preview of a sample changes nothing.
    ("POST", "/api/v1/templates/{id}/preview", VIEWER),
];

/// The area of a route, which the scope of a key names.
pub(crate) fn area(path: &str) -> &str {
    let below = path.strip_prefix("/api/v1/").unwrap_or_else(|| path.trim_start_matches('/'));
    below.split('/').next().unwrap_or_default()
}

/// All areas that a scope can name.
pub(crate) fn areas() -> impl Iterator<Item = &'static str> {
    let of_keys = AREAS.iter().filter(|(_, look, _)| *look != Person).map(|(area, ..)| *area);
    of_keys.chain(["metrics"])
}

/// Whether a method changes something.
pub(crate) fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// The permission that a route needs; `None` for a route that is not in the table.
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

//! A person as a CRM describes them. Reading is lenient: CRM products give the same facts under different names.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// A person of the CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrmUser {
    /// The CRM's permanent id of the person.
    pub external_id: String,
    /// The person's e-mail address.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// The person's role in the CRM, as the CRM writes it.
    pub role: Option<String>,
    /// Whether the person still belongs to the agency.
    pub active: bool,
    /// The number of changes to the person, if the CRM counts them.
    pub version: Option<i64>,
    /// The time of the last change, by the CRM's clock.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The longest text that is kept of any value, in characters.
const LONGEST: usize = 300;

impl CrmUser {
    /// Reads a person. Returns `None` without an id or an address.
    pub fn read(value: &Value) -> Option<Self> {
        let first = |names: &[&str]| names.iter().find_map(|name| value.get(name)).filter(|value| !value.is_null());
        let words = |names: &[&str]| first(names).and_then(text);
        let name = words(&["name", "full_name", "display_name"]).or_else(|| {
            let parts: Vec<String> = [words(&["first_name", "firstname"]), words(&["last_name", "lastname"])]
                .into_iter()
                .flatten()
                .collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        });
        let role = first(&["role"]).or_else(|| value.get("roles")?.get(0));
        Some(Self {
            external_id: words(&["id", "user_id", "uuid"])?,
            email: words(&["email", "email_address"])?,
            name,
            role: role.and_then(|role| text(role).or_else(|| text(role.get("name")?))),
            active: is_active(value),
            version: first(&["version", "revision"]).and_then(number),
            updated_at: first(&["updated_at", "modified_at"]).and_then(time),
        })
    }
}

fn is_active(value: &Value) -> bool {
    if value.get("deleted_at").is_some_and(|at| !at.is_null()) {
        return false;
    }
    if let Some(flag) = ["active", "is_active", "enabled"].iter().find_map(|name| value.get(name)?.as_bool()) {
        return flag;
    }
    let state = ["status", "state"].iter().find_map(|name| value.get(name)?.as_str()).unwrap_or("active");
    // An unknown state does not lock the person out; only a known state says that a person is gone.
    let gone = ["deactivated", "inactive", "disabled", "suspended", "blocked", "archived", "deleted", "terminated"];
    !gone.contains(&state.trim().to_lowercase().as_str())
}

/// Reads a string or a number as text.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Reads a time in RFC 3339, or in seconds since 1970.
pub(super) fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.to_utc()),
        number => DateTime::from_timestamp(number.as_i64()?, 0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_is_read_however_a_crm_writes_them() {
        let plain = json!({ "id": 7, "email": "ann@example.com", "name": "Ann Example", "role": "manager",
            "active": true,
            "version": "3", "updated_at": "2026-11-26T10:00:00+01:00" });
        let read = CrmUser::read(&plain).unwrap();
        assert_eq!((read.external_id.as_str(), read.email.as_str()), ("7", "ann@example.com"));
        assert_eq!((read.role.as_deref(), read.active, read.version), (Some("manager"), true, Some(3)));
        assert_eq!(read.updated_at.unwrap().to_rfc3339(), "2026-11-26T09:00:00+00:00");
        let other = json!({ "uuid": "a-7", "email_address": " ann@example.com ", "first_name": "Ann",
            "lastname": "Example",
            "roles": [{ "name": "sales" }], "status": "Suspended", "modified_at": 1_764_151_200 });
        let read = CrmUser::read(&other).unwrap();
        assert_eq!((read.external_id.as_str(), read.email.as_str()), ("a-7", "ann@example.com"));
        assert_eq!((read.name.as_deref(), read.role.as_deref()), (Some("Ann Example"), Some("sales")));
        assert_eq!((read.active, read.updated_at.unwrap().timestamp()), (false, 1_764_151_200));
    }

    #[test]
    fn who_is_gone_is_seen_and_who_is_not_known_to_be_stays() {
        let active = |more: Value| {
            let mut person = json!({ "id": "1", "email": "ann@example.com" });
            person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            CrmUser::read(&person).unwrap().active
        };
        for gone in [
            json!({ "active": false }),
            json!({ "is_active": false, "status": "active" }),
            json!({ "status": "disabled" }),
            json!({ "deleted_at": "2026-11-26T10:00:00Z" }),
        ] {
            assert!(!active(gone.clone()), "{gone}");
        }
        for here in [json!({}), json!({ "deleted_at": null }), json!({ "status": "on holiday" })] {
            assert!(active(here.clone()), "{here}");
        }
    }

    #[test]
    fn who_has_no_id_or_no_address_is_nobody() {
        for nobody in [
            json!({ "id": 1 }),
            json!({ "email": "ann@example.com" }),
            json!({ "id": "", "email": "a@example.com" }),
            json!(null),
            json!([]),
        ] {
            assert_eq!(CrmUser::read(&nobody), None, "{nobody}");
        }
    }
}

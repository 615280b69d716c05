//! The events that the CRM's webhooks report.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    CrmUser,
    user::{text, time},
};

/// A change to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The person is new, or something about them has changed.
    Saved(Box<CrmUser>),
    /// The person was deleted.
    Deleted {
        /// The CRM's id of the person.
        external_id: String,
        /// The number of changes to the person, including this one.
        version: Option<i64>,
    },
}

/// The content of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The kind of event, as the CRM writes it.
    pub kind: String,
    /// The reported change; `None` when the event is not about a person.
    pub change: Option<Change>,
    /// The time of the change by the CRM's clock, if the CRM gives it.
    pub at: Option<DateTime<Utc>>,
}

impl Event {
    /// Reads a body: `{"type": "user_updated", "timestamp": …, "data": {…}}`. The body may use `event` instead of
    /// `type`, `user` instead of `data`, and dots instead of underscores.
    ///
    /// # Errors
    /// The part that the body lacks.
    pub fn read(body: &Value) -> Result<Self, String> {
        let kind = ["type", "event", "event_type"].iter().find_map(|name| body.get(name)?.as_str());
        let kind = kind.ok_or("it has no type: none of type, event and event_type is a text")?;
        let data = ["data", "user"].iter().find_map(|name| body.get(name)).unwrap_or(body);
        // With Standard Webhooks, `data` may hold the person one level further down.
        let data = data.get("user").unwrap_or(data);
        let lack = |what: &str| format!("the person of the {kind} event has no {what}");
        let saved = || CrmUser::read(data).ok_or_else(|| lack("id or no address"));
        let change = match kind.to_lowercase().replace(['.', '-'], "_").as_str() {
            "user_created" | "user_updated" => Some(Change::Saved(Box::new(saved()?))),
            "user_deleted" | "user_deactivated" => Some(Change::Deleted {
                external_id: ["id", "user_id", "uuid"]
                    .iter()
                    .find_map(|name| text(data.get(name)?))
                    .ok_or_else(|| lack("id"))?,
                version: data.get("version").and_then(Value::as_i64),
            }),
            _ => None,
        };
        let at = ["updated_at", "deleted_at"].iter().find_map(|name| data.get(name).and_then(time));
        let at = at.or_else(|| ["timestamp", "occurred_at"].iter().find_map(|name| body.get(name).and_then(time)));
        Ok(Self { kind: kind.to_owned(), change, at })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_events_are_known_by_every_usual_name() {
        let person = json!({ "id": 7, "email": "ann@example.com", "version": 4 });
        for body in [
            json!({ "type": "user_updated", "data": person }),
            json!({ "event": "user.created", "user": person }),
            json!({ "event_type": "USER-UPDATED", "data": { "user": person } }),
        ] {
            let Some(Change::Saved(user)) = Event::read(&body).unwrap().change else { panic!("{body}") };
            assert_eq!((user.external_id.as_str(), user.version), ("7", Some(4)));
        }
        let gone = json!({ "type": "user_deleted", "timestamp": "2026-11-26T10:00:00Z", "data": { "id": "7" } });
        let read = Event::read(&gone).unwrap();
        assert_eq!(read.change, Some(Change::Deleted { external_id: "7".to_owned(), version: None }));
        assert_eq!(read.at.unwrap().timestamp(), 1_795_687_200);
    }

    #[test]
    fn another_event_is_none_of_ours_and_a_broken_one_says_what_it_lacks() {
        assert_eq!(Event::read(&json!({ "type": "brand_updated", "data": {} })).unwrap().change, None);
        let told = Event::read(&json!({ "data": {} })).unwrap_err();
        assert!(told.contains("no type"), "{told}");
        let told = Event::read(&json!({ "type": "user_created", "data": { "id": 1 } })).unwrap_err();
        assert!(told.contains("no id or no address"), "{told}");
        let told = Event::read(&json!({ "type": "user_deleted", "data": {} })).unwrap_err();
        assert!(told.contains("no id"), "{told}");
    }
}

//! What a webhook tells.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    CrmUser,
    user::{text, time},
};

/// What became of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// They are new, or something about them is.
    Saved(Box<CrmUser>),
    /// They are gone.
    Deleted {
        /// What the CRM knew them by.
        external_id: String,
        /// How often they had been changed, with this.
        version: Option<i64>,
    },
}

/// A webhook's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its kind, as the CRM writes it.
    pub kind: String,
    /// What it says; `None` when it is about something else.
    pub change: Option<Change>,
    /// When the person was changed, by the CRM's clock, if it says so.
    pub at: Option<DateTime<Utc>>,
}

impl Event {
    /// Reads a body: `{"type": "user_updated", "timestamp": …, "data": {…}}`; `event` may stand for `type`, `user` for
    /// `data`, and dots for underscores.
    ///
    /// # Errors
    /// What it lacks.
    pub fn read(body: &Value) -> Result<Self, String> {
        let kind = ["type", "event", "event_type"].iter().find_map(|name| body.get(name)?.as_str());
        let kind = kind.ok_or("it has no type: none of type, event and event_type is a text")?;
        let data = ["data", "user"].iter().find_map(|name| body.get(name)).unwrap_or(body);
        // Of Standard Webhooks, `data` may hold the person one level further down.
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

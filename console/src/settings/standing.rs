//! Whether a key or an invitation still opens something, and why not.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Adds to each item of a list its `standing`.
pub(super) fn note(items: &mut Value, now: DateTime<Utc>) {
    for item in items.as_array_mut().into_iter().flatten() {
        item["standing"] = of(item, now).into();
    }
}

/// What an item is now: `open`, or why it opens nothing.
fn of(item: &Value, now: DateTime<Utc>) -> &'static str {
    let expires_at = item["expires_at"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let uses = item["uses"].as_i64().zip(item["max_uses"].as_i64());
    if !item["revoked_at"].is_null() {
        "revoked"
    } else if uses.is_some_and(|(uses, most)| uses >= most) {
        "used"
    } else if expires_at.is_some_and(|end| end <= now) {
        "expired"
    } else if item["effective_role"].is_null() {
        // Its maker left the workspace, or may not give it any more.
        "ended"
    } else {
        "open"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_reason_is_told() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let of = |item: Value| of(&item, now);
        let later = "2026-03-02T12:00:00Z";
        let open =
            json!({ "revoked_at": null, "expires_at": later, "uses": 0, "max_uses": 1, "effective_role": "staff" });
        let with = |name: &str, value: Value| {
            let mut item = open.clone();
            item[name] = value;
            item
        };
        assert_eq!(of(open.clone()), "open");
        assert_eq!(of(with("expires_at", Value::Null)), "open");
        assert_eq!(of(with("revoked_at", later.into())), "revoked");
        assert_eq!(of(with("uses", 1.into())), "used");
        assert_eq!(of(with("expires_at", "2026-03-01T12:00:00Z".into())), "expired");
        assert_eq!(of(with("effective_role", Value::Null)), "ended");
    }
}

//! Contacts and segments read.

use serde_json::{Map, Value, json};

use super::{
    super::http::{Answered, Asked},
    access, search,
    state::{Contact, State},
};

/// `GET /api/contacts`.
pub(super) fn list(state: &State, asked: &Asked) -> Answered {
    let Some(mut found) = search::contacts(state, asked) else { return access::internal() };
    let (by, down) = (asked.word("orderBy"), asked.word("orderByDir").eq_ignore_ascii_case("desc"));
    if by.is_empty() {
        // Whoever was active last.
        found.sort_by_key(|(id, contact)| (std::cmp::Reverse(contact.modified), std::cmp::Reverse(*id)));
    } else {
        let mut keyed: Vec<_> = Vec::new();
        for (id, contact) in found {
            let Some(key) = search::column(state, id, contact, by) else { return access::internal() };
            keyed.push((key, id, contact));
        }
        keyed.sort_by(|one, other| search::compare(&one.0, &other.0).then(one.1.cmp(&other.1)));
        if down {
            keyed.reverse();
        }
        found = keyed.into_iter().map(|(_, id, contact)| (id, contact)).collect();
    }
    let total = found.len().to_string();
    let minimal = asked.is_set("minimal");
    let rows: Map<String, Value> = page(found, asked)
        .into_iter()
        .map(|(id, contact)| (id.to_string(), shown(state, id, contact, minimal)))
        .collect();
    Answered::json(200, &json!({"total": total, "contacts": object_or_list(rows)}))
}

/// `GET /api/contacts/{id}`.
pub(super) fn one(state: &State, id: u64) -> Answered {
    match state.contacts.get(&id) {
        Some(contact) => Answered::json(200, &json!({"contact": shown(state, id, contact, false)})),
        None => access::not_found(),
    }
}

/// `GET /api/segments`.
pub(super) fn segments(state: &State, asked: &Asked) -> Answered {
    let listed: Vec<(u64, Value)> = state
        .segments
        .iter()
        .map(|(alias, segment)| {
            let id = segment.id;
            (
                id,
                json!({"isPublished": true, "id": id, "name": alias, "publicName": alias, "alias": alias,
                "description": null, "category": null, "filters": [], "isGlobal": true, "isPreferenceCenter": false}),
            )
        })
        .collect();
    let total = listed.len();
    let rows = page(listed, asked).into_iter().map(|(id, row)| (id.to_string(), row)).collect();
    Answered::json(200, &json!({"total": total, "lists": object_or_list(rows)}))
}

/// The part of a list that `start` and `limit` name.
pub(super) fn page<T>(rows: Vec<(u64, T)>, asked: &Asked) -> Vec<(u64, T)> {
    let start = asked.word("start").parse().unwrap_or(0);
    let limit = match asked.word("limit").parse().unwrap_or(30) {
        0 => usize::MAX,
        limit => limit,
    };
    rows.into_iter().skip(start).take(limit).collect()
}

/// A contact as the API shows it.
pub(super) fn shown(state: &State, id: u64, contact: &Contact, minimal: bool) -> Value {
    let mut groups = Map::new();
    for group in ["core", "social", "personal", "professional"] {
        let of_group = state.fields.iter().enumerate().filter(|(_, field)| field.group == group);
        let fields: Map<String, Value> = of_group
            .map(|(at, field)| (field.alias.clone(), field.with_value(at + 1, contact.fields.get(&field.alias))))
            .collect();
        groups.insert(group.to_owned(), object_or_list(fields));
    }
    let mut all: Map<String, Value> =
        state.fields.iter().map(|field| (field.alias.clone(), json!(contact.fields.get(&field.alias)))).collect();
    all.insert("id".to_owned(), json!(id.to_string()));
    all.insert("points".to_owned(), json!("0"));
    groups.insert("all".to_owned(), Value::Object(all));
    let added = contact.added.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let modified = contact.modified.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let mut shown = json!({
        "isPublished": true, "id": id, "dateAdded": added, "dateModified": modified, "createdBy": 1,
        "points": 0, "color": null, "lastActive": modified, "dateIdentified": added, "owner": null,
        "preferredProfileImage": "gravatar", "stage": null, "fields": groups,
    });
    if !minimal {
        let tags = contact.tags.iter().enumerate();
        shown["tags"] = tags.map(|(at, tag)| json!({"id": at + 1, "tag": tag})).collect();
        for empty in ["ipAddresses", "doNotContact", "frequencyRules", "utmtags"] {
            shown[empty] = json!([]);
        }
    }
    shown
}

/// PHP writes an array without keys, and so an empty one, as a list.
pub(super) fn object_or_list(rows: Map<String, Value>) -> Value {
    if rows.is_empty() { json!([]) } else { Value::Object(rows) }
}

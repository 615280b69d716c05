//! Contacts written, with the traps.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    super::http::{Answered, Asked},
    access, contacts,
    state::State,
};

/// The most rows of a batch: `api_batch_max_limit`.
const LARGEST_BATCH: usize = 200;

/// `PATCH /api/contacts/{id}/edit`.
pub(super) fn one(state: &mut State, id: u64, asked: &Asked) -> Answered {
    if !state.contacts.contains_key(&id) {
        return access::not_found();
    }
    let Some(payload) = payload(asked) else { return access::invalid(&json!({})) };
    let edited = patch(state, id, &payload);
    contact(state, edited, 200)
}

/// `POST /api/contacts/new`: changes the contact whose unique field it names, if there is one.
pub(super) fn new(state: &mut State, asked: &Asked) -> Answered {
    let Some(payload) = payload(asked) else { return access::invalid(&json!({})) };
    match duplicate(state, None, &payload) {
        Some(id) => {
            patch(state, id, &payload);
            contact(state, id, 200)
        }
        None => {
            let id = state.new_contact();
            patch(state, id, &payload);
            contact(state, id, 201)
        }
    }
}

/// `PUT /api/contacts/{id}/edit`: what the payload does not name is emptied, and who is not there is made.
pub(super) fn replace(state: &mut State, id: u64, asked: &Asked) -> Answered {
    let Some(payload) = payload(asked) else { return access::invalid(&json!({})) };
    let Some(found) = state.contacts.get_mut(&id) else {
        let id = state.new_contact();
        patch(state, id, &payload);
        return contact(state, id, 201);
    };
    let before = found.fields.len();
    found.fields.retain(|alias, _| payload.contains_key(alias));
    if found.fields.len() < before {
        state.wipes += 1;
    }
    let edited = patch(state, id, &payload);
    contact(state, edited, 200)
}

/// `PATCH /api/contacts/batch/edit`.
pub(super) fn batch(state: &mut State, asked: &Asked, is_put: bool) -> Answered {
    let Some(Value::Array(rows)) = asked.json() else { return access::invalid(&json!({})) };
    if rows.len() > LARGEST_BATCH {
        return access::internal();
    }
    // Mautic takes the contacts by the ids it finds, in order, and then gives the first row the first of them, and so
    // on: after a row without an id, every row gets the contact of the next.
    let ids: Vec<u64> = rows.iter().filter_map(named).collect();
    let (mut done, mut errors, mut codes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (at, row) in rows.iter().enumerate() {
        let id = ids.get(at).copied().filter(|id| state.contacts.contains_key(id));
        let (Some(id), Some(payload)) = (id, row.as_object().map(texts)) else {
            codes.insert(at, json!(404));
            errors.insert(at, json!({"message": "Item was not found.", "code": 404, "type": null}));
            continue;
        };
        if named(row) != Some(id) {
            state.shifted_rows += 1;
        }
        if is_put && let Some(found) = state.contacts.get_mut(&id) {
            found.fields.retain(|alias, _| payload.contains_key(alias));
            state.wipes += 1;
        }
        let edited = patch(state, id, &payload);
        codes.insert(at, json!(200));
        if let Some(found) = state.contacts.get(&edited) {
            done.insert(at, contacts::shown(state, edited, found, false));
        }
    }
    let mut body = Map::new();
    body.insert("contacts".to_owned(), by_index(done));
    body.insert("statusCodes".to_owned(), by_index(codes));
    if !errors.is_empty() {
        body.insert("errors".to_owned(), by_index(errors));
    }
    Answered::json(200, &Value::Object(body))
}

/// Changes a contact; the id of the one that is left, which is another one after a merge.
fn patch(state: &mut State, id: u64, payload: &BTreeMap<String, String>) -> u64 {
    let overwrite = payload.get("overwriteWithBlank").is_some_and(|value| !value.is_empty() && value != "0");
    let mut to = id;
    if let Some(other) = duplicate(state, Some(id), payload) {
        to = merge(state, id, other);
    }
    let now = state.clock.now();
    for (alias, value) in payload {
        // What is no field is passed over without a word.
        let Some(field) = state.field(alias) else { continue };
        let is_zero = value.trim().parse::<f64>().is_ok_and(|number| number.trunc() == 0.0);
        // A number of 0 counts as empty, too.
        if !overwrite && (value.is_empty() || is_zero) {
            continue;
        }
        let (kept, cut) = field.kept(value);
        state.truncations += usize::from(cut);
        let writes = state.writes.entry((id, alias.clone())).or_default();
        writes.count += 1;
        writes.values.insert(value.clone());
        let Some(contact) = state.contacts.get_mut(&to) else { continue };
        if kept.is_empty() {
            contact.fields.remove(alias);
        } else {
            contact.fields.insert(alias.clone(), kept);
        }
        contact.modified = now;
    }
    to
}

/// Another contact that has a unique field's value of the payload.
fn duplicate(state: &State, than: Option<u64>, payload: &BTreeMap<String, String>) -> Option<u64> {
    let unique = state.fields.iter().filter(|field| field.unique);
    let told: Vec<(&String, &String)> =
        unique.filter_map(|field| payload.get_key_value(&field.alias)).filter(|(_, value)| !value.is_empty()).collect();
    let same = |fields: &BTreeMap<String, String>, (alias, value): &(&String, &String)| {
        fields.get(*alias).is_some_and(|has| has.eq_ignore_ascii_case(value))
    };
    let mut others = state.contacts.iter().filter(|(id, _)| Some(**id) != than);
    others.find(|(_, contact)| told.iter().any(|one| same(&contact.fields, one))).map(|(id, _)| *id)
}

/// Makes two contacts the older of them; its id.
fn merge(state: &mut State, one: u64, other: u64) -> u64 {
    let (winner, loser) = (one.min(other), one.max(other));
    state.merges += 1;
    let segments: Vec<String> = state
        .segments
        .iter()
        .filter(|(_, segment)| segment.contacts.contains(&loser))
        .map(|(alias, _)| alias.clone())
        .collect();
    for alias in segments {
        state.add_segment(&alias, &[winner]);
    }
    let Some(lost) = state.remove(loser) else { return winner };
    for submission in state.submissions.values_mut().filter(|submission| submission.contact == loser) {
        submission.contact = winner;
    }
    if let Some(left) = state.contacts.get_mut(&winner) {
        for (alias, value) in lost.fields {
            left.fields.entry(alias).or_insert(value);
        }
        left.tags.extend(lost.tags);
    }
    winner
}

fn contact(state: &State, id: u64, status: u16) -> Answered {
    match state.contacts.get(&id) {
        Some(found) => Answered::json(status, &json!({"contact": contacts::shown(state, id, found, false)})),
        None => access::not_found(),
    }
}

/// The fields a request gives, as JSON or as a form.
fn payload(asked: &Asked) -> Option<BTreeMap<String, String>> {
    if asked.header("content-type").starts_with("application/x-www-form-urlencoded") {
        return Some(asked.form().into_iter().collect());
    }
    asked.json()?.as_object().map(texts)
}

fn texts(payload: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        other => other.to_string(),
    };
    payload.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// The id a row names.
fn named(row: &Value) -> Option<u64> {
    match row.get("id")? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// PHP writes an array whose keys are 0, 1, 2 … as a list, and any other as an object.
fn by_index(rows: BTreeMap<usize, Value>) -> Value {
    if rows.keys().copied().eq(0..rows.len()) {
        return rows.into_values().collect();
    }
    Value::Object(rows.into_iter().map(|(at, row)| (at.to_string(), row)).collect())
}

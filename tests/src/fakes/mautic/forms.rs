//! Forms, what was sent in with them, and the files of that.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    super::http::{Answered, Asked},
    access, contacts, search,
    state::State,
};

/// A form.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) name: String,
    pub(super) fields: Vec<FormField>,
}

/// A field of a form.
#[derive(Debug)]
pub(super) struct FormField {
    pub(super) alias: String,
    pub(super) kind: String,
}

/// What was sent in.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) form: u64,
    pub(super) contact: u64,
    pub(super) results: BTreeMap<String, String>,
    pub(super) at: DateTime<Utc>,
}

/// A file that was sent in.
#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) bytes: Bytes,
    pub(super) public: bool,
}

/// `GET /api/forms/{id}`.
pub(super) fn form(state: &State, id: u64) -> Answered {
    let Some(form) = state.forms.get(&id) else { return access::not_found() };
    let fields = form.fields.iter().enumerate().map(|(at, field)| {
        json!({"id": field_id(id, at), "label": field.alias, "showLabel": true, "alias": field.alias,
            "type": field.kind, "isRequired": false, "order": at + 1, "mappedObject": null, "mappedField": null,
            "properties": []})
    });
    let body = json!({"form": {
        "isPublished": true, "id": id, "name": form.name, "alias": form.name.to_lowercase().replace(' ', "_"),
        "category": null, "description": null, "formType": "standalone", "postAction": "return",
        "fields": fields.collect::<Value>(), "actions": [],
    }});
    Answered::json(200, &body)
}

/// `GET /api/forms/{id}/submissions`, and one of them, and those of a contact.
pub(super) fn submissions(state: &State, form: u64, asked: &Asked) -> Answered {
    if !state.forms.contains_key(&form) {
        return access::not_found();
    }
    let (only, of_contact): (Option<u64>, Option<u64>) = match asked.words()[4..] {
        [id] => (id.parse().ok(), None),
        ["contact", id] => (None, id.parse().ok()),
        _ => (None, None),
    };
    let conditions = search::conditions(asked);
    let mut found = Vec::new();
    for (id, submission) in state.submissions.iter().filter(|(_, submission)| submission.form == form) {
        let mut fits = only.is_none_or(|only| only == *id) && of_contact.is_none_or(|of| of == submission.contact);
        for (column, expression, value) in &conditions {
            let Some(holds) =
                column_of(*id, submission, column).and_then(|has| search::expression_fits(&has, expression, value))
            else {
                return access::internal();
            };
            fits &= holds;
        }
        if fits {
            found.push((*id, submission));
        }
    }
    // Newest first, unless asked for otherwise.
    if asked.word("orderBy").is_empty() || asked.word("orderByDir").eq_ignore_ascii_case("desc") {
        found.reverse();
    }
    if only.is_some() {
        return match found.first() {
            Some((id, submission)) => Answered::json(200, &json!({"submission": shown(state, *id, submission)})),
            None => access::not_found(),
        };
    }
    let total = found.len().to_string();
    let rows: Vec<Value> =
        contacts::page(found, asked).into_iter().map(|(id, submission)| shown(state, id, submission)).collect();
    Answered::json(200, &json!({"total": total, "submissions": rows}))
}

/// `GET /forms/results/file/{submission}/{alias}` or `…/{field}/filename/{name}`: outside the API, whose credentials do
/// not help.
pub(super) fn file(state: &State, asked: &Asked) -> Answered {
    let found = match asked.words()[3..] {
        [submission, alias] => submission.parse().ok().map(|submission: u64| (submission, alias.to_owned())),
        [field, "filename", name] => by_name(state, field, name),
        _ => None,
    };
    let Some((key, file)) = found.and_then(|key| state.files.get_key_value(&key)) else {
        return Answered::html(404, "<html><body><h1>404</h1>Requested URL not found</body></html>");
    };
    if !file.public {
        return Answered::redirect(format!("{}/s/login", state.origin));
    }
    let name = state.submissions.get(&key.0).and_then(|submission| submission.results.get(&key.1));
    let name = name.map_or("file", String::as_str);
    Answered::new(200, kind_of(name), file.bytes.clone())
        .with("content-disposition", format!("attachment; filename=\"{}\"", name.replace(['"', '\r', '\n'], "")))
}

/// A submission as the API shows it.
pub(super) fn shown(state: &State, id: u64, submission: &Submission) -> Value {
    let name = state.forms.get(&submission.form).map_or("", |form| form.name.as_str());
    let lead = state.contacts.get(&submission.contact);
    let lead = lead.map(|contact| contacts::shown(state, submission.contact, contact, true));
    json!({
        "id": id, "ipAddress": {"ip": "192.0.2.1"},
        "form": {"id": submission.form, "name": name, "alias": name.to_lowercase().replace(' ', "_")},
        "lead": lead, "trackingId": null, "dateSubmitted": submission.at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        "referer": format!("{}/form/{}", state.origin, submission.form), "page": null, "results": submission.results,
    })
}

fn field_id(form: u64, at: usize) -> u64 {
    form * 100 + at as u64
}

fn by_name(state: &State, field: &str, name: &str) -> Option<(u64, String)> {
    let field: u64 = field.parse().ok()?;
    let form = state.forms.get(&(field / 100))?;
    let alias = &form.fields.get(usize::try_from(field % 100).ok()?)?.alias;
    let of = state.submissions.iter().filter(|(_, one)| one.form == field / 100);
    let mut of = of.filter(|(_, one)| one.results.get(alias).is_some_and(|has| has == name));
    of.next().map(|(id, _)| (*id, alias.clone()))
}

fn column_of(id: u64, submission: &Submission, column: &str) -> Option<String> {
    Some(match column.strip_prefix("s.").unwrap_or(column) {
        "id" => id.to_string(),
        "lead_id" => submission.contact.to_string(),
        "date_submitted" => submission.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => return None,
    })
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("").to_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => "application/octet-stream",
    }
}

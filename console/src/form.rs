//! Forms as browsers send them, and what a page shows of one that was refused.

use std::collections::BTreeMap;

use axum::{
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

use crate::api::{Fault, Refusal};

/// The largest form without files.
const LARGEST: usize = 1 << 20;
/// The field that shows that our page made the form for this session.
pub(crate) const TOKEN: &str = "form_token";
/// The field that is new with each page, so that a form sent twice acts once.
pub(crate) const ONCE: &str = "once";
/// The field that names the page to return to.
pub(crate) const BACK: &str = "back";
/// The field with the version that the person saw.
pub(crate) const VERSION: &str = "version";
/// The version of what is not there yet, so that nothing else of that name is overwritten.
pub(crate) const NEW: &str = "new";

/// What is said of an empty field, and of a form that has one.
pub(crate) const EMPTY: &str = "this is empty: fill it in";
const EMPTY_ONE: &str = "a field is empty: fill it in";

/// The fields of a form. Of fields with the same name every value is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form's body.
    ///
    /// # Errors
    /// [`Refusal`] when it is too large, or not a form.
    pub(crate) async fn read(request: Request) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(Refusal::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request is not a form"));
        }
        let body = to_bytes(request.into_body(), LARGEST)
            .await
            .map_err(|_| Refusal::of(StatusCode::PAYLOAD_TOO_LARGE, "the form is larger than 1 MB"))?;
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A form with these fields.
    pub(crate) fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// A field's first value, without the white space around it; `None` when it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A field's first value as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The fields, without those of the console itself.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [TOKEN, ONCE, BACK];
        self.0.iter().filter(move |(name, _)| !own.contains(&name.as_str())).map(|(name, value)| (&**name, &**value))
    }

    /// The page to return to: a path of this host, whatever the form says.
    pub(crate) fn back(&self) -> Option<&str> {
        self.get(BACK).filter(|path| is_local(path))
    }
}

impl FromIterator<(String, String)> for Form {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Whether a text is a path of this host, and not an address elsewhere.
pub(crate) fn is_local(path: &str) -> bool {
    let mut chars = path.chars();
    chars.next() == Some('/')
        && !matches!(chars.next(), Some('/' | '\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a form shows when it comes back: its values, and what is wrong with them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Filled {
    /// The act of the form.
    act: &'static str,
    values: BTreeMap<String, String>,
    /// By field.
    faults: BTreeMap<String, String>,
    /// What is wrong in all.
    summary: Option<String>,
    /// Every fault, when there are several.
    listed: Vec<String>,
}

impl Filled {
    /// What was typed into this act's form, by field; nothing of another one.
    pub(crate) fn typed(&self, act: &str) -> Option<&BTreeMap<String, String>> {
        (self.act == act).then_some(&self.values)
    }

    /// A form that the API refused.
    pub(crate) fn refused(act: &'static str, form: &Form, refusal: &Refusal) -> Self {
        let mut faults = BTreeMap::new();
        for fault in &refusal.errors {
            // A field that is left out has no place in what was sent, so that the message alone names it.
            if let Some(field) = missing(&fault.detail) {
                faults.insert(field.to_owned(), EMPTY.to_owned());
                continue;
            }
            // The fault of `/source/form` stands at the field `source.form`, or at `source` if the form has that one.
            let field = fault.pointer.trim_start_matches('/');
            let first = field.split('/').next().unwrap_or_default();
            for name in [field.replace('/', "."), first.to_owned()] {
                faults.entry(name).or_insert_with(|| fault.detail.clone());
            }
        }
        let several = refusal.errors.len() > 1;
        let summary = match several {
            true => format!("{} things are wrong:", refusal.errors.len()),
            false => summary(form, refusal),
        };
        let said = |fault: &Fault| {
            missing(&fault.detail).map_or_else(|| fault.detail.clone(), |field| format!("{field} {EMPTY}"))
        };
        let listed = refusal.errors.iter().filter(|_| several).map(said).collect();
        Self { act, values: values(form), faults, summary: Some(summary), listed }
    }

    /// A form that was not sent yet, and is shown once more with what was typed.
    pub(crate) fn kept(act: &'static str, form: &Form) -> Self {
        Self { act, values: values(form), ..Self::default() }
    }
}

/// What was typed, by field. Passwords are not sent back.
fn values(form: &Form) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form.fields().filter(|(name, _)| !is_secret(name)) {
        // Boxes with one name are kept as lines.
        let kept = values.entry(name.to_owned()).and_modify(|kept| kept.push('\n')).or_default();
        kept.push_str(value);
    }
    values
}

/// What is said in all. The API speaks of headers to a program whose version is stale; a person needs other words.
fn summary(form: &Form, refusal: &Refusal) -> String {
    match (refusal.status, form.get(VERSION)) {
        (StatusCode::PRECONDITION_FAILED, Some(NEW)) => "there is one of this name already: choose another name".into(),
        (StatusCode::PRECONDITION_FAILED, _) => "it was changed elsewhere in the meantime, so nothing is saved yet. \
                                                 Compare, and save again"
            .into(),
        _ if missing(&refusal.detail).is_some() => EMPTY_ONE.to_owned(),
        _ => refusal.detail.clone(),
    }
}

/// The field that a body lacks, if this is what the API says of it.
fn missing(detail: &str) -> Option<&str> {
    detail.strip_prefix("missing field `")?.strip_suffix('`')
}

/// What stands now in the place of what a refused form typed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Overtaken {
    /// Whether it changed after the person had opened the page.
    is_stale: bool,
    /// For each field a sentence with the value that stands now; empty where it is the same.
    now: BTreeMap<String, String>,
}

impl Filled {
    /// What a page shows beside the fields of an act whose subject somebody else changed. `version` and `stands` are
    /// those of now.
    pub(crate) fn overtaken(&self, act: &str, version: Option<&str>, stands: &Value) -> Overtaken {
        let is_stale = self.act == act && self.values.get(VERSION).map(String::as_str) != version;
        let fields = stands.as_object().into_iter().flatten();
        let now = fields.map(|(name, value)| {
            let typed = self.values.get(name).map_or("", String::as_str).trim();
            let shown = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            let is_same = typed == shown || serde_json::from_str::<Value>(typed).is_ok_and(|typed| typed == *value);
            let said = if shown.is_empty() { "empty" } else { &shown };
            (name.clone(), if is_stale && !is_same { format!("Stands now: {said}. ") } else { String::new() })
        });
        Overtaken { is_stale, now: now.collect() }
    }
}

/// Whether a field's value is never written into a page.
pub(crate) fn is_secret(name: &str) -> bool {
    // The files of Google's accounts hold keys, and anyone with the token of an invitation can join with it.
    matches!(name, "service_account" | "client" | "invitation" | "token")
        || ["password", "current", "new", "secret", "code"].iter().any(|part| name.contains(part))
}

/// The token of a session's forms.
pub(crate) fn token(secret: &[u8; 32], session: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(b"form of a session\0");
    mac.update(session.as_bytes());
    hex::encode(&mac.finalize().into_bytes()[..16])
}

/// Whether a form has the token of this session.
pub(crate) fn has_token(secret: &[u8; 32], session: &str, form: &Form) -> bool {
    let (own, sent) = (token(secret, session), form.raw(TOKEN).unwrap_or_default());
    // Every byte is compared, however many are wrong.
    own.len() == sent.len() && own.bytes().zip(sent.bytes()).fold(0, |wrong, (one, two)| wrong | (one ^ two)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_this_host_alone() {
        for path in ["/", "/w/acme/jobs?state=dead"] {
            assert!(is_local(path), "{path}");
        }
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/a\r\nSet-Cookie: x"] {
            assert!(!is_local(path), "{path}");
        }
    }

    #[test]
    fn a_token_is_of_one_session() {
        let form = |token: String| Form(vec![(TOKEN.to_owned(), token)]);
        let token = token(&[7; 32], "one");
        assert!(has_token(&[7; 32], "one", &form(token.clone())));
        assert!(!has_token(&[7; 32], "two", &form(token.clone())));
        assert!(!has_token(&[8; 32], "one", &form(token)));
        assert!(!has_token(&[7; 32], "one", &Form::default()));
    }

    #[test]
    fn a_refused_form_keeps_what_was_typed_but_no_password() {
        let form = Form(vec![("email".into(), "ann@example".into()), ("password".into(), "four words".into())]);
        let mut refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, "the address has no dot");
        let detail = "it has no dot".into();
        refusal.errors.push(crate::api::Fault { pointer: "/email".into(), detail, line: None });
        let filled = Filled::refused("login", &form, &refusal);
        assert_eq!(filled.values.keys().collect::<Vec<_>>(), ["email"]);
        assert_eq!(filled.faults["email"], "it has no dot");
    }

    #[test]
    fn ticked_boxes_are_kept_as_lines_and_no_key_file_comes_back() {
        let fields = [("scopes", "jobs:read"), ("scopes", "keys:write"), ("client", "{}"), ("client_id", "herald")];
        let form = Form(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, "the name is empty");
        let filled = Filled::refused("makeKey", &form, &refusal);
        assert_eq!(filled.values["scopes"], "jobs:read\nkeys:write");
        assert_eq!(filled.values["client_id"], "herald");
        assert!(!filled.values.contains_key("client"));
    }

    #[test]
    fn a_stale_version_is_told_in_words_for_people() {
        let with = |version: &str| Form(vec![(VERSION.to_owned(), version.to_owned())]);
        let refusal = Refusal::of(StatusCode::PRECONDITION_FAILED, "If-Match");
        assert!(summary(&with("\"abc\""), &refusal).contains("Compare"));
        assert!(summary(&with(NEW), &refusal).contains("another name"));
    }

    #[test]
    fn a_stale_form_shows_what_stands_now() {
        let typed = [("version", "\"1\""), ("rate", "500"), ("burst", ""), ("args", "{ \"a\": 1 }")];
        let form: Form = typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let refusal = Refusal::of(StatusCode::PRECONDITION_FAILED, "");
        let filled = Filled::refused("setQueueLimits", &form, &refusal);
        let stands = serde_json::json!({ "rate": 600, "burst": null, "args": { "a": 1 } });
        let overtaken = filled.overtaken("setQueueLimits", Some("\"2\""), &stands);
        assert!(overtaken.is_stale);
        assert_eq!(overtaken.now["rate"], "Stands now: 600. ");
        assert_eq!((&*overtaken.now["burst"], &*overtaken.now["args"]), ("", ""));
        assert!(!filled.overtaken("setQueueLimits", Some("\"1\""), &stands).is_stale);
        assert!(!Filled::default().overtaken("setQueueLimits", Some("\"1\""), &stands).is_stale);
    }
}

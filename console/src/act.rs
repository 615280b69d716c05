//! What people do with a form: one route for all acts, each of which is one call of the API.
//!
//! An act that is refused shows the page of its form again, with the values that were typed and what is wrong with
//! them. An act of a session that has ended shows the form again after the person has signed in.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use chrono::SecondsFormat;
use chrono_tz::Tz;
use herald_base::money;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::{
    Console,
    acts::{self, Act, Kind, Then},
    api::{Fault, Refusal},
    campaigns,
    cookie::Cookie,
    form::{self, Filled, Form},
    messaging,
    operate::typed_time::local,
    page,
    visit::{Missing, Visit},
};

/// How long a notice waits for its page.
pub(crate) const NOTICE_SECONDS: u64 = 60;
/// An act that changes more than this is confirmed by typing the number.
const MANY: u64 = 100;
/// The field with the number that the page counted, and the field with the number that the person typed.
const COUNTED: &str = "counted";
const NUMBER: &str = "number";

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/acts/{act}", post(act)).route("/acts/{act}", post(act))
}

/// Carries out an act, and leads to the page that shows its effect.
async fn act(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::of(&mut parts, &console).await;
    let path = parts.uri.path().to_owned();
    let act = path.rsplit('/').next().and_then(acts::find);
    let form = match Form::read(Request::from_parts(parts, body)).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    let visit = match visit {
        Ok(visit) => visit,
        Err(Missing::Session) => return ask_to_sign_in(&console, &path, &form),
        Err(Missing::Page(stop)) => return stop.into_response(),
    };
    if !visit.trusts(&form) {
        let fields: Vec<(&str, &str)> = form.fields().filter(|(name, _)| !form::is_secret(name)).collect();
        // The form is of an earlier session: the person looks at it once more.
        let own = json!({ "to": path, "fields": fields, "back": form.back() });
        return page::page(&visit, "send_again.html").status(StatusCode::CONFLICT).show(own);
    }
    let Some(act) = act else {
        return visit.stop(&Refusal::of(StatusCode::NOT_FOUND, "there is no such act")).into_response();
    };
    match carry_out(&visit, act, &form).await {
        Ok(response) => response,
        Err(refusal) => {
            show_again(&visit, form.back(), Filled::refused(act.operation, &form, &refusal), &refusal).await
        }
    }
}

async fn carry_out(visit: &Visit, act: &Act, form: &Form) -> Result<Response, Refusal> {
    let operation = visit.console.description.operation(act.operation);
    let operation = operation.ok_or_else(|| Refusal::of(StatusCode::NOT_FOUND, "the API has no such operation"))?;
    is_addressed(&operation.path, form)?;
    is_counted(form)?;
    let body = body(act, form)?;
    let answer = visit.call(operation, form, body.as_ref()).await?;
    let to = match act.then {
        Then::Back => form.back().map_or_else(|| visit.base(), str::to_owned),
        Then::To(path) => format!("{}{}", visit.base(), filled_in(path, form, &answer.body)),
        Then::Shown(template) => {
            let sent: std::collections::BTreeMap<&str, &str> =
                form.fields().filter(|(name, _)| !form::is_secret(name)).collect();
            let own = json!({ "answer": answer.body, "back": form.back(), "sent": sent });
            return Ok(page::page(visit, template).show(own));
        }
    };
    let mut response = Redirect::to(if to.is_empty() { "/" } else { &to }).into_response();
    let notice = Cookie::Notice.set(&filled_in(act.said, form, &answer.body), NOTICE_SECONDS, visit.console.is_secure);
    response.headers_mut().append(header::SET_COOKIE, notice);
    Ok(response)
}

/// Whether the form names what it is about: no parameter of the path is empty.
fn is_addressed(path: &str, form: &Form) -> Result<(), Refusal> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    match names.into_iter().find(|name| form.get(name).is_none()) {
        Some(name) => Err(refuse(name, form::EMPTY)),
        None => Ok(()),
    }
}

/// Whether the person typed the number of what the act changes, where the page counted many.
fn is_counted(form: &Form) -> Result<(), Refusal> {
    let number = |name: &str| {
        let digits: String = form.get(name)?.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    match number(COUNTED) {
        Some(counted) if counted > MANY && number(NUMBER) != Some(counted) => {
            Err(refuse(NUMBER, "this is not the number that was counted: type the number on this page"))
        }
        _ => Ok(()),
    }
}

/// The refusal of one field.
fn refuse(name: &str, detail: &str) -> Refusal {
    let mut refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, detail);
    refusal.errors.push(Fault { pointer: format!("/{name}"), detail: detail.to_owned(), line: None });
    refusal
}

/// A text with `{name}` in the place of the answer's field of that name, or of the form's.
fn filled_in(text: &str, form: &Form, answer: &Value) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        match (&answer[name], form.get(name)) {
            (Value::String(value), _) => filled.push_str(value),
            (Value::Null, value) => filled.push_str(value.unwrap_or_default()),
            (value, _) => filled.push_str(&value.to_string()),
        }
        rest = after;
    }
    filled + rest
}

/// The body of the call: the act's fields, as far as the form has them.
fn body(act: &Act, form: &Form) -> Result<Option<Value>, Refusal> {
    let mut body = Map::new();
    for (name, kind) in act.fields {
        let refuse = |detail: &str| refuse(name, detail);
        let value = match (kind, form.get(name)) {
            (Kind::Many, _) => many(form.all(name)),
            (Kind::Columns, _) => columns(form, name),
            (Kind::Words, _) => form.raw(name).map_or(Value::Null, words),
            (Kind::Wholes, _) => form.raw(name).map_or(Ok(Value::Null), wholes).map_err(|detail| refuse(&detail))?,
            (Kind::Records, _) => form.raw(name).map_or(Ok(Value::Null), records).map_err(|detail| refuse(&detail))?,
            (Kind::Pairs, _) => all_pairs(form, name).map_err(|detail| refuse(&detail))?,
            (Kind::Weights, _) => {
                messaging::weights(form, name).map_err(|(field, detail)| self::refuse(&field, &detail))?
            }
            (Kind::Missing, _) => {
                form.raw(name).map_or(Ok(Value::Null), campaigns::missing).map_err(|detail| refuse(&detail))?
            }
            (Kind::Subjects, _) => {
                campaigns::subjects(form, name).map_err(|(field, detail)| self::refuse(&field, &detail))?
            }
            (Kind::Message, _) => messaging::message_content(form, true),
            (Kind::Block, _) => messaging::message_content(form, false),
            (Kind::Flag, value) => Value::Bool(value.is_some()),
            (Kind::Secret, _) => form.raw(name).filter(|text| !text.is_empty()).map_or(Value::Null, Value::from),
            (Kind::Cleared, None) if form.raw(name).is_some() => Value::String(String::new()),
            (Kind::Hours, _) => hours(form, name).map_err(|(field, detail)| self::refuse(&field, detail))?,
            // An emptied time is one that is taken away.
            (Kind::Time, None) if form.raw(name).is_some() => Value::Null,
            (_, None) => continue,
            (Kind::Text | Kind::Cleared, Some(text)) => text.into(),
            (Kind::Whole, Some(text)) => {
                text.parse::<i64>().map_err(|_| refuse(&format!("{text:?} is not a whole number")))?.into()
            }
            (Kind::Number, Some(text)) => {
                let number = text.replace(',', ".").parse::<f64>().ok().filter(|number| number.is_finite());
                number.ok_or_else(|| refuse(&format!("{text:?} is not a number")))?.into()
            }
            (Kind::Money, Some(text)) => money(text, form.get(&name.replace("value_minor", "currency")))
                .map_err(|detail| refuse(&detail))?
                .into(),
            (Kind::Time, Some(text)) => time(text, form.get(acts::ZONE)).into(),
            (Kind::Statuses, Some(text)) => statuses(text).map_err(|detail| refuse(&detail))?,
            (Kind::Json, Some(text)) => {
                serde_json::from_str(text).map_err(|error| refuse(&format!("this is not JSON: {error}")))?
            }
        };
        if value.is_null() && !matches!(kind, Kind::Time) {
            continue;
        }
        match name.split_once('.') {
            None => drop(body.insert((*name).to_owned(), value)),
            Some((object, field)) => {
                let Value::Object(object) = body.entry(object).or_insert_with(|| Value::Object(Map::new())) else {
                    return Err(refuse("this is not a JSON object"));
                };
                object.insert(field.to_owned(), value);
            }
        }
    }
    Ok((!act.fields.is_empty()).then_some(Value::Object(body)))
}

/// The ticked boxes of one name. An empty one counts for nothing, so that a form can say that it asks for them; `*`
/// stands for all, and leaves the field out.
fn many<'a>(values: impl Iterator<Item = &'a str>) -> Value {
    let values: Vec<&str> = values.collect();
    if values.is_empty() || values.contains(&"*") {
        return Value::Null;
    }
    values.into_iter().filter(|value| !value.is_empty()).collect()
}

/// The smallest units of an amount, in the currency that the form names.
fn money(text: &str, currency: Option<&str>) -> Result<i64, String> {
    let digits = currency.and_then(|currency| money::digits(&currency.to_ascii_uppercase())).unwrap_or(2);
    money::parse(text, digits)
}

/// The steps of leads from lines such as `Contacted: open`.
fn statuses(text: &str) -> Result<Value, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let of = |line: &str| {
        let (name, counts) = line
            .rsplit_once(':')
            .ok_or_else(|| format!("{line:?} does not say what it counts as: write {line}: open, won or lost"))?;
        Ok(json!({ "name": name.trim(), "stands_for": counts.trim().to_lowercase() }))
    };
    lines.map(of).collect::<Result<Vec<Value>, String>>().map(Value::from)
}

/// What each column of a list becomes, by its header.
fn columns(form: &Form, name: &str) -> Value {
    let (headers, fields) = (format!("{name}_header"), format!("{name}_field"));
    let columns: Map<String, Value> =
        form.all(&headers).zip(form.all(&fields)).map(|(header, field)| (header.to_owned(), field.into())).collect();
    if columns.is_empty() { Value::Null } else { Value::Object(columns) }
}

/// The moment that a form means, as the API wants it. The API says what is wrong with a text that is not a time.
fn time(text: &str, zone: Option<&str>) -> String {
    let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    local(text, zone).map_or_else(|| text.to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Hours of a day; null if there are none. The error names the field that is empty.
fn hours(form: &Form, name: &str) -> Result<Value, (String, &'static str)> {
    let field = |part: &str| format!("{name}.{part}");
    match (form.get(&field("from")), form.get(&field("to"))) {
        (None, None) => Ok(Value::Null),
        (Some(from), Some(to)) => {
            let ticked = field("days");
            let days: Vec<&str> = form.all(&ticked).filter(|day| !day.is_empty()).collect();
            let by_recipient = form.get(&field("by_recipient")).is_some();
            Ok(json!({ "from": from, "to": to, "by_recipient": by_recipient, "days": days }))
        }
        (None, _) => Err((field("from"), form::EMPTY)),
        (_, None) => Err((field("to"), form::EMPTY)),
    }
}

/// The words of a list with commas between them.
pub(crate) fn words(text: &str) -> Value {
    text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// The whole numbers of a list with commas between them.
fn wholes(text: &str) -> Result<Value, String> {
    let all = text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty());
    let read = |word: &str| word.parse::<i64>().map_err(|_| format!("{word:?} is not a whole number"));
    all.map(read).collect::<Result<Vec<i64>, String>>().map(Value::from)
}

/// TXT records from lines such as `_dmarc.example.com v=DMARC1; p=none`.
fn records(text: &str) -> Result<Value, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let of = |line: &str| {
        let (name, text) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{line:?} is not a record: write its name, a space and its text"))?;
        Ok(json!({ "name": name, "text": text.trim() }))
    };
    lines.map(of).collect::<Result<Vec<Value>, String>>().map(Value::from)
}

/// The values of lines, and those of inputs of their own: `fields.table_no` is the value of `table_no` in `fields`.
fn all_pairs(form: &Form, name: &str) -> Result<Value, String> {
    let Some(lines) = form.raw(name) else { return Ok(Value::Null) };
    let mut values = pairs(lines, form.raw(&format!("{name}_before")))?;
    for (input, value) in form.fields() {
        if let Some(own) = input.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) {
            values[own] = value.trim().into();
        }
    }
    Ok(values)
}

/// The values of lines such as `name: value`. Names of earlier lines that are missing now get an empty value.
fn pairs(lines: &str, before: Option<&str>) -> Result<Value, String> {
    let mut values: Map<String, Value> = before
        .into_iter()
        .flat_map(str::lines)
        .map(|name| (name.trim().to_owned(), Value::from("")))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("{line:?} is not a field: write a name, a colon and a value"))?;
        values.insert(name.trim().to_owned(), value.trim().into());
    }
    Ok(Value::Object(values))
}

/// The page of the form, with what was typed and what is wrong.
pub(crate) async fn show_again(visit: &Visit, back: Option<&str>, filled: Filled, refusal: &Refusal) -> Response {
    let Some(back) = back else { return visit.stop(refusal).into_response() };
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    let Ok(address) = back.parse() else { return visit.stop(refusal).into_response() };
    *request.uri_mut() = address;
    *request.headers_mut() = visit.headers.clone();
    *request.extensions_mut() = visit.caller.extensions();
    request.extensions_mut().insert(Arc::new(filled));
    let Some(pages) = visit.console.pages.get() else { return visit.stop(refusal).into_response() };
    let mut response = match pages.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.status().is_success() {
        *response.status_mut() = refusal.status;
        return response;
    }
    // What the form was about is gone, or the page cannot be shown either.
    visit.stop(refusal).into_response()
}

/// The page for signing in, which keeps the form.
fn ask_to_sign_in(console: &Console, path: &str, form: &Form) -> Response {
    let fields: Vec<(&str, &str)> = form.fields().filter(|(name, _)| !form::is_secret(name)).collect();
    let resume = json!({ "to": path, "back": form.back(), "fields": fields });
    page::open(
        console,
        "sign_in.html",
        StatusCode::UNAUTHORIZED,
        json!({ "then": "", "resume": resume, "filled": Filled::default() }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ticked_box_is_an_empty_list_and_never_all() {
        let many = |values: &[&str]| many(values.iter().copied());
        assert_eq!(many(&[""]), json!([]));
        assert_eq!(many(&["", "jobs:read", "keys:write"]), json!(["jobs:read", "keys:write"]));
        assert_eq!(many(&["", "*", "jobs:read"]), Value::Null);
        assert_eq!(many(&[]), Value::Null);
    }

    #[test]
    fn lines_are_fields_and_a_missing_line_empties_its_field() {
        assert_eq!(
            pairs("Table: 7\r\nmenu:  a: b\n\n", Some("menu\nold\n")),
            Ok(json!({ "Table": "7", "menu": "a: b", "old": "" }))
        );
        assert!(pairs("nothing", None).unwrap_err().contains("colon"));
        assert_eq!(words(" VIP, press ,,"), json!(["VIP", "press"]));
        assert_eq!(words(""), json!([]));
        assert_eq!(wholes("50, 100,\n200"), Ok(json!([50, 100, 200])));
        assert!(wholes("50, many").unwrap_err().contains("many"));
        assert_eq!(
            records("_dmarc.example.com  v=DMARC1; p=none\n\n"),
            Ok(json!([{ "name": "_dmarc.example.com", "text": "v=DMARC1; p=none" }]))
        );
        assert!(records("nothing").unwrap_err().contains("a space"));
    }

    #[test]
    fn an_amount_is_in_the_currency_of_the_form() {
        assert_eq!(money("2,500.50", Some("eur")), Ok(250_050));
        assert_eq!(money("2,500", Some("JPY")), Ok(2_500));
        assert_eq!(money("2500", None), Ok(250_000));
        assert!(money("ten", None).is_err());
        let read = statuses("New: open\n\nSigned: Won\n").unwrap();
        assert_eq!(read[1], json!({ "name": "Signed", "stands_for": "won" }));
        assert!(statuses("New").unwrap_err().contains("New: open"));
    }

    fn form(pairs: &[(&str, &str)]) -> Form {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_time_is_of_the_forms_zone_and_can_be_taken_away() {
        let act = acts::find("changeCampaign").unwrap();
        let typed =
            [("send_at", "2026-07-01T09:30"), ("settings.time_zone", "Europe/Madrid"), ("settings.expires_at", "")];
        let sent = body(act, &form(&typed)).unwrap().unwrap();
        assert_eq!(sent["send_at"], "2026-07-01T07:30:00Z");
        let settings = json!({ "time_zone": "Europe/Madrid", "expires_at": null, "archive": false });
        assert_eq!(sent["settings"], settings, "a box that is not ticked is not sent");
        let sent = body(act, &form(&[("send_at", "soon")])).unwrap().unwrap();
        assert_eq!(sent["send_at"], "soon", "the API says what is wrong with it");
    }

    #[test]
    fn hours_have_both_ends_or_none() {
        let hours = |typed: &[(&str, &str)]| hours(&form(typed), "hours");
        assert_eq!(hours(&[("hours.from", ""), ("hours.by_recipient", "true")]), Ok(Value::Null));
        let whole = json!({ "from": "09:00", "to": "20:00", "by_recipient": false, "days": [] });
        assert_eq!(hours(&[("hours.from", "09:00"), ("hours.to", "20:00")]), Ok(whole));
        assert_eq!(hours(&[("hours.from", "09:00")]).unwrap_err().0, "hours.to");
    }

    #[test]
    fn an_act_on_many_wants_its_number() {
        assert!(is_counted(&form(&[("counted", "100")])).is_ok());
        assert!(is_counted(&form(&[("counted", "101")])).is_err());
        assert!(is_counted(&form(&[("counted", "1204"), ("number", "1203")])).is_err());
        assert!(is_counted(&form(&[("counted", "1204"), ("number", "1\u{202f}204 ")])).is_ok());
    }

    #[test]
    fn a_form_names_what_it_is_about() {
        assert!(is_addressed("/api/v1/queues/{name}/keys/{key}", &form(&[("name", "cpu"), ("key", "a")])).is_ok());
        let refusal = is_addressed("/api/v1/queues/{name}/keys/{key}", &form(&[("name", "cpu"), ("key", " ")]));
        assert_eq!(refusal.unwrap_err().errors[0].pointer, "/key");
    }
}

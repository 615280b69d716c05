//! `/u/{token}`: pages for the recipient of a message, who unsubscribes or says what is wanted.
//!
//! A `GET` changes nothing, because scanners open every link. A `POST` unsubscribes, whatever its body: the button of a
//! mail program sends `List-Unsubscribe=One-Click` (RFC 8058), the page's own form nothing. Neither needs a cookie. The
//! answer is no redirect, and a second `POST` gets the same one.

mod page;
mod words;

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use herald_contacts::Channel;
use herald_messaging::{
    Preference, Recipient, Through, open_unsubscribe_token, preferences_of, recipient_of, set_preferences,
    set_tracking_wish, tracking_wish, unsubscribe,
};
use url::form_urlencoded;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    page::{Facts, escaped, page, plain, sentence},
    words::Words,
};
use crate::{Api, front::problem::Problem};

/// The largest body that is read, in bytes.
const LARGEST: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(ask, unsubscribe_now)).routes(routes!(ask_preferences, save_preferences))
}

/// What the button of a mail program sends.
#[derive(ToSchema)]
#[schema(as = OneClick)]
#[expect(dead_code, reason = "only described")]
struct OneClick {
    /// `One-Click`
    #[schema(rename = "List-Unsubscribe")]
    list_unsubscribe: Option<String>,
}

/// What the page of preferences sends.
#[derive(ToSchema)]
#[schema(as = RecipientPreferences)]
#[expect(dead_code, reason = "only described")]
struct Wanted {
    /// The channels that the page showed.
    shown: Vec<Channel>,
    /// Those of them that the person wants.
    wanted: Vec<Channel>,
    /// Whether the page asked about being tracked by name: `asked`.
    tracking_shown: Option<String>,
    /// Whether the person agrees to it: `yes`.
    tracking: Option<String>,
}

/// What a link leads to.
enum Led {
    /// To the recipient of a message.
    Recipient(Box<Recipient>, &'static Words),
    /// To a message that Herald does not have, such as a test.
    Nobody(&'static Words),
    /// Nowhere: nobody signed it.
    Nowhere(&'static Words),
}

async fn led(api: &Api, token: Result<Path<String>, PathRejection>, headers: &HeaderMap) -> Result<Led, Problem> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepted = || accepted.split(',').filter_map(|part| part.split(';').next());
    // A path that is not UTF-8 cannot be a valid link.
    let id = token.ok().and_then(|Path(token)| open_unsubscribe_token(&api.links, &token));
    let Some(id) = id else { return Ok(Led::Nowhere(Words::of(accepted()))) };
    let Some(recipient) = recipient_of(&api.db, id).await? else { return Ok(Led::Nobody(Words::of(accepted()))) };
    let own = [recipient.locale.as_deref(), recipient.language.as_deref()];
    let words = Words::of(own.into_iter().flatten().chain(accepted()));
    Ok(Led::Recipient(Box::new(recipient), words))
}

/// Asks whether the recipient of a message wants to unsubscribe. Nothing changes.
#[utoipa::path(get, path = "/u/{token}", operation_id = "openUnsubscribe", tag = "public",
    params(("token" = String, Path, description = "The signed token of the message's link")),
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 404, description = "A page: the link is wrong", content_type = "text/html", body = String),
    )
)]
async fn ask(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = own_path(&token);
    let (recipient, words) = match led(&api, token, &headers).await? {
        Led::Recipient(recipient, words) => (recipient, words),
        other => return Ok(without(&other)),
    };
    let masked = recipient.masked();
    let body = format!(
        "<p>{}</p>\n<form method=\"post\"><button>{}</button></form>\n<p><a href=\"{path}/preferences\">{}</a></p>\n",
        sentence(words, words.ask, facts(&recipient, recipient.channel, &masked)),
        escaped(words.button),
        escaped(words.choose),
    );
    Ok(page(StatusCode::OK, words, words.title, &body))
}

/// Unsubscribes the recipient of a message from its channel, whatever the body says. A second request changes nothing.
#[utoipa::path(post, path = "/u/{token}", operation_id = "unsubscribe", tag = "public",
    params(("token" = String, Path, description = "The signed token of the message's link")),
    request_body(content((OneClick = "application/x-www-form-urlencoded"), (OneClick = "multipart/form-data"))),
    responses(
        (status = 200, description = "A page: nothing more is sent", content_type = "text/html", body = String),
        (status = 404, description = "A page: the link is wrong", content_type = "text/html", body = String),
    )
)]
async fn unsubscribe_now(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let path = own_path(&token);
    let (recipient, words) = match led(&api, token, &parts.headers).await? {
        Led::Recipient(recipient, words) => (recipient, words),
        other => return Ok(without(&other)),
    };
    let is_button = read(body).await.windows(16).any(|part| part == b"List-Unsubscribe");
    unsubscribe(&api.db, &recipient, if is_button { Through::OneClick } else { Through::Page }).await?;
    let masked = recipient.masked();
    let body = format!(
        "<p>{}</p>\n<p><a href=\"{path}/preferences\">{}</a></p>\n",
        sentence(words, words.done, facts(&recipient, recipient.channel, &masked)),
        escaped(words.choose),
    );
    Ok(page(StatusCode::OK, words, words.done_title, &body))
}

/// Asks what the recipient of a message wants to get. Nothing changes.
#[utoipa::path(get, path = "/u/{token}/preferences", operation_id = "openPreferences", tag = "public",
    params(("token" = String, Path, description = "The signed token of the message's link")),
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 404, description = "A page: the link is wrong", content_type = "text/html", body = String),
    )
)]
async fn ask_preferences(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match led(&api, token, &headers).await? {
        Led::Recipient(recipient, words) => shown(&api, &recipient, words, false).await,
        other => Ok(without(&other)),
    }
}

/// Takes in what the recipient of a message wants to get. Only the channel of the message can be switched on again.
#[utoipa::path(post, path = "/u/{token}/preferences", operation_id = "savePreferences", tag = "public",
    params(("token" = String, Path, description = "The signed token of the message's link")),
    request_body(content((Wanted = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "A page: what holds now", content_type = "text/html", body = String),
        (status = 404, description = "A page: the link is wrong", content_type = "text/html", body = String),
    )
)]
async fn save_preferences(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (recipient, words) = match led(&api, token, &parts.headers).await? {
        Led::Recipient(recipient, words) => (recipient, words),
        other => return Ok(without(&other)),
    };
    let body = read(body).await;
    let wanted = wanted(&body);
    if let Some(given) = tracked(&body) {
        let words = plain(words, words.track, facts(&recipient, recipient.channel, ""));
        set_tracking_wish(&api.db, &recipient, given, &words).await?;
    }
    let agreed = plain(words, words.agreed, facts(&recipient, recipient.channel, ""));
    set_preferences(&api.db, &recipient, wanted, &agreed).await?;
    shown(&api, &recipient, words, true).await
}

/// The channels of a form: those that were shown, and whether they are ticked.
fn wanted(body: &[u8]) -> BTreeMap<Channel, bool> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let channels = |name: &str| {
        let of_name = pairs.iter().filter(|(own, _)| own == name);
        of_name.filter_map(|(_, value)| value.parse::<Channel>().ok()).collect::<Vec<_>>()
    };
    let ticked = channels("wanted");
    channels("shown").into_iter().map(|channel| (channel, ticked.contains(&channel))).collect()
}

/// Whether a form says yes to being tracked by name. None: it does not ask.
fn tracked(body: &[u8]) -> Option<bool> {
    let has = |name: &str| form_urlencoded::parse(body).any(|(own, _)| own == name);
    has("tracking_shown").then(|| has("tracking"))
}

/// The switch of being tracked by name.
fn tracking_row(recipient: &Recipient, words: &Words, given: bool) -> String {
    let checked = if given { " checked" } else { "" };
    format!(
        "<li><input type=\"hidden\" name=\"tracking_shown\" value=\"asked\"><label><input type=\"checkbox\" \
         name=\"tracking\" value=\"yes\"{checked}><span>{}</span></label></li>\n",
        sentence(words, words.track, facts(recipient, recipient.channel, ""))
    )
}

async fn shown(api: &Api, recipient: &Recipient, words: &Words, saved: bool) -> Result<Response, Problem> {
    let mut rows: String =
        preferences_of(&api.db, recipient).await?.iter().map(|one| row(recipient, words, one)).collect();
    rows.extend(tracking_wish(&api.db, recipient).await?.map(|given| tracking_row(recipient, words, given)));
    let saved = if saved { format!("<p role=\"status\">{}</p>\n", escaped(words.saved)) } else { String::new() };
    let body = format!(
        "{saved}<p>{}</p>\n<form method=\"post\">\n<ul>\n{rows}</ul>\n<button>{}</button></form>\n",
        sentence(words, words.preferences, facts(recipient, recipient.channel, "")),
        escaped(words.save),
    );
    Ok(page(StatusCode::OK, words, words.preferences_title, &body))
}

fn row(recipient: &Recipient, words: &Words, one: &Preference) -> String {
    let what = sentence(words, words.each, facts(recipient, one.channel, &one.masked));
    if !one.wanted && !one.can_be_wanted {
        return format!("<li class=\"soft\">{what}: {}</li>\n", escaped(words.closed));
    }
    let (channel, checked) = (one.channel, if one.wanted { " checked" } else { "" });
    format!(
        "<li><input type=\"hidden\" name=\"shown\" value=\"{channel}\"><label><input type=\"checkbox\" name=\"wanted\" \
         value=\"{channel}\"{checked}><span>{what}</span></label></li>\n"
    )
}

fn facts<'a>(recipient: &'a Recipient, channel: Channel, address: &'a str) -> Facts<'a> {
    Facts { workspace: &recipient.workspace, channel: Some(channel), address }
}

/// The page of a link that leads to no recipient.
fn without(led: &Led) -> Response {
    let (status, words, title, text) = match led {
        Led::Nowhere(words) => (StatusCode::NOT_FOUND, words, words.wrong_title, words.wrong),
        Led::Nobody(words) | Led::Recipient(_, words) => (StatusCode::OK, words, words.nothing_title, words.nothing),
    };
    page(status, words, title, &format!("<p>{}</p>\n", escaped(text)))
}

/// The last part of a page's own address, from which its links go on.
fn own_path(token: &Result<Path<String>, PathRejection>) -> String {
    let token = token.as_ref().map(|Path(token)| token.as_str()).unwrap_or_default();
    token.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The body, or nothing if it is too large or breaks off: a request unsubscribes all the same.
async fn read(body: Body) -> Bytes {
    to_bytes(body, LARGEST).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_is_not_ticked_is_a_no_and_one_that_was_not_shown_says_nothing() {
        let read = wanted(b"shown=email&shown=whatsapp&wanted=whatsapp&wanted=phone&shown=fax");
        assert_eq!(read, [(Channel::Email, false), (Channel::Whatsapp, true)].into());
    }
}

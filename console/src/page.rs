//! A page: a template, filled with what the API answered and with what every page shows.

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use minijinja::{Value, context, value::Serde};
use serde::Serialize;

use serde_json::json;

use crate::{Console, api::Refusal, cookie::Cookie, picture, visit::Visit};

/// A page that is ready to be filled.
pub(crate) struct Page<'a> {
    pub(crate) template: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) visit: &'a Visit,
}

/// The page with this template.
pub(crate) fn page<'a>(visit: &'a Visit, template: &'static str) -> Page<'a> {
    Page { template, status: StatusCode::OK, visit }
}

impl Page<'_> {
    /// The same with another status.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Fills the page. `own` is what only this page has.
    pub(crate) fn show(self, own: serde_json::Value) -> Response {
        let visit = self.visit;
        let all = context! { ..Value::from(Serde(own)), ..common(visit) };
        let mut response = html(&visit.console, self.template, self.status, all);
        if visit.notice.is_some() {
            response.headers_mut().append(header::SET_COOKIE, Cookie::Notice.remove(visit.console.is_secure));
        }
        response
    }
}

/// What every page of a person has.
fn common(visit: &Visit) -> Value {
    let allowed: BTreeMap<&str, bool> = visit.console.description.ids().map(|id| (id, visit.may(id))).collect();
    let now = visit.console.clock.now();
    context! {
        person => Serde(&visit.person),
        workspace => Serde(&visit.workspace),
        workspaces => Serde(&visit.workspaces),
        unread => visit.unread,
        base => visit.base(),
        address => &*visit.address,
        notice => visit.notice.as_deref(),
        filled => Serde(visit.filled.as_ref()),
        form_token => visit.form_token(),
        once => visit.console.ids.uuid(now).to_string(),
        may => Serde(allowed),
        zone => &*visit.person.time_zone,
        lang => &*visit.person.locale,
        now => now.to_rfc3339(),
    }
}

fn html(console: &Console, template: &'static str, status: StatusCode, context: Value) -> Response {
    match console.templates.render(template, context) {
        Ok(text) => (status, [(header::CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(error) => {
            tracing::error!(template, %error, "a page could not be drawn");
            let text = "<!doctype html><title>Herald</title><p>This page could not be drawn. Herald's log says why.";
            (StatusCode::INTERNAL_SERVER_ERROR, Html(text)).into_response()
        }
    }
}

/// A page for somebody who has not signed in.
pub(crate) fn open(console: &Console, template: &'static str, status: StatusCode, own: serde_json::Value) -> Response {
    let now = console.clock.now();
    html(
        console,
        template,
        status,
        context! { ..Value::from(Serde(own)), ..context! { lang => "en", zone => "UTC", now => now.to_rfc3339() } },
    )
}

/// What a page says of a refusal.
#[derive(Serialize)]
struct Said<'a> {
    status: u16,
    title: &'a str,
    detail: &'a str,
    errors: Vec<&'a str>,
    request_id: Option<&'a str>,
    retry_after: Option<u64>,
}

impl<'a> Said<'a> {
    fn of(refusal: &'a Refusal) -> Self {
        Self {
            status: refusal.status.as_u16(),
            title: &refusal.title,
            detail: &refusal.detail,
            errors: refusal.errors.iter().map(|fault| fault.detail.as_str()).collect(),
            request_id: refusal.request_id.as_deref(),
            retry_after: refusal.retry_after,
        }
    }
}

/// The page of a person whose request was refused; for a picture within a page, a line.
pub(crate) fn refused(visit: &Visit, refusal: &Refusal) -> Response {
    if picture::is_asked(&visit.headers) {
        return picture::refused(refusal);
    }
    let page = page(visit, "refused.html").status(refusal.status);
    page.show(json!({ "refusal": Said::of(refusal) }))
}

/// The page of a refusal before anybody is known.
pub(crate) fn alone(console: &Console, refusal: &Refusal) -> Response {
    open(console, "alone.html", refusal.status, json!({ "refusal": Said::of(refusal) }))
}

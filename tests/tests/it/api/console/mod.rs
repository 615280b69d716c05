//! The console, as a browser without scripts uses it: pages, forms, cookies.

mod campaign_pages;
mod campaigns;
mod doors;
mod editor;
mod forms;
mod lists;
mod message_templates;
mod nowhere;
mod pictures;
mod senders;
mod walk;

use std::{collections::BTreeMap, sync::Mutex};

use herald_people::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    Form, Service,
    people::{PASSWORD, Person, tick},
};

/// A browser: it keeps cookies, and says where its forms come from.
pub(crate) struct Browser<'a> {
    service: &'a Service,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page as it came.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(service: &'a Service) -> Self {
        Self { service, cookies: Mutex::default() }
    }

    /// The browser of a new person who is a member of the first workspace in this role.
    pub(crate) async fn member(service: &'a Service, email: &str, role: Role) -> Self {
        let person = Person::new(service, email).await;
        let fields = json!({ "role": role });
        let made = service.post_json("/api/v1/workspace-invitations", fields).await;
        let link = made.json()["link"].as_str().unwrap().to_owned();
        let joined = person.join(service, link.rsplit_once('/').unwrap().1).await;
        assert_eq!(joined.status, 200, "{}", joined.text());
        let browser = Self::new(service);
        browser.sign_in(email).await;
        browser
    }

    pub(crate) async fn sign_in(&self, email: &str) {
        let signed_in = self.send("/sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        tick(self.service);
        self.exchange(self.service.open(Method::GET, path)).await
    }

    /// Asks for something as these headers say.
    pub(super) async fn get_as(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        tick(self.service);
        let request = self.service.open(Method::GET, path);
        self.exchange(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Sends a form from a page of this Herald.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = format!("http://{}", self.service.address);
        self.send_from(&origin, path, fields).await
    }

    /// Sends a form from a page of this origin.
    pub(crate) async fn send_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        tick(self.service);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.service.open(Method::POST, path).header("origin", origin);
        self.exchange(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Sends a form with files from a page of this Herald.
    pub(super) async fn send_files(&self, path: &str, form: Form) -> Page {
        tick(self.service);
        let (kind, body) = form.finish();
        let origin = format!("http://{}", self.service.address);
        let request = self.service.open(Method::POST, path).header("origin", origin);
        self.exchange(request.header("content-type", kind).body(body)).await
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Page {
        let cookies =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let answer = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        for set in headers.get_all("set-cookie") {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.lock().unwrap().remove(name),
                _ => self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned()),
            };
        }
        Page { status, headers, text: answer.text().await.unwrap() }
    }

    /// Forgets the session, as a browser does that was closed.
    pub(crate) fn forget(&self) {
        self.cookies.lock().unwrap().clear();
    }
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the first hidden field with this name.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&start).unwrap_or_else(|| panic!("no field {name}: {}", self.text)).1;
        rest.split('"').next().unwrap().to_owned()
    }
}

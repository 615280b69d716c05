//! A visit: who looks at a page, in which workspace, and what they may do there.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Console,
    api::{self, Answer, Caller, Refusal},
    cookie::Cookie,
    description::{Needs, Operation, Role},
    form::{self, Filled, Form},
    page, picture,
};

/// A person with a session, on a page.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) console: Console,
    pub(crate) caller: Caller,
    pub(crate) person: Person,
    /// The workspace of the page; none on the pages about the person.
    pub(crate) workspace: Option<Workspace>,
    pub(crate) workspaces: Vec<Workspace>,
    /// What the person was told in the workspace and has not read.
    pub(crate) unread: i64,
    /// The address of the page, with its parameters.
    pub(crate) address: String,
    /// The notice for this page.
    pub(crate) notice: Option<String>,
    /// A form that was refused, which this page shows again.
    pub(crate) filled: Arc<Filled>,
    /// The headers of the browser's request.
    pub(crate) headers: HeaderMap,
}

/// The person.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) username: Option<String>,
    pub(crate) locale: String,
    pub(crate) time_zone: String,
    pub(crate) platform_admin: bool,
}

/// A workspace of the person.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Workspace {
    pub(crate) workspace_id: String,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

/// Why nobody is known to look at a page.
pub(crate) enum Missing {
    /// There is no session, or it has ended.
    Session,
    /// The answer stands in the place of the page.
    Page(Stop),
}

/// Why there is no page: the answer stands in its place.
pub(crate) struct Stop(pub(crate) Box<Response>);

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl Visit {
    /// Reads from the API.
    ///
    /// # Errors
    /// The page that says why it was refused.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Stop> {
        self.ask(path).await.map_err(|refusal| self.stop(&refusal))
    }

    /// Reads from the API what the page can do without.
    pub(crate) async fn ask(&self, path: &str) -> Result<Value, Refusal> {
        self.console.api.get(&self.caller, path).await
    }

    /// Reads from the API, with the version of what it answers: a form sends it back, and changes only what was seen.
    ///
    /// # Errors
    /// The page that says why it was refused.
    pub(crate) async fn versioned(&self, path: &str) -> Result<(Value, Option<String>), Stop> {
        let answer = self.console.api.call(&self.caller, Method::GET, path, &[], None).await;
        let answer = answer.map_err(|refusal| self.stop(&refusal))?;
        let version = answer.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok((answer.body, version))
    }

    /// What the API answers, as it comes: a picture, a file, a stream of changes.
    pub(crate) async fn raw(&self, path: &str) -> Response {
        let mut request = api::request(&self.caller, Method::GET, path, Body::empty());
        for name in [header::ACCEPT, header::IF_NONE_MATCH, header::RANGE] {
            if let Some(value) = self.headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        self.console.api.pass(request).await
    }

    /// Calls an operation with these values for the parameters of its path.
    pub(crate) async fn call(
        &self,
        operation: &Operation,
        form: &Form,
        body: Option<&Value>,
    ) -> Result<Answer, Refusal> {
        let mut headers = Vec::new();
        if let Some(once) = form.get(form::ONCE).filter(|_| operation.takes_key) {
            headers.push((crate::api::IDEMPOTENCY_KEY, once.to_owned()));
        }
        if let Some(version) = form.get(form::VERSION).filter(|_| operation.takes_version) {
            headers.push(match version {
                form::NEW => (header::IF_NONE_MATCH, "*".to_owned()),
                version => (header::IF_MATCH, version.to_owned()),
            });
        }
        let path = filled_in(&operation.path, form);
        self.console.api.call(&self.caller, operation.method.clone(), &path, &headers, body).await
    }

    /// Whether the person may call this operation here. The API decides again when it is called.
    pub(crate) fn may(&self, operation: &str) -> bool {
        let Some(operation) = self.console.description.operation(operation) else { return false };
        match operation.needs {
            Needs::Nothing | Needs::Person => true,
            Needs::Platform => self.person.platform_admin,
            Needs::Member(role) => self.role().is_some_and(|own| own >= role),
        }
    }

    /// A page with a form whose act the person may not carry out is not shown.
    ///
    /// # Errors
    /// The page that says so.
    pub(crate) fn needs(&self, operation: &str) -> Result<(), Stop> {
        if self.may(operation) {
            return Ok(());
        }
        let detail = "your role in this workspace does not allow it: ask an owner of the workspace for another role";
        Err(self.stop(&Refusal::of(StatusCode::FORBIDDEN, detail)))
    }

    fn role(&self) -> Option<Role> {
        Role::of(&self.workspace.as_ref()?.role)
    }

    /// The token of this session's forms.
    pub(crate) fn form_token(&self) -> String {
        form::token(&self.console.secret, self.caller.token.as_deref().unwrap_or_default())
    }

    /// Whether a form was made for this session.
    pub(crate) fn trusts(&self, form: &Form) -> bool {
        form::has_token(&self.console.secret, self.caller.token.as_deref().unwrap_or_default(), form)
    }

    /// Where the pages of the workspace begin.
    pub(crate) fn base(&self) -> String {
        self.workspace.as_ref().map_or_else(String::new, |workspace| format!("/w/{}", workspace.slug))
    }

    /// The page that says why something was refused.
    pub(crate) fn stop(&self, refusal: &Refusal) -> Stop {
        Stop(Box::new(page::refused(self, refusal)))
    }
}

/// How many notifications of a workspace the person has not read.
fn found_unread(unread: &Value, workspace: &Workspace) -> i64 {
    unread[&workspace.workspace_id].as_i64().unwrap_or_default()
}

/// The path of an operation, with the form's fields in the place of its parameters.
pub(crate) fn filled_in(path: &str, form: &Form) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => utf8_percent_encode(form.raw(name).unwrap_or_default(), NON_ALPHANUMERIC).to_string(),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Where a person signs in, and then sees the page they wanted.
pub(crate) fn to_sign_in(address: &str) -> Response {
    let wanted = utf8_percent_encode(address, NON_ALPHANUMERIC);
    Redirect::to(&format!("/sign-in?then={wanted}")).into_response()
}

impl FromRequestParts<Console> for Visit {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Stop> {
        let address = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Self::of(parts, console).await.map_err(|missing| match missing {
            Missing::Session if picture::is_asked(&parts.headers) => Stop(Box::new(picture::signed_out())),
            Missing::Session => Stop(Box::new(to_sign_in(&address))),
            Missing::Page(stop) => stop,
        })
    }
}

impl Visit {
    /// The visit of a request.
    ///
    /// # Errors
    /// [`Missing`].
    pub(crate) async fn of(parts: &mut Parts, console: &Console) -> Result<Self, Missing> {
        let address = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let is_picture = picture::is_asked(&parts.headers);
        let stop = |refusal: &Refusal| {
            let said = if is_picture { picture::refused(refusal) } else { page::alone(console, refusal) };
            Missing::Page(Stop(Box::new(said)))
        };
        let mut caller = Caller::of(&parts.headers, &parts.extensions);
        let Some(token) = Cookie::Session.read(&parts.headers, console.is_secure) else {
            return Err(Missing::Session);
        };
        caller.token = Some(token);
        // One call for both: it counts against the person's limit on every page, and live pages come again and again.
        let found = match console.api.get(&caller, "/api/v1/workspaces").await {
            Ok(found) => found,
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => return Err(Missing::Session),
            Err(refusal) => return Err(stop(&refusal)),
        };
        let unreadable = |_| stop(&Refusal::of(StatusCode::BAD_GATEWAY, "the account cannot be read"));
        let person: Person = serde_json::from_value(found["person"].clone()).map_err(unreadable)?;
        let workspaces: Vec<Workspace> = serde_json::from_value(found["items"].clone()).map_err(unreadable)?;
        let named = RawPathParams::from_request_parts(parts, console).await.ok();
        let slug = named.iter().flatten().find(|(name, _)| *name == "ws").map(|(_, slug)| slug.to_owned());
        let mut visit = Self {
            console: console.clone(),
            caller,
            person,
            workspace: None,
            workspaces,
            unread: 0,
            address,
            notice: Cookie::Notice.read(&parts.headers, console.is_secure),
            filled: parts.extensions.get::<Arc<Filled>>().cloned().unwrap_or_default(),
            headers: parts.headers.clone(),
        };
        if let Some(slug) = slug {
            let named = visit.workspaces.iter().find(|workspace| workspace.slug == slug).cloned();
            let Some(workspace) = named else {
                let detail = format!("you are not a member of a workspace {slug:?}");
                return Err(Missing::Page(visit.stop(&Refusal::of(StatusCode::NOT_FOUND, &detail))));
            };
            visit.caller.workspace = Some(workspace.slug.clone());
            visit.unread = found_unread(&found["unread"], &workspace);
            visit.workspace = Some(workspace);
        }
        Ok(visit)
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

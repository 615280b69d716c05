//! The caller of a request and its workspace. A caller is a person with an access token, or a program with a key. The
//! permissions are in [`access`].

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
};
use chrono::{DateTime, Utc};
use herald_ledger::rate_limits::Subject;
use herald_people as people;
use herald_people::{Giver, INSTALLATION, KEY_PREFIX, Maker, Membership, Role, Scope};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        access::{self, Access},
        problem::{Kind, Problem},
    },
};

/// The header in which a person names one of their workspaces, by slug or id.
pub(crate) const WORKSPACE: HeaderName = HeaderName::from_static("herald-workspace");

/// The areas in which the installation has entries of its own.
const OF_INSTALLATION: &[&str] = &["audit", "jobs"];

/// The caller of a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    /// The workspace of the request, and the caller's role there.
    pub(crate) workspace: Option<(Uuid, Role)>,
    /// Whether the caller may use the endpoints that concern the whole installation.
    pub(crate) platform_admin: bool,
}

/// A person or a program.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// A program, by its key.
    Key {
        id: Uuid,
        name: String,
        scopes: Option<Vec<Scope>>,
        expires_at: Option<DateTime<Utc>>,
        /// The person behind the key.
        maker_id: Option<Uuid>,
    },
    /// A person who signed in.
    Person { user_id: Uuid, session_id: Uuid },
}

impl Caller {
    /// Whether the caller may read a route: what an answer shows of others' routes obeys their permissions.
    pub(crate) fn may_read(&self, path: &str) -> bool {
        let needed = access::needed(&Method::GET, path);
        needed.is_some_and(|needed| allow(self, needed, &Method::GET, path).is_ok())
    }

    /// Whether the caller may `POST` to a route: one that does the same in another way obeys its permission, too.
    pub(crate) fn may_post(&self, path: &str) -> bool {
        let needed = access::needed(&Method::POST, path);
        needed.is_some_and(|needed| allow(self, needed, &Method::POST, path).is_ok())
    }

    /// The caller's role in the workspace of the request.
    pub(crate) fn role(&self) -> Option<Role> {
        self.workspace.map(|(_, role)| role)
    }

    /// The permissions that the caller can hand on, and the maker to record with them.
    fn giver(&self) -> Option<Giver> {
        let (_, role) = self.workspace?;
        let giver = Giver { role, platform_admin: self.platform_admin, ..Giver::installation() };
        Some(match &self.who {
            Who::Person { user_id, .. } => Giver { maker: Maker { user_id: Some(*user_id), key_id: None }, ..giver },
            Who::Key { id, scopes, expires_at, maker_id, .. } => Giver {
                scopes: scopes.clone(),
                expires_at: *expires_at,
                maker: Maker { user_id: *maker_id, key_id: Some(*id) },
                ..giver
            },
        })
    }
}

/// The workspace that a request works in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace(pub(crate) Uuid);

/// The caller's role in the workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MyRole(pub(crate) Role);

/// The permissions that the caller can hand on. Every endpoint that gives a role, a key or a link extracts them.
#[derive(Clone, Debug)]
pub(crate) struct GivenBy(pub(crate) Giver);

/// The person who sends the request. The extraction refuses a key, because a key has no account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me {
    pub(crate) user_id: Uuid,
    pub(crate) session_id: Uuid,
}

/// The owner of a token, before the request itself is checked.
#[derive(Debug)]
pub(crate) struct Identity {
    who: Who,
    /// The workspace of a key; `None` for a person, who may have several.
    workspace: Option<(Uuid, Role)>,
    platform_admin: bool,
}

impl Identity {
    /// The subject whose requests are counted together.
    pub(crate) fn subject(&self) -> Subject {
        match &self.who {
            Who::Key { id, .. } => Subject::Token(*id),
            Who::Person { user_id, .. } => Subject::User(*user_id),
        }
    }
}

/// Finds the owner of the token in a request.
///
/// # Errors
/// `unauthorized` if the request has no token, or a token that is not valid.
pub(crate) async fn authenticate(api: &Api, headers: &HeaderMap) -> Result<Identity, Problem> {
    let Some(token) = bearer(headers) else {
        return Err(unauthorized(
            "the request has no token: sign in with POST /api/v1/auth/login, or send a \
             key, as `Authorization: Bearer …`",
            "Bearer realm=\"herald\"",
        ));
    };
    known(api, token).await
}

/// Returns the caller and its workspace, if the caller may do what the request asks for.
///
/// # Errors
/// `forbidden` if the caller may not do it, and the reason why the workspace could not be determined.
pub(crate) async fn authorize(api: &Api, identity: Identity, parts: &Parts) -> Result<Caller, Problem> {
    let Identity { who, workspace, platform_admin } = identity;
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // A route that is not in the table is closed to all callers.
    let needed = access::needed(&parts.method, path)
        .ok_or_else(|| Problem::new(Kind::Forbidden, "no caller may use this endpoint: see /docs for the endpoints"))?;
    let installation = platform_admin && means_installation(&parts.headers, path);
    let workspace = match (&who, needed) {
        (Who::Person { .. }, Access::Member(_)) if installation => Some((api.people.home().await?, Role::Owner)),
        (Who::Key { .. }, Access::Member(_)) if installation => {
            Some((api.people.home().await?, workspace.map_or(Role::Viewer, |(_, role)| role)))
        }
        (Who::Key { .. }, _) => workspace,
        (Who::Person { .. }, Access::Person) => None,
        // A resource of the installation belongs to no workspace. The installation's own log records changes of it.
        (Who::Person { .. }, Access::Platform) => Some((api.people.home().await?, Role::Viewer)),
        (Who::Person { user_id, .. }, Access::Member(_)) => Some(meant(api, *user_id, &parts.headers).await?),
    };
    let caller = Caller { who, workspace, platform_admin };
    allow(&caller, needed, &parts.method, path)?;
    Ok(caller)
}

/// Whether an administrator asks for the installation's own jobs, which send e-mails, or for its own log.
fn means_installation(headers: &HeaderMap, path: &str) -> bool {
    let named = headers.get(WORKSPACE).is_some_and(|named| named.as_bytes() == INSTALLATION.as_bytes());
    named && OF_INSTALLATION.contains(&access::area(path))
}

fn unauthorized(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(Kind::Unauthorized, detail).header(header::WWW_AUTHENTICATE, challenge)
}

async fn known(api: &Api, token: &str) -> Result<Identity, Problem> {
    let refuse = || {
        unauthorized(
            "the token is not valid (it has expired or was revoked): sign in again, or send another key",
            "Bearer realm=\"herald\", error=\"invalid_token\"",
        )
    };
    if token.starts_with(KEY_PREFIX) {
        let key = people::check_key(&api.db, token).await?.ok_or_else(refuse)?;
        let workspace = Some((key.workspace_id, key.role));
        let who = Who::Key {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            expires_at: key.expires_at,
            maker_id: key.maker_id,
        };
        return Ok(Identity { who, workspace, platform_admin: key.platform_admin });
    }
    let person = api.people.signed_in(token).await?.ok_or_else(refuse)?;
    let who = Who::Person { user_id: person.user_id, session_id: person.session_id };
    Ok(Identity { who, workspace: None, platform_admin: person.platform_admin })
}

/// The workspace that a person means: the one that the header names, or the only one of the person.
async fn meant(api: &Api, user_id: Uuid, headers: &HeaderMap) -> Result<(Uuid, Role), Problem> {
    let named = headers.get(WORKSPACE).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let found = api.people.memberships(user_id, named).await?;
    match (found.as_slice(), named) {
        ([one], _) => Ok((one.workspace_id, one.role)),
        (_, Some(named)) => Err(Problem::new(
            Kind::NotFound,
            format!("you are not a member of a workspace {named:?}: see GET /api/v1/workspaces for yours"),
        )),
        ([], None) => Err(Problem::new(
            Kind::Forbidden,
            if api.settings.people.open_workspaces {
                "you are not a member of any workspace: create one with POST /api/v1/workspaces, or join \
                 one with an invitation"
            } else {
                "you are not a member of any workspace: join one with an invitation, or ask an \
                 administrator of this installation"
            },
        )),
        (several, None) => Err(Problem::new(Kind::WorkspaceNeeded, which(several))),
    }
}

fn which(several: &[Membership]) -> String {
    let slugs: Vec<&str> = several.iter().map(|found| found.slug.as_str()).collect();
    format!(
        "you are a member of several workspaces: name one of them in the header Herald-Workspace: {}",
        slugs.join(", ")
    )
}

fn allow(caller: &Caller, needed: Access, method: &axum::http::Method, path: &str) -> Result<(), Problem> {
    let forbidden = |detail: String| Err(Problem::new(Kind::Forbidden, detail));
    match (needed, &caller.who) {
        (Access::Person, Who::Key { .. }) => {
            return forbidden(
                "this endpoint concerns a person's account, and a key has no account: sign in as a person".to_owned(),
            );
        }
        (Access::Platform, _) if !caller.platform_admin => {
            return forbidden(
                "this endpoint concerns the whole installation: only its administrators may use it".to_owned(),
            );
        }
        (Access::Member(role), _) if caller.workspace.is_none_or(|(_, own)| own < role) => {
            let own = caller.workspace.map_or("nobody", |(_, own)| own.name());
            return forbidden(format!(
                "this endpoint needs the role {role}, and yours in this workspace is {own}: ask an administrator of \
                 the workspace"
            ));
        }
        _ => {}
    }
    if let Who::Key { scopes: Some(scopes), .. } = &caller.who {
        let wanted = Scope { area: access::area(path).to_owned(), write: access::writes(method) };
        if !scopes.iter().any(|scope| scope.holds(&wanted)) {
            return forbidden(format!("the scopes of the key do not include {wanted}: use a key that has this scope"));
        }
    }
    Ok(())
}

/// The token of an `Authorization` header (RFC 6750); the scheme's case does not matter.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The caller of the request. It is missing only if a route was not put behind the gate; such a route stays closed.
pub(crate) fn caller(parts: &Parts) -> Result<&Caller, Problem> {
    parts
        .extensions
        .get()
        .ok_or_else(|| Problem::new(Kind::Unauthorized, "the request has no valid token: sign in, or send a key"))
}

impl<S: Send + Sync> FromRequestParts<S> for Workspace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let workspace = caller(parts)?.workspace.ok_or_else(|| {
            Problem::new(Kind::Forbidden, "the request needs a workspace: name one in the header Herald-Workspace")
        })?;
        Ok(Self(workspace.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MyRole {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let workspace = caller(parts)?.workspace.ok_or_else(|| {
            Problem::new(Kind::Forbidden, "the request needs a workspace: name one in the header Herald-Workspace")
        })?;
        Ok(Self(workspace.1))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for GivenBy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        caller(parts)?.giver().map(Self).ok_or_else(|| {
            Problem::new(Kind::Forbidden, "the request needs a workspace: name one in the header Herald-Workspace")
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)?.who {
            Who::Person { user_id, session_id } => Ok(Self { user_id, session_id }),
            Who::Key { .. } => Err(Problem::new(
                Kind::Forbidden,
                "this endpoint concerns a person's account, and a key has no account: sign in as a person",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_header_with_a_token_counts() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("Bearer "), None);
        assert_eq!(of("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}

//! What requests are about, and who answers which.

use super::{
    super::{
        faults::Fault,
        http::{Answered, Asked},
        server::Provider,
    },
    auth, consent, create, errors, list, page, permissions, resource, resumable,
    state::State,
    update,
};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GoogleCall {
    /// Asks for an access token.
    Token,
    /// Takes a token back.
    Revoke,
    /// Asks for ids.
    Ids,
    /// Makes a file with its bytes in one request.
    Upload,
    /// Gives a file new bytes in one request.
    Replace,
    /// Begins an upload in chunks.
    Begin,
    /// Sends a chunk, or asks how far it came.
    Chunk,
    /// Makes a folder, or a file without bytes.
    Create,
    /// Changes what is known about a file.
    Update,
    /// Reads what is known about a file, or its bytes.
    Get,
    /// Lists files.
    List,
    /// Deletes one.
    Delete,
    /// Gives a permission.
    Share,
    /// Lists permissions.
    Permissions,
    /// Takes a permission away.
    Unshare,
    /// Asks who one is.
    About,
    /// Anything else below `/drive` and `/upload`.
    Unknown,
}

impl GoogleCall {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "google token",
            Self::Revoke => "google revoke",
            Self::Ids => "google ids",
            Self::Upload => "google upload",
            Self::Replace => "google replace",
            Self::Begin => "google begin",
            Self::Chunk => "google chunk",
            Self::Create => "google create",
            Self::Update => "google update",
            Self::Get => "google get",
            Self::List => "google list",
            Self::Delete => "google delete",
            Self::Share => "google share",
            Self::Permissions => "google permissions",
            Self::Unshare => "google unshare",
            Self::About => "google about",
            Self::Unknown => "google unknown",
        }
    }

    /// The kind of a request, and `None` for pages.
    fn of(asked: &Asked) -> Option<Self> {
        let resumable = asked.word("uploadType") == "resumable";
        Some(match (asked.method.as_str(), asked.words().as_slice()) {
            ("POST", ["token"]) => Self::Token,
            ("POST", ["revoke"]) => Self::Revoke,
            ("GET", ["drive", "v3", "files", "generateIds"]) => Self::Ids,
            ("GET", ["drive", "v3", "files"]) => Self::List,
            ("POST", ["drive", "v3", "files"]) => Self::Create,
            ("GET", ["drive", "v3", "files", _]) => Self::Get,
            ("PATCH", ["drive", "v3", "files", _]) => Self::Update,
            ("DELETE", ["drive", "v3", "files", _]) => Self::Delete,
            ("POST", ["drive", "v3", "files", _, "permissions"]) => Self::Share,
            ("GET", ["drive", "v3", "files", _, "permissions"]) => Self::Permissions,
            ("DELETE", ["drive", "v3", "files", _, "permissions", _]) => Self::Unshare,
            ("GET", ["drive", "v3", "about"]) => Self::About,
            ("PUT", ["upload", "drive", "v3", "files", ..]) => Self::Chunk,
            ("POST", ["upload", "drive", "v3", "files"]) if resumable => Self::Begin,
            ("PATCH", ["upload", "drive", "v3", "files", _]) if resumable => Self::Begin,
            ("POST", ["upload", "drive", "v3", "files"]) => Self::Upload,
            ("PATCH", ["upload", "drive", "v3", "files", _]) => Self::Replace,
            (_, ["drive" | "upload", "v3" | "drive", ..]) => Self::Unknown,
            _ => return None,
        })
    }

    /// Whether it asks the token server, not Drive.
    fn is_oauth(self) -> bool {
        matches!(self, Self::Token | Self::Revoke)
    }
}

impl Provider for State {
    const TOKENS: bool = true;

    fn call(&self, asked: &Asked) -> Option<&'static str> {
        GoogleCall::of(asked).map(GoogleCall::name)
    }

    fn act(&mut self, asked: &Asked) -> Answered {
        let Some(call) = GoogleCall::of(asked) else {
            return match asked.words().as_slice() {
                ["o", "oauth2", "v2", "auth"] => consent::answer(self, asked),
                _ => page::answer(self, asked),
            };
        };
        let within = self.counts(call);
        match call {
            GoogleCall::Token => auth::token(self, asked),
            GoogleCall::Revoke => auth::revoke(self, asked),
            _ if !within => {
                // Google says it either way.
                if self.quota.exceeded().is_multiple_of(2) {
                    errors::too_many()
                } else {
                    errors::by_reason("userRateLimitExceeded")
                }
            }
            // The address of the upload is its permission.
            GoogleCall::Chunk => resumable::chunk(self, asked),
            _ => self.answer_drive(call, asked).unwrap_or_else(|refused| refused),
        }
    }

    fn refuse(&mut self, asked: &Asked, fault: Fault) -> Answered {
        let Some(call) = GoogleCall::of(asked) else { return errors::server(500) };
        if fault == Fault::Expired && (call.is_oauth() || asked.bearer().is_none()) {
            return self.act(asked);
        }
        self.counts(call);
        match fault {
            Fault::Expired => {
                self.auth.access.remove(asked.bearer().unwrap_or(""));
                errors::bad_token()
            }
            Fault::Reason(reason) if call.is_oauth() => {
                errors::oauth(if reason.ends_with("_client") { 401 } else { 400 }, reason, "Bad Request")
            }
            Fault::Reason(reason) => errors::by_reason(reason),
            Fault::TooMany { retry_after } => {
                let answered = match call.is_oauth() {
                    true => errors::oauth(429, "rate_limit_exceeded", "Rate Limit Exceeded"),
                    false => errors::too_many(),
                };
                match retry_after {
                    Some(seconds) => answered.with("retry-after", seconds.to_string()),
                    None => answered,
                }
            }
            Fault::Server(status @ (500 | 503)) if call.is_oauth() => {
                errors::oauth(status, "internal_failure", "Backend Error")
            }
            Fault::Server(status) => errors::server(status),
            _ => errors::server(500),
        }
    }
}

impl State {
    /// Counts a request; whether it is within the quota.
    fn counts(&mut self, call: GoogleCall) -> bool {
        *self.requests.entry(call).or_default() += 1;
        let units = self.units.get(&call).copied().unwrap_or(u64::from(!call.is_oauth()));
        units == 0 || self.quota.grants(units)
    }

    fn answer_drive(&mut self, call: GoogleCall, asked: &Asked) -> Result<Answered, Answered> {
        let grant = self.grant(asked)?;
        let path = asked.words();
        let id = match path.as_slice() {
            ["upload", "drive", "v3", "files", id] | ["drive", "v3", "files", id, ..] => (*id).to_owned(),
            _ => String::new(),
        };
        let id = if id == "root" { self.root_of(&grant.email) } else { id };
        match call {
            GoogleCall::Ids => list::ids(self, asked),
            GoogleCall::List => list::files(self, &grant, asked),
            GoogleCall::Create => create::without_bytes(self, &grant, asked),
            GoogleCall::Upload => create::with_bytes(self, &grant, asked),
            GoogleCall::Begin => resumable::begin(self, &grant, asked, (!id.is_empty()).then_some(id)),
            GoogleCall::Replace => update::with_bytes(self, &grant, asked, &id),
            GoogleCall::Update => update::without_bytes(self, &grant, asked, &id),
            GoogleCall::Get => resource::get(self, &grant, asked, &id),
            GoogleCall::Delete => update::delete(self, &grant, asked, &id),
            GoogleCall::Share => permissions::give(self, &grant, asked, &id),
            GoogleCall::Permissions => permissions::list(self, &grant, asked, &id),
            GoogleCall::Unshare => permissions::take(self, &grant, asked, &id),
            GoogleCall::About => list::about(self, &grant, asked),
            _ => Err(Answered::html(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")),
        }
    }
}

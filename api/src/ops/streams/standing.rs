//! The rights of a watcher. A stream lasts for hours, and a token, a key or a membership can end meanwhile.

use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, TimeDelta, Utc};
use herald_ledger::rate_limits::Subject;
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::{self, Caller},
        problem::{Kind, Problem},
    },
};

/// How often Herald checks the rights of a watcher that gets no changes.
const QUIET: Duration = Duration::from_secs(10);
/// The largest age of the last check when a watcher gets a change.
const FRESH: TimeDelta = TimeDelta::seconds(1);

/// A request that opened a stream, and the time of the last check of its rights.
pub(super) struct Standing {
    api: Api,
    parts: Parts,
    /// The subject whose streams are counted together.
    pub(super) caller: Subject,
    /// The workspace in which the stream was opened.
    pub(super) workspace: Option<Uuid>,
    seen: DateTime<Utc>,
}

impl Standing {
    /// Whether the watcher may get a change now.
    pub(super) async fn holds(&mut self) -> bool {
        self.api.db.now() - self.seen < FRESH || self.look_again().await
    }

    /// Returns when the watcher has lost the right to watch.
    pub(super) async fn ends(&mut self) {
        loop {
            self.api.db.clock().sleep(QUIET).await;
            if !self.look_again().await {
                return;
            }
        }
    }

    /// Repeats the checks of the gate. If the database does not answer, the check fails and the stream ends.
    async fn look_again(&mut self) -> bool {
        let now = self.api.db.now();
        let holds = match again(&self.api, &self.parts).await {
            Ok(caller) => caller.workspace.map(|(id, _)| id) == self.workspace,
            Err(_) => false,
        };
        self.seen = now;
        holds
    }
}

async fn again(api: &Api, parts: &Parts) -> Result<Caller, Problem> {
    let identity = auth::authenticate(api, &parts.headers).await?;
    auth::authorize(api, identity, parts).await
}

impl FromRequestParts<Api> for Standing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let workspace = auth::caller(parts)?.workspace.map(|(id, _)| id);
        let caller = parts.extensions.get().copied();
        let caller = caller.ok_or_else(|| {
            Problem::new(Kind::Unauthorized, "the request has no valid token: sign in, or send a key")
        })?;
        Ok(Self { api: api.clone(), parts: parts.clone(), caller, workspace, seen: api.db.now() })
    }
}

//! Whether who watches still may: a stream lasts for hours, and a token, a key or a membership can end meanwhile.

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

/// How often somebody who is told nothing is looked at again.
const QUIET: Duration = Duration::from_secs(10);
/// Somebody who is told something was looked at no longer ago than this.
const FRESH: TimeDelta = TimeDelta::seconds(1);

/// A request that opened a stream, and when it was last found to be allowed.
pub(super) struct Standing {
    api: Api,
    parts: Parts,
    /// Whose streams are counted together.
    pub(super) caller: Subject,
    /// In which the stream was opened.
    pub(super) workspace: Option<Uuid>,
    seen: DateTime<Utc>,
}

impl Standing {
    /// Whether something may be told now.
    pub(super) async fn holds(&mut self) -> bool {
        self.api.db.now() - self.seen < FRESH || self.look_again().await
    }

    /// Returns when the one who watches may no longer.
    pub(super) async fn ends(&mut self) {
        loop {
            self.api.db.clock().sleep(QUIET).await;
            if !self.look_again().await {
                return;
            }
        }
    }

    /// Asks what the gate asks. While the database does not answer nobody is told anything, so an error ends the stream
    /// as well.
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

//! Accounts outside, as handlers use them: the one place where a provider's error becomes what happens to a job.
//!
//! What a person must put right is written on the connection with its reason, and everything that needs the connection
//! waits: nothing dies of it, and nothing hammers a provider that has said no. The wait ends when the connection is
//! entered again or found to work, else one job looks again now and then.

pub(crate) mod connection_test;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_accounts as connections;
use herald_accounts::{Client, ClientError, Connection, ConnectionError, ConnectionState};
use herald_providers as providers;
use herald_providers::{Class, ProviderError, files::Bucket, google::Drive, mautic::Mautic};
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// How long an account waits when its provider asks for patience and does not say how long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries of a job before an account whose provider is away waits as a whole, so that no job runs out of tries.
const TRIES_WHILE_AWAY: i64 = 4;
/// How long it waits then before one looks again.
const AWAY: Duration = Duration::from_secs(30);
/// A provider that was away for so long, as far as one job goes, is not waited for any more.
const AWAY_AT_MOST: TimeDelta = TimeDelta::hours(24);
/// How long an account waits that needs a person, before one looks whether they have come.
const PERSON: Duration = Duration::from_secs(300);

/// An account and its client, for one attempt of a job.
pub(super) struct Used<T> {
    pub(super) workspace_id: Uuid,
    pub(super) connection: Connection,
    pub(super) client: T,
    attempt: i64,
    enqueued_at: DateTime<Utc>,
    has_key: bool,
}

impl Context {
    /// The Google Drive of a connection.
    pub(super) async fn drive<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Drive>, Failure> {
        self.used(task, id, |client| match client {
            Client::Drive(drive) => Some(drive),
            _ => None,
        })
        .await
    }

    /// The Mautic site of a connection.
    pub(super) async fn mautic<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Mautic>, Failure> {
        self.used(task, id, |client| match client {
            Client::Mautic(mautic) => Some(mautic),
            _ => None,
        })
        .await
    }

    /// The bucket of a connection.
    pub(super) async fn bucket<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Bucket>, Failure> {
        self.used(task, id, |client| match client {
            Client::Bucket(files) => Some(files),
            _ => None,
        })
        .await
    }

    async fn used<P, T>(
        &self,
        task: &Task<P>,
        id: Uuid,
        of: impl FnOnce(Client) -> Option<T>,
    ) -> Result<Used<T>, Failure> {
        let (connection, client) = match self.accounts.client(task.workspace_id, id).await {
            Ok(found) => found,
            Err(ClientError::Connection(ConnectionError::Missing)) => {
                return Err(Failure::Fail(
                    "its connection was removed: make it again, and start the run again".to_owned(),
                ));
            }
            Err(ClientError::Connection(error @ ConnectionError::Sealed { .. })) => {
                return Err(hold_up(task.has_key, error.to_string(), PERSON));
            }
            Err(ClientError::Settings { connection, why, .. }) => {
                connections::mark_broken(&self.db, task.workspace_id, &connection, &why).await?;
                return Err(hold_up(task.has_key, why, PERSON));
            }
            Err(error) => return Err(error.into()),
        };
        let name = connection.name.clone();
        let client =
            of(client).ok_or_else(|| Failure::Fail(format!("the connection {name:?} is one of another provider")))?;
        let workspace_id = task.workspace_id;
        Ok(Used {
            workspace_id,
            connection,
            client,
            attempt: task.attempt,
            enqueued_at: task.enqueued_at(),
            has_key: task.has_key,
        })
    }
}

impl<T> Used<T> {
    /// What becomes of the job after a call: an error is a [`Failure`] by its class; the account is marked as broken or
    /// as working again.
    pub(super) async fn settle<R>(&self, context: &Context, result: providers::Result<R>) -> Result<R, Failure> {
        match result {
            Ok(answer) => {
                if self.connection.state == ConnectionState::Broken
                    && connections::mark_ok(&context.db, self.workspace_id, &self.connection).await?
                {
                    tracing::info!(connection = %self.connection.name, "the connection works again");
                }
                Ok(answer)
            }
            Err(error) => Err(self.failed(context, error).await?),
        }
    }

    /// As [`Used::settle`] for an error.
    pub(super) async fn failed(&self, context: &Context, error: ProviderError) -> Result<Failure, Failure> {
        if error.needs_a_person() {
            let connection = &self.connection;
            if connections::mark_broken(&context.db, self.workspace_id, connection, &error.message).await? {
                tracing::error!(connection = %connection.name, %error, "a connection needs a person; its jobs wait");
            }
        }
        Ok(what_now(error, self.has_key, self.attempt, context.db.now() - self.enqueued_at))
    }
}

/// Everything that calls the account waits, without a try being lost. A job without a key of its own waits alone: it
/// would hold up all of its queue, whatever account and workspace they work for.
fn hold_up(has_key: bool, error: String, after: Duration) -> Failure {
    if has_key { Failure::Limited { error, after } } else { Failure::Retry { error, after: Some(after) } }
}

/// What happens to a job whose call failed so, at this try, so long after it was enqueued.
pub(super) fn what_now(error: ProviderError, has_key: bool, attempt: i64, waited: TimeDelta) -> Failure {
    let (text, asked) = (error.message, error.retry_after);
    match error.class {
        Class::Rate => hold_up(has_key, text, asked.unwrap_or(PATIENCE)),
        Class::Auth | Class::Config => hold_up(has_key, text, PERSON),
        Class::Down if attempt >= TRIES_WHILE_AWAY && waited < AWAY_AT_MOST => {
            hold_up(has_key, text, asked.unwrap_or(AWAY))
        }
        // Everything that Herald asks of these providers may be asked again: what is not known to be done is done again
        // to the same effect.
        Class::Down | Class::Transient | Class::Unknown => Failure::Retry { error: text, after: asked },
        Class::Recipient => Failure::Fail(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(class: Class, attempt: i64, waited: TimeDelta) -> Failure {
        what_now(ProviderError::new(class, "it is so"), true, attempt, waited)
    }

    #[test]
    fn only_what_concerns_one_guest_ends_a_guests_job() {
        for class in
            [Class::Rate, Class::Transient, Class::Down, Class::Auth, Class::Config, Class::Unknown, Class::Recipient]
        {
            let ends = matches!(after(class, 1, TimeDelta::zero()), Failure::Fail(_));
            assert_eq!(ends, class == Class::Recipient, "{class:?}");
        }
    }

    #[test]
    fn a_provider_that_is_away_costs_a_few_tries_and_then_everything_waits_for_it() {
        let minutes = TimeDelta::minutes(10);
        for attempt in 1..TRIES_WHILE_AWAY {
            assert!(matches!(after(Class::Down, attempt, minutes), Failure::Retry { after: None, .. }));
        }
        assert!(matches!(after(Class::Down, TRIES_WHILE_AWAY, minutes), Failure::Limited { after: AWAY, .. }));
        assert!(matches!(after(Class::Down, TRIES_WHILE_AWAY, AWAY_AT_MOST), Failure::Retry { .. }));
    }

    #[test]
    fn a_job_without_a_key_of_its_own_never_holds_up_its_queue() {
        for class in [Class::Rate, Class::Auth, Class::Config, Class::Down] {
            let error = ProviderError::new(class, "it is so");
            let failure = what_now(error, false, TRIES_WHILE_AWAY, TimeDelta::zero());
            assert!(matches!(failure, Failure::Retry { after: Some(_), .. }), "{class:?}");
        }
    }

    #[test]
    fn the_wait_that_a_provider_asks_for_is_kept() {
        let asked = Some(Duration::from_secs(7));
        let told = ProviderError::new(Class::Rate, "slower").after(asked);
        assert!(
            matches!(what_now(told, true, 1, TimeDelta::zero()), Failure::Limited { after, .. } if Some(after) == asked)
        );
        assert!(matches!(after(Class::Rate, 1, TimeDelta::zero()), Failure::Limited { after: PATIENCE, .. }));
    }
}

//! Outside accounts for the handlers. This is the only place that turns a provider's error into an outcome of a job.
//!
//! If a person must correct something, the connection records the reason, and all jobs that need it wait. So no job
//! dies of it, and Herald does not keep calling a provider that has refused. The wait ends when the connection is
//! entered again or a test of it succeeds. Otherwise one job tries again from time to time.

pub(crate) mod connection_test;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_accounts as connections;
use herald_accounts::{Client, ClientError, Connection, ConnectionError, ConnectionState};
use herald_providers as providers;
use herald_providers::{
    Class, ProviderError, email::Mailer, files::Bucket, google::Drive, mautic::Mautic, whatsapp::Whatsapp,
};
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// How long an account waits if its provider limits the rate and does not name a time.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of attempts of a job after which an unreachable account waits as a whole. So no job runs out of attempts.
const TRIES_WHILE_AWAY: i64 = 4;
/// How long an unreachable account waits before one job tries again.
const AWAY: Duration = Duration::from_secs(30);
/// The age of a job after which it no longer waits for an unreachable provider.
const AWAY_AT_MOST: TimeDelta = TimeDelta::hours(24);
/// How long an account that needs a person waits before one job tries again.
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
    /// Returns the Google Drive of a connection.
    pub(super) async fn drive<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Drive>, Failure> {
        self.used(task, id, |client| match client {
            Client::Drive(drive) => Some(drive),
            _ => None,
        })
        .await
    }

    /// Returns the Mautic site of a connection.
    pub(super) async fn mautic<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Mautic>, Failure> {
        self.used(task, id, |client| match client {
            Client::Mautic(mautic) => Some(mautic),
            _ => None,
        })
        .await
    }

    /// Returns the bucket of a connection.
    pub(super) async fn bucket<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Bucket>, Failure> {
        self.used(task, id, |client| match client {
            Client::Bucket(files) => Some(files),
            _ => None,
        })
        .await
    }

    /// Returns the mail server of a connection.
    pub(super) async fn mail_server<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Mailer>, Failure> {
        self.used(task, id, |client| match client {
            Client::Mail(mailer) => Some(mailer),
            _ => None,
        })
        .await
    }

    /// Returns the account of a connection that sends over WhatsApp.
    pub(super) async fn whatsapp<P>(&self, task: &Task<P>, id: Uuid) -> Result<Used<Whatsapp>, Failure> {
        self.used(task, id, |client| match client {
            Client::Whatsapp(whatsapp) => Some(whatsapp),
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
    /// Turns the result of a call into an outcome for the job. An error becomes a [`Failure`] by its class, and the
    /// account is marked as broken, or as working again.
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

    /// Does the same as [`Used::settle`] for an error.
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

/// Makes all jobs that call the account wait, without counting the attempt. A job without a key waits alone, because it
/// would otherwise hold up its whole queue, with jobs of other accounts and workspaces.
fn hold_up(has_key: bool, error: String, after: Duration) -> Failure {
    if has_key { Failure::Limited { error, after } } else { Failure::Retry { error, after: Some(after) } }
}

/// Chooses the outcome of a job after a failed call, by the number of its attempt and by its age.
pub(super) fn what_now(error: ProviderError, has_key: bool, attempt: i64, waited: TimeDelta) -> Failure {
    let (text, asked) = (error.message, error.retry_after);
    match error.class {
        Class::Rate => hold_up(has_key, text, asked.unwrap_or(PATIENCE)),
        Class::Auth | Class::Config => hold_up(has_key, text, PERSON),
        Class::Down if attempt >= TRIES_WHILE_AWAY && waited < AWAY_AT_MOST => {
            hold_up(has_key, text, asked.unwrap_or(AWAY))
        }
        // All calls of these providers are safe to repeat: a repeated call has the same effect as the first one.
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

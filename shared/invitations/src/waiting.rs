//! Why a run does not go on by itself.

use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::{Run, run_options::RunSource};
use herald_accounts as connections;
use herald_accounts::{Account, ConnectionError, ConnectionState};
use herald_db::Db;
use herald_ledger as ledger;

/// A reason for which a run waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Wait {
    /// What the run waits for, and what to do about it.
    pub reason: String,
    /// Whether a person has to act: the reason does not pass by itself.
    pub needs_a_person: bool,
}

/// The reasons for which an unfinished run waits: an account that needs a person, or a provider that asked for
/// patience.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn waits_for(db: &Db, workspace_id: Uuid, run: &Run) -> Result<Vec<Wait>, ConnectionError> {
    let source = match &run.source.0 {
        RunSource::Mautic(source) => Some(source.account()),
        RunSource::Csv { .. } | RunSource::Contacts { .. } | RunSource::Segment { .. } => None,
    };
    let accounts: Vec<Account> = source.into_iter().chain(run.options.0.destination.account()).collect();
    let mut reasons = Vec::new();
    for account in accounts {
        match connections::find_connection(db, workspace_id, account.connection_id).await? {
            None => {
                let reason = "its connection was removed: make it again, and start the run again".to_owned();
                reasons.push(Wait { reason, needs_a_person: true });
            }
            Some(connection) if connection.state == ConnectionState::Broken => {
                let reason = connection.reason.unwrap_or_default();
                let reason = format!("the connection {:?} needs a person: {reason}", connection.name);
                reasons.push(Wait { reason, needs_a_person: true });
            }
            Some(_) => reasons.extend(patience(db, account).await?),
        }
    }
    Ok(reasons)
}

async fn patience(db: &Db, account: Account) -> Result<Option<Wait>, ConnectionError> {
    let key = account.limit_key();
    let keys = ledger::queue_keys(db, account.provider.queue()).await?;
    let waiting = keys.into_iter().find(|row| row.limit_key == key).filter(|row| row.blocked_until > Some(db.now()));
    Ok(waiting.map(|row| {
        let until = row.blocked_until.map(|until| until.format("%H:%M:%S UTC").to_string()).unwrap_or_default();
        let reason = format!("until {until}: {}", row.blocked_reason.unwrap_or_default());
        Wait { reason, needs_a_person: false }
    }))
}

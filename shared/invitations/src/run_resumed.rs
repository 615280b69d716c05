//! What is said to a person who starts a run that is in progress already.

use herald_base::boxed;
use herald_contacts::{ContactError, SnapshotUse, snapshot_of};
use uuid::Uuid;

use super::{Run, RunSource};
use herald_db::Db;

/// Which run goes on in the place of a new one, as the rest of a sentence that begins with the subject. Of a segment it
/// says that it takes the people of then: whoever asks again may mean those of now.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn goes_on_with(db: &Db, workspace_id: Uuid, run: &Run) -> Result<String, ContactError> {
    let of_when = format!("the run of {}", run.created_at.format("%F %H:%M UTC"));
    if run.has_ended() {
        return Ok(format!("is {of_when}, which has ended"));
    }
    let RunSource::Segment { name, .. } = &run.source.0 else {
        return Ok(format!("goes on with {of_when}: cancel that run first to start another one"));
    };
    let Some(taken) = snapshot_of(db, workspace_id, (SnapshotUse::Run, run.id)).await? else {
        return Ok(format!("goes on with {of_when}, which takes those who belong to {name:?} when it begins to read"));
    };
    let who = match taken.contacts {
        1 => "the one contact who".to_owned(),
        contacts => format!("the {contacts} contacts who"),
    };
    Ok(format!(
        "goes on with {of_when}, for {who} belonged to {:?} then: cancel that run first to invite those who belong to \
         it now",
        taken.name
    ))
}

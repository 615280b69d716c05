//! What a member or a key made that still opens something: listed, and ended with its maker.

use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, Result, SeenKey, WorkspaceInvitation, invitation, key};
use herald_db::{FromRow, Target, Tx, query};

/// Of each kind, listed at most.
const MOST: usize = 500;

/// A schedule of a member.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct MadeSchedule {
    /// The id of the schedule.
    pub id: Uuid,
    /// The name of the schedule.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    #[serde(skip)]
    made_by: String,
}

/// The keys, links and schedules of a member that still work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Made {
    /// The API keys, the newest first.
    pub keys: Vec<SeenKey>,
    /// The invitation links, the newest first.
    pub invitations: Vec<WorkspaceInvitation>,
    /// The schedules that are not paused, the newest first.
    pub schedules: Vec<MadeSchedule>,
}

/// The numbers of things that ended with their maker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ended {
    /// The number of API keys.
    pub keys: u64,
    /// The number of invitation links.
    pub invitations: u64,
    /// The number of schedules. Each pauses before its next job, until another member takes it over.
    pub schedules: u64,
}

/// The maker whose things end.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// A person, with everything that their keys made.
    Person(Uuid),
    /// A key, with everything that was made with it, and with that.
    Key(Uuid),
}

const OF_PERSON: &str = "maker_id = $2";
const OF_KEY: &str = "(maker_key_id = $2 or maker_key_id in (select id from descent))";
const DESCENT: &str = "with recursive descent (id) as (
    select k.id from api_tokens as k where k.workspace_id = $1 and k.maker_key_id = $2
    union select k.id from api_tokens as k join descent on k.maker_key_id = descent.id where k.workspace_id = $1)";

/// The schedules that run in a maker's name, or in that of one of these keys.
async fn schedules(on: impl Into<Target<'_>>, workspace_id: Uuid, makers: &[String]) -> Result<Vec<MadeSchedule>> {
    let running = query(
        "select id, name, kind, made_by from schedules
         where workspace_id = $1 and paused = false and made_by is not null order by id desc",
    );
    let mut found: Vec<MadeSchedule> = running.bind(workspace_id).all(on).await?;
    // A key's name stands behind its id.
    found.retain(|schedule| {
        schedule.made_by.split(' ').next().is_some_and(|who| makers.iter().any(|maker| maker == who))
    });
    Ok(found)
}

/// The maker, and the keys behind which the maker stands, as the audit log names them.
async fn names(tx: &mut Tx, workspace_id: Uuid, by: By) -> Result<Vec<String>> {
    let (sql, maker, own) = match by {
        By::Person(id) => {
            let keys = "select id from api_tokens where workspace_id = $1 and maker_id = $2".to_owned();
            (keys, id, format!("user:{id}"))
        }
        By::Key(id) => (format!("{DESCENT} select id from descent"), id, format!("key:{id}")),
    };
    let keys: Vec<(Uuid,)> = query(&sql).bind(workspace_id).bind(maker).all(tx).await?;
    Ok(keys.into_iter().map(|(id,)| format!("key:{id}")).chain([own]).collect())
}

/// Ends for good the keys and links that still open something. A person who becomes a member again makes new ones.
pub(super) async fn end(tx: &mut Tx, workspace_id: Uuid, by: By) -> Result<Ended> {
    let (with, of, maker) = match by {
        By::Person(id) => ("", OF_PERSON, id),
        By::Key(id) => (DESCENT, OF_KEY, id),
    };
    let now = tx.db().now();
    let makers = names(tx, workspace_id, by).await?;
    let scheduled = schedules(&mut *tx, workspace_id, &makers).await?.len();
    let mut ended = [0; 2];
    let tables = [
        ("api_tokens", "(expires_at is null or expires_at > $3)"),
        ("workspace_invitations", "expires_at > $3 and uses < max_uses"),
    ];
    for (count, (table, open)) in ended.iter_mut().zip(tables) {
        let sql = format!(
            "{with} update {table} set revoked_at = $3 where workspace_id = $1 and revoked_at is null and {open} \
             and {of}"
        );
        *count = query(&sql).bind(workspace_id).bind(maker).bind(now).execute(&mut *tx).await?;
    }
    let [keys, invitations] = ended;
    Ok(Ended { keys, invitations, schedules: scheduled as u64 })
}

impl People {
    /// What a member made that still opens something.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn made_by(&self, workspace_id: Uuid, user_id: Uuid) -> Result<Made> {
        let of = ("t.maker_id = $2 and t.revoked_at is null", user_id);
        let mut keys = key::listed(&self.db, workspace_id, of, MOST).await?;
        keys.retain(|key| key.effective_role.is_some());
        let mut invitations = invitation::listed(&self.db, workspace_id, of, MOST).await?;
        invitations.retain(|invitation| invitation.effective_role.is_some());
        let mut tx = self.db.begin().await?;
        let makers = names(&mut tx, workspace_id, By::Person(user_id)).await?;
        let mut schedules = schedules(&mut tx, workspace_id, &makers).await?;
        schedules.truncate(MOST);
        Ok(Made { keys, invitations, schedules })
    }
}

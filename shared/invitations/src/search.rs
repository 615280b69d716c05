//! Finding guests, runs and templates by a few words.
//!
//! Guests are found among millions, so only by what an index leads to: the beginning of the name or of its last word,
//! the whole e-mail address, the whole lucky number, the id elsewhere. Events, runs and templates are few, so that any
//! part of their name does.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{InvitationState, RunState};
use herald_db::{Db, EngineKind, FromRow, Result, contains, query};
use herald_sheets::{email_key, find_key};

/// Behind every text that begins with another: the last character there is.
const LAST: char = '\u{10ffff}';
/// From a guest to the invitations, and from an event's number to the guest. SQLite keeps the order of a `cross join`,
/// so that it begins where the index is.
const FROM_GUEST: &str = "contacts as c cross join invitations as i cross join events as e";
const FROM_EVENT: &str = "events as e cross join invitations as i cross join contacts as c";
/// Versions of templates that are looked through for different names.
const VERSIONS: i64 = 500;

/// A guest's invitation.
#[derive(Clone, Debug, FromRow)]
pub struct FoundGuest {
    /// The invitation.
    pub id: Uuid,
    /// The run that makes it.
    pub run_id: Uuid,
    /// The guest's name.
    pub name: String,
    /// The guest's e-mail address.
    pub email: Option<String>,
    /// The guest's lucky number.
    pub lucky_number: String,
    /// The name of the event.
    pub event: String,
    /// The state of the invitation.
    #[sqlx(try_from = "String")]
    pub state: InvitationState,
}

/// A run.
#[derive(Clone, Debug, FromRow)]
pub struct FoundRun {
    /// The run.
    pub id: Uuid,
    /// The name of its event.
    pub event: String,
    /// The name of its template.
    pub template: String,
    /// The state of the run.
    #[sqlx(try_from = "String")]
    pub state: RunState,
    /// When it was started.
    pub created_at: DateTime<Utc>,
}

/// The newest version of a template.
#[derive(Clone, Debug, FromRow)]
pub struct FoundTemplate {
    /// The version.
    pub id: Uuid,
    /// The name of the template.
    pub name: String,
}

/// The guests of a workspace whom `words` fit, at most `limit`. Addresses count only `with_addresses`.
#[boxed]
pub async fn search_guests(
    db: &Db,
    workspace_id: Uuid,
    words: &str,
    with_addresses: bool,
    limit: usize,
) -> Result<Vec<FoundGuest>> {
    let mut found: Vec<FoundGuest> = Vec::new();
    let begins = find_key(words);
    let by_bytes = if db.kind() == EngineKind::Postgres { " collate \"C\"" } else { "" };
    for column in ["find_key", "find_last"].into_iter().filter(|_| !begins.is_empty()) {
        // The last character stands behind whatever follows. The index is only used where the column is not null.
        let condition = format!(
            "c.{column} is not null and c.{column}{by_bytes} >= $2 and c.{column}{by_bytes} < $3 \
             order by c.{column}{by_bytes}"
        );
        found.extend(
            guests(db, workspace_id, (FROM_GUEST, &condition), (&begins, &format!("{begins}{LAST}")), limit).await?,
        );
    }
    let whole = words.trim();
    if with_addresses {
        found.extend(
            guests(db, workspace_id, (FROM_GUEST, "c.email = $2 and $3 = ''"), (&email_key(whole), ""), limit).await?,
        );
        found.extend(
            guests(db, workspace_id, (FROM_GUEST, "c.external_id = $2 and $3 = ''"), (whole, ""), limit).await?,
        );
    }
    // The number is looked up in each event, of which there are few.
    found.extend(guests(db, workspace_id, (FROM_EVENT, "i.lucky_number = $2 and $3 = ''"), (whole, ""), limit).await?);
    let mut seen = HashSet::new();
    found.retain(|guest| seen.insert(guest.id));
    found.truncate(limit);
    if !with_addresses {
        found.iter_mut().for_each(|guest| guest.email = None);
    }
    Ok(found)
}

/// The guests for whom `condition` holds; it names the parameters `$2` and `$3`.
async fn guests(
    db: &Db,
    workspace_id: Uuid,
    (tables, condition): (&str, &str),
    (from, to): (&str, &str),
    limit: usize,
) -> Result<Vec<FoundGuest>> {
    query(&format!(
        "select i.id, i.run_id, c.name, c.email, i.lucky_number, e.name as event, i.state from {tables}
         where c.workspace_id = $1 and i.workspace_id = $1 and e.workspace_id = $1
           and i.contact_id = c.id and i.event_id = e.id and {condition} limit $4"
    ))
    .bind(workspace_id)
    .bind(from)
    .bind(to)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    // Its plan depends on the values.
    .once()
    .all(db)
    .await
}

/// The runs whose event or template has `words` in its name, the newest first.
#[boxed]
pub async fn search_runs(db: &Db, workspace_id: Uuid, words: &str, limit: usize) -> Result<Vec<FoundRun>> {
    query(
        "select r.id, e.name as event, t.name as template, r.state, r.created_at from invitation_runs as r
         join events as e on e.workspace_id = r.workspace_id and e.id = r.event_id
         join templates as t on t.workspace_id = r.workspace_id and t.id = r.template_id
         where r.workspace_id = $1 and (lower(e.name) like $2 escape '\\' or e.name_key like $2 escape '\\'
                                        or lower(t.name) like $2 escape '\\')
         order by r.id desc limit $3",
    )
    .bind(workspace_id)
    .bind(contains(&words.to_lowercase()))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// The templates with `words` in their name: of each the newest version, the newest first.
#[boxed]
pub async fn search_templates(db: &Db, workspace_id: Uuid, words: &str, limit: usize) -> Result<Vec<FoundTemplate>> {
    let mut found: Vec<FoundTemplate> = query(
        "select id, name from templates where workspace_id = $1 and lower(name) like $2 escape '\\'
         order by id desc limit $3",
    )
    .bind(workspace_id)
    .bind(contains(&words.to_lowercase()))
    .bind(VERSIONS)
    .all(db)
    .await?;
    let mut seen = HashSet::new();
    found.retain(|template| seen.insert(template.name.clone()));
    found.truncate(limit);
    Ok(found)
}

//! Snapshots: who belonged to a segment when something was sent. A run goes through its snapshot, whoever joins or
//! leaves the segment meanwhile.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Result, Rule, as_json, find_segment, whole_rule, wrong};
use crate::{Contact, ContactError, ContactFilter, contact::contact_row, find::Statement};
use herald_db::{Db, EngineKind, FromRow, Json, Tx, query};

herald_base::text_enum! {
    /// What a snapshot was taken for.
    pub enum SnapshotUse, "no snapshot is taken for {:?}" {
        /// A run of invitations.
        Run "run",
    }
}

/// Who belonged to a segment at one moment. It is kept as long as what used it; its members go some time after the end
/// of that.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Snapshot {
    /// Its id.
    pub id: Uuid,
    /// The segment.
    pub segment_id: Uuid,
    /// The name that the segment had.
    pub name: String,
    /// The rule that the segment had.
    #[schema(value_type = Rule)]
    pub rule: Json<Rule>,
    /// What it was taken for.
    #[sqlx(try_from = "String")]
    pub used_for: SnapshotUse,
    /// The id of that, such as of a run.
    pub used_by: Uuid,
    /// The number of contacts who belonged to the segment.
    pub contacts: i64,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// Since when it only tells how many they were: what used it ended long before.
    pub members_gone_at: Option<DateTime<Utc>>,
}

/// Somebody of a snapshot, as they are now.
#[derive(Clone, Debug, FromRow)]
pub struct SnapshotMember {
    /// The contact of the snapshot.
    pub member_id: Uuid,
    /// Their place in it, counted from 1.
    pub position: i64,
    /// The contact that is this person now: the survivor, if they were merged. None: there is no such contact any more.
    pub contact_id: Option<Uuid>,
    /// The name.
    pub name: Option<String>,
    /// Where the picture is.
    pub picture: Option<String>,
    /// Since when the contact lies in the trash.
    pub trashed_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str =
    "s.id, s.segment_id, s.name, s.rule, s.used_for, s.used_by, s.contacts, s.taken_at, s.members_gone_at";

/// Takes the snapshot of a segment for a use, all of it or nothing. The snapshot that the use has already is returned
/// as it is: so it is taken once, however often this is asked.
///
/// # Errors
/// [`ContactError::Field`] if the segment is gone, or cannot be asked.
#[boxed]
pub async fn take_snapshot(
    db: &Db,
    workspace_id: Uuid,
    segment_id: Uuid,
    (used_for, used_by): (SnapshotUse, Uuid),
) -> Result<Snapshot> {
    if let Some(taken) = snapshot_of(db, workspace_id, (used_for, used_by)).await? {
        return Ok(taken);
    }
    let Some(segment) = find_segment(db, workspace_id, segment_id).await? else {
        return Err(wrong(format!("there is no segment {segment_id} in this workspace any more")));
    };
    let rule = whole_rule(db, workspace_id, &segment.rule.0).await?;
    let mut tx = db.begin().await?;
    let (id, now) = (tx.db().new_id(), tx.db().now());
    let is_first = query(
        "insert into segment_snapshots (id, workspace_id, segment_id, name, rule, used_for, used_by, contacts, taken_at)
         values ($1, $2, $3, $4, $5, $6, $7, 0, $8) on conflict (workspace_id, used_for, used_by) do nothing",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(segment_id)
    .bind(segment.name.as_str())
    .bind(as_json(&segment.rule.0))
    .bind(used_for.as_str())
    .bind(used_by)
    .bind(now)
    .execute(&mut tx)
    .await?;
    if is_first == 0 {
        drop(tx);
        let taken = snapshot_of(db, workspace_id, (used_for, used_by)).await?;
        return taken.ok_or_else(|| ContactError::WrongState("its snapshot is just being taken".to_owned()));
    }
    // One statement sees one state of the database, so nobody is in it half.
    let mut statement = Statement::default();
    let workspace = statement.bind(workspace_id);
    let snapshot = statement.bind(id);
    ContactFilter { rule: Some(rule), ..ContactFilter::default() }.add_to(&mut statement, &workspace, db);
    // SQLite goes through the contacts by id, and sorts nothing.
    let (contacts, column) = match db.kind() {
        EngineKind::Postgres => ("join contacts as c on c.workspace_id = s.workspace_id", "c.workspace_id"),
        EngineKind::Sqlite => ("cross join contacts as c", "+c.workspace_id"),
    };
    let sql = format!(
        "insert into segment_snapshot_contacts (workspace_id, snapshot_id, contact_id, position)
         select c.workspace_id, s.id, c.id, row_number() over (order by c.id)
         from segment_snapshots as s {contacts}
         where s.workspace_id = {workspace} and s.id = {snapshot} and {column} = {workspace}{} order by c.id",
        statement.sql
    );
    let contacts = statement.query(&sql).execute(&mut tx).await?;
    query("update segment_snapshots set contacts = $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .bind(i64::try_from(contacts).unwrap_or(i64::MAX))
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    let taken = find_snapshot(db, workspace_id, id).await?;
    taken.ok_or_else(|| ContactError::WrongState("its snapshot is gone".to_owned()))
}

/// The snapshot that was taken for a use.
#[boxed]
pub async fn snapshot_of(
    db: &Db,
    workspace_id: Uuid,
    (used_for, used_by): (SnapshotUse, Uuid),
) -> Result<Option<Snapshot>> {
    let sql = format!(
        "select {COLUMNS} from segment_snapshots as s where s.workspace_id = $1 and s.used_for = $2 and s.used_by = $3"
    );
    Ok(query(&sql).bind(workspace_id).bind(used_for.as_str()).bind(used_by).optional(db).await?)
}

/// A snapshot of a workspace.
#[boxed]
pub async fn find_snapshot(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Snapshot>> {
    let sql = format!("select {COLUMNS} from segment_snapshots as s where s.workspace_id = $1 and s.id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// The snapshots of a segment, the newest first, at most `limit`, of those from before `before`.
#[boxed]
pub async fn list_snapshots(
    db: &Db,
    workspace_id: Uuid,
    segment_id: Uuid,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Snapshot>> {
    let sql = format!(
        "select {COLUMNS} from segment_snapshots as s
         where s.workspace_id = $1 and s.segment_id = $2 and ($3 is null or s.id < $3) order by s.id desc limit $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(query(&sql).bind(workspace_id).bind(segment_id).bind(before).bind(limit).all(db).await?)
}

/// The next of a snapshot behind a position, at most `limit`. `after` is the last one who was read, or nil: it spares
/// the way from the beginning.
#[boxed]
pub async fn snapshot_members(
    db: &Db,
    workspace_id: Uuid,
    snapshot_id: Uuid,
    (position, after): (i64, Uuid),
    limit: usize,
) -> Result<Vec<SnapshotMember>> {
    let members = query(
        "select m.contact_id as member_id, m.position, now.id as contact_id, now.name, now.picture, now.trashed_at
         from segment_snapshot_contacts as m
         left join contacts as c on c.workspace_id = m.workspace_id and c.id = m.contact_id
         left join contacts as now on now.workspace_id = m.workspace_id and now.id = coalesce(c.merged_into, c.id)
         where m.workspace_id = $1 and m.snapshot_id = $2 and m.contact_id > $3 and m.position > $4
         order by m.contact_id limit $5",
    )
    .bind(workspace_id)
    .bind(snapshot_id)
    .bind(after)
    .bind(position)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?;
    Ok(members)
}

/// The first contacts of a segment in the order in which a snapshot has them, at most `limit`.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn first_members(db: &Db, workspace_id: Uuid, rule: &Rule, limit: usize) -> Result<Vec<Contact>> {
    let rule = Some(whole_rule(db, workspace_id, rule).await?);
    let mut statement = Statement::default();
    let workspace = statement.bind(workspace_id);
    ContactFilter { rule, ..ContactFilter::default() }.add_to(&mut statement, &workspace, db);
    let limit = statement.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = format!(
        "select {} from contacts as c where c.workspace_id = {workspace}{} order by c.id limit {limit}",
        contact_row!(),
        statement.sql
    );
    Ok(statement.query(&sql).all(db).await?)
}

/// Removes the snapshots of uses that are no more.
#[boxed]
pub async fn forget_snapshots(
    tx: &mut Tx,
    workspace_id: Uuid,
    used_for: SnapshotUse,
    used_by: Vec<Uuid>,
) -> herald_db::Result<()> {
    for used_by in used_by {
        for sql in [
            "delete from segment_snapshot_contacts where workspace_id = $1 and snapshot_id in
               (select s.id from segment_snapshots as s
                where s.workspace_id = $1 and s.used_for = $2 and s.used_by = $3)",
            "delete from segment_snapshots where workspace_id = $1 and used_for = $2 and used_by = $3",
        ] {
            let statement = query(sql).bind(workspace_id).bind(used_for.as_str()).bind(used_by);
            statement.execute(&mut *tx).await?;
        }
    }
    Ok(())
}

/// Removes at most `most` members of a snapshot, and says from the first step on that they are gone. To be called until
/// it returns zero, which it does for a snapshot without members at once. Callers may do so at the same time.
#[boxed]
pub async fn thin_snapshot(db: &Db, workspace_id: Uuid, id: Uuid, most: usize) -> Result<u64> {
    let mut tx = db.begin().await?;
    // The row is locked first, so that two callers take turns.
    let sql = "update segment_snapshots set members_gone_at = coalesce(members_gone_at, $3)
               where workspace_id = $1 and id = $2 and has_members";
    let now = tx.db().now();
    query(sql).bind(workspace_id).bind(id).bind(now).execute(&mut tx).await?;
    let removed = query(
        "delete from segment_snapshot_contacts where workspace_id = $1 and snapshot_id = $2 and contact_id in
           (select m.contact_id from segment_snapshot_contacts as m
            where m.workspace_id = $1 and m.snapshot_id = $2 order by m.contact_id limit $3)",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .execute(&mut tx)
    .await?;
    if removed == 0 {
        let sql = "update segment_snapshots set has_members = false where workspace_id = $1 and id = $2";
        query(sql).bind(workspace_id).bind(id).execute(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// Where somebody is in a snapshot.
#[derive(Clone, Debug, FromRow, Serialize)]
pub(crate) struct InSnapshot {
    snapshot_id: Uuid,
    segment: String,
    used_for: String,
    used_by: Uuid,
    taken_at: DateTime<Utc>,
}

/// The snapshots that have a contact.
pub(crate) async fn snapshots_with(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
) -> herald_db::Result<Vec<InSnapshot>> {
    query(
        "select s.id as snapshot_id, s.name as segment, s.used_for, s.used_by, s.taken_at from segment_snapshots as s
         join segment_snapshot_contacts as m
           on m.workspace_id = s.workspace_id and m.snapshot_id = s.id and m.contact_id = $2
         where s.workspace_id = $1 order by s.id",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .all(tx)
    .await
}

/// Takes an erased person out of all snapshots. The index has the snapshot before the contact, so they are gone
/// through.
pub(crate) async fn forget_in_snapshots(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<()> {
    query(
        "delete from segment_snapshot_contacts where workspace_id = $1 and contact_id = $2 and snapshot_id in
           (select s.id from segment_snapshots as s where s.workspace_id = $1)",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .execute(tx)
    .await?;
    Ok(())
}

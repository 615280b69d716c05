//! Erases a person, and keeps the proof that it was done: counts, and hashes by which the person is recognised.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_providers::files::Key;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Channel, Contact, ContactError, Held, Holder, Whom, person, read};
use crate::{enqueue, jobs::ContactErase};
use herald_db::{Bulk, Db, FromRow, Json, Tx, query, query_texts};
use herald_ledger::{
    Payload as _,
    audit::{self, Actor, Entry},
};

type Result<T> = std::result::Result<T, ContactError>;

/// The label of the hashes by which erased people are recognised.
const LABEL: &str = "erased address";

/// A person who was erased.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Erasure {
    /// Its id.
    pub id: Uuid,
    /// The id that the contact had.
    pub contact_id: Uuid,
    /// The number of records of each sort that went.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub records: Json<BTreeMap<String, i64>>,
    /// The files that are still to go.
    #[serde(skip)]
    #[schema(ignore)]
    pub files: Json<Vec<String>>,
    /// Who did it.
    pub who: String,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// When the person's files were gone, too.
    pub done_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, contact_id, records, files, who, at, done_at";

/// Erases a contact and all that the holders have about it. `seen`: the number of records that the caller was shown.
/// Also returns what the erasure does not reach. `None`: there is no such contact.
///
/// # Errors
/// [`ContactError::WrongState`] if there are more records or fewer than the caller saw, if something is being made for
/// the person at this moment, or if the contact was merged into another one.
#[boxed]
pub async fn erase_contact(
    db: &Db,
    actor: &Actor,
    holders: &[Holder],
    (id, seen): (Uuid, usize),
) -> Result<Option<(Erasure, Vec<String>)>> {
    let mut tx = db.begin().await?;
    let Some(person) = person(&mut tx, actor.workspace_id, id).await? else { return Ok(None) };
    let held = read(&mut tx, holders, &person).await?;
    if held.total() != seen {
        let detail = format!(
            "there are {} records about the contact, not {seen}: look again at what would go, and send that number",
            held.total()
        );
        return Err(ContactError::WrongState(detail));
    }
    let mut files = Vec::new();
    for holder in holders {
        for whom in &person {
            files.extend((holder.erase)(&mut tx, whom).await?);
        }
    }
    for whom in &person {
        remember(&mut tx, whom).await?;
    }
    let erasure = write(&mut tx, actor, id, &held, files).await?;
    enqueue(&mut tx, vec![ContactErase { erasure_id: erasure.id }.job(actor.workspace_id)]).await?;
    let entry = Entry::of("contact.erase", id).affecting(seen).with(serde_json::json!({ "records": held.counts() }));
    audit::record(&mut tx, actor, entry).await?;
    tx.commit().await?;
    Ok(Some((erasure, held.elsewhere)))
}

async fn write(tx: &mut Tx, actor: &Actor, contact_id: Uuid, held: &Held, files: Vec<Key>) -> Result<Erasure> {
    let (id, at) = (tx.db().new_id(), tx.db().now());
    let mut files: Vec<String> = files.into_iter().map(String::from).collect();
    files.sort_unstable();
    files.dedup();
    let records = held.counts().into_iter().map(|(sort, count)| (sort, i64::try_from(count).unwrap_or(i64::MAX)));
    let records: BTreeMap<String, i64> = records.collect();
    query(
        "insert into erasures (id, workspace_id, contact_id, records, files, who, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(contact_id)
    .bind(serde_json::json!(records))
    .bind(serde_json::json!(files))
    .bind(actor.who.as_str())
    .bind(at)
    .execute(tx)
    .await?;
    let who = actor.who.clone();
    Ok(Erasure { id, contact_id, records: Json(records), files: Json(files), who, at, done_at: None })
}

/// A number is the same number, whatever it is used for.
fn used_as(kind: Channel) -> &'static str {
    match kind {
        Channel::Email => "email",
        Channel::Phone | Channel::Whatsapp => "phone",
    }
}

/// The hashes of a contact's addresses, under the current key and older ones. Empty if the installation has no key.
fn hashes(db: &Db, workspace_id: Uuid, contact: &Contact, further: &[(Channel, String)]) -> Vec<String> {
    let addresses = [("email", &contact.email), ("phone", &contact.phone)];
    let known = addresses.into_iter().filter_map(|(kind, address)| Some((kind, address.as_deref()?)));
    let further = further.iter().map(|(kind, address)| (used_as(*kind), address.as_str()));
    hashes_of(db, workspace_id, known.chain(further).collect())
}

/// The hashes of addresses, each with `email` or `phone`.
fn hashes_of(db: &Db, workspace_id: Uuid, addresses: BTreeSet<(&str, &str)>) -> Vec<String> {
    let Some(sealer) = db.sealer() else { return Vec::new() };
    let parts =
        addresses.into_iter().map(|(kind, address)| [workspace_id.as_bytes(), kind.as_bytes(), address.as_bytes()]);
    parts.flat_map(|parts| sealer.seals(LABEL, &parts)).collect()
}

/// Notes by what the person is recognised if they come back.
async fn remember(tx: &mut Tx, whom: &Whom) -> Result<()> {
    let Whom { workspace_id, contact, addresses } = whom;
    let (now, hashes) = (tx.db().now(), hashes(tx.db(), *workspace_id, contact, addresses));
    Bulk::new(
        "insert into erased_addresses (workspace_id, hash, at) select workspace_id, hash, at from {rows} where true
         on conflict (workspace_id, hash) do update set at = excluded.at",
    )
    .column("workspace_id", hashes.iter().map(|_| *workspace_id).collect())
    .column("at", hashes.iter().map(|_| now).collect())
    .column("hash", hashes.into_iter().collect())
    .execute(tx)
    .await?;
    Ok(())
}

/// When somebody with one of these addresses was erased, if one was: the latest time.
pub(crate) async fn address_erased_before(
    tx: &mut Tx,
    workspace_id: Uuid,
    addresses: &[(Channel, &str)],
) -> herald_db::Result<Option<DateTime<Utc>>> {
    let addresses = addresses.iter().map(|(kind, address)| (used_as(*kind), *address)).collect();
    let hashes = hashes_of(tx.db(), workspace_id, addresses);
    if hashes.is_empty() {
        return Ok(None);
    }
    Ok(known(tx, workspace_id, hashes).await?.into_values().max())
}

/// When the people with these hashes were erased, by the hash; nothing for the others.
async fn known(
    tx: &mut Tx,
    workspace_id: Uuid,
    hashes: Vec<String>,
) -> herald_db::Result<HashMap<String, DateTime<Utc>>> {
    let found: Vec<(String, DateTime<Utc>)> = query_texts(
        tx.engine(),
        "select e.hash, e.at from {texts} cross join erased_addresses as e
         where e.workspace_id = $2 and e.hash = rows.value",
        hashes,
    )
    .bind(workspace_id)
    .all(tx)
    .await?;
    Ok(found.into_iter().collect())
}

/// When somebody with an address of these contacts was erased, by the contact; nothing for the others.
pub(crate) async fn erased_before(
    tx: &mut Tx,
    workspace_id: Uuid,
    contacts: &[&Contact],
) -> herald_db::Result<HashMap<Uuid, DateTime<Utc>>> {
    // Most workspaces never erased anybody, and a list may have a million people.
    let any: Option<(DateTime<Utc>,)> = query("select at from erased_addresses where workspace_id = $1 limit 1")
        .bind(workspace_id)
        .optional(&mut *tx)
        .await?;
    if any.is_none() {
        return Ok(HashMap::new());
    }
    let owned: Vec<(String, Uuid)> = contacts
        .iter()
        .flat_map(|contact| hashes(tx.db(), workspace_id, contact, &[]).into_iter().map(|hash| (hash, contact.id)))
        .collect();
    let found = known(tx, workspace_id, owned.iter().map(|(hash, _)| hash.clone()).collect()).await?;
    let mut erased: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    for (hash, id) in owned {
        if let Some(at) = found.get(&hash) {
            erased.entry(id).and_modify(|known| *known = (*known).max(*at)).or_insert(*at);
        }
    }
    Ok(erased)
}

/// An erasure of a workspace.
#[boxed]
pub async fn find_erasure(db: &Db, workspace_id: Uuid, id: Uuid) -> herald_db::Result<Option<Erasure>> {
    let sql = format!("select {COLUMNS} from erasures where workspace_id = $1 and id = $2");
    query(&sql).bind(workspace_id).bind(id).optional(db).await
}

/// The erasures of a workspace, the newest first, at most `limit`, from before the erasure `before`.
#[boxed]
pub async fn list_erasures(
    db: &Db,
    workspace_id: Uuid,
    before: Option<Uuid>,
    limit: usize,
) -> herald_db::Result<Vec<Erasure>> {
    let sql = format!(
        "select {COLUMNS} from erasures where workspace_id = $1 and ($2 is null or id < $2) order by id desc limit $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query(&sql).bind(workspace_id).bind(before).bind(limit).all(db).await
}

/// Notes that the files are gone, and forgets their keys.
#[boxed]
pub async fn erasure_done(db: &Db, workspace_id: Uuid, id: Uuid) -> herald_db::Result<()> {
    let now = db.now();
    let mut tx = db.begin().await?;
    query("update erasures set files = $3, done_at = coalesce(done_at, $4) where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .bind(serde_json::json!([]))
        .bind(now)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

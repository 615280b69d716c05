//! Takes an import back, chunk by chunk from the last to the first.
//!
//! A contact that the import made goes, unless somebody worked with it since. A contact that it changed gets its old
//! values, but for those that somebody has changed again.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Contact, contact::contacts_of, known_contacts, tag, upsert};
use herald_db::{Bulk, Db, FromRow, Json, Result, Tx, query};

/// What a chunk did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Images {
    /// The contacts that it made.
    #[serde(default, rename = "n", skip_serializing_if = "Vec::is_empty")]
    pub(super) made: Vec<Uuid>,
    /// What it changed, in the order of the rows.
    #[serde(default, rename = "c", skip_serializing_if = "Vec::is_empty")]
    pub(super) changed: Vec<Changed>,
}

/// What a row changed about a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changed {
    #[serde(rename = "i")]
    pub(super) id: Uuid,
    /// When the contact had last changed before.
    #[serde(rename = "u")]
    updated_at: DateTime<Utc>,
    /// By field: the value before, and the value behind it.
    #[serde(default, rename = "f", skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, (Option<String>, Option<String>)>,
    /// The keys of the tags that it put on.
    #[serde(default, rename = "t", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl Changed {
    pub(super) fn between(before: &Contact, after: &Contact, tags: Vec<String>) -> Self {
        let (old, new) = (values(before), values(after));
        let names: HashSet<&String> = old.keys().chain(new.keys()).collect();
        let fields = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        let fields = fields.map(|name| (name.clone(), (old.get(name).cloned(), new.get(name).cloned())));
        Self { id: before.id, updated_at: before.updated_at, fields: fields.collect(), tags }
    }
}

/// A field of the workspace's own, among the names of all fields.
const OWN: &str = "fields.";

/// The values of a contact by their names.
fn values(contact: &Contact) -> BTreeMap<String, String> {
    let fixed = [
        ("name", Some(contact.name.clone())),
        ("email", contact.email.clone()),
        ("phone", contact.phone.clone()),
        ("external_id", contact.external_id.clone()),
        ("picture", contact.picture.clone()),
        ("locale", contact.locale.clone()),
        ("time_zone", contact.time_zone.clone()),
        ("country", contact.country.clone()),
        ("trashed_at", contact.trashed_at.map(|at| at.to_rfc3339())),
        ("dedupe_key", Some(contact.dedupe_key.clone())),
    ];
    let fixed = fixed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let own = contact.fields.0.iter().map(|(name, value)| (format!("{OWN}{name}"), value.clone()));
    fixed.chain(own).collect()
}

/// Gives a contact a value by the name of its field.
fn put(contact: &mut Contact, name: &str, value: Option<String>) {
    match name {
        "name" => contact.name = value.unwrap_or_default(),
        "email" => contact.email = value,
        "phone" => contact.phone = value,
        "external_id" => contact.external_id = value,
        "picture" => contact.picture = value,
        "locale" => contact.locale = value,
        "time_zone" => contact.time_zone = value,
        "country" => contact.country = value,
        "trashed_at" => contact.trashed_at = value.and_then(|at| at.parse().ok()),
        "dedupe_key" => contact.dedupe_key = value.unwrap_or_default(),
        own => {
            let own = own.strip_prefix(OWN).unwrap_or(own);
            match value {
                Some(value) => drop(contact.fields.0.insert(own.to_owned(), value)),
                None => drop(contact.fields.0.remove(own)),
            }
        }
    }
}

/// A chunk that is to be undone.
#[derive(Clone, Debug, FromRow)]
pub struct UndoneChunk {
    from_row: i64,
    images: Json<Images>,
    at: DateTime<Utc>,
}

impl UndoneChunk {
    /// Where the chunk begins.
    pub fn from_row(&self) -> i64 {
        self.from_row
    }

    /// The contacts that the chunk made.
    pub fn made(&self) -> &[Uuid] {
        &self.images.0.made
    }
}

/// The last chunk of an import that is not undone yet.
#[boxed]
pub async fn next_import_chunk(db: &Db, workspace_id: Uuid, import_id: Uuid) -> Result<Option<UndoneChunk>> {
    query(
        "select from_row, images, at from import_chunks where workspace_id = $1 and import_id = $2
         order by from_row desc limit 1",
    )
    .bind(workspace_id)
    .bind(import_id)
    .optional(db)
    .await
}

/// What other domains say about an undoing.
#[derive(Clone, Debug, Default)]
pub struct AroundContacts {
    /// The contacts that something refers to, which therefore stay.
    pub named: HashSet<Uuid>,
    /// The number of other things that the import made or changed and that stay as they are.
    pub kept: i64,
    /// The contacts whose such things stay. They stay too, and are not counted for it.
    pub of_kept: HashSet<Uuid>,
}

/// Undoes a chunk. What other domains made of its rows is undone before. False if somebody else undid it meanwhile: the
/// caller drops the transaction.
#[boxed]
pub async fn undo_import_chunk(
    tx: &mut Tx,
    workspace_id: Uuid,
    import_id: Uuid,
    chunk: &UndoneChunk,
    around: &AroundContacts,
) -> Result<bool> {
    let gone = query("delete from import_chunks where workspace_id = $1 and import_id = $2 and from_row = $3")
        .bind(workspace_id)
        .bind(import_id)
        .bind(chunk.from_row)
        .execute(&mut *tx)
        .await?;
    if gone == 0 {
        return Ok(false);
    }
    let Images { made, changed } = &chunk.images.0;
    let ids: Vec<Uuid> = made.iter().copied().chain(changed.iter().map(|one| one.id)).collect();
    let before: HashMap<Uuid, Contact> =
        contacts_of(&mut *tx, workspace_id, ids).await?.into_iter().map(|contact| (contact.id, contact)).collect();
    let mut contacts = before.clone();
    let mut parted: HashSet<Uuid> = HashSet::new();
    let mut tags = Vec::new();
    let mut kept = 0;
    // The later of two rows about one person is undone first.
    for change in changed.iter().rev() {
        let Some(contact) = contacts.get_mut(&change.id) else { continue };
        if !restore(contact, change, chunk.at) {
            kept += 1;
            parted.insert(change.id);
        }
        tags.extend(change.tags.iter().map(|key| (change.id, key.clone())));
    }
    tag::take_off(&mut *tx, workspace_id, tags).await?;
    let is_untouched = |id: &&Uuid| {
        let is_same = contacts.get(*id).is_some_and(|contact| contact.updated_at == chunk.at);
        is_same && !around.named.contains(*id)
    };
    let removable: Vec<Uuid> = made.iter().filter(is_untouched).copied().collect();
    // They go first: a contact may get back a name and an address that one of them has.
    let removed = remove(&mut *tx, workspace_id, import_id, removable).await?;
    let counted = made.iter().filter(|id| !around.of_kept.contains(*id)).count();
    kept += around.kept + i64::try_from(counted).unwrap_or(i64::MAX) - removed;
    let mut updated: BTreeMap<Uuid, Contact> =
        changed.iter().filter_map(|change| contacts.remove_entry(&change.id)).collect();
    // Of some fields the old values came back, of others not: together they are known by something else.
    updated.values_mut().filter(|contact| parted.contains(&contact.id)).for_each(upsert::rekey);
    for id in keep_taken_keys(&mut *tx, workspace_id, &before, &mut updated).await? {
        kept += i64::from(parted.insert(id));
    }
    upsert::update(&mut *tx, workspace_id, &updated.values().collect::<Vec<_>>()).await?;
    query("update imports set kept = kept + $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(import_id)
        .bind(kept)
        .execute(tx)
        .await?;
    Ok(true)
}

/// Contacts that would get back what another contact is known by now keep their name, address and id. Returns which.
async fn keep_taken_keys(
    tx: &mut Tx,
    workspace_id: Uuid,
    before: &HashMap<Uuid, Contact>,
    updated: &mut BTreeMap<Uuid, Contact>,
) -> Result<Vec<Uuid>> {
    let has_old = |contact: &Contact| before.get(&contact.id).is_some_and(|old| old.dedupe_key == contact.dedupe_key);
    let keys: HashSet<String> =
        updated.values().filter(|contact| !has_old(contact)).map(|contact| contact.dedupe_key.clone()).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let holders = known_contacts::holders(tx, workspace_id, keys).await?;
    let mut taken: HashMap<String, Uuid> = holders.into_iter().map(|one| (one.dedupe_key, one.id)).collect();
    let mut kept = Vec::new();
    for contact in updated.values_mut() {
        let Some(old) = before.get(&contact.id).filter(|old| old.dedupe_key != contact.dedupe_key) else { continue };
        if *taken.entry(contact.dedupe_key.clone()).or_insert(contact.id) != contact.id {
            contact.name.clone_from(&old.name);
            contact.email.clone_from(&old.email);
            contact.external_id.clone_from(&old.external_id);
            contact.dedupe_key.clone_from(&old.dedupe_key);
            contact.updated_at = old.updated_at;
            kept.push(contact.id);
        }
    }
    Ok(kept)
}

/// Gives a contact its old values, where it still has the new ones. False: some have changed since.
fn restore(contact: &mut Contact, change: &Changed, at: DateTime<Utc>) -> bool {
    let now = values(contact);
    let mut is_whole = true;
    for (name, (old, new)) in &change.fields {
        match now.get(name) == new.as_ref() {
            true => put(contact, name, old.clone()),
            false => is_whole = false,
        }
    }
    if is_whole && contact.updated_at == at {
        contact.updated_at = change.updated_at;
    }
    is_whole
}

/// Removes contacts that nobody worked with. Returns how many.
async fn remove(tx: &mut Tx, workspace_id: Uuid, import_id: Uuid, ids: Vec<Uuid>) -> Result<i64> {
    let rows = |sql: &'static str| {
        Bulk::new(sql)
            .column("id", ids.iter().copied().collect())
            .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
            .column("import_id", ids.iter().map(|_| import_id).collect())
    };
    if ids.is_empty() {
        return Ok(0);
    }
    // Whatever people do with a contact stands in its timeline. An invitation is on the way before it stands there.
    let free: Vec<(Uuid,)> = rows(
        "select rows.id from {rows} where not exists
           (select 1 from activities as a where a.workspace_id = rows.workspace_id and a.contact_id = rows.id
              and (a.subject_id is null or a.subject_id <> rows.import_id) and a.kind <> 'invitation.made')
           and not exists (select 1 from invitations as i
             where i.workspace_id = rows.workspace_id and i.contact_id = rows.id)",
    )
    .all(&mut *tx)
    .await?;
    let free: Vec<Uuid> = free.into_iter().map(|(id,)| id).collect();
    for sql in [
        "delete from contact_tags where (workspace_id, contact_id) in (select workspace_id, id from {rows})",
        "delete from activities where (workspace_id, contact_id) in (select workspace_id, id from {rows})",
        "delete from contacts where (workspace_id, id) in (select workspace_id, id from {rows})",
    ] {
        Bulk::new(sql)
            .column("id", free.iter().copied().collect())
            .column("workspace_id", free.iter().map(|_| workspace_id).collect())
            .execute(&mut *tx)
            .await?;
    }
    Ok(i64::try_from(free.len()).unwrap_or(i64::MAX))
}

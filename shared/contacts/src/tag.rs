//! Tags: words of the workspace's own that it puts on contacts.

use std::collections::BTreeMap;

use herald_base::boxed;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::ContactError;
use herald_db::{Bulk, Db, FromRow, Result, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST: usize = 50;
/// A contact has at most this number of tags.
pub(super) const MOST: usize = 50;

/// A tag, with the number of contacts that have it.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Tag {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The number of contacts that have it, those in the trash included.
    pub contacts: i64,
}

/// The spelling in which two names of tags are one.
pub(super) fn tag_key(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().nfc().collect()
}

/// Names of tags, each once, in the spelling of the first.
///
/// # Errors
/// [`ContactError::Field`].
pub(super) fn tidied(names: &[String]) -> std::result::Result<BTreeMap<String, String>, ContactError> {
    let mut tags = BTreeMap::new();
    for name in names {
        let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(|c| c.is_control() || c == ',') {
            let detail = format!("the tag {name:?} cannot be used: write 1 to {LONGEST} characters without commas");
            return Err(ContactError::field("tags", detail));
        }
        tags.entry(tag_key(&name)).or_insert(name);
    }
    if tags.len() > MOST {
        return Err(ContactError::field("tags", format!("there are too many tags: use at most {MOST}")));
    }
    Ok(tags)
}

#[derive(FromRow)]
struct Found {
    id: Uuid,
    name_key: String,
}

/// The ids of tags by their keys; tags that are not there are made.
async fn ensure(tx: &mut Tx, workspace_id: Uuid, tags: &BTreeMap<String, String>) -> Result<BTreeMap<String, Uuid>> {
    let now = tx.db().now();
    let ids: Vec<Uuid> = tags.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into tags (id, workspace_id, name, name_key, created_at)
         select id, workspace_id, name, name_key, at from {rows} where true on conflict (workspace_id, name_key) do \
         nothing",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", tags.iter().map(|_| workspace_id).collect())
    .column("name", tags.values().cloned().collect())
    .column("name_key", tags.keys().cloned().collect())
    .column("at", tags.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    let found: Vec<Found> = Bulk::new(
        "select tags.id, tags.name_key from tags join {rows} on tags.name_key = rows.name_key
         where tags.workspace_id = rows.workspace_id",
    )
    .column("name_key", tags.keys().cloned().collect())
    .column("workspace_id", tags.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|tag| (tag.name_key, tag.id)).collect())
}

/// Puts tags on contacts: of each pair, the contact and the key of a tag in `tags`. Tags that a contact has stay.
#[boxed]
pub(super) async fn add_tags(
    tx: &mut Tx,
    workspace_id: Uuid,
    tags: &BTreeMap<String, String>,
    pairs: Vec<(Uuid, String)>,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let ids = ensure(tx, workspace_id, tags).await?;
    let pairs: Vec<(Uuid, Uuid)> =
        pairs.into_iter().filter_map(|(contact, key)| Some((contact, *ids.get(&key)?))).collect();
    Bulk::new(
        "insert into contact_tags (workspace_id, contact_id, tag_id)
         select workspace_id, contact_id, tag_id from {rows} where true on conflict (contact_id, tag_id) do nothing",
    )
    .kept()
    .column("workspace_id", pairs.iter().map(|_| workspace_id).collect())
    .column("contact_id", pairs.iter().map(|(contact, _)| *contact).collect())
    .column("tag_id", pairs.iter().map(|(_, tag)| *tag).collect())
    .execute(tx)
    .await
}

/// The keys of the tags that contacts have: pairs of both.
pub(super) async fn keys_of(tx: &mut Tx, workspace_id: Uuid, contacts: Vec<Uuid>) -> Result<Vec<(Uuid, String)>> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    Bulk::new(
        "select ct.contact_id, t.name_key from {rows} join contact_tags as ct on ct.contact_id = rows.contact_id
         join tags as t on t.id = ct.tag_id
         where ct.workspace_id = rows.workspace_id and t.workspace_id = rows.workspace_id",
    )
    .column("contact_id", contacts.iter().copied().collect())
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await
}

/// Takes tags off contacts: of each pair, the contact and the key of a tag.
pub(super) async fn take_off(tx: &mut Tx, workspace_id: Uuid, pairs: Vec<(Uuid, String)>) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    Bulk::new(
        "delete from contact_tags where (workspace_id, contact_id, tag_id) in
           (select rows.workspace_id, rows.contact_id, t.id from {rows}
            join tags as t on t.workspace_id = rows.workspace_id and t.name_key = rows.name_key)",
    )
    .column("workspace_id", pairs.iter().map(|_| workspace_id).collect())
    .column("contact_id", pairs.iter().map(|(contact, _)| *contact).collect())
    .column("name_key", pairs.iter().map(|(_, key)| key.clone()).collect())
    .execute(tx)
    .await
}

/// Makes these a contact's tags, and no others.
#[boxed]
pub(super) async fn set_tags(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
    tags: &BTreeMap<String, String>,
) -> Result<()> {
    query("delete from contact_tags where workspace_id = $1 and contact_id = $2")
        .bind(workspace_id)
        .bind(contact_id)
        .execute(&mut *tx)
        .await?;
    add_tags(tx, workspace_id, tags, tags.keys().map(|key| (contact_id, key.clone())).collect()).await
}

#[derive(FromRow)]
struct Tagged {
    contact_id: Uuid,
    name: String,
}

/// The tags of contacts, by contact, in the order of their names.
#[boxed]
pub async fn tags_of(db: &Db, workspace_id: Uuid, contacts: Vec<Uuid>) -> Result<BTreeMap<Uuid, Vec<String>>> {
    let mut tx = db.begin().await?;
    let rows: Vec<Tagged> = Bulk::new(
        "select ct.contact_id, t.name from {rows} join contact_tags as ct on ct.contact_id = rows.contact_id
         join tags as t on t.id = ct.tag_id
         where ct.workspace_id = rows.workspace_id and t.workspace_id = rows.workspace_id order by t.name_key",
    )
    .column("contact_id", contacts.iter().copied().collect())
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .all(&mut tx)
    .await?;
    let mut tags: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for row in rows {
        tags.entry(row.contact_id).or_default().push(row.name);
    }
    Ok(tags)
}

/// The tags of a workspace in the order of their names, at most `limit`, from behind the name key `after`.
#[boxed]
pub async fn list_tags(db: &Db, workspace_id: Uuid, after: Option<String>, limit: usize) -> Result<Vec<Tag>> {
    query(
        "select t.id, t.name,
                (select count(*) from contact_tags as ct where ct.workspace_id = $1 and ct.tag_id = t.id) as contacts
         from tags as t where t.workspace_id = $1 and ($2 is null or t.name_key > $2) order by t.name_key limit $3",
    )
    .bind(workspace_id)
    .bind(after.map(|name| tag_key(&name)))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// Takes a tag off all contacts, and removes it. False: there is no such tag.
#[boxed]
pub async fn remove_tag(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let taken = query("delete from contact_tags where workspace_id = $1 and tag_id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    let removed = query("delete from tags where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    if removed == 0 {
        return Ok(false);
    }
    audit::record(&mut tx, actor, Entry::of("tag.delete", id).affecting(taken)).await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tag_in_two_spellings_is_one_tag() {
        let tags = tidied(&["VIP".into(), " vip ".into(), "Press  list".into()]).unwrap();
        assert_eq!(tags.values().collect::<Vec<_>>(), ["Press list", "VIP"]);
        for wrong in ["", "a,b", &"x".repeat(51)] {
            assert!(tidied(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..51).map(|at| at.to_string()).collect();
        assert!(tidied(&many).unwrap_err().to_string().contains("at most 50"));
    }
}

//! Example people: put into a workspace all at once, and taken out again without a trace.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::boxed;
use uuid::Uuid;

use super::{Channel, Person, tag, tag::tag_key, upsert_people};
use herald_db::{Bulk, Result, Tx, query};

/// What the ids of example people begin with.
const MARK: &str = "(example) person ";
/// The example people who may go: nobody was invited as one of them, and none was merged with somebody.
const FREE: &str = "select c.id from contacts as c where c.workspace_id = $1 and c.external_id like $2
   and not exists (select 1 from invitations as i where i.workspace_id = $1 and i.contact_id = c.id)
   and not exists (select 1 from contact_merges as m
     where m.workspace_id = $1 and (m.survivor_id = c.id or m.merged_id = c.id))";

/// An example person, as the caller made them up.
#[derive(Clone, Debug)]
pub struct ExamplePerson {
    /// Who they are. Their external id is given to them.
    pub person: Person,
    /// Their tags.
    pub tags: Vec<&'static str>,
    /// Whether they agreed to be written to, by channel. A person who took it back is `false`.
    pub consents: Vec<(Channel, bool)>,
}

/// Adds example people, and returns the ids of their contacts in the same order. A workspace that has such people gets
/// no more: then the list is empty.
#[boxed]
pub async fn add_example_people(tx: &mut Tx, workspace_id: Uuid, people: Vec<ExamplePerson>) -> Result<Vec<Uuid>> {
    let there: Option<(Uuid,)> =
        query("select id from contacts where workspace_id = $1 and external_id like $2 limit 1")
            .bind(workspace_id)
            .bind(format!("{MARK}%"))
            .optional(&mut *tx)
            .await?;
    if there.is_some() {
        return Ok(Vec::new());
    }
    let persons: Vec<Person> = people
        .iter()
        .enumerate()
        .map(|(number, one)| Person { external_id: Some(format!("{MARK}{number}")), ..one.person.clone() })
        .collect();
    let upserted = upsert_people(&mut *tx, workspace_id, &persons).await?;
    let ids: Vec<Uuid> = upserted.into_iter().map(|one| one.contact_id).collect();
    let names: BTreeMap<String, String> =
        people.iter().flat_map(|one| &one.tags).map(|name| (tag_key(name), (*name).to_owned())).collect();
    let with_ids = || people.iter().zip(&ids);
    let pairs = with_ids().flat_map(|(one, id)| one.tags.iter().map(|name| (*id, tag_key(name)))).collect();
    tag::add_tags(&mut *tx, workspace_id, &names, pairs).await?;
    let consents: Vec<(Uuid, Channel, bool)> =
        with_ids().flat_map(|(one, id)| one.consents.iter().map(|(channel, given)| (*id, *channel, *given))).collect();
    let (now, row_ids): (_, Vec<Uuid>) = (tx.db().now(), consents.iter().map(|_| tx.db().new_id()).collect());
    Bulk::new(
        "insert into contact_consents (id, workspace_id, contact_id, channel, given, wording, source, at)
         select id, workspace_id, contact_id, channel, given, 'News and invitations', 'example data', at from {rows}",
    )
    .column("id", row_ids.into_iter().collect())
    .column("workspace_id", consents.iter().map(|_| workspace_id).collect())
    .column("contact_id", consents.iter().map(|(id, ..)| *id).collect())
    .column("channel", consents.iter().map(|(_, channel, _)| channel.as_str().to_owned()).collect())
    .column("given", consents.iter().map(|(.., given)| *given).collect())
    .column("at", consents.iter().map(|_| now).collect())
    .execute(tx)
    .await?;
    Ok(ids)
}

/// The contacts of example people who may go. The caller removes what is its own of them before
/// [`remove_example_people`].
#[boxed]
pub async fn example_people(tx: &mut Tx, workspace_id: Uuid) -> Result<Vec<Uuid>> {
    let found: Vec<(Uuid,)> = query(FREE).bind(workspace_id).bind(format!("{MARK}%")).all(tx).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Removes example people with their timelines, consents and tags. Who was invited or merged stays.
#[boxed]
pub async fn remove_example_people(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    let tags: Vec<(Uuid,)> = query(
        "select distinct ct.tag_id from contact_tags as ct
           join contacts as c on c.workspace_id = ct.workspace_id and c.id = ct.contact_id
         where ct.workspace_id = $1 and c.external_id like $2",
    )
    .bind(workspace_id)
    .bind(format!("{MARK}%"))
    .all(&mut *tx)
    .await?;
    for table in ["contact_addresses", "contact_consents", "contact_tags", "activities"] {
        query(&format!("delete from {table} where workspace_id = $1 and contact_id in ({FREE})"))
            .bind(workspace_id)
            .bind(format!("{MARK}%"))
            .execute(&mut *tx)
            .await?;
    }
    query(&format!("delete from contacts where workspace_id = $1 and id in ({FREE})"))
        .bind(workspace_id)
        .bind(format!("{MARK}%"))
        .execute(&mut *tx)
        .await?;
    let tags: BTreeSet<Uuid> = tags.into_iter().map(|(id,)| id).collect();
    Bulk::new(
        "delete from tags where (workspace_id, id) in (select workspace_id, id from {rows}) and not exists
           (select 1 from contact_tags as ct where ct.workspace_id = tags.workspace_id and ct.tag_id = tags.id)",
    )
    .column("id", tags.iter().copied().collect())
    .column("workspace_id", tags.iter().map(|_| workspace_id).collect())
    .execute(tx)
    .await
}

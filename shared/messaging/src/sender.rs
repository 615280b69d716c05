//! Senders: in whose name a workspace writes, over which account, and how fast.

mod alignment;
mod pace;
mod relays;
mod rules;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[cfg(test)]
pub(crate) use self::pace::tests::sender as example_sender;
pub use self::{
    alignment::{Alignment, Check, Records, Standing, TxtRecord, alignment},
    pace::Quiet,
    relays::Relay,
    rules::SenderFields,
};
use super::{MessagingError, Result};
use herald_accounts::{ProviderKind, find_connection};
use herald_db::{Db, DbError, FromRow, Json, Query, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// Senders of a workspace.
const MOST: usize = 100;

/// In whose name a workspace writes.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct Sender {
    /// Its id.
    pub id: Uuid,
    /// Its name, which only the workspace sees.
    pub name: String,
    /// The channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The connection that sends. `null`: the relays, or the mail server of the installation if there are none.
    pub connection_id: Option<Uuid>,
    /// The mail servers among which its mails are shared.
    #[sqlx(skip)]
    pub relays: Vec<Relay>,
    /// The name that recipients see.
    pub from_name: String,
    /// The address that recipients see.
    pub from_address: String,
    /// The address for replies, if it is another one.
    pub reply_to: Option<String>,
    /// The postal address at the end of each mail.
    pub postal_address: String,
    /// What stands below each mail, above the postal address, in Markdown.
    pub footer: String,
    /// The most messages a second.
    pub rate_per_second: Option<i64>,
    /// The most messages on a day.
    pub daily_cap: Option<i64>,
    /// The most messages on each of the first days.
    #[schema(value_type = Vec<i64>)]
    pub warm_up: Json<Vec<i64>>,
    /// When the first of these days began.
    pub warm_up_from: Option<DateTime<Utc>>,
    /// The hours by the recipient's clock in which nothing is sent.
    #[schema(value_type = Option<Quiet>)]
    pub quiet: Option<Json<Quiet>>,
    /// The domain that gets the bounces, if it is another one.
    pub bounce_domain: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Sender {
    /// The domain of its address.
    pub fn domain(&self) -> &str {
        self.from_address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whether the caller knows this state of a sender.
pub type SeenSender = Box<dyn Fn(&Sender) -> bool + Send + Sync>;

const COLUMNS: &str = "id, name, channel, connection_id, from_name, from_address, reply_to, postal_address, footer, \
     rate_per_second, daily_cap, warm_up, warm_up_from, quiet, bounce_domain, created_at, updated_at";

/// The senders of a workspace in the order of their names.
#[boxed]
pub async fn list_senders(db: &Db, workspace_id: Uuid) -> Result<Vec<Sender>> {
    let sql = format!("select {COLUMNS} from senders where workspace_id = $1 order by name_key");
    let mut senders: Vec<Sender> = query(&sql).bind(workspace_id).all(db).await?;
    let mut relays = relays::of_senders(db, workspace_id).await?;
    for sender in &mut senders {
        sender.relays = relays.remove(&sender.id).unwrap_or_default();
    }
    Ok(senders)
}

/// A sender of a workspace.
#[boxed]
pub async fn find_sender(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Sender>> {
    let sql = format!("select {COLUMNS} from senders where workspace_id = $1 and id = $2");
    let found: Option<Sender> = query(&sql).bind(workspace_id).bind(id).optional(db).await?;
    let Some(sender) = found else { return Ok(None) };
    Ok(Some(Sender { relays: relays::of_sender(db, workspace_id, id).await?, ..sender }))
}

/// Makes a sender.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::NameTaken`]; [`MessagingError::WrongState`] if there are too many.
#[boxed]
pub async fn create_sender(db: &Db, actor: &Actor, fields: SenderFields) -> Result<Sender> {
    let fields = fields.checked()?;
    usable_connections(db, actor.workspace_id, &fields).await?;
    if list_senders(db, actor.workspace_id).await?.len() >= MOST {
        return Err(MessagingError::WrongState(format!(
            "the workspace has {MOST} senders: delete one it does not use"
        )));
    }
    let (id, now) = (db.new_id(), db.now());
    let mut tx = db.begin().await?;
    let made = query(
        "insert into senders (workspace_id, id, name, name_key, channel, connection_id, from_name, from_address,
           reply_to, postal_address, footer, rate_per_second, daily_cap, warm_up, quiet, bounce_domain, updated_at,
           created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)",
    );
    let made = bound(made.bind(actor.workspace_id).bind(id), &fields, now);
    made.execute(&mut tx).await.map_err(|error| taken(error, &fields.name))?;
    relays::write(&mut tx, actor.workspace_id, id, &fields.relays).await?;
    audit::record(&mut tx, actor, Entry::of("sender.create", id).affecting(1)).await?;
    tx.commit().await?;
    find_sender(db, actor.workspace_id, id).await?.ok_or(MessagingError::Changed)
}

/// Changes a sender to what is given. `None`: there is no such sender.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::NameTaken`], [`MessagingError::Changed`].
#[boxed]
pub async fn change_sender(
    db: &Db,
    actor: &Actor,
    id: Uuid,
    fields: SenderFields,
    seen: SeenSender,
) -> Result<Option<Sender>> {
    let fields = fields.checked()?;
    let Some(old) = find_sender(db, actor.workspace_id, id).await? else { return Ok(None) };
    if !seen(&old) {
        return Err(MessagingError::Changed);
    }
    usable_connections(db, actor.workspace_id, &fields).await?;
    let now = db.now();
    let mut tx = db.begin().await?;
    let changed = query(
        "update senders set name = $3, name_key = $4, channel = $5, connection_id = $6, from_name = $7,
           from_address = $8, reply_to = $9, postal_address = $10, footer = $11, rate_per_second = $12,
           daily_cap = $13, warm_up = $14, quiet = $15, bounce_domain = $16, updated_at = $17
         where workspace_id = $1 and id = $2 and updated_at = $18",
    );
    let changed = bound(changed.bind(actor.workspace_id).bind(id), &fields, now).bind(old.updated_at);
    if changed.execute(&mut tx).await.map_err(|error| taken(error, &fields.name))? == 0 {
        return Err(MessagingError::Changed);
    }
    relays::write(&mut tx, actor.workspace_id, id, &fields.relays).await?;
    audit::record(&mut tx, actor, Entry::of("sender.change", id).affecting(1)).await?;
    tx.commit().await?;
    find_sender(db, actor.workspace_id, id).await
}

/// Deletes a sender. False: there is none.
///
/// # Errors
/// [`MessagingError::WrongState`] if a campaign that has not ended has it.
#[boxed]
pub async fn remove_sender(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let used: Option<(String,)> = query(
        "select name from campaigns where workspace_id = $1 and sender_id = $2
           and state not in ('sent', 'cancelled', 'failed') order by id limit 1",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .optional(&mut tx)
    .await?;
    if let Some((name,)) = used {
        let detail = format!("the campaign {name:?} has this sender: give it another one first");
        return Err(MessagingError::WrongState(detail));
    }
    relays::remove(&mut tx, actor.workspace_id, id).await?;
    for sql in [
        "delete from sender_turns where workspace_id = $1 and sender_id = $2",
        "delete from senders where workspace_id = $1 and id = $2",
    ] {
        let removed = query(sql).bind(actor.workspace_id).bind(id).execute(&mut tx).await?;
        if removed == 0 && sql.contains("from senders") {
            return Ok(false);
        }
    }
    audit::record(&mut tx, actor, Entry::of("sender.delete", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Notes that a sender sends for the first time, from which its first days are counted. A second time changes nothing.
#[boxed]
pub async fn begin_warm_up(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<()> {
    let now = tx.db().now();
    query("update senders set warm_up_from = $3 where workspace_id = $1 and id = $2 and warm_up_from is null")
        .bind(workspace_id)
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// The names of the senders over a connection.
#[boxed]
pub async fn senders_over(db: &Db, workspace_id: Uuid, connection_id: Uuid) -> Result<Vec<String>> {
    let found: Vec<(String,)> = query(
        "select name from senders where workspace_id = $1 and (connection_id = $2 or id in
           (select r.sender_id from sender_relays as r where r.workspace_id = $1 and r.connection_id = $2))
         order by name_key",
    )
    .bind(workspace_id)
    .bind(connection_id)
    .all(db)
    .await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

fn bound(statement: Query, fields: &SenderFields, now: DateTime<Utc>) -> Query {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    statement
        .bind(fields.name.as_str())
        .bind(rules::name_key(&fields.name))
        .bind(fields.channel.as_str())
        .bind(fields.connection_id)
        .bind(fields.from_name.as_str())
        .bind(fields.from_address.as_str())
        .bind(given(&fields.reply_to))
        .bind(fields.postal_address.as_str())
        .bind(fields.footer.as_str())
        .bind(fields.rate_per_second)
        .bind(fields.daily_cap)
        .bind(serde_json::json!(fields.warm_up))
        .bind(fields.quiet.map(|quiet| serde_json::json!(quiet)))
        .bind(given(&fields.bounce_domain))
        .bind(now)
}

async fn usable_connections(db: &Db, workspace_id: Uuid, fields: &SenderFields) -> Result<()> {
    if let Some(id) = fields.connection_id {
        usable_connection(db, workspace_id, (fields.channel, "connection_id"), id).await?;
    }
    for relay in &fields.relays {
        usable_connection(db, workspace_id, (fields.channel, "relays"), relay.connection_id).await?;
    }
    Ok(())
}

async fn usable_connection(
    db: &Db,
    workspace_id: Uuid,
    (channel, field): (Channel, &'static str),
    id: Uuid,
) -> Result<()> {
    let over_whatsapp = channel == Channel::Whatsapp;
    let wrong = |detail: String| Err(MessagingError::field(field, detail));
    let found = find_connection(db, workspace_id, id).await.map_err(|error| match error {
        herald_accounts::ConnectionError::Db(error) => MessagingError::Db(error),
        error => MessagingError::field(field, error.to_string()),
    })?;
    match found {
        None => wrong(format!("there is no connection {id} in this workspace: choose one from the list")),
        Some(found) if over_whatsapp && !found.settings.0.provider().is_whatsapp() => {
            wrong(format!("the connection {:?} does not send over WhatsApp: choose one that does", found.name))
        }
        Some(found) if !over_whatsapp && found.settings.0.provider() != ProviderKind::Smtp => {
            wrong(format!("the connection {:?} is not a mail server: choose one that is", found.name))
        }
        Some(_) => Ok(()),
    }
}

fn taken(error: DbError, name: &str) -> MessagingError {
    match error.is_unique_violation() {
        true => MessagingError::NameTaken { what: "sender", name: name.to_owned() },
        false => error.into(),
    }
}

//! Finding contacts: by words, tags, country, language, and whether they lie in the trash.
//!
//! A list is walked by id, the newest first. Words lead through indexes to at most [`MOST`] contacts, of whom the list
//! then has the newest: a person who looks for "a" sees some of those, and writes another letter.

use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Contact,
    contact::contact_row,
    segment::{Ground, Rule, condition},
    tag::tag_key,
};
use herald_db::{Db, EngineKind, Result, Value, query};
use herald_sheets::{Phone, email_key, find_key, normalise_phone};

/// The contacts that one way of searching looks at.
const MOST: usize = 2_000;
/// Behind every text that begins with another: the last character there is.
pub(super) const LAST: char = '\u{10ffff}';

/// Which contacts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactFilter {
    /// The beginning of the name or of its last word, or the whole of an address, primary or further, or of an external
    /// id.
    pub text: Option<String>,
    /// Those with each of these tags.
    pub tags: Vec<String>,
    /// Those of this country.
    pub country: Option<String>,
    /// Those of this language.
    pub locale: Option<String>,
    /// Those in the trash instead of the others.
    pub trashed: bool,
    /// Those whom this rule means. Segments that it names must have been put in ([`whole_rule`](crate::whole_rule)).
    pub rule: Option<Rule>,
    /// Those who belonged to a segment when this snapshot of it was taken.
    pub snapshot: Option<Uuid>,
}

/// A statement that is put together.
#[derive(Default)]
pub(super) struct Statement {
    /// The conditions, each with `and` before it.
    pub(super) sql: String,
    values: Vec<Value>,
}

impl Statement {
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.sql.push_str(" and ");
        self.sql.push_str(condition);
    }

    /// The statement, to be run once: its plan depends on the values.
    pub(super) fn query(self, sql: &str) -> herald_db::Query {
        self.values.into_iter().fold(query(sql).once(), herald_db::Query::bind)
    }
}

/// The contacts that a filter lets through, the newest first, at most `limit`, from before the contact `before`.
#[boxed]
pub async fn list_contacts(
    db: &Db,
    workspace_id: Uuid,
    filter: &ContactFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Contact>> {
    let mut statement = Statement::default();
    let workspace = statement.bind(workspace_id);
    filter.add_to(&mut statement, &workspace, db);
    if let Some(before) = before {
        let before = statement.bind(before);
        statement.and(&format!("c.id < {before}"));
    }
    let limit = statement.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = format!(
        "select {} from contacts as c where {} = {workspace}{} order by c.id desc limit {limit}",
        contact_row!(),
        filter.workspace_column(db.kind()),
        statement.sql
    );
    statement.query(&sql).all(db).await
}

/// The number of contacts that a filter lets through; they are counted up to `most`.
#[boxed]
pub async fn count_contacts(db: &Db, workspace_id: Uuid, filter: &ContactFilter, most: usize) -> Result<i64> {
    let mut statement = Statement::default();
    let workspace = statement.bind(workspace_id);
    filter.add_to(&mut statement, &workspace, db);
    let limit = statement.bind(i64::try_from(most).unwrap_or(i64::MAX));
    // Of two indexes that begin with the workspace, SQLite would sometimes take the one by addresses, and read a page
    // of the table for every contact.
    let order = if db.kind() == EngineKind::Sqlite { " order by c.id" } else { "" };
    let sql = format!(
        "select count(*) from (select c.id from contacts as c where {} = {workspace}{}{order} limit {limit}) as found",
        filter.workspace_column(db.kind()),
        statement.sql
    );
    let (count,): (i64,) = statement.query(&sql).one(db).await?;
    Ok(count)
}

impl ContactFilter {
    /// The column that is compared with the workspace. Where words say who is meant, the sign keeps SQLite from going
    /// through all contacts of the workspace. Where a snapshot does, it has SQLite walk by id up to the limit.
    fn workspace_column(&self, engine: EngineKind) -> &'static str {
        match engine {
            EngineKind::Sqlite if self.snapshot.is_some() || self.words().is_some() => "+c.workspace_id",
            _ => "c.workspace_id",
        }
    }

    fn words(&self) -> Option<&str> {
        self.text.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    pub(super) fn add_to(&self, statement: &mut Statement, workspace: &str, db: &Db) {
        let engine = db.kind();
        statement.and(match self.trashed {
            true => "c.trashed_at is not null and c.merged_into is null",
            false => "c.trashed_at is null",
        });
        if let Some(country) = &self.country {
            let country = statement.bind(country.to_ascii_uppercase());
            statement.and(&format!("c.country = {country}"));
        }
        if let Some(locale) = &self.locale {
            let locale = statement.bind(locale.as_str());
            statement.and(&format!("c.locale = {locale}"));
        }
        for tag in &self.tags {
            let tag = statement.bind(tag_key(tag));
            statement.and(&format!(
                "c.id in (select ct.contact_id from contact_tags as ct
                          join tags as t on t.id = ct.tag_id and t.workspace_id = ct.workspace_id
                          where ct.workspace_id = {workspace} and t.name_key = {tag})"
            ));
        }
        if let Some(snapshot) = self.snapshot {
            let snapshot = statement.bind(snapshot);
            statement.and(&format!(
                "exists (select 1 from segment_snapshot_contacts as m
                         where m.workspace_id = {workspace} and m.snapshot_id = {snapshot} and m.contact_id = c.id)"
            ));
        }
        if let Some(rule) = &self.rule {
            let condition = condition(rule, statement, &Ground { workspace, engine, now: db.now() });
            statement.and(&condition);
        }
        if let Some(text) = self.words() {
            words(statement, workspace, engine, text);
        }
    }
}

/// The condition that a contact has a text: each way of having it goes through an index of its own.
fn words(statement: &mut Statement, workspace: &str, engine: EngineKind, text: &str) {
    let by_bytes = if engine == EngineKind::Postgres { " collate \"C\"" } else { "" };
    let mut ways = Vec::new();
    let begins = find_key(text);
    if !begins.is_empty() {
        let (from, to) = (statement.bind(begins.as_str()), statement.bind(format!("{begins}{LAST}")));
        for column in ["find_key", "find_last"] {
            // The index is only used where the column is not null.
            ways.push(format!(
                "f.{column} is not null and f.{column}{by_bytes} >= {from} and f.{column}{by_bytes} < {to}"
            ));
        }
    }
    let email = statement.bind(email_key(text));
    ways.push(format!("f.email = {email}"));
    let mut further = vec![email];
    let external = statement.bind(text);
    ways.push(format!("f.external_id = {external}"));
    if let Phone::International(number) = normalise_phone(text, None) {
        let number = statement.bind(number);
        ways.push(format!("f.phone = {number}"));
        further.push(number);
    }
    // An id of WhatsApp has capitals.
    further.push(statement.bind(text));
    let of = |way: String| {
        format!(
            "select id from (select f.id from contacts as f
                             where f.workspace_id = {workspace} and {way} limit {MOST}) as f"
        )
    };
    let in_rows = format!(
        "select id from (select a.contact_id as id from contact_addresses as a
                         where a.workspace_id = {workspace} and a.value in ({}) limit {MOST}) as a",
        further.join(", ")
    );
    let ways: Vec<String> = ways.into_iter().map(of).chain([in_rows]).collect();
    statement.and(&format!("c.id in ({})", ways.join(" union ")));
}

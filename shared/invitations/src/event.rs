//! Events: what people are invited to, and the numbers given out for them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::number::{self, NumberFormatError};
use herald_db::{Db, DbError, FromRow, Target, Tx, query};

/// How an event's lucky numbers look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFormat {
    /// Stands before the number; may be empty.
    pub prefix: String,
    /// The number is padded with zeros to this many digits.
    pub digits: i64,
}

impl Default for NumberFormat {
    /// Four digits and nothing before them.
    fn default() -> Self {
        Self { prefix: String::new(), digits: 4 }
    }
}

/// An event.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// The id of the event.
    pub id: Uuid,
    /// The name of the event in URLs and folders.
    pub slug: String,
    /// The name of the event, for people to read.
    pub name: String,
    /// The prefix of the event's lucky numbers.
    pub number_prefix: String,
    /// The number of digits of the lucky numbers.
    pub number_digits: i64,
    /// The number of lucky numbers used so far.
    pub numbers_used: i64,
    /// When the event was created.
    pub created_at: DateTime<Utc>,
}

/// Why an event was not made.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Its numbers cannot look so.
    #[error(transparent)]
    Format(#[from] NumberFormatError),
    /// Its name has no letter or digit to make a slug of.
    #[error("event name {0:?} has no letter or digit: choose a name with at least one")]
    Name(String),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whether an event can have this name and number format. Nothing is made.
///
/// # Errors
/// As [`ensure_event`].
pub fn check_event(name: &str, format: &NumberFormat) -> Result<(), EventError> {
    number::check_format(&format.prefix, format.digits)?;
    slug(name).map(drop).ok_or_else(|| EventError::Name(name.to_owned()))
}

/// The event of that name or slug, made with this number format if it is new. An event keeps the format it was made
/// with: its numbers are out.
///
/// Names are the same whatever their capitals and white space. Everything else tells them apart, also where their slugs
/// would be alike: a new event whose slug is taken gets a number after it.
#[boxed]
pub async fn ensure_event(db: &Db, workspace_id: Uuid, name: &str, format: &NumberFormat) -> Result<Event, EventError> {
    number::check_format(&format.prefix, format.digits)?;
    let wanted = slug(name).ok_or_else(|| EventError::Name(name.to_owned()))?;
    loop {
        let mut tx = db.begin().await?;
        give_name_keys(&mut tx, workspace_id).await?;
        if let Some(event) = named(&mut tx, workspace_id, name).await? {
            tx.commit().await?;
            return Ok(event);
        }
        let slug = free_slug(&mut tx, workspace_id, &wanted).await?;
        // Another process may take name or slug at the same moment: then it is looked for again.
        query(
            "insert into events (id, workspace_id, slug, name, name_key, number_prefix, number_digits, number_key, \
             numbers_used, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) on conflict do nothing",
        )
        .bind(db.new_id())
        .bind(workspace_id)
        .bind(slug)
        .bind(name.trim())
        .bind(name_key(name))
        .bind(format.prefix.as_str())
        .bind(format.digits)
        .bind(hex::encode(db.ids().bytes::<16>()))
        .bind(db.now())
        .execute(&mut tx)
        .await?;
        let made = named(&mut tx, workspace_id, name).await?;
        tx.commit().await?;
        if let Some(event) = made {
            return Ok(event);
        }
    }
}

/// The event of that name or slug, if there is one.
#[boxed]
pub async fn event_named(db: &Db, workspace_id: Uuid, name: &str) -> Result<Option<Event>, DbError> {
    named(db, workspace_id, name).await
}

/// The event whose name or, if no name fits, whose slug this is.
async fn named(on: impl Into<Target<'_>>, workspace_id: Uuid, name: &str) -> Result<Option<Event>, DbError> {
    query(
        "select id, slug, name, number_prefix, number_digits, numbers_used, created_at from events
         where workspace_id = $1 and (name_key = $2 or slug = $3)
         order by case when name_key = $2 then 0 else 1 end limit 1",
    )
    .bind(workspace_id)
    .bind(name_key(name))
    .bind(name.trim())
    .optional(on)
    .await
}

/// The slug, or the first of `slug-2`, `slug-3`, … that no event has.
async fn free_slug(tx: &mut Tx, workspace_id: Uuid, wanted: &str) -> Result<String, DbError> {
    // A slug has nothing that means something to `like`.
    let taken: Vec<(String,)> =
        query("select slug from events where workspace_id = $1 and (slug = $2 or slug like $3)")
            .bind(workspace_id)
            .bind(wanted)
            .bind(format!("{wanted}-%"))
            .all(tx)
            .await?;
    let taken: HashSet<String> = taken.into_iter().map(|(slug,)| slug).collect();
    if !taken.contains(wanted) {
        return Ok(wanted.to_owned());
    }
    let mut numbered = (2u64..).map(|number| format!("{wanted}-{number}"));
    Ok(numbered.find(|slug| !taken.contains(slug)).expect("numbers do not end"))
}

#[derive(FromRow)]
struct Unkeyed {
    id: Uuid,
    slug: String,
    name: String,
}

/// Gives the events of older releases their key. Only then could two have one name, composed differently: the older one
/// keeps it, the other is found by its slug.
async fn give_name_keys(tx: &mut Tx, workspace_id: Uuid) -> Result<(), DbError> {
    let unkeyed: Vec<Unkeyed> =
        query("select id, slug, name from events where workspace_id = $1 and name_key is null order by id")
            .bind(workspace_id)
            .all(&mut *tx)
            .await?;
    for event in unkeyed {
        let key = name_key(&event.name);
        let given = query(
            "update events set name_key = $3 where workspace_id = $1 and id = $2 and name_key is null
               and not exists (select 1 from events as other where other.workspace_id = $1 and other.name_key = $3)",
        )
        .bind(workspace_id)
        .bind(event.id)
        .bind(key.as_str())
        .execute(&mut *tx)
        .await?;
        if given == 0 {
            query("update events set name_key = $3 where workspace_id = $1 and id = $2 and name_key is null")
                .bind(workspace_id)
                .bind(event.id)
                .bind(format!("{key}\n{}", event.slug))
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// An event of a workspace.
#[boxed]
pub async fn find_event(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Event>, DbError> {
    query(
        "select id, slug, name, number_prefix, number_digits, numbers_used, created_at from events \
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

#[derive(FromRow)]
struct Taken {
    numbers_used: i64,
    number_prefix: String,
    number_digits: i64,
    number_key: String,
}

/// Takes the next `count` lucky numbers of an event, with their indexes. They are given out when the transaction
/// commits, and the event's row stays locked until then, so nobody else can get the same.
pub(super) async fn take_numbers(
    tx: &mut Tx,
    workspace_id: Uuid,
    event_id: Uuid,
    count: i64,
) -> Result<Vec<(i64, String)>, DbError> {
    let taken: Taken = query(
        "update events set numbers_used = numbers_used + $2 where workspace_id = $3 and id = $1
         returning numbers_used, number_prefix, number_digits, number_key",
    )
    .bind(event_id)
    .bind(count)
    .bind(workspace_id)
    .one(tx)
    .await?;
    let key = hex::decode(&taken.number_key).unwrap_or_default();
    let digits = u32::try_from(taken.number_digits).unwrap_or(4);
    let first = taken.numbers_used - count;
    Ok((first..taken.numbers_used)
        .map(|index| (index, number::format_number(index.unsigned_abs(), &taken.number_prefix, digits, &key)))
        .collect())
}

/// A name as it is compared: composed, lower case, single spaces.
fn name_key(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Lower-case letters and digits of any script, joined by hyphens.
fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.trim_end_matches('-').chars().take(60).collect();
    (!slug.is_empty()).then_some(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_keeps_letters_of_every_script() {
        assert_eq!(slug("  Spring Gala 2027! ").as_deref(), Some("spring-gala-2027"));
        assert_eq!(slug("حفل الربيع").as_deref(), Some("حفل-الربيع"));
        assert_eq!(slug("../..").as_deref(), None);
    }

    #[test]
    fn names_differ_by_more_than_capitals_and_white_space() {
        assert_eq!(name_key("  Spring\u{a0} GALA "), name_key("spring gala"));
        assert_eq!(name_key("Caf\u{e9} Night"), name_key("CAFE\u{301} night"));
        for (one, other) in [("C++ Night", "C# Night"), ("Gala!", "Gala"), ("Gala 2", "Gala ²"), ("Cafe", "Café")] {
            assert_ne!(name_key(one), name_key(other), "{one}");
        }
    }
}

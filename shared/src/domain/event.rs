//! Events: what people are invited to, and the numbers given out for them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::number::{self, NumberFormatError};
use crate::db::{Db, DbError, FromRow, Tx, query};

/// How an event's lucky numbers look.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs and folders.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Stands before its lucky numbers.
    pub number_prefix: String,
    /// How many digits they have.
    pub number_digits: i64,
    /// How many were given out.
    pub numbers_used: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Why an event was not made.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Its numbers cannot look so.
    #[error(transparent)]
    Format(#[from] NumberFormatError),
    /// Its name has no letter or digit to make a slug of.
    #[error("event name {0:?} has no letter or digit: give it one")]
    Name(String),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The event of that name, made with this number format if it is new. An event keeps the format it was made with: its numbers are out.
pub async fn ensure_event(db: &Db, workspace_id: Uuid, name: &str, format: &NumberFormat) -> Result<Event, EventError> {
    number::check_format(&format.prefix, format.digits)?;
    let slug = slug(name).ok_or_else(|| EventError::Name(name.to_owned()))?;
    let mut tx = db.begin().await?;
    query(
        "insert into events (id, workspace_id, slug, name, number_prefix, number_digits, number_key, numbers_used, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, 0, $8) on conflict (workspace_id, slug) do nothing",
    )
    .bind(db.new_id())
    .bind(workspace_id)
    .bind(slug.as_str())
    .bind(name.trim())
    .bind(format.prefix.as_str())
    .bind(format.digits)
    .bind(hex::encode(db.ids().bytes::<16>()))
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    let event = query(
        "select id, slug, name, number_prefix, number_digits, numbers_used, created_at from events where workspace_id = $1 and slug = $2",
    )
    .bind(workspace_id)
    .bind(slug)
    .one(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(event)
}

/// An event of a workspace.
pub async fn event(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Event>, DbError> {
    query(
        "select id, slug, name, number_prefix, number_digits, numbers_used, created_at from events where workspace_id = $1 and id = $2",
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

/// Takes the next `count` lucky numbers of an event, with their indexes. They are given out when the transaction commits, and the
/// event's row stays locked until then, so nobody else can get the same.
pub(super) async fn take_numbers(tx: &mut Tx, event_id: Uuid, count: i64) -> Result<Vec<(i64, String)>, DbError> {
    let taken: Taken = query(
        "update events set numbers_used = numbers_used + $2 where id = $1
         returning numbers_used, number_prefix, number_digits, number_key",
    )
    .bind(event_id)
    .bind(count)
    .one(tx)
    .await?;
    let key = hex::decode(&taken.number_key).unwrap_or_default();
    let digits = u32::try_from(taken.number_digits).unwrap_or(4);
    let first = taken.numbers_used - count;
    Ok((first..taken.numbers_used)
        .map(|index| (index, number::format_number(index.unsigned_abs(), &taken.number_prefix, digits, &key)))
        .collect())
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
}

//! A bound parameter, with the same types on both engines.
//!
//! PostgreSQL refuses U+0000 in text and JSON, and SQLite sometimes cuts such text short. So the character is removed
//! on both engines, and one bad cell of a list does not make a dead job.

use chrono::{DateTime, Utc};
use sqlx::{Arguments, error::BoxDynError, types::Json};
use uuid::Uuid;

/// One parameter of a statement. `None` binds a typed NULL.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants are the column types")]
pub enum Value {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Time(Option<DateTime<Utc>>),
    Json(Option<serde_json::Value>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    pub(super) fn add_to<A>(self, arguments: &mut A) -> std::result::Result<(), BoxDynError>
    where
        A: Arguments,
        A::Database: SupportsValues,
    {
        <A::Database as SupportsValues>::add(self, arguments)
    }
}

/// An engine whose argument list accepts every [`Value`].
pub(super) trait SupportsValues: sqlx::Database {
    fn add<A: Arguments<Database = Self>>(value: Value, arguments: &mut A) -> std::result::Result<(), BoxDynError>;
}

macro_rules! supports_values {
    ($engine:ty) => {
        impl SupportsValues for $engine {
            fn add<A: Arguments<Database = Self>>(
                value: Value,
                arguments: &mut A,
            ) -> std::result::Result<(), BoxDynError> {
                match value {
                    Value::Uuid(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value.map(without_nul)),
                    Value::Int(value) => arguments.add(value),
                    Value::Bool(value) => arguments.add(value),
                    Value::Time(value) => arguments.add(value),
                    Value::Json(value) => arguments.add(value.map(json_without_nul).map(Json)),
                    Value::Bytes(value) => arguments.add(value),
                }
            }
        }
    };
}

supports_values!(sqlx_postgres::Postgres);
supports_values!(sqlx_sqlite::Sqlite);

/// Removes U+0000 from a text.
pub(super) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

/// Removes U+0000 from every text and key of a JSON value.
pub(super) fn json_without_nul(mut value: serde_json::Value) -> serde_json::Value {
    if has_nul(&value) {
        remove_nul(&mut value);
    }
    value
}

fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn remove_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = without_nul(std::mem::take(text)),
        serde_json::Value::Array(values) => values.iter_mut().for_each(remove_nul),
        serde_json::Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(key, mut value)| {
                    remove_nul(&mut value);
                    (without_nul(key), value)
                })
                .collect();
        }
        _ => {}
    }
}

macro_rules! value_from {
    ($($variant:ident: $type:ty),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$variant(Some(value.into()))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Value::$variant(value.map(Into::into))
            }
        }
    )*};
}

value_from!(
    Uuid: Uuid,
    Text: String,
    Text: &str,
    Int: i64,
    Int: i32,
    Int: u32,
    Bool: bool,
    Time: DateTime<Utc>,
    Json: serde_json::Value,
    Bytes: Vec<u8>,
);

//! Values that were there before their field got a type, and do not fit it.

use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ContactField;
use herald_db::{Db, EngineKind, Result, query};

/// Values that are read at once.
const PAGE: i64 = 5_000;
/// Up to here they are counted.
const COUNTED: usize = 10_000;
const EXAMPLES: usize = 5;

/// Values that do not fit the type of their field. They stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Misfits {
    /// The number of contacts with such a value, at most 10,000.
    pub contacts: usize,
    /// Whether there are more.
    pub more: bool,
    /// Some of the values.
    pub examples: Vec<String>,
}

/// Looks at the values of a field, also of contacts in the trash.
#[boxed]
pub async fn misfits_of(db: &Db, workspace_id: Uuid, field: &ContactField) -> Result<Misfits> {
    // The sign makes SQLite walk by id, and not sort all contacts of the workspace for each page.
    let (sign, name) = match db.kind() {
        EngineKind::Postgres => ("", field.key.clone()),
        EngineKind::Sqlite => ("+", format!("$.\"{}\"", field.key)),
    };
    let sql = format!(
        "select c.id, c.fields ->> $2 from contacts as c
         where {sign}c.workspace_id = $1 and (c.fields ->> $2) <> '' and c.id > $3
           and c.merged_into is null order by c.id limit $4"
    );
    let (mut found, mut after) = (Misfits::default(), Uuid::nil());
    loop {
        let page: Vec<(Uuid, String)> =
            query(&sql).bind(workspace_id).bind(name.as_str()).bind(after).bind(PAGE).all(db).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = *last;
        for (_, text) in page.iter().filter(|(_, text)| !field.fits(text)) {
            if found.contacts == COUNTED {
                return Ok(Misfits { more: true, ..found });
            }
            found.contacts += 1;
            if found.examples.len() < EXAMPLES && !found.examples.contains(text) {
                found.examples.push(text.chars().take(100).collect());
            }
        }
    }
}

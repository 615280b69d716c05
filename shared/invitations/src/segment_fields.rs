//! Which fields of a template a segment has values for.

use std::collections::BTreeSet;

use super::invitation::field_names;
use herald_base::boxed;
use herald_contacts::{ContactError, Rule, filled_fields};
use herald_db::Db;
use herald_template::Template;
use uuid::Uuid;

/// The fields of a template, besides those that every guest has, in which somebody of whom a rule means has a value. Of
/// nobody it cannot be said what they lack: then it is all of them.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn segment_fields(
    db: &Db,
    workspace_id: Uuid,
    rule: &Rule,
    template: &Template,
    is_empty: bool,
) -> Result<BTreeSet<String>, ContactError> {
    let usual = field_names([]);
    let own = template.fields().into_iter().filter(|field| !usual.contains(field));
    match is_empty {
        true => Ok(own.collect()),
        false => filled_fields(db, workspace_id, rule, own.collect()).await,
    }
}

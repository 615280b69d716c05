//! Segments: groups of contacts by rules. Who belongs to one is asked anew each time, so a contact leaves it the moment
//! that the rule or the contact changes.

mod condition;
mod members;
mod rule;
mod snapshot;
mod typed;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ContactError,
    find::{ContactFilter, Statement},
    list_contact_fields,
    tag::tag_key,
};
use herald_db::{Db, FromRow, Json, query};
use herald_ledger::audit::{self, Actor, Entry};

pub(super) use self::condition::{Ground, condition};
pub use self::members::{MemberTable, write_members};
pub use self::rule::{ActivityRule, Comparison, ConsentRule, FieldRule, LeadOutcome, LeadRule, Rule};
pub use self::snapshot::{
    Snapshot, SnapshotMember, SnapshotUse, find_snapshot, first_members, forget_snapshots, list_snapshots,
    snapshot_members, snapshot_of, take_snapshot, thin_snapshot,
};
pub(super) use self::snapshot::{forget_in_snapshots, snapshots_with};
use self::{condition::own_field, rule::wrong};

const LONGEST: usize = 100;
/// Segments of a workspace.
const MOST: usize = 500;
/// The segments that a message names.
const NAMES_SHOWN: usize = 10;

type Result<T> = std::result::Result<T, ContactError>;

/// A group of contacts.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Segment {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    #[schema(value_type = Rule)]
    pub rule: Json<Rule>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Whether the caller knows this state of a segment.
pub type SeenSegment = Box<dyn Fn(&Segment) -> bool + Send + Sync>;

const COLUMNS: &str = "id, name, rule, created_at, updated_at";

/// The segments of a workspace in the order of their names.
#[boxed]
pub async fn list_segments(db: &Db, workspace_id: Uuid) -> Result<Vec<Segment>> {
    let sql = format!("select {COLUMNS} from segments where workspace_id = $1 order by name_key");
    Ok(query(&sql).bind(workspace_id).all(db).await?)
}

/// A segment of a workspace.
#[boxed]
pub async fn find_segment(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Segment>> {
    let sql = format!("select {COLUMNS} from segments where workspace_id = $1 and id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// The segment with this name, whatever its capitals.
#[boxed]
pub async fn segment_named(db: &Db, workspace_id: Uuid, name: &str) -> Result<Option<Segment>> {
    let sql = format!("select {COLUMNS} from segments where workspace_id = $1 and name_key = $2");
    Ok(query(&sql).bind(workspace_id).bind(tag_key(name)).optional(db).await?)
}

/// The segment that a person names: by its id, or by its name.
///
/// # Errors
/// [`ContactError::Field`] names segments that there are.
#[boxed]
pub async fn segment_meant(db: &Db, workspace_id: Uuid, text: &str) -> Result<Segment> {
    let text = text.trim();
    let by_id = match text.parse() {
        Ok(id) => find_segment(db, workspace_id, id).await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(found) => Some(found),
        None => segment_named(db, workspace_id, text).await?,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let known = list_segments(db, workspace_id).await?;
    let names: Vec<&str> = known.iter().take(NAMES_SHOWN).map(|segment| segment.name.as_str()).collect();
    let cure = match names.is_empty() {
        true => "make one first".to_owned(),
        false => format!("the segments are {}{}", names.join(", "), if known.len() > names.len() { ", …" } else { "" }),
    };
    Err(ContactError::field("segment", format!("there is no segment {text:?}: {cure}")))
}

/// Those of the workspace's own fields in which somebody of whom a rule means has a value. A field that every contact
/// has a column for, such as `country`, is no own field: of that name, too, only an own one counts.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn filled_fields(db: &Db, workspace_id: Uuid, rule: &Rule, names: Vec<String>) -> Result<BTreeSet<String>> {
    let rule = whole_rule(db, workspace_id, rule).await?;
    let mut filled = BTreeSet::new();
    for name in names {
        let field = Rule::Field(FieldRule { name: name.clone(), is: Comparison::Filled, value: None });
        // A name that no field can have has no value either.
        if field.check().is_err() {
            continue;
        }
        let mut statement = Statement::default();
        let workspace = statement.bind(workspace_id);
        let filter = ContactFilter { rule: Some(rule.clone()), ..ContactFilter::default() };
        filter.add_to(&mut statement, &workspace, db);
        let value = own_field(&name, &mut statement, db.kind());
        statement.and(&format!("coalesce({value} <> '', false)"));
        let sql = format!("select c.id from contacts as c where c.workspace_id = {workspace}{} limit 1", statement.sql);
        let found: Option<(Uuid,)> = statement.query(&sql).optional(db).await?;
        if found.is_some() {
            filled.insert(name);
        }
    }
    Ok(filled)
}

/// Makes a segment.
///
/// # Errors
/// [`ContactError::Field`], [`ContactError::NameTaken`].
#[boxed]
pub async fn create_segment(db: &Db, actor: &Actor, name: &str, rule: Rule) -> Result<Segment> {
    let name = usable(name)?;
    check_rule(db, actor.workspace_id, &rule).await?;
    let known = list_segments(db, actor.workspace_id).await?;
    if known.len() >= MOST {
        return Err(ContactError::WrongState(format!("the workspace has {MOST} segments: delete one it does not use")));
    }
    let now = db.now();
    let segment = Segment { id: db.new_id(), name, rule: Json(rule), created_at: now, updated_at: now };
    whole(&known, &segment.rule.0, Some(segment.id))?;
    let mut tx = db.begin().await?;
    query(
        "insert into segments (id, workspace_id, name, name_key, rule, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(segment.id)
    .bind(actor.workspace_id)
    .bind(segment.name.as_str())
    .bind(tag_key(&segment.name))
    .bind(as_json(&segment.rule.0))
    .bind(now)
    .execute(&mut tx)
    .await
    .map_err(|error| taken(error, &segment.name))?;
    audit::record(&mut tx, actor, Entry::of("segment.create", segment.id).affecting(1)).await?;
    tx.commit().await?;
    Ok(segment)
}

/// Changes a segment. `None`: there is no such segment.
///
/// # Errors
/// [`ContactError::Field`], [`ContactError::NameTaken`], [`ContactError::Changed`].
#[boxed]
pub async fn change_segment(
    db: &Db,
    actor: &Actor,
    id: Uuid,
    (name, rule): (Option<String>, Option<Rule>),
    seen: SeenSegment,
) -> Result<Option<Segment>> {
    let name = name.as_deref().map(usable).transpose()?;
    if let Some(rule) = &rule {
        check_rule(db, actor.workspace_id, rule).await?;
    }
    let known = list_segments(db, actor.workspace_id).await?;
    let Some(old) = known.iter().find(|segment| segment.id == id) else { return Ok(None) };
    if !seen(old) {
        return Err(ContactError::Changed);
    }
    let mut segment = old.clone();
    segment.updated_at = db.now();
    segment.name = name.unwrap_or(segment.name);
    segment.rule.0 = rule.unwrap_or(segment.rule.0);
    whole(&known, &segment.rule.0, Some(id))?;
    let mut tx = db.begin().await?;
    let changed = query(
        "update segments set name = $3, name_key = $4, rule = $5, updated_at = $6
         where workspace_id = $1 and id = $2 and updated_at = $7",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(segment.name.as_str())
    .bind(tag_key(&segment.name))
    .bind(as_json(&segment.rule.0))
    .bind(segment.updated_at)
    .bind(old.updated_at)
    .execute(&mut tx)
    .await
    .map_err(|error| taken(error, &segment.name))?;
    if changed == 0 {
        return Err(ContactError::Changed);
    }
    audit::record(&mut tx, actor, Entry::of("segment.change", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(Some(segment))
}

/// Deletes a segment. False: there is none.
///
/// # Errors
/// [`ContactError::WrongState`] names the segment that still refers to it.
#[boxed]
pub async fn remove_segment(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let known = list_segments(db, actor.workspace_id).await?;
    if let Some(user) = known.iter().find(|segment| segment.id != id && segment.rule.0.named().contains(&id)) {
        let detail = format!("the segment {:?} names this one in a rule: change that one first", user.name);
        return Err(ContactError::WrongState(detail));
    }
    let mut tx = db.begin().await?;
    let removed = query("delete from segments where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    if removed == 0 {
        return Ok(false);
    }
    audit::record(&mut tx, actor, Entry::of("segment.delete", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(true)
}

/// A rule with the rules of the segments that it names in their places, ready to be asked.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn whole_rule(db: &Db, workspace_id: Uuid, rule: &Rule) -> Result<Rule> {
    let known = if rule.named().is_empty() { Vec::new() } else { list_segments(db, workspace_id).await? };
    let whole = whole(&known, rule, None)?;
    Ok(typed::typed(&whole, &list_contact_fields(db, workspace_id).await?))
}

/// Whether a rule goes with the types of the fields that it compares.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn check_rule(db: &Db, workspace_id: Uuid, rule: &Rule) -> Result<()> {
    rule.check()?;
    typed::check(rule, &list_contact_fields(db, workspace_id).await?)
}

/// The same, of known segments. `own` is the segment that the rule is of.
fn whole(known: &[Segment], rule: &Rule, own: Option<Uuid>) -> Result<Rule> {
    rule.check()?;
    let known: BTreeMap<Uuid, &Segment> = known.iter().map(|segment| (segment.id, segment)).collect();
    let mut within: Vec<Uuid> = own.into_iter().collect();
    let whole = put_in(&known, rule, &mut within)?;
    // What was put in counts as well.
    whole.check()?;
    Ok(whole)
}

fn put_in(known: &BTreeMap<Uuid, &Segment>, rule: &Rule, within: &mut Vec<Uuid>) -> Result<Rule> {
    let mut each = |rules: &[Rule]| rules.iter().map(|rule| put_in(known, rule, within)).collect::<Result<Vec<Rule>>>();
    Ok(match rule {
        Rule::All(rules) => Rule::All(each(rules)?),
        Rule::Any(rules) => Rule::Any(each(rules)?),
        Rule::Not(rule) => Rule::Not(Box::new(put_in(known, rule, within)?)),
        Rule::Segment(id) => {
            let Some(segment) = known.get(id) else {
                return Err(wrong(format!("there is no segment {id} in this workspace: choose one from the list")));
            };
            if within.contains(id) {
                let detail =
                    format!("the segment {:?} would belong to itself: leave it out of its own rules", segment.name);
                return Err(wrong(detail));
            }
            within.push(*id);
            let put = put_in(known, &segment.rule.0, within)?;
            within.pop();
            put
        }
        rule => rule.clone(),
    })
}

fn usable(name: &str) -> Result<String> {
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(ContactError::field(
            "name",
            format!("the name {name:?} cannot be used: write 1 to {LONGEST} characters"),
        ));
    }
    Ok(name)
}

fn as_json(rule: &Rule) -> serde_json::Value {
    serde_json::to_value(rule).expect("rules are plain data")
}

fn taken(error: herald_db::DbError, name: &str) -> ContactError {
    match error.is_unique_violation() {
        true => ContactError::NameTaken { what: "segment", name: name.to_owned() },
        false => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u128, rule: Rule) -> Segment {
        let at = DateTime::UNIX_EPOCH;
        Segment {
            id: Uuid::from_u128(number),
            name: format!("S{number}"),
            rule: Json(rule),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_segment_stands_for_its_rules_and_never_for_itself() {
        let of = |number| Rule::Segment(Uuid::from_u128(number));
        let known = [segment(1, Rule::Tag("vip".into())), segment(2, Rule::Not(Box::new(of(1)))), segment(3, of(2))];
        assert_eq!(whole(&known, &of(3), None).unwrap(), Rule::Not(Box::new(Rule::Tag("vip".into()))));
        let said = whole(&known, &of(3), Some(Uuid::from_u128(1))).unwrap_err().to_string();
        assert!(said.contains("belong to itself"), "{said}");
        let said = whole(&known, &of(9), None).unwrap_err().to_string();
        assert!(said.contains("no segment"), "{said}");
        // Each once: the same segment may be named twice.
        let twice = Rule::Any(vec![of(1), of(1)]);
        assert!(whole(&known, &twice, None).is_ok());
    }
}

//! What this crate holds about a person: the contact, tags, consents, the timeline, and what imports changed.

use chrono::{DateTime, Utc};
use futures::FutureExt;
use herald_base::boxed;
use herald_providers::files::Key;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Held, Holder, Whom, Words};
use crate::{
    Activity, Consent, ContactError, Move,
    activity::timeline,
    address::{NOT_TWICE, arranged, rows_of},
    segment::{forget_in_snapshots, snapshots_with},
};
use herald_db::{Bulk, Db, FromRow, Json, Result, Tx, contains, query};

/// The contacts, their tags, consents and timelines, and the imports.
pub const HOLDER: Holder = Holder {
    columns: &[
        ("activities", "contact_id kind detail who"),
        ("contact_addresses", "contact_id kind value label verified_how verified_by"),
        ("contact_consents", "contact_id channel wording source proof"),
        ("contact_merges", "survivor_id merged_id images who"),
        ("contact_tags", "contact_id"),
        (
            "contacts",
            "dedupe_key external_id email phone name picture fields invitation_link lucky_number name_key find_key \
             find_last locale time_zone country preferred_channel source merged_into",
        ),
        ("import_chunks", "images refused"),
        ("imports", "report"),
        ("segment_snapshot_contacts", "contact_id"),
    ],
    moves: &[
        Move::all("activities"),
        Move { table: "contact_addresses", but: NOT_TWICE },
        Move::all("contact_consents"),
    ],
    read: |tx, whom| own(tx, whom).boxed(),
    erase: |tx, whom| erase(tx, whom).boxed(),
};

async fn own(tx: &mut Tx, whom: &Whom) -> std::result::Result<Held, ContactError> {
    let mut held = Held::default();
    let mut contact = json!(whom.contact);
    contact["picture"] = json!(whom.contact.picture);
    held.add("contact", vec![contact]);
    let addresses = rows_of(whom.workspace_id, whom.contact.id).all(&mut *tx).await?;
    held.add("addresses", values(&arranged(&whom.contact, addresses)));
    let tags: Vec<(String,)> = of_contact(
        "select t.name from contact_tags as ct join tags as t on t.workspace_id = ct.workspace_id and t.id = ct.tag_id
         where ct.workspace_id = $1 and ct.contact_id = $2 order by t.name_key",
        whom,
    )
    .all(&mut *tx)
    .await?;
    held.add("tags", tags.into_iter().map(|(name,)| json!(name)).collect());
    let consents: Vec<Consent> = of_contact(
        "select id, channel, given, wording, source, proof, at from contact_consents
         where workspace_id = $1 and contact_id = $2 order by at, id",
        whom,
    )
    .all(&mut *tx)
    .await?;
    held.add("consents", values(&consents));
    let mut activities: Vec<Activity> =
        timeline(whom.workspace_id, whom.contact.id, None, usize::MAX).all(&mut *tx).await?;
    activities.reverse();
    held.add("timeline", values(&activities));
    // A contact that was merged into another one is looked at with that one.
    let merges: Vec<MergeImages> = of_contact(
        "select id, survivor_id, merged_id, images, who, at, undone_at from contact_merges
         where workspace_id = $1 and (survivor_id = $2 or merged_id = $2 and undone_at is not null) order by id",
        whom,
    )
    .all(&mut *tx)
    .await?;
    held.add("merges", values(&merges));
    let chunks = chunks(&mut *tx, whom).await?;
    let id = json!(whom.contact.id);
    let changed = chunks.iter().flat_map(|chunk| {
        let changed = chunk.images.0["c"].as_array().into_iter().flatten().filter(|one| one["i"] == id);
        changed.map(|one| json!({ "import_id": chunk.import_id, "at": chunk.at, "changed": one["f"] }))
    });
    held.add("changes_by_imports", changed.collect());
    let snapshots = snapshots_with(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    held.add("snapshots_of_segments", values(&snapshots));
    held.elsewhere = elsewhere(tx, whom).await?;
    Ok(held)
}

fn of_contact(sql: &str, whom: &Whom) -> herald_db::Query {
    query(sql).bind(whom.workspace_id).bind(whom.contact.id)
}

fn values<T: Serialize>(rows: &[T]) -> Vec<Value> {
    rows.iter().map(|row| json!(row)).collect()
}

#[derive(FromRow, Serialize)]
struct MergeImages {
    id: Uuid,
    survivor_id: Uuid,
    merged_id: Uuid,
    images: Json<Value>,
    who: String,
    at: DateTime<Utc>,
    undone_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Chunk {
    import_id: Uuid,
    from_row: i64,
    images: Json<Value>,
    at: DateTime<Utc>,
}

/// The chunks of imports that made or changed the contact and can still be undone.
async fn chunks(tx: &mut Tx, whom: &Whom) -> Result<Vec<Chunk>> {
    query(
        "select import_id, from_row, images, at from import_chunks
         where workspace_id = $1 and cast(images as text) like $2 escape '\\' order by at, from_row",
    )
    .bind(whom.workspace_id)
    .bind(contains(&whom.contact.id.to_string()))
    .all(tx)
    .await
}

#[derive(FromRow)]
struct Listed {
    name: String,
    created_at: DateTime<Utc>,
}

/// What goes by itself.
async fn elsewhere(tx: &mut Tx, whom: &Whom) -> Result<Vec<String>> {
    let now = tx.db().now();
    let imports: Vec<Listed> = query(
        "select name, created_at from imports where workspace_id = $1 and created_at > $3 and (exists
           (select 1 from activities as a where a.workspace_id = $1 and a.contact_id = $2 and a.subject_id = imports.id)
           or id = (select c.imported_by from contacts as c where c.workspace_id = $1 and c.id = $2))
         order by id",
    )
    .bind(whom.workspace_id)
    .bind(whom.contact.id)
    .bind(now - chrono::TimeDelta::days(2 * crate::UNDO_DAYS))
    .all(&mut *tx)
    .await?;
    let mut sentences: Vec<String> = imports
        .into_iter()
        .map(|import| {
            let day = import.created_at.format("%Y-%m-%d");
            format!(
                "the list {:?}, imported on {day}, names the person: it is deleted when the import cannot be undone \
                 any more, {} days after it was started",
                import.name,
                crate::UNDO_DAYS
            )
        })
        .collect();
    let (exports, last): (i64, Option<DateTime<Utc>>) = query(
        "select count(*), max(expires_at) from exports
         where workspace_id = $1 and state in ('running', 'done') and expires_at > $2 and created_at >= $3",
    )
    .bind(whom.workspace_id)
    .bind(now)
    .bind(whom.contact.created_at)
    .one(tx)
    .await?;
    if let Some(last) = last.filter(|_| exports > 0) {
        let day = last.format("%Y-%m-%d");
        sentences.push(format!("{exports} exported lists may name the person: the last one is deleted on {day}"));
    }
    Ok(sentences)
}

async fn erase(tx: &mut Tx, whom: &Whom) -> std::result::Result<Vec<Key>, ContactError> {
    forget_in_imports(&mut *tx, whom).await?;
    forget_in_snapshots(&mut *tx, whom.workspace_id, whom.contact.id).await?;
    for sql in [
        "delete from contact_merges where workspace_id = $1 and (survivor_id = $2 or merged_id = $2)",
        "delete from contact_addresses where workspace_id = $1 and contact_id = $2",
        "delete from contact_tags where workspace_id = $1 and contact_id = $2",
        "delete from contact_consents where workspace_id = $1 and contact_id = $2",
        "delete from activities where workspace_id = $1 and contact_id = $2",
        "delete from contacts where workspace_id = $1 and id = $2",
    ] {
        of_contact(sql, whom).execute(&mut *tx).await?;
    }
    let picture = whom.contact.picture.as_deref().and_then(|place| place.strip_prefix("store:"));
    Ok(picture.and_then(|key| Key::known(whom.workspace_id, key)).into_iter().collect())
}

/// Takes the person out of what imports keep: what they changed, and what their checks said.
async fn forget_in_imports(tx: &mut Tx, whom: &Whom) -> Result<()> {
    let id = json!(whom.contact.id);
    for mut chunk in chunks(&mut *tx, whom).await? {
        if let Some(made) = chunk.images.0.get_mut("n").and_then(Value::as_array_mut) {
            made.retain(|one| *one != id);
        }
        if let Some(changed) = chunk.images.0.get_mut("c").and_then(Value::as_array_mut) {
            changed.retain(|one| one["i"] != id);
        }
        query("update import_chunks set images = $4 where workspace_id = $1 and import_id = $2 and from_row = $3")
            .bind(whom.workspace_id)
            .bind(chunk.import_id)
            .bind(chunk.from_row)
            .bind(chunk.images.0)
            .execute(&mut *tx)
            .await?;
    }
    let words = Words::of(whom);
    forget_in_refusals(&mut *tx, whom.workspace_id, &words).await?;
    let reports: Vec<(Uuid, Json<Value>, bool)> = of_contact(
        "select i.id, i.report, exists (select 1 from activities as a
                  where a.workspace_id = $1 and a.contact_id = $2 and a.subject_id = i.id)
                or exists (select 1 from contacts as c
                  where c.workspace_id = $1 and c.id = $2 and c.imported_by = i.id) as named
         from imports as i where i.workspace_id = $1 and i.report is not null order by i.id",
        whom,
    )
    .all(&mut *tx)
    .await?;
    for (import_id, Json(mut report), named) in reports {
        // Its counts stay, and so do the names of its columns and sheets.
        let mut found = false;
        for column in report["columns"].as_array_mut().into_iter().flatten().filter(|_| named) {
            column["examples"] = json!([]);
            found = true;
        }
        for part in ["problems", "remarks", "columns"] {
            found |= report.get_mut(part).is_some_and(|part| words.take_out_of(part));
        }
        if found {
            query("update imports set report = $3 where workspace_id = $1 and id = $2")
                .bind(whom.workspace_id)
                .bind(import_id)
                .bind(report)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// Takes the person out of what chunks say of rows that were left out.
async fn forget_in_refusals(tx: &mut Tx, workspace_id: Uuid, words: &Words) -> Result<()> {
    let kept: Vec<(Uuid, i64, Json<Value>)> = query(
        "select import_id, from_row, refused from import_chunks where workspace_id = $1 and refused is not null
         order by import_id, from_row",
    )
    .bind(workspace_id)
    .all(&mut *tx)
    .await?;
    for (import_id, from_row, Json(mut refused)) in kept {
        if words.take_out_of(&mut refused) {
            query("update import_chunks set refused = $4 where workspace_id = $1 and import_id = $2 and from_row = $3")
                .bind(workspace_id)
                .bind(import_id)
                .bind(from_row)
                .bind(refused)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// Those of the files that a contact still has as its picture.
#[boxed]
pub async fn contact_files(db: &Db, workspace_id: Uuid, files: Vec<String>) -> Result<Vec<String>> {
    let mut tx = db.begin().await?;
    let found: Vec<(String,)> = Bulk::new(
        "select rows.file from {rows} where exists
           (select 1 from contacts as c where c.workspace_id = rows.workspace_id and c.picture = rows.picture)",
    )
    .column("workspace_id", files.iter().map(|_| workspace_id).collect())
    .column("picture", files.iter().map(|file| format!("store:{file}")).collect())
    .column("file", files.into_iter().collect())
    .all(&mut tx)
    .await?;
    Ok(found.into_iter().map(|(file,)| file).collect())
}

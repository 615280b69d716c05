//! `/example-data`: fills a workspace with people, their leads, templates, two runs, and a campaign, and removes all
//! of it again.
//!
//! Everything is made by the functions that people's own data takes. So the runs work, fail and are mended as others.

mod guests;
mod pictures;

use axum::{Json, extract::State};
use bytes::Bytes;
use herald_invitations as domain;
use herald_invitations::{
    EXAMPLE, Event, NewRun, NumberFormat, PicturePolicy, RunOptions, RunSource, TemplateFilesError,
};
use herald_ledger::audit::{self, Actor, Entry};
use herald_providers::files::Key;
use herald_template::Bundle;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{actor::By, auth::Workspace, problem::Problem},
};

/// The seconds between two guests of the run that is at work. It can be watched for some minutes.
const SECONDS_APART: u32 = 2;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, load, remove))
}

/// Whether a workspace has example data.
#[derive(Serialize, ToSchema)]
#[schema(as = ExampleData)]
struct Loaded {
    /// Whether there is any.
    loaded: bool,
    /// The example runs.
    runs: Vec<Uuid>,
}

async fn loaded(api: &Api, workspace: Uuid) -> Result<Loaded, Problem> {
    let runs: Vec<Uuid> = domain::example_runs(&api.db, workspace).await?.into_iter().map(|(run, _)| run).collect();
    Ok(Loaded { loaded: !runs.is_empty(), runs })
}

/// Tells whether the workspace has example data.
#[utoipa::path(get, path = "/example-data", operation_id = "getExampleData", tag = "example-data",
    responses(
        (status = 200, description = "Whether there is any", body = Loaded),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Loaded>, Problem> {
    Ok(Json(loaded(&api, workspace).await?))
}

/// Fills the workspace with example data: members, 500 people in 30 languages with leads, templates, a run that has
/// ended, one that is at work, and a campaign. The campaign is sent if mails only go into the outbox.
///
/// Sent again, it does nothing twice.
#[utoipa::path(post, path = "/example-data", operation_id = "loadExampleData", tag = "example-data",
    responses(
        (status = 200, description = "The example data", body = Loaded),
    )
)]
async fn load(State(api): State<Api>, Workspace(workspace): Workspace, By(actor): By) -> Result<Json<Loaded>, Problem> {
    load_all(&api, &actor).await?;
    Ok(Json(loaded(&api, workspace).await?))
}

/// Removes the example data: its runs and guests, its templates, its campaign, its people and their leads.
#[utoipa::path(delete, path = "/example-data", operation_id = "removeExampleData", tag = "example-data",
    responses(
        (status = 200, description = "What is left: nothing", body = Loaded),
    )
)]
async fn remove(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    By(actor): By,
) -> Result<Json<Loaded>, Problem> {
    for (run, _) in domain::example_runs(&api.db, workspace).await? {
        for job in domain::cancel_run_by(&api.db, &actor, run).await?.unwrap_or_default() {
            api.wire.cancel(job);
        }
    }
    herald_messaging::stop_example(&api.db, &actor).await?;
    let mut tx = api.db.begin().await?;
    herald_messaging::remove_example(&mut tx, workspace).await?;
    herald_leads::remove_example(&mut tx, workspace).await?;
    let files = domain::remove_example(&mut tx, workspace).await?;
    audit::record(&mut tx, &actor, Entry::of("example.remove", "example data").affecting(files.len())).await?;
    tx.commit().await?;
    api.people.remove_example(&actor).await?;
    for key in files.iter().filter_map(|key| Key::known(workspace, key)) {
        // Nothing refers to the file any more. One that stays only takes room.
        if let Err(error) = api.files.delete(&key).await {
            tracing::info!(%error, "a file of the example data was not removed");
        }
    }
    Ok(Json(loaded(&api, workspace).await?))
}

/// Fills a workspace with example data, for a command.
///
/// # Errors
/// What went wrong, for the person who typed the command.
pub async fn load_example(api: &Api, actor: &Actor) -> Result<(), String> {
    load_all(api, actor).await.map_err(|problem| problem.to_string())
}

async fn load_all(api: &Api, actor: &Actor) -> Result<(), Problem> {
    let workspace = actor.workspace_id;
    api.people.add_example(actor).await?;
    let mut tx = api.db.begin().await?;
    herald_leads::add_example(&mut tx, workspace).await?;
    tx.commit().await?;
    // The people have no mailboxes: nothing is sent to them.
    let stays_here = api.settings.mail.host.is_empty();
    herald_messaging::add_example(&api.db, actor, stays_here).await?;
    let gala = template(api, workspace, domain::gala_template()).await?;
    let badge = template(api, workspace, domain::badge_template()).await?;
    let pictures = store_pictures(api, workspace).await?;
    let ended = event(api, workspace, "Winter Gala").await?;
    run(api, actor, (&ended, gala), guests::gala(), &pictures, None).await?;
    let at_work = event(api, workspace, "Open Harbour Days").await?;
    run(api, actor, (&at_work, badge), guests::harbour(), &pictures, Some(SECONDS_APART)).await
}

async fn event(api: &Api, workspace: Uuid, name: &str) -> Result<Event, Problem> {
    let event = domain::ensure_event(&api.db, workspace, &format!("{name} {EXAMPLE}"), &NumberFormat::default()).await;
    event.map_err(|error| Problem::internal(&error))
}

/// Stores a template under the name of an example.
async fn template(
    api: &Api,
    workspace: Uuid,
    bundle: Result<Bundle, herald_template::BundleError>,
) -> Result<Uuid, Problem> {
    let given = bundle.map_err(|error| Problem::internal(&error))?;
    let mut bundle = Bundle::default();
    for (name, bytes) in given.files() {
        let bytes = match name {
            "template.toml" => marked(bytes),
            _ => bytes.clone(),
        };
        bundle.insert(name, bytes).map_err(|error| Problem::internal(&error))?;
    }
    let stored = domain::store_template(&api.db, &api.files, workspace, None, &bundle).await;
    Ok(stored.map_err(|error: TemplateFilesError| Problem::internal(&error))?.id)
}

/// The manifest with the mark behind the name. That is the first key; those of the slots come later.
fn marked(manifest: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(manifest);
    let (before, rest) = text.split_once("name = \"").unwrap_or((&text, ""));
    let (name, after) = rest.split_once('"').unwrap_or((rest, ""));
    Bytes::from(format!("{before}name = \"{name} {EXAMPLE}\"{after}"))
}

/// The drawn pictures, by their name in the lists.
async fn store_pictures(api: &Api, workspace: Uuid) -> Result<BTreeMap<String, String>, Problem> {
    let mut stored = BTreeMap::new();
    for (name, bytes) in pictures::ALL {
        let key = Key::picture(workspace, &hex::encode(Sha256::digest(bytes)));
        api.files.put_once(&key, Bytes::from_static(bytes)).await?;
        stored.insert((*name).to_owned(), key.into());
    }
    Ok(stored)
}

/// Starts the run of an event, unless the event has one.
async fn run(
    api: &Api,
    actor: &Actor,
    (event, template_id): (&Event, Uuid),
    list: String,
    pictures: &BTreeMap<String, String>,
    seconds_apart: Option<u32>,
) -> Result<(), Problem> {
    if event.numbers_used > 0 {
        return Ok(());
    }
    let workspace = actor.workspace_id;
    let sha256 = hex::encode(Sha256::digest(&list));
    let key = Key::list(workspace, &sha256);
    api.files.put_once(&key, Bytes::from(list)).await?;
    let source = RunSource::Csv {
        key: key.into(),
        name: "example.csv".to_owned(),
        sha256,
        picture_folder: None,
        pictures: pictures.clone(),
        is_sheet: false,
    };
    let options = RunOptions {
        format: api.settings.images.format(),
        refresh: false,
        only_failed: false,
        limit: None,
        on_bad_picture: PicturePolicy::Fail,
        allow_missing_glyphs: false,
        seconds_apart,
        destination: domain::Destination::Local,
    };
    let new = NewRun { event_id: event.id, template_id, source, options, traceparent: None };
    domain::start_run_by(&api.db, actor, new).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_templates_own_name_is_marked() {
        let manifest = "# A card\nname = \"Gala\"\n[[slot]]\nname = \"guest\"\n";
        let marked = marked(&Bytes::from_static(manifest.as_bytes()));
        assert_eq!(marked, manifest.replace("Gala", "Gala (example)").as_bytes());
    }
}

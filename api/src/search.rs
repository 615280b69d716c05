//! `/search`: finds what the caller may see by a few words.
//!
//! Each group obeys the permissions of the route that lists its things. Every statement is bounded, and leads by an
//! index where there can be millions.

use axum::{Extension, Json, extract::State};
use herald_accounts as connections;
use herald_invitations as domain;
use herald_ledger as ledger;
use herald_people::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::{Caller, Workspace},
        input::Parameters,
        problem::Problem,
    },
    ops::workers,
};

/// The longest text that is searched for, in characters.
const LONGEST: usize = 200;
/// The things of each group.
const FEW: usize = 5;
/// The things of the one group that is asked for.
const MANY: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(search))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The words: a part of a name; of a guest the beginning of the name or of its last word, the whole e-mail
    /// address, lucky number or external id; of a job or batch the whole id.
    #[param(max_length = 200)]
    q: String,
    /// Only this group, with up to 100 things instead of 5.
    #[param(
        pattern = "^(runs|guests|templates|jobs|batches|connections|members|keys|schedules|queues|workers|users)$"
    )]
    kind: Option<String>,
}

/// What was found.
#[derive(Serialize, ToSchema)]
#[schema(as = Search)]
struct Found {
    /// The groups in which something was found.
    groups: Vec<Group>,
}

/// The found things of one kind.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchGroup)]
struct Group {
    /// The kind: `runs`, `guests` and so on.
    #[schema(
        pattern = "^(runs|guests|templates|jobs|batches|connections|members|keys|schedules|queues|workers|users)$"
    )]
    kind: &'static str,
    /// The things.
    items: Vec<Hit>,
    /// Whether there are more.
    more: bool,
}

/// A found thing.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = SearchHit)]
struct Hit {
    /// The id, or the name of a thing that is known by its name.
    id: String,
    /// The name, for people to read.
    name: String,
    /// What tells it from others of that name.
    detail: Option<String>,
    /// The state.
    state: Option<String>,
    /// The run of a guest.
    run_id: Option<Uuid>,
}

/// The kinds, and for each the route whose permission it obeys.
const KINDS: &[(&str, &str)] = &[
    ("guests", "/api/v1/invitation-runs/{id}/guests"),
    ("runs", "/api/v1/invitation-runs"),
    ("templates", "/api/v1/templates"),
    ("jobs", "/api/v1/jobs/{id}"),
    ("batches", "/api/v1/batches/{id}"),
    ("connections", "/api/v1/connections"),
    ("members", "/api/v1/members"),
    ("keys", "/api/v1/keys"),
    ("schedules", "/api/v1/schedules"),
    ("queues", "/api/v1/queues"),
    ("workers", "/api/v1/workers"),
    ("users", "/api/v1/users"),
];

/// Finds guests, runs, templates, jobs, batches, connections, members, keys, schedules, queues, workers and
/// users.
///
/// The answer has only what the caller may list. Viewers neither see nor find e-mail addresses of guests.
#[utoipa::path(get, path = "/search", operation_id = "search", tag = "search",
    params(Asked),
    responses(
        (status = 200, description = "What was found, in groups", body = Found),
    )
)]
async fn search(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Found>, Problem> {
    let words = asked.q.trim();
    if words.chars().count() > LONGEST {
        return Err(Problem::field("q", format!("q is longer than {LONGEST} characters: shorten it")));
    }
    let only = asked.kind.as_deref();
    if let Some(unknown) = only.filter(|only| !KINDS.iter().any(|(kind, _)| kind == only)) {
        let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return Err(Problem::field("kind", format!("kind is {unknown:?}: use {}", known.join(", "))));
    }
    let most = if only.is_some() { MANY } else { FEW };
    let mut groups = Vec::new();
    let wanted = KINDS.iter().filter(|(kind, route)| only.is_none_or(|only| only == *kind) && caller.may_read(route));
    for (kind, _) in wanted.filter(|_| !words.is_empty()) {
        let mut items = of_kind(&api, workspace, &caller, kind, words, most + 1).await?;
        let more = items.len() > most;
        items.truncate(most);
        if !items.is_empty() {
            groups.push(Group { kind, items, more });
        }
    }
    Ok(Json(Found { groups }))
}

async fn of_kind(
    api: &Api,
    workspace: Uuid,
    caller: &Caller,
    kind: &str,
    words: &str,
    limit: usize,
) -> Result<Vec<Hit>, Problem> {
    let db = &api.db;
    Ok(match kind {
        "guests" => {
            let with_addresses = caller.role().is_some_and(|own| own >= Role::Staff);
            let found = domain::search_guests(db, workspace, words, with_addresses, limit).await?;
            found.into_iter().map(Hit::from).collect()
        }
        "runs" => domain::search_runs(db, workspace, words, limit).await?.into_iter().map(Hit::from).collect(),
        "templates" => {
            let found = domain::search_templates(db, workspace, words, limit).await?;
            found.into_iter().map(|template| Hit::named(template.id, template.name)).collect()
        }
        "jobs" => {
            let Ok(id) = words.parse() else { return Ok(Vec::new()) };
            let job = ledger::find_job(db, workspace, id).await?;
            job.map(|job| Hit { state: Some(job.state.to_string()), ..Hit::named(job.id, job.kind) })
                .into_iter()
                .collect()
        }
        "batches" => {
            let Ok(id) = words.parse() else { return Ok(Vec::new()) };
            let batch = ledger::find_batch(db, workspace, id).await?;
            batch
                .map(|batch| Hit { state: Some(batch.state.to_string()), ..Hit::named(batch.id, batch.name) })
                .into_iter()
                .collect()
        }
        "connections" => {
            let lower = words.to_lowercase();
            let mut all = connections::list_connections(db, workspace).await?;
            all.retain(|one| {
                let provider = one.settings.0.provider().name();
                one.name.to_lowercase().contains(&lower) || provider.contains(&lower)
            });
            let hit = |one: connections::Connection| Hit {
                detail: Some(one.settings.0.provider().name().to_owned()),
                state: Some(one.state.to_string()),
                ..Hit::named(&one.name, one.name.clone())
            };
            all.into_iter().take(limit).map(hit).collect()
        }
        "members" => {
            let found = api.people.search_members(workspace, words, limit).await?;
            let hit = |one: herald_people::FoundMember| Hit {
                detail: one.username.is_some().then(|| one.email.clone()),
                state: Some(one.role.name().to_owned()),
                ..Hit::named(one.user_id, one.username.unwrap_or(one.email))
            };
            found.into_iter().map(hit).collect()
        }
        "keys" => {
            let found = api.people.search_keys(workspace, words, limit).await?;
            let hit = |one: herald_people::FoundKey| Hit {
                state: Some(one.role.name().to_owned()),
                ..Hit::named(one.id, one.name)
            };
            found.into_iter().map(hit).collect()
        }
        "schedules" => {
            let found = ledger::search_schedules(db, workspace, words, limit).await?;
            let hit = |one: ledger::FoundSchedule| Hit {
                detail: Some(one.kind),
                state: Some(if one.paused { "paused" } else { "active" }.to_owned()),
                ..Hit::named(one.id, one.name)
            };
            found.into_iter().map(hit).collect()
        }
        "users" => {
            let found = api.people.search_users(words, limit).await?;
            let hit = |one: herald_people::FoundUser| Hit {
                detail: one.username.is_some().then(|| one.email.clone()),
                state: Some(one.state),
                ..Hit::named(one.id, one.username.unwrap_or(one.email))
            };
            found.into_iter().map(hit).collect()
        }
        "workers" => {
            let lower = words.to_lowercase();
            let mut all = workers::shown(api).await?;
            all.retain(|one| one.name.to_lowercase().contains(&lower));
            all.into_iter()
                .take(limit)
                .map(|one| Hit { state: Some(one.state.to_string()), ..Hit::named(one.name.clone(), one.name) })
                .collect()
        }
        _ => {
            let found = ledger::search_queues(db, words, limit).await?;
            found.into_iter().map(|name| Hit::named(name.clone(), name)).collect()
        }
    })
}

impl Hit {
    fn named(id: impl ToString, name: String) -> Self {
        Self { id: id.to_string(), name, ..Self::default() }
    }
}

impl From<domain::FoundGuest> for Hit {
    fn from(guest: domain::FoundGuest) -> Self {
        let mut detail = format!("No. {} · {}", guest.lucky_number, guest.event);
        if let Some(email) = guest.email {
            detail = format!("{detail} · {email}");
        }
        Self {
            detail: Some(detail),
            state: Some(guest.state.to_string()),
            run_id: Some(guest.run_id),
            ..Self::named(guest.id, guest.name)
        }
    }
}

impl From<domain::FoundRun> for Hit {
    fn from(run: domain::FoundRun) -> Self {
        let detail = format!("{} · {}", run.template, run.created_at.format("%Y-%m-%d"));
        Self { detail: Some(detail), state: Some(run.state.to_string()), ..Self::named(run.id, run.event) }
    }
}

//! The guests that Mautic has for a run, as far as a check looks: whether it can be read at all, and the first of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use herald_accounts::{self as accounts, Client, ClientError, ConnectionError, ProviderKind};
use herald_invitations as domain;
use herald_invitations::{
    CheckPlan, MauticGuests, MauticGuestsError, MauticPage, MauticSource, TemplateFilesError,
    guest_list::{Column, Findings, Flaw},
};
use herald_providers::mautic::Selection;
use herald_template::Template;
use uuid::Uuid;

use super::super::source::SAMPLES;
use crate::{Api, front::problem::Problem, invitations::templates};

/// How long a person waits for Mautic. The run itself waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the first guests. What keeps Herald from looking is a remark, for a run would wait until it is mended; what
/// would end the run is a problem.
pub(super) async fn look(
    api: &Api,
    workspace: Uuid,
    source: &MauticSource,
    plan: &CheckPlan,
    template: &Arc<Template>,
) -> Result<Findings, Problem> {
    let unseen = |why: &str| Findings {
        is_counted: false,
        notes: vec![format!("Herald cannot look at the guests now: {why}. A run would wait until it can read them")],
        ..Findings::default()
    };
    let client = match api.accounts.client(workspace, source.connection_id).await {
        Ok((_, Client::Mautic(client))) => client,
        Ok(_) => return Err(Problem::field("source", "the connection is one of another provider")),
        Err(ClientError::Connection(error @ ConnectionError::Missing)) => return Err(error.into()),
        Err(error) => return Ok(unseen(&error.to_string())),
    };
    // What a check asks for counts like what a job asks for.
    let meter = accounts::meter_of_job(&api.db, ProviderKind::Mautic.queue(), 0);
    let guests = MauticGuests { client: &client, source, meter: &meter };
    let looked = tokio::time::timeout(PATIENCE, first(api, workspace, guests, plan, template)).await;
    match looked {
        Ok(Err(Unread::Mautic(MauticGuestsError::Provider(error)))) => Ok(unseen(error.message.trim_end_matches('.'))),
        Ok(Err(Unread::Mautic(MauticGuestsError::Wrong(why)))) => Err(Problem::field("source", why)),
        Ok(Err(Unread::Other(problem))) => Err(problem),
        Ok(Ok(found)) => Ok(found),
        Err(_) => Ok(unseen(&format!("Mautic took more than {} seconds", PATIENCE.as_secs()))),
    }
}

async fn first(
    api: &Api,
    workspace: Uuid,
    guests: MauticGuests<'_>,
    plan: &CheckPlan,
    template: &Arc<Template>,
) -> Result<Findings, Unread> {
    let source = guests.source;
    let fields = guests.fields().await?;
    let known = domain::field_names(fields.iter().map(String::as_str));
    let fits = domain::check_stored_fields(template, known).await;
    fits.map_err(|problems| Unread::Other(templates::refused(TemplateFilesError::Problems(problems))))?;
    let needed = template.fields();
    // As the run reads.
    let all = plan.options.refresh || plan.options.only_failed;
    let known = domain::event_named(&api.db, workspace, &plan.event).await.map_err(Problem::from)?;
    let after = match known.filter(|_| !all && matches!(source.selection, Selection::Form(_))) {
        Some(event) => domain::source_cursor(&api.db, event.id, source.connection_id, &source.selection.name())
            .await
            .map_err(Problem::from)?,
        None => 0,
    };
    let limit = plan.options.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SAMPLES).min(SAMPLES);
    let MauticPage { guests: page, is_end, .. } = guests.page(after, limit, !all, &needed).await?;
    let is_used = |field: &String| needed.contains(field) || Some(field) == source.picture_field.as_ref();
    let column = |field: String| Column { header: field.clone(), field, is_known: false, is_used: true };
    let mut found = Findings {
        columns: fields.into_iter().filter(is_used).collect::<BTreeSet<_>>().into_iter().map(column).collect(),
        ..Findings::default()
    };
    found.guests = page.len() as u64;
    found.is_counted = is_end || plan.options.limit.is_some_and(|limit| limit <= found.guests);
    if is_end && page.is_empty() {
        found.notes.push("Mautic has no guest for this run now".to_owned());
    } else if !found.is_counted {
        found.notes.push(format!("Herald looked at the first {} guests; the run reads all of them", page.len()));
    }
    for one in page {
        if one.has_link {
            let (line, guest) = (u64::try_from(one.id).unwrap_or_default(), one.guest.name.clone());
            found.remarked += 1;
            found.remarks.push(Flaw { line, column: None, header: None, guest, message: guests.remark() });
        }
        found.first.push(one.guest);
    }
    Ok(found)
}

enum Unread {
    Mautic(MauticGuestsError),
    Other(Problem),
}

impl From<MauticGuestsError> for Unread {
    fn from(error: MauticGuestsError) -> Self {
        Self::Mautic(error)
    }
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

//! `/campaigns/{id}/test`: one mail of a campaign to somebody who looks at it.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_app::jobs::CampaignTest;
use herald_contacts::{Channel, find_contact};
use herald_ledger as ledger;
use herald_ledger::{
    Payload as _,
    audit::{self, Entry},
};
use herald_messaging::{MessagingError, content_now, suppression_of};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{campaigns::found, senders::recipient};
use crate::{
    Api,
    front::{
        actor::By,
        input::{self, Id},
        problem::{Kind, Problem},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(test))
}

/// Who gets the mail of a test, and whose mail it is.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = CampaignTestRequest)]
#[serde(deny_unknown_fields, default)]
struct TestOf {
    /// The address that gets the mail. Left out: that of `user_id`, or the caller's own.
    to: Option<String>,
    /// The member who gets the mail.
    user_id: Option<Uuid>,
    /// The contact whose mail it is. Left out: somebody who has a value in every field.
    contact_id: Option<Uuid>,
}

/// A test of a campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignTest)]
struct Testing {
    /// The job that sends the mail. Its result has `findings`.
    job_id: Uuid,
    /// The address of the job.
    job_url: String,
}

/// Sends one mail of a campaign to somebody who looks at it. Its subject begins with `[Test]`, its links unsubscribe
/// nobody, and it is not counted.
#[utoipa::path(post, path = "/campaigns/{id}/test", operation_id = "testCampaign", tag = "campaigns",
    request_body(content = Option<TestOf>),
    responses(
        (status = 202, description = "The job that sends the mail", body = Testing, headers(("location" = String,
            description = "The address of the job"))),
        (status = 409, description = "The address is suppressed"),
        (status = 422, description = "The campaign has no sender or no template, or the address is none"),
    )
)]
async fn test(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let TestOf { to, user_id, contact_id } = input::json_or_nothing(request).await?;
    let campaign = found(&api, actor.workspace_id, id).await?;
    if campaign.channel != Channel::Email {
        let detail = "tests go by e-mail only: look at the preview of the template".to_owned();
        return Err(MessagingError::WrongState(detail).into());
    }
    if campaign.sender_id.is_none() {
        return Err(Problem::field("sender_id", "the campaign has no sender: choose one"));
    }
    content_now(&api.db, actor.workspace_id, &campaign).await?;
    if let Some(contact) = contact_id
        && find_contact(&api.db, actor.workspace_id, contact).await?.is_none()
    {
        return Err(Problem::field("contact_id", format!("there is no contact {contact}: choose another")));
    }
    let to = match (to.filter(|to| !to.trim().is_empty()), user_id) {
        (None, Some(user)) => Some(api.people.member(actor.workspace_id, user).await?.email),
        (to, _) => to,
    };
    let to = recipient(&api, &actor, to).await?;
    let mut tx = api.db.begin().await?;
    if suppression_of(&mut tx, actor.workspace_id, Channel::Email, &to).await?.is_some() {
        let detail = "this address is suppressed: give another one, or lift its suppression first";
        return Err(Problem::new(Kind::WrongState, detail));
    }
    audit::record(&mut tx, &actor, Entry::of("campaign.test", id).affecting(1)).await?;
    tx.commit().await?;
    let job = CampaignTest { campaign_id: id, to, contact_id }.job(actor.workspace_id);
    let job_id = ledger::enqueue_alone(&api.db, job).await?;
    let job_url = format!("/api/v1/jobs/{job_id}");
    let answer = Testing { job_id, job_url: job_url.clone() };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, job_url)], Json(answer)).into_response())
}

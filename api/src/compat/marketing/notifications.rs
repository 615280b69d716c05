//! `/notifications`: what the caller was told in the workspace. A key was told nothing.

use axum::{Extension, Json, extract::State};
use herald_notifications::{Notification, list_notifications};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::{Caller, Who, Workspace},
        problem::Problem,
    },
};

/// The notifications that one answer has at most.
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A notification as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingNotification)]
struct OldNotification {
    id: Uuid,
    /// What it is about, such as `campaign.sent`.
    r#type: String,
    title: String,
    /// The title.
    message: String,
    /// The page of the console that it leads to, below those of the workspace.
    link: String,
    is_read: bool,
    created_at: String,
}

impl From<Notification> for OldNotification {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.id,
            r#type: notification.kind,
            message: notification.title.clone(),
            title: notification.title,
            link: notification.link,
            is_read: notification.read_at.is_some(),
            created_at: notification.created_at.to_rfc3339(),
        }
    }
}

/// Lists what the caller was told in the workspace, the newest first. A key gets an empty list.
#[utoipa::path(get, path = "/notifications", operation_id = "marketingNotifications", tag = "compat",
    responses(
        (status = 200, description = "The notifications, at most 500", body = Vec<OldNotification>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<OldNotification>>, Problem> {
    let Who::Person { user_id, .. } = caller.who else { return Ok(Json(Vec::new())) };
    let told = list_notifications(&api.db, (workspace, user_id), false, None, MOST).await?;
    Ok(Json(told.into_iter().map(OldNotification::from).collect()))
}

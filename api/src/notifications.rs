//! `/notifications`: what the caller was told in a workspace, and whether they want it by mail.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_notifications::{
    MailWish, Notification, list_notifications, mail_wish, mark_all_read, mark_read, set_mail_wish,
};
use herald_people::PeopleError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::Me,
        input::{self, Id, Parameters},
        page::{self, Page},
        problem::{Kind, Problem},
    },
};

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(read_all))
        .routes(routes!(settings, set))
}

/// The id of a workspace that the caller is a member of.
async fn own_workspace(api: &Api, me: Me, name: &str) -> Result<Uuid, Problem> {
    match api.people.memberships(me.user_id, Some(name)).await?.as_slice() {
        [own] => Ok(own.workspace_id),
        _ => Err(PeopleError::Missing("workspace").into()),
    }
}

/// Which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The short name of the workspace.
    workspace: String,
    /// Only those that the caller has not read.
    unread: Option<bool>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists what the caller was told in a workspace, the newest first.
#[utoipa::path(get, path = "/notifications", operation_id = "listNotifications", tag = "notifications",
    params(Wanted),
    responses(
        (status = 200, description = "A page of notifications", body = Page<Notification>),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn list(
    State(api): State<Api>,
    me: Me,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Notification>>, Problem> {
    let (before, limit) = (page::after(wanted.cursor.as_deref())?, page::limit(wanted.limit)?);
    let whose = (own_workspace(&api, me, &wanted.workspace).await?, me.user_id);
    let unread = wanted.unread.unwrap_or_default();
    let rows = list_notifications(&api.db, whose, unread, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Notes that the caller has read a notification.
#[utoipa::path(post, path = "/notifications/{id}/read", operation_id = "readNotification", tag = "notifications",
    responses(
        (status = 204, description = "It is read"),
    )
)]
async fn read(State(api): State<Api>, me: Me, Id(id): Id) -> Result<StatusCode, Problem> {
    match mark_read(&api.db, me.user_id, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Kind::NotFound, format!("there is no notification {id} for you"))),
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NotificationsOf)]
#[serde(deny_unknown_fields)]
struct Of {
    /// The short name of the workspace.
    workspace: String,
}

#[derive(Serialize, ToSchema)]
struct ReadAll {
    /// How many the caller had not read.
    read: u64,
}

/// Notes that the caller has read everything that they were told in a workspace.
#[utoipa::path(post, path = "/notifications/read-all", operation_id = "readAllNotifications", tag = "notifications",
    request_body = Of,
    responses(
        (status = 200, description = "They are read", body = ReadAll),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn read_all(State(api): State<Api>, me: Me, request: Request) -> Result<Json<ReadAll>, Problem> {
    let Of { workspace } = input::json(request).await?;
    let workspace = own_workspace(&api, me, &workspace).await?;
    Ok(Json(ReadAll { read: mark_all_read(&api.db, workspace, me.user_id).await? }))
}

/// Whose settings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The short name of the workspace.
    workspace: String,
}

/// Whether the caller gets notifications by mail.
#[derive(Serialize, ToSchema)]
struct NotificationSettings {
    /// What the caller has said.
    mail: MailWish,
    /// Whether mails reach people: a mail server is set up.
    has_mail_server: bool,
}

impl NotificationSettings {
    fn of(api: &Api, mail: MailWish) -> Json<Self> {
        Json(Self { mail, has_mail_server: !api.settings.mail.host.is_empty() })
    }
}

/// Returns whether the caller gets the notifications of a workspace by mail.
#[utoipa::path(get, path = "/notifications/settings", operation_id = "getNotificationSettings", tag = "notifications",
    params(Asked),
    responses(
        (status = 200, description = "The settings", body = NotificationSettings),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn settings(
    State(api): State<Api>,
    me: Me,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<NotificationSettings>, Problem> {
    let workspace = own_workspace(&api, me, &asked.workspace).await?;
    Ok(NotificationSettings::of(&api, mail_wish(&api.db, workspace, me.user_id).await?))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewNotificationSettings)]
#[serde(deny_unknown_fields)]
struct New {
    /// The short name of the workspace.
    workspace: String,
    /// Whether mails are wanted: `default` means if a mail server is set up.
    mail: MailWish,
}

/// Sets whether the caller gets the notifications of a workspace by mail.
#[utoipa::path(put, path = "/notifications/settings", operation_id = "setNotificationSettings", tag = "notifications",
    request_body = New,
    responses(
        (status = 200, description = "The settings", body = NotificationSettings),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn set(State(api): State<Api>, me: Me, request: Request) -> Result<Json<NotificationSettings>, Problem> {
    let New { workspace, mail } = input::json(request).await?;
    let workspace = own_workspace(&api, me, &workspace).await?;
    set_mail_wish(&api.db, workspace, me.user_id, mail).await?;
    Ok(NotificationSettings::of(&api, mail))
}

//! Previews and checks of templates of messages: the mail that a contact would get, and what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Request, State},
};
use herald_contacts::{Rule, filled_fields, find_contact};
use herald_messaging::template::{
    Block, CONTACT_VALUES, Compiled, Finding, GIVEN, MessageContent, RenderedMail, contact_values, message_blocks,
    sample_value,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::templates::{content_of, found};
use crate::{
    Api,
    front::{
        auth::Workspace,
        input::{self, Id},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(draft)).routes(routes!(preview)).routes(routes!(checks))
}

/// For whom the mail is.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = MessageReader)]
#[serde(default, deny_unknown_fields)]
struct Reader {
    /// The version. Missing: the current one.
    #[schema(minimum = 1)]
    version: Option<i64>,
    /// The contact. Missing: somebody who has a value in every field.
    contact_id: Option<Uuid>,
    /// The language. Missing: the one that the contact would get.
    language: Option<String>,
    /// Values that stand before those of the contact.
    values: BTreeMap<String, String>,
}

/// A template that is not stored, and for whom the mail is.
#[derive(Deserialize, ToSchema)]
#[schema(as = MessageDraft)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// What it says.
    content: MessageContent,
    /// The contact. Missing: somebody who has a value in every field.
    #[serde(default)]
    contact_id: Option<Uuid>,
    /// The language. Missing: the one that the contact would get.
    #[serde(default)]
    language: Option<String>,
    /// Values that stand before those of the contact.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// A mail as one reader would get it.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePreview)]
struct Preview {
    /// The subject. Null, as page and text are: a finding that is an error says why there is no mail.
    subject: Option<String>,
    /// The page.
    html: Option<String>,
    /// The plain text.
    text: Option<String>,
    /// The language.
    language: String,
    /// What is wrong, or may become so.
    findings: Vec<Finding>,
}

/// What is wrong with a template, and what it needs.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageTemplateChecks)]
struct Checks {
    /// Whether mails can be made of it.
    is_ready: bool,
    /// What is wrong, or may become so.
    findings: Vec<Finding>,
    /// The fields of contacts that it reads.
    fields: BTreeSet<String>,
    /// Those of them without which a contact gets no mail.
    required: BTreeSet<String>,
}

/// Shows the mail that a contact would get by a template that is not stored.
#[utoipa::path(post, path = "/message-templates/preview", operation_id = "previewMessageDraft",
    tag = "message-templates",
    request_body = Draft,
    responses(
        (status = 200, description = "The mail, or why there is none", body = Preview),
    )
)]
async fn draft(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    request: Request,
) -> Result<Json<Preview>, Problem> {
    let Draft { content, contact_id, language, values } = input::json(request).await?;
    let reader = Reader { version: None, contact_id, language, values };
    Ok(Json(shown(&api, workspace, content, reader).await?))
}

/// Shows the mail that a contact would get.
#[utoipa::path(post, path = "/message-templates/{id}/preview", operation_id = "previewMessageTemplate",
    tag = "message-templates",
    request_body = Reader,
    responses(
        (status = 200, description = "The mail, or why there is none", body = Preview),
    )
)]
async fn preview(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    request: Request,
) -> Result<Json<Preview>, Problem> {
    let reader: Reader = input::json_or_nothing(request).await?;
    found(&api, workspace, id).await?;
    let content = content_of(&api, workspace, id, reader.version).await?;
    Ok(Json(shown(&api, workspace, content, reader).await?))
}

/// Tells what is wrong with a template, and which fields it needs. Fields in which no contact has a value are among
/// what is wrong.
#[utoipa::path(get, path = "/message-templates/{id}/checks", operation_id = "checkMessageTemplate",
    tag = "message-templates",
    responses(
        (status = 200, description = "What is wrong", body = Checks),
    )
)]
async fn checks(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Checks>, Problem> {
    let content = content_of(&api, workspace, id, None).await?;
    let blocks = message_blocks(&api.db, workspace).await?;
    let (compiled, mut findings) = compiled(content, blocks).await?;
    let Some(compiled) = compiled else {
        let none = BTreeSet::new;
        return Ok(Json(Checks { is_ready: false, findings, fields: none(), required: none() }));
    };
    let (fields, required) = (compiled.fields(), compiled.required());
    let own: Vec<String> = fields.iter().filter(|name| !CONTACT_VALUES.contains(&name.as_str())).cloned().collect();
    let filled = filled_fields(&api.db, workspace, &Rule::All(Vec::new()), own.clone()).await?;
    for name in own.iter().filter(|name| !filled.contains(*name)) {
        findings.push(Finding {
            language: String::new(),
            place: "body".to_owned(),
            problem: format!("no contact has a value in the field {name:?}"),
            cure: "correct its name, or import the values".to_owned(),
            is_error: false,
        });
    }
    Ok(Json(Checks { is_ready: true, findings, fields, required }))
}

/// Compiles where it keeps nobody waiting.
async fn compiled(
    content: MessageContent,
    blocks: BTreeMap<String, Block>,
) -> Result<(Option<Compiled>, Vec<Finding>), Problem> {
    let work = tokio::task::spawn_blocking(move || Compiled::with_findings(&content, &blocks));
    work.await.map_err(|error| Problem::internal(&error))
}

async fn shown(api: &Api, workspace: Uuid, content: MessageContent, reader: Reader) -> Result<Preview, Problem> {
    let contact = match reader.contact_id {
        Some(id) => {
            let found = find_contact(&api.db, workspace, id).await?;
            Some(
                found
                    .ok_or_else(|| Problem::field("contact_id", format!("there is no contact {id}: choose another")))?,
            )
        }
        None => None,
    };
    let blocks = message_blocks(&api.db, workspace).await?;
    let default_language = content.default_language.clone();
    let (compiled, mut findings) = compiled(content, blocks).await?;
    let Some(compiled) = compiled else {
        let language = reader.language.unwrap_or(default_language);
        return Ok(Preview { subject: None, html: None, text: None, language, findings });
    };
    let locale = reader.language.as_deref().or(contact.as_ref().and_then(|contact| contact.locale.as_deref()));
    let language = compiled.language_for(locale).to_owned();
    let mut values = match &contact {
        Some(contact) => contact_values(contact),
        None => compiled.fields().into_iter().map(|name| (name.clone(), sample_value(&name))).collect(),
    };
    values.extend(GIVEN.map(|name| (name.to_owned(), given(api, name))));
    values.extend(reader.values);
    let work = tokio::task::spawn_blocking(move || {
        let made = compiled.render(&language, &values);
        (language, made)
    });
    let (language, made) = work.await.map_err(|error| Problem::internal(&error))?;
    Ok(match made {
        Ok(RenderedMail { subject, html, text }) => {
            Preview { subject: Some(subject), html: Some(html), text: Some(text), language, findings }
        }
        Err(error) => {
            findings.push(Finding {
                language: language.clone(),
                place: error.place,
                problem: match contact {
                    Some(_) => "this contact gets no mail".to_owned(),
                    None => "no mail can be made of these values".to_owned(),
                },
                cure: error.detail,
                is_error: true,
            });
            Preview { subject: None, html: None, text: None, language, findings }
        }
    })
}

/// What the sender of a campaign would give.
fn given(api: &Api, name: &str) -> String {
    let page = |path: &str| format!("{}/{path}", api.settings.http.public_url.trim_end_matches('/'));
    match name {
        "unsubscribe_url" => page("u/preview"),
        "preferences_url" => page("u/preview/preferences"),
        "view_url" | "archive_url" => page("a/preview"),
        "postal_address" => "Example Street 1, 12345 Example Town".to_owned(),
        _ => "Example Sender".to_owned(),
    }
}

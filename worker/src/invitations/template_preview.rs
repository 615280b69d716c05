//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::{collections::BTreeMap, sync::Arc};

use herald_app::jobs::TemplatePreview;
use herald_invitations as domain;
use herald_providers::files::Key;

use crate::jobs::{Context, Task, undone};
use crate::{
    runner::{Done, Failure},
    studio::{Drawing, Drawn, Source},
};

/// The sample values in place of a guest's number and link.
const SAMPLE_NUMBER: &str = "0042";
const SAMPLE_LINK: &str = "https://invites.example.com/i/this-is-where-the-link-of-the-guest-will-be";
const SAMPLE_EVENT: &str = "Sample Event";
const SAMPLE_NAME: &str = "Alex Example";

pub(crate) async fn run(context: Arc<Context>, task: Task<TemplatePreview>) -> Result<Done, Failure> {
    let args = task.args;
    let Some(row) = domain::find_template(&context.db, task.workspace_id, args.template_id).await? else {
        return Err(Failure::Fail("the template does not exist".to_owned()));
    };
    let source = Source::Stored(&context.files, &row);
    let facts = context.studio.facts(source).await.map_err(undone)?;
    let format = context.studio.format(args.format);
    let contact = match args.contact_id {
        Some(id) => match domain::find_contact(&context.db, task.workspace_id, id).await? {
            Some(contact) => Some(contact),
            None => return Err(Failure::Fail(format!("contact {id} does not exist: check the id"))),
        },
        None => None,
    };
    let mut fields = match &contact {
        Some(contact) => domain::fields_of(
            &contact.name,
            contact.email.as_deref(),
            contact.phone.as_deref(),
            contact.external_id.as_deref(),
            &contact.fields.0,
        ),
        None => {
            let name = args.fields.get("name").map_or(SAMPLE_NAME, String::as_str);
            domain::fields_of(name, Some("alex@example.com"), None, None, &BTreeMap::new())
        }
    };
    fields.entry("event".to_owned()).or_insert_with(|| SAMPLE_EVENT.to_owned());
    fields.extend(args.fields);
    for field in &facts.fields {
        // A field without a value shows its own name, so that its place is visible.
        fields.entry(field.clone()).or_insert_with(|| field.clone());
    }
    let number = contact.and_then(|contact| contact.lucky_number).unwrap_or_else(|| SAMPLE_NUMBER.to_owned());
    let drawing = Drawing {
        fields,
        number,
        link: SAMPLE_LINK.to_owned(),
        format: args.format,
        portrait: None,
        allow_missing_glyphs: !args.strict,
        unless: None,
    };
    let Drawn::New { sha256, bytes, notes, .. } = context.studio.draw(source, drawing, None).await.map_err(undone)?
    else {
        return Err(Failure::Fail("it was not drawn: please report this".to_owned()));
    };
    let file = Key::preview(task.workspace_id, &sha256, format.extension());
    context.files.put_once(&file, bytes).await?;
    let result = serde_json::json!({ "file": file.as_str(), "media_type": format.media_type(), "notes": notes });
    Ok(Done { result: Some(result), ..Done::default() })
}

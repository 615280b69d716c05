//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use herald_shared::{domain, files::Key, jobs::TemplatePreview};
use sha2::{Digest, Sha256};

use super::{
    Context, Task,
    invitation_render::{Shown, draw, format, prepared},
};
use crate::runner::{Done, Failure};

/// Shown where a guest's number and link will be.
const SAMPLE_NUMBER: &str = "0042";
const SAMPLE_LINK: &str = "https://invites.example.com/i/this-is-where-the-link-of-the-guest-will-be";
const SAMPLE_EVENT: &str = "Sample Event";
const SAMPLE_NAME: &str = "Alex Example";

pub(super) async fn run(context: Arc<Context>, task: Task<TemplatePreview>) -> Result<Done, Failure> {
    let args = task.args;
    let Some(row) = domain::template(&context.db, task.workspace_id, args.template_id).await? else {
        return Err(Failure::Fail("the template does not exist".to_owned()));
    };
    let template = prepared(&context, &row).await?;
    let format = format(&context, &args.format)?;
    let contact = match args.contact_id {
        Some(id) => match domain::contact(&context.db, task.workspace_id, id).await? {
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
    let (manifest, _) = domain::load_template(&context.files, &row).await?;
    for field in manifest.fields() {
        // A field nobody gave shows its own name, so that its place can be seen.
        fields.entry(field.clone()).or_insert(field);
    }
    let number = contact.and_then(|contact| contact.lucky_number).unwrap_or_else(|| SAMPLE_NUMBER.to_owned());
    let drawn = {
        let drawing = context.clone();
        let draw = move || {
            let (number, link) = (&*number, SAMPLE_LINK);
            draw(
                &drawing,
                &template,
                &Shown { fields: &fields, number, link, allow_missing_glyphs: true },
                None,
                format,
            )
        };
        context.studio.cpu.run(draw).await?
    };
    let hash = hex::encode(Sha256::digest(&drawn.bytes));
    let file = Key::preview(task.workspace_id, &hash, format.extension());
    context.files.put_once(&file, Bytes::from(drawn.bytes)).await?;
    let notes: Vec<String> = drawn.notes.iter().map(ToString::to_string).collect();
    let result = serde_json::json!({ "file": file.as_str(), "media_type": format.media_type(), "notes": notes });
    Ok(Done { result: Some(result), ..Done::default() })
}

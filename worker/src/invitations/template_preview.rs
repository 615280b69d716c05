//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::sync::Arc;

use herald_app::jobs::TemplatePreview;
use herald_invitations as domain;
use herald_invitations::Sample;
use herald_providers::files::Key;

use crate::jobs::{Context, Task, undone};
use crate::{
    runner::{Done, Failure},
    studio::{Drawing, Drawn, Source},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<TemplatePreview>) -> Result<Done, Failure> {
    let args = task.args;
    let Some(row) = domain::find_template(&context.db, task.workspace_id, args.template_id).await? else {
        return Err(Failure::Fail("the template does not exist".to_owned()));
    };
    let source = Source::Stored(&context.files, &row);
    let facts = context.studio.facts(source).await.map_err(undone)?;
    let format = context.studio.format(args.format);
    let contact = match args.contact_id {
        Some(id) => match herald_contacts::find_contact(&context.db, task.workspace_id, id).await? {
            Some(contact) => Some(contact),
            None => return Err(Failure::Fail(format!("contact {id} does not exist: check the id"))),
        },
        None => None,
    };
    let sample = match &contact {
        Some(contact) => Sample::contact(contact),
        None => Sample::nobody(args.fields.get("name").map(String::as_str)),
    };
    let Sample { fields, number, link } = sample.with(args.fields, &facts.fields);
    let drawing = Drawing {
        fields,
        number,
        link,
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

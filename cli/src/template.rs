//! `herald template check`: lists all faults of a template, and draws a preview.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_template::Bundle;
use herald_worker::studio::{Drawing, Drawn, Source, Studio};

use crate::{
    args::{Common, Template},
    engine, home,
};

pub(crate) async fn run(common: &Common, command: Template) -> anyhow::Result<ExitCode> {
    let Template::Check { folder, preview, name } = command;
    let settings = home::settings(common)?;
    let bundle = Bundle::read(&folder)?;
    let source = Source::Given(&bundle);
    let studio = engine::studio(&settings, 1)?;
    let facts = studio.facts(source).await?;
    say(&format!("{} is fine: {} × {} pixels", folder.display(), facts.width, facts.height));
    say(&format!(
        "it uses these columns of the list: {}",
        if facts.fields.is_empty() { "none".to_owned() } else { facts.fields.join(", ") }
    ));
    facts.notes.iter().for_each(|note| say(&format!("note: {note}")));
    // This reports for each format whether it is assembled from parts, checked with a sample, or encoded as a whole for
    // every guest, and why.
    for (format, whole) in studio.formats(source).await? {
        match whole {
            None => say(&format!("{format}: Herald encodes only the parts that differ between guests")),
            Some(reason) => {
                say(&format!("{format}: Herald encodes every invitation as a whole, which is slower: {reason}"))
            }
        }
    }
    if let Some(path) = preview {
        draw(&studio, source, &facts.fields, &name, &path).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn draw(studio: &Studio, source: Source<'_>, wanted: &[String], name: &str, path: &Path) -> anyhow::Result<()> {
    let ending = path.extension().and_then(|extension| extension.to_str());
    let Some(format) = ending.and_then(ImageFormat::of_extension) else {
        bail!("{} does not end in .jpg, .png or .webp: choose one of these endings", path.display());
    };
    let mut fields = domain::fields_of(name, Some("alex@example.com"), None, None, &BTreeMap::new());
    for field in wanted {
        // A field without a value shows its own name, so that its place is visible.
        fields.entry(field.clone()).or_insert_with(|| field.clone());
    }
    let drawing = Drawing {
        fields,
        number: "0042".to_owned(),
        link: "https://invites.example.com/i/this-is-where-the-link-of-the-guest-will-be".to_owned(),
        format,
        portrait: None,
        allow_missing_glyphs: true,
        unless: None,
    };
    let Drawn::New { bytes, notes, .. } = studio.draw(source, drawing, None).await? else {
        bail!("the sample was not drawn: please report this");
    };
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    notes.iter().for_each(|note| say(&format!("note: {note}")));
    say(&format!("drew {}", path.display()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

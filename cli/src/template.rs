//! `herald template check`: everything that is wrong with a template, and a look at it.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use herald_shared::{
    domain,
    template::{Bundle, Template as Manifest},
};
use herald_worker::imaging::{
    encode::Format,
    fonts::FontLibrary,
    render::{Guest, Scratch, render},
    template::PreparedTemplate,
};

use crate::{
    args::{Common, Template},
    home,
};

pub(crate) fn run(common: &Common, command: Template) -> anyhow::Result<ExitCode> {
    let Template::Check { folder, preview, name } = command;
    let settings = home::settings(common)?;
    let fonts = FontLibrary::with_system(&settings.images.font_folders);
    let bundle = Bundle::read(&folder)?;
    let manifest = Manifest::read(&bundle)?;
    let (width, height) = (manifest.width, manifest.height);
    let fields: Vec<String> = manifest.fields().into_iter().collect();
    let prepared = PreparedTemplate::from_template(manifest, &bundle, &fonts)?;
    say(&format!("{} is fine: {width} × {height} pixels", folder.display()));
    say(&format!(
        "it reads these columns of the list: {}",
        if fields.is_empty() { "none".to_owned() } else { fields.join(", ") }
    ));
    prepared.notes().iter().for_each(|note| say(&format!("note: {note}")));
    say_how_encoded(&prepared, settings.images.jpeg_quality);
    if let Some(path) = preview {
        draw(&prepared, &fields, &name, &path, settings.images.jpeg_quality)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Which formats are put together from pieces, checked with a sample, and which are encoded whole for every guest, and why.
fn say_how_encoded(template: &PreparedTemplate, jpeg_quality: u8) {
    for format in [Format::Jpeg { quality: jpeg_quality }, Format::Png, Format::WebP] {
        let name = match format {
            Format::Jpeg { .. } => "jpeg",
            Format::Png => "png",
            Format::WebP => "webp",
        };
        match template.encoded_whole(format) {
            None => say(&format!("{name}: only what differs from guest to guest is encoded")),
            Some(reason) => say(&format!("{name}: every invitation is encoded whole, which is slower: {reason}")),
        }
    }
}

fn draw(
    template: &PreparedTemplate,
    wanted: &[String],
    name: &str,
    path: &Path,
    jpeg_quality: u8,
) -> anyhow::Result<()> {
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("jpg" | "jpeg") => Format::Jpeg { quality: jpeg_quality },
        Some("png") => Format::Png,
        Some("webp") => Format::WebP,
        _ => bail!("{} does not end in .jpg, .png or .webp", path.display()),
    };
    let mut fields = domain::fields_of(name, Some("alex@example.com"), None, None, &BTreeMap::new());
    for field in wanted {
        // A field without a value shows its own name, so that its place can be seen.
        fields.entry(field.clone()).or_insert_with(|| field.clone());
    }
    let link = "https://invites.example.com/i/this-is-where-the-link-of-the-guest-will-be";
    let guest = Guest { fields: &fields, portrait: None, number: "0042", link, allow_missing_glyphs: true };
    let drawn = render(template, &guest, format, &mut Scratch::default())?;
    std::fs::write(path, drawn.bytes).with_context(|| format!("writing {}", path.display()))?;
    drawn.notes.iter().for_each(|note| say(&format!("note: {note}")));
    say(&format!("drew {}", path.display()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

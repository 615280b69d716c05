//! Invitations for decoders/check.py to read with other people's decoders, and Herald's own answer.

use std::path::Path;

use anyhow::{Context, ensure};
use herald_imaging::encode::Format;
use herald_imaging::picture::{self, Pixels};

use crate::render::{SIZES, Scene};

const FORMATS: [(&str, Format); 3] =
    [("webp", Format::WebP), ("png", Format::Png), ("jpeg", Format::Jpeg { quality: 90 })];

/// Writes each guest's invitation as PNG and JPEG, which are put together from pieces, and as lossless WebP, which is
/// encoded whole: what a PNG must show. Herald's own decoder is asked at once.
pub(crate) fn run(scene: &Path, out: &Path) -> anyhow::Result<()> {
    let scene = Scene::read(scene)?;
    std::fs::create_dir_all(out).context("making the folder")?;
    for size in SIZES {
        for guest in 0..scene.guests() {
            let mut shown = None;
            for (name, format) in FORMATS {
                let bytes = scene.sample(size, format, guest)?;
                let Pixels::Opaque(image) = picture::decode(&bytes).context("decoding an invitation")?.pixels else {
                    anyhow::bail!("{size}-{guest}.{name} has alpha");
                };
                let whole = shown.get_or_insert_with(|| image.clone());
                ensure!(name == "jpeg" || *whole == image, "{size}-{guest}.{name} does not show what the WebP does");
                ensure!(whole.dimensions() == image.dimensions(), "{size}-{guest}.{name} has another size");
                std::fs::write(out.join(format!("{size}-{guest}.{name}")), bytes).context("writing an invitation")?;
            }
        }
    }
    Ok(())
}

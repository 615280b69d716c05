//! CPU per invitation and invitations per second, beside the script's figures on the same templates and guests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use herald_shared::template::Bundle;
use herald_worker::imaging::crop::{CropSettings, DEFAULT_MARGIN, crop_portrait};
use herald_worker::imaging::encode::Format;
use herald_worker::imaging::face::{FaceFinder, FaceSettings};
use herald_worker::imaging::fonts::FontLibrary;
use herald_worker::imaging::picture::{self, Pixels};
use herald_worker::imaging::render::{Guest, Scratch, draw, encode_drawn};
use herald_worker::imaging::resize;
use herald_worker::imaging::template::PreparedTemplate;
use serde::{Deserialize, Serialize};

use crate::cpu::{self, median};
use crate::table::{self, Table};

pub(crate) const SIZES: [&str; 2] = ["s", "p"];
const FORMATS: [(&str, Format); 2] = [("png", Format::Png), ("jpeg", Format::Jpeg { quality: 90 })];
/// What is aimed at, against the script: with detection, and PNG and JPEG with the crop at hand.
const AIM_DETECT: f64 = 30.0;
const AIM_CACHED: [(&str, f64); 2] = [("png", 80.0), ("jpeg", 10.0)];

#[derive(Deserialize)]
struct Baseline {
    versions: BTreeMap<String, String>,
    cases: Vec<BaselineCase>,
}

#[derive(Deserialize)]
struct BaselineCase {
    size: String,
    format: String,
    /// `detect`, `cached` or `careful`.
    mode: String,
    whole_ms: f64,
    kb: f64,
    stages_ms: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct SceneGuest {
    name: String,
    number: String,
    link: String,
}

/// The same scene as the script's, read once.
pub(crate) struct Scene {
    profile: Vec<u8>,
    guests: Vec<(BTreeMap<String, String>, SceneGuest)>,
    templates: BTreeMap<&'static str, Arc<PreparedTemplate>>,
    finder: FaceFinder,
}

#[derive(Serialize)]
struct Case {
    size: &'static str,
    format: &'static str,
    detect: bool,
    whole_ms: f64,
    kb: f64,
    /// Decoding the profile picture; only with detection, like `crop`.
    decode_ms: f64,
    /// Finding the face and cutting it out.
    crop_ms: f64,
    draw_ms: f64,
    encode_ms: f64,
}

#[derive(Serialize)]
struct Throughput {
    what: String,
    threads: usize,
    per_second: f64,
}

#[derive(Serialize)]
struct Figures {
    cases: Vec<Case>,
    throughput: Vec<Throughput>,
}

/// Runs every case and prints it beside the script.
pub(crate) fn run(
    scene: &Path,
    baseline: &Path,
    results: &Path,
    samples: &Path,
    iterations: usize,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(baseline).with_context(|| format!("reading {}", baseline.display()))?;
    let baseline: Baseline = serde_json::from_str(&text).context("decoding the script's figures")?;
    let scene = Scene::read(scene)?;
    std::fs::create_dir_all(samples).context("making the folder for samples")?;
    let mut cases = Vec::new();
    for size in SIZES {
        for (name, format) in FORMATS {
            for detect in [true, false] {
                cases.push(case(&scene, size, (name, format), detect, iterations, samples)?);
            }
        }
    }
    let throughput = throughput(&scene, iterations)?;
    let text = report(&baseline, &cases, &throughput);
    table::publish(results, "render", &text, &Figures { cases, throughput })
}

impl Scene {
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let guests = std::fs::read_to_string(folder.join("guests.json")).context("reading guests.json")?;
        let guests: Vec<SceneGuest> = serde_json::from_str(&guests).context("decoding guests.json")?;
        let fields = |guest: &SceneGuest| BTreeMap::from([("name".to_owned(), guest.name.clone())]);
        let fonts = FontLibrary::with_system(&[]);
        let mut templates = BTreeMap::new();
        for size in SIZES {
            let bundle = Bundle::read(&folder.join(size)).with_context(|| format!("reading template {size}"))?;
            let template =
                PreparedTemplate::new(&bundle, &fonts).with_context(|| format!("preparing template {size}"))?;
            templates.insert(size, Arc::new(template));
        }
        Ok(Self {
            profile: std::fs::read(folder.join("profile.jpg")).context("reading profile.jpg")?,
            guests: guests.into_iter().map(|guest| (fields(&guest), guest)).collect(),
            templates,
            finder: FaceFinder::new(),
        })
    }

    fn portrait(&self, size: &str, resize: &mut resize::Scratch) -> anyhow::Result<Portrait> {
        let (decode_ms, picture) = cpu::timed(|| picture::decode(&self.profile));
        let picture = picture.context("decoding the profile picture")?;
        let side = self.templates[size].portrait_side().context("the template has no picture")?;
        let settings = CropSettings { face: FaceSettings::default(), margin: DEFAULT_MARGIN, side };
        let (crop_ms, portrait) = cpu::timed(|| crop_portrait(&picture, &self.finder, &settings, resize));
        Ok(Portrait { pixels: portrait.context("no face in the profile picture")?.pixels, decode_ms, crop_ms })
    }

    pub(crate) fn guests(&self) -> usize {
        self.guests.len()
    }

    /// One guest's invitation, with buffers of its own.
    pub(crate) fn sample(&self, size: &str, format: Format, guest: usize) -> anyhow::Result<Vec<u8>> {
        let portrait = self.portrait(size, &mut resize::Scratch::new())?.pixels;
        Ok(self.invitation(size, format, guest, &portrait, &mut Scratch::default())?.bytes)
    }

    /// Draws and encodes one guest's invitation.
    fn invitation(
        &self,
        size: &str,
        format: Format,
        guest: usize,
        portrait: &Pixels,
        scratch: &mut Scratch,
    ) -> anyhow::Result<Drawn> {
        let (fields, guest) = &self.guests[guest % self.guests.len()];
        let guest = Guest { fields, portrait: Some(portrait), number: &guest.number, link: &guest.link };
        let template = &self.templates[size];
        let (draw_ms, notes) = cpu::timed(|| draw(template, &guest, scratch));
        notes?;
        let (encode_ms, bytes) = cpu::timed(|| encode_drawn(template, format, scratch));
        Ok(Drawn { bytes: bytes?, draw_ms, encode_ms })
    }
}

struct Drawn {
    bytes: Vec<u8>,
    draw_ms: f64,
    encode_ms: f64,
}

struct Portrait {
    pixels: Pixels,
    decode_ms: f64,
    crop_ms: f64,
}

fn case(
    scene: &Scene,
    size: &'static str,
    (name, format): (&'static str, Format),
    detect: bool,
    iterations: usize,
    samples: &Path,
) -> anyhow::Result<Case> {
    let (mut scratch, mut resize) = (Scratch::default(), resize::Scratch::new());
    let cached = scene.portrait(size, &mut resize)?.pixels;
    let mut columns: [Vec<f64>; 6] = Default::default();
    // The first warms buffers and glyph caches.
    for index in 0..=iterations {
        let start = cpu::process_ms();
        let fresh = if detect { Some(scene.portrait(size, &mut resize)?) } else { None };
        let portrait = fresh.as_ref().map_or(&cached, |fresh| &fresh.pixels);
        let drawn = scene.invitation(size, format, index, portrait, &mut scratch)?;
        let whole_ms = cpu::process_ms() - start;
        if index == 0 {
            std::fs::write(samples.join(format!("herald-{size}.{name}")), &drawn.bytes).context("keeping a sample")?;
            continue;
        }
        let (decode_ms, crop_ms) = fresh.as_ref().map_or((0.0, 0.0), |fresh| (fresh.decode_ms, fresh.crop_ms));
        let kb = drawn.bytes.len() as f64 / 1000.0;
        let row = [whole_ms, kb, decode_ms, crop_ms, drawn.draw_ms, drawn.encode_ms];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let [whole_ms, kb, decode_ms, crop_ms, draw_ms, encode_ms] = columns.map(median);
    Ok(Case { size, format: name, detect, whole_ms, kb, decode_ms, crop_ms, draw_ms, encode_ms })
}

/// Invitations per second by the wall clock, with the crop at hand and from the profile picture.
fn throughput(scene: &Scene, iterations: usize) -> anyhow::Result<Vec<Throughput>> {
    let mut rows = Vec::new();
    for (name, format) in FORMATS {
        for detect in [false, true] {
            for threads in [1, 2] {
                let each = iterations * 6;
                let start = Instant::now();
                let done: anyhow::Result<Vec<()>> = std::thread::scope(|scope| {
                    let work = || -> anyhow::Result<()> {
                        let (mut scratch, mut resize) = (Scratch::default(), resize::Scratch::new());
                        let cached = scene.portrait("s", &mut resize)?.pixels;
                        for index in 0..each {
                            let fresh = if detect { Some(scene.portrait("s", &mut resize)?) } else { None };
                            let portrait = fresh.as_ref().map_or(&cached, |fresh| &fresh.pixels);
                            scene.invitation("s", format, index, portrait, &mut scratch)?;
                        }
                        Ok(())
                    };
                    let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                    running.into_iter().map(|thread| thread.join().expect("a bench thread does not panic")).collect()
                });
                done?;
                let per_second = (threads * each) as f64 / start.elapsed().as_secs_f64();
                let what = format!("s {name}, {}", if detect { "with detection" } else { "crop cached" });
                rows.push(Throughput { what, threads, per_second });
            }
        }
    }
    Ok(rows)
}

fn report(baseline: &Baseline, cases: &[Case], throughput: &[Throughput]) -> String {
    let find = |case: &Case, mode: &str| {
        baseline.cases.iter().find(|b| b.size == case.size && b.format == case.format && b.mode == mode)
    };
    let mut whole = Table::new(&["case", "script ms", "Herald ms", "ratio", "aim", "script KB", "Herald KB"]);
    let mut careful =
        Table::new(&["crop cached, against the script written with care", "script ms", "Herald ms", "ratio"]);
    let mut stages = Table::new(&["Herald, ms", "profile decode", "find and crop", "draw", "encode", "whole"]);
    let mut script_stages =
        Table::new(&["script, ms", "template", "profile", "detect", "picture", "text", "qr", "encode", "whole"]);
    for case in cases {
        let mode = if case.detect { "detect" } else { "cached" };
        let title =
            format!("{} {}, {}", case.size, case.format, if case.detect { "with detection" } else { "crop cached" });
        let aim = if case.detect {
            AIM_DETECT
        } else {
            AIM_CACHED.iter().find(|(format, _)| *format == case.format).map_or(f64::NAN, |(_, aim)| *aim)
        };
        if let Some(script) = find(case, mode) {
            let ratio = script.whole_ms / case.whole_ms;
            let verdict = if ratio >= aim { format!("≥ {aim}") } else { format!("≥ {aim}: missed") };
            whole.row(vec![
                title.clone(),
                ms(script.whole_ms),
                ms(case.whole_ms),
                format!("{ratio:.1}×"),
                verdict,
                format!("{:.0}", script.kb),
                format!("{:.0}", case.kb),
            ]);
            let stage = |name: &str| script.stages_ms.get(name).map_or("–".to_owned(), |v| ms(*v));
            let mut row = vec![title.clone()];
            row.extend(["template", "profile", "detect", "picture", "text", "qr", "encode"].map(stage));
            row.push(ms(script.whole_ms));
            script_stages.row(row);
        }
        if let (false, Some(script)) = (case.detect, find(case, "careful")) {
            careful.row(vec![
                format!("{} {}", case.size, case.format),
                ms(script.whole_ms),
                ms(case.whole_ms),
                format!("{:.1}×", script.whole_ms / case.whole_ms),
            ]);
        }
        let optional = |v: f64| if case.detect { ms(v) } else { "–".to_owned() };
        stages.row(vec![
            title,
            optional(case.decode_ms),
            optional(case.crop_ms),
            ms(case.draw_ms),
            ms(case.encode_ms),
            ms(case.whole_ms),
        ]);
    }
    let mut rates = Table::new(&["invitations per second", "one thread", "two threads"]);
    for pair in throughput.chunks(2) {
        rates.row(vec![
            pair[0].what.clone(),
            format!("{:.0}", pair[0].per_second),
            format!("{:.0}", pair[1].per_second),
        ]);
    }
    let versions: Vec<String> = baseline.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "CPU milliseconds per invitation, medians; s = 1080×1350, p = 2480×3508. Peers: {}.\n\n{whole}\n{stages}\n{script_stages}\n{careful}\n{rates}",
        versions.join(", ")
    )
}

fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

//! CPU per invitation and invitations per second, beside the script's on the same templates and guests.
//!
//! The two take turns, an invitation of the script's and then [`TURNS`] of Herald's, and what is compared are turns
//! that lie side by side: what else the machine does, and how fast it is just then, disturbs both alike.

mod report;
mod script;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use herald_imaging::crop::{CropSettings, DEFAULT_MARGIN, crop_portrait};
use herald_imaging::encode::Format;
use herald_imaging::face::{FaceFinder, FaceSettings};
use herald_imaging::fonts::FontLibrary;
use herald_imaging::picture::{self, Pixels};
use herald_imaging::render::{Guest, Scratch, draw, encode_drawn};
use herald_imaging::resize;
use herald_imaging::template::PreparedTemplate;
use herald_template::Bundle;
use serde::{Deserialize, Serialize};

use self::script::{Made, Script};
use crate::cpu::{self, median};
use crate::table;

pub(crate) const SIZES: [&str; 2] = ["s", "p"];
const FORMATS: [(&str, Format); 2] = [("png", Format::Png), ("jpeg", Format::Jpeg { quality: 90 })];
/// Invitations of Herald's beside each of the script's: they take a few milliseconds, of which one interruption is a
/// third.
const TURNS: usize = 20;
/// Invitations of Herald's before those that count: buffers and glyph caches, and what the script left of the
/// processor's.
const WARM: usize = 2;

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
    /// The script's for the same.
    script: Beside,
    /// The script's written with care; only with the crop at hand.
    careful: Option<Beside>,
}

/// What the script took, and how that compares with Herald right after it: medians of the rounds.
#[derive(Serialize)]
struct Beside {
    whole_ms: f64,
    ratio: f64,
    kb: f64,
    stages_ms: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Throughput {
    what: String,
    threads: usize,
    per_second: f64,
}

#[derive(Serialize)]
struct Figures {
    versions: BTreeMap<String, String>,
    cases: Vec<Case>,
    throughput: Vec<Throughput>,
}

/// Runs every case and prints it beside the script.
pub(crate) fn run(
    scene: &Path,
    script: &[PathBuf],
    results: &Path,
    samples: &Path,
    rounds: usize,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(samples).context("making the folder for samples")?;
    let (mut script, versions) = Script::start(script, scene, samples)?;
    let scene = Scene::read(scene)?;
    let mut cases = Vec::new();
    for size in SIZES {
        for format in FORMATS {
            for detect in [true, false] {
                cases.push(case(&scene, &mut script, size, format, detect, rounds, samples)?);
            }
        }
    }
    let throughput = throughput(&scene, TURNS * rounds)?;
    let figures = Figures { versions, cases, throughput };
    table::publish(results, "render", &report::report(&figures), &figures)
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
        let (number, link) = (&guest.number, &guest.link);
        let guest = Guest { fields, portrait: Some(portrait), number, link, allow_missing_glyphs: true };
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
    script: &mut Script,
    size: &'static str,
    (name, format): (&'static str, Format),
    detect: bool,
    rounds: usize,
    samples: &Path,
) -> anyhow::Result<Case> {
    let (mut scratch, mut resize) = (Scratch::default(), resize::Scratch::new());
    let cached = scene.portrait(size, &mut resize)?.pixels;
    let mut columns: [Vec<f64>; 6] = Default::default();
    let (mut beside, mut careful) = (Vec::new(), Vec::new());
    let mode = if detect { "detect" } else { "cached" };
    // The first round warms caches.
    for round in 0..=rounds {
        let peer = script.invitation(size, name, mode)?;
        let peer_with_care = (!detect).then(|| script.invitation(size, name, "careful")).transpose()?;
        let mut whole = Vec::with_capacity(TURNS);
        for turn in 0..WARM + TURNS {
            let start = cpu::process_ms();
            let fresh = if detect { Some(scene.portrait(size, &mut resize)?) } else { None };
            let portrait = fresh.as_ref().map_or(&cached, |fresh| &fresh.pixels);
            let drawn = scene.invitation(size, format, round * TURNS + turn, portrait, &mut scratch)?;
            let whole_ms = cpu::process_ms() - start;
            if round == 0 {
                std::fs::write(samples.join(format!("herald-{size}.{name}")), &drawn.bytes)
                    .context("keeping a sample")?;
                break;
            }
            if turn < WARM {
                continue;
            }
            let (decode_ms, crop_ms) = fresh.as_ref().map_or((0.0, 0.0), |fresh| (fresh.decode_ms, fresh.crop_ms));
            let kb = drawn.bytes.len() as f64 / 1000.0;
            let row = [whole_ms, kb, decode_ms, crop_ms, drawn.draw_ms, drawn.encode_ms];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            whole.push(whole_ms);
        }
        if round > 0 {
            let herald_ms = median(whole);
            beside.push((peer, herald_ms));
            careful.extend(peer_with_care.map(|peer| (peer, herald_ms)));
        }
    }
    let [whole_ms, kb, decode_ms, crop_ms, draw_ms, encode_ms] = columns.map(median);
    let (script, careful) = (Beside::of(beside), (!detect).then(|| Beside::of(careful)));
    Ok(Case { size, format: name, detect, whole_ms, kb, decode_ms, crop_ms, draw_ms, encode_ms, script, careful })
}

impl Case {
    fn title(&self) -> String {
        format!("{} {}, {}", self.size, self.format, if self.detect { "with detection" } else { "crop cached" })
    }
}

impl Beside {
    /// Rounds: what the script took, and the milliseconds Herald took beside it.
    fn of(rounds: Vec<(Made, f64)>) -> Self {
        let mut stages: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, ms) in rounds.iter().flat_map(|(made, _)| &made.stages_ms) {
            stages.entry(name.clone()).or_default().push(*ms);
        }
        Self {
            whole_ms: median(rounds.iter().map(|(made, _)| made.whole_ms()).collect()),
            ratio: median(rounds.iter().map(|(made, herald_ms)| made.whole_ms() / herald_ms).collect()),
            kb: median(rounds.iter().map(|(made, _)| made.kb).collect()),
            stages_ms: stages.into_iter().map(|(name, all)| (name, median(all))).collect(),
        }
    }
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

//! Faces found, missed and imagined, and what looking costs, beside OpenCV on the same files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use herald_imaging::face::{FaceFinder, FaceSettings};
use herald_imaging::resize::Scratch;
use serde::{Deserialize, Serialize};

use crate::cpu;
use crate::table::{self, Table};

/// A square or box: left, top, width and, unless square, height.
type Box2 = Vec<f64>;

#[derive(Deserialize)]
struct Truth {
    file: String,
    kind: String,
    variant: String,
    /// Left, top, side; `None` when the picture has no face.
    face: Option<Box2>,
}

#[derive(Deserialize, Serialize)]
struct Detector {
    name: String,
    boxes: BTreeMap<String, Vec<Box2>>,
    cpu_ms: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Score {
    name: String,
    with_face: usize,
    hit: usize,
    missed: usize,
    /// A face is there, but the largest box is elsewhere.
    wrong: usize,
    without_face: usize,
    /// Boxes on pictures without a face.
    false_boxes: usize,
    false_pictures: usize,
    mean_ms: f64,
    mean_ms_with_face: f64,
    mean_ms_without_face: f64,
    /// Median size of the hits' boxes in units of the truth: shows that no detector's idea of a face sets the measure.
    box_size: f64,
    failures_by_variant: BTreeMap<String, usize>,
}

/// Runs Herald's finder over the set and prints it beside OpenCV.
pub(crate) fn run(set: &Path, opencv: &Path, results: &Path) -> anyhow::Result<()> {
    let truth: Vec<Truth> = read(&set.join("truth.json"))?;
    let mut detectors: Vec<Detector> = read(opencv)?;
    detectors.push(herald(set, &truth)?);
    let scores: Vec<Score> = detectors.iter().map(|d| score(d, &truth)).collect();

    let mut text =
        Table::new(&["detector", "hit", "missed", "wrong", "false boxes", "CPU ms", "with a face", "without"]);
    for s in &scores {
        text.row(vec![
            s.name.clone(),
            format!("{} of {}", s.hit, s.with_face),
            s.missed.to_string(),
            s.wrong.to_string(),
            format!("{} on {} of {}", s.false_boxes, s.false_pictures, s.without_face),
            format!("{:.1}", s.mean_ms),
            format!("{:.1}", s.mean_ms_with_face),
            format!("{:.1}", s.mean_ms_without_face),
        ]);
    }
    let mut by_variant = Table::new(&["not hit, by variant", "Haar", "Haar 320", "Herald"]);
    let variants: std::collections::BTreeSet<&str> =
        truth.iter().filter(|t| t.kind != "none").map(|t| &*t.variant).collect();
    for variant in variants {
        let of = |s: &Score| s.failures_by_variant.get(variant).copied().unwrap_or(0).to_string();
        by_variant.row(std::iter::once(variant.to_owned()).chain(scores.iter().map(of)).collect());
    }
    let (haar, herald) = (&scores[0], &scores[scores.len() - 1]);
    let verdict = format!(
        "CPU ratio to the script's detector: {:.0}×. Median box size in units of the truth: Haar {:.2}, Herald {:.2}.",
        haar.mean_ms / herald.mean_ms,
        haar.box_size,
        herald.box_size
    );
    table::publish(results, "faces", &format!("{text}\n{by_variant}\n{verdict}"), &scores)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("decoding {}", path.display()))
}

fn herald(set: &Path, truth: &[Truth]) -> anyhow::Result<Detector> {
    let finder = FaceFinder::new();
    let settings = FaceSettings::default();
    let mut scratch = Scratch::default();
    let (mut boxes, mut cpu_ms) = (BTreeMap::new(), BTreeMap::new());
    for entry in truth {
        let picture =
            image::open(set.join(&entry.file)).with_context(|| format!("decoding {}", entry.file))?.into_rgb8();
        let (ms, faces) = cpu::timed(|| finder.detect(&picture, &settings, &mut scratch));
        let found =
            faces.iter().map(|f| vec![f64::from(f.x), f64::from(f.y), f64::from(f.size), f64::from(f.size)]).collect();
        boxes.insert(entry.file.clone(), found);
        cpu_ms.insert(entry.file.clone(), ms);
    }
    Ok(Detector { name: "Herald".into(), boxes, cpu_ms })
}

fn score(detector: &Detector, truth: &[Truth]) -> Score {
    let (with, without): (Vec<&Truth>, Vec<&Truth>) = truth.iter().partition(|t| t.face.is_some());
    let ms = |of: &[&Truth]| of.iter().map(|t| detector.cpu_ms[&t.file]).sum::<f64>() / of.len().max(1) as f64;
    let mut score = Score {
        name: detector.name.clone(),
        with_face: with.len(),
        hit: 0,
        missed: 0,
        wrong: 0,
        without_face: without.len(),
        false_boxes: without.iter().map(|t| detector.boxes[&t.file].len()).sum(),
        false_pictures: without.iter().filter(|t| !detector.boxes[&t.file].is_empty()).count(),
        mean_ms: ms(&truth.iter().collect::<Vec<_>>()),
        mean_ms_with_face: ms(&with),
        mean_ms_without_face: ms(&without),
        box_size: f64::NAN,
        failures_by_variant: BTreeMap::new(),
    };
    let mut sizes = Vec::new();
    for entry in with {
        let largest = detector.boxes[&entry.file].iter().max_by(|a, b| a[2].total_cmp(&b[2]));
        let face = entry.face.as_ref().expect("partitioned by it");
        match largest {
            Some(found) if is_hit(found, face) => {
                score.hit += 1;
                sizes.push(found[2] / face[2]);
                continue;
            }
            Some(_) => score.wrong += 1,
            None => score.missed += 1,
        }
        *score.failures_by_variant.entry(entry.variant.clone()).or_default() += 1;
    }
    score.box_size = cpu::median(sizes);
    score
}

/// The box's centre lies within 0.35 face widths of the truth's, and its size is 0.6 to 2 times the truth's.
fn is_hit(found: &Box2, face: &Box2) -> bool {
    let side = face[2];
    let dx = found[0] + found[2] / 2.0 - face[0] - side / 2.0;
    let dy = found[1] + found[3] / 2.0 - face[1] - side / 2.0;
    dx.hypot(dy) <= 0.35 * side && (0.6..=2.0).contains(&(found[2] / side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_on_the_neighbour_is_no_hit() {
        let face = vec![100.0, 100.0, 100.0];
        assert!(is_hit(&vec![110.0, 90.0, 110.0, 110.0], &face));
        assert!(!is_hit(&vec![240.0, 100.0, 100.0, 100.0], &face));
    }

    #[test]
    fn a_box_on_a_nostril_is_no_hit() {
        assert!(!is_hit(&vec![130.0, 130.0, 40.0, 40.0], &vec![100.0, 100.0, 100.0]));
    }
}

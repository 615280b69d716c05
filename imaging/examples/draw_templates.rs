//! Draws the backgrounds of the example templates: `cargo run --release -p herald-worker --example draw_templates`.
//!
//! Only ornament is drawn here. What is read stands in each `template.toml`, where it can be changed without
//! drawing anything anew.

mod canvas;

use std::f32::consts::{PI, TAU};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use herald_imaging::encode::{Format, encode};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use canvas::{Canvas, Ink, Point, around, chamfered, circle, ink, mix, rounded, segment, step};

fn main() -> Result<()> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/templates");
    for name in ["gala", "badge"] {
        fs::create_dir_all(templates.join(name)).with_context(|| format!("creating the folder of {name}"))?;
    }
    fs::write(templates.join("gala/background.png"), png(&gala())?).context("writing the gala's background")?;
    let mut jpeg = Vec::new();
    encode(&badge(), Format::Jpeg { quality: 92 }, &mut jpeg).context("encoding the badge's background")?;
    fs::write(templates.join("badge/background.jpg"), jpeg).context("writing the badge's background")
}

fn png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
        .write_image(image, image.width(), image.height(), ExtendedColorType::Rgb8)
        .context("encoding a PNG")?;
    Ok(bytes)
}

const GOLD: u32 = 0xc9a45c;
const PALE_GOLD: u32 = 0xf0dfb2;

/// Gold as light falls on it, from the top left.
fn gold(p: Point) -> Ink {
    let wave = (p.0 * 0.6 + p.1) / 190.0;
    mix(ink(GOLD), ink(PALE_GOLD), (wave.sin() * 0.5 + 0.5).powi(2))
}

/// Midnight blue and gold lines: a fan behind the portrait, a stepped frame, a plaque for the number.
fn gala() -> RgbImage {
    let (width, height) = (1080.0, 1350.0);
    let center = (540.0, 446.0);
    let (deep, night) = (ink(0x0a1522), ink(0x1b3450));
    let mut canvas = Canvas::new(1080, 1350, deep);
    canvas.shade(|p, _| mix(night, deep, step(40.0, 780.0, circle(p, center, 0.0))));
    fan(&mut canvas, center);
    frame(&mut canvas, [34.0, 34.0, width - 34.0, height - 34.0]);
    halo(&mut canvas, center);
    for y in [858.0, 1026.0] {
        divider(&mut canvas, (540.0, y), 300.0);
    }
    plaque(&mut canvas, [388.0, 1076.0, 692.0, 1256.0]);
    medal(&mut canvas, (214.0, 1166.0), 82.0);
    card(&mut canvas, [782.0, 1082.0, 950.0, 1250.0]);
    canvas.finish(0.5)
}

/// Fine rays, every third one longer, that fade before they reach the frame.
fn fan(canvas: &mut Canvas, center: Point) {
    let rays = 96;
    for ray in 0..rays {
        let angle = ray as f32 / rays as f32 * TAU + PI / rays as f32;
        let (length, strength) = match ray % 4 {
            0 => (470.0, 0.34),
            2 => (390.0, 0.26),
            _ => (320.0, 0.20),
        };
        let at = |radius: f32| (center.0 + radius * angle.cos(), center.1 + radius * angle.sin());
        let (from, to) = (at(216.0), at(length));
        let reach = [from.0.min(to.0), from.1.min(to.1), from.0.max(to.0), from.1.max(to.1)];
        canvas.paint(
            reach,
            1.0,
            |p| segment(p, from, to) - 0.7,
            |p| (ink(GOLD), strength * (1.0 - step(216.0, length, circle(p, center, 0.0)))),
        );
    }
}

/// Two lines around the page, with stepped corners.
fn frame(canvas: &mut Canvas, outer: [f32; 4]) {
    for (inset, width, opacity) in [(0.0, 2.4, 0.95), (9.0, 1.0, 0.55)] {
        let line = outline_of(outer, inset);
        for pair in line.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let reach = [a.0.min(b.0), a.1.min(b.1), a.0.max(b.0), a.1.max(b.1)];
            canvas.paint(reach, 1.0, |p| segment(p, a, b) - width / 2.0, |p| (gold(p), opacity));
        }
    }
    let [left, top, right, bottom] = outer;
    for corner in [(left, top), (right, top), (left, bottom), (right, bottom)] {
        let toward = ((540.0 - corner.0).signum(), (675.0 - corner.1).signum());
        let spot = (corner.0 + toward.0 * 15.0, corner.1 + toward.1 * 15.0);
        diamond(canvas, spot, 7.0);
    }
}

/// The frame's line, with two steps in each corner.
fn outline_of([left, top, right, bottom]: [f32; 4], inset: f32) -> Vec<Point> {
    let (near, far) = (30.0 + inset * 0.4, 60.0 + inset * 0.4);
    let corner = |x: f32, y: f32, dx: f32, dy: f32| {
        let (x, y) = (x + dx * inset, y + dy * inset);
        [
            (x, y + dy * far),
            (x + dx * near, y + dy * far),
            (x + dx * near, y + dy * near),
            (x + dx * far, y + dy * near),
            (x + dx * far, y),
        ]
    };
    let mut line: Vec<Point> = corner(left, top, 1.0, 1.0).into();
    line.extend(corner(right, top, -1.0, 1.0).iter().rev());
    line.extend(corner(right, bottom, -1.0, -1.0));
    line.extend(corner(left, bottom, 1.0, -1.0).iter().rev());
    line.push(line[0]);
    line
}

/// The rings around the portrait.
fn halo(canvas: &mut Canvas, center: Point) {
    let disc = around(center, 212.0);
    canvas.paint(disc, 60.0, |p| circle(p, center, 200.0), |_| ([0.0; 3], 0.35));
    canvas.paint(disc, 1.0, |p| circle(p, center, 205.0), |_| (ink(0x0d1b2b), 1.0));
    for (radius, width, opacity) in [(205.0, 2.0, 1.0), (182.0, 1.0, 0.8)] {
        canvas.paint(disc, 1.0, |p| circle(p, center, radius).abs() - width / 2.0, |p| (gold(p), opacity));
    }
    let beads = 72;
    for bead in 0..beads {
        let angle = bead as f32 / beads as f32 * TAU;
        let at = (center.0 + 193.5 * angle.cos(), center.1 + 193.5 * angle.sin());
        if bead % 18 == 0 {
            diamond(canvas, at, 9.0);
        } else {
            let radius = if bead % 2 == 0 { 2.6 } else { 1.5 };
            canvas.paint(around(at, radius), 1.0, |p| circle(p, at, radius), |p| (gold(p), 0.9));
        }
    }
}

fn diamond(canvas: &mut Canvas, at: Point, radius: f32) {
    let shape = |p: Point| ((p.0 - at.0).abs() + (p.1 - at.1).abs() - radius) * 0.707;
    canvas.paint(around(at, radius), 1.0, shape, |p| (gold(p), 1.0));
}

/// A line that thins out to both sides of a diamond.
fn divider(canvas: &mut Canvas, at: Point, half: f32) {
    for sign in [-1.0, 1.0] {
        let (from, to) = ((at.0 + sign * 22.0, at.1), (at.0 + sign * half, at.1));
        let reach = [from.0.min(to.0), at.1, from.0.max(to.0), at.1];
        canvas.paint(
            reach,
            1.0,
            |p| segment(p, from, to) - 0.7,
            |p| (gold(p), 1.0 - step(half * 0.35, half, (p.0 - at.0).abs())),
        );
        diamond(canvas, (at.0 + sign * 15.0, at.1), 3.0);
    }
    diamond(canvas, at, 7.0);
}

/// Where the lucky number goes.
fn plaque(canvas: &mut Canvas, area: [f32; 4]) {
    let [left, top, right, bottom] = area;
    let grown = [left - 30.0, top - 30.0, right + 30.0, bottom + 40.0];
    canvas.paint(grown, 44.0, |p| chamfered((p.0, p.1 - 8.0), area, 34.0), |_| ([0.0; 3], 0.45));
    canvas.paint(
        area,
        1.0,
        |p| chamfered(p, area, 34.0),
        |p| {
            let down = (p.1 - top) / (bottom - top);
            let sheen = (1.0 - ((p.0 - left) / (right - left) - 0.32 - down * 0.12).abs() * 3.2).max(0.0);
            (mix(mix(ink(0xe2c684), ink(0xb98f45), down), ink(0xfaf0d0), sheen * 0.55), 1.0)
        },
    );
    let inner = [left + 9.0, top + 9.0, right - 9.0, bottom - 9.0];
    canvas.paint(area, 1.0, |p| chamfered(p, inner, 30.0).abs() - 0.8, |_| (ink(0x6d4f1e), 0.75));
}

/// A round field for the table.
fn medal(canvas: &mut Canvas, center: Point, radius: f32) {
    let reach = around(center, radius + 2.0);
    canvas.paint(reach, 1.0, |p| circle(p, center, radius), |_| (ink(0x0c1a2a), 1.0));
    for (r, width, opacity) in [(radius, 2.0, 1.0), (radius - 8.0, 1.0, 0.55)] {
        canvas.paint(reach, 1.0, |p| circle(p, center, r).abs() - width / 2.0, |p| (gold(p), opacity));
    }
}

/// A light field for the QR code.
fn card(canvas: &mut Canvas, area: [f32; 4]) {
    let [left, top, right, bottom] = area;
    let rim = [left - 8.0, top - 8.0, right + 8.0, bottom + 8.0];
    canvas.paint(area, 1.0, |p| rounded(p, area, 8.0), |_| (ink(0xfbf7ec), 1.0));
    canvas.paint(rim, 1.0, |p| rounded(p, rim, 13.0).abs() - 0.8, |p| (gold(p), 0.9));
}

/// Paper white with a teal side: a name badge.
fn badge() -> RgbImage {
    let mut canvas = Canvas::new(1012, 638, ink(0xfaf8f4));
    let (teal, dark) = (ink(0x1f6f78), ink(0x0f3d48));
    // The side's edge is a long, slow curve.
    let edge = |y: f32| 316.0 + 34.0 * (y / 638.0 * PI * 1.15 + 0.35).sin();
    canvas.paint([0.0, 0.0, 400.0, 638.0], 40.0, |p| p.0 - edge(p.1) - 6.0, |_| ([0.0; 3], 0.12));
    canvas.paint([0.0, 0.0, 400.0, 638.0], 1.2, |p| p.0 - edge(p.1), |p| (mix(teal, dark, p.1 / 638.0), 1.0));
    for ring in 0..7 {
        let radius = 90.0 + 46.0 * ring as f32;
        canvas.paint(
            [0.0, 0.0, 400.0, 638.0],
            1.0,
            |p| (circle(p, (20.0, 640.0), radius).abs() - 0.8).max(p.0 - edge(p.1)),
            |_| ([1.0; 3], 0.13),
        );
    }
    // An accent along the curve, and one under the heading.
    canvas.paint([300.0, 0.0, 400.0, 638.0], 1.2, |p| (p.0 - edge(p.1) - 8.0).abs() - 2.5, |_| (ink(0xe0a43b), 1.0));
    canvas.line((400.0, 132.0), (470.0, 132.0), 4.0, ink(0xe0a43b), 1.0);
    canvas.line((940.0, 60.0), (940.0, 578.0), 1.0, ink(0xc9c3b6), 1.0);
    canvas.finish(0.5)
}

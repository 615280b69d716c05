//! Draws the pictures of the example guest list: `cargo run --release -p herald-worker --example draw_guests`.
//!
//! The people do not exist. Each face is a handful of soft shapes; what varies stands in the table below.

mod canvas;

use std::f32::consts::PI;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat, RgbImage, imageops};

use canvas::{Canvas, Ink, Point, circle, ellipse, ink, mix, segment, step};

/// What a person looks like.
struct Person {
    skin: u32,
    hair: u32,
    style: Hair,
    eyes: u32,
    clothes: u32,
    collar: Option<u32>,
    backdrop: (u32, u32),
    glasses: bool,
    beard: f32,
    lips: u32,
    /// Width of the face against its height.
    width: f32,
}

#[derive(Clone, Copy, PartialEq)]
enum Hair {
    Short,
    Side,
    Long,
    Bun,
    Curly,
    Scarf,
}

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pictures");
    fs::create_dir_all(&folder).context("creating examples/pictures")?;
    let picture = |name: &str| folder.join(name);
    let people = people();
    let portrait = |index: usize, side: usize| draw(&people[index], side);
    save_jpeg(&picture("amelie.jpg"), &portrait(0, 640), None)?;
    save_jpeg(&picture("linh.jpg"), &portrait(1, 560), None)?;
    // Stored lying on its side, with the EXIF note to turn it, as cameras do.
    save_jpeg(&picture("omar.jpg"), &imageops::rotate270(&portrait(2, 600)), Some(6))?;
    portrait(3, 420).save_with_format(picture("priya.png"), ImageFormat::Png).context("writing priya.png")?;
    portrait(4, 512).save_with_format(picture("haruka.webp"), ImageFormat::WebP).context("writing haruka.webp")?;
    save_gif(&picture("dimitra.gif"), &portrait(5, 300))?;
    save_jpeg(&picture("kwame.jpg"), &portrait(6, 720), None)?;
    save_jpeg(&picture("noam.jpg"), &portrait(7, 480), None)?;
    save_jpeg(&picture("mountains.jpg"), &mountains(600, 450), None)?;
    // A transfer that broke off: the first half of a good file.
    let whole = fs::read(picture("kwame.jpg")).context("reading kwame.jpg back")?;
    fs::write(picture("broken.jpg"), &whole[..whole.len() / 2]).context("writing broken.jpg")
}

fn people() -> Vec<Person> {
    let base = Person {
        skin: 0xe9bf9f,
        hair: 0x5a3a24,
        style: Hair::Long,
        eyes: 0x4a6b58,
        clothes: 0x2f4858,
        collar: None,
        backdrop: (0xdfe5e4, 0xb9c6c8),
        glasses: false,
        beard: 0.0,
        lips: 0xb9605c,
        width: 0.76,
    };
    vec![
        Person { ..base },
        Person {
            skin: 0xe3b78f,
            hair: 0x1d1715,
            style: Hair::Bun,
            eyes: 0x3a2517,
            clothes: 0x8c2f39,
            backdrop: (0xefe3d3, 0xd6bfa3),
            lips: 0xb5524f,
            width: 0.79,
            ..base
        },
        Person {
            skin: 0xc68e63,
            hair: 0x17120f,
            style: Hair::Short,
            eyes: 0x2b1a10,
            clothes: 0x233d4d,
            collar: Some(0xf4f1ea),
            backdrop: (0xd7dde6, 0xa7b4c6),
            beard: 0.75,
            lips: 0x9c5a4c,
            width: 0.74,
            ..base
        },
        Person {
            skin: 0xa9714b,
            hair: 0x120d0c,
            style: Hair::Long,
            eyes: 0x24140c,
            clothes: 0xc8553d,
            backdrop: (0xf3e9d2, 0xddc9a0),
            lips: 0x8f3f3c,
            ..base
        },
        Person {
            skin: 0xf0cdb0,
            hair: 0x241a17,
            style: Hair::Side,
            eyes: 0x33211a,
            clothes: 0x3d5a4c,
            collar: Some(0xffffff),
            backdrop: (0xe4e9df, 0xbccab7),
            glasses: true,
            width: 0.77,
            ..base
        },
        Person {
            skin: 0xe0ae88,
            hair: 0x8d8a86,
            style: Hair::Curly,
            eyes: 0x44566a,
            clothes: 0x4b3f72,
            backdrop: (0xe6e0ee, 0xbdb2cf),
            ..base
        },
        Person {
            skin: 0x6f452c,
            hair: 0x0d0a09,
            style: Hair::Short,
            eyes: 0x1b100a,
            clothes: 0xd9a441,
            backdrop: (0xe2e8ea, 0xa9bcc2),
            beard: 0.25,
            lips: 0x7a4038,
            width: 0.78,
            ..base
        },
        Person {
            skin: 0xdba980,
            hair: 0x2f6f73,
            style: Hair::Scarf,
            eyes: 0x3b2a1b,
            clothes: 0x245357,
            backdrop: (0xf0e4dc, 0xd9bfb0),
            lips: 0xa9524e,
            ..base
        },
    ]
}

/// Head and shoulders on a plain backdrop, square.
fn draw(person: &Person, side: usize) -> RgbImage {
    let s = side as f32;
    let (skin, hair) = (ink(person.skin), ink(person.hair));
    let mut canvas = Canvas::new(side, side, ink(person.backdrop.0));
    let (light, dark) = (ink(person.backdrop.0), ink(person.backdrop.1));
    canvas.shade(|p, _| mix(light, dark, step(0.1, 1.0, circle(p, (0.38 * s, 0.3 * s), 0.0) / s)));
    let face = Face { s, skin, center: (0.5 * s, 0.43 * s), radii: (0.245 * person.width * s, 0.245 * s) };
    hair_behind(&mut canvas, &face, hair, person.style);
    shoulders(&mut canvas, &face, person);
    head(&mut canvas, &face);
    if person.beard > 0.0 {
        beard(&mut canvas, &face, hair, person.beard);
    }
    for sign in [-1.0, 1.0] {
        eye(&mut canvas, &face, sign, ink(person.eyes), hair, person.style == Hair::Scarf);
    }
    nose(&mut canvas, &face);
    mouth(&mut canvas, &face, ink(person.lips));
    hair_in_front(&mut canvas, &face, hair, person.style);
    if person.glasses {
        glasses(&mut canvas, &face);
    }
    let sharp = canvas.finish(3.0);
    imageops::fast_blur(&sharp, s / 700.0)
}

/// The head's place and skin; positions on it are given in parts of its radii.
struct Face {
    s: f32,
    skin: Ink,
    center: Point,
    radii: Point,
}

impl Face {
    fn at(&self, x: f32, y: f32) -> Point {
        (self.center.0 + x * self.radii.0, self.center.1 + y * self.radii.1)
    }

    /// A soft spot on the face.
    fn spot(&self, canvas: &mut Canvas, center: Point, size: Point, soft: f32, color: Ink, opacity: f32) {
        let (center, radii) = (self.at(center.0, center.1), (size.0 * self.radii.0, size.1 * self.radii.1));
        let reach = [center.0 - radii.0, center.1 - radii.1, center.0 + radii.0, center.1 + radii.1];
        let soft = soft * self.radii.1;
        let reach = [reach[0] - soft, reach[1] - soft, reach[2] + soft, reach[3] + soft];
        canvas.paint(reach, soft.max(1.0), |p| ellipse(p, center, radii), |_| (color, opacity));
    }

    fn stroke(&self, canvas: &mut Canvas, points: &[Point], width: f32, soft: f32, color: Ink, opacity: f32) {
        let points: Vec<Point> = points.iter().map(|point| self.at(point.0, point.1)).collect();
        let (width, soft) = (width * self.radii.1, (soft * self.radii.1).max(1.0));
        let nearest = |p: Point| {
            points.windows(2).map(|pair| segment(p, pair[0], pair[1])).fold(f32::INFINITY, f32::min) - width / 2.0
        };
        let bound =
            |pick: fn(&Point) -> f32, fold: fn(f32, f32) -> f32, start: f32| points.iter().map(pick).fold(start, fold);
        let grow = width + soft;
        let reach = [
            bound(|p| p.0, f32::min, f32::INFINITY) - grow,
            bound(|p| p.1, f32::min, f32::INFINITY) - grow,
            bound(|p| p.0, f32::max, 0.0) + grow,
            bound(|p| p.1, f32::max, 0.0) + grow,
        ];
        canvas.paint(reach, soft, nearest, |_| (color, opacity));
    }

    fn shadow(&self) -> Ink {
        let [r, g, b] = self.skin;
        [r * 0.62, g * 0.5, b * 0.46]
    }

    fn glow(&self) -> Ink {
        mix(self.skin, [1.0, 0.96, 0.88], 0.5)
    }

    /// Outline of head and jaw.
    fn distance(&self, p: Point) -> f32 {
        let skull = ellipse(p, self.at(0.0, -0.22), (self.radii.0, self.radii.1 * 0.8));
        let jaw = ellipse(p, self.at(0.0, 0.15), (self.radii.0 * 0.86, self.radii.1 * 0.88));
        let blend = self.radii.0 * 0.5;
        let h = (0.5 + 0.5 * (jaw - skull) / blend).clamp(0.0, 1.0);
        jaw + (skull - jaw) * h - blend * h * (1.0 - h)
    }

    fn reach(&self) -> [f32; 4] {
        let (left, top) = self.at(-1.6, -1.7);
        let (right, bottom) = self.at(1.6, 1.6);
        [left, top, right, bottom]
    }
}

fn shoulders(canvas: &mut Canvas, face: &Face, person: &Person) {
    let s = face.s;
    let clothes = ink(person.clothes);
    let shadow = face.shadow();
    // Neck, darker under the chin.
    let neck = |p: Point| canvas::rounded(p, [0.425 * s, 0.52 * s, 0.575 * s, 0.86 * s], 0.06 * s);
    canvas.paint([0.3 * s, 0.5 * s, 0.7 * s, 0.9 * s], 2.0, neck, |p| {
        (mix(shadow, face.skin, step(0.62, 0.84, p.1 / s) * 0.8 + 0.1), 1.0)
    });
    let body = |p: Point| {
        let shoulders = ellipse(p, (0.5 * s, 1.06 * s), (0.40 * s, 0.30 * s));
        let opening = ellipse(p, (0.5 * s, 0.735 * s), (0.095 * s, 0.075 * s));
        shoulders.max(-opening)
    };
    canvas.paint([0.0, 0.6 * s, s, s], 1.5, body, |p| {
        let side = step(0.15, 0.5, p.0 / s) * (1.0 - step(0.55, 0.9, p.0 / s));
        (mix(mix(clothes, [0.0; 3], 0.35), mix(clothes, [1.0; 3], 0.08), side), 1.0)
    });
    if let Some(collar) = person.collar {
        for sign in [-1.0, 1.0] {
            let edge = |p: Point| {
                segment(p, ((0.5 + sign * 0.1) * s, 0.745 * s), ((0.5 + sign * 0.02) * s, 0.85 * s)) - 0.022 * s
            };
            canvas.paint([0.3 * s, 0.7 * s, 0.7 * s, 0.9 * s], 1.5, edge, |_| (ink(collar), 1.0));
        }
    }
}

fn head(canvas: &mut Canvas, face: &Face) {
    for sign in [-1.0, 1.0] {
        face.spot(canvas, (sign * 0.98, 0.0), (0.14, 0.2), 0.05, mix(face.skin, face.shadow(), 0.35), 1.0);
    }
    let (skin, shadow, glow) = (face.skin, face.shadow(), face.glow());
    canvas.paint(
        face.reach(),
        1.5,
        |p| face.distance(p),
        |p| {
            let depth = -face.distance(p) / face.radii.0;
            let rim = 1.0 - step(0.0, 0.4, depth);
            let light = circle(p, face.at(-0.25, -0.35), 0.0) / face.radii.1;
            let color = mix(glow, skin, step(0.0, 0.9, light) * 0.8 + 0.2);
            (mix(color, shadow, rim * 0.6), 1.0)
        },
    );
    // Cheeks, chin and the hollows of the eyes give the detector and the eye its light and dark.
    for sign in [-1.0, 1.0] {
        face.spot(canvas, (sign * 0.48, 0.28), (0.2, 0.14), 0.3, mix(face.skin, [0.85, 0.35, 0.3], 0.4), 0.35);
        face.spot(canvas, (sign * 0.4, 0.2), (0.16, 0.07), 0.2, face.glow(), 0.35);
        face.spot(canvas, (sign * 0.41, -0.12), (0.27, 0.12), 0.16, face.shadow(), 0.55);
    }
    face.spot(canvas, (0.0, 0.86), (0.18, 0.08), 0.16, face.glow(), 0.3);
    face.spot(canvas, (0.0, 0.72), (0.24, 0.03), 0.12, face.shadow(), 0.4);
}

fn eye(canvas: &mut Canvas, face: &Face, sign: f32, iris: Ink, hair: Ink, covered: bool) {
    let x = sign * 0.41;
    let lash = mix(face.shadow(), [0.05, 0.03, 0.03], 0.8);
    // The white, inside an almond, shaded by the lid.
    let center = face.at(x, -0.08);
    let (w, h) = (0.2 * face.radii.0, 0.085 * face.radii.1);
    let almond = |p: Point| {
        let (dx, dy) = ((p.0 - center.0) / w, p.1 - center.1);
        let opening = h * (1.0 - dx * dx).max(0.0);
        if dx.abs() >= 1.0 { w } else { dy.abs() - opening }
    };
    let reach = [center.0 - w, center.1 - h, center.0 + w, center.1 + h];
    canvas.paint(reach, 1.2, almond, |_| ([0.93, 0.91, 0.89], 1.0));
    let radius = h * 0.98;
    canvas.paint(
        reach,
        1.2,
        |p| almond(p).max(circle(p, center, radius)),
        |p| (mix(iris, [0.04; 3], step(0.5, 1.0, circle(p, center, 0.0) / radius) * 0.6), 1.0),
    );
    canvas.paint(reach, 1.0, |p| almond(p).max(circle(p, center, radius * 0.52)), |_| ([0.03; 3], 1.0));
    let shine = (center.0 - radius * 0.3, center.1 - radius * 0.35);
    canvas.paint(reach, 1.0, |p| circle(p, shine, radius * 0.22), |_| ([1.0; 3], 0.95));
    let lid: Vec<Point> = (0..=8)
        .map(|i| {
            let t = i as f32 / 4.0 - 1.0;
            (x + t * 0.215, -0.085 - 0.09 * (1.0 - t * t))
        })
        .collect();
    face.stroke(canvas, &lid, 0.035, 0.02, lash, 0.95);
    let crease: Vec<Point> = lid.iter().map(|p| (p.0, p.1 - 0.06)).collect();
    face.stroke(canvas, &crease, 0.012, 0.03, face.shadow(), 0.7);
    let under: Vec<Point> = lid.iter().map(|p| (p.0, -0.08 + (-0.085 - p.1) * 0.85)).collect();
    face.stroke(canvas, &under, 0.012, 0.03, face.shadow(), 0.6);
    let brow: Vec<Point> = (0..=6)
        .map(|i| {
            let t = i as f32 / 6.0;
            (sign * (0.17 + 0.5 * t), -0.335 - 0.075 * (t * PI * 0.9 + 0.1).sin() + 0.02 * t)
        })
        .collect();
    let brow_color = if covered { ink(0x2c1d16) } else { mix(hair, [0.1, 0.07, 0.05], 0.45) };
    face.stroke(canvas, &brow, 0.065, 0.05, brow_color, 0.9);
}

fn nose(canvas: &mut Canvas, face: &Face) {
    face.spot(canvas, (0.14, 0.1), (0.05, 0.26), 0.16, face.shadow(), 0.38);
    face.spot(canvas, (-0.02, 0.08), (0.05, 0.26), 0.1, face.glow(), 0.6);
    face.spot(canvas, (0.0, 0.29), (0.11, 0.07), 0.1, face.glow(), 0.4);
    for sign in [-1.0, 1.0] {
        face.spot(canvas, (sign * 0.2, 0.32), (0.05, 0.07), 0.08, face.shadow(), 0.45);
        face.spot(canvas, (sign * 0.1, 0.385), (0.055, 0.024), 0.04, mix(face.shadow(), [0.0; 3], 0.55), 0.85);
    }
    face.spot(canvas, (0.0, 0.42), (0.14, 0.02), 0.08, face.shadow(), 0.5);
}

fn mouth(canvas: &mut Canvas, face: &Face, lips: Ink) {
    let curve = |lift: f32, bend: f32, half: f32| -> Vec<Point> {
        (0..=10)
            .map(|i| {
                let t = i as f32 / 5.0 - 1.0;
                (t * half, 0.57 + lift - bend * t * t)
            })
            .collect()
    };
    face.stroke(canvas, &curve(0.04, 0.085, 0.26), 0.085, 0.05, lips, 0.9);
    face.stroke(canvas, &curve(-0.015, 0.045, 0.28), 0.055, 0.04, mix(lips, [0.2, 0.05, 0.05], 0.25), 0.85);
    face.stroke(canvas, &curve(0.015, 0.085, 0.34), 0.02, 0.02, mix(lips, [0.1, 0.02, 0.02], 0.8), 0.9);
    face.stroke(canvas, &curve(0.065, 0.07, 0.12), 0.02, 0.05, mix(lips, [1.0; 3], 0.5), 0.5);
}

fn beard(canvas: &mut Canvas, face: &Face, hair: Ink, strength: f32) {
    let mask = |p: Point| {
        let mouth = ellipse(p, face.at(0.0, 0.56), (face.radii.0 * 0.36, face.radii.1 * 0.12));
        let cheeks = ellipse(p, face.at(0.0, 0.0), (face.radii.0 * 0.82, face.radii.1 * 0.52));
        // From the ears down.
        face.distance(p).max(-cheeks).max(-mouth).max(face.at(0.0, 0.08).1 - p.1)
    };
    canvas.paint(face.reach(), 0.12 * face.radii.1, mask, |_| (hair, strength));
    let moustache: Vec<Point> = [(-0.34, 0.53), (-0.18, 0.465), (0.0, 0.475), (0.18, 0.465), (0.34, 0.53)].into();
    face.stroke(canvas, &moustache, 0.07, 0.05, hair, strength);
}

/// Strands: hair is lighter along a few bands, the way it catches light.
fn strands(hair: Ink, face: &Face, p: Point) -> Ink {
    let (x, y) = ((p.0 - face.center.0) / face.radii.0, (p.1 - face.center.1) / face.radii.1);
    let angle = y.atan2(x);
    let fine = ((angle * 46.0).sin() * 0.5 + 0.5) * 0.10;
    let shine = (1.0 - ((x + 0.35).hypot(y + 1.05) / 0.6).min(1.0)).powi(2) * 0.28;
    mix(mix(hair, [0.0; 3], 0.15), mix(hair, [1.0, 0.95, 0.85], 0.5), fine + shine)
}

fn hair_behind(canvas: &mut Canvas, face: &Face, hair: Ink, style: Hair) {
    let paint = |canvas: &mut Canvas, distance: &dyn Fn(Point) -> f32| {
        let s = face.s;
        canvas.paint([0.0, 0.0, s, s], 3.0, distance, |p| (mix(strands(hair, face, p), [0.0; 3], 0.25), 1.0));
    };
    match style {
        Hair::Long => paint(canvas, &|p| {
            let crown = ellipse(p, face.at(0.0, -0.3), (face.radii.0 * 1.28, face.radii.1 * 1.0));
            let fall = canvas::rounded(
                p,
                [face.at(-1.26, 0.0).0, face.at(0.0, -0.4).1, face.at(1.26, 0.0).0, face.at(0.0, 1.5).1],
                face.radii.0 * 0.55,
            );
            crown.min(fall)
        }),
        Hair::Bun => paint(canvas, &|p| circle(p, face.at(0.1, -1.28), face.radii.0 * 0.42)),
        Hair::Curly => paint(canvas, &|p| {
            let (x, y) = (p.0 - face.center.0, p.1 - face.center.1 + face.radii.1 * 0.3);
            let wave = (y.atan2(x) * 13.0).sin() * face.radii.0 * 0.06;
            ellipse(p, face.at(0.0, -0.3), (face.radii.0 * 1.42, face.radii.1 * 1.08)) + wave
        }),
        Hair::Scarf => {
            let s = face.s;
            let drape = |p: Point| {
                let hood = ellipse(p, face.at(0.0, -0.12), (face.radii.0 * 1.27, face.radii.1 * 1.2));
                hood.min(ellipse(p, face.at(0.0, 1.3), (face.radii.0 * 1.25, face.radii.1 * 0.75)))
            };
            canvas.paint([0.0, 0.0, s, s], 2.0, drape, |p| (mix(hair, [0.0; 3], 0.2 + 0.15 * (p.0 / s)), 1.0));
        }
        Hair::Short | Hair::Side => {}
    }
}

fn hair_in_front(canvas: &mut Canvas, face: &Face, hair: Ink, style: Hair) {
    let s = face.s;
    let cap = |p: Point, grow: f32, hairline: f32, slant: f32| {
        let crown = ellipse(p, face.at(0.0, -0.24), (face.radii.0 * grow, face.radii.1 * grow * 0.84));
        let x = (p.0 - face.center.0) / face.radii.0;
        let y = (p.1 - face.center.1) / face.radii.1;
        // Below the hairline there is face; the line bends down to the temples.
        let line = (y - (hairline + slant * x + 0.42 * x * x)) * face.radii.1 * 0.8;
        crown.max(line)
    };
    let soft = 0.03 * face.radii.1;
    match style {
        Hair::Scarf => {
            let band = |p: Point| {
                let hood = ellipse(p, face.at(0.0, -0.12), (face.radii.0 * 1.24, face.radii.1 * 1.18));
                let opening = ellipse(p, face.at(0.0, 0.12), (face.radii.0 * 0.93, face.radii.1 * 0.98));
                hood.max(-opening)
            };
            canvas.paint([0.0, 0.0, s, s], 2.0, band, |p| {
                let fold = ((p.0 - face.center.0) / face.radii.0 * 4.0 + (p.1 / face.radii.1) * 5.0).sin() * 0.06;
                (mix(hair, [1.0; 3], (0.08 + fold).max(0.0)), 1.0)
            });
        }
        _ => {
            let (grow, hairline, slant) = match style {
                Hair::Short => (1.06, -0.74, 0.0),
                Hair::Side => (1.12, -0.66, 0.16),
                Hair::Curly => (1.12, -0.70, 0.05),
                Hair::Bun => (1.08, -0.72, 0.0),
                _ => (1.14, -0.72, -0.12),
            };
            canvas.paint(
                [0.0, 0.0, s, s],
                soft.max(1.5),
                |p| cap(p, grow, hairline, slant),
                |p| (strands(hair, face, p), 1.0),
            );
        }
    }
}

fn glasses(canvas: &mut Canvas, face: &Face) {
    let frame = ink(0x2a2320);
    for sign in [-1.0, 1.0] {
        let center = face.at(sign * 0.41, -0.06);
        let radii = (face.radii.0 * 0.31, face.radii.1 * 0.2);
        let reach = canvas::around(center, radii.0 + 4.0);
        canvas.outline(reach, 0.022 * face.radii.1, frame, 0.95, |p| ellipse(p, center, radii));
    }
    canvas.line(face.at(-0.1, -0.1), face.at(0.1, -0.1), 0.022 * face.radii.1, frame, 0.95);
}

/// A picture without anybody on it.
fn mountains(width: usize, height: usize) -> RgbImage {
    let mut canvas = Canvas::new(width, height, ink(0x9fc3d9));
    let h = height as f32;
    canvas.shade(|p, _| mix(ink(0x7fb0d0), ink(0xf4dcc0), step(0.0, 0.6, p.1 / h)));
    for (row, (base, color)) in [(0.45, 0x8fa6b8), (0.58, 0x5f7c8f), (0.74, 0x35566a)].into_iter().enumerate() {
        let row = row as f32;
        let ridge = |x: f32| {
            let x = x / 90.0 + row * 7.3;
            h * (base + 0.07 * (x * 0.9).sin() + 0.04 * (x * 2.3 + row).sin() + 0.01 * (x * 7.9).sin())
        };
        canvas.paint([0.0, 0.0, width as f32, h], 1.5, |p| ridge(p.0) - p.1, |_| (ink(color), 1.0));
    }
    canvas.finish(2.0)
}

fn save_jpeg(path: &PathBuf, image: &RgbImage, orientation: Option<u8>) -> Result<()> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 86);
    if let Some(orientation) = orientation {
        encoder.set_exif_metadata(exif(orientation)).context("adding the orientation")?;
    }
    encoder.write_image(image, image.width(), image.height(), ExtendedColorType::Rgb8).context("encoding a JPEG")?;
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

fn save_gif(path: &PathBuf, image: &RgbImage) -> Result<()> {
    let file = fs::File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut encoder = GifEncoder::new_with_speed(file, 10);
    encoder.encode(image, image.width(), image.height(), ExtendedColorType::Rgb8).context("encoding a GIF")
}

/// The smallest EXIF block there is: one entry, the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    bytes.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    bytes
}

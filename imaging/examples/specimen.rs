//! Draws a sheet of names in many scripts, to look at: `cargo run -p herald-worker --example
//! specimen [OUT.png] [embedded]`.

use std::time::Instant;

use herald_imaging::fonts::FontLibrary;
use herald_imaging::text::{Align, Area, Canvas, Scratch, Shadow, TextStyle, draw, layout};
use image::{Rgb, RgbImage};

const NAMES: [&str; 30] = [
    "Zoë Åkesson-Łukasiewicz",
    "Nguyễn Thị Ánh Tuyết",
    "Nguye\u{302}\u{303}n Thi\u{323} A\u{301}nh (NFD)",
    "محمد الفارسي",
    "عائشہ خان ڈار",
    "Omar عمر Khan",
    "دكتور Sam (الثالث) 42",
    "אורית לוי",
    "अनन्या क्षत्रिय",
    "শ্রেয়া ভট্টাচার্য",
    "தமிழ்ச்செல்வி",
    "ജ്യോതി കൃഷ്ണൻ",
    "王小明",
    "歐陽文靜",
    "田中 さくら",
    "김서연",
    "Ζωή Παπαδοπούλου",
    "Дмитрий Щукин",
    "สมชาย ใจดี",
    "დავით ბერიძე",
    "Արամ Խաչատրյան",
    "አበበ ቢቂላ",
    "Sam 👩‍👩‍👧‍👦🇮🇳",
    "1️⃣ Ana 👍🏽 ❤️ 😀",
    "Ỗ Ậ Ǻ jqgy ÅÇ",
    "AVATAR To fi ffi Wa",
    "𓀀 missing \u{10ffff}\u{e000}x",
    "Maximiliane Alexandra von Hohenstein-Sonnenberg-Lindenau",
    "ພອນ ສະຫວັນ",
    "မောင်မောင်",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let out = args.next().unwrap_or_else(|| "specimen.png".to_owned());
    let fonts = match args.next().as_deref() {
        Some("embedded") => FontLibrary::embedded(),
        _ => FontLibrary::with_system(&[]),
    };
    let mut image = RgbImage::from_pixel(1500, 1860, Rgb([250, 247, 240]));
    let mut scratch = Scratch::default();
    let faces = [(None, false), (Some("serif"), false), (None, true)];
    let (mut laid, mut drawn, mut shaped_again) = (0.0, 0.0, 0.0);
    for (row, name) in NAMES.iter().enumerate() {
        for (column, (font, bold)) in faces.iter().enumerate() {
            let style = TextStyle {
                font: font.map(str::to_owned),
                bold: *bold,
                size: 40.0,
                max_lines: if column == 2 { 2 } else { 1 },
                color: [40, 30, 70, 255],
                align: Align::Start,
                shadow: (column == 2).then_some(Shadow { dx: 0.03, dy: 0.04, blur: 0.1, color: [200, 120, 40, 160] }),
                ..TextStyle::default()
            };
            let area = Area { x: 10 + 495 * column as i32, y: 10 + 60 * row as i32, width: 480, height: 52 };
            frame(&mut image, area);
            let start = Instant::now();
            let text = layout(name, &style, area.width as f32, area.height as f32, &fonts);
            laid += start.elapsed().as_secs_f64() * 1e6;
            let start = Instant::now();
            let _ = layout(name, &style, area.width as f32, area.height as f32, &fonts);
            shaped_again += start.elapsed().as_secs_f64() * 1e6;
            let start = Instant::now();
            draw(&text, &style, &mut Canvas::from(&mut image), area, &mut scratch);
            drawn += start.elapsed().as_secs_f64() * 1e6;
            if column == 0 && !text.missing.is_empty() {
                report(&format!("{name}: missing {:?}", text.missing));
            }
        }
    }
    let turned = TextStyle { size: 60.0, rotation: -30.0, color: [180, 20, 60, 90], ..TextStyle::default() };
    let area = Area { x: 900, y: 600, width: 600, height: 200 };
    let text = layout("Sam 🎉 عمر", &turned, 600.0, 200.0, &fonts);
    draw(&text, &turned, &mut Canvas::from(&mut image), area, &mut scratch);
    let count = (NAMES.len() * faces.len()) as f64;
    report(&format!(
        "per name: first layout {:.0} µs, again {:.1} µs, draw {:.0} µs",
        laid / count,
        shaped_again / count,
        drawn / count
    ));
    image.save(&out)?;
    report(&format!("wrote {out}"));
    Ok(())
}

fn frame(image: &mut RgbImage, area: Area) {
    for x in 0..area.width {
        for y in [0, area.height - 1] {
            image.put_pixel(area.x as u32 + x, area.y as u32 + y, Rgb([220, 210, 200]));
        }
    }
}

#[expect(clippy::print_stdout, reason = "an example speaks to the terminal")]
fn report(line: &str) {
    println!("{line}");
}

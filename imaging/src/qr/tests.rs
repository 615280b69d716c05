use image::RgbImage;

use super::{QrError, QrInfo};
use crate::canvas::Canvas;
use crate::encode::{Format, encode};
use crate::picture::{Pixels, decode};
use crate::shape::Area;

const LINK: &str = "https://invite.example.com/i/0192f3c4-7d1e-7a55-9c3b-2f7e6d5c4b3a?s=Zm9vYmFyYmF6cXV4";
const DARK: [u8; 3] = [20, 24, 60];
const LIGHT: [u8; 3] = [255; 3];

fn canvas() -> RgbImage {
    RgbImage::from_pixel(400, 300, image::Rgb([90, 40, 120]))
}

fn draw(image: &mut RgbImage, text: &str, area: Area, dark: [u8; 3], light: [u8; 3]) -> Result<QrInfo, QrError> {
    super::draw(&mut Canvas::from(image), text, area, dark, light)
}

fn read(image: &RgbImage) -> String {
    let mut gray =
        rqrr::PreparedImage::prepare_from_greyscale(image.width() as usize, image.height() as usize, |x, y| {
            image.get_pixel(x as u32, y as u32).0[1]
        });
    let grids = gray.detect_grids();
    assert_eq!(grids.len(), 1, "codes found");
    grids[0].decode().unwrap().1
}

fn area(x: u32, y: u32, width: u32, height: u32) -> Area {
    Area { x, y, width, height }
}

#[test]
fn the_code_reads_back_from_every_output_format() {
    let mut canvas = canvas();
    draw(&mut canvas, LINK, area(150, 60, 200, 210), DARK, LIGHT).unwrap();
    let mut out = Vec::new();
    for format in [Format::Png, Format::DEFAULT, Format::Jpeg { quality: 50 }, Format::WebP] {
        encode(&canvas, format, &mut out).unwrap();
        let Pixels::Opaque(back) = decode(&out).unwrap().pixels else {
            panic!("alpha from an opaque canvas");
        };
        assert_eq!(read(&back), LINK, "{format:?}");
    }
}

#[test]
fn text_in_any_script_reads_back() {
    let mut canvas = canvas();
    let text = "Nguyễn Ánh · 王小明 · مثال";
    draw(&mut canvas, text, area(10, 10, 280, 280), DARK, LIGHT).unwrap();
    assert_eq!(read(&canvas), text);
}

#[test]
fn modules_are_whole_pixels_inside_a_quiet_zone_in_the_middle_of_the_box() {
    let mut canvas = canvas();
    let info = draw(&mut canvas, "A1", area(100, 20, 251, 200), DARK, LIGHT).unwrap();
    assert_eq!((info.modules, info.module_px), (21, 6));
    assert_eq!(info.area, area(138, 33, 174, 174));
    let pixel = |x, y| canvas.get_pixel(x, y).0;
    // These are the quiet zone's corner, the finder pattern's corner after four modules, and the canvas.
    assert_eq!(pixel(138, 33), LIGHT);
    assert_eq!(pixel(138 + 23, 33 + 23), LIGHT);
    assert_eq!(pixel(138 + 24, 33 + 24), DARK);
    assert_eq!(pixel(137, 33), [90, 40, 120]);
}

#[test]
fn a_box_too_small_to_scan_is_refused_with_the_size_needed() {
    let error = draw(&mut canvas(), LINK, area(0, 0, 60, 300), DARK, LIGHT).unwrap_err();
    let QrError::BoxTooSmall { side: 60, needed } = error else {
        panic!("{error}");
    };
    assert!(error.to_string().contains(&needed.to_string()));
    let mut canvas = canvas();
    assert!(draw(&mut canvas, LINK, area(0, 0, needed, needed), DARK, LIGHT).is_ok());
    assert!(draw(&mut canvas, LINK, area(0, 0, needed - 1, needed), DARK, LIGHT).is_err());
}

#[test]
fn content_no_code_can_hold_is_refused() {
    let long = "x".repeat(4_000);
    let error = draw(&mut canvas(), &long, area(0, 0, 300, 300), DARK, LIGHT).unwrap_err();
    assert_eq!(error, QrError::TooLong { bytes: 4_000 });
    let error = draw(&mut canvas(), "", area(0, 0, 300, 300), DARK, LIGHT).unwrap_err();
    assert_eq!(error, QrError::Empty);
}

#[test]
fn a_box_outside_the_canvas_is_refused() {
    for outside in [area(300, 0, 101, 100), area(0, 250, 100, 51), area(u32::MAX, 0, 2, 2)] {
        let error = draw(&mut canvas(), "A1", outside, DARK, LIGHT).unwrap_err();
        assert_eq!(error, QrError::Outside);
    }
}

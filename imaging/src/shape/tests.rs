use crate::canvas::Canvas;
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::{Area, Border, Shape, paste};
use crate::picture::Pixels;
use crate::resize::Scratch;

const GROUND: [u8; 3] = [10, 20, 30];
const RED: [u8; 3] = [250, 0, 0];
const GOLD: [u8; 3] = [220, 180, 60];

fn pasted(picture: &Pixels, area: Area, shape: Shape, border: Option<Border>) -> RgbImage {
    let mut canvas = RgbImage::from_pixel(120, 100, Rgb(GROUND));
    paste(&mut Canvas::from(&mut canvas), picture, area, shape, border, &mut Scratch::new());
    canvas
}

fn red(width: u32, height: u32) -> Pixels {
    RgbImage::from_pixel(width, height, Rgb(RED)).into()
}

fn area(x: u32, y: u32, width: u32, height: u32) -> Area {
    Area { x, y, width, height }
}

#[test]
fn a_rectangle_fills_its_box_and_nothing_else() {
    let canvas = pasted(&red(40, 30), area(5, 6, 40, 30), Shape::Rectangle, None);
    for (x, y, pixel) in canvas.enumerate_pixels() {
        let inside = (5..45).contains(&x) && (6..36).contains(&y);
        assert_eq!(pixel.0, if inside { RED } else { GROUND }, "{x},{y}");
    }
}

#[test]
fn a_circle_covers_the_area_of_a_circle_with_smooth_edges() {
    let canvas = pasted(&red(80, 80), area(10, 10, 80, 80), Shape::Circle, None);
    let red_sum: f64 = canvas.pixels().map(|p| f64::from(p.0[0] - 10) / 240.0).sum();
    let expected = std::f64::consts::PI * 40.0 * 40.0;
    assert!((red_sum - expected).abs() < expected * 0.002, "{red_sum} of {expected}");
    assert_eq!(canvas.get_pixel(50, 50).0, RED);
    assert_eq!(canvas.get_pixel(12, 12).0, GROUND);
    let between = canvas.pixels().filter(|p| p.0[0] > 10 && p.0[0] < 250).count();
    assert!(between > 100, "{between} smoothed pixels");
}

#[test]
fn a_circle_is_symmetric() {
    let canvas = pasted(&red(61, 61), area(7, 9, 61, 61), Shape::Circle, None);
    for y in 0..61 {
        for x in 0..61 {
            let pixel = canvas.get_pixel(7 + x, 9 + y);
            assert_eq!(pixel, canvas.get_pixel(7 + 60 - x, 9 + y), "{x},{y}");
            assert_eq!(pixel, canvas.get_pixel(7 + y, 9 + x), "{x},{y}");
        }
    }
}

#[test]
fn a_circle_in_a_wide_box_stands_in_its_middle() {
    let canvas = pasted(&red(100, 40), area(10, 10, 100, 40), Shape::Circle, None);
    assert_eq!(canvas.get_pixel(60, 30).0, RED);
    assert_eq!(canvas.get_pixel(35, 30).0, GROUND);
    assert_eq!(canvas.get_pixel(85, 30).0, GROUND);
}

#[test]
fn rounded_corners_leave_the_corner_pixels() {
    let canvas = pasted(&red(60, 40), area(10, 10, 60, 40), Shape::Rounded { radius: 10.0 }, None);
    assert_eq!(canvas.get_pixel(10, 10).0, GROUND);
    assert_eq!(canvas.get_pixel(69, 49).0, GROUND);
    assert_eq!(canvas.get_pixel(40, 10).0, RED);
    assert_eq!(canvas.get_pixel(10, 30).0, RED);
}

#[test]
fn the_border_runs_inside_the_outline() {
    let border = Border { width: 4.0, color: GOLD };
    let canvas = pasted(&red(40, 40), area(10, 10, 40, 40), Shape::Rectangle, Some(border));
    assert_eq!(canvas.get_pixel(9, 30).0, GROUND);
    assert_eq!(canvas.get_pixel(10, 30).0, GOLD);
    assert_eq!(canvas.get_pixel(13, 30).0, GOLD);
    assert_eq!(canvas.get_pixel(14, 30).0, RED);
    assert_eq!(canvas.get_pixel(49, 49).0, GOLD);
}

#[test]
fn alpha_shows_the_canvas_through() {
    let half: Pixels = RgbaImage::from_pixel(20, 20, Rgba([250, 0, 0, 128])).into();
    let canvas = pasted(&half, area(0, 0, 20, 20), Shape::Rectangle, None);
    let [red, ..] = canvas.get_pixel(10, 10).0;
    assert!((129..=132).contains(&red), "{red}");
    // The border is solid even where the picture is not.
    let clear: Pixels = RgbaImage::new(20, 20).into();
    let border = Border { width: 3.0, color: GOLD };
    let canvas = pasted(&clear, area(0, 0, 20, 20), Shape::Rectangle, Some(border));
    assert_eq!(canvas.get_pixel(1, 10).0, GOLD);
    assert_eq!(canvas.get_pixel(10, 10).0, GROUND);
}

#[test]
fn a_picture_of_another_aspect_is_cut_evenly_not_squeezed() {
    let stripes = RgbImage::from_fn(90, 30, |x, _| match x / 30 {
        0 => Rgb([0, 0, 250]),
        1 => Rgb(RED),
        _ => Rgb([0, 250, 0]),
    });
    let canvas = pasted(&stripes.into(), area(0, 0, 60, 60), Shape::Rectangle, None);
    for x in [10, 30, 49] {
        assert_eq!(canvas.get_pixel(x, 30).0, RED, "column {x}");
    }
}

#[test]
fn what_lies_outside_the_canvas_is_left_out() {
    let canvas = pasted(&red(40, 40), area(100, 80, 40, 40), Shape::Circle, None);
    assert_eq!(canvas.get_pixel(119, 99).0, RED);
    assert_eq!(pasted(&red(4, 4), area(500, 500, 4, 4), Shape::Circle, None).get_pixel(0, 0).0, GROUND);
}

proptest! {
    #[test]
    fn any_box_and_shape_is_drawn_without_a_panic(
        (x, y, width, height) in (0..140_u32, 0..120_u32, 0..60_u32, 0..60_u32),
        radius in -5.0..80.0_f32,
        line in -2.0..70.0_f32,
        kind in 0..3,
    ) {
        let shape = match kind {
            0 => Shape::Circle,
            1 => Shape::Rounded { radius },
            _ => Shape::Rectangle,
        };
        let border = Some(Border { width: line, color: GOLD });
        pasted(&red(33, 21), area(x, y, width, height), shape, border);
        let clear: Pixels = RgbaImage::from_pixel(9, 14, Rgba([1, 2, 3, 4])).into();
        pasted(&clear, area(x, y, width, height), shape, border);
    }
}

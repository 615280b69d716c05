//! Tests the drawings of templates for guests.

use std::io::Cursor;
use std::path::Path;

use bytes::Bytes;
use herald_template::{Bundle, MANIFEST};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;
use crate::template::{PrepareError, Whole};

const WIDTH: u32 = 240;
const HEIGHT: u32 = 180;
const PAPER: Rgb<u8> = Rgb([200, 210, 220]);

fn png(image: impl Into<DynamicImage>) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn bundle(slots: &str) -> Bundle {
    let mut bundle = Bundle::default();
    bundle.insert(MANIFEST, format!("background = \"paper.png\"\n{slots}").into()).unwrap();
    bundle.insert("paper.png", png(RgbImage::from_pixel(WIDTH, HEIGHT, PAPER))).unwrap();
    bundle
}

fn prepare(slots: &str) -> PreparedTemplate {
    PreparedTemplate::new(&bundle(slots), &FontLibrary::embedded()).unwrap()
}

fn fields(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("name".into(), name.into()), ("company".into(), String::new())])
}

fn guest(fields: &BTreeMap<String, String>) -> Guest<'_> {
    Guest { fields, portrait: None, number: "0042", link: "https://example.com/i/abc", allow_missing_glyphs: true }
}

/// Returns the finished pixels and the notes, without encoding.
fn drawn(template: &PreparedTemplate, guest: &Guest<'_>) -> (RgbImage, Vec<Note>) {
    let mut scratch = Scratch::default();
    let notes = draw(template, guest, &mut scratch).unwrap();
    (scratch.frame.image().clone(), notes)
}

/// Whether some pixel in the box differs from paper.
fn touched(image: &RgbImage, [x, y, width, height]: [u32; 4]) -> bool {
    (y..y + height).any(|y| (x..x + width).any(|x| *image.get_pixel(x, y) != PAPER))
}

const ALL: &str = r##"
[[slot]]
kind = "text"
value = "Fixed"
size = 20
box = [4, 4, 100, 30]
[[slot]]
kind = "picture"
border = { width = 2, color = "#112233" }
box = [4, 40, 60, 60]
[[slot]]
name = "guest"
kind = "text"
value = "Dear {{ name }}, {{ number }}"
size = 30
lines = 2
box = [70, 40, 160, 60]
[[slot]]
kind = "number"
rotation = 12
box = [10, 116, 90, 40]
[[slot]]
kind = "qr"
box = [128, 70, 110, 110]
"##;

#[test]
fn every_kind_of_slot_is_drawn_in_its_box() {
    let fields = fields("Zoë Haan");
    let (image, notes) = drawn(&prepare(ALL), &guest(&fields));
    for area in [[4, 4, 100, 30], [4, 40, 60, 60], [70, 40, 160, 30], [20, 120, 70, 30], [130, 102, 106, 76]] {
        assert!(touched(&image, area), "nothing in {area:?}");
    }
    assert_eq!(notes, []);
}

#[test]
fn the_formats_hold_the_same_picture() {
    let (fields, template, mut scratch) = (fields("Zoë"), prepare(ALL), Scratch::default());
    let (image, _) = drawn(&template, &guest(&fields));
    for format in [Format::Png, Format::WebP] {
        let rendered = render(&template, &guest(&fields), format, &mut scratch).unwrap();
        assert_eq!((rendered.width, rendered.height), (WIDTH, HEIGHT));
        assert_eq!(image::load_from_memory(&rendered.bytes).unwrap().into_rgb8(), image);
    }
    let rendered = render(&template, &guest(&fields), Format::DEFAULT, &mut scratch).unwrap();
    let decoded = image::load_from_memory(&rendered.bytes).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (WIDTH, HEIGHT));
}

#[test]
fn the_same_guest_gives_the_same_bytes_whatever_was_drawn_before() {
    let (template, other) = (prepare(ALL), prepare("[[slot]]\nkind = \"number\"\nbox = [0, 0, 240, 180]"));
    let (ana, bo) = (fields("Ana"), fields("Bo"));
    let mut scratch = Scratch::default();
    for format in [Format::Png, Format::DEFAULT, Format::WebP] {
        let first = render(&template, &guest(&ana), format, &mut scratch).unwrap().bytes;
        render(&template, &guest(&bo), format, &mut scratch).unwrap();
        render(&other, &guest(&bo), format, &mut scratch).unwrap();
        assert_eq!(render(&template, &guest(&ana), format, &mut scratch).unwrap().bytes, first);
        assert_eq!(render(&prepare(ALL), &guest(&ana), format, &mut Scratch::default()).unwrap().bytes, first);
    }
}

#[test]
fn the_qr_code_holds_the_link() {
    let fields = fields("Zoë");
    let (image, _) = drawn(&prepare(ALL), &guest(&fields));
    let (width, height) = (image.width() as usize, image.height() as usize);
    let shade = |x, y| image.get_pixel(x as u32, y as u32).0[1];
    let mut gray = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    let (_, content) = gray.detect_grids()[0].decode().unwrap();
    assert_eq!(content, "https://example.com/i/abc");
}

#[test]
fn a_portrait_is_drawn_and_an_avatar_stands_in_for_it() {
    let template = prepare("[[slot]]\nkind = \"picture\"\nshape = \"rectangle\"\nbox = [20, 20, 80, 80]");
    let portrait = Pixels::Opaque(RgbImage::from_pixel(50, 50, Rgb([250, 10, 10])));
    let fields = fields("Zoë Haan");
    let (with, _) = drawn(&template, &Guest { portrait: Some(&portrait), ..guest(&fields) });
    assert_eq!(*with.get_pixel(60, 60), Rgb([250, 10, 10]));
    let (without, _) = drawn(&template, &guest(&fields));
    assert_ne!(*without.get_pixel(22, 22), PAPER);
    let initials = (40..80).any(|y| (40..80).any(|x| *without.get_pixel(x, y) == Rgb([255, 255, 255])));
    assert!(initials, "no white letters on the avatar");
    assert_eq!(template.portrait_side(), Some(80));
}

#[test]
fn a_fixed_text_stays_above_what_is_drawn_before_it() {
    let over = "[[slot]]\nkind = \"picture\"\nshape = \"rectangle\"\nbox = [20, 20, 100, 100]\n[[slot]]\n\
        kind = \"text\"\nvalue = \"Hello\"\ncolor = \"#00ff00\"\nbox = [20, 20, 200, 100]";
    let fields = fields("Zoë");
    let (image, _) = drawn(&prepare(over), &guest(&fields));
    assert!(image.pixels().any(|pixel| *pixel == Rgb([0, 255, 0])));
}

#[test]
fn a_missing_field_is_named_with_its_slot() {
    let fields = BTreeMap::new();
    let error = render(&prepare(ALL), &guest(&fields), Format::Png, &mut Scratch::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "slot 3 \"guest\" (text): the guest has no field \"name\"; add the column to the guest list \
         or remove the field from the template"
    );
}

#[test]
fn a_link_too_long_for_its_box_is_named_with_its_slot() {
    let (fields, link) = (fields("Zoë"), "https://example.com/".repeat(30));
    let guest = Guest { link: &link, ..guest(&fields) };
    let error = render(&prepare(ALL), &guest, Format::Png, &mut Scratch::default()).unwrap_err();
    assert!(error.to_string().starts_with("slot 5 (qr): the QR box is 110 pixels"), "{error}");
}

#[test]
fn cut_texts_missing_glyphs_and_missing_fonts_are_noted() {
    let slot =
        |rest: &str| format!("[[slot]]\nkind = \"text\"\nvalue = \"{{{{ name }}}}\"\nbox = [0, 0, 90, 30]\n{rest}");
    let long = fields(&"long ".repeat(30));
    let (_, notes) = drawn(&prepare(&slot("min_size = 12")), &guest(&long));
    assert_eq!(notes, [Note::Clipped { slot: "slot 1 (text)".into() }]);
    let (_, notes) = drawn(&prepare(&slot("")), &guest(&fields("\u{12345}")));
    assert_eq!(notes, [Note::MissingGlyphs { slot: "slot 1 (text)".into(), characters: vec!["\u{12345}".into()] }]);
    let template = prepare(&slot("font = \"No Such Font\""));
    assert_eq!(template.notes().len(), 1);
    assert!(template.notes()[0].to_string().contains("no font \"No Such Font\" is installed"));
}

#[test]
fn a_guest_whose_name_has_holes_gets_no_invitation_unless_that_is_allowed() {
    let slots = "[[slot]]\nkind = \"text\"\nvalue = \"\u{12345}\"\nbox = [0, 0, 90, 30]\n\
                 [[slot]]\nname = \"guest\"\nkind = \"text\"\nvalue = \"Dear {{ name }}\"\nsize = 10\n\
                 box = [0, 40, 200, 30]";
    let template = prepare(slots);
    let refusal = |name: &str| {
        let fields = fields(name);
        let guest = Guest { allow_missing_glyphs: false, ..guest(&fields) };
        draw(&template, &guest, &mut Scratch::default()).err().map(|error| error.to_string())
    };
    // A text that is the same for everyone is a matter of the template.
    assert_eq!(refusal("Zoë"), None);
    let error = refusal("Priya प्रिया 🎉").unwrap();
    assert!(error.starts_with("slot 2 \"guest\" (text): no font has "), "{error}");
    assert!(
        error.contains("(Devanagari: install fonts-noto-core) and 🎉 (emoji: install fonts-noto-color-emoji)"),
        "{error}"
    );
    assert!(error.contains("--allow-missing-glyphs"), "{error}");
    let fields = fields("Priya प्रिया");
    assert_eq!(drawn(&template, &guest(&fields)).1.len(), 1);
}

#[test]
fn an_inserted_name_does_not_turn_its_line() {
    let slots = |value: &str| {
        format!("[[slot]]\nkind = \"text\"\nvalue = \"{value}\"\nalign = \"left\"\nsize = 20\nbox = [0, 0, 240, 40]")
    };
    let fields = fields("דנה");
    let image = |value: &str| drawn(&prepare(&slots(value)), &guest(&fields)).0;
    // The digits after the name stay after it: the line equals a line with the marks that a person would insert by
    // hand.
    assert_eq!(image("Seat 5: {{ name }} - 7"), image("Seat 5: \u{2068}דנה\u{2069} - 7"));
    assert_eq!(image("Seat 5: {{ name }} - 7"), image("Seat 5: דנה\u{200E} - 7"));
    assert_ne!(image("Seat 5: {{ name }} - 7"), image("Seat 5: דנה - 7"));
    // If the value stands alone, or beside no letters of the template, its direction is the direction of the line.
    assert_eq!(image("{{ name }} 7"), image("דנה 7"));
    assert_eq!(image("{{ name }}"), image("דנה"));
    assert_eq!(drawn(&prepare(&slots("Seat {{ name }}")), &guest(&fields)).1, []);
}

#[test]
fn what_is_see_through_in_the_background_becomes_white() {
    let mut bundle = bundle("[[slot]]\nkind = \"number\"\nbox = [0, 0, 20, 20]");
    bundle.insert("paper.png", png(RgbaImage::from_pixel(WIDTH, HEIGHT, Rgba([0, 0, 0, 128])))).unwrap();
    let template = PreparedTemplate::new(&bundle, &FontLibrary::embedded()).unwrap();
    assert_eq!(*template.base.get_pixel(100, 100), Rgb([127; 3]));
}

#[test]
fn a_background_or_font_that_does_not_load_is_named() {
    let slots = "[[slot]]\nkind = \"number\"\nfont = \"own.ttf\"\nbox = [0, 0, 20, 20]";
    let error = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle(slots);
        bundle.insert("own.ttf", Bytes::from_static(dejavu::sans::regular())).unwrap();
        change(&mut bundle);
        PreparedTemplate::new(&bundle, &FontLibrary::embedded()).err().map(|error| error.to_string())
    };
    assert_eq!(error(&|_| {}), None);
    let broken = error(&|bundle| {
        let half = bundle.file("paper.png").map(|bytes| bytes.slice(..bytes.len() / 2)).unwrap();
        bundle.insert("paper.png", half).unwrap();
    });
    assert!(broken.as_deref().is_some_and(|text| text.starts_with("background \"paper.png\": ")), "{broken:?}");
    let font = error(&|bundle| bundle.insert("own.ttf", Bytes::from_static(b"no font")).unwrap());
    assert!(
        font.as_deref().is_some_and(|text| text.contains("slot 1 (number): font: \"own.ttf\" cannot be used")),
        "{font:?}"
    );
}

#[test]
fn a_background_that_wants_turning_is_refused() {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new(&mut jpeg);
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    let image = RgbImage::new(WIDTH, WIDTH);
    encoder.write_image(&image, WIDTH, WIDTH, image::ExtendedColorType::Rgb8).unwrap();
    let mut bundle = bundle("[[slot]]\nkind = \"number\"\nbox = [0, 0, 20, 20]");
    bundle.insert("paper.png", jpeg.into()).unwrap();
    let error = PreparedTemplate::new(&bundle, &FontLibrary::embedded()).err();
    assert!(matches!(error, Some(PrepareError::Turned(_))), "{error:?}");
}

#[test]
fn the_example_templates_render_for_every_field_they_read() {
    for name in ["gala", "badge"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/templates").join(name);
        let bundle = Bundle::read(&folder).unwrap();
        let known = ["name", "email", "phone", "external_id", "company", "table"].map(str::to_owned).into();
        herald_template::Template::read_for(&bundle, &known).unwrap_or_else(|problems| panic!("{problems}"));
        let template = PreparedTemplate::new(&bundle, &FontLibrary::embedded()).unwrap();
        assert_eq!(template.notes(), [], "{name}");
        let fields = BTreeMap::from(["name", "company", "table"].map(|field| (field.to_owned(), "Zoë".to_owned())));
        let rendered = render(&template, &guest(&fields), Format::Png, &mut Scratch::default()).unwrap();
        assert_eq!(rendered.notes, [], "{name}");
        assert_eq!((rendered.width, rendered.height), template.dimensions());
    }
}

#[test]
fn a_prepared_template_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&prepare(ALL));
}

/// One slot of any kind, with boxes and styles that may or may not be valid.
fn any_slot() -> impl Strategy<Value = String> {
    let area = (-4i32..230, -4i32..170, 1i32..140, 1i32..120).prop_map(|(x, y, width, height)| {
        // Most boxes lie inside, so that most templates are drawn.
        format!("box = [{x}, {y}, {}, {}]", width.min(240 - x.min(239)), height.min(180 - y.min(179)))
    });
    let value = prop::sample::select(vec![
        "{{ name }}",
        "Fixed text",
        "{{ name | upper }} {{ number }}",
        "{{ company or link }}",
        " ",
    ]);
    let text = (value, 4u32..90, 1u32..5, prop::sample::select(vec![0i32, 0, 0, 90, -30]), any::<bool>()).prop_map(
        |(value, size, lines, rotation, bold)| {
            format!(
                "kind = \"text\"\nvalue = \"{value}\"\nsize = {size}\nmin_size = 4\nlines = {lines}\n\
                rotation = {rotation}\nbold = {bold}\nletter_spacing = 0.2"
            )
        },
    );
    let picture = (prop::sample::select(vec!["circle", "rounded", "rectangle"]), 0u32..9)
        .prop_map(|(shape, width)| format!("kind = \"picture\"\nshape = \"{shape}\"\nborder = {{ width = {width} }}"));
    let kind = prop_oneof![
        4 => text,
        2 => picture,
        1 => Just("kind = \"number\"\nalign = \"center\"\nshadow = { blur = 0.3 }".to_owned()),
        1 => Just("kind = \"qr\"".to_owned()),
    ];
    (kind, area).prop_map(|(kind, area)| format!("[[slot]]\n{kind}\n{area}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn an_accepted_template_renders_for_any_guest(
        slots in prop::collection::vec(any_slot(), 1..5),
        name in "\\PC{0,40}|[\\u{600}-\\u{6ff} ]{0,20}|[\\u{0}-\\u{ff}]{0,20}",
        number in "[0-9A-Z]{1,8}",
    ) {
        let read = PreparedTemplate::new(&bundle(&slots.concat()), &FontLibrary::embedded());
        prop_assume!(read.is_ok());
        let template = read.unwrap();
        let fields = fields(&name);
        let guest = Guest { number: &number, ..guest(&fields) };
        let mut scratch = Scratch::default();
        let first = render(&template, &guest, Format::Png, &mut scratch).unwrap();
        let second = render(&template, &guest, Format::Png, &mut scratch).unwrap();
        prop_assert_eq!(first.bytes, second.bytes);
        prop_assert_eq!(first.notes, second.notes);
    }

    #[test]
    fn what_is_spliced_is_what_encoding_the_whole_picture_gives(
        slots in prop::collection::vec(any_slot(), 1..4),
        names in prop::collection::vec("\\PC{0,30}|[\\u{600}-\\u{6ff} ]{0,20}", 1..4),
        quality in 1..=100_u8,
    ) {
        let read = PreparedTemplate::new(&bundle(&slots.concat()), &FontLibrary::embedded());
        prop_assume!(read.is_ok());
        let (template, jpeg) = (read.unwrap(), Format::Jpeg { quality });
        for format in [Format::Png, jpeg] {
            let reason = template.encoded_whole(format);
            prop_assert!(matches!(reason, None | Some(Whole::Personal { .. })), "{:?}", reason);
        }
        let mut scratch = Scratch::default();
        for fields in names.iter().map(|name| fields(name)) {
            // The reference is drawn on its own picture, so that no remembered state of a scratch can hide a
            // difference.
            let (image, _) = drawn(&template, &guest(&fields));
            draw(&template, &guest(&fields), &mut scratch).unwrap();
            prop_assert!(*scratch.frame.image() == image);
            let png = encode_drawn(&template, Format::Png, &mut scratch).unwrap();
            prop_assert!(image::load_from_memory(&png).unwrap().into_rgb8() == image);
            let spliced = encode_drawn(&template, jpeg, &mut scratch).unwrap();
            let mut whole = Vec::new();
            match template.encoded_whole(jpeg) {
                None => whole = splice::jpeg_whole(&image, quality).unwrap(),
                Some(_) => crate::encode::encode(&image, jpeg, &mut whole).unwrap(),
            }
            prop_assert!(spliced == whole);
        }
    }

    #[test]
    fn nothing_leaves_its_box(
        slot in any_slot().prop_filter("rotated text is clipped to the image", |slot| !slot.contains("rotation")
            || slot.contains("rotation = 0\n")),
        name in "\\PC{0,30}|[\\u{600}-\\u{6ff} ]{0,20}|(Z\u{310}\u{323}a\u{335}\u{30a}){1,6}",
    ) {
        let bundle = bundle(&slot);
        let read = herald_template::Template::read(&bundle);
        prop_assume!(read.is_ok());
        let area = read.unwrap().slots[0].area;
        let template = PreparedTemplate::new(&bundle, &FontLibrary::embedded()).unwrap();
        let fields = fields(&name);
        let (image, _) = drawn(&template, &guest(&fields));
        for (x, y, pixel) in image.enumerate_pixels() {
            let (dx, dy) = (i64::from(x) - i64::from(area.x), i64::from(y) - i64::from(area.y));
            let inside = dx >= 0 && dy >= 0 && dx < i64::from(area.width) && dy < i64::from(area.height);
            prop_assert!(inside || *pixel == PAPER, "pixel {x},{y} is drawn outside {area:?}");
        }
    }
}

//! Each problem is reported with its position and the cure.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// A font with the parts that are checked here: one empty table.
const FONT: &[u8] = b"\0\x01\0\0\0\x01\0\0\0\0\0\0cmap\0\0\0\0\0\0\0\x1c\0\0\0\0";

/// The first bytes of a PNG of this size, which are the only part that is read here.
fn png(width: u32, height: u32) -> Bytes {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes.into()
}

fn bundle(manifest: &str) -> Bundle {
    let mut bundle = Bundle::default();
    bundle.insert(MANIFEST, Bytes::from(manifest.to_owned())).unwrap();
    bundle.insert("back.png", png(400, 300)).unwrap();
    bundle.insert("Fancy.ttf", Bytes::from_static(FONT)).unwrap();
    bundle
}

fn with_slot(slot: &str) -> Bundle {
    bundle(&format!("background = \"back.png\"\n[[slot]]\n{slot}\n"))
}

/// The problems of a template, one per line.
fn problems(slot: &str) -> String {
    Template::read(&with_slot(slot)).expect_err("this template is wrong").to_string()
}

const GOOD: &str = r##"
name = "Gala"
background = "back.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ first_name }} {{ last_name | upper }}"
font = "Fancy.ttf"
bold = true
size = 40
min_size = 18.5
lines = 2
line_height = 1.1
color = "#1a2b3c"
align = "center"
valign = "top"
rotation = -5
letter_spacing = 0.1
language = "ja"
shadow = { dy = 0.02, blur = 0.2, color = "#00000040" }
box = [40, 20, 200, 100]

[[slot]]
kind = "picture"
shape = "rounded"
radius = 12
border = { width = 3, color = "#fff" }
box = [0, 0, 100, 100]

[[slot]]
kind = "number"
box = [300, 0, 100, 40]

[[slot]]
kind = "qr"
background = "#ffe"
box = [280, 180, 120, 120]
"##;

#[test]
fn a_good_template_is_read_whole() {
    let template = Template::read(&bundle(GOOD)).unwrap();
    assert_eq!((template.name.as_str(), template.width, template.height), ("Gala", 400, 300));
    assert_eq!(template.slots.len(), 4);
    assert_eq!(template.slots[0].label, "slot 1 \"guest\" (text)");
    let typography = template.slots[0].typography().unwrap();
    assert_eq!(typography.font, Font::File("Fancy.ttf".into()));
    assert_eq!((typography.size, typography.min_size, typography.lines), (40.0, 18.5, 2));
    assert_eq!((typography.align, typography.valign), (Align::Center, VerticalAlign::Top));
    let Content::Picture(picture) = &template.slots[1].content else { panic!("slot 2 is a picture") };
    assert_eq!(picture.shape, Shape::Rounded(12.0));
    assert_eq!(picture.border, Some(Border { width: 3.0, color: Color::rgb(255, 255, 255) }));
    assert!(template.has_picture());
    assert_eq!(template.fields().into_iter().collect::<Vec<_>>(), ["first_name", "last_name"]);
}

#[test]
fn the_version_follows_the_files_it_uses() {
    let version = |bundle: &Bundle| Template::read(bundle).unwrap().version;
    let first = version(&bundle(GOOD));
    assert_eq!(first, version(&bundle(GOOD)));
    let mut other = bundle(GOOD);
    other.insert("Fancy.ttf", Bytes::from([FONT, b"another"].concat())).unwrap();
    assert_ne!(first, version(&other));
    let mut stray = bundle(GOOD);
    stray.insert("old.png", png(1, 1)).unwrap();
    assert_eq!(first, version(&stray));
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let manifest = "background = \"back.png\"\n\n[[slot]]\nkind = \"text\"\nvalue = \"a\"\ncolour = \"#000\"\n\
        box = [350, 0, 100, 50]\n\n[[slot]]\nkind = \"number\"\ncolor = \"red\"\nbox = [0, 0, 0, 5]\n";
    let error = Template::read(&bundle(manifest)).unwrap_err();
    let lines: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "template.toml:6:1: slot 1 (text): colour: unknown key; did you mean \"color\"?",
            "template.toml:7:7: slot 1 (text): box: the box reaches 50 px right outside the 400 × 300 px background; \
             move it or make it smaller",
            "template.toml:11:9: slot 2 (number): color: \"red\" is not a colour; write \"#rrggbb\", \"#rgb\" or, with \
             opacity, \"#rrggbbaa\"",
            "template.toml:12:7: slot 2 (number): box: is 0 × 5 px; give it a width and a height of at least 1",
        ]
    );
}

#[test]
fn a_box_outside_the_background_says_by_how_much_on_each_side() {
    let message = problems("kind = \"number\"\nbox = [-3, 290, 100, 50]");
    assert!(message.contains("3 px left and 40 px below outside the 400 × 300 px"), "{message}");
}

#[test]
fn a_rotated_box_is_measured_after_its_rotation() {
    // A tall narrow strip, written as the wide box in which its text is set.
    let upright = "kind = \"number\"\nrotation = 90\nbox = [-110, 130, 260, 40]";
    let template = Template::read(&with_slot(upright)).unwrap();
    assert_eq!(template.slots[0].area.x, -110);
    let message = problems("kind = \"number\"\nrotation = 90\nbox = [100, 0, 200, 40]");
    assert!(message.contains("rotated, reaches 80 px above"), "{message}");
}

#[test]
fn wrong_values_are_named_with_what_to_write() {
    for (slot, expected) in [
        ("kind = \"txt\"", "\"txt\" is not one of \"text\", \"picture\", \"number\", \"qr\"; did you mean \"text\"?"),
        ("box = [0, 0, 9, 9]", "slot 1: kind: is missing; write kind = \"text\""),
        ("kind = \"number\"", "box: is missing; write box = [x, y, width, height]"),
        ("kind = \"number\"\nbox = [0, 0, 9]", "box: must be four whole numbers"),
        ("kind = \"number\"\nbox = [0, 0, 9.5, 9]", "box: must be four whole numbers"),
        ("kind = \"text\"\nbox = [0, 0, 9, 9]", "value: is missing; write value = \"{{ first_name }}\""),
        ("kind = \"text\"\nvalue = \"a\"\nfield = \"a\"\nbox = [0, 0, 9, 9]", "value and field are both given"),
        ("kind = \"number\"\nsize = 20\nmin_size = 30\nbox = [0, 0, 9, 9]", "min_size: 30 is larger than size 20"),
        ("kind = \"number\"\nsize = \"20\"\nbox = [0, 0, 9, 9]", "size: must be a number"),
        ("kind = \"number\"\nsize = 1\nbox = [0, 0, 9, 9]", "size: 1 is not between 4 and 2000"),
        ("kind = \"number\"\nlines = 0\nbox = [0, 0, 9, 9]", "lines: must be a whole number from 1 to 50"),
        ("kind = \"number\"\nbold = 1\nbox = [0, 0, 9, 9]", "bold: must be true or false"),
        (
            "kind = \"number\"\nalign = \"centre\"\nbox = [0, 0, 9, 9]",
            "not one of \"left\", \"center\", \"right\", \"start\"",
        ),
        ("kind = \"number\"\nfont = \"Fancey.ttf\"\nbox = [0, 0, 9, 9]", "did you mean \"Fancy.ttf\"?; add it or"),
        ("kind = \"picture\"\nradius = 3\nbox = [0, 0, 9, 9]", "only a picture with shape = \"rounded\""),
        ("kind = \"picture\"\nborder = 3\nbox = [0, 0, 9, 9]", "border: must be a table in braces"),
        ("kind = \"picture\"\nborder = { with = 3 }\nbox = [0, 0, 9, 9]", "with: unknown key; did you mean \"width\"?"),
        ("kind = \"picture\"\nrotation = 3\nbox = [0, 0, 9, 9]", "rotation: unknown key"),
        (
            "kind = \"qr\"\nbox = [0, 0, 40, 90]",
            "40 × 90 px is too small for the QR code of a link; give it at least 106 px",
        ),
        ("kind = \"qr\"\nbackground = \"#ffff\"\nbox = [0, 0, 120, 120]", "\"#ffff\" is not a colour"),
        ("kind = \"qr\"\nbackground = \"#ffffff80\"\nbox = [0, 0, 120, 120]", "transparent"),
        ("kind = \"number\"\nshadow = { dx = 9 }\nbox = [0, 0, 9, 9]", "dx: 9 is not between -2 and 2"),
        ("kind = \"qr\"\ncolor = \"#ccc\"\nbox = [0, 0, 90, 90]", "#cccccc on #ffffff cannot be scanned"),
    ] {
        let message = problems(slot);
        assert!(message.contains(expected), "{slot}\n gave {message}\n not {expected}");
    }
}

#[test]
fn a_wrong_expression_is_pointed_at() {
    let message = problems("kind = \"text\"\nvalue = \"Dear {{ first_name | shout }}\"\nbox = [0, 0, 9, 9]");
    assert!(message.starts_with("template.toml:4:31: "), "{message}");
    assert!(message.contains("slot 1 (text): value: ") && message.contains("the filters are"), "{message}");
    let message = problems("kind = \"text\"\nvalue = \"{{ first_name\"\nbox = [0, 0, 9, 9]");
    assert!(message.contains("the expression cannot be read"), "{message}");
}

#[test]
fn unknown_fields_are_named_with_the_nearest_known_one() {
    let known = ["first_name", "last_name", "table"].map(str::to_owned).into();
    let slots = "kind = \"text\"\nvalue = \"{{ frist_name }} {{ number }}\"\nbox = [0, 0, 9, 9]\n[[slot]]\n\
        kind = \"text\"\nfield = \"Wine\"\nbox = [0, 0, 9, 9]";
    let error = Template::read_for(&with_slot(slots), &known).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "template.toml:4:9: slot 1 (text): no guest has a field \"frist_name\"; did you mean \"first_name\"?",
            "template.toml:8:9: slot 2 (text): no guest has a field \"Wine\"; the fields are first_name, last_name, \
             table, \
             number, link, event",
        ]
    );
    let template = Template::read(&with_slot(slots)).unwrap();
    assert_eq!(template.check_fields(&known).unwrap_err().to_string(), error);
    assert_eq!(template.check_fields(&["frist_name", "Wine"].map(str::to_owned).into()), Ok(()));
}

#[test]
fn a_background_that_is_missing_damaged_or_too_large_is_named() {
    let slot = "[[slot]]\nkind = \"number\"\nbox = [0, 0, 9, 9]\n";
    let read = |name: &str, bytes: Option<Bytes>| {
        let mut bundle = bundle(&format!("background = \"{name}\"\n{slot}"));
        if let Some(bytes) = bytes {
            bundle.insert(name, bytes).unwrap();
        }
        Template::read(&bundle).unwrap_err().to_string()
    };
    assert!(
        read("bakc.png", None)
            .contains("there is no file \"bakc.png\" in the template's folder; did you mean \"back.png\"?")
    );
    assert!(read("x.png", Some(Bytes::from_static(b"<svg/>"))).contains("is not a PNG or JPEG picture"));
    assert!(read("x.png", Some(png(400, 300).slice(..12))).contains("export"));
    assert!(
        read("x.png", Some(png(50_000, 50_000)))
            .contains("has 50000 × 50000 px; a background may have 10000 px a side")
    );
    assert!(read("x.png", Some(png(9_000, 9_000))).contains("40 megapixels"));
    assert!(Template::read(&bundle(slot)).unwrap_err().to_string().contains("background: is missing"));
}

#[test]
fn a_manifest_that_is_not_toml_is_pointed_at() {
    let error = Template::read(&bundle("background = \"back.png\"\n[[slot]\nkind = text\n")).unwrap_err();
    assert!(error.to_string().starts_with("template.toml:2:8: unclosed array table"), "{error}");
    let error = Template::read(&Bundle::default()).unwrap_err().to_string();
    assert!(error.contains("has no template.toml"), "{error}");
    assert!(
        Template::read(&bundle("background = \"back.png\""))
            .unwrap_err()
            .to_string()
            .contains("add at least one [[slot]]")
    );
    assert!(
        Template::read(&bundle("background = \"back.png\"\nslot = 3"))
            .unwrap_err()
            .to_string()
            .contains("written as [[slot]]")
    );
}

proptest! {
    #[test]
    fn any_manifest_is_accepted_or_refused_but_never_panics(text in "\\PC{0,200}") {
        drop(Template::read(&bundle(&text)));
        drop(Template::read(&with_slot(&text)));
    }

    #[test]
    fn an_accepted_box_lies_inside_the_background(x in -50i64..450, y in -50i64..350, w in -5i64..450,
        h in -5i64..350) {
        let read = Template::read(&with_slot(&format!("kind = \"number\"\nbox = [{x}, {y}, {w}, {h}]")));
        let inside = x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 400 && y + h <= 300;
        prop_assert_eq!(read.is_ok(), inside);
    }
}

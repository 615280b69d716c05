//! Tests of the whole text stack, script by script.

use std::path::Path;
use std::sync::LazyLock;

use image::{Rgb, RgbImage};
use proptest::prelude::*;

use super::*;
use crate::fonts::FontLibrary;

static EMBEDDED: LazyLock<FontLibrary> = LazyLock::new(FontLibrary::embedded);

/// The machine's fonts. Tests of scripts that DejaVu lacks need Debian's Noto packages.
static SYSTEM: LazyLock<FontLibrary> = LazyLock::new(|| {
    for (package, file) in [
        ("fonts-noto-core", "/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf"),
        ("fonts-noto-cjk", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
        ("fonts-noto-color-emoji", "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    ] {
        assert!(Path::new(file).exists(), "this test needs {file}: apt-get install {package}");
    }
    FontLibrary::with_system(&[])
});

fn style() -> TextStyle {
    TextStyle { size: 48.0, min_size: 8.0, ..TextStyle::default() }
}

fn wide(text: &str, fonts: &FontLibrary) -> Layout {
    layout(text, &style(), 10_000.0, 1_000.0, fonts)
}

/// The glyphs of the first line in visual order: the glyph id, and the byte of the cluster.
fn glyphs(layout: &Layout) -> Vec<(u32, usize)> {
    let runs = layout.lines.iter().take(1).flat_map(|line| &line.runs);
    runs.flat_map(|run| &run.glyphs).map(|glyph| (glyph.id.to_u32(), glyph.cluster)).collect()
}

fn ids(text: &str, fonts: &FontLibrary) -> Vec<u32> {
    let layout = wide(text, fonts);
    assert_eq!(layout.missing, Vec::<String>::new(), "{text}");
    glyphs(&layout).into_iter().map(|(id, _)| id).collect()
}

fn clusters(text: &str, fonts: &FontLibrary) -> Vec<usize> {
    glyphs(&wide(text, fonts)).into_iter().map(|(_, cluster)| cluster).collect()
}

fn paint(text: &str, style: &TextStyle, area: Area, fonts: &FontLibrary) -> (RgbImage, Layout) {
    let mut image = RgbImage::from_pixel(300, 200, Rgb([255; 3]));
    let layout = layout(text, style, area.width as f32, area.height as f32, fonts);
    draw(&layout, style, &mut Canvas::from(&mut image), area, &mut Scratch::default());
    (image, layout)
}

fn inked(image: &RgbImage) -> Vec<(i32, i32)> {
    image.enumerate_pixels().filter(|(_, _, p)| p.0 != [255; 3]).map(|(x, y, _)| (x as i32, y as i32)).collect()
}

const BOX: Area = Area { x: 40, y: 30, width: 200, height: 80 };

#[test]
fn arabic_letters_join_and_run_right_to_left() {
    let joined = ids("محمد", &EMBEDDED);
    let isolated: Vec<u32> = ["د", "م", "ح", "م"].iter().flat_map(|letter| ids(letter, &EMBEDDED)).collect();
    assert_eq!(joined.len(), 4);
    assert_ne!(joined, isolated);
    assert_eq!(clusters("محمد", &EMBEDDED), [6, 4, 2, 0]);
}

#[test]
fn urdu_letters_are_drawn_and_a_stand_in_is_told() {
    let name = wide("عائشہ خان ڈار", &EMBEDDED);
    assert_eq!(name.missing, Vec::<String>::new());
    assert_eq!(name.substituted, ["ہ"]);
    assert_ne!(ids("ڈار", &EMBEDDED), ids("دار", &EMBEDDED));
    assert_eq!(wide("عائشہ", &SYSTEM).substituted, Vec::<String>::new());
    for letter in "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوھءیےؤئآأۓ".chars() {
        assert_eq!(wide(&letter.to_string(), &EMBEDDED).missing, Vec::<String>::new());
    }
}

#[test]
fn hebrew_runs_right_to_left() {
    assert_eq!(clusters("אור", &EMBEDDED), [4, 2, 0]);
}

#[test]
fn mixed_directions_keep_each_word_readable() {
    // The order is Latin, then the Arabic word reversed, then Latin again.
    assert_eq!(clusters("Om عم Kh", &EMBEDDED), [0, 1, 2, 5, 3, 7, 8, 9]);
    // In a right-to-left paragraph the Latin word comes after (left of) the Arabic one.
    assert_eq!(clusters("عم Om", &EMBEDDED), [5, 6, 4, 2, 0]);
}

#[test]
fn an_override_in_a_name_cannot_turn_it_around() {
    assert_eq!(ids("abc\u{202E}def", &EMBEDDED), ids("abcdef", &EMBEDDED));
}

#[test]
fn vietnamese_composed_and_decomposed_are_the_same_glyphs() {
    let composed = ids("Nguyễn Thị Ánh", &EMBEDDED);
    assert_eq!(composed, ids("Nguye\u{302}\u{303}n Thi\u{323} A\u{301}nh", &EMBEDDED));
    assert_eq!(composed.len(), 14);
}

#[test]
fn devanagari_conjuncts_form_and_the_short_i_moves_before_its_letter() {
    assert!(ids("क्ष", &SYSTEM).len() < 3, "the conjunct is one glyph");
    let word = ids("कि", &SYSTEM);
    let letter = ids("क", &SYSTEM);
    assert_eq!(word.len(), 2);
    assert_eq!(word[1], letter[0], "the vowel sign is drawn before the letter");
}

#[test]
fn chinese_and_japanese_get_their_own_forms_of_a_character() {
    let han = |text: &str, language: Option<&str>| {
        let style = TextStyle { language: language.map(str::to_owned), ..style() };
        let layout = layout(text, &style, 5_000.0, 500.0, &SYSTEM);
        assert_eq!(layout.missing, Vec::<String>::new());
        glyphs(&layout)[0].0
    };
    let chinese = han("骨", None);
    assert_eq!(chinese, han("骨", Some("zh-Hans")));
    assert_ne!(chinese, han("骨", Some("ja")), "the language decides");
    assert_eq!(han("骨さ", None), han("骨", Some("ja")), "kana make it Japanese");
}

#[test]
fn korean_is_covered() {
    assert_eq!(ids("김서연", &SYSTEM).len(), 3);
    // Decomposed syllables are composed.
    assert_eq!(ids("\u{1100}\u{1175}\u{11B7}", &SYSTEM), ids("김", &SYSTEM));
}

#[test]
fn an_emoji_sequence_is_one_picture() {
    for emoji in ["👩\u{200D}👩\u{200D}👧\u{200D}👦", "🇮🇳", "1\u{FE0F}\u{20E3}", "👍🏽", "❤\u{FE0F}", "😀"]
    {
        let layout = wide(emoji, &SYSTEM);
        assert_eq!(layout.missing, Vec::<String>::new(), "{emoji}");
        assert_eq!(glyphs(&layout).len(), 1, "{emoji}");
        assert!(layout.lines[0].runs[0].face.has_bitmaps(), "{emoji} comes from the colour font");
    }
}

#[test]
fn emoji_are_drawn_in_colour_inside_the_box() {
    let (image, _) = paint("😀", &style(), BOX, &SYSTEM);
    let colourful = image.pixels().filter(|p| p[0].abs_diff(p[2]) > 60).count();
    assert!(colourful > 200, "{colourful} coloured pixels");
    assert!(inked(&image).iter().all(|&(x, y)| within(BOX, x, y)));
}

#[test]
fn digits_and_spaces_stay_with_the_letters_not_with_the_emoji() {
    let layout = wide("A 😀 1", &SYSTEM);
    let runs = &layout.lines[0].runs;
    assert_eq!(runs.iter().filter(|run| run.face.has_bitmaps()).map(|run| run.glyphs.len()).sum::<usize>(), 1);
}

#[test]
fn without_system_fonts_the_covered_scripts_work_and_the_rest_is_reported() {
    for name in
        ["Zoë Åkesson-Łukasiewicz", "Nguyễn Thị Ánh Tuyết", "محمد الفارسي", "عائشہ خان", "Ζωή", "Дмитрий", "אורית"]
    {
        assert_eq!(wide(name, &EMBEDDED).missing, Vec::<String>::new(), "{name}");
    }
    let layout = wide("Wang 王小王 अ", &EMBEDDED);
    assert_eq!(layout.missing, ["王", "小", "अ"]);
    assert!(glyphs(&layout).iter().all(|&(id, _)| id != 0), "no box is drawn");
}

#[test]
fn a_character_no_font_has_is_reported_and_not_drawn() {
    let (image, layout) = paint("\u{E000}\u{10FFFD}\u{FFFD}", &style(), BOX, &SYSTEM);
    assert_eq!(layout.missing, ["\u{E000}", "\u{10FFFD}", "\u{FFFD}"]);
    assert_eq!(inked(&image), []);
}

#[test]
fn an_empty_text_draws_nothing() {
    for text in ["", " ", "\n\n", "\u{200B}", "\u{202E}"] {
        let (image, layout) = paint(text, &style(), BOX, &EMBEDDED);
        assert_eq!(inked(&image), [], "{text:?}");
        assert!(!layout.clipped);
    }
}

#[test]
fn a_short_name_gets_the_full_size_and_a_long_one_the_largest_that_fits() {
    let short = layout("Ana", &style(), 400.0, 60.0, &EMBEDDED);
    assert_eq!(short.size, 48.0);
    let long = layout("Maximiliane von Hohenstein", &style(), 400.0, 60.0, &EMBEDDED);
    assert!(long.size < 48.0 && !long.clipped);
    let width = long.lines[0].width() * long.size;
    assert!((width - 400.0).abs() < 0.5, "fills the box: {width}");
}

#[test]
fn wrapping_finds_larger_type_and_balances_the_lines() {
    let text = "Maximiliane Alexandra von Hohenstein";
    let one = layout(text, &style(), 300.0, 120.0, &EMBEDDED);
    let two = layout(text, &TextStyle { max_lines: 2, ..style() }, 300.0, 120.0, &EMBEDDED);
    assert!(two.size > one.size * 1.3, "{} → {}", one.size, two.size);
    assert_eq!(two.lines.len(), 2);
    let (a, b) = (two.lines[0].width(), two.lines[1].width());
    assert!((a / b - 1.0).abs() < 0.5, "{a} and {b} em");
}

#[test]
fn line_breaks_in_the_text_count_and_join_when_there_is_room_for_one_line() {
    let two = TextStyle { max_lines: 2, ..style() };
    assert_eq!(layout("Ana\nSilva", &two, 900.0, 300.0, &EMBEDDED).lines.len(), 2);
    assert_eq!(layout("Ana\nSilva", &style(), 900.0, 300.0, &EMBEDDED).lines.len(), 1);
}

#[test]
fn a_name_of_500_letters_is_cut_with_an_ellipsis_and_says_so() {
    let name = "Wolfeschlegelsteinhausenbergerdorff ".repeat(14);
    let (image, layout) = paint(&name, &TextStyle { min_size: 20.0, ..style() }, BOX, &EMBEDDED);
    assert!(layout.clipped);
    assert_eq!(layout.size.floor(), 20.0);
    let last = glyphs(&layout).last().copied();
    assert_eq!(last.map(|(id, _)| id), ids("…", &EMBEDDED).first().copied());
    assert!(inked(&image).iter().all(|&(x, y)| within(BOX, x, y)));
}

#[test]
fn alignment_follows_the_paragraph_or_the_page() {
    let middle = |text: &str, align| {
        let ink = inked(&paint(text, &TextStyle { align, size: 20.0, ..style() }, BOX, &EMBEDDED).0);
        ink.iter().map(|&(x, _)| x).sum::<i32>() / ink.len() as i32
    };
    assert!(middle("Ana", Align::Start) < 100 && middle("עמר", Align::Start) > 180);
    assert!(middle("Ana", Align::End) > 180 && middle("עמר", Align::End) < 100);
    assert!(middle("עמר", Align::Left) < 100 && middle("Ana", Align::Right) > 180);
    assert!((130..150).contains(&middle("OOO", Align::Center)));
}

#[test]
fn baselines_do_not_depend_on_the_letters() {
    let bottom = |text: &str| {
        let ink = inked(&paint(text, &TextStyle { size: 30.0, ..style() }, BOX, &EMBEDDED).0);
        ink.iter().map(|&(_, y)| y).max().unwrap()
    };
    assert_eq!(bottom("Anna"), bottom("Ẫnna"));
    assert_eq!(bottom("H"), bottom("h"));
}

#[test]
fn rotation_turns_about_the_centre_of_the_box() {
    let area = Area { x: 50, y: 80, width: 200, height: 40 };
    let turned = TextStyle { rotation: 90.0, size: 30.0, ..style() };
    let ink = inked(&paint("Annabella", &turned, area, &EMBEDDED).0);
    let spread = |values: Vec<i32>| (*values.iter().min().unwrap(), *values.iter().max().unwrap());
    let (left, right) = spread(ink.iter().map(|p| p.0).collect());
    let (top, bottom) = spread(ink.iter().map(|p| p.1).collect());
    assert!(bottom - top > 100 && right - left < 40, "stands upright");
    assert!(((left + right) / 2 - 150).abs() < 8 && ((top + bottom) / 2 - 100).abs() < 8);
}

#[test]
fn letter_spacing_widens_latin_and_leaves_arabic_joined() {
    let width = |text: &str, letter_spacing| {
        layout(text, &TextStyle { letter_spacing, ..style() }, 9_000.0, 900.0, &EMBEDDED).lines[0].advance
    };
    assert!((width("Anna", 0.1) - width("Anna", 0.0) - 0.3).abs() < 0.01, "three gaps, none after the last letter");
    assert!(width("محمد", 0.1) <= width("محمد", 0.0));
}

#[test]
fn a_font_family_is_found_by_name_and_an_unknown_one_is_told() {
    assert!(EMBEDDED.has_family("DejaVu Serif") && EMBEDDED.has_family("sans-serif"));
    assert!(!EMBEDDED.has_family("Comic Papyrus"));
    let with =
        |font: &str| layout("Ana", &TextStyle { font: Some(font.to_owned()), ..style() }, 500.0, 100.0, &EMBEDDED);
    assert!(with("dejavu serif").font_found && !with("Comic Papyrus").font_found);
    assert_ne!(with("serif").lines[0].advance, with("sans-serif").lines[0].advance);
    assert_eq!(with("Comic Papyrus").lines[0].advance, with("sans-serif").lines[0].advance);
}

#[test]
fn a_templates_own_font_is_used_by_family_or_file_name() {
    let mut fonts = FontLibrary::embedded();
    let families = fonts.add_font_file("Fancy.ttf", dejavu::serif_condensed::bold().to_vec()).unwrap();
    assert!(
        families.iter().any(|family| family == "dejavu serif condensed" || family == "dejavu serif"),
        "{families:?}"
    );
    assert!(fonts.has_family("fancy") && !EMBEDDED.has_family("fancy"));
    let style = TextStyle { font: Some("Fancy".to_owned()), ..style() };
    assert!(layout("Ana", &style, 500.0, 100.0, &fonts).font_found);
}

#[test]
fn a_file_that_is_no_font_is_refused_by_name() {
    let mut fonts = FontLibrary::embedded();
    for bytes in [b"wOF2\0\0".to_vec(), b"<html>".to_vec(), Vec::new(), dejavu::sans::regular()[..5_000].to_vec()] {
        let error = fonts.add_font_file("letters.ttf", bytes).unwrap_err().to_string();
        assert!(error.contains("letters.ttf"), "{error}");
    }
}

#[test]
fn a_shadow_falls_beside_the_letters() {
    let shadow = Shadow { dx: 0.3, dy: 0.3, blur: 0.1, color: [255, 0, 0, 255] };
    let style = TextStyle { shadow: Some(shadow), size: 40.0, ..style() };
    let (image, _) = paint("l", &style, BOX, &EMBEDDED);
    let red = image.pixels().filter(|p| p[0] > 200 && p[1] < 120).count();
    let black = image.pixels().filter(|p| p[0] < 30).count();
    assert!(red > 20 && black > 20, "{red} red, {black} black");
    assert!(inked(&image).iter().all(|&(x, y)| within(BOX, x, y)));
}

#[test]
fn drawing_twice_with_one_scratch_gives_the_same_pixels() {
    let style = TextStyle { max_lines: 2, ..style() };
    let mut scratch = Scratch::default();
    let mut images = Vec::new();
    for text in ["Ana 😀 عمر", "Something else altogether", "Ana 😀 عمر"] {
        let mut image = RgbImage::new(300, 200);
        let layout = layout(text, &style, 200.0, 80.0, &SYSTEM);
        draw(
            &layout,
            &TextStyle { color: [255; 4], ..style.clone() },
            &mut Canvas::from(&mut image),
            BOX,
            &mut scratch,
        );
        images.push(image);
    }
    assert!(images[0] == images[2] && images[0] != images[1]);
}

fn within(area: Area, x: i32, y: i32) -> bool {
    let (right, bottom) = (area.x + area.width as i32, area.y + area.height as i32);
    (area.x..right).contains(&x) && (area.y..bottom).contains(&y)
}

/// Strings with many characters that break text code: marks, joiners, controls, right-to-left, emoji, breaks.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Zéß ]{1,8}",
        "[\u{620}-\u{64A}\u{200C}\u{200D} ]{1,6}",
        "[\u{5D0}-\u{5EA}0-9()-]{1,5}",
        "[\u{300}-\u{36F}\u{64B}-\u{652}]{1,4}",
        "[\u{202A}-\u{202E}\u{2066}-\u{2069}\u{200B}-\u{200F}]{1,3}",
        "[\u{1F1E6}-\u{1F1FF}\u{1F466}-\u{1F469}\u{1F3FB}-\u{1F3FF}\u{200D}\u{FE0F}]{1,5}",
        "[\u{0}-\u{1F}\u{7F}-\u{9F}\u{2028}]{1,3}",
        "[\u{905}-\u{94D}\u{4E00}-\u{4E20}\u{AC00}-\u{AC20}]{1,4}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_style() -> impl Strategy<Value = TextStyle> {
    let size = prop_oneof![1.0f32..120.0, Just(f32::NAN), Just(0.0), Just(-3.0), Just(f32::INFINITY)];
    let align = prop_oneof![Just(Align::Start), Just(Align::Center), Just(Align::End), Just(Align::Right)];
    let valign = prop_oneof![Just(VAlign::Top), Just(VAlign::Middle), Just(VAlign::Bottom)];
    let shadow = prop::option::of((-1.0f32..1.0, 0.0f32..0.5).prop_map(|(offset, blur)| Shadow {
        dx: offset,
        dy: -offset,
        blur,
        color: [9, 9, 9, 128],
    }));
    (size, 0usize..6, align, valign, -0.2f32..0.5, shadow, any::<bool>()).prop_map(
        |(size, max_lines, align, valign, letter_spacing, shadow, italic)| TextStyle {
            size,
            max_lines,
            align,
            valign,
            letter_spacing,
            shadow,
            italic,
            ..TextStyle::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_or_draws_outside_its_box(
        text in nasty(), style in any_style(), x in -50i32..320, y in -50i32..220, width in 0u32..250,
            height in 0u32..120,
    ) {
        let area = Area { x, y, width, height };
        let (image, layout) = paint(&text, &style, area, &EMBEDDED);
        prop_assert!(layout.size.is_finite());
        for (x, y) in inked(&image) {
            prop_assert!(within(area, x, y), "ink at {x},{y} outside {area:?}");
        }
    }

    #[test]
    fn no_rotation_panics(text in nasty(), rotation in prop_oneof![-720.0f32..720.0, Just(f32::NAN)]) {
        let turned = TextStyle { rotation, ..style() };
        paint(&text, &turned, BOX, &EMBEDDED);
    }

    #[test]
    fn what_is_not_clipped_fits(text in "[A-Za-zÀ-ỹ؀-ي \\-]{1,40}", max_lines in 1usize..4) {
        let style = TextStyle { max_lines, ..style() };
        let layout = layout(&text, &style, 200.0, 80.0, &EMBEDDED);
        prop_assert!(layout.lines.len() <= max_lines);
        if !layout.clipped {
            for line in &layout.lines {
                prop_assert!(line.width() * layout.size <= 200.1, "{} px", line.width() * layout.size);
            }
        }
    }
}

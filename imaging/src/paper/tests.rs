use super::*;

fn paper(names: &[&str]) -> Paper {
    let column = |heading, share, is_number| Column { heading, share, is_number };
    Paper {
        title: "Leads of 1 March 2026".into(),
        subtitle: "Example Agency".into(),
        foot: "Example Agency".into(),
        made: (2026, 3, 1),
        parts: vec![
            Part::Bars {
                heading: "By status".into(),
                bars: vec![Bar { label: "New".into(), count: 12_500, remark: "2,500.50 EUR".into() }],
            },
            Part::Table {
                heading: "Leads".into(),
                columns: vec![column("Name", 2.0, false), column("Need", 3.0, false), column("Value", 1.0, true)],
                rows: names
                    .iter()
                    .map(|name| vec![Cell::with(*name, "x@example.com"), Cell::of("A dinner"), Cell::of("1.00")])
                    .collect(),
                empty: "No lead".into(),
            },
        ],
    }
}

/// The text of each page, as a reader of PDF finds it.
fn texts(pdf: &[u8]) -> Vec<String> {
    let read = lopdf::Document::load_mem(pdf).unwrap();
    read.get_pages().keys().map(|page| read.extract_text(&[*page]).unwrap()).collect()
}

#[test]
fn names_of_every_script_can_be_read_out_of_the_file() {
    let fonts = FontLibrary::with_system(&[]);
    let names = ["Amélie Example", "Nguyễn Văn Ví Dụ", "Παράδειγμα", "山田 太郎", "예시 김"];
    let text = texts(&paper(&names).draw(&fonts).unwrap()).concat();
    for name in names {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(text.contains("12,500") && text.contains("Page 1 of 1"), "{text}");
}

#[test]
fn names_from_right_to_left_join_their_letters_and_begin_at_the_right() {
    let fonts = FontLibrary::embedded();
    let pdf = paper(&["ليلى مثال"]).draw(&fonts).unwrap();
    let text = texts(&pdf).concat();
    // A file has glyphs from left to right: the last letter of the last word stands first.
    let words: Vec<&str> = text.split_whitespace().collect();
    let reversed = |word: &str| word.chars().rev().collect::<String>();
    let at = |word: &str| words.iter().position(|found| *found == reversed(word));
    assert!(at("مثال").is_some() && at("مثال").map(|at| at + 1) == at("ليلى"), "{text}");
}

#[test]
fn the_same_paper_has_the_same_bytes() {
    let fonts = FontLibrary::with_system(&[]);
    let draw = || paper(&["Amélie Example", "山田 太郎", "ليلى مثال", "🎉"]).draw(&fonts).unwrap();
    assert!(draw() == draw());
}

#[test]
fn a_character_that_no_font_has_is_named_and_counted() {
    let fonts = FontLibrary::embedded();
    let text = texts(&paper(&["Ann 山田", "山田", "Bob"]).draw(&fonts).unwrap()).concat();
    assert!(text.contains("Ann [Han: no font]"), "{text}");
    assert!(text.contains("2 texts lack characters"), "{text}");
    assert!(text.contains("install fonts-noto-cjk"), "{text}");
    let whole = texts(&paper(&["Bob"]).draw(&fonts).unwrap()).concat();
    assert!(!whole.contains("no font"), "{whole}");
}

#[test]
fn a_long_table_goes_on_with_its_headings_and_loses_no_row() {
    let fonts = FontLibrary::embedded();
    let names: Vec<String> = (0..5_000).map(|number| format!("Guest {number} Example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pages = texts(&paper(&names).draw(&fonts).unwrap());
    assert!((150..220).contains(&pages.len()), "{}", pages.len());
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of {}", at + 1, pages.len())), "{page}");
        assert!(page.contains("Need"), "{page}");
    }
    let whole = pages.concat();
    for name in names {
        assert_eq!(whole.matches(name).count(), 1, "{name}");
    }
}

#[test]
fn an_empty_table_says_so_and_a_long_text_is_cut() {
    let fonts = FontLibrary::embedded();
    assert!(texts(&paper(&[]).draw(&fonts).unwrap()).concat().contains("No lead"));
    let long = "Bartholomew ".repeat(40);
    let text = texts(&paper(&[long.as_str()]).draw(&fonts).unwrap()).concat();
    assert!(text.contains('…'), "{text}");
}

#[test]
fn a_heading_never_stands_alone_at_the_end_of_a_page() {
    for bars in 0..120 {
        let mut paper = paper(&["Ann Example"]);
        let bar = |number: usize| Bar { label: format!("Source {number}"), count: 1, remark: String::new() };
        paper.parts[0] = Part::Bars { heading: "By source".into(), bars: (0..bars).map(bar).collect() };
        for page in plan::pages(&paper, false) {
            assert!(!matches!(page.last(), Some((_, plan::Block::Heading(_) | plan::Block::Columns(_)))) || bars == 0);
        }
    }
}

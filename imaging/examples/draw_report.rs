//! Draws the report of a day with example people: `cargo run -p herald-imaging --example draw_report -- FILE`.

use herald_imaging::fonts::FontLibrary;
use herald_imaging::paper::{Bar, Cell, Column, Paper, Part};

const PEOPLE: [(&str, &str, &str); 12] = [
    ("Amélie Example", "amelie@example.com · +34 600 000 001", "A dinner for 40 guests in May"),
    ("山田 太郎", "taro.yamada@example.com", "新年会の招待状 120名分"),
    ("ليلى مثال", "laila@example.com", "حفل زفاف في حديقة، ثلاثمئة ضيف مع عشاء وموسيقى"),
    (
        "Nguyễn Văn Ví Dụ",
        "+84 90 000 00 01",
        "Gala evening, invitations on paper and by e-mail, with a seat plan for every table",
    ),
    ("ליאה דוגמה", "lea@example.com", "יום הולדת"),
    ("प्रिया उदाहरण", "priya@example.com", "Product launch, 3 cities"),
    ("Παράδειγμα Ελένη", "eleni@example.com", "Conference, two days"),
    (
        "Bartholomew Maximilian Featherstonehaugh-Example",
        "bartholomew.featherstonehaugh@longname.example.com",
        "Tasting",
    ),
    ("예시 김", "kim@example.com", "개업식"),
    ("ตัวอย่าง สมชาย", "somchai@example.com", "งานเลี้ยงบริษัท"),
    ("Ann 🎉 Example", "ann@example.com", "Party!"),
    ("Пример Ольга", "olga@example.com", "Юбилей"),
];

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "report.pdf".to_owned());
    let rows = std::env::args().nth(2).and_then(|rows| rows.parse().ok()).unwrap_or(60_usize);
    let column = |heading, share, is_number| Column { heading, share, is_number };
    let columns = || {
        vec![
            column("Time", 50.0, false),
            column("Name", 138.0, false),
            column("Need", 118.0, false),
            column("Status", 64.0, false),
            column("Value", 58.0, true),
            column("Owner", 74.0, false),
        ]
    };
    let line = |number: usize| {
        let (name, ways, need) = PEOPLE[number % PEOPLE.len()];
        vec![
            Cell::of(format!("{:02}:{:02}", 8 + number / 60 % 12, number % 60)),
            Cell::with(name, ways),
            Cell::of(need),
            Cell::with(["New", "Contacted", "Won"][number % 3], ["website", "trade fair", ""][number % 3]),
            Cell::with(format!("{},500.00", number % 90 + 1), "EUR"),
            Cell::with("ann.owner", "@agency.example"),
        ]
    };
    let bar = |label: &str, count, remark: &str| Bar { label: label.into(), count, remark: remark.into() };
    let bars = |heading: &str, bars| Part::Bars { heading: heading.into(), bars };
    let table = |heading: &str, rows| Part::Table {
        heading: heading.into(),
        columns: columns(),
        rows,
        empty: "No follow-up is due.".into(),
    };
    let paper = Paper {
        title: "Leads of 1 March 2026".into(),
        subtitle: "Example Agency · 60 new leads · 0 follow-ups due · times of Europe/Madrid".into(),
        foot: "Example Agency · Leads of 1 March 2026".into(),
        made: (2026, 3, 1),
        parts: vec![
            bars(
                "By status",
                vec![
                    bar("New", 31, "52,500.00 EUR · 300 USD"),
                    bar("Contacted", 17, "12,000.00 EUR"),
                    bar("Won", 12, "1,250,000 JPY"),
                ],
            ),
            bars("By source", vec![bar("website", 40, "64,500.00 EUR"), bar("(none)", 20, "")]),
            bars("By owner", vec![bar("ann.owner@agency.example", 44, "60,000.00 EUR"), bar("(none)", 16, "")]),
            table("Leads of the day", (0..rows).map(line).collect()),
            table("Follow-ups due", Vec::new()),
        ],
    };
    std::fs::write(&path, paper.draw(&FontLibrary::with_system(&[]))?)?;
    Ok(())
}

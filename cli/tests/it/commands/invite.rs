//! `herald invite` and its options.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
};

use crate::stage::{Stage, end, ended, signal};

fn stage(guests: usize) -> Stage {
    let stage = Stage::new();
    let rows: String = (0..guests).map(|guest| format!("Guest Example {guest},guest{guest}@example.com\n")).collect();
    stage.write("guests.csv", format!("name,email\n{rows}"));
    stage
}

#[test]
fn every_guest_gets_a_file_a_number_and_a_link() {
    let stage = stage(5);
    let ended = end(stage.invite("guests.csv", &[])).with(0);
    let results = stage.results();
    assert_eq!(results.len(), 5);
    for (guest, row) in results.iter().enumerate() {
        assert_eq!(
            (row["guest"].as_str(), row["status"].as_str()),
            (format!("Guest Example {guest}").as_str(), "made")
        );
        assert!(row["link"].starts_with("http://127.0.0.1:8080/i/"), "{}", row["link"]);
        assert_eq!(row["lucky_number"].len(), 4);
        let picture = image::open(stage.path(&row["file"])).unwrap();
        assert_eq!((picture.width(), picture.height()), (200, 250));
        assert!(row["file"].contains(&format!("/invitations/default/{}-", row["lucky_number"])), "{}", row["file"]);
    }
    let numbers: BTreeSet<&String> = results.iter().map(|row| &row["lucky_number"]).collect();
    assert_eq!(numbers.len(), 5);
    assert!(ended.out.starts_with("5 made in "), "{}", ended.out);
    let folder = stage.workspace().strip_prefix(stage.path("")).unwrap().join("invitations/default");
    assert!(
        ended.out.contains(&format!("\ninvitations  {}\nresults      data/results.csv\n", folder.display())),
        "{}",
        ended.out
    );
    assert!(ended.err.contains("5/5"), "progress in a pipe is lines: {:?}", ended.err);
}

#[test]
fn the_example_of_the_readme_gives_every_guest_an_invitation_and_then_finds_them_made() {
    let stage = Stage::new();
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/guests.csv");
    let run = || end(stage.herald(&["invite", list, "--json"])).with(0).summary();
    let first = run();
    assert_eq!((&first["total"], &first["made"]), (&28.into(), &28.into()), "{first}");
    let notes = first["notes"].as_array().unwrap();
    for (guest, says) in
        [("Beatrix Thornbury", "cut off"), ("Tobias Lindqvist", "no such file"), ("de la Vega, Íñigo", "no face")]
    {
        let note = notes.iter().find(|note| note["guest"] == guest).unwrap_or_else(|| panic!("{guest}: {first}"));
        assert!(note["note"].as_str().unwrap().contains(says), "{note}");
    }
    let drawn = stage.stored("renderings");
    assert_eq!(run()["already"], 28);
    assert_eq!(stage.stored("renderings"), drawn);
}

#[test]
fn a_limit_takes_the_first_of_the_list_and_a_later_run_the_rest() {
    let stage = stage(5);
    let first = end(stage.invite("guests.csv", &["--limit", "2", "--json"])).with(0).summary();
    assert_eq!((&first["total"], &first["made"]), (&2.into(), &2.into()), "{first}");
    let names: Vec<String> = stage.results().iter().map(|row| row["guest"].clone()).collect();
    assert_eq!(names, ["Guest Example 0", "Guest Example 1"]);
    let rest = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!((&rest["made"], &rest["already"]), (&3.into(), &2.into()), "{rest}");
    let all = end(stage.invite("guests.csv", &[])).with(0);
    assert!(all.out.starts_with("0 made, 5 already had one in "), "{}", all.out);
    assert!(stage.results().iter().all(|row| row["status"] == "already had one"));
}

#[test]
fn the_format_is_what_was_asked_for() {
    let stage = stage(1);
    for (format, magic) in [("png", &b"\x89PNG"[..]), ("webp", &b"RIFF"[..]), ("jpeg", &b"\xff\xd8\xff"[..])] {
        end(stage.invite("guests.csv", &["--format", format, "--refresh"])).with(0);
        let file = stage.path(&stage.results()[0]["file"]);
        assert!(std::fs::read(&file).unwrap().starts_with(magic), "{}", file.display());
        assert_eq!(stage.stored("invitations").len(), 1, "the old format was left behind");
    }
}

#[test]
fn a_refresh_keeps_numbers_and_links_and_draws_only_what_changed() {
    let stage = stage(3);
    end(stage.invite("guests.csv", &[])).with(0);
    let first = stage.results();
    let drawings = |stage: &Stage| -> Vec<_> {
        let files = stage.stored("renderings");
        files.into_values().map(|path| (path.metadata().unwrap().modified().unwrap(), path)).collect()
    };
    let drawn = drawings(&stage);
    let again = end(stage.invite("guests.csv", &["--refresh", "--json"])).with(0).summary();
    assert_eq!(again["made"], 3, "{again}");
    assert_eq!(drawings(&stage), drawn, "what had not changed was drawn again");

    let before: Vec<Vec<u8>> = first.iter().map(|row| std::fs::read(stage.path(&row["file"])).unwrap()).collect();
    stage.template("template", "[[slot]]\nkind = \"text\"\nvalue = \"Welcome\"\nsize = 14\nbox = [0, 0, 90, 20]\n");
    end(stage.invite("guests.csv", &["--refresh"])).with(0);
    for ((old, new), bytes) in first.iter().zip(stage.results()).zip(before) {
        for field in ["guest", "lucky_number", "link", "file"] {
            assert_eq!(old[field], new[field]);
        }
        assert!(std::fs::read(stage.path(&new["file"])).unwrap() != bytes, "{} was not drawn again", new["guest"]);
    }
}

#[test]
fn fonts_that_came_later_are_drawn_with_by_a_refresh() {
    let stage = stage(1);
    std::fs::create_dir(stage.path("fonts")).unwrap();
    let run = |more: &[&str]| {
        let mut command = stage.invite("guests.csv", more);
        command.env("HERALD__IMAGES__FONT_FOLDERS", stage.path("fonts"));
        end(command).with(0);
        stage.stored("renderings")
    };
    let before = run(&[]);
    stage.write("fonts/later.ttf", dejavu::serif_condensed::bold());
    assert_eq!(run(&[]), before, "what was made stays as it is");
    assert_eq!(run(&["--refresh"]).keys().filter(|drawing| !before.contains_key(*drawing)).count(), 1);
}

#[test]
fn each_event_has_numbers_of_its_own_in_its_own_format() {
    let stage = stage(3);
    end(stage.invite("guests.csv", &[])).with(0);
    let gala = ["--event", "Spring Gala", "--prefix", "VIP-", "--digits", "6"];
    let made = end(stage.invite("guests.csv", &[&gala[..], &["--json"]].concat())).with(0).summary();
    assert_eq!((&made["made"], &made["already"]), (&3.into(), &0.into()), "{made}");
    for row in stage.results() {
        let digits = row["lucky_number"].strip_prefix("VIP-").unwrap();
        assert!(digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
        assert!(row["file"].contains("/invitations/spring-gala/VIP-"), "{}", row["file"]);
    }
    assert_eq!(stage.stored("invitations").len(), 6);
    end(stage.invite("guests.csv", &["--event", "new", "--digits", "13"])).with_error("digits is 13: use 1 to 12");
    end(stage.invite("guests.csv", &["--event", "new", "--prefix", "a/b"]))
        .with_error("prefix \"a/b\" is not valid: use at most 12 letters, digits, `-` or `_`");
}

#[test]
fn json_is_a_line_for_each_step_and_a_summary() {
    let stage = stage(3);
    let ended = end(stage.invite("guests.csv", &["--json", "--results", "table.csv"])).with(0);
    let events = ended.events();
    assert!(events.iter().any(|event| event["event"] == "progress"), "{}", ended.out);
    let summary = ended.summary();
    let expected: [(&str, serde_json::Value); 4] =
        [("state", "complete".into()), ("total", 3.into()), ("made", 3.into()), ("failed", 0.into())];
    for (field, value) in expected {
        assert_eq!(summary[field], value, "{field} in {summary}");
    }
    assert_eq!(
        (&summary["results"], &summary["files"]),
        (
            &"table.csv".into(),
            &stage
                .workspace()
                .strip_prefix(stage.path(""))
                .unwrap()
                .join("invitations/default")
                .to_str()
                .unwrap()
                .into()
        )
    );
    assert_eq!(crate::stage::table(&stage.path("table.csv")).len(), 3);
    assert_eq!(ended.err, "", "with --json nothing is said beside it");
}

#[test]
fn ctrl_c_ends_in_order_and_the_next_run_makes_the_rest() {
    let stage = stage(400);
    let mut child = stage.invite("guests.csv", &["--json"]).spawn().unwrap();
    // The first line comes when the work has begun.
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    signal(&child, "INT");
    let rest: Vec<String> = out.lines().map(Result::unwrap).collect();
    let stopped = ended(child).with(130);
    assert_eq!(stopped.err.trim(), "stopping: finishing the running jobs; press Ctrl-C again to stop at once");
    let summary: serde_json::Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    let made = summary["made"].as_u64().unwrap();
    assert!(made < 400, "{summary}");
    let again = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!(again["made"].as_u64().unwrap() + again["already"].as_u64().unwrap(), 400, "{again}");
    assert_eq!(stage.stored("invitations").len(), 400);
}

#[test]
fn a_guest_whose_name_cannot_be_drawn_gets_no_invitation_unless_that_is_allowed() {
    let stage = stage(1);
    stage.template(
        "template",
        "[[slot]]\nkind = \"text\"\nvalue = \"Dear {{ name }}\"\nsize = 14\nbox = [0, 0, 90, 20]\n",
    );
    // No font has a character of this plane: its characters are for private use.
    stage.write("guests.csv", "name,email\nAda Example,ada@example.com\nBo \u{10FFFD},bo@example.com\n");
    let first = end(stage.invite("guests.csv", &[])).with(1);
    assert!(first.err.contains("note: 1 guest needs a font for characters of no script"), "{}", first.err);
    assert!(first.err.contains("--allow-missing-glyphs"), "{}", first.err);
    let status = |stage: &Stage| stage.results().iter().map(|row| row["status"].clone()).collect::<Vec<_>>();
    assert_eq!(status(&stage), ["made", "failed"]);
    assert!(stage.results()[1]["note"].contains("no font has \u{10FFFD}"), "{:?}", stage.results());
    end(stage.invite("guests.csv", &["--allow-missing-glyphs"])).with(0);
    assert_eq!(status(&stage), ["already had one", "made"]);
    assert!(stage.results()[1]["note"].contains("no font has \u{10FFFD}"), "{:?}", stage.results());
}

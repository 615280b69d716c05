//! `herald schedules`.

use crate::stage::{Stage, end};

const ARGS: &str = r#"{"probe": "canary", "number": 0}"#;

fn add(stage: &Stage, name: &str, cron: &str, more: &[&str]) -> crate::stage::Ended {
    let mut command = stage.herald(&["schedules", "add", name, "--cron", cron, "--kind", "probe.run", "--args", ARGS]);
    command.args(more);
    end(command)
}

#[test]
fn a_schedule_is_added_shown_run_paused_and_removed() {
    let stage = Stage::new();
    end(stage.herald(&["schedules", "list"])).with(2);
    end(stage.herald(&["migrate"])).with(0);
    assert_eq!(
        end(stage.herald(&["schedules", "list"])).with(0).out,
        "there are no schedules: create one with `herald schedules add`\n"
    );
    let added = add(&stage, "sample", "0 9 * * 1-5", &["--zone", "Europe/Madrid", "--missed", "all"]).with(0);
    let id = added.out.split_whitespace().next().unwrap();
    let listed = end(stage.herald(&["schedules", "list"])).with(0);
    assert_eq!(listed.out, added.out);
    assert!(listed.out.contains("Europe/Madrid") && listed.out.contains("next 20"), "{}", listed.out);
    assert_eq!(end(stage.herald(&["schedules", "list", "--json"])).with(0).events()[0]["id"], id);

    let next = end(stage.herald(&["schedules", "next", "sample", "--count", "3"])).with(0);
    assert_eq!(next.out.lines().count(), 3);
    assert!(next.out.lines().all(|line| line.contains(" UTC  ") && line.contains(" 09:00:00 CE")), "{}", next.out);

    let run = end(stage.herald(&["schedules", "run", "sample"])).with(0);
    let job = run.out.trim().strip_prefix("job ").unwrap();
    assert!(end(stage.herald(&["jobs", "show", job])).with(0).out.contains("probe.run"));
    let shown = end(stage.herald(&["schedules", "show", id])).with(0);
    assert!(shown.out.contains("missed ticks: all, overlap: allow") && shown.out.contains(job), "{}", shown.out);

    assert_eq!(end(stage.herald(&["schedules", "pause", "sample"])).with(0).out, "paused\n");
    assert!(end(stage.herald(&["schedules", "list"])).with(0).out.trim_end().ends_with("paused"));
    assert!(end(stage.herald(&["schedules", "resume", id])).with(0).out.contains("next 20"));
    assert_eq!(end(stage.herald(&["schedules", "remove", "sample"])).with(0).out, "removed\n");
    end(stage.herald(&["schedules", "show", "sample"])).refused("there is no schedule sample");

    let log = end(stage.herald(&["audit", "--json"])).with(0).events();
    let acts: Vec<&str> = log.iter().map(|row| row["action"].as_str().unwrap()).collect();
    let verbs = ["delete", "resume", "pause", "run", "create"];
    assert_eq!(acts, verbs.map(|verb| format!("schedule.{verb}")));
    assert!(log.iter().all(|row| row["target"] == id && row["who"].as_str().unwrap().starts_with("cli:")), "{log:?}");
}

#[test]
fn what_is_wrong_with_a_schedule_is_named_by_field() {
    let stage = Stage::new();
    end(stage.herald(&["migrate"])).with(0);
    let wrong = add(&stage, "sample", "0 0 30 2 *", &["--zone", "Madrid"]).with(2);
    for word in
        ["cron: the expression never matches", "time_zone: there is no time zone \"Madrid\"", "perhaps Europe/Madrid"]
    {
        assert!(wrong.err.contains(word), "{word} is not said\n{}", wrong.err);
    }
    add(&stage, "sample", "@daily", &["--zone", "UTC", "--missed", "some"])
        .refused("missed cannot be \"some\": use skip, once or all");
    add(&stage, "sample", "@daily", &["--zone", "UTC"]).with(0);
    add(&stage, "sample", "@daily", &["--zone", "UTC"]).refused(
        "name: a schedule with the name \"sample\" already exists: choose another name, or change that schedule",
    );
}

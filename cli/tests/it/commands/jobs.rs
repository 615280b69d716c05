//! `herald jobs add`.

use std::fs;

use crate::stage::{Ended, Stage, end};

fn stage() -> Stage {
    let stage = Stage::new();
    end(stage.herald(&["migrate"])).with(0);
    stage
}

fn add(stage: &Stage, more: &[&str]) -> Ended {
    let mut command = stage.herald(&["jobs", "add"]);
    command.args(more);
    end(command)
}

/// Exit code 2, and a message that begins with this.
#[track_caller]
fn refused(ended: Ended, message: &str) {
    let ended = ended.with(2);
    assert!(ended.err.starts_with(&format!("error: {message}")), "{}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn a_job_is_added_with_arguments_of_either_form() {
    let stage = stage();
    let first =
        add(&stage, &["probe.run", "--args", r#"{"probe": "canary", "number": 0}"#, "--priority", "-5"]).with(0);
    let id = first.out.trim().strip_prefix("job ").unwrap();
    let shown = end(stage.herald(&["jobs", "show", id])).with(0).out;
    assert!(shown.contains("probe.run") && shown.contains(r#""probe":"canary""#), "{shown}");
    let each = ["probe.run", "--arg", "probe=canary", "--arg", "number=1", "--unique-key", "one"];
    let second = add(&stage, &each).with(0).out;
    let id = second.trim().strip_prefix("job ").unwrap();
    assert_eq!(add(&stage, &each).with(0).out, format!("job {id} already does this: no other was enqueued\n"));
    let listed = end(stage.herald(&["jobs", "list", "--kind", "probe.run", "--json"])).with(0).events();
    assert_eq!(listed.len(), 2);
    let times = ["--run-at", "2999-01-01T00:00:00Z", "--expires-at", "2999-01-02T00:00:00Z"];
    add(&stage, &[&["probe.run", "--arg", "probe=late", "--arg", "number=2"][..], &times].concat()).with(0);
    let log = end(stage.herald(&["audit", "--action", "job.enqueue", "--json"])).with(0).events();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log.iter().all(|row| row["who"].as_str().unwrap().starts_with("cli:")), "{log:?}");
}

#[test]
fn what_is_wrong_with_a_job_is_named() {
    let stage = stage();
    refused(add(&stage, &["face.crop"]), "face.crop jobs cannot be started directly");
    refused(add(&stage, &["nothing.at_all"]), "there is no kind of job \"nothing.at_all\"");
    refused(add(&stage, &["probe.run", "--arg", "probe"]), "--arg \"probe\" has no =");
    refused(add(&stage, &["probe.run", "--args", "[]"]), "--args is not a JSON object");
    refused(add(&stage, &["probe.run", "--arg", "probe=x", "--arg", "number=many"]), "the argument number: ");
    refused(add(&stage, &["probe.run", "--run-at", "tomorrow"]), "--run-at \"tomorrow\" is not a valid time");
    let nowhere = "template_id=0199c0de-0000-7000-8000-000000000001";
    let preview = ["template.preview", "--arg", nowhere, "--arg", "fields={}", "--arg", "format=png"];
    refused(add(&stage, &preview), "the argument template_id: there is no template 0199c0de");
    add(&stage, &[]).with(2);
}

#[test]
fn the_rows_of_a_file_are_enqueued_and_the_bad_ones_named() {
    let stage = stage();
    let row = |number: u32| {
        format!("{{\"kind\": \"probe.run\", \"args\": {{\"probe\": \"canary\", \"number\": {number}}}}}\n")
    };
    let good: String = (0..1_500).map(row).collect();
    let file = stage.path("rows.ndjson");
    fs::write(&file, &good).unwrap();
    let name = file.to_str().unwrap();
    let done = add(&stage, &["--file", name]).with(0);
    assert_eq!(done.out, "1500 jobs enqueued, 0 duplicates left out, 0 rows refused\n");
    fs::write(&file, format!("{good}nonsense\n{{\"kind\": \"probe.run\", \"args\": {{}}}}\n")).unwrap();
    let rest = add(&stage, &["--file", name, "--skip", "1499"]).with(1);
    let lines: Vec<&str> = rest.out.lines().collect();
    assert!(lines[0].starts_with("row 1501: the row is not a JSON object"), "{}", rest.out);
    assert!(lines[1].starts_with("row 1502 /args: "), "{}", rest.out);
    assert_eq!(lines[2], "1 jobs enqueued, 0 duplicates left out, 2 rows refused");
    let log = end(stage.herald(&["audit", "--action", "jobs.enqueue", "--json"])).with(0).events();
    let targets: Vec<&str> = log.iter().map(|row| row["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["rows 1500 to 1502", "rows 1001 to 1500", "rows 1 to 1000"]);
    refused(add(&stage, &["--file", stage.path("missing.ndjson").to_str().unwrap()]), "opening ");
    add(&stage, &["probe.run", "--file", name]).with(2);
}

//! `jobs` and `audit`: why jobs fail, acts on many of them, and who did what.

use serde_json::Value;

use crate::stage::{Stage, end};

#[test]
fn failures_are_grouped_counted_retried_and_deleted_and_the_log_tells_it() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,picture\nAnn Example,one.jpg\nBo Example,another.jpg\nCy Example,\n");
    end(stage.invite("guests.csv", &["--strict-pictures"])).with(1);

    let told = end(stage.herald(&["jobs", "failures", "--json"])).with(0);
    let groups: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(groups.len(), 1, "two missing pictures are one cause\n{}", told.out);
    assert_eq!((&groups[0]["jobs"], &groups[0]["dead"]), (&2.into(), &2.into()));
    let cause = groups[0]["fingerprint"].as_str().unwrap();
    let listed = end(stage.herald(&["jobs", "list", "--cause", cause])).with(0);
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.out);

    let counted = end(stage.herald(&["jobs", "retry", "--cause", cause, "--dry-run"])).with(0);
    assert!(counted.out.starts_with("retry would act on 2 jobs"), "{}", counted.out);
    let dead = ["jobs", "list", "--state", "dead"];
    assert_eq!(end(stage.herald(&dead)).with(0).out.lines().count(), 2, "counting changes nothing");
    let retried = end(stage.herald(&["jobs", "retry", "--cause", cause])).with(0);
    assert_eq!(retried.out, "2 jobs will run again\n");
    assert_eq!(end(stage.herald(&dead)).with(0).out, "no jobs found\n");
    let cancelled = end(stage.herald(&["jobs", "cancel", "--kind", "face.*"])).with(0);
    assert_eq!(cancelled.out, "2 jobs cancelled, 0 running jobs asked to stop\n");

    let careful = end(stage.herald(&["jobs", "delete"])).with(2);
    assert!(careful.err.contains("every job") && careful.err.contains("--all"), "{}", careful.err);
    end(stage.herald(&["jobs", "delete", "--state", "ready"])).with(2);
    end(stage.herald(&["jobs", "delete", "--finished-before", "yesterday"])).with(2);
    let early = end(stage.herald(&["jobs", "delete", "--finished-before", "2000-01-01T00:00:00Z"])).with(0);
    assert_eq!(early.out, "0 jobs deleted\n");
    end(stage.herald(&["jobs", "delete", "--all"])).with(0);
    for ended in ["succeeded", "dead", "cancelled"] {
        assert_eq!(end(stage.herald(&["jobs", "list", "--state", ended])).with(0).out, "no jobs found\n");
    }

    let log = end(stage.herald(&["audit", "--json"])).with(0);
    let rows: Vec<Value> = log.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<(&str, bool, i64)> = rows
        .iter()
        .filter(|row| row["action"].as_str().unwrap().starts_with("jobs."))
        .map(|row| {
            (row["action"].as_str().unwrap(), row["dry_run"].as_bool().unwrap(), row["affected"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        acts[1..],
        [("jobs.delete", false, 0), ("jobs.cancel", false, 2), ("jobs.retry", false, 2), ("jobs.retry", true, 2)]
    );
    assert!(acts[0].0 == "jobs.delete" && acts[0].2 > 2, "{acts:?}");
    assert!(rows.iter().all(|row| row["who"].as_str().unwrap().starts_with("cli:")), "{}", log.out);
    let first: Vec<&str> = rows.iter().rev().take(2).map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(first, ["template.upload", "run.start"], "the command's own acts are written down, too");
    let whole = end(stage.herald(&["audit", "--verify"])).with(0);
    assert!(whole.out.starts_with("all 7 rows are as they were written"), "{}", whole.out);
    // The place of the last row is kept beside the database, and the next verification is held to it.
    let checkpoint = whole.out.trim().rsplit(' ').next().unwrap();
    end(stage.herald(&["audit", "--verify", "--checkpoint", checkpoint])).with(0);
    let another = format!("{}0", checkpoint);
    let told = end(stage.herald(&["audit", "--verify", "--checkpoint", &another])).with(1);
    assert!(told.out.contains("row 7 is not the row of the checkpoint"), "{}", told.out);
    let kept: Vec<_> = std::fs::read_dir(stage.path("data")).unwrap().flatten().map(|file| file.path()).collect();
    let kept = kept.iter().find(|path| path.extension().is_some_and(|end| end == "checkpoint")).unwrap();
    std::fs::write(kept, &another).unwrap();
    end(stage.herald(&["audit", "--verify"])).with(1);
    assert_eq!(end(stage.herald(&["audit", "--installation"])).with(0).out, "");
    assert_eq!(end(stage.herald(&["jobs", "--installation", "list"])).with(0).out, "no jobs found\n");
}

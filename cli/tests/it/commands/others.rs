//! `doctor`, `jobs`, `migrate` and `template`.

use crate::stage::{Stage, end};

#[test]
fn doctor_says_what_is_in_order_and_what_is_not() {
    let stage = Stage::new();
    let fine = end(stage.herald(&["doctor"])).with(0);
    for line in [
        "settings can be read",
        "Herald can use the data folder data",
        "Herald can write to the file store",
        "is up to date",
    ] {
        assert!(
            fine.out.lines().any(|said| said.starts_with("  ok    ") && said.contains(line)),
            "{line}\n{}",
            fine.out
        );
    }
    assert!(fine.out.contains("  note  links and QR codes lead to http://127.0.0.1:8080: set http.public_url"));
    assert!(fine.out.lines().any(|said| said.starts_with("  note  e-mails are only written into ")), "{}", fine.out);
    assert!(stage.files("files").is_empty() && stage.files("outbox").is_empty(), "the doctor left a file behind");
    let mailed = end(stage.herald(&["doctor", "--mail-to", "ann@example.com"])).with(0);
    assert!(mailed.out.contains("  ok    Herald handed over a test e-mail to ann@example.com ("), "{}", mailed.out);
    assert_eq!(stage.files("outbox").len(), 1);
    let refused = end(stage.herald(&["doctor", "--mail-to", "ann"])).with(1);
    assert!(refused.out.contains("  FAIL  --mail-to ann: this is not a valid e-mail address"), "{}", refused.out);

    let mut production = stage.herald(&["doctor"]);
    production.env("HERALD__ENVIRONMENT", "production");
    let ended = end(production).with(1);
    assert!(
        ended.out.contains("  FAIL  http.public_url is http://127.0.0.1:8080, which guests cannot open"),
        "{}",
        ended.out
    );

    assert!(ended.out.contains("  FAIL  no mail server is set"), "{}", ended.out);

    stage.write("data/herald.toml", "[http]\nlissten = \"x\"\n");
    let ended = end(stage.herald(&["doctor"])).with(1);
    assert!(ended.out.starts_with("  FAIL  settings: ") && ended.out.contains("lissten"), "{}", ended.out);
}

#[test]
fn jobs_are_listed_shown_retried_and_cancelled() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,picture\nAnn Example,missing.jpg\nBo Example,\n");
    end(stage.herald(&["jobs", "list"])).with(2);
    end(stage.invite("guests.csv", &["--strict-pictures"])).with(1);

    let all = end(stage.herald(&["jobs", "list"])).with(0);
    for kind in ["contacts.import", "face.crop", "invitation.render", "invitation.upload", "invitation.publish"] {
        assert!(all.out.contains(kind), "{kind} is missing\n{}", all.out);
    }
    let dead = end(stage.herald(&["jobs", "list", "--state", "dead"])).with(0);
    assert_eq!(dead.out.lines().count(), 1, "{}", dead.out);
    let id = dead.out.split_whitespace().next().unwrap();
    let shown = end(stage.herald(&["jobs", "show", id])).with(0);
    assert!(shown.out.contains("face.crop") && shown.out.contains("attempt 1 of 8"), "{}", shown.out);
    assert!(shown.out.contains("attempt 1 failed at ") && shown.out.contains("there is no such file"), "{}", shown.out);

    end(stage.herald(&["jobs", "retry", id])).with(0);
    let ready = end(stage.herald(&["jobs", "list", "--state", "ready", "--kind", "face.crop"])).with(0);
    assert!(ready.out.contains(id), "{}", ready.out);
    assert_eq!(end(stage.herald(&["jobs", "cancel", id])).with(0).out, "cancelled\n");
    end(stage.herald(&["jobs", "cancel", id]))
        .refused(&format!("job {id} is already cancelled: only a job that has not ended can be cancelled"));
    let nobody = "01900000-0000-7000-8000-000000000000";
    end(stage.herald(&["jobs", "show", nobody])).refused(&format!("there is no job {nobody}"));
    assert_eq!(end(stage.herald(&["jobs", "list", "--kind", "no.such"])).with(0).out, "no jobs found\n");
}

#[test]
fn migrate_makes_the_database_and_can_be_repeated() {
    let stage = Stage::new();
    for _ in 0..2 {
        assert_eq!(end(stage.herald(&["migrate"])).with(0).out, "the database is up to date\n");
    }
    assert!(stage.path("data/herald.db").exists());
}

#[test]
fn a_template_is_checked_and_shown_with_a_sample_guest() {
    let stage = Stage::new();
    for picture in ["preview.jpg", "preview.png", "preview.webp"] {
        let ended = end(stage.herald(&["template", "check", "template", "--preview", picture])).with(0);
        assert_eq!(
            ended.out,
            format!(
                "template is fine: 200 × 250 pixels\n\
                 it uses these columns of the list: name\n\
                 jpeg: Herald encodes only the parts that differ between guests\n\
                 png: Herald encodes only the parts that differ between guests\n\
                 webp: Herald encodes every invitation as a whole, which is slower: \
                 this format cannot be put together from pieces; PNG and JPEG can\n\
                 drew {picture}\n"
            )
        );
        let drawn = image::open(stage.path(picture)).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (200, 250));
    }
    end(stage.herald(&["template", "check", "template", "--preview", "preview.pdf"]))
        .with_error("preview.pdf does not end in .jpg, .png or .webp: choose one of these endings");
    assert!(!stage.path("data").exists(), "looking at a template keeps nothing");
}

#[test]
fn everything_that_is_wrong_with_a_template_is_said_at_once() {
    let stage = Stage::new();
    stage.template(
        "wrong",
        "[[slot]]\nkind = \"text\"\nvalue = \"{{ name\"\nsize = 12\nbox = [0, 0, 90, 20]\n\
         [[slot]]\nkind = \"txt\"\nbox = [0, 0, 90, 20]\n\
         [[slot]]\nkind = \"number\"\nsize = 12\ncolor = \"reddish\"\nbox = [0, 0, 900, 20]\n",
    );
    let ended = end(stage.herald(&["template", "check", "wrong"])).with(2);
    assert_eq!(ended.out, "");
    for slot in ["slot 5 (text): value", "slot 6: kind", "slot 7 (number): color", "slot 7 (number): box"] {
        assert!(ended.err.contains(slot), "{slot} is not named\n{}", ended.err);
    }
    assert_eq!(ended.err.lines().count(), 4, "{}", ended.err);
}

#[test]
fn queues_are_limited_paused_and_listed() {
    let stage = Stage::new();
    stage.write("guests.csv", "name\nAnn Example\n");
    end(stage.invite("guests.csv", &[])).with(0);
    let queues = |arguments: &[&str]| {
        let mut all = vec!["queues"];
        all.extend(arguments);
        end(stage.herald(&all))
    };
    let limited = queues(&["limit", "cpu", "--rate", "30/m", "--concurrency", "4"]).with(0);
    assert_eq!(limited.out, "cpu        at most 30/m, 4 at once\n");
    let changed = queues(&["limit", "cpu", "--rate", "none", "--burst", "5"]).with(0);
    assert_eq!(changed.out, "cpu        4 at once\n");
    queues(&["pause", "cpu"]).with(0);
    queues(&["key", "sync", "mautic.example", "2"]).with(0);
    let listed = queues(&["list"]).with(0);
    assert!(
        listed.out.lines().any(|line| line.starts_with("cpu ") && line.ends_with("4 at once  PAUSED")),
        "{}",
        listed.out
    );
    queues(&["resume", "cpu"]).with(0);
    queues(&["unblock", "cpu"]).with(0);
    queues(&["limit", "cpu", "--rate", "fast"])
        .refused("--rate \"fast\" is not a valid rate: write for example 500/s, 30/m, 1000/h or 2000/d, or none");
    queues(&["limit", "cpu", "--concurrency", "0"])
        .refused("--concurrency is out of range: use 1 to 1000000, or null for no limit; to stop a queue, pause it");
    queues(&["pause", "cup"])
        .refused("there is no queue \"cup\": the queues are bulk, control, cpu, drive, email, fetch, mautic, sync");
}

#[test]
fn failures_are_shown_and_many_jobs_are_acted_on_with_a_trace_in_the_audit_log() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,picture\nAnn Example,missing.jpg\nBo Example,missing.jpg\n");
    end(stage.invite("guests.csv", &["--strict-pictures"])).with(1);
    let failures = end(stage.herald(&["jobs", "failures"])).with(0).out;
    assert!(failures.contains("2 jobs (2 dead, 0 to be retried): 2 face.crop"), "{failures}");
    let cause = failures.split_whitespace().next().unwrap().to_owned();
    let counted = end(stage.herald(&["jobs", "retry", "--cause", &cause, "--dry-run"])).with(0).out;
    assert!(counted.starts_with("retry would act on 2 jobs"), "{counted}");
    let retried = end(stage.herald(&["jobs", "retry", "--cause", &cause])).with(0).out;
    assert_eq!(retried, "2 jobs will run again\n");
    let cancelled = end(stage.herald(&["jobs", "cancel", "--kind", "face.*"])).with(0).out;
    assert_eq!(cancelled, "2 jobs cancelled, 0 running jobs asked to stop\n");
    let deleted = end(stage.herald(&["jobs", "delete", "--kind", "face.crop", "--state", "cancelled"])).with(0).out;
    assert_eq!(deleted, "2 jobs deleted\n");
    end(stage.herald(&["jobs", "delete"]))
        .refused("this would delete every job: give a filter, or confirm that you mean all jobs (--all)");
    end(stage.herald(&["jobs", "list", "--arg", "nothing"]))
        .refused("\"nothing\" is not an argument: write it as field:value");

    let log = end(stage.herald(&["audit"])).with(0).out;
    let actions: Vec<&str> =
        log.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with("jobs."))).collect();
    assert_eq!(actions, ["jobs.delete", "jobs.cancel", "jobs.retry", "jobs.retry"], "{log}");
    let verified = end(stage.herald(&["audit", "--verify"])).with(0).out;
    assert!(verified.starts_with("all 6 rows are as they were written"), "{verified}");
}

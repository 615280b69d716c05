//! A data folder that lost a part of itself, that others can read, or whose disk is full.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::stage::{Stage, end};

fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("guests.csv", "name\nAnn Example\nBo Example\n");
    stage
}

fn links(stage: &Stage) -> BTreeSet<String> {
    stage.results().into_iter().map(|row| row["link"].clone()).collect()
}

#[test]
fn a_lost_link_key_is_not_replaced_in_silence() {
    let stage = stage();
    end(stage.invite("guests.csv", &[])).with(0);
    let (before, key) = (links(&stage), stage.path("data/link.key"));
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    for _ in 0..2 {
        let refused = end(stage.invite("guests.csv", &[])).with(2);
        assert!(
            refused.err.contains("data/link.key is missing")
                && refused.err.contains("restore it from a backup")
                && refused.err.contains("herald migrate --accept-link-key"),
            "{}",
            refused.err
        );
        assert!(!key.exists(), "it was made anew");
    }
    let doctor = end(stage.herald(&["doctor"])).with(1);
    assert!(doctor.out.contains("  FAIL  data/link.key is missing"), "{}", doctor.out);
    assert!(!key.exists(), "the doctor made it anew");

    fs::write(&key, &kept).unwrap();
    end(stage.invite("guests.csv", &[])).with(0);
    assert_eq!(links(&stage), before);

    // Another key in its place is no better.
    fs::write(&key, "f".repeat(64)).unwrap();
    let refused = end(stage.invite("guests.csv", &[])).with(2);
    assert!(refused.err.contains("the link key here"), "{}", refused.err);

    // It is lost for good: a new key, and new links.
    fs::remove_file(&key).unwrap();
    end(stage.herald(&["migrate", "--accept-link-key"])).with(0);
    end(stage.invite("guests.csv", &["--refresh"])).with(0);
    let after = links(&stage);
    assert!(after.len() == 2 && after.is_disjoint(&before), "{after:?} and before {before:?}");
    end(stage.invite("guests.csv", &["--refresh"])).with(0);
    assert_eq!(links(&stage), after, "a link that opens stays");
}

#[test]
fn an_emptied_database_beside_a_full_folder_is_not_begun_anew() {
    let stage = stage();
    end(stage.invite("guests.csv", &[])).with(0);
    let before = links(&stage);
    let all = ["herald.db", "herald.db-wal", "herald.db-shm"].map(|name| stage.path("data").join(name));
    let there: Vec<&PathBuf> = all.iter().filter(|path| path.exists()).collect();
    let away = stage.path("away");
    fs::create_dir(&away).unwrap();
    for path in &there {
        fs::rename(path, away.join(path.file_name().unwrap())).unwrap();
    }
    for _ in 0..2 {
        let refused = end(stage.invite("guests.csv", &[])).with(2);
        assert!(
            refused.err.contains("the database data/herald.db is empty, but data/files")
                && refused.err.contains("restore the database from a backup"),
            "{}",
            refused.err
        );
    }
    let doctor = end(stage.herald(&["doctor"])).with(1);
    assert!(doctor.out.contains("  FAIL  the database data/herald.db is empty"), "{}", doctor.out);
    for path in &all {
        let _ = fs::remove_file(path);
    }
    for path in &there {
        fs::rename(away.join(path.file_name().unwrap()), path).unwrap();
    }
    end(stage.invite("guests.csv", &[])).with(0);
    assert_eq!(links(&stage), before);
}

#[test]
fn a_damaged_database_is_named_with_the_way_out() {
    let stage = stage();
    fs::create_dir(stage.path("data")).unwrap();
    stage.write("data/herald.db", "this was a database once, and now it is nothing of the kind ".repeat(100));
    let refused = end(stage.invite("guests.csv", &[])).with(2);
    assert!(
        refused.err.contains("the database data/herald.db is damaged")
            && refused.err.contains("restore it from a backup"),
        "{}",
        refused.err
    );
    let doctor = end(stage.herald(&["doctor"])).with(1);
    assert!(doctor.out.contains("data/herald.db is damaged"), "{}", doctor.out);
}

/// What others than its owner may use of what lies below a folder.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if fs::metadata(folder).unwrap().mode() & 0o077 != 0 {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(open_to_others(&entry.path()));
        } else if entry.metadata().unwrap().mode() & 0o077 != 0 {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn what_herald_keeps_is_its_owners_alone() {
    let stage = stage();
    // However open what a person makes usually is.
    let script = "umask 000 && exec \"$0\" \"$@\"";
    let run = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_herald"), "--data", "data"]).args(arguments);
        command.current_dir(stage.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
        end(command)
    };
    run(&["invite", "guests.csv", "--template", "template"]).with(0);
    run(&["doctor", "--mail-to", "ann@example.com"]).with(0);
    assert_eq!(open_to_others(&stage.path("data")), Vec::<PathBuf>::new());
    assert!(stage.files("").len() > 10, "there was something to see");
}

#[test]
fn a_folder_that_others_could_read_is_closed_and_said() {
    let stage = stage();
    end(stage.invite("guests.csv", &[])).with(0);
    let open =
        |name: &str, mode| fs::set_permissions(stage.path("data").join(name), Permissions::from_mode(mode)).unwrap();
    let open_up = || {
        open("", 0o755);
        open("herald.db", 0o644);
        open("secrets.key", 0o644);
    };
    open_up();
    let again = end(stage.invite("guests.csv", &[])).with(0);
    assert!(again.err.contains("other users of this machine could read data, "), "{}", again.err);
    assert_eq!(open_to_others(&stage.path("data")), Vec::<PathBuf>::new());
    let quiet = end(stage.invite("guests.csv", &[])).with(0);
    assert!(!quiet.err.contains("other users"), "{}", quiet.err);
    let doctor = end(stage.herald(&["doctor"])).with(0);
    assert!(doctor.out.contains("  ok    only its owner can read the data folder"), "{}", doctor.out);
    open_up();
    let doctor = end(stage.herald(&["doctor"])).with(0);
    assert!(doctor.out.contains("  note  other users of this machine could read data, "), "{}", doctor.out);
    // A folder for everybody is not Herald's to close.
    open("", 0o1777);
    let doctor = end(stage.herald(&["doctor"])).with(1);
    assert!(doctor.out.contains("  FAIL  other users of this machine can read data: close it"), "{}", doctor.out);
}

/// The whole data folder lies on a small disk of its own, mounted for this one process where the machine lets it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_command_with_one_message_and_one_repeat_makes_the_rest() {
    let stage = stage();
    let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    if !may_mount {
        eprintln!("left out: this machine lets nobody mount a disk of their own");
        return;
    }
    let guests: String = (0..300).map(|guest| format!("Guest Example {guest}\n")).collect();
    stage.write("guests.csv", format!("name\n{guests}"));
    let script = "mkdir -m 700 data && mount -t tmpfs -o size=$1,mode=700 tmpfs data || exit 99
                  invite='invite guests.csv --template template --format png --results results.csv'
                  timeout 120 \"$0\" --data data $invite > first.out 2> first.err; echo $? > first.code
                  mount -o remount,size=64m data || exit 99
                  timeout 120 \"$0\" --data data $invite --json; code=$?
                  find data/files -path '*/invitations/*' -type f | wc -l > count; exit $code";
    // Where the space ends differs: while the list is taken in, and in the middle of the work.
    for size in ["3m", "6m", "9m"] {
        let _ = fs::remove_dir(stage.path("data"));
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_herald"), size]).current_dir(stage.path(""));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let again = end(command).with(0).summary();
        let said = |name: &str| fs::read_to_string(stage.path(name)).unwrap();
        let code: i32 = said("first.code").trim().parse().unwrap();
        let (out, err) = (said("first.out"), said("first.err"));
        assert!([1, 2].contains(&code), "{size}: ended with {code}\n{out}\n{err}");
        assert!(out.contains(" is full: ") || err.contains(" is full: "), "{size}: \n{out}\n{err}");
        // What is logged beside it is for who runs a service.
        let is_message = |line: &&str| line.contains(" is full: ") && !line.contains(" WARN ");
        let told = out.lines().chain(err.lines()).filter(is_message).count();
        assert_eq!(told, 1, "{size}: one message\n{out}\n{err}");
        assert_eq!(said("count").trim(), "300", "{size}: {again}");
        assert_eq!(again["failed"], 0, "{size}: {again}");
    }
}

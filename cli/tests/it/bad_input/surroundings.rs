//! A machine that does not play along: folders that cannot be written, a full disk, another herald.

use std::process::{Command, Stdio};

use herald_base::data_folder::DataFolder;

use crate::stage::{Stage, end};

fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("guests.csv", "name\nAnn Example\nBo Example\n");
    // A file where a folder is wanted stops root too, which permissions do not.
    stage.write("file.txt", "");
    stage
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named_with_the_way_out() {
    let stage = stage();
    end(stage.invite("guests.csv", &["--data", "file.txt/data"])).refused(
        "data folder file.txt/data cannot be used: Not a directory (os error 20); \
         check its permissions and the free space, or use another folder with --data",
    );
}

#[test]
fn a_table_of_results_that_cannot_be_written_is_named_before_the_work() {
    let stage = stage();
    end(stage.invite("guests.csv", &["--results", "file.txt/results.csv"])).refused(
        "Herald cannot write the table of results to file.txt/results.csv: choose another file with --results: \
         Not a directory (os error 20)",
    );
    assert!(stage.files("files").is_empty(), "work was done whose results had no place");
    end(stage.invite("guests.csv", &["--results", "results.csv"])).with(0);
    assert_eq!(crate::stage::table(&stage.path("results.csv")).len(), 2);
}

#[test]
fn a_data_folder_another_herald_uses_is_left_alone() {
    let stage = stage();
    let held = DataFolder::open(&stage.path("data")).unwrap();
    end(stage.invite("guests.csv", &[])).refused(&format!(
        "data folder data is in use by herald, process {}: stop that first, or use another folder with --data",
        std::process::id()
    ));
    held.close();
    end(stage.invite("guests.csv", &[])).with(0);
}

/// `/dev/full` takes nothing: every write to it fails as on a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_table_of_results_is_named_and_the_invitations_are_kept() {
    let stage = stage();
    end(stage.invite("guests.csv", &["--results", "/dev/full"]))
        .with_error("writing /dev/full: results cannot be written: No space left on device (os error 28)");
    assert_eq!(stage.stored("invitations").len(), 2);
    let again = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!((&again["made"], &again["already"]), (&0.into(), &2.into()), "{again}");
}

/// The file store lies on a disk of half a megabyte of its own, mounted for this one process where the machine lets it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_file_store_is_named_and_the_rest_is_made_once_there_is_space() {
    let stage = stage();
    let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    if !may_mount {
        eprintln!("left out: this machine lets nobody mount a disk of their own");
        return;
    }
    let guests: String = (0..40).map(|guest| format!("Guest Example {guest}\n")).collect();
    stage.write("guests.csv", format!("name\n{guests}"));
    // What fits is copied out, as the disk goes with the process.
    let script = "mkdir -p data/files && mount -t tmpfs -o size=512k tmpfs data/files || exit 99
                  \"$0\" --data data invite guests.csv --template template --format png; code=$?
                  mkdir kept && cp -a data/files/. kept && exit $code";
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_herald")]).current_dir(stage.path(""));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = end(command).with(1);
    let full = "the disk that holds the file store is full: free some space and run again";
    assert!(ended.out.contains(full), "{}", ended.out);
    let results = stage.results();
    let made = results.iter().filter(|row| row["status"] == "made").count();
    assert!((1..40).contains(&made), "{made} of 40 fit on the small disk");
    assert!(results.iter().filter(|row| row["status"] == "failed").all(|row| row["note"].ends_with(full)));
    std::fs::remove_dir(stage.path("data/files")).unwrap();
    std::fs::rename(stage.path("kept"), stage.path("data/files")).unwrap();

    let again = end(stage.invite("guests.csv", &["--format", "png", "--json"])).with(0).summary();
    assert_eq!((&again["made"], &again["already"]), (&(40 - made).into(), &made.into()), "{again}");
    assert_eq!(stage.stored("invitations").len(), 40);
}

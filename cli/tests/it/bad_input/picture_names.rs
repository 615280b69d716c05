//! Which picture a list means: nobody gets a stranger's face, and a name may be written as people write it.

use crate::stage::{Stage, end};

/// Puts an example picture below the folder.
fn picture(stage: &Stage, name: &str) {
    stage.example_picture("amelie.jpg");
    std::fs::create_dir_all(stage.path(name).parent().unwrap()).unwrap();
    std::fs::rename(stage.path("amelie.jpg"), stage.path(name)).unwrap();
}

/// The note of each guest of a list with these pictures.
fn notes(stage: &Stage, pictures: &[&str]) -> (Vec<String>, String) {
    let rows: String = pictures.iter().enumerate().map(|(at, picture)| format!("Guest {at},{picture}\n")).collect();
    stage.write("guests.csv", format!("name,picture\n{rows}"));
    let ended = end(stage.invite("guests.csv", &["--format", "png"])).with(0);
    (stage.results().iter().map(|row| row["note"].clone()).collect(), ended.out)
}

#[test]
fn a_picture_in_another_folder_is_nobody_elses() {
    let stage = Stage::new();
    picture(&stage, "ann/photo.jpg");
    picture(&stage, "photo.jpg");
    let (notes, _) = notes(&stage, &["ann/photo.jpg", "bob/photo.jpg", "C:\\Users\\cy\\photo.jpg"]);
    assert_eq!(notes[0], "");
    assert!(notes[1].contains("\"photo.jpg\" may be meant by line 2 of the list as well"), "{notes:?}");
    assert!(
        notes[2].contains("could be \"ann/photo.jpg\" or \"photo.jpg\"") || notes[2].contains("may be meant by"),
        "{notes:?}"
    );
}

#[test]
fn names_are_found_as_people_write_them_and_remarks_say_so() {
    let stage = Stage::new();
    picture(&stage, "pictures/zoe\u{308}.jpg");
    picture(&stage, "pictures/Ann.JPG");
    picture(&stage, "pictures/bo.jpg");
    let (found, out) = notes(
        &stage,
        &[
            "pictures/zo\u{eb}.jpg",
            "pictures\\ann.jpg",
            ".\\pictures\\Ann.JPG",
            "C:\\Users\\bo\\party\\pictures\\bo.jpg",
        ],
    );
    assert_eq!(found, [""; 4], "{out}");
    let remark =
        "Guest 1: picture \"pictures\\ann.jpg\" is taken to be \"pictures/Ann.JPG\": the same name but for capitals";
    assert!(out.contains(remark), "{out}");
    assert!(out.contains("is taken to be \"pictures/bo.jpg\": the only picture of this name"), "{out}");
    // What is there exactly is taken without a word.
    let (found, out) = notes(&stage, &["pictures/Ann.JPG", "./pictures/bo.jpg"]);
    assert_eq!(found, [""; 2]);
    assert!(!out.contains("taken to be"), "{out}");
}

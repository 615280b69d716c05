use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;

/// The places of the names of a list.
fn placed(mut pictures: Pictures, list: &[&str]) -> Vec<Placed> {
    let looked: Vec<bool> = list.iter().map(|name| pictures.look(name)).collect();
    if looked.contains(&false) {
        list.iter().zip(2..).for_each(|(name, line)| pictures.claim(name, line));
    }
    list.iter().map(|name| pictures.place(name)).collect()
}

fn uploaded(names: &[&str]) -> Pictures {
    Pictures::new(None, names.iter().map(|name| ((*name).to_owned(), format!("key of {name}"))).collect())
}

/// The result for each name if these pictures were uploaded: the name of the picture, or the reason why there is none.
fn of_uploads(uploads: &[&str], list: &[&str]) -> Vec<String> {
    let shown = |placed: Placed| match placed.place.strip_prefix("store:key of ") {
        Some(own) => own.to_owned(),
        None => placed.place,
    };
    placed(uploaded(uploads), list).into_iter().map(shown).collect()
}

fn folder_of(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "a picture").unwrap();
    }
    folder
}

/// The result for each name if these files are beside the list: the name of the file, or the reason why there is none.
fn of_files(files: &[&str], list: &[&str]) -> Vec<String> {
    let folder = folder_of(files);
    let root = folder.path().to_str().unwrap();
    let shown = |placed: Placed| match placed.place.strip_prefix(&format!("file:{root}/")) {
        Some(own) if folder.path().join(own).is_file() => own.to_owned(),
        Some(own) => format!("missing: {own}"),
        None => placed.place,
    };
    placed(Pictures::new(Some(root.to_owned()), BTreeMap::new()), list).into_iter().map(shown).collect()
}

#[test]
fn nobody_gets_the_face_of_a_guest_whose_picture_has_the_same_name_in_another_folder() {
    let list = ["ann/photo.jpg", "bob/photo.jpg"];
    let not_uploaded = |name: &str| {
        format!("none:picture \"{name}\" was not uploaded with the list: upload it, or give a web address")
    };
    assert_eq!(of_uploads(&["ann/photo.jpg"], &list), ["ann/photo.jpg", &not_uploaded("bob/photo.jpg")]);
    assert_eq!(of_uploads(&["bob/photo.jpg", "ann/photo.jpg"], &list), list);
    // Herald cannot know whose picture it is.
    for found in of_uploads(&["photo.jpg"], &list) {
        assert!(found.starts_with("none:") && found.contains("may be meant by line"), "{found}");
    }
    assert_eq!(of_uploads(&["photo.jpg"], &list[..1]), ["photo.jpg"]);
    assert_eq!(of_uploads(&["ann/photo.jpg"], &list[1..]), [not_uploaded("bob/photo.jpg")]);
}

#[test]
fn a_row_that_comes_later_counts_as_well() {
    let found = of_uploads(&["photo.jpg"], &["ann/photo.jpg", "photo.jpg"]);
    assert_eq!(
        found,
        [
            "none:picture \"ann/photo.jpg\" was not uploaded with the list under this name, \
             and \"photo.jpg\" may be meant by \
             line 3 of the list as well: name it exactly in the list",
            "photo.jpg"
        ]
    );
    let found = of_files(&["photo.jpg"], &["ann/photo.jpg", "bob/photo.jpg"]);
    assert!(found.iter().all(|found| found.starts_with("none:")), "{found:?}");
}

#[test]
fn a_name_that_fits_several_pictures_gets_none_of_them() {
    let found = of_uploads(&["ann/photo.jpg", "bob/photo.jpg"], &["photo.jpg"]);
    let several = "none:picture \"photo.jpg\" could be \"ann/photo.jpg\" or \"bob/photo.jpg\": \
        name one of them exactly in the list";
    assert_eq!(found, [several]);
    assert!(of_uploads(&["Ann.jpg", "ANN.jpg"], &["ann.jpg"])[0].contains("could be \"ANN.jpg\" or \"Ann.jpg\""));
    assert!(of_uploads(&["ann.jpg", "ann.png"], &["ann"])[0].contains("could be"));
    assert_eq!(of_uploads(&["ann.jpg", "ANN.jpg"], &["ann.jpg"]), ["ann.jpg"], "the exact one is first");
}

#[test]
fn names_are_compared_as_a_person_would() {
    let cases = [
        ("pictures\\ann.jpg", "pictures/ann.jpg"),
        (".\\pictures\\ann.jpg", "pictures/ann.jpg"),
        ("./pictures//ann.jpg", "pictures/ann.jpg"),
        ("Pictures/ANN.JPG", "pictures/ann.jpg"),
        ("pictures/ann", "pictures/ann.jpg"),
        ("pictures/ann.jpeg", "pictures/ann.JPG"),
        ("zo\u{eb}.jpg", "zoe\u{308}.jpg"),
        ("zoe\u{308}.jpg", "zo\u{eb}.jpg"),
        ("ZOE\u{308}.jpg", "zo\u{eb}.jpg"),
        ("C:\\Users\\dee\\party\\pictures\\ann.jpg", "pictures/ann.jpg"),
        ("C:\\Users\\dee\\ann.jpg", "ann.jpg"),
        ("file:///home/dee/ann.jpg", "ann.jpg"),
        ("/home/dee/ann.jpg", "ann.jpg"),
    ];
    for (written, own) in cases {
        assert_eq!(of_uploads(&[own, "other.jpg"], &[written, "other.jpg"]), [own, "other.jpg"], "uploaded {written}");
        assert_eq!(of_files(&[own, "other.jpg"], &[written, "other.jpg"]), [own, "other.jpg"], "beside {written}");
        let found = placed(uploaded(&[own]), &[written]).remove(0);
        assert_eq!(found.note.is_some(), !written.starts_with("./"), "{found:?}");
    }
    let noted = placed(uploaded(&["zoe\u{308}.jpg"]), &["zo\u{eb}.jpg"]).remove(0);
    assert_eq!(
        noted.note.as_deref(),
        Some("picture \"zo\u{eb}.jpg\" is taken to be \"zoe\u{308}.jpg\": the same name, written differently")
    );
}

#[test]
fn a_missing_ending_is_guessed_only_where_no_other_row_means_the_picture() {
    assert_eq!(of_uploads(&["ann.jpg"], &["ann", "ann"]), ["ann.jpg", "ann.jpg"], "one name, twice");
    let found = of_uploads(&["ann.jpg"], &["ann", "ann.jpg"]);
    assert!(found[0].contains("may be meant by line 3"), "{}", found[0]);
    assert_eq!(found[1], "ann.jpg");
    // A picture with another format is another picture.
    assert!(of_uploads(&["ann.png"], &["ann.jpg"])[0].contains("was not uploaded"));
}

#[test]
fn nothing_outside_the_folder_is_opened() {
    let folder = folder_of(&["lists/in/ann.jpg", "secret.jpg"]);
    let root = folder.path().join("lists").to_str().unwrap().to_owned();
    let absolute = folder.path().join("secret.jpg").to_str().unwrap().to_owned();
    let outside = [
        "../secret.jpg",
        "..\\secret.jpg",
        "in/../../secret.jpg",
        "../../etc/passwd",
        "/etc/passwd",
        "~/secret.jpg",
        &absolute,
        "C:\\secret.jpg",
        "file:///etc/passwd",
    ];
    for found in placed(Pictures::new(Some(root), BTreeMap::new()), &outside) {
        assert!(found.place.starts_with("none:") && found.place.contains("outside the list's folder"), "{found:?}");
    }
    for found in placed(uploaded(&["ann.jpg"]), &outside) {
        assert!(found.place.starts_with("none:"), "{found:?}");
    }
}

#[test]
fn a_file_that_is_not_there_yet_keeps_its_place() {
    assert_eq!(of_files(&["ann.jpg"], &["bob.jpg", "in\\bob.jpg"]), ["missing: bob.jpg", "missing: in/bob.jpg"]);
    assert!(!Path::new("/nowhere").exists());
    let nowhere = Pictures::new(Some("/nowhere".to_owned()), BTreeMap::new());
    assert_eq!(placed(nowhere, &["a.jpg"]), [Placed::at("file:/nowhere/a.jpg".to_owned())]);
}

#[test]
fn a_web_address_stays_as_it_is() {
    let address = "https://example.com/ann.jpg?size=large";
    assert_eq!(of_uploads(&["ann.jpg"], &[address]), [address]);
    assert_eq!(of_files(&["ann.jpg"], &[address]), [address]);
    let typed_on_a_phone = ["HTTP://example.com/Ann.jpg", "Https://example.com/Ann.jpg"];
    assert_eq!(of_uploads(&[], &typed_on_a_phone), ["http://example.com/Ann.jpg", "https://example.com/Ann.jpg"]);
}

//! Templates that cannot be used: nothing is made, and everything that is wrong is said.

use crate::stage::{Stage, end};

fn on(stage: &Stage, folder: &str) -> crate::stage::Ended {
    stage.write("guests.csv", "name\nAnn Example\n");
    end(stage.herald(&["invite", "guests.csv", "--template", folder]))
}

#[test]
fn a_field_the_list_does_not_have_is_named_with_its_place() {
    let stage = Stage::new();
    stage.template(
        "wrong",
        "[[slot]]\nname = \"seat\"\nkind = \"text\"\nvalue = \"{{ nme }} {{ seat }}\"\nsize = 12\n\
         box = [0, 0, 90, 20]\n",
    );
    let ended = on(&stage, "wrong").with(2);
    assert!(ended.err.starts_with("error: wrong: template.toml:"), "{}", ended.err);
    let slot = "slot 5 \"seat\" (text): no guest has a field";
    assert!(ended.err.contains(&format!("{slot} \"nme\"; did you mean \"name\"?")), "{}", ended.err);
    assert!(ended.err.contains(&format!("{slot} \"seat\"; the fields are ")), "{}", ended.err);
    assert!(!stage.path("data").exists(), "something was kept of a run that was refused");
}

#[test]
fn a_box_outside_the_image_is_named_with_its_place() {
    let stage = Stage::new();
    stage.template("wrong", "[[slot]]\nname = \"seat\"\nkind = \"number\"\nsize = 12\nbox = [150, 240, 90, 20]\n");
    let ended = on(&stage, "wrong").with(2);
    assert!(ended.err.contains("slot 5 \"seat\" (number): box: the box reaches "), "{}", ended.err);
    assert!(ended.err.contains("outside the 200 × 250 px background"), "{}", ended.err);
}

#[test]
fn a_folder_that_is_not_there_and_one_without_a_manifest_are_named() {
    let stage = Stage::new();
    on(&stage, "nowhere")
        .refused("cannot read nowhere: No such file or directory (os error 2); check the path and its permissions");
    std::fs::create_dir(stage.path("empty")).unwrap();
    on(&stage, "empty")
        .refused("empty has no template.toml; a template is a folder with a template.toml and a background picture");
}

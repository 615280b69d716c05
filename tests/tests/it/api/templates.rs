//! Uploading templates and looking at them.

use std::io::Write;
use std::time::Duration;

use futures::TryStreamExt;
use herald_providers::files::{Area, Key, folder};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    Answer, Form, Service,
    service::{BACKGROUND, MANIFEST},
};

on_both_engines! {
    a_template_is_stored_and_shown,
    the_same_template_again_is_the_same_row_and_a_changed_one_a_new_version,
    a_zip_is_as_good_as_its_files,
    a_template_whose_file_is_gone_says_so_and_is_uploaded_again,
    a_wrong_template_is_refused_with_everything_that_is_wrong,
    a_damaged_background_or_font_is_refused_when_it_is_uploaded,
    a_template_is_shown_without_its_files,
    a_zip_that_unpacks_too_large_is_refused,
    templates_come_in_pages,
}

const TEMPLATES: &str = "/api/v1/templates";

fn files(manifest: &str) -> Form {
    Form::default().file("files", "template.toml", manifest).file("files", "back.png", BACKGROUND)
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn a_template_is_stored_and_shown(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = service.post_form(TEMPLATES, files(MANIFEST)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let location = made.header("location").to_owned();
    let shown = service.get(&location).await.json();
    assert_eq!(shown, made.json());
    assert_eq!((&shown["name"], &shown["width"], &shown["height"]), (&json!("gala"), &json!(400), &json!(300)));
    assert_eq!((&shown["fields"], &shown["files"]), (&json!(["name", "table"]), &json!(["back.png"])));
    assert_eq!((&shown["manifest"], &shown["has_picture"]), (&json!(MANIFEST), &json!(false)));
    assert!(shown["slots"][0].as_str().unwrap().contains("guest"));
    service.get(&format!("{TEMPLATES}/{}", service.db.new_id())).await.problem(404, "not-found");
}

async fn the_same_template_again_is_the_same_row_and_a_changed_one_a_new_version(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    let first = service.template().await.to_string();
    let again = service.post_form(TEMPLATES, files(MANIFEST)).await.json();
    assert_eq!(again["id"], first);
    service.db.clock().advance(Duration::from_millis(5));
    let changed = service.post_form(TEMPLATES, files(&MANIFEST.replace("size = 30", "size = 31"))).await.json();
    assert_ne!((&changed["id"], &changed["version"]), (&again["id"], &again["version"]));
    // A run that names the template gets its newest version.
    let form = Form::of("Gala", "gala", "name,table\nAna Example,1\n");
    assert_eq!(service.post_form("/api/v1/invitation-runs", form).await.json()["template_id"], changed["id"]);
    let named = service.post_form(TEMPLATES, files(MANIFEST).text("name", "Winter ball")).await.json();
    assert_eq!(named["name"], "Winter ball");
}

async fn a_template_whose_file_is_gone_says_so_and_is_uploaded_again(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["contacts.import"]);
    service.template().await;
    let keys: Vec<String> =
        service.files.list(&folder(service.workspace, Area::Templates)).try_collect().await.unwrap();
    service.files.delete(&Key::known(service.workspace, &keys[0]).unwrap()).await.unwrap();
    let start = async || {
        service.post_form("/api/v1/invitation-runs", Form::of("Gala", "gala", "name,table\nAna Example,1\n")).await
    };
    let refused = start().await;
    refused.problem(422, "invalid-template");
    assert!(refused.text().contains("upload the template again"), "{}", refused.text());
    service.template().await;
    assert_eq!(start().await.status, StatusCode::ACCEPTED);
}

async fn a_zip_is_as_good_as_its_files(database: &TestDatabase) {
    let service = Service::start(database).await;
    let loose = service.template().await.to_string();
    let zip =
        packed(&[("gala/template.toml", MANIFEST.as_bytes()), ("gala/back.png", BACKGROUND), ("gala/.DS_Store", b"x")]);
    let in_form = service.post_form(TEMPLATES, Form::default().file("files", "gala.zip", &zip)).await;
    assert_eq!(in_form.json()["id"], loose, "{}", in_form.text());
    let as_body = service.request(Method::POST, TEMPLATES).header("content-type", "application/zip").body(zip);
    assert_eq!(Answer::to(as_body).await.json()["id"], loose);
}

async fn a_wrong_template_is_refused_with_everything_that_is_wrong(database: &TestDatabase) {
    let service = Service::start(database).await;
    let wrong = MANIFEST
        .replace("box = [10, 10, 380, 60]", "box = [10, 10, 900, 60]")
        .replace("{{ name }}", "{{ name | shout }}");
    let refused = service.post_form(TEMPLATES, files(&wrong)).await;
    refused.problem(422, "invalid-template");
    let errors = refused.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 2, "{errors}");
    let lines: Vec<u64> = errors.as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [7, 8], "{errors}");
    let of = |form: Form| service.post_form(TEMPLATES, form);
    let unnamed = of(files(&MANIFEST.replace("name = \"gala\"\n", ""))).await;
    assert!(unnamed.problem(422, "invalid-template").contains("has no name"));
    let bare = of(Form::default().file("files", "back.png", BACKGROUND)).await;
    assert!(bare.problem(422, "invalid-template").contains("template.toml"));
    let odd = of(files(MANIFEST).file("files", "run.sh", "#!/bin/sh")).await;
    assert!(odd.problem(422, "invalid-template").contains("run.sh"));
    let outside = of(files(MANIFEST).file("files", "../back.png", BACKGROUND)).await;
    outside.problem(422, "invalid-template");
    assert!(of(Form::default()).await.problem(422, "invalid-field").contains("no files"));
    assert!(of(files(MANIFEST).text("colour", "red")).await.problem(422, "invalid-field").contains("colour"));
    let plain = service.request(Method::POST, TEMPLATES).header("content-type", "text/plain").body("x");
    Answer::to(plain).await.problem(415, "unsupported-media-type");
    assert_eq!(service.get(TEMPLATES).await.json()["items"], json!([]));
}

async fn a_zip_that_unpacks_too_large_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let bomb = packed(&[("template.toml", MANIFEST.as_bytes()), ("back.png", &vec![0; 33 << 20])]);
    assert!(bomb.len() < 1 << 20);
    let refused = service.post_form(TEMPLATES, Form::default().file("files", "bomb.zip", bomb)).await;
    assert!(refused.problem(413, "too-large").contains("back.png"));
    let torn = service.post_form(TEMPLATES, Form::default().file("files", "torn.zip", b"PK\x03\x04")).await;
    assert!(torn.problem(422, "invalid-template").contains("zip cannot be read"));
}

async fn templates_come_in_pages(database: &TestDatabase) {
    let service = Service::start(database).await;
    for name in ["one", "two", "three"] {
        service.db.clock().advance(Duration::from_millis(5));
        service.post_form(TEMPLATES, files(MANIFEST).text("name", name)).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = service.get(&format!("{TEMPLATES}?limit=2")).await.json();
    assert_eq!(names(&first), ["three", "two"]);
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&service.get(&format!("{TEMPLATES}?cursor={next}")).await.json()), ["one"]);
}

async fn a_damaged_background_or_font_is_refused_when_it_is_uploaded(database: &TestDatabase) {
    let service = Service::start(database).await;
    let half = &BACKGROUND[..BACKGROUND.len() - 40];
    let form = Form::default().file("files", "template.toml", MANIFEST).file("files", "back.png", half);
    let refused = service.post_form(TEMPLATES, form).await;
    assert!(refused.text().contains("background \\\"back.png\\\""), "{}", refused.text());
    refused.problem(422, "invalid-template");
    // A collection that claims 4,294,967,295 fonts, which a font library believes.
    let mut endless = b"ttcf\0\x01\0\0\xff\xff\xff\xff\0\0\0\x10".to_vec();
    endless.resize(531, 0);
    let manifest = format!("{MANIFEST}[[slot]]\nkind = \"number\"\nfont = \"own.ttf\"\nbox = [0, 0, 90, 40]\n");
    let refused = service.post_form(TEMPLATES, files(&manifest).file("files", "own.ttf", endless)).await;
    assert!(
        refused.text().contains("\\\"own.ttf\\\" cannot be used: it claims to hold 4294967295 fonts"),
        "{}",
        refused.text()
    );
    refused.problem(422, "invalid-template");
    assert_eq!(service.get(TEMPLATES).await.json()["items"], json!([]));
}

async fn a_template_is_shown_without_its_files(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = service.post_form(TEMPLATES, files(MANIFEST)).await;
    let location = made.header("location").to_owned();
    std::fs::remove_dir_all(service.folder.path().join("files")).unwrap();
    assert_eq!(service.get(&location).await.json(), made.json());
}

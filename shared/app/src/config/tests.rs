//! The settings of all sections together.

mod crm;
mod limits;
mod mail;

use std::collections::HashMap;

use super::*;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("herald.toml");
    std::fs::write(&path, file).unwrap();
    let source: HashMap<String, String> =
        environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(source)))
}

#[test]
fn the_file_overrides_the_defaults_and_the_environment_the_file() {
    let settings =
        load("[http]\nlisten = \"0.0.0.0:80\"\n[worker]\nsync = 3\n", &[("HERALD__WORKER__SYNC", "5")]).unwrap();
    assert_eq!(settings.http.listen, "0.0.0.0:80");
    assert_eq!(settings.worker.sync, 5);
    assert_eq!(settings.worker.control, 4);
}

#[test]
fn lists_and_numbers_come_from_the_environment() {
    let settings = load(
        "",
        &[("HERALD__PICTURES__ALLOW_HOSTS", "a.example:80,b.example:443"), ("HERALD__PICTURES__MARGIN", "0.25")],
    )
    .unwrap();
    assert_eq!(settings.pictures.allow_hosts, ["a.example:80", "b.example:443"]);
    assert!((settings.pictures.margin - 0.25).abs() < f32::EPSILON);
}

#[test]
fn a_key_nobody_knows_and_a_value_out_of_range_are_named() {
    let unknown = load("[http]\nlissten = \"x\"\n", &[]).unwrap_err().to_string();
    assert!(unknown.contains("lissten"), "{unknown}");
    let range = load("[images]\njpeg_quality = 0\n", &[]).unwrap_err().to_string();
    assert_eq!(range, "setting images.jpeg_quality is 0: use 1 to 100");
}

#[test]
fn the_database_password_is_not_shown() {
    let settings = load("[database]\nurl = \"postgres://herald:hunter2@db/herald\"\n", &[]).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

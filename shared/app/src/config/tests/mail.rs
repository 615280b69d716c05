//! `[mail]`

use config::Environment;

use super::super::*;

fn load(lines: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("word"), "hunter2\n").unwrap();
    let path = folder.path().join("herald.toml");
    let lines = lines.replace("DIR", &folder.path().display().to_string());
    std::fs::write(&path, format!("[mail]\n{lines}")).unwrap();
    Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(Default::default())))
}

#[test]
fn the_port_is_the_usual_one_unless_it_is_set() {
    for (lines, port) in [
        ("tls = \"starttls\"", 587),
        ("tls = \"tls\"", 465),
        ("tls = \"none\"", 25),
        ("tls = \"tls\"\nport = 2465", 2465),
    ] {
        assert_eq!(load(lines).unwrap().mail.port(), port, "{lines}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_what_to_set() {
    let host = "host = \"smtp.example.com\"\nfrom = \"Herald <herald@example.com>\"\n";
    for (lines, said) in [
        ("from = \"Herald\"", "setting mail.from is Herald: use an address"),
        ("reply_to = \"a@b@c\"", "setting mail.reply_to"),
        ("timeout_seconds = 0", "setting mail.timeout_seconds is 0: use 1 to 120"),
        ("max_connections = 0", "setting mail.max_connections is 0: use 1 to 1000"),
        ("user = \"herald\"", "set both or neither"),
        ("password = \"hunter2\"", "set both or neither"),
        ("host = \"smtp.example.com\"", "setting mail.from is Herald <herald@localhost>: set it to the sender address"),
        ("host = \"smtp.example.com:587\"", "use the server's name alone"),
        ("host = \"smtp://smtp.example.com\"", "use the server's name alone"),
        (&format!("{host}tls = \"none\""), "set mail.allow_plain = true"),
        ("tls = \"maybe\"", "maybe"),
    ] {
        let told = load(lines).unwrap_err().to_string();
        assert!(told.contains(said) && !told.contains("hunter2"), "{lines}\n{told}");
    }
    for lines in [
        &format!("{host}tls = \"none\"\nallow_plain = true"),
        "host = \"127.0.0.1\"\ntls = \"none\"",
        "host = \"::1\"\ntls = \"none\"",
    ] {
        assert!(load(lines).is_ok(), "{lines}");
    }
}

#[test]
fn the_password_can_stand_in_a_file_and_is_not_shown() {
    let settings = load("user = \"ann@example.com\"\npassword_file = \"DIR/word\"").unwrap();
    assert_eq!(settings.mail.password, "hunter2");
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("ann@example.com"), "{shown}");
}

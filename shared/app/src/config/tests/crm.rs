//! `[crm]`

use config::Environment;

use super::super::*;
use herald_base::role::Role;

fn load(lines: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["token", "secret", "client"] {
        std::fs::write(folder.path().join(name), "hunter2-hunter2-hunter2\n").unwrap();
    }
    let path = folder.path().join("herald.toml");
    std::fs::write(&path, lines.replace("DIR", &folder.path().display().to_string())).unwrap();
    Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(Default::default())))
}

const CRM: &str = "[crm]\nurl = \"https://crm.example.com/api/\"\ntoken = \"a token\"\n";

#[test]
fn without_an_address_there_is_no_crm() {
    assert!(!load("").unwrap().crm.is_set());
}

#[test]
fn what_cannot_work_is_refused_with_what_to_set() {
    for (lines, said) in [
        ("[crm]\nurl = \"https://crm.example.com\"\n".to_owned(), "setting crm.token is empty"),
        ("[crm]\nurl = \"crm.example.com\"\ntoken = \"t\"\n".to_owned(), "begin crm.url with http"),
        ("[crm]\nurl = \"http://crm.example.com\"\ntoken = \"t\"\n".to_owned(), "begin it with https://"),
        (format!("{CRM}role = \"boss\"\n"), "setting crm.role is boss"),
        (format!("{CRM}[crm.roles]\nmanager = \"boss\"\n"), "setting crm.roles is boss"),
        (format!("{CRM}max_missing_percent = 101\n"), "use 0 to 100"),
        (format!("{CRM}[crm.webhook]\nsecret = \"hunter2\"\n"), "setting crm.webhook.secret"),
        (format!("{CRM}[crm.webhook]\nsignature = \"hmac\"\nheader = \"\"\n"), "setting crm.webhook.header"),
        (
            format!("{CRM}[crm.webhook]\nsignature = \"hmac\"\nheader = \"x\"\nsigned = \"{{id}}\"\n"),
            "it must contain {body}",
        ),
    ] {
        let told = load(&lines).unwrap_err().to_string();
        assert!(told.contains(said) && !told.contains("hunter2"), "{lines}\n{told}");
    }
    assert!(load("[crm]\nurl = \"http://127.0.0.1:9\"\ntoken = \"t\"\n").is_ok());
}

#[test]
fn its_secrets_can_stand_in_files_and_are_not_shown() {
    let lines = "[crm]\nurl = \"https://crm.example.com\"\ntoken_file = \"DIR/token\"\n\
        client_secret_file = \"DIR/client\"\n\
                 [crm.webhook]\nsignature = \"hmac\"\nheader = \"x\"\nsecret_file = \"DIR/secret\"\n";
    let settings = load(lines).unwrap();
    let crm = &settings.crm;
    for secret in [&crm.token, &crm.client_secret, &crm.webhook.secret] {
        assert_eq!(secret, "hunter2-hunter2-hunter2");
    }
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_role_of_the_crm_becomes_one_of_ours() {
    let settings = load(&format!("{CRM}[crm.roles]\nManager = \"agency\"\nintern = \"viewer\"\n")).unwrap();
    let role = |name: Option<&str>| settings.crm.role_of(name);
    assert_eq!(role(Some("MANAGER")), Role::Agency);
    assert_eq!(role(Some("intern")), Role::Viewer);
    assert_eq!((role(Some("seller")), role(None)), (Role::Staff, Role::Staff));
}

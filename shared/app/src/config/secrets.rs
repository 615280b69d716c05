//! Secrets in separate files: `url_file` beside `url`, as container platforms provide them.

use super::{Settings, SettingsError};

/// Reads every secret from its file, if the settings name one, into the setting itself.
pub(super) fn read(settings: &mut Settings) -> Result<(), SettingsError> {
    let Settings { database, redis, files, links, secrets, mail, bounces, crm, .. } = settings;
    for (key, value, file) in [
        ("database.url", &mut database.url, &database.url_file),
        ("redis.url", &mut redis.url, &redis.url_file),
        ("files.secret_key", &mut files.secret_key, &files.secret_key_file),
        ("links.key", &mut links.key, &links.key_file),
        ("secrets.key", &mut secrets.key, &secrets.key_file),
        ("mail.password", &mut mail.password, &mail.password_file),
        ("bounces.generic_secret", &mut bounces.generic_secret, &bounces.generic_secret_file),
        ("bounces.mailgun_key", &mut bounces.mailgun_key, &bounces.mailgun_key_file),
        ("bounces.postmark_login", &mut bounces.postmark_login, &bounces.postmark_login_file),
        ("crm.token", &mut crm.token, &crm.token_file),
        ("crm.client_secret", &mut crm.client_secret, &crm.client_secret_file),
        ("crm.webhook.secret", &mut crm.webhook.secret, &crm.webhook.secret_file),
    ] {
        if file.is_empty() {
            continue;
        }
        let fail = |why: String| SettingsError::SecretFile { key, file: file.clone(), why };
        if !value.is_empty() {
            return Err(fail(format!("{key} is set as well: keep one of them")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
        // Editors and `echo` add a line end that is not part of the secret.
        let secret = text.trim();
        if secret.is_empty() {
            return Err(fail("the file is empty".to_owned()));
        }
        secret.clone_into(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use config::Environment;

    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn load(file: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("db", "postgres://herald:hunter2@db/herald\n"),
            ("redis", "redis://:hunter2@redis\n"),
            ("s3", "hunter2\n"),
            ("key", &format!("{KEY}\n")),
            ("empty", "\n"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("herald.toml");
        std::fs::write(&path, file.replace("DIR", &folder.path().display().to_string())).unwrap();
        Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(Default::default())))
    }

    #[test]
    fn every_secret_can_stand_in_a_file_and_none_is_shown() {
        let settings = load(
            "[database]\nurl_file = \"DIR/db\"\n[redis]\nurl_file = \"DIR/redis\"\n\
             [files]\nurl = \"s3://guests\"\naccess_key_id = \"id\"\nsecret_key_file = \"DIR/s3\"\n[links]\n\
             key_file = \"DIR/key\"\n",
        )
        .unwrap();
        assert_eq!(settings.database.url, "postgres://herald:hunter2@db/herald");
        assert_eq!(settings.redis.url, "redis://:hunter2@redis");
        assert_eq!(settings.files.secret_key, "hunter2");
        assert_eq!(hex::encode(settings.links.keys().unwrap()[0]), KEY);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(KEY) && !shown.contains("00, 17"), "{shown}");
    }

    #[test]
    fn a_file_that_is_not_there_or_empty_or_one_too_many_is_named() {
        let missing = load("[redis]\nurl_file = \"/no/such/file\"\n").unwrap_err().to_string();
        assert!(missing.contains("redis.url_file") && missing.contains("/no/such/file"), "{missing}");
        let empty = load("[links]\nkey_file = \"DIR/empty\"\n").unwrap_err().to_string();
        assert!(empty.contains("links.key_file") && empty.contains("empty"), "{empty}");
        let twice = load("[files]\nsecret_key = \"hunter2\"\nsecret_key_file = \"DIR/s3\"\n").unwrap_err().to_string();
        assert!(twice.contains("files.secret_key is set as well") && !twice.contains("hunter2"), "{twice}");
    }

    #[test]
    fn a_link_key_that_is_none_is_refused_and_not_shown() {
        let told = load("[links]\nkey = \"hunter2\"\n").unwrap_err().to_string();
        assert!(
            told.contains("links.key") && told.contains("64 hexadecimal digits") && !told.contains("hunter2"),
            "{told}"
        );
        let two = load(&format!("[links]\nkey = \"{KEY}, {}\"\n", KEY.replace('0', "f"))).unwrap();
        assert_eq!(two.links.keys().unwrap().len(), 2);
    }
}

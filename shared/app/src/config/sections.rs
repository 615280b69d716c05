//! The sections of the settings that each part of Herald receives.

use super::Settings;
use herald_accounts::ClientSettings;
use herald_people::DirectorySettings;
use herald_providers::email::MailerSettings;

impl<'s> From<&'s Settings> for ClientSettings<'s> {
    fn from(settings: &'s Settings) -> Self {
        let Settings { providers, outside, google, whatsapp, files, .. } = settings;
        Self { providers, outside, google, whatsapp, files }
    }
}

impl<'s> From<&'s Settings> for DirectorySettings<'s> {
    fn from(settings: &'s Settings) -> Self {
        Self { people: &settings.people, crm: &settings.crm }
    }
}

impl<'s> From<&'s Settings> for MailerSettings<'s> {
    fn from(settings: &'s Settings) -> Self {
        Self { mail: &settings.mail, environment: settings.environment }
    }
}

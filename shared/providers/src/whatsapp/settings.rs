//! `[whatsapp]`

use serde::Deserialize;
use url::Url;

use crate::twilio::TwilioPlaces;
use herald_base::settings::SettingsError;

/// `[whatsapp]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct WhatsappSettings {
    pub twilio_url: String,
    pub twilio_content_url: String,
    pub meta_url: String,
}

/// Where the providers of WhatsApp are.
#[derive(Clone, Debug)]
pub struct WhatsappPlaces {
    /// Twilio.
    pub twilio: TwilioPlaces,
    /// The Graph API of Meta, with its version.
    pub meta: Url,
}

impl WhatsappSettings {
    /// Where the providers are.
    ///
    /// # Errors
    /// [`SettingsError::Range`] when an address is none.
    pub fn places(&self) -> Result<WhatsappPlaces, SettingsError> {
        let read = |key, text: &str| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or_else(|| SettingsError::Range {
                key,
                value: text.to_owned(),
                rule: "begin it with http:// or https://",
            })
        };
        Ok(WhatsappPlaces {
            twilio: TwilioPlaces {
                api: read("whatsapp.twilio_url", &self.twilio_url)?,
                content: read("whatsapp.twilio_content_url", &self.twilio_content_url)?,
            },
            meta: read("whatsapp.meta_url", &self.meta_url)?,
        })
    }
}

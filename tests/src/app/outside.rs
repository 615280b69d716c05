//! The services outside that an app talks to: fakes that keep the test's time.

use herald_app::config::Settings;
use herald_base::clock::Clock;

use crate::{
    FakeS3,
    fakes::{FakeCrm, FakeGoogle, FakeMautic, FakeMeta, FakeTwilio, Place},
};

/// Which of them a test asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) google: bool,
    pub(super) mautic: bool,
    pub(super) s3: bool,
    pub(super) crm: bool,
    pub(super) whatsapp: bool,
}

/// Those that run.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) google: Option<FakeGoogle>,
    pub(super) mautic: Option<FakeMautic>,
    pub(super) s3: Option<FakeS3>,
    pub(super) crm: Option<FakeCrm>,
    pub(super) twilio: Option<FakeTwilio>,
    pub(super) meta: Option<FakeMeta>,
}

impl Outside {
    pub(super) async fn start(wanted: Wanted, clock: &Clock) -> Self {
        let place = || Place { clock: clock.clone(), ..Place::default() };
        let mut outside = Self { google: None, mautic: None, s3: None, crm: None, twilio: None, meta: None };
        if wanted.google {
            outside.google = Some(FakeGoogle::start_at(&place()).await);
        }
        if wanted.mautic {
            outside.mautic = Some(FakeMautic::start_at(&place()).await);
        }
        if wanted.s3 {
            outside.s3 = Some(FakeS3::start().await);
        }
        if wanted.crm {
            outside.crm = Some(FakeCrm::start_at(&place()).await);
        }
        if wanted.whatsapp {
            outside.twilio = Some(FakeTwilio::start_at(&place()).await);
            outside.meta = Some(FakeMeta::start_at(&place()).await);
        }
        outside
    }

    /// Leads Herald to them. Addresses that people type are on this machine, too, where Herald calls none otherwise.
    pub(super) fn write(&self, settings: &mut Settings) {
        if let Some(google) = &self.google {
            settings.google.token_url = google.token_uri();
            settings.google.auth_url = google.auth_uri();
            settings.google.drive_url = google.drive();
            settings.google.upload_url = google.upload();
            settings.google.file_link = format!("{}/file/d/{{id}}/view?usp=drivesdk", google.origin());
        }
        if self.mautic.is_some() || self.s3.is_some() {
            settings.outside.allow_private = vec!["127.0.0.1/32".parse().expect("an address of this machine")];
        }
        if let (Some(twilio), Some(meta)) = (&self.twilio, &self.meta) {
            settings.whatsapp.twilio_url = twilio.origin();
            settings.whatsapp.twilio_content_url = twilio.content();
            settings.whatsapp.meta_url = meta.graph();
        }
        if let Some(crm) = &self.crm {
            settings.crm.url = crm.url();
            settings.crm.token = FakeCrm::TOKEN.to_owned();
            settings.crm.webhook.secret = FakeCrm::SECRET.to_owned();
        }
    }
}

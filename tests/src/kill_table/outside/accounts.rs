//! The two providers, and what they hold in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::super::Row;
use crate::fakes::{FakeGoogle, FakeMautic, GoogleCall, demo, google::DriveFile};

/// What the guests are invited to.
pub(super) const EVENT: &str = "Gala";
/// The share of requests that fails.
const SHARE: f64 = 0.10;
/// How long each request takes, so that a kill finds some under way; and how late a late answer is at most.
const LATENCY: Duration = Duration::from_millis(20);
const LATEST: Duration = Duration::from_millis(200);
const LINK: &str = "invitation_link";

pub(super) struct Accounts {
    pub(super) google: FakeGoogle,
    pub(super) mautic: FakeMautic,
    /// The folder that every event gets its own in.
    pub(super) folder: String,
}

impl Accounts {
    /// So many guests have filled in a form, with a picture.
    pub(super) async fn open(guests: usize) -> Self {
        let (google, mautic) = (FakeGoogle::start().await, FakeMautic::start().await);
        // A thousand drawings are too many to keep. Their checksums are made of what arrived.
        google.forget_bytes(true);
        demo::fill(&mautic, guests);
        let folder = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
        Self { google, mautic, folder }
    }

    /// Lets requests fail from now on. In the short form nobody has to choose how long to wait.
    pub(super) fn fail(&self, seed: u64, short: bool) {
        for (place, faults) in [self.google.faults(), self.mautic.faults()].into_iter().enumerate() {
            faults.latency(LATENCY);
            faults.latest(LATEST);
            if short {
                faults.name_waits();
            }
            faults.storm(seed.wrapping_add(place as u64), SHARE);
        }
    }

    /// Where Google is, and that Mautic may be on this machine, as Herald's settings have it.
    pub(super) fn settings(&self) -> String {
        let google = &self.google;
        format!(
            "[google]\ntoken_url = \"{}\"\nauth_url = \"{}\"\ndrive_url = \"{}\"\nupload_url = \"{}\"\n\
             file_link = \"{}/file/d/{{id}}/view?usp=drivesdk\"\n[outside]\nallow_private = [\"127.0.0.1\"]\n",
            google.token_uri(),
            google.auth_uri(),
            google.drive(),
            google.upload(),
            google.origin()
        )
    }

    /// Guests who have a link.
    pub(super) fn linked(&self) -> usize {
        self.mautic.writes(LINK).len()
    }

    /// Writes into a row what became of the guests.
    pub(super) fn count(&self, guests: usize, row: &mut Row) {
        let (files, links) = (self.google.files(), self.mautic.writes(LINK));
        let by_link: BTreeMap<&str, &DriveFile> =
            files.iter().map(|file| (file.web_view_link.as_str(), file)).collect();
        let contacts = self.mautic.contacts();
        let done: BTreeSet<&str> = contacts
            .values()
            .filter_map(|contact| {
                let file = by_link.get(contact.get(LINK)?.as_str())?;
                let named = file.name == format!("invitation-{}.jpg", contact.get("lucky_number")?);
                let whole = file.size > 0 && file.app_properties.get("sha256") == Some(&file.sha256);
                (named && whole && file.public && !file.trashed).then_some(file.id.as_str())
            })
            .collect();
        (row.jobs_in, row.done) = (guests, done.len());
        let sent = self.google.requests(GoogleCall::Upload) + links.values().map(|writes| writes.count).sum::<usize>();
        row.run_twice = sent.saturating_sub(files.len() + links.len());
        let folders = self.google.folders().iter().filter(|folder| folder.name == EVENT).count();
        // A guest has one file, written once, and only ever one link.
        row.effects_twice = files.len().saturating_sub(guests)
            + files.iter().map(|file| file.versions - 1).sum::<usize>()
            + links.values().map(|writes| writes.values.len() - 1).sum::<usize>()
            + folders.saturating_sub(1)
            + self.harm();
        let injected = [self.google.faults(), self.mautic.faults()].map(|faults| faults.injected().values().sum());
        if injected.iter().sum::<usize>() < guests / 10 && row.error.is_none() {
            row.error = Some(format!("{injected:?} faults are too few to show anything"));
        }
    }

    /// What no edit of a contact may ever do.
    fn harm(&self) -> usize {
        let mautic = &self.mautic;
        mautic.merges() + mautic.wipes() + mautic.truncations() + mautic.shifted_rows() + mautic.deleted().len()
    }
}

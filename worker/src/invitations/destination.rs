//! The outside destinations of invitations: their files in Drive or in a bucket.
//!
//! Safe to run twice, for three reasons. The ids of folder and file are stored before anything is sent under them. A
//! file that already exists is compared by its checksum. And a bucket's key consists of event, number and invitation.

use std::sync::Arc;

use bytes::Bytes;
use herald_accounts::ProviderKind;
use herald_base::image_format::ImageFormat;
use herald_invitations as domain;
use herald_invitations::{Destination, EventFolder, Invitation, Outside, Upload};
use herald_providers::{
    Class, Meter, ProviderError,
    files::{Bucket, Stored as Drawing},
    google::{Drive, NewFile, ShareError, Stored},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::runner::Failure;
use crate::{
    accounts::Used,
    invitations::places,
    jobs::{Context, Task, refused},
};

/// The largest drawing that is sent outside, in bytes.
const LARGEST: u64 = 256 << 20;

/// Uploads a drawing to the run's destination outside of the file store. Returns its place; `None` for a run without
/// such a destination.
pub(super) async fn put<P>(
    context: &Context,
    task: &Task<P>,
    invitation: &Invitation,
    rendering: &Drawing,
) -> Result<Option<Outside>, Failure> {
    match &invitation.options.0.destination {
        Destination::Local => Ok(None),
        Destination::Drive { connection_id, folder } => {
            let drive = context.drive(task, *connection_id).await?;
            // A job that was created for another run of the guest waited in another queue. It has not used the rate of
            // this queue.
            let queue = ProviderKind::Google.queue();
            let paid = i64::from(task.queue() == queue);
            let sent = InDrive {
                context,
                invitation,
                meter: herald_accounts::meter_of_job(&context.db, queue, paid),
                drive: &drive,
            };
            sent.put(task, folder, rendering).await.map(Some)
        }
        Destination::S3 { connection_id } => {
            let bucket = context.bucket(task, *connection_id).await?;
            in_bucket(context, &bucket, invitation, rendering).await.map(Some)
        }
    }
}

/// The media type of a drawing.
fn mime_type(rendering: &Drawing) -> &'static str {
    rendering.extension().and_then(ImageFormat::of_extension).unwrap_or(ImageFormat::Jpeg).media_type()
}

fn extension(rendering: &Drawing) -> &str {
    rendering.extension().unwrap_or(ImageFormat::Jpeg.extension())
}

/// The upload of one invitation to Drive.
struct InDrive<'a> {
    context: &'a Context,
    invitation: &'a Invitation,
    meter: Meter,
    drive: &'a Used<Drive>,
}

impl InDrive<'_> {
    async fn put<P>(&self, task: &Task<P>, parent: &str, rendering: &Drawing) -> Result<Outside, Failure> {
        let (invitation, connection_id) = (self.invitation, self.drive.connection.id);
        let sha256 = invitation.sha256.clone().unwrap_or_default();
        let place = self.place().await?;
        if let Some(link) = place.link.clone().filter(|_| place.sha256.as_ref() == Some(&sha256)) {
            // The file arrived earlier, but that was not recorded.
            return Ok(Outside { connection_id, remote_id: place.remote_id, sha256, link: Some(link) });
        }
        let folder = self.folder(task, parent).await?;
        let bytes = self.context.files.get(rendering, LARGEST).await.map_err(refused)?;
        let stored = self.send(&place, &folder, parent, self.file(&place, &folder, rendering, bytes, &sha256)).await?;
        if folder.share_each || stored.shared == Some(false) {
            let shared = self.drive.client.share_with_link(&stored.id, &self.meter).await;
            self.settle(shared.map_err(Into::into)).await?;
        }
        Ok(Outside { connection_id, remote_id: stored.id, sha256, link: Some(stored.link) })
    }

    async fn settle<R>(&self, result: herald_providers::Result<R>) -> Result<R, Failure> {
        self.drive.settle(self.context, result).await
    }

    /// The place of the invitation's file: the reserved one, or else a new one.
    async fn place(&self) -> Result<Upload, Failure> {
        let (db, invitation) = (&self.context.db, self.invitation);
        let connection_id = self.drive.connection.id;
        let known = domain::find_upload(db, self.drive.workspace_id, invitation.id)
            .await?
            .filter(|place| place.connection_id == connection_id);
        if let Some(place) = known {
            return Ok(place);
        }
        let remote_id = places::reserve_one(self.context, self.drive, &self.meter).await?;
        Ok(domain::name_upload(db, self.drive.workspace_id, invitation.id, connection_id, &remote_id).await?)
    }

    /// The folder of the event. It is created and shared by link once.
    async fn folder<P>(&self, task: &Task<P>, parent: &str) -> Result<EventFolder, Failure> {
        let (db, event_id) = (&self.context.db, self.invitation.event_id);
        let connection_id = self.drive.connection.id;
        let known = domain::event_folder(db, task.workspace_id, (event_id, connection_id, parent)).await?;
        if let Some(folder) = known.as_ref().filter(|folder| folder.ready) {
            return Ok(folder.clone());
        }
        // In this process, one task creates the folder and the others find it. In another process, the same id gives
        // the same folder.
        let _alone = self.context.folders.lock().await;
        let known = domain::event_folder(db, task.workspace_id, (event_id, connection_id, parent)).await?;
        let named = match known {
            Some(folder) if folder.ready => return Ok(folder),
            Some(folder) => folder,
            None => {
                let remote_id = places::reserve_one(self.context, self.drive, &self.meter).await?;
                domain::name_folder(db, task.workspace_id, (event_id, connection_id, parent), &remote_id).await?
            }
        };
        let (client, id) = (&self.drive.client, named.remote_id.as_str());
        self.settle(client.create_folder(id, &self.invitation.event_name, parent, &self.meter).await).await?;
        // Where a folder cannot be shared, such as in some Shared Drives, each file may be.
        let share_each = match client.share_with_link(id, &self.meter).await {
            Ok(()) => false,
            Err(ShareError::Forbidden(_)) => true,
            Err(ShareError::Failed(error)) => return Err(self.drive.failed(self.context, error).await?),
        };
        domain::folder_is_ready(db, task.workspace_id, (connection_id, id), share_each).await?;
        Ok(EventFolder { ready: true, share_each, ..named })
    }

    fn file(&self, place: &Upload, folder: &EventFolder, rendering: &Drawing, bytes: Bytes, sha256: &str) -> NewFile {
        let invitation = self.invitation;
        NewFile {
            id: place.remote_id.clone(),
            // The file's name does not contain the guest's name, because a person who has the folder's link sees the
            // names of its files.
            name: format!("invitation-{}.{}", invitation.lucky_number, extension(rendering)),
            mime_type: mime_type(rendering).to_owned(),
            parent: folder.remote_id.clone(),
            app_properties: [
                ("invitation".to_owned(), invitation.id.to_string()),
                ("sha256".to_owned(), sha256.to_owned()),
            ]
            .into(),
            bytes,
            sha256: sha256.to_owned(),
        }
    }

    async fn send(&self, place: &Upload, folder: &EventFolder, parent: &str, file: NewFile) -> Result<Stored, Failure> {
        let (context, invitation, client) = (self.context, self.invitation, &self.drive.client);
        let vault = context.accounts.vault();
        let sealed_for = upload_place(invitation.id);
        let session = place.session.as_ref().and_then(|sealed| vault.open::<String>(&sealed_for, sealed).ok());
        let (db, sealer, id) = (context.db.clone(), vault.clone(), invitation.id);
        let workspace_id = self.drive.workspace_id;
        // The closure owns its values, because a future that borrowed them could not be sent between threads.
        let keep = move |uri: SecretString| {
            let (db, sealed) = (db.clone(), sealer.seal(&upload_place(id), &uri.expose_secret()));
            async move {
                domain::keep_session(&db, workspace_id, id, Some(sealed))
                    .await
                    .map_err(|error| ProviderError::new(Class::Transient, error.to_string()))
            }
        };
        let sent = client.upload(&file, session.map(SecretString::from), keep, &self.meter).await;
        let error = match sent {
            Err(error) if matches!(error.class, Class::Config | Class::Recipient) => error,
            sent => return self.settle(sent).await,
        };
        let again = |error: &str| Failure::Retry { error: error.to_owned(), after: None };
        let connection_id = self.drive.connection.id;
        match error.class {
            // Check whether the event's folder was deleted. If the parent folder exists, a new folder replaces it.
            Class::Config
                if client.folder(&folder.remote_id, &self.meter).await.is_err_and(|it| it.class == Class::Config) =>
            {
                self.settle(client.folder(parent, &self.meter).await).await?;
                domain::forget_folder(&context.db, workspace_id, connection_id, &folder.remote_id).await?;
                Err(again("the event's folder was deleted in Google Drive: a new one is made"))
            }
            // The file was deleted for good, and its id cannot be used again. The guest's link changes with the id.
            Class::Recipient
                if matches!(client.file(&file.id, &self.meter).await, Ok(None)) && place.sha256.is_some() =>
            {
                domain::forget_upload(&context.db, workspace_id, invitation.id, &place.remote_id).await?;
                Err(again("the invitation's file was deleted in Google Drive: a new one is made"))
            }
            _ => Err(self.drive.failed(context, error).await?),
        }
    }
}

/// The context of the encryption of an upload session.
fn upload_place(invitation_id: Uuid) -> String {
    format!("upload:{invitation_id}")
}

/// Uploads a drawing to a bucket. The link remains Herald's own signed one, because a signed address of S3 is valid for
/// a week at most.
async fn in_bucket(
    context: &Context,
    bucket: &Used<Bucket>,
    invitation: &Invitation,
    rendering: &Drawing,
) -> Result<Outside, Failure> {
    let sha256 = invitation.sha256.clone().unwrap_or_default();
    let connection_id = bucket.connection.id;
    let key = format!(
        "{}/{}-{}.{}",
        invitation.event_slug,
        invitation.lucky_number,
        invitation.id.simple(),
        extension(rendering)
    );
    let known = domain::find_upload(&context.db, bucket.workspace_id, invitation.id).await?;
    let there = known.filter(|place| {
        place.connection_id == connection_id && place.remote_id == key && place.sha256.as_ref() == Some(&sha256)
    });
    if there.is_none() {
        let bytes = context.files.get(rendering, LARGEST).await.map_err(refused)?;
        let put = bucket.client.put(&key, bytes).await.map_err(|error| error.of_provider());
        bucket.settle(context, put).await?;
    }
    Ok(Outside { connection_id, remote_id: key, sha256, link: None })
}

/// A lock that makes sure that only one task of a process creates a folder.
pub type Folders = Arc<tokio::sync::Mutex<()>>;

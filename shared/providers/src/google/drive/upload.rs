//! Brings a file's content to Drive exactly once, whatever happens on the way.

use std::time::Duration;

use herald_base::boxed;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use secrecy::SecretString;
use url::Url;

use super::{
    super::errors::{self, Asked},
    Drive,
    file::{FIELDS, NewFile, Stored},
    multipart::Multipart,
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};

/// The time-out of a request with content: longer than the usual one, because a slow line takes its time.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// The target of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// A new file.
    New,
    /// An existing file, whose content is replaced.
    Instead(&'a str),
}

/// The result of an upload.
#[derive(Debug)]
pub(super) enum Delivered {
    /// The file is stored.
    Stored(Stored),
    /// The id is taken: an earlier attempt succeeded, but its answer was lost.
    Exists,
}

impl Drive {
    /// Uploads a file: in one request if it is small, else piece by piece, so that a broken connection does not lose
    /// the bytes that have arrived.
    ///
    /// `on_session` receives the address of an upload in pieces before its first byte is sent. The address is a secret:
    /// a person who has it can write the file. If the caller passes it as `session` later, the upload continues where
    /// it stopped, for about a week. An existing file with this id is kept if its content is the same. Else its content
    /// is replaced; its link stays.
    ///
    /// For a call that moves between threads, `on_session` is a closure that owns its data and returns an `async move`
    /// block. The compiler cannot yet prove this for an async closure that borrows.
    ///
    /// # Errors
    /// [`Class::Config`] about the folder or the account, [`Class::Recipient`] about this file, [`Class::Transient`]
    /// when it arrived damaged; and the errors of `on_session`.
    pub async fn upload(
        &self,
        file: &NewFile,
        session: Option<SecretString>,
        on_session: impl AsyncFn(SecretString) -> Result<()>,
        meter: &Meter,
    ) -> Result<Stored> {
        let resumed = session.is_some();
        match self.deliver(Target::New, file, session, &on_session, meter).await? {
            // An upload that continued an earlier attempt may have begun with other content.
            Delivered::Stored(stored) if resumed && !stored.may_be(file) => {}
            Delivered::Stored(stored) => return arrived(stored, file),
            Delivered::Exists => match self.file(&file.id, meter).await? {
                Some(stored) if stored.trashed || stored.is(file) => return arrived(stored, file),
                Some(_) => {}
                None => {
                    return Err(ProviderError::new(
                        Class::Recipient,
                        "Google Drive has used the file's id, but the file was deleted for good: upload it \
                         as a new file",
                    ));
                }
            },
        }
        let replaced = self.deliver(Target::Instead(&file.id), file, None, &on_session, meter).await?;
        self.replaced(replaced, file)
    }

    /// Replaces the content of a file. Its id and link stay.
    ///
    /// # Errors
    /// Like [`Drive::upload`]; [`Class::Recipient`] when the file does not exist.
    #[boxed]
    pub async fn replace(&self, id: &str, file: &NewFile, meter: &Meter) -> Result<Stored> {
        let delivered = self.deliver(Target::Instead(id), file, None, &async |_| Ok(()), meter).await?;
        self.replaced(delivered, file)
    }

    fn replaced(&self, delivered: Delivered, file: &NewFile) -> Result<Stored> {
        match delivered {
            Delivered::Stored(stored) => arrived(stored, file),
            Delivered::Exists => {
                Err(ProviderError::new(Class::Transient, "Google Drive was changing the file at the same time"))
            }
        }
    }

    async fn deliver(
        &self,
        target: Target<'_>,
        file: &NewFile,
        session: Option<SecretString>,
        on_session: &impl AsyncFn(SecretString) -> Result<()>,
        meter: &Meter,
    ) -> Result<Delivered> {
        if file.bytes.len() > self.sizes.whole {
            return self.in_pieces(target, file, session, on_session, meter).await;
        }
        let (method, url) = self.target(target, "multipart");
        let Multipart { content_type, body } =
            Multipart::new(&target.metadata(file), &file.mime_type, &file.bytes, &file.sha256);
        let build = |client: &reqwest::Client| {
            client
                .request(method.clone(), url.clone())
                .header(CONTENT_TYPE, &content_type)
                .body(body.clone())
                .timeout(UPLOAD_TIMEOUT)
        };
        self.send(meter, build, |reply| self.delivered(reply, target, file)).await
    }

    pub(super) fn target(&self, target: Target<'_>, kind: &str) -> (Method, Url) {
        match target {
            Target::New => (Method::POST, self.uploads(&["files"], kind, FIELDS)),
            Target::Instead(id) => (Method::PATCH, self.uploads(&["files", id], kind, FIELDS)),
        }
    }

    pub(super) fn delivered(&self, reply: &Reply, target: Target<'_>, file: &NewFile) -> Result<Delivered> {
        match reply.status {
            status if status.is_success() => Stored::read(reply).map(Delivered::Stored),
            StatusCode::CONFLICT => Ok(Delivered::Exists),
            _ => Err(errors::refused(reply, target.asked(file), self.auth())),
        }
    }
}

impl<'a> Target<'a> {
    pub(super) fn metadata(self, file: &NewFile) -> serde_json::Value {
        file.metadata(matches!(self, Self::New))
    }

    pub(super) fn asked(self, file: &'a NewFile) -> Asked<'a> {
        match self {
            Self::New => Asked::Into(&file.parent),
            Self::Instead(_) => Asked::File,
        }
    }
}

/// Checks that Drive has the bytes that were sent, in a place where guests can see them.
fn arrived(stored: Stored, file: &NewFile) -> Result<Stored> {
    if stored.trashed {
        return Err(ProviderError::new(
            Class::Config,
            "the file or its folder is in the trash: restore the folder in Google Drive, or choose another folder",
        ));
    }
    if !stored.may_be(file) {
        return Err(ProviderError::new(Class::Transient, "the file arrived damaged at Google Drive"));
    }
    Ok(stored)
}

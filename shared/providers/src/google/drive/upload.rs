//! Bringing a file's content to Drive, once, whatever happens on the way.

use std::time::Duration;

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

/// For a request with content: more than others get, since a slow line takes its time.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Where content goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// Into a new file.
    New,
    /// In place of what this file has.
    Instead(&'a str),
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Delivered {
    /// The file is there.
    Stored(Stored),
    /// The id is taken: an earlier try got through, and its answer did not.
    Exists,
}

impl Drive {
    /// Uploads a file: in one request if it is small, else piece by piece, so that a cut does not cost what has
    /// arrived.
    ///
    /// `on_session` gets the address of an upload in pieces before its first byte is sent. It is a secret: who has it
    /// can write the file. Given back as `session`, the upload goes on where it was, for about a week. A file of this
    /// id that is there already is taken if its content is the same, else its content is replaced; its link stays.
    ///
    /// For a call that moves between threads, `on_session` is a closure that owns what it needs and returns an `async
    /// move` block: the compiler cannot yet prove it of an async closure that borrows.
    ///
    /// # Errors
    /// [`Class::Config`] about the folder or the account, [`Class::Recipient`] about this file, [`Class::Transient`]
    /// when it arrived damaged; and what `on_session` says.
    pub async fn upload(
        &self,
        file: &NewFile,
        session: Option<SecretString>,
        on_session: impl AsyncFn(SecretString) -> Result<()>,
        meter: &Meter,
    ) -> Result<Stored> {
        let resumed = session.is_some();
        match self.deliver(Target::New, file, session, &on_session, meter).await? {
            // An upload that went on from an earlier try may have begun with other content.
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

    /// Gives a file other content. Its id and link stay.
    ///
    /// # Errors
    /// As [`Drive::upload`]; [`Class::Recipient`] when there is no such file.
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

/// The proof that what Drive has is what was sent, and where guests can see it.
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

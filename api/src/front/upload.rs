//! Receives uploads. The parts of a form go to a temporary file, and after all checks from there into the file store.
//!
//! So an upload of any size takes a few hundred kilobytes of memory, and a refused upload leaves nothing behind. The
//! temporary file has no name and disappears with the process.

use std::io::SeekFrom;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::front::{
    input::NUL,
    limits,
    problem::{Kind, Problem},
};

/// A form, and the limit on its size.
pub(crate) struct Form {
    form: Multipart,
    limit: u64,
}

impl Form {
    /// Opens the form in a request; `limit` is the limit of the route, in bytes.
    pub(crate) async fn open(request: Request, limit: u64) -> Result<Self, Problem> {
        let form = Multipart::from_request(request, &()).await.map_err(|refusal| {
            Problem::new(Kind::InvalidRequest, format!("the form cannot be read: {}", refusal.body_text()))
        })?;
        Ok(Self { form, limit })
    }

    /// Returns the next part.
    pub(crate) async fn next(&mut self) -> Result<Option<Part<'_>>, Problem> {
        let limit = self.limit;
        let field = self.form.next_field().await.map_err(|error| broken(&error, limit))?;
        Ok(field.map(|field| Part { field, limit }))
    }
}

/// One part of a form.
pub(crate) struct Part<'f> {
    field: Field<'f>,
    limit: u64,
}

impl Part<'_> {
    /// The field's name.
    pub(crate) fn name(&self) -> String {
        self.field.name().unwrap_or_default().to_owned()
    }

    /// The file's name, if the part is a file.
    pub(crate) fn file_name(&self) -> Option<String> {
        self.field.file_name().filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Returns the next piece of the content.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.chunk().await.map_err(|error| broken(&error, self.limit))
    }

    /// Reads the content as one text of at most `most` bytes.
    pub(crate) async fn text(self, most: usize) -> Result<String, Problem> {
        let name = self.name();
        let bytes = self.bytes(most).await?;
        let bytes =
            bytes.ok_or_else(|| Problem::field(&name, format!("{name} is longer than {most} bytes: shorten it")))?;
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Problem::field(&name, format!("{name} is not UTF-8: send it as UTF-8")))?;
        if text.contains(NUL) {
            return Err(Problem::field(&name, format!("{name} contains a NUL character: send it without NUL")));
        }
        Ok(text.trim().to_owned())
    }

    /// Reads the content; `None` if it is longer than `most` bytes.
    pub(crate) async fn bytes(mut self, most: usize) -> Result<Option<Bytes>, Problem> {
        let mut content = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if content.len() + chunk.len() > most {
                return Ok(None);
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Some(content.into()))
    }
}

fn broken(error: &MultipartError, limit: u64) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return limits::too_large(limit);
    }
    Problem::new(Kind::InvalidRequest, format!("the form cannot be read: {}", error.body_text()))
}

/// A temporary file that stores parts one after the other.
pub(crate) struct Spool {
    file: File,
    written: u64,
}

/// A part in a spool.
#[derive(Clone, Debug)]
pub(crate) struct Spooled {
    /// The SHA-256 of the content, in hex.
    pub(crate) sha256: String,
    /// The size of the content.
    pub(crate) bytes: u64,
    /// The offset in the file where the content begins.
    pub(crate) start: u64,
}

impl Spool {
    pub(crate) async fn new() -> Result<Self, Problem> {
        let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(std::io::Error::other)??;
        Ok(Self { file: File::from_std(file), written: 0 })
    }

    /// Takes a finished file as the only part.
    pub(crate) async fn of(file: std::fs::File) -> Result<(Self, Spooled), Problem> {
        let mut spool = Self { file: File::from_std(file), written: 0 };
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; 64 << 10]);
        spool.file.seek(SeekFrom::Start(0)).await?;
        loop {
            let read = spool.file.read(&mut chunk).await?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            spool.written += read as u64;
        }
        let part = Spooled { sha256: hex::encode(hash.finalize()), bytes: spool.written, start: 0 };
        Ok((spool, part))
    }

    /// Stores a part; `None` if it is longer than `most` bytes.
    pub(crate) async fn take(&mut self, part: Part<'_>, most: u64) -> Result<Option<Spooled>, Problem> {
        let chunks = futures::stream::try_unfold(part, async |mut part| {
            Ok::<_, Problem>(part.chunk().await?.map(|chunk| (chunk, part)))
        });
        self.take_chunks(chunks, most).await
    }

    /// Stores a stream; `None` if it is longer than `most` bytes.
    pub(crate) async fn take_chunks(
        &mut self,
        chunks: impl Stream<Item = Result<Bytes, Problem>>,
        most: u64,
    ) -> Result<Option<Spooled>, Problem> {
        let start = self.written;
        let mut hash = Sha256::new();
        self.file.seek(SeekFrom::Start(start)).await?;
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.try_next().await? {
            self.written += chunk.len() as u64;
            if self.written - start > most {
                return Ok(None);
            }
            hash.update(&chunk);
            self.file.write_all(&chunk).await?;
        }
        self.file.flush().await?;
        Ok(Some(Spooled { sha256: hex::encode(hash.finalize()), bytes: self.written - start, start }))
    }

    /// Opens the content of a part as a stream.
    pub(crate) async fn reader(&mut self, part: &Spooled) -> Result<tokio::io::Take<&mut File>, Problem> {
        self.file.seek(SeekFrom::Start(part.start)).await?;
        Ok((&mut self.file).take(part.bytes))
    }

    /// Returns the file itself, for code that blocks. It is at an arbitrary position.
    pub(crate) async fn blocking(&self) -> Result<std::fs::File, Problem> {
        Ok(self.file.try_clone().await?.into_std().await)
    }
}

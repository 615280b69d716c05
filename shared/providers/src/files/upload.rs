//! Writes content that is not in memory: a small file at once, a large one in parts that are joined at the end.

use bytes::{Bytes, BytesMut};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload, path::Path};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    task::JoinSet,
};

use super::{Files, FilesError, Result, error};

/// The size of a part. S3 wants at least 5 MB and accepts 10,000 parts, which allows files of up to 80 GB.
pub(super) const PART: usize = 8 << 20;
/// The number of parts that are sent at once, while another part is read.
const PARTS: usize = 2;

/// Parts that are not a file yet. If anything ends the upload before [`Upload::complete`], the sent parts are removed.
struct Upload {
    upload: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<object_store::Result<()>>,
    key: String,
}

/// Writes `content` as the file `key`.
pub(super) async fn put_from(files: &Files, key: &str, mut content: impl AsyncRead + Unpin) -> Result<()> {
    let first = read_part(key, &mut content).await?;
    if first.len() < PART {
        return files.write(key, first).await;
    }
    let path = super::path(key)?;
    // The mark of the existing file: if the answer to the last call is lost, it distinguishes that file from the new
    // one.
    let before = if files.is_local() { None } else { files.mark(key).await? };
    let started = files.within(key, files.store.put_multipart(&path)).await?;
    let mut upload = Upload { upload: Some(started), parts: JoinSet::new(), key: key.to_owned() };
    let mut part = first;
    let mut size = 0;
    while !part.is_empty() {
        size += part.len() as u64;
        upload.send(files, part).await?;
        part = read_part(key, &mut content).await?;
    }
    upload.complete(files, &path, size, before).await
}

/// Reads the next part, which is full unless the content ends.
async fn read_part(key: &str, content: &mut (impl AsyncRead + Unpin)) -> Result<Bytes> {
    let mut part = BytesMut::new();
    while part.len() < PART {
        let room = PART - part.len();
        let read = (&mut *content).take(room as u64).read_buf(&mut part).await;
        if read.map_err(|error| error::of_io(key, &error))? == 0 {
            break;
        }
    }
    Ok(part.freeze())
}

impl Upload {
    async fn send(&mut self, files: &Files, part: Bytes) -> Result<()> {
        while self.parts.len() >= PARTS {
            self.one_done(files).await?;
        }
        let upload = self.upload.as_mut().expect("it is there until it is complete");
        self.parts.spawn(upload.put_part(PutPayload::from_bytes(part)));
        Ok(())
    }

    async fn one_done(&mut self, files: &Files) -> Result<()> {
        match files.within_limit(&self.key, self.parts.join_next()).await? {
            None => Ok(()),
            Some(Ok(sent)) => sent.map_err(|error| files.told(&self.key, error)),
            Some(Err(ended)) => Err(FilesError::Other(ended.into())),
        }
    }

    async fn complete(mut self, files: &Files, path: &Path, size: u64, before: Option<String>) -> Result<()> {
        while !self.parts.is_empty() {
            self.one_done(files).await?;
        }
        let upload = self.upload.as_mut().expect("it is there until it is complete");
        let completed = files.within(&self.key, upload.complete()).await;
        if let Err(error) = completed {
            // The first answer may be lost; then the second attempt finds no upload, because the first one has made the
            // file.
            let made = match files.store.head(path).await {
                Ok(found) => found.size == size && found.e_tag.is_some() && found.e_tag != before,
                Err(_) => false,
            };
            if !made {
                return Err(error);
            }
        }
        self.upload = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        let (mut parts, key) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.key));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // A part that arrives after the upload was aborted would stay.
            parts.shutdown().await;
            if let Err(error) = upload.abort().await {
                tracing::warn!(key, %error, "the parts of an unfinished file stay in the file store");
            }
        });
    }
}

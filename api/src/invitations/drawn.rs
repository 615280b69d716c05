//! Pictures that a worker draws for a request: waiting for the job, and answering with its result.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use herald_base::image_format::ImageFormat;
use herald_ledger as ledger;
use herald_ledger::{JobRow, JobState};
use herald_providers::files::Stored;
use serde::Deserialize;
use uuid::Uuid;

use crate::{Api, front::problem::Problem};

/// The longest wait for a picture.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The priority of a job that a client waits for. It runs before jobs that nobody waits for.
pub(super) const PRIORITY: i64 = -10;
/// The pause between two reads of the job.
const LOOK: Duration = Duration::from_millis(25);
/// The header with remarks about the picture, as a JSON array of texts.
const NOTES: HeaderName = HeaderName::from_static("herald-notes");

/// The result of the worker.
#[derive(Deserialize)]
pub(super) struct Drawn {
    pub(super) file: String,
    media_type: String,
    #[serde(default)]
    pub(super) notes: Vec<String>,
}

impl Drawn {
    /// A picture without remarks.
    pub(super) fn of(file: &Stored, format: ImageFormat) -> Self {
        Self { file: file.as_str().to_owned(), media_type: format.media_type().to_owned(), notes: Vec::new() }
    }
}

/// The state of the job that draws a picture.
pub(super) enum Stand {
    /// The job waits or runs.
    Live(JobState),
    /// The job has drawn the picture.
    Made(Drawn),
    /// The job has failed for good, for this reason.
    Failed(String),
    /// The job was cancelled.
    Cancelled,
}

/// The time that the client is willing to wait (`Prefer: wait=5`, RFC 7240), up to [`LONGEST_WAIT`]. `None` if the
/// request does not name one.
pub(super) fn wished_wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut waits = preferences.flat_map(|value| value.split(',')).filter_map(|one| one.trim().strip_prefix("wait="));
    let wanted = waits.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    wanted.map(|wanted| wanted.min(LONGEST_WAIT))
}

/// Returns the state of a job.
pub(super) async fn stand(api: &Api, workspace: Uuid, job: JobRow) -> Result<Stand, Problem> {
    Ok(match (job.state, job.result) {
        (JobState::Ready | JobState::Running, _) => Stand::Live(job.state),
        (JobState::Succeeded, Some(result)) => {
            Stand::Made(serde_json::from_value(result.0).map_err(|error| Problem::internal(&error))?)
        }
        (JobState::Dead, _) => {
            let errors = ledger::list_job_errors(&api.db, workspace, job.id).await?;
            Stand::Failed(errors.into_iter().next_back().map(|error| error.message).unwrap_or_default())
        }
        _ => Stand::Cancelled,
    })
}

/// Waits until a job has ended; `None` if that takes longer than `longest`.
pub(super) async fn ended(api: &Api, workspace: Uuid, id: Uuid, longest: Duration) -> Result<Option<Stand>, Problem> {
    let ended = tokio::time::timeout(longest, async {
        loop {
            let job = ledger::find_job(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("job", id))?;
            match stand(api, workspace, job).await? {
                Stand::Live(_) => tokio::time::sleep(LOOK).await,
                ended => return Ok::<_, Problem>(ended),
            }
        }
    });
    ended.await.ok().transpose()
}

/// Answers with the picture.
pub(super) async fn show(api: &Api, workspace: Uuid, drawn: &Drawn) -> Result<Response, Problem> {
    let mut response = show_file(api, workspace, &drawn.file, &drawn.media_type).await?;
    let headers = response.headers_mut();
    if !drawn.notes.is_empty()
        && let Ok(notes) = HeaderValue::from_str(&ascii_json(&drawn.notes))
    {
        headers.insert(NOTES, notes);
    }
    Ok(response)
}

/// Answers with a picture of the file store.
pub(super) async fn show_file(api: &Api, workspace: Uuid, file: &str, media_type: &str) -> Result<Response, Problem> {
    let (bytes, content) = api.files.stream(&Stored::of(workspace, file)?).await?;
    let media_type = HeaderValue::from_str(media_type).map_err(|error| Problem::internal(&error))?;
    let mut response = Body::from_stream(content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

/// Writes JSON in ASCII, as a header needs it. Other characters become `\u….`
fn ascii_json(texts: &[String]) -> String {
    let json = serde_json::Value::from(texts).to_string();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_clients_wish_up_to_a_limit() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            wished_wait(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(of("wait=3"), Some(3));
        assert_eq!(of("respond-async, wait=0"), Some(0));
        assert_eq!(of("wait=900"), Some(LONGEST_WAIT.as_secs()));
        assert_eq!(of("return=minimal"), None);
    }

    #[test]
    fn notes_of_any_script_fit_a_header() {
        let notes = ["no font has \u{1f600} or \"é\"".to_owned()];
        let header = ascii_json(&notes);
        assert!(header.is_ascii());
        assert_eq!(serde_json::from_str::<Vec<String>>(&header).unwrap(), notes);
    }
}

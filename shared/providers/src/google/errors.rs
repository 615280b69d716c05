//! The meaning of Drive's errors. Google distinguishes them by `reason`, not by status: 403 means anything from "too
//! fast" to "never".
//!
//! <https://developers.google.com/workspace/drive/api/guides/handle-errors>

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::DRIVE_SCOPE;
use crate::{Class, ProviderError, google::GoogleAuth, http::Reply};

pub(super) const WHO: &str = "Google Drive";

/// The wait after "too fast" if Google names none. The ledger waits longer with each attempt.
const SHORTLY: Duration = Duration::from_secs(10);
/// The wait after a daily limit, and after a limit on sharing, which grows with frequent attempts.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The subject of a request: the same error has another meaning for each subject.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    /// The account as a whole.
    Account,
    /// Looking up a folder that an admin named.
    Folder(&'a str),
    /// Creating something in a folder.
    Into(&'a str),
    /// Making a folder visible to everybody with the link.
    Share(&'a str),
    /// Looking up a file, or changing one.
    File,
}

/// An error as Google sent it. Missing parts are empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: String,
    message: String,
    /// The number of the Cloud project, if the error names one.
    project: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Value,
}

impl Fault {
    /// Reads the old form (`errors[].reason`) and the new form (`details[].reason`). The reasons of the old form are
    /// the ones in Drive's documentation.
    pub(super) fn of(reply: &Reply) -> Self {
        let Ok(Body { error }) = serde_json::from_slice(&reply.body) else { return Self::default() };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let detail = |field: &str| {
            let details = error["details"].as_array()?;
            details.iter().find_map(|detail| detail.pointer(field)?.as_str())
        };
        let project = detail("/metadata/consumer").and_then(|consumer| consumer.strip_prefix("projects/"));
        let old = text(&error["errors"][0]["reason"]);
        let new = detail("/reason").unwrap_or_default();
        Self {
            // Google uses "insufficientPermissions" and "forbidden" for several problems; then the new form is exact.
            reason: if new.is_empty() || (!old.is_empty() && old != "forbidden") { old } else { new.to_owned() },
            message: text(&error["message"]),
            project: project
                .filter(|project| project.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
                .map(str::to_owned),
        }
    }

    /// Whether an organisation's rules forbid public links.
    pub(super) fn forbids_sharing(&self) -> bool {
        matches!(
            self.reason.as_str(),
            "domainPolicy" | "publishOutNotPermitted" | "shareOutNotPermitted" | "sharingNotPermitted"
        ) || self.reason.starts_with("cannotShare")
    }

    /// Whether the storage is full. Google has used "quotaExceeded" for a full Drive, too.
    fn is_full(&self) -> bool {
        self.reason == "storageQuotaExceeded"
            || (self.reason == "quotaExceeded" && self.message.to_lowercase().contains("storage quota"))
    }
}

/// Converts a refusal into an error with a cure for a person.
pub(super) fn refused(reply: &Reply, asked: Asked<'_>, auth: &GoogleAuth) -> ProviderError {
    let fault = Fault::of(reply);
    by_reason(&fault, reply, asked, auth).unwrap_or_else(|| by_status(&fault, reply, asked, auth))
}

fn by_reason(fault: &Fault, reply: &Reply, asked: Asked<'_>, auth: &GoogleAuth) -> Option<ProviderError> {
    let me = whom(auth);
    let config = |message: String| Some(ProviderError::new(Class::Config, message));
    if fault.is_full() {
        return config(full(auth));
    }
    if fault.forbids_sharing() {
        return config(format!(
            "the rules of the organisation (or of the Shared Drive) forbid links that anyone can open: \
             allow sharing outside the organisation \
             for {me} in the Google Admin console under Apps, Google Workspace, Drive and Docs, Sharing settings, \
             or use a folder elsewhere"
        ));
    }
    match fault.reason.as_str() {
        "userRateLimitExceeded" | "rateLimitExceeded" | "RATE_LIMIT_EXCEEDED" => Some(too_fast(reply)),
        "sharingRateLimitExceeded" => Some(later(reply, "Google Drive allows no more sharing for a while")),
        "dailyLimitExceeded" | "quotaExceeded" => Some(later(
            reply,
            "the Cloud project has used up its quota of the Google Drive API: wait, or ask Google to raise the quota",
        )),
        "teamDriveFileLimitExceeded" => config(
            "the Shared Drive has as many files as Google allows: use a folder in another Shared Drive".to_owned(),
        ),
        "numChildrenInNonRootLimitExceeded" => {
            config("the folder has as many files as Google allows (500,000): use another folder".to_owned())
        }
        "insufficientFilePermissions" => config(match asked {
            Asked::Folder(id) | Asked::Into(id) | Asked::Share(id) => format!(
                "{me} may not do this in the folder {id}: share the folder with that account as Editor (in a Shared \
                 Drive: Content manager)"
            ),
            Asked::Account | Asked::File => format!(
                "{me} may not change its file any more: share the folder with that account as Editor (in a Shared \
                 Drive: Content manager)"
            ),
        }),
        "appNotAuthorizedToFile" => config(format!(
            "the consent does not cover the files of other people in Google Drive: connect again with `herald \
             connect google …`, which asks for {DRIVE_SCOPE}"
        )),
        "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
            config(format!("Google gave {me} no right to use Drive: connect again with the scope {DRIVE_SCOPE}"))
        }
        "accessNotConfigured" | "SERVICE_DISABLED" => config(format!(
            "the Google Drive API is not enabled in the Cloud project{}: enable it at \
             https://console.cloud.google.com/apis/library/drive.googleapis.com{}, and wait a few minutes",
            fault.project.as_ref().map_or_else(String::new, |project| format!(" {project}")),
            fault.project.as_ref().map_or_else(String::new, |project| format!("?project={project}")),
        )),
        _ => None,
    }
}

fn by_status(fault: &Fault, reply: &Reply, asked: Asked<'_>, auth: &GoogleAuth) -> ProviderError {
    let (status, me) = (reply.status.as_u16(), whom(auth));
    let because = match fault.reason.is_empty() {
        true => format!("status {status}"),
        false => format!("status {status}, {}", word(&fault.reason)),
    };
    let new = |class, message: String| ProviderError::new(class, message).after(reply.retry_after());
    match reply.status {
        StatusCode::TOO_MANY_REQUESTS => too_fast(reply),
        StatusCode::UNAUTHORIZED => new(
            Class::Auth,
            format!("Google Drive refuses {me} even with a new token: connect again with `herald connect google …`"),
        ),
        StatusCode::FORBIDDEN => new(
            Class::Config,
            format!(
                "Google Drive does not permit the request of {me} ({because}): check the account's rights in Drive \
                 and its folder"
            ),
        ),
        StatusCode::NOT_FOUND => match asked {
            Asked::Folder(id) | Asked::Into(id) | Asked::Share(id) => new(
                Class::Config,
                format!(
                    "there is no folder {id} that {me} can see: check the id, and share the folder with that account \
                     as Editor"
                ),
            ),
            Asked::Account => {
                new(Class::Config, format!("{WHO} does not answer there (status 404): check its address"))
            }
            Asked::File => new(Class::Recipient, "the file is no longer in Google Drive".to_owned()),
        },
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            new(Class::Down, format!("{WHO} is not available ({because})"))
        }
        StatusCode::REQUEST_TIMEOUT => {
            new(Class::Transient, format!("{WHO} did not get the whole request ({because})"))
        }
        other if other.is_server_error() => new(Class::Transient, format!("{WHO} failed ({because})")),
        other if other.is_client_error() => new(Class::Recipient, format!("{WHO} refuses this file ({because})")),
        _ => new(Class::Config, format!("{WHO} answered with something unexpected ({because}): check its address")),
    }
}

fn too_fast(reply: &Reply) -> ProviderError {
    ProviderError::new(Class::Rate, "Google Drive receives too many requests")
        .after(Some(reply.retry_after().unwrap_or(SHORTLY)))
}

fn later(reply: &Reply, message: &str) -> ProviderError {
    ProviderError::new(Class::Rate, message).after(Some(reply.retry_after().unwrap_or_default().max(HOUR)))
}

/// Describes a full Drive, or a Drive that never had any room, because service accounts own no files
/// (<https://developers.google.com/workspace/drive/api/guides/about-files#file-ownership>).
fn full(auth: &GoogleAuth) -> String {
    match auth {
        GoogleAuth::ServiceAccount { client_email, subject: None, .. } => no_room(client_email),
        _ => format!("the Google Drive of {} is full: make room, or buy storage", whom(auth)),
    }
}

/// Says why a service account cannot write into a person's own Drive, and names the three solutions.
pub(super) fn no_room(client_email: &str) -> String {
    format!(
        "a service account has no storage of its own in Google Drive, so it cannot write into a person's folder: \
         (1) use a folder in a Shared \
         Drive with {client_email} as Content manager, or (2) let it act as a person of the domain (`--subject`, \
         with domain-wide delegation), \
         or (3) connect as a person with their consent"
    )
}

/// The name of Herald's identity at Google.
pub(super) fn whom(auth: &GoogleAuth) -> &str {
    match auth {
        GoogleAuth::ServiceAccount { subject: Some(subject), .. } => subject,
        GoogleAuth::ServiceAccount { client_email, .. } => client_email,
        GoogleAuth::User { .. } => "the person who consented",
    }
}

/// Keeps a reason only as far as it looks like one of Google's identifiers.
fn word(reason: &str) -> String {
    reason.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
}

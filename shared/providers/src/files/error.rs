//! Errors of the file store, worded so that a person knows which setting to check.

use std::{error::Error, io};

use object_store::client::{HttpError, HttpErrorKind};
use thiserror::Error;

use crate::{Class, ProviderError, outside::Refused};
use herald_base::telemetry::Answer;

/// The reason why a call to the file store failed.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The file does not exist.
    #[error("file {0} is missing from the file store")]
    Missing(String),
    /// The disk is full.
    #[error("the disk that holds the file store is full: free some space and run again")]
    DiskFull,
    /// The user that runs Herald may not write or read the folder.
    #[error(
        "no permission on {0} in the file store: give the user that runs herald read and write access to the data \
         folder"
    )]
    Denied(String),
    /// The file is larger than the caller accepts.
    #[error("file {key} is {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// The file.
        key: String,
        /// The size of the file.
        bytes: u64,
        /// The largest size that the caller accepts.
        limit: u64,
    },
    /// The call to the bucket failed.
    #[error("{place} {problem}")]
    Bucket {
        /// The bucket as `s3://bucket/prefix`.
        place: String,
        /// The problem and the cure.
        problem: BucketProblem,
    },
    /// The settings of the bucket cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The file belongs to another workspace, or to no workspace.
    #[error("file {0} does not belong to this workspace: upload it again")]
    Foreign(String),
    /// Any other error.
    #[error("file store: {0}")]
    Other(#[source] object_store::Error),
}

impl FilesError {
    /// The answer under which the metrics count the error.
    pub(super) fn answer(&self) -> Answer {
        match self {
            // This is a definite answer.
            Self::Missing(_) | Self::TooLarge { .. } => Answer::Ok,
            Self::DiskFull => Answer::Full,
            Self::Denied(_) | Self::Settings(_) | Self::Foreign(_) => Answer::Config,
            Self::Other(_) => Answer::Transient,
            Self::Bucket { problem, .. } => match problem {
                BucketProblem::WrongKey
                | BucketProblem::WrongSecret
                | BucketProblem::Expired
                | BucketProblem::Denied => Answer::Auth,
                BucketProblem::NoBucket
                | BucketProblem::WrongRegion
                | BucketProblem::ClockSkew
                | BucketProblem::Refused(_) => Answer::Config,
                BucketProblem::Full => Answer::Full,
                BucketProblem::Busy => Answer::Rate,
                BucketProblem::Unreachable(_) | BucketProblem::Answered(_) => Answer::Transient,
            },
        }
    }
}

impl FilesError {
    /// Converts an error of a connection's bucket into a provider's error.
    pub fn of_provider(&self) -> ProviderError {
        let class = match self.answer() {
            Answer::Rate => Class::Rate,
            Answer::Auth => Class::Auth,
            Answer::Config | Answer::Full => Class::Config,
            Answer::Transient if matches!(self, Self::Bucket { problem: BucketProblem::Unreachable(_), .. }) => {
                Class::Down
            }
            Answer::Ok => Class::Recipient,
            _ => Class::Transient,
        };
        // A connection has settings with the same names, in another place.
        ProviderError::new(class, self.to_string().replace("files.", "the connection's "))
    }
}

/// The problems that a bucket can have. Each message continues a sentence that begins with the bucket's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BucketProblem {
    /// The bucket does not exist, or it is somewhere else.
    #[error("does not exist: make the bucket, or correct files.url (and files.endpoint, where it is)")]
    NoBucket,
    /// The server does not know the access key.
    #[error("does not know the access key: check files.access_key_id")]
    WrongKey,
    /// The secret key belongs to another access key.
    #[error(
        "refuses the signature: files.secret_key (or secret_key_file) does not belong to files.access_key_id, \
         or files.region is wrong"
    )]
    WrongSecret,
    /// The temporary credentials have expired.
    #[error("refuses the session token: it has expired, renew AWS_SESSION_TOKEN")]
    Expired,
    /// This machine's clock and the server's differ.
    #[error("refuses the time of the request: set this machine's clock right (run an NTP service)")]
    ClockSkew,
    /// The key is right, but has no permission for this.
    #[error(
        "does not permit it: let the key read, write, delete and list under files.url, and if it should already, \
         check files.access_key_id and files.secret_key"
    )]
    Denied,
    /// The bucket is in another region.
    #[error("is in another region: correct files.region (and files.endpoint)")]
    WrongRegion,
    /// The bucket accepts no more data.
    #[error("is full: free some space or raise its quota")]
    Full,
    /// The server is overloaded, and the retries are used up.
    #[error("is overloaded (SlowDown): if it stays so, run fewer jobs at once")]
    Busy,
    /// The server does not answer, or its answer is incomplete.
    #[error("cannot be reached ({0}): check files.endpoint and the network")]
    Unreachable(String),
    /// The guard refuses to call the endpoint.
    #[error("has an endpoint that {0}")]
    Refused(Refused),
    /// An answer for which Herald knows no cure.
    #[error("answered {0}")]
    Answered(String),
}

impl BucketProblem {
    /// Whether the problem may pass without any action of a person.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable(_) | Self::Answered(_))
    }
}

/// Converts the error of a local folder.
pub(super) fn of_folder(key: &str, error: object_store::Error) -> FilesError {
    match &error {
        object_store::Error::NotFound { .. } => return FilesError::Missing(key.to_owned()),
        object_store::Error::PermissionDenied { .. } => return FilesError::Denied(key.to_owned()),
        _ => {}
    }
    let known = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>().filter(|error| is_known(error)));
    match known {
        Some(known) => of_io(key, known),
        None => FilesError::Other(error),
    }
}

fn is_known(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | PermissionDenied)
}

/// Converts an error of the operating system.
pub(super) fn of_io(what: &str, error: &io::Error) -> FilesError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FilesError::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => FilesError::Denied(what.to_owned()),
        _ => FilesError::Other(object_store::Error::Generic { store: "local", source: error.to_string().into() }),
    }
}

/// Converts the error of a bucket.
pub(super) fn of_bucket(place: &str, key: &str, error: object_store::Error) -> FilesError {
    let bucket = |problem| FilesError::Bucket { place: place.to_owned(), problem };
    if let Some(http) = causes(&error).find_map(|cause| cause.downcast_ref::<HttpError>()) {
        return bucket(BucketProblem::Unreachable(told(http)));
    }
    let code = causes(&error).find_map(|cause| code(&cause.to_string()));
    let problem = match (code.as_deref(), &error) {
        (Some("NoSuchBucket"), _) => BucketProblem::NoBucket,
        (Some("NoSuchKey" | "NoSuchUpload"), _) | (None, object_store::Error::NotFound { .. }) => {
            return FilesError::Missing(key.to_owned());
        }
        (Some("InvalidAccessKeyId"), _) => BucketProblem::WrongKey,
        (Some("SignatureDoesNotMatch"), _) => BucketProblem::WrongSecret,
        (Some("ExpiredToken" | "InvalidToken"), _) => BucketProblem::Expired,
        (Some("RequestTimeTooSkewed"), _) => BucketProblem::ClockSkew,
        (Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed"), _) => {
            BucketProblem::WrongRegion
        }
        (Some("SlowDown" | "ServiceUnavailable" | "TooManyRequests" | "RequestLimitExceeded"), _) => {
            BucketProblem::Busy
        }
        (Some("QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull"), _) => BucketProblem::Full,
        (
            Some("AccessDenied" | "AllAccessDisabled"),
            _,
        )
        // The answer to a HEAD request has no body that could say more.
        | (None, object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) => {
            BucketProblem::Denied
        }
        (Some(code), _) => BucketProblem::Answered(code.to_owned()),
        (None, _) if error.to_string().contains("redirect") => BucketProblem::WrongRegion,
        (None, _) => BucketProblem::Answered(one_line(&error.to_string())),
    };
    bucket(problem)
}

/// Converts the error of a bucket that the people of a workspace entered. The server's answer goes to the operator's
/// log, never to those people: the server may be one that was never meant to answer them.
pub(super) fn of_account(place: &str, key: &str, error: object_store::Error) -> FilesError {
    let bucket = |problem| FilesError::Bucket { place: place.to_owned(), problem };
    if let Some(refused) = causes(&error).find_map(|cause| cause.downcast_ref::<Refused>()) {
        return bucket(BucketProblem::Refused(*refused));
    }
    let http = causes(&error).find_map(|cause| cause.downcast_ref::<HttpError>()).map(|http| kind(http));
    match of_bucket(place, key, error) {
        FilesError::Bucket { problem: BucketProblem::Unreachable(detail), .. } => {
            tracing::info!(%detail, "the bucket of a connection cannot be reached");
            bucket(BucketProblem::Unreachable(http.unwrap_or("no connection").to_owned()))
        }
        FilesError::Bucket { problem: BucketProblem::Answered(detail), .. } => {
            tracing::warn!(%detail, "the bucket of a connection gave an answer that S3 does not give");
            bucket(BucketProblem::Answered("with an answer that S3 never gives: check its endpoint".to_owned()))
        }
        // The request carried no session token that could have expired.
        FilesError::Bucket { problem: BucketProblem::Expired, .. } => bucket(BucketProblem::WrongKey),
        other => other,
    }
}

/// Describes the transport's error in a few words.
fn told(error: &HttpError) -> String {
    let kind = kind(error);
    // The innermost cause is the most specific one: "connection refused", "certificate has expired".
    match causes(error).last().map(ToString::to_string) {
        Some(cause) => format!("{kind}: {}", one_line(&cause)),
        None => kind.to_owned(),
    }
}

fn kind(error: &HttpError) -> &'static str {
    match error.kind() {
        HttpErrorKind::Connect => "no connection",
        HttpErrorKind::Timeout => "no answer in time",
        HttpErrorKind::Request | HttpErrorKind::Interrupted => "the connection broke off",
        _ => "the answer cannot be read",
    }
}

/// Returns the code from the XML of an S3 error, if it looks like a code.
fn code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.trim().chars().filter(char::is_ascii_alphanumeric).take(64).collect())
}

/// Returns at most two hundred characters without line ends, because a server's text is not ours to pass on at length.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: &str) -> object_store::Error {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
        object_store::Error::Generic { store: "S3", source: body.into() }
    }

    #[test]
    fn every_answer_names_the_setting_and_the_cure() {
        for (code, says) in [
            ("NoSuchBucket", "files.url"),
            ("InvalidAccessKeyId", "files.access_key_id"),
            ("SignatureDoesNotMatch", "files.secret_key"),
            ("RequestTimeTooSkewed", "clock"),
            ("AccessDenied", "let the key read, write, delete and list"),
            ("PermanentRedirect", "files.region"),
            ("SlowDown", "fewer jobs"),
            ("ExpiredToken", "AWS_SESSION_TOKEN"),
            ("XMinioStorageFull", "is full"),
            ("MethodNotAllowed", "answered MethodNotAllowed"),
        ] {
            let told = of_bucket("s3://guests", "a/b", answered(code)).to_string();
            assert!(told.starts_with("s3://guests ") && told.contains(says), "{code}: {told}");
        }
        assert!(
            matches!(of_bucket("s3://guests", "a/b", answered("NoSuchKey")), FilesError::Missing(key) if key == "a/b")
        );
    }

    #[test]
    fn a_look_without_a_body_is_told_by_its_status() {
        let source = || "403".to_owned().into();
        let denied = object_store::Error::PermissionDenied { path: "a".into(), source: source() };
        assert!(matches!(
            of_bucket("s3://guests", "a", denied),
            FilesError::Bucket { problem: BucketProblem::Denied, .. }
        ));
        let missing = object_store::Error::NotFound { path: "a".into(), source: source() };
        assert!(matches!(of_bucket("s3://guests", "a", missing), FilesError::Missing(_)));
    }
}

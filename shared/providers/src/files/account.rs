//! A bucket that the people of a workspace entered as a connection.
//!
//! It is opened only with the key from the connection. It uses no environment variable, no role of this machine, no
//! session token and no proxy. Its endpoint is called through the guard for addresses from strangers. Redirects are not
//! followed. From the server's answers, only the S3 codes that Herald knows are passed on.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use object_store::{
    ClientOptions, ObjectStore, StaticCredentialProvider,
    aws::{AmazonS3Builder, AwsCredential},
    client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService},
};
use rustls::pki_types::CertificateDer;
use secrecy::{ExposeSecret, SecretString};

use super::{FilesError, Result, s3};
use crate::{
    http,
    outside::{Guard, GuardedHttp, Refused, is_private_answer},
};
use herald_base::tls;

/// A bucket, the key to it, and the guard for its endpoint.
pub struct Account {
    /// The name of the bucket.
    pub bucket: String,
    /// The prefix of every key.
    pub prefix: String,
    /// The address of the server; Amazon's own if empty.
    pub endpoint: String,
    /// The region; us-east-1 if empty.
    pub region: String,
    /// The public half of the key.
    pub access_key_id: String,
    /// The secret half of the key.
    pub secret_key: SecretString,
    /// Whether the bucket's name stands in the path.
    pub path_style: bool,
    /// Whether an endpoint without TLS is allowed.
    pub allow_http: bool,
    /// How long a part of a call may wait for an answer.
    pub timeout_seconds: u64,
    /// How long a failed call is retried.
    pub retry_seconds: u64,
    /// The guard, which says what may be called.
    pub guard: Guard,
    /// Certificates that are trusted in addition to the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Account {
    /// The address as `s3://bucket/prefix`.
    pub(super) fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix.trim_matches('/')).trim_end_matches('/').to_owned()
    }

    /// The longest duration of one call with all its attempts.
    pub(super) fn longest(&self) -> Duration {
        s3::longest(self.retry_seconds, self.timeout_seconds)
    }

    /// Opens the bucket. This makes no request yet.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        tls::use_ring();
        let (bucket, prefix) = s3::place(&self.place())?;
        let (id, secret) = (self.access_key_id.trim(), self.secret_key.expose_secret().trim());
        // Without these credentials, `object_store` looks for the credentials of this machine.
        s3::credentials(true, !id.is_empty(), !secret.is_empty())?;
        let credential = AwsCredential { key_id: id.to_owned(), secret_key: secret.to_owned(), token: None };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket)
            .with_disable_bulk_delete(true)
            .with_credentials(Arc::new(StaticCredentialProvider::new(credential)))
            .with_http_connector(self.connector()?);
        if !self.region.is_empty() {
            builder = builder.with_region(&self.region);
        }
        if !self.endpoint.is_empty() {
            builder = builder.with_endpoint(s3::address(&self.endpoint, &bucket, self.path_style, self.allow_http)?);
        }
        s3::build(builder, self.path_style, self.retry_seconds, prefix)
    }

    fn connector(&self) -> Result<GuardedBucket> {
        let quiet = Duration::from_secs(self.timeout_seconds);
        let builder = || {
            Ok(http::builder(&self.roots)?
                .connect_timeout(s3::CONNECT)
                // There is no limit on the whole call: a guest on a slow line may take minutes.
                .read_timeout(quiet)
                .https_only(!self.allow_http)
                .http1_only())
        };
        let client = GuardedHttp::new(self.guard.clone(), builder)
            .map_err(|error| FilesError::Settings(format!("the bucket has no client: {error}")))?;
        Ok(GuardedBucket { inner: HttpClient::new(client.client().clone()), guarded: client })
    }
}

impl fmt::Debug for Account {
    /// Omits the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// The guarded client behind the interface of `object_store`.
#[derive(Clone, Debug)]
struct GuardedBucket {
    inner: HttpClient,
    guarded: GuardedHttp,
}

impl HttpConnector for GuardedBucket {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for GuardedBucket {
    fn call<'service, 'answer>(
        &'service self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, HttpError>> + Send + 'answer>>
    where
        'service: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            // This is not retried, because the answer would be the same.
            let refused = |refused: Refused| HttpError::new(HttpErrorKind::Unknown, refused);
            let url = request.uri().to_string().parse().map_err(|_| refused(Refused::NotAnAddress))?;
            self.guarded.guard().check(&url).map_err(refused)?;
            self.inner.execute(request).await.map_err(|error| match is_private_answer(&error) {
                true => refused(Refused::Private),
                false => error,
            })
        })
    }
}

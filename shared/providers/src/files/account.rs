//! A bucket that a workspace's people entered as a connection.
//!
//! It is opened with the key that they gave and with nothing else: no variable of the environment, no role of this
//! machine, no session token, no proxy. Its endpoint is called through the guard for what strangers enter, redirects
//! are not followed, and of what its server answers nothing is passed on but the codes of S3 that Herald knows.

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

/// A bucket, the key to it, and what may be called on the way there.
pub struct Account {
    /// Its name.
    pub bucket: String,
    /// What every key begins with.
    pub prefix: String,
    /// Where the server is; Amazon's own if empty.
    pub endpoint: String,
    /// Its region; us-east-1 if empty.
    pub region: String,
    /// Public half of the key.
    pub access_key_id: String,
    /// Secret half of it.
    pub secret_key: SecretString,
    /// The bucket's name stands in the path.
    pub path_style: bool,
    /// Take an endpoint without TLS.
    pub allow_http: bool,
    /// How long a part of a call may go without an answer.
    pub timeout_seconds: u64,
    /// How long a call that failed is tried again.
    pub retry_seconds: u64,
    /// What may be called.
    pub guard: Guard,
    /// Certificates trusted beside the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Account {
    /// As `s3://bucket/prefix`.
    pub(super) fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix.trim_matches('/')).trim_end_matches('/').to_owned()
    }

    /// The most one call may take with all its tries.
    pub(super) fn longest(&self) -> Duration {
        s3::longest(self.retry_seconds, self.timeout_seconds)
    }

    /// Opens it. Nothing is asked of it yet.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        tls::use_ring();
        let (bucket, prefix) = s3::place(&self.place())?;
        let (id, secret) = (self.access_key_id.trim(), self.secret_key.expose_secret().trim());
        // Without them `object_store` looks for the credentials of this machine.
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
                // No limit on the whole: a guest on a slow line may take minutes.
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
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// The guarded client as `object_store` wants one.
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
            // Not tried again: the answer would be the same.
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

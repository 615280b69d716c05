//! A bucket of S3, or of a compatible server.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
    prefix::PrefixStore,
};
use url::Url;

use super::FilesSettings;
use super::{FilesError, Result};
use herald_base::tls;

/// The largest number of retries of a call. The setting also limits their duration.
const TRIES: usize = 10;
const BACKOFF: BackoffConfig =
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2. };
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Opens the bucket of the settings. This makes no request yet.
///
/// The settings belong to the operator, so empty values may come from the environment or from a role of this machine. A
/// connection's bucket is opened without any of that ([`super::account`]).
pub(super) fn open(settings: &FilesSettings) -> Result<Arc<dyn ObjectStore>> {
    tls::use_ring();
    let (bucket, prefix) = place(&settings.url)?;
    #[expect(clippy::disallowed_methods, reason = "the operator's own file store, with the operator's environment")]
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&bucket).with_disable_bulk_delete(true);
    for (key, value) in [
        (AmazonS3ConfigKey::Region, &settings.region),
        (AmazonS3ConfigKey::AccessKeyId, &settings.access_key_id),
        (AmazonS3ConfigKey::SecretAccessKey, &settings.secret_key),
    ] {
        if !value.is_empty() {
            builder = builder.with_config(key, value);
        }
    }
    let given = |key| builder.get_config_value(&key).filter(|value| !value.is_empty());
    let endpoint = Some(settings.endpoint.clone())
        .filter(|endpoint| !endpoint.is_empty())
        .or_else(|| given(AmazonS3ConfigKey::S3Endpoint))
        .or_else(|| given(AmazonS3ConfigKey::Endpoint));
    let allow_http = settings.allow_http || std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value == "true");
    credentials(
        endpoint.is_some(),
        given(AmazonS3ConfigKey::AccessKeyId).is_some(),
        given(AmazonS3ConfigKey::SecretAccessKey).is_some(),
    )?;
    if let Some(endpoint) = endpoint {
        let endpoint = address(&endpoint, &bucket, settings.path_style, allow_http)?;
        builder = builder
            .with_config(AmazonS3ConfigKey::S3Endpoint, &endpoint)
            .with_config(AmazonS3ConfigKey::Endpoint, endpoint);
    }
    let timeout = Duration::from_secs(settings.timeout_seconds);
    // There is no limit on the whole call: a guest on a slow line may take minutes. Each step has a limit.
    let client = ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(CONNECT)
        .with_timeout_disabled()
        .with_read_timeout(timeout);
    build(builder.with_client_options(client), settings.path_style, settings.retry_seconds, prefix)
}

/// The options that both kinds of bucket have in common.
pub(super) fn build(
    builder: AmazonS3Builder,
    path_style: bool,
    retry_seconds: u64,
    prefix: Path,
) -> Result<Arc<dyn ObjectStore>> {
    let store = builder
        .with_virtual_hosted_style_request(!path_style)
        .with_retry(RetryConfig {
            backoff: BACKOFF,
            max_retries: TRIES,
            retry_timeout: Duration::from_secs(retry_seconds),
        })
        .build()
        .map_err(|error| FilesError::Settings(format!("the settings [files] cannot be used: {error}")))?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

/// The longest duration of one call with all its attempts.
pub(super) fn longest(retry_seconds: u64, timeout_seconds: u64) -> Duration {
    Duration::from_secs(retry_seconds + 2 * timeout_seconds)
}

/// Splits an address of the form `s3://bucket/prefix` into the bucket and the prefix.
pub(super) fn place(address: &str) -> Result<(String, Path)> {
    let wrong = |what: &str| {
        FilesError::Settings(format!(
            "setting files.url is {address:?}, which {what}: use s3://bucket or s3://bucket/prefix"
        ))
    };
    let url = Url::parse(address).map_err(|_| wrong("is not a valid address"))?;
    let bucket = url.host_str().filter(|_| url.scheme() == "s3").ok_or_else(|| wrong("does not name a bucket"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.port().is_some() {
        return Err(wrong("has more than a bucket and a prefix"));
    }
    let prefix = Path::from_url_path(url.path()).map_err(|_| wrong("has a prefix that is not a valid path"))?;
    Ok((bucket.to_owned(), prefix))
}

/// Checks that both halves of the key are set. On Amazon's own machines both may be missing, because a role replaces
/// them.
pub(super) fn credentials(endpoint: bool, id: bool, secret: bool) -> Result<()> {
    let missing = match (id, secret) {
        (true, true) => return Ok(()),
        (false, false) if !endpoint => return Ok(()),
        (false, false) => "files.access_key_id and files.secret_key (or secret_key_file)",
        (true, false) => "files.secret_key (or secret_key_file)",
        (false, true) => "files.access_key_id",
    };
    Err(FilesError::Settings(format!("files in a bucket also need the setting {missing}: set it")))
}

/// Returns the endpoint in the form that `object_store` expects: with the bucket in the host name, unless the bucket is
/// in the path.
pub(super) fn address(endpoint: &str, bucket: &str, path_style: bool, allow_http: bool) -> Result<String> {
    let wrong = |what: &str| FilesError::Settings(format!("setting files.endpoint is {endpoint:?}: {what}"));
    let mut url = Url::parse(endpoint)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.host_str().is_some())
        .ok_or_else(|| wrong("begin it with https:// or http://"))?;
    if url.scheme() == "http" && !allow_http {
        return Err(wrong(
            "without TLS, others on the network can read the files; use https, or set files.allow_http \
             if you trust the network",
        ));
    }
    if !path_style {
        let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|_| wrong("the bucket cannot be put before it; set files.path_style"))?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(set: impl FnOnce(&mut FilesSettings)) -> String {
        let mut settings = FilesSettings {
            url: "s3://guests/herald".into(),
            endpoint: "https://s3.example:9000".into(),
            region: String::new(),
            access_key_id: "id".into(),
            secret_key: "secret".into(),
            secret_key_file: String::new(),
            path_style: true,
            allow_http: false,
            timeout_seconds: 30,
            retry_seconds: 30,
        };
        set(&mut settings);
        open(&settings).unwrap_err().to_string()
    }

    #[test]
    fn half_settings_are_named() {
        for (told, says) in [
            (
                refused(|s| s.secret_key.clear()),
                "files in a bucket also need the setting files.secret_key (or secret_key_file)",
            ),
            (refused(|s| s.access_key_id.clear()), "files in a bucket also need the setting files.access_key_id"),
            (refused(|s| s.url = "guests".into()), "files.url is \"guests\", which is not a valid address"),
            (refused(|s| s.url = "gs://guests".into()), "does not name a bucket"),
            (refused(|s| s.url = "s3://guests?region=x".into()), "more than a bucket"),
            (refused(|s| s.endpoint = "s3.example".into()), "begin it with https://"),
            (refused(|s| s.endpoint = "http://s3.example".into()), "files.allow_http"),
        ] {
            assert!(told.contains(says), "{told}");
        }
        let neither = refused(|s| {
            s.secret_key.clear();
            s.access_key_id.clear();
        });
        assert!(neither.contains("files.access_key_id and files.secret_key"), "{neither}");
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_in_the_name() {
        assert_eq!(address("https://s3.example:9000/", "guests", true, false).unwrap(), "https://s3.example:9000");
        assert_eq!(address("https://s3.example", "guests", false, false).unwrap(), "https://guests.s3.example");
        assert_eq!(address("http://127.0.0.1:9000", "guests", true, true).unwrap(), "http://127.0.0.1:9000");
    }
}

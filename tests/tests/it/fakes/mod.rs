//! The fake providers keep the rules that other tests lean on.

mod faults;
mod google_auth;
mod google_drive;
mod google_uploads;
mod mautic;
mod mautic_reads;

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use herald_tests::fakes::{FakeGoogle, FakeMautic};
use reqwest::{Method, header::HeaderMap};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::DecodePrivateKey,
    sha2::Sha256,
    signature::{SignatureEncoding, Signer},
};
use serde_json::{Value, json};

/// The client speaks no TLS here, but wants to know who would.
static TLS: LazyLock<()> = LazyLock::new(|| drop(rustls::crypto::ring::default_provider().install_default()));

/// An answer.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The reason of an error of Drive's.
    fn reason(&self) -> String {
        self.json()["error"]["errors"][0]["reason"].as_str().unwrap_or("none").to_owned()
    }

    fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// Sends a request; an error is a connection that was cut. Redirects are not followed.
async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Result<Said, reqwest::Error> {
    LazyLock::force(&TLS);
    let client = herald_providers::http::builder(&[]).unwrap().build().unwrap();
    let mut request = client.request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Said { status, headers, body: response.bytes().await? })
}

async fn form(url: &str, words: &[(&str, &str)]) -> Said {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(words).finish();
    send(Method::POST, url, &[("content-type", "application/x-www-form-urlencoded")], body).await.unwrap()
}

/// A client of Drive with a token.
struct Drive<'a> {
    google: &'a FakeGoogle,
    bearer: String,
}

impl<'a> Drive<'a> {
    /// The user's, who consented to a scope.
    async fn of_user(google: &'a FakeGoogle, scope: &str) -> Self {
        let refresh = google.consented(scope);
        let said = form(
            &google.token_uri(),
            &[
                ("grant_type", "refresh_token"),
                ("client_id", FakeGoogle::CLIENT_ID),
                ("client_secret", FakeGoogle::CLIENT_SECRET),
                ("refresh_token", &refresh),
            ],
        )
        .await;
        Self::with(google, &said)
    }

    /// The service account's.
    async fn of_robot(google: &'a FakeGoogle, sub: Option<&str>) -> Self {
        Self::with(google, &by_jwt(google, &assertion(google, &claims(google, sub))).await)
    }

    fn with(google: &'a FakeGoogle, said: &Said) -> Self {
        let token = said.json()["access_token"].as_str().unwrap_or_else(|| panic!("{said:?}")).to_owned();
        Self { google, bearer: format!("Bearer {token}") }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Said, reqwest::Error> {
        let url = format!("{}{path}", self.google.drive());
        let body = body.map_or(String::new(), |body| body.to_string());
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        send(method, &url, &headers, body).await
    }

    async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Said {
        self.send(Method::POST, path, Some(body)).await.unwrap()
    }

    async fn patch(&self, path: &str, body: Value) -> Said {
        self.send(Method::PATCH, path, Some(body)).await.unwrap()
    }

    async fn folder(&self, name: &str, parent: &str) -> Said {
        let body = json!({"name": name, "mimeType": "application/vnd.google-apps.folder", "parents": [parent]});
        self.post("/files?supportsAllDrives=true&fields=id", body).await
    }

    async fn new_id(&self) -> String {
        self.get("/files/generateIds?count=1").await.json()["ids"][0].as_str().unwrap().to_owned()
    }

    /// Uploads in one request, new (`POST`) or again (`PATCH` and `/id`).
    async fn upload(&self, method: Method, path: &str, metadata: &Value, bytes: &[u8]) -> Result<Said, reqwest::Error> {
        let fields = "id,name,size,md5Checksum,sha256Checksum,webViewLink,shared,parents";
        let url =
            format!("{}/files{path}?uploadType=multipart&supportsAllDrives=true&fields={fields}", self.google.upload());
        let mut body =
            format!("--b\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{metadata}\r\n").into_bytes();
        body.extend_from_slice(b"--b\r\nContent-Type: image/png\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "multipart/related; boundary=b")];
        send(method, &url, &headers, body).await
    }

    async fn put(&self, metadata: &Value, bytes: &[u8]) -> Said {
        self.upload(Method::POST, "", metadata, bytes).await.unwrap()
    }
}

/// The claims of a good JWT.
fn claims(google: &FakeGoogle, sub: Option<&str>) -> Value {
    let now = herald_base::clock::Clock::system().now().timestamp();
    let mut claims = json!({"iss": FakeGoogle::SERVICE_ACCOUNT, "scope": FakeGoogle::DRIVE, "aud": google.token_uri(),
        "iat": now - 10, "exp": now + 3590});
    if let Some(sub) = sub {
        claims["sub"] = json!(sub);
    }
    claims
}

/// A JWT signed with the service account's key.
fn assertion(google: &FakeGoogle, claims: &Value) -> String {
    let file: Value = serde_json::from_str(&google.service_account_key_json()).unwrap();
    let key = RsaPrivateKey::from_pkcs8_pem(file["private_key"].as_str().unwrap()).unwrap();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": file["private_key_id"]});
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encoded(&header), encoded(claims));
    let signature = SigningKey::<Sha256>::new(key).sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn by_jwt(google: &FakeGoogle, assertion: &str) -> Said {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    form(&google.token_uri(), &[("grant_type", grant), ("assertion", assertion)]).await
}

/// Asks a Mautic as its user, by Basic.
async fn ask(mautic: &FakeMautic, method: Method, path: &str, body: Option<Value>) -> Result<Said, reqwest::Error> {
    let words = format!("{}:{}", FakeMautic::USER, FakeMautic::PASSWORD);
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(words));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/json")];
    let body = body.map_or(String::new(), |body| body.to_string());
    send(method, &format!("{}/api{path}", mautic.url()), &headers, body).await
}

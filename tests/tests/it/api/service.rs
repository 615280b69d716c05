//! The API of an app, and a client with a token that holds every answer to what the API says of itself.

use std::{net::SocketAddr, ops::Deref, sync::LazyLock};

use herald_api::Api;
use herald_app::config::Settings;
use herald_ledger::redis_wire::RedisWire;
use herald_people as people;
use herald_tests::{
    App, TestDatabase,
    app::{Builder, Served},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Form,
    conforms::{self, Asked},
};

/// The client speaks no TLS here, but wants to know who would.
static TLS: LazyLock<()> = LazyLock::new(|| drop(rustls::crypto::ring::default_provider().install_default()));

/// A white PNG of 400 × 300 pixels.
pub(super) const BACKGROUND: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x01\x90\x00\x00\x01,\x08\x00\x00\x00\x00\xc8\xdc\xba\x1e\
    \x00\x00\x01\xabIDATx\xda\xed\xd1\x01\x0d\x00\x00\x0c\xc20\xfc\x9b\x06\x1b\x7f\xd2IXS\x9d*\x16\x00\x11\x10 \
    \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\
    \x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\
    \x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\
    \x08\x08\x10\x01\x11\x10 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\
    \x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\
    \x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\
    \x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 \x02\x02D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\
    \x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\
    \x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\
    \x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04D@\x80\x08\x08\x10\x01\x01\x22 @\x04\x04\x88\x05@\
    \x04\x04\x88\x80\x00\x11\x10 \x02\x02D@\x04\x04\x88\x80\x00\x11\x10 \x02\x02D@\x04\x04\x88\x80\x00\x11\x10 \
    \x02\x02D@\x04\x04\x88\x80\x00\x11\x10 \x02\x02D@\x04\x04\x88\x80\xfcm\x0d\xf6\x06\x9e\xd3y\x87\xb8\x00\x00\
    \x00\x00IEND\xaeB`\x82";

/// A manifest that shows the guest's name and table.
pub(super) const MANIFEST: &str = r#"name = "gala"
background = "back.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ name }}, table {{ table }}"
box = [10, 10, 380, 60]
size = 30
"#;

/// A running service.
pub(super) struct Service {
    app: App,
    pub(super) token: String,
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) server: JoinHandle<std::io::Result<()>>,
    pub(super) api: Api,
    /// What it says of itself.
    pub(super) described: &'static Value,
    pub(super) client: reqwest::Client,
}

impl Deref for Service {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Service {
    pub(super) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(super) async fn start_with(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(App::on(database), set).await
    }

    /// On an app with further parts.
    pub(super) async fn start_on(app: Builder<'_>, set: impl FnOnce(&mut Settings)) -> Self {
        // The clock stands still: what comes in a test comes in one instant.
        let set = |settings: &mut Settings| {
            (settings.limits.general_per_minute, settings.limits.address_per_minute) = (100_000, 100_000);
            settings.limits.workspace_per_minute = 100_000;
            settings.limits.sign_in_per_minute = 100_000;
            // Most tests begin with strangers who make workspaces; that this is closed by itself has its own.
            settings.people.open_workspaces = true;
            set(settings);
        };
        Self::of(app, set).await
    }

    /// With the default limits, counted in Redis if there is one.
    pub(super) async fn start_counting(
        database: &TestDatabase,
        redis: Option<RedisWire>,
        set: impl FnOnce(&mut Settings),
    ) -> Self {
        let app = App::on(database);
        let app = match redis {
            None => app,
            Some(redis) => app.counting_in(redis),
        };
        Self::of(app, set).await
    }

    async fn of(app: Builder<'_>, set: impl FnOnce(&mut Settings)) -> Self {
        LazyLock::force(&TLS);
        let mut app = app.api().start_with(set).await;
        // Nobody sends letters here: the tests read them in the ledger (`people::letters`).
        app.leaves(&["account.mail"]);
        let token = people::first_key(&app.db, app.workspace, "test").await.unwrap();
        let Served { api, address, stop, server } = app.take_served();
        // Where an answer leads is for the test to say.
        let client = herald_providers::http::builder(&[]).unwrap().build().unwrap();
        let described = conforms::learn(&client, address).await;
        Self { app, api, described, token, address, stop, server, client }
    }

    /// A request with the token.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.open(method, path).bearer_auth(&self.token)
    }

    /// A request without one.
    pub(super) fn open(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::POST, path)).await
    }

    pub(super) async fn post_json(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(&body)).await
    }

    pub(super) async fn post_form(&self, path: &str, form: Form) -> Answer {
        let (media_type, body) = form.finish();
        Answer::to(self.request(Method::POST, path).header("content-type", media_type).body(body)).await
    }

    /// Uploads the template `gala` and returns its id.
    pub(super) async fn template(&self) -> Uuid {
        let form = Form::default().file("files", "template.toml", MANIFEST).file("files", "back.png", BACKGROUND);
        let made = self.post_form("/api/v1/templates", form).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Uploads a list for the event `Gala` and returns the run's id.
    pub(super) async fn run(&self, guests: &str) -> Uuid {
        let started = self.post_form("/api/v1/invitation-runs", Form::of("Gala", "gala", guests)).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
        started.json()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Another token for the same workspace.
    pub(super) async fn another_token(&self, name: &str) -> String {
        people::first_key(&self.db, self.workspace, name).await.unwrap()
    }

    /// Another workspace with a token of its own.
    pub(super) async fn other_workspace(&self) -> String {
        let id = self.db.new_id();
        let mut tx = self.db.begin().await.unwrap();
        herald_db::query("insert into workspaces (id, slug, name, created_at) values ($1, $2, $3, $4)")
            .bind(id)
            .bind("other")
            .bind("Other")
            .bind(self.db.now())
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        people::first_key(&self.db, id, "other").await.unwrap()
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Sends a request. The answer is held to what the API says of itself.
    pub(super) async fn to(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("the request can be sent");
        let asked = Asked::of(&request);
        let answer = Self::of(client.execute(request).await.expect("the service answers")).await;
        conforms::hold(&asked, &answer);
        answer
    }

    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.expect("the answer arrives whole").to_vec() }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Holds the answer to be a problem of this status and type, and returns its detail.
    #[track_caller]
    pub(super) fn problem(&self, status: u16, kind: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems#{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem["detail"].as_str().unwrap().to_owned()
    }
}

//! A centre of its own for each test, and people who use it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aggregator::{
    api::{self, ApiState, Settings, auth::Secret},
    metrics::Metrics,
    store::{Access, Role, Store, Timestamp, UserRecord},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};

pub(super) const PASSWORD: &str = "mật khẩu đủ dài để thử";

/// A store, and the API on it.
pub(super) struct Centre {
    pub(super) store: Store,
    pub(super) http: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: JoinSet<()>,
    _dir: TempDir,
}

impl Centre {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Access::Serve).unwrap();
        let shutdown = CancellationToken::new();
        let metrics = Arc::new(Metrics::new());
        let settings = Settings { tls: false };
        let state = ApiState::new(store.clone(), metrics, settings, shutdown.clone()).unwrap();
        let mut tasks = JoinSet::new();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = listener.local_addr().unwrap();
        let served = api::http::serve(listener, None, state.clone(), shutdown.clone());
        tasks.spawn(served);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = listener.local_addr().unwrap();
        let routes = api::grpc::services(&state).await.unwrap();
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            let server = Server::builder().add_routes(routes);
            let served = server.serve_with_incoming_shutdown(incoming, stop.cancelled());
            served.await.unwrap();
        });
        Self {
            store,
            http,
            grpc,
            shutdown,
            tasks,
            _dir: dir,
        }
    }

    /// A user named as their role, with [`PASSWORD`].
    pub(super) async fn add_user(&self, role: Role) {
        let password_hash = api::auth::hash_password(PASSWORD).unwrap();
        let name = role.as_str().to_owned();
        let user = UserRecord {
            name,
            role,
            password_hash,
        };
        let now = Timestamp::now();
        self.store.add_user("test", user, now).await.unwrap();
    }

    /// Such a user, signed in.
    pub(super) async fn person(&self, role: Role) -> Person {
        self.add_user(role).await;
        let mut person = Person::new(self);
        let answer = person.sign_in(role.as_str(), PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::OK);
        person.csrf = Some(body(answer).await["csrf"].as_str().unwrap().to_owned());
        person
    }

    /// A program's token of this role.
    pub(super) async fn token(&self, role: Role) -> String {
        let secret = Secret::generate_token().unwrap();
        let name = format!("{}-token", role.as_str());
        let now = Timestamp::now();
        let added = self
            .store
            .add_token("test", &name, role, secret.hash(), now);
        added.await.unwrap();
        secret.text().to_owned()
    }

    /// A client that takes little in advance.
    pub(super) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.grpc)).unwrap();
        let endpoint = endpoint.initial_stream_window_size(65_535);
        endpoint
            .initial_connection_window_size(65_535)
            .connect()
            .await
            .unwrap()
    }
}

/// A browser, or a program when it has a token.
pub(super) struct Person {
    pub(super) client: Client,
    pub(super) csrf: Option<String>,
    pub(super) token: Option<String>,
    base: String,
}

impl Person {
    pub(super) fn new(centre: &Centre) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            client,
            csrf: None,
            token: None,
            base: format!("http://{}", centre.http),
        }
    }

    pub(super) fn program(centre: &Centre, token: String) -> Self {
        let mut program = Self::new(centre);
        program.token = Some(token);
        program
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(csrf) = &self.csrf {
            request = request.header(api::http::CSRF_HEADER, csrf);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The JSON of a GET that must succeed.
    pub(super) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        body(answer).await
    }

    pub(super) async fn post(&self, path: &str, json: &Value) -> Response {
        let request = self.request(Method::POST, path).json(json);
        request.send().await.unwrap()
    }

    pub(super) async fn sign_in(&self, name: &str, password: &str) -> Response {
        let json = json!({ "username": name, "password": password });
        self.post("/api/v1/session", &json).await
    }
}

pub(super) async fn body(answer: Response) -> Value {
    answer.json().await.unwrap()
}

/// Checks that the answer is a problem with this status; its sentence.
pub(super) async fn problem(answer: Response, status: u16) -> String {
    assert_eq!(answer.status().as_u16(), status);
    let form = answer.headers()["content-type"].to_str().unwrap();
    assert_eq!(form, "application/problem+json");
    let problem = body(answer).await;
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["title"].is_string());
    problem["detail"].as_str().unwrap().to_owned()
}

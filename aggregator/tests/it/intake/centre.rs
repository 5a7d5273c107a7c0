//! A whole centre in this process, on free ports and a folder of its own.

use std::path::Path;

use aggregator::{
    config::{Overrides, Settings},
    serve::{Centre, Running},
    store::{Store, Timestamp},
};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(super) struct TestCentre {
    pub(super) running: Running,
    pub(super) store: Store,
    pub(super) dir: TempDir,
    stop: CancellationToken,
    serving: JoinSet<()>,
}

pub(super) fn settings(data: &Path) -> Settings {
    let free = Some("127.0.0.1:0".parse().unwrap());
    let overrides = Overrides {
        http: free,
        grpc: free,
        mqtt: free,
        ..Overrides::default()
    };
    Settings::load(data, overrides).unwrap()
}

impl TestCentre {
    pub(super) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(super) async fn start_in(dir: TempDir) -> Self {
        let centre = Centre::start(&settings(dir.path())).await.unwrap();
        let (running, store) = (centre.running.clone(), centre.store.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move { centre.run_until(stopped.cancelled()).await.unwrap() });
        Self {
            running,
            store,
            dir,
            stop,
            serving,
        }
    }

    pub(super) async fn stop(mut self) -> TempDir {
        self.stop.cancel();
        while self.serving.join_next().await.is_some() {}
        self.dir
    }

    /// A code that enrols `agent`.
    pub(super) async fn invite(&self, agent: &str) -> [u8; 16] {
        let code = *uuid::Uuid::new_v4().as_bytes();
        let now = Timestamp::now();
        let hash = aggregator::identity::sha256(&code);
        self.store
            .add_invite("test", agent, hash, now, now.plus_seconds(60))
            .await
            .unwrap();
        code
    }

    pub(super) fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("ca/ca.pem")).unwrap()
    }
}

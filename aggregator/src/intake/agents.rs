//! What agents must prove, remembered for a moment so that not every message asks the store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use proto::sign::VerifyingKey;

use super::Refusal;
use crate::{
    identity,
    store::{AgentRecord, Store},
};

/// A revocation takes effect within this time, on live connections too.
const REMEMBERED: Duration = Duration::from_secs(3);
/// Beyond, all are forgotten at once.
const REMEMBERED_MAX: usize = 100_000;

/// An agent that may talk to us.
pub(super) struct Known {
    pub(super) record: AgentRecord,
    pub(super) key: VerifyingKey,
}

pub(super) struct Agents {
    store: Store,
    remembered: Mutex<BTreeMap<String, (Instant, Arc<Known>)>>,
}

impl Agents {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            remembered: Mutex::default(),
        }
    }

    pub(super) async fn find(&self, id: &str) -> Result<Arc<Known>, Refusal> {
        let now = Instant::now();
        let remembered = {
            let all = self
                .remembered
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.get(id)
                .filter(|(at, _)| now.duration_since(*at) < REMEMBERED)
                .cloned()
        };
        if let Some((_, known)) = remembered {
            return Ok(known);
        }
        let record = self
            .store
            .agent_record(id)
            .await?
            .ok_or(Refusal::UnknownAgent)?;
        if record.revoked {
            return Err(Refusal::Revoked);
        }
        let Ok(key) = VerifyingKey::from_bytes(&record.signing_key) else {
            return Err(Refusal::UnknownAgent);
        };
        let known = Arc::new(Known { record, key });
        let mut all = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if REMEMBERED_MAX <= all.len() {
            all.clear();
        }
        all.insert(id.to_owned(), (now, Arc::clone(&known)));
        Ok(known)
    }

    /// Asks the store itself: a new connection must not rest on what was true before.
    pub(super) async fn find_now(&self, id: &str) -> Result<Arc<Known>, Refusal> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        self.find(id).await
    }

    pub(super) async fn find_by_certificate(&self, sha256: &[u8; 32]) -> Result<String, Refusal> {
        let found = self.store.agent_by_certificate(*sha256).await?;
        let id = found.ok_or(Refusal::UnknownAgent)?;
        Ok(self.find_now(&id).await?.record.id.clone())
    }

    pub(super) async fn password_fits(&self, id: &str, password: &[u8]) -> Result<(), Refusal> {
        let known = self.find_now(id).await?;
        let given = identity::sha256(password);
        if identity::equal(&given, &known.record.mqtt_secret_sha256) {
            Ok(())
        } else {
            Err(Refusal::WrongPassword)
        }
    }
}

//! Alerts, listed and acknowledged.

use proto::v1::{
    AcknowledgeAlertRequest, Alert, ListAlertsReply, ListAlertsRequest, alerts_server::Alerts,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    ack_status,
    events::{caller, limit},
    rows, store_status,
};
use crate::{
    api::{ApiState, NOTE_CHARS_MAX},
    store::{AlertQuery, Timestamp},
};

pub(super) struct Service(pub(super) ApiState);

#[tonic::async_trait]
impl Alerts for Service {
    async fn list(
        &self,
        request: Request<ListAlertsRequest>,
    ) -> Result<Response<ListAlertsReply>, Status> {
        let asked = request.into_inner();
        let query = AlertQuery {
            open_only: asked.open_only,
            before: None,
            limit: limit(asked.limit)?,
        };
        let page = self.0.store.alerts(query).await;
        let page = page.map_err(|error| store_status(&error))?;
        let alerts = page.items.iter().map(rows::alert).collect();
        Ok(Response::new(ListAlertsReply { alerts }))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeAlertRequest>,
    ) -> Result<Response<Alert>, Status> {
        let actor = caller(&request)?.actor();
        let asked = request.into_inner();
        let id = Uuid::try_parse(&asked.id)
            .map_err(|error| Status::invalid_argument(format!("id: {error}")))?;
        if NOTE_CHARS_MAX < asked.note.chars().count() {
            return Err(Status::invalid_argument(format!(
                "note: longer than {NOTE_CHARS_MAX} characters"
            )));
        }
        let now = Timestamp::now();
        let done = self.0.store.acknowledge(id, &actor, &asked.note, now).await;
        let alert = done.map_err(|error| ack_status(&error))?;
        Ok(Response::new(rows::alert(&alert)))
    }
}

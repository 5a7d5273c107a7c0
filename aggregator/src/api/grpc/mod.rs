//! What integrators call: events and alerts over gRPC, with health and reflection.

mod alerts;
mod events;
mod guard;
mod rows;

use std::time::Duration;

use axum::middleware;
use proto::v1::{alerts_server::AlertsServer, events_server::EventsServer};
use tonic::{Status, service::Routes};

use super::ApiState;
use crate::store::{AckError, StoreError};

/// No request of an integrator is longer.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The services could not be described to clients.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the gRPC services are damaged: {0}")]
pub struct DescribeError(#[from] tonic_reflection::server::Error);

/// Events, Alerts, health and reflection, each call checked against the table of access.
///
/// Services that are added to the result are not checked: they bring their own check.
pub async fn services(state: &ApiState) -> Result<Routes, DescribeError> {
    let events = EventsServer::new(events::Service(state.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX);
    let alerts = AlertsServer::new(alerts::Service(state.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_serving::<EventsServer<events::Service>>()
        .await;
    reporter
        .set_serving::<AlertsServer<alerts::Service>>()
        .await;
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(events)
        .add_service(alerts)
        .add_service(health)
        .add_service(describe().build_v1()?)
        // Google's Python client still asks by the older name.
        .add_service(describe().build_v1alpha()?);
    let guard = middleware::from_fn_with_state(state.clone(), guard::guard);
    Ok(routes.into_axum_router().layer(guard).into())
}

/// The status that tells a caller what to do about a failing store.
fn store_status(error: &StoreError) -> Status {
    match error {
        StoreError::Busy => Status::unavailable(error.to_string()),
        StoreError::Full | StoreError::Unwritable { .. } | StoreError::Closed => {
            tracing::error!(%error, "call failed");
            Status::unavailable("the centre cannot write its store at the moment")
        }
        StoreError::Corrupt { .. } | StoreError::Failed { .. } => {
            tracing::error!(%error, "call failed");
            Status::internal("the centre failed to do this; its log says why")
        }
    }
}

fn ack_status(error: &AckError) -> Status {
    match error {
        AckError::NotFound => Status::not_found(error.to_string()),
        AckError::AlreadyAcknowledged { .. } => Status::failed_precondition(error.to_string()),
        AckError::Store(error) => store_status(error),
    }
}

/// How often a live stream looks whether its caller may still read.
const RECHECK: Duration = Duration::from_secs(15);

//! Agents as the centre meets them: real brokers, real TLS, real signatures, real kills.

mod agent;
mod alerts;
mod centre;
mod enrolment;
mod evidence;
mod grpc;
mod kill;
mod load;
mod mqtt;
mod mqtt_client;
mod presence;
mod program;
mod store;

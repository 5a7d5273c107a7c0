//! The API as its callers meet it: real sockets, a real store.

mod alerts;
mod centre;
mod connections;
mod console;
mod grpc;
mod lists;
mod openapi;
mod people;
mod recorder;
mod requests;
mod roles;
mod stream;
mod tls;

//! The centre's rooms against each other and against the world outside.

mod api;
mod intake;

//! The centre's rooms against each other and against the world outside.

#[cfg(test)]
mod api;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod pages;

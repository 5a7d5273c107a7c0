//! The agent from outside: real files, real processes, real brokers.

#[cfg(test)]
mod analyze;
#[cfg(test)]
mod centre;
#[cfg(test)]
mod config;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod run;
#[cfg(test)]
mod uplink;

//! Who asks, and what they may do.
//!
//! People sign in with a name and a password and get a session; machines carry a token. What each
//! operation asks for stands in one table ([`table`]), for REST and gRPC alike; an operation that
//! is not in the table is refused to everyone.

pub mod bucket;
pub mod identify;
pub mod password;
pub mod secret;
pub mod session;
pub mod table;

pub use identify::{Credential, Principal};
pub use password::{PasswordError, PasswordHasher, check_password, hash_password};
pub use secret::Secret;

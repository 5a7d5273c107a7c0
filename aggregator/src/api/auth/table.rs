//! What each operation asks for: the only place where that is written.

use axum::http::Method;

use crate::store::Role;

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A session or a token whose role is this or above.
    Least(Role),
    /// A direct connection from this machine, or a token or session of any role.
    LocalOrToken,
}

const READ: Access = Access::Least(Role::Service);
const OPERATE: Access = Access::Least(Role::Operator);
const ADMINISTER: Access = Access::Least(Role::Admin);

/// Method, path as the OpenAPI document has it, and who may. What is missing here is refused.
pub const HTTP: &[(Method, &str, Access)] = &[
    (Method::GET, "/healthz", Access::Public),
    (Method::GET, "/readyz", Access::Public),
    (Method::GET, "/metrics", Access::LocalOrToken),
    (Method::GET, "/api/v1/openapi.json", Access::Public),
    (Method::POST, "/api/v1/setup", Access::Public),
    (Method::POST, "/api/v1/session", Access::Public),
    (Method::GET, "/api/v1/session", READ),
    (Method::DELETE, "/api/v1/session", READ),
    (Method::GET, "/api/v1/summary", READ),
    (Method::GET, "/api/v1/agents", READ),
    (Method::GET, "/api/v1/cameras", READ),
    (Method::GET, "/api/v1/agents/{agent}/cameras/{camera}", READ),
    (
        Method::GET,
        "/api/v1/agents/{agent}/cameras/{camera}/counts",
        READ,
    ),
    (Method::GET, "/api/v1/events", READ),
    (Method::GET, "/api/v1/events/{id}", READ),
    (Method::GET, "/api/v1/alerts", READ),
    (Method::GET, "/api/v1/alerts/{id}", READ),
    (Method::POST, "/api/v1/alerts/{id}/acknowledge", OPERATE),
    (Method::GET, "/api/v1/evidence/{sha256}", READ),
    (Method::GET, "/api/v1/stream", READ),
    (Method::GET, "/api/v1/users", ADMINISTER),
    (Method::POST, "/api/v1/users", ADMINISTER),
];

/// Path of the call, and who may. What is missing here is refused.
pub const GRPC: &[(&str, Access)] = &[
    ("/grpc.health.v1.Health/Check", Access::Public),
    ("/grpc.health.v1.Health/List", Access::Public),
    ("/grpc.health.v1.Health/Watch", Access::Public),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Access::Public,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Access::Public,
    ),
    ("/vong.v1.Events/Subscribe", READ),
    ("/vong.v1.Events/Query", READ),
    ("/vong.v1.Alerts/List", READ),
    ("/vong.v1.Alerts/Acknowledge", OPERATE),
];

/// What `method` on the route `path` asks for; nothing if nobody thought about it.
pub fn http(method: &Method, path: &str) -> Option<Access> {
    // A HEAD is a GET without the body.
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let row = HTTP
        .iter()
        .find(|(known, route, _)| known == method && *route == path);
    row.map(|(_, _, access)| *access)
}

/// What the call of `path` asks for; nothing if nobody thought about it.
pub fn grpc(path: &str) -> Option<Access> {
    let row = GRPC.iter().find(|(known, _)| *known == path);
    row.map(|(_, access)| *access)
}

impl Access {
    /// Whether `role` is enough.
    pub fn allows(self, role: Role) -> bool {
        match self {
            Self::Public | Self::LocalOrToken => true,
            Self::Least(least) => role >= least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_stands_twice() {
        for (index, (method, path, _)) in HTTP.iter().enumerate() {
            let again = HTTP.iter().skip(index + 1);
            assert_eq!(
                again
                    .filter(|row| row.0 == method && row.1 == *path)
                    .count(),
                0,
                "{path}"
            );
        }
    }

    #[test]
    fn only_reading_is_open_to_services() {
        for (method, path, access) in HTTP {
            let signs_out = *path == "/api/v1/session";
            if *access == READ && !signs_out {
                assert_eq!(method, Method::GET, "{path}");
            }
        }
        assert_eq!(http(&Method::POST, "/api/v1/nothing"), None);
        assert_eq!(http(&Method::HEAD, "/api/v1/events"), Some(READ));
    }

    #[test]
    fn a_role_may_what_those_below_may() {
        let roles = [
            Role::Service,
            Role::Viewer,
            Role::Operator,
            Role::Supervisor,
            Role::Admin,
        ];
        for (index, least) in roles.iter().enumerate() {
            for (other, role) in roles.iter().enumerate() {
                assert_eq!(Access::Least(*least).allows(*role), other >= index);
            }
        }
    }
}

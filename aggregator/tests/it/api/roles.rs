//! Every operation that the OpenAPI document lists, tried by everyone.

use std::fmt::Write;

use aggregator::store::Role;
use expect_test::expect;
use reqwest::Method;
use serde_json::Value;

use super::centre::{Centre, Person};

/// Fills the variables of a path with something that is well formed and does not exist.
fn filled(path: &str) -> String {
    path.replace("{agent}", "cong-1")
        .replace("{camera}", "cam-1")
        .replace("{id}", "01890000-0000-7000-8000-000000000000")
        .replace("{sha256}", &"ab".repeat(32))
}

#[tokio::test]
async fn every_operation_by_every_role() {
    let centre = Centre::start().await;
    let mut callers = vec![("nobody", Person::new(&centre))];
    let token = centre.token(Role::Service).await;
    callers.push(("service", Person::program(&centre, token)));
    for role in [Role::Viewer, Role::Operator, Role::Supervisor, Role::Admin] {
        callers.push((role.as_str(), centre.person(role).await));
    }
    let document: Value = serde_json::from_str(&aggregator::api::http::openapi().unwrap()).unwrap();
    let mut table = String::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let mut allowed = Vec::new();
            for (name, caller) in &callers {
                let method: Method = method.to_uppercase().parse().unwrap();
                // Signing out would end what the others still need.
                if method == Method::DELETE && caller.csrf.is_some() {
                    allowed.push(*name);
                    continue;
                }
                let request = caller.request(method, &filled(path));
                let status = request.send().await.unwrap().status().as_u16();
                assert_ne!(status, 405, "{path} is documented and does not exist");
                assert_ne!(status, 500, "{path}");
                match status {
                    401 => assert_eq!(*name, "nobody", "{path}"),
                    403 => assert_ne!(*name, "nobody", "{path}"),
                    _ => allowed.push(*name),
                }
            }
            let method = method.to_uppercase();
            writeln!(table, "{method:6} {path}: {}", allowed.join(" ")).unwrap();
        }
    }
    let table = table.replace(
        "nobody service viewer operator supervisor admin",
        "everyone",
    );
    let table = table.replace("service viewer operator supervisor admin", "known");
    expect![[r"
        GET    /api/v1/agents: known
        GET    /api/v1/agents/{agent}/cameras/{camera}: known
        GET    /api/v1/agents/{agent}/cameras/{camera}/counts: known
        GET    /api/v1/alerts: known
        GET    /api/v1/alerts/{id}: known
        POST   /api/v1/alerts/{id}/acknowledge: operator supervisor admin
        GET    /api/v1/cameras: known
        GET    /api/v1/events: known
        GET    /api/v1/events/{id}: known
        GET    /api/v1/evidence/{sha256}: known
        GET    /api/v1/openapi.json: everyone
        DELETE /api/v1/session: known
        GET    /api/v1/session: known
        POST   /api/v1/session: everyone
        POST   /api/v1/setup: everyone
        GET    /api/v1/stream: known
        GET    /api/v1/summary: known
        GET    /api/v1/users: admin
        POST   /api/v1/users: admin
        GET    /healthz: everyone
        GET    /metrics: everyone
        GET    /readyz: everyone
    "]]
    .assert_eq(&table);
}

#[tokio::test]
async fn the_access_table_and_the_document_list_the_same_operations() {
    let document: Value = serde_json::from_str(&aggregator::api::http::openapi().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let documented = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut documented: Vec<_> = documented.collect();
    let table = aggregator::api::auth::table::HTTP.iter();
    let mut known: Vec<_> = table
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
}

#[tokio::test]
async fn metrics_are_for_this_machine_or_for_the_known() {
    let centre = Centre::start().await;
    let nobody = Person::new(&centre);
    assert_eq!(nobody.get("/healthz").await.status(), 200);
    let text = nobody.get("/metrics").await.text().await.unwrap();
    assert!(
        text.contains(r#"route="/healthz",status="200"} 1"#),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
    // By a proxy on this machine, or by a name that was pointed here.
    for (name, value) in [("x-forwarded-for", "192.0.2.1"), ("host", "evil.example")] {
        let request = nobody.request(Method::GET, "/metrics").header(name, value);
        assert_eq!(request.send().await.unwrap().status(), 401, "{name}");
    }
    let token = centre.token(Role::Service).await;
    let program = Person::program(&centre, token);
    let request = program
        .request(Method::GET, "/metrics")
        .header("host", "vong.example");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_that_is_withdrawn_or_made_up_is_nothing() {
    let centre = Centre::start().await;
    let token = centre.token(Role::Operator).await;
    let program = Person::program(&centre, token.clone());
    assert_eq!(program.get("/api/v1/summary").await.status(), 200);
    let session = program.read("/api/v1/session").await;
    assert_eq!(session["csrf"], Value::Null);
    let made_up = Person::program(&centre, format!("{token}x"));
    assert_eq!(made_up.get("/api/v1/summary").await.status(), 401);
    let now = aggregator::store::Timestamp::now();
    centre
        .store
        .remove_token("test", "operator-token", now)
        .await
        .unwrap();
    assert_eq!(program.get("/api/v1/summary").await.status(), 401);
}

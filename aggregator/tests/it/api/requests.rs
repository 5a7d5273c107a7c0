//! Malformed requests: each is told what is wrong with it, and harms nothing.

use aggregator::store::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::centre::{Centre, PASSWORD, Person, problem};

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let centre = Centre::start().await;
    let person = Person::new(&centre);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!(r#"{{"username":"{}","password":"x"}}"#, "x".repeat(70_000));
    for (body, status, says) in [
        ("{", 400, "EOF"),
        ("", 400, "EOF"),
        ("\u{feff}{}", 400, "line 1"),
        (r#"{"username":"an"}"#, 422, "password"),
        (r#"{"username":3,"password":"x"}"#, 422, "username"),
        (
            r#"{"username":"an","password":"x","admin":true}"#,
            422,
            "admin",
        ),
        (
            r#"{"username":"an","username":"b","password":"x"}"#,
            422,
            "username",
        ),
        ("null", 422, "null"),
        (&deep, 400, "deeper"),
        (&long, 413, "65536"),
    ] {
        let request = person.request(Method::POST, "/api/v1/session");
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let sentence = problem(answer, status).await;
        assert!(sentence.contains(says), "{sentence}");
    }
    let request = person.request(Method::POST, "/api/v1/session");
    let request = request.header("content-type", "application/json");
    let answer = request
        .body(b"{\"username\":\"\xff\"}".to_vec())
        .send()
        .await;
    assert!(answer.unwrap().status().is_client_error());
    let request = person.request(Method::POST, "/api/v1/session").body("{}");
    problem(request.send().await.unwrap(), 415).await;
    // And it still works.
    centre.add_user(Role::Viewer).await;
    assert_eq!(
        person.sign_in("viewer", PASSWORD).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_does_not_exist_is_said_to_not_exist() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    for path in [
        "/api",
        "/api/v1/nothing",
        "/api/v2/events",
        "/api/v1/events/",
    ] {
        let sentence = problem(viewer.get(path).await, 404).await;
        assert!(sentence.contains("openapi.json"), "{sentence}");
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/events"),
        (Method::PATCH, "/api/v1/users"),
        (Method::POST, "/healthz"),
        (Method::POST, "/"),
    ] {
        problem(viewer.request(method, path).send().await.unwrap(), 405).await;
    }
    let allow = viewer
        .request(Method::PUT, "/api/v1/alerts")
        .send()
        .await
        .unwrap();
    assert_eq!(allow.headers()["allow"], "GET,HEAD");
    let id = "01890000-0000-7000-8000-000000000000";
    for path in [
        format!("/api/v1/events/{id}"),
        format!("/api/v1/alerts/{id}"),
        format!("/api/v1/evidence/{}", "ab".repeat(32)),
        "/api/v1/agents/cong-1/cameras/cam-1".to_owned(),
        "/api/v1/agents/cong-1/cameras/cam-1/counts".to_owned(),
    ] {
        problem(viewer.get(&path).await, 404).await;
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    for (path, says) in [
        ("/api/v1/events?limit=0", "limit"),
        ("/api/v1/events?limit=1001", "limit"),
        ("/api/v1/events?limit=many", "limit"),
        ("/api/v1/events?kind=flying", "kind"),
        ("/api/v1/events?severity_min=bad", "severity_min"),
        ("/api/v1/events?before=x", "before"),
        ("/api/v1/events?order=asc", "order"),
        ("/api/v1/events/not-an-id", "id"),
        ("/api/v1/alerts?state=some", "state"),
        ("/api/v1/stream?after=x", "after"),
        ("/api/v1/agents/a/cameras/b/counts?since=yesterday", "since"),
    ] {
        let sentence = problem(viewer.get(path).await, 400).await;
        assert!(sentence.contains(says), "{path}: {sentence}");
    }
}

#[tokio::test]
async fn filters_are_values_never_code() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    for text in [
        "' OR 1=1 --",
        "\"; DROP TABLE event; --",
        "%' UNION SELECT 1",
        "\0",
        "🦊",
    ] {
        let request = viewer.request(Method::GET, "/api/v1/events");
        let request = request.query(&[("camera", text), ("agent", text)]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let page: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(page, json!({ "items": [], "next": null }));
    }
}

#[tokio::test]
async fn nothing_outside_the_evidence_folder_is_reached() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    for name in [
        "..%2f..%2fstore.sqlite",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cstore.sqlite",
        "%00",
        "store.sqlite",
        &"AB".repeat(32),
        &"ab".repeat(33),
        &format!("{}%00", "ab".repeat(32)),
        &format!("%2f{}", "ab".repeat(32)),
    ] {
        problem(viewer.get(&format!("/api/v1/evidence/{name}")).await, 400).await;
    }
    let raw = super::connections::raw(
        &centre,
        "GET /api/v1/evidence/../../../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    let answer = raw.await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

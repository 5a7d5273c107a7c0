//! The committed document is the one of the code.

use super::centre::{Centre, Person};

#[test]
fn the_committed_document_is_current() {
    let current = aggregator::api::http::openapi().unwrap();
    expect_test::expect_file!["../../../openapi.json"].assert_eq(&current);
}

/// Generators of clients make a function of each.
#[test]
fn every_operation_has_a_name_of_its_own() {
    let text = aggregator::api::http::openapi().unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|methods| methods.as_object().unwrap().values());
    let mut names: Vec<_> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[tokio::test]
async fn the_document_is_served() {
    let centre = Centre::start().await;
    let served = Person::new(&centre).get("/api/v1/openapi.json").await;
    assert_eq!(served.headers()["content-type"], "application/json");
    let text = served.text().await.unwrap();
    assert_eq!(text, aggregator::api::http::openapi().unwrap());
    assert!(text.contains("\"openapi\": \"3.1.0\""), "version 3.1");
}

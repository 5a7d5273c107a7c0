//! The console's page, and what the browser is told with it.

use reqwest::Method;

use super::centre::{Centre, Person, problem};

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let centre = Centre::start().await;
    let person = Person::new(&centre);
    for path in [
        "/",
        "/alerts",
        "/api/v1/session",
        "/api/v1/nothing",
        "/healthz",
    ] {
        let answer = person.get(path).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn an_address_of_the_page_is_the_page_and_a_missing_file_is_missing() {
    let centre = Centre::start().await;
    let person = Person::new(&centre);
    let page = person.get("/").await;
    let form = page.headers()["content-type"].clone();
    assert_eq!(form, "text/html; charset=utf-8");
    let built = page.status() == 200;
    let tag = page.headers().get("etag").cloned();
    let text = page.text().await.unwrap();
    let deep = person.get("/cameras/cong-1/cam-1").await;
    assert_eq!(deep.text().await.unwrap(), text);
    problem(person.get("/assets/missing.js").await, 404).await;
    for outside in [
        "/..%2f..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/..%2f..%2fx.txt",
    ] {
        problem(person.get(outside).await, 404).await;
    }
    if let (true, Some(tag)) = (built, tag) {
        let again = person
            .request(Method::GET, "/")
            .header("if-none-match", tag);
        assert_eq!(again.send().await.unwrap().status(), 304);
    } else {
        assert!(
            text.contains("scripts/build-console"),
            "says how to build it: {text}"
        );
    }
}

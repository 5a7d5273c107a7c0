//! Signing in, staying in, and what keeps others out.

use aggregator::{
    api::{auth::Secret, http::CSRF_HEADER},
    store::{Role, SessionRecord, Timestamp},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::centre::{Centre, PASSWORD, Person, body, problem};

#[tokio::test]
async fn a_person_signs_in_looks_and_signs_out() {
    let centre = Centre::start().await;
    centre.add_user(Role::Operator).await;
    let mut person = Person::new(&centre);
    problem(person.get("/api/v1/session").await, 401).await;

    let answer = person.sign_in("operator", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["vong_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let session = body(answer).await;
    assert_eq!(
        session["user"],
        json!({ "name": "operator", "role": "operator" })
    );
    assert_eq!(person.read("/api/v1/session").await, session);

    person.csrf = session["csrf"].as_str().map(str::to_owned);
    let out = person.request(Method::DELETE, "/api/v1/session").send();
    assert_eq!(out.await.unwrap().status(), StatusCode::NO_CONTENT);
    problem(person.get("/api/v1/session").await, 401).await;

    // The old cookie is worth nothing, wherever a copy of it was kept.
    let stolen = cookie.split(';').next().unwrap();
    let thief = Person::new(&centre);
    let request = thief.request(Method::GET, "/api/v1/session");
    let answer = request.header("cookie", stolen).send().await.unwrap();
    problem(answer, 401).await;

    let actions: Vec<_> = centre.store.audit_entries(10).await.unwrap();
    let actions: Vec<_> = actions.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["session.end", "session.begin", "user.add"]);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_the_same() {
    let centre = Centre::start().await;
    centre.add_user(Role::Viewer).await;
    let person = Person::new(&centre);
    let wrong_password = person.sign_in("viewer", "not the password").await;
    let wrong_name = person.sign_in("nobody", "not the password").await;
    let endless_name = person.sign_in(&"x".repeat(1000), "not the password").await;
    let sentence = problem(wrong_password, 401).await;
    assert_eq!(sentence, problem(wrong_name, 401).await);
    assert_eq!(sentence, problem(endless_name, 401).await);
    let entries = centre.store.audit_entries(2).await.unwrap();
    assert!(entries.iter().all(|entry| entry.action == "session.refuse"));
}

#[tokio::test]
async fn guessing_is_limited_and_does_not_lock_others_out() {
    let centre = Centre::start().await;
    centre.add_user(Role::Viewer).await;
    centre.add_user(Role::Admin).await;
    let guesser = Person::new(&centre);
    for guess in 0..5 {
        problem(
            guesser.sign_in("admin", &format!("guess {guess}")).await,
            401,
        )
        .await;
    }
    // Now even the right password has to wait.
    let limited = guesser.sign_in("admin", PASSWORD).await;
    let seconds: u64 = limited.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=31).contains(&seconds), "{seconds}");
    problem(limited, 429).await;
    assert_eq!(
        guesser.sign_in("viewer", PASSWORD).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn guesses_at_once_count_each() {
    let centre = Centre::start().await;
    let guesser = Person::new(&centre);
    let guesses = (0..20).map(|_| guesser.sign_in("admin", "guess"));
    let answers = futures::future::join_all(guesses).await;
    let tried = answers
        .iter()
        .filter(|answer| answer.status() == 401)
        .count();
    let limited = answers
        .iter()
        .filter(|answer| answer.status() == 429)
        .count();
    assert_eq!((tried, limited), (5, 15));
}

#[tokio::test]
async fn only_the_page_itself_may_change_things() {
    let centre = Centre::start().await;
    let mut admin = centre.person(Role::Admin).await;
    let csrf = admin.csrf.take().unwrap();
    let user = json!({ "name": "mai", "role": "viewer", "password": PASSWORD });
    let add = |header: &'static str, value: String| {
        let request = admin.request(Method::POST, "/api/v1/users").json(&user);
        request.header(header, value).send()
    };

    let sentence = problem(add("x-nothing", String::new()).await.unwrap(), 403).await;
    assert!(sentence.contains(CSRF_HEADER), "{sentence}");
    problem(add(CSRF_HEADER, "x".repeat(43)).await.unwrap(), 403).await;

    // With the right value, but by another site's page.
    admin.csrf = Some(csrf.clone());
    let add = |header: &'static str, value: String| {
        let request = admin.request(Method::POST, "/api/v1/users").json(&user);
        request.header(header, value).send()
    };
    problem(
        add("origin", "http://evil.example".into()).await.unwrap(),
        403,
    )
    .await;
    problem(add("origin", "null".into()).await.unwrap(), 403).await;
    problem(
        add("sec-fetch-site", "cross-site".into()).await.unwrap(),
        403,
    )
    .await;
    assert_eq!(centre.store.users().await.unwrap().len(), 1);

    let origin = format!("http://{}", centre.http);
    assert_eq!(
        add("origin", origin).await.unwrap().status(),
        StatusCode::CREATED
    );
    assert_eq!(centre.store.users().await.unwrap().len(), 2);

    // Another's value does not fit: it is bound to its session.
    let other = centre.person(Role::Supervisor).await;
    assert_ne!(other.csrf, Some(csrf));

    // A foreign page may not even sign in, into an account of its choice.
    let sign_in = json!({ "username": "admin", "password": PASSWORD });
    let request = admin
        .request(Method::POST, "/api/v1/session")
        .json(&sign_in);
    let answer = request.header("origin", "http://evil.example").send().await;
    problem(answer.unwrap(), 403).await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_old_or_idle() {
    let centre = Centre::start().await;
    centre.add_user(Role::Viewer).await;
    let now = Timestamp::now();
    let (hour, day) = (3600, 24 * 3600);
    for (created, seen, status) in [
        (-6 * day, -hour, 200),
        (-6 * day, -13 * hour, 401),
        (-8 * day, -hour, 401),
    ] {
        let secret = Secret::generate().unwrap();
        let record = SessionRecord {
            token_hash: secret.hash(),
            user: "viewer".into(),
            created_at: now.plus_seconds(created),
            seen_at: now.plus_seconds(seen),
        };
        centre.store.add_session(record).await.unwrap();
        let person = Person::new(&centre);
        let request = person.request(Method::GET, "/api/v1/session");
        let cookie = format!("vong_session={}", secret.text());
        let answer = request.header("cookie", cookie).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{created} {seen}");
        let kept = centre.store.session(secret.hash()).await.unwrap().unwrap();
        let touched = kept.0.seen_at > record_seen(now, seen);
        assert_eq!(
            touched,
            status == 200,
            "use is noted, and only that of a session that stands"
        );
    }
}

fn record_seen(now: Timestamp, seen: i64) -> Timestamp {
    now.plus_seconds(seen)
}

#[tokio::test]
async fn a_planted_cookie_gains_nothing_by_the_sign_in() {
    let centre = Centre::start().await;
    centre.add_user(Role::Viewer).await;
    let person = Person::new(&centre);
    let planted = Secret::generate().unwrap();
    let now = Timestamp::now();
    let record = SessionRecord {
        token_hash: planted.hash(),
        user: "viewer".into(),
        created_at: now,
        seen_at: now,
    };
    centre.store.add_session(record).await.unwrap();
    let request = person.request(Method::POST, "/api/v1/session");
    let request = request.header("cookie", format!("vong_session={}", planted.text()));
    let answer = request
        .json(&json!({ "username": "viewer", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(!cookie.contains(planted.text()));
    assert_eq!(centre.store.session(planted.hash()).await.unwrap(), None);
}

#[tokio::test]
async fn the_first_administrator_is_made_once_by_the_printed_code() {
    let centre = Centre::start().await;
    let code = Secret::generate().unwrap();
    centre.store.set_setup_token(code.hash()).await.unwrap();
    let person = Person::new(&centre);
    let setup = |token: &str, password: &str| {
        let json = json!({ "token": token, "username": "lan", "password": password });
        let request = person.request(Method::POST, "/api/v1/setup").json(&json);
        async { request.send().await.unwrap() }
    };
    problem(setup("guess", PASSWORD).await, 401).await;
    let sentence = problem(setup(code.text(), "short").await, 422).await;
    assert!(sentence.starts_with("password:"), "{sentence}");
    let made = body(setup(code.text(), PASSWORD).await).await;
    assert_eq!(made["user"], json!({ "name": "lan", "role": "admin" }));
    assert_eq!(person.read("/api/v1/session").await["user"]["name"], "lan");
    problem(setup(code.text(), PASSWORD).await, 409).await;
}

#[tokio::test]
async fn an_administrator_makes_users_who_can_sign_in() {
    let centre = Centre::start().await;
    let admin = centre.person(Role::Admin).await;
    let add = |name: &str, role: &str, password: &str| {
        let json = json!({ "name": name, "role": role, "password": password });
        let request = admin.request(Method::POST, "/api/v1/users").json(&json);
        async { request.send().await.unwrap() }
    };
    let made = add("mai", "operator", PASSWORD).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(body(made).await["role"], "operator");
    problem(add("mai", "operator", PASSWORD).await, 409).await;
    for (name, role, password, at) in [
        ("Mai!", "operator", PASSWORD, "name"),
        ("hoa", "king", PASSWORD, "role"),
        ("hoa", "service", PASSWORD, "role"),
        ("hoa", "operator", "short", "password"),
    ] {
        let sentence = problem(add(name, role, password).await, 422).await;
        assert!(sentence.contains(at), "{sentence}");
    }
    let users = admin.read("/api/v1/users").await;
    let names: Vec<_> = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["admin", "mai"]);
    assert!(!users.to_string().contains("argon2"), "hashes stay inside");
    let mai = Person::new(&centre);
    assert_eq!(mai.sign_in("mai", PASSWORD).await.status(), StatusCode::OK);
    let entry = &centre.store.audit_entries(2).await.unwrap()[1];
    assert_eq!((&*entry.actor, &*entry.action), ("admin", "user.add"));
}

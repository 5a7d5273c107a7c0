//! The store by itself: changes in order, writers together, faults by name.

use aggregator::store::{
    Access, AgentState, AlertQuery, Change, Condition, Cursor, EventQuery, OpenError, Role,
    SetupError, Start, Store, Timestamp, UserRecord,
};
use proto::Lane;

use super::{
    agent::{TestAgent, item, passage},
    centre::TestCentre,
    grpc::Exchange,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path(), Access::Serve)
        .unwrap()
        .close()
        .await;
    let db = rusqlite::Connection::open(dir.path().join("store.sqlite")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    for access in [Access::Serve, Access::Tool] {
        let refused = Store::open(dir.path(), access).unwrap_err();
        assert!(
            matches!(refused, OpenError::Newer { found: 99, .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("use the newer program"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_stays_and_the_cursor_goes_on_after_a_restart() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    exchange.ask(gate.events(vec![passage()])).await.unwrap();
    let (id, head) = (centre.store.id(), centre.store.head());
    let centre = TestCentre::start_in(centre.stop().await).await;
    assert_eq!(centre.store.id(), id);
    assert_eq!(centre.store.head(), head);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_every_change_once_and_in_order() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let mut live = centre.store.live();
    let before = centre.store.head();
    for _ in 0..5 {
        let items = (0..4).map(|_| item(passage())).collect();
        exchange.ask(gate.batch(Lane::Events, items)).await.unwrap();
    }
    let mut announced = Vec::new();
    while let Ok((cursor, Change::Event(event))) = live.try_recv() {
        assert_eq!(cursor, event.cursor);
        announced.push(cursor);
    }
    assert_eq!(announced.len(), 20);
    assert!(announced.is_sorted());

    let mut resumed = Vec::new();
    let mut from = before;
    loop {
        let part = centre.store.changes_since(from, 3).await.unwrap();
        let Some((last, _)) = part.last() else { break };
        from = *last;
        resumed.extend(part.into_iter().map(|(cursor, _)| cursor));
    }
    assert_eq!(resumed, announced);

    let mut pages = Vec::new();
    let mut start = Start::Newest;
    loop {
        let query = EventQuery {
            start,
            limit: 7,
            ..EventQuery::default()
        };
        let page = centre.store.events(query).await.unwrap();
        pages.extend(page.items.iter().map(|event| event.cursor));
        let Some(next) = page.next else { break };
        start = Start::Before(next);
    }
    pages.reverse();
    assert_eq!(pages, announced);
    assert!(
        centre
            .store
            .changes_since(Cursor(i64::MAX), 10)
            .await
            .unwrap()
            .is_empty()
    );
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Serve).unwrap();
    let now = Timestamp::now();
    let admin = |name: &str| UserRecord {
        name: name.to_owned(),
        role: Role::Admin,
        password_hash: "$argon2id$".to_owned(),
    };
    store.set_setup_token([1; 32]).await.unwrap();
    let wrong = store.use_setup_token([2; 32], admin("eve"), now).await;
    assert!(matches!(wrong, Err(SetupError::Wrong)));
    let bad = store.use_setup_token([1; 32], admin("Bad Name"), now).await;
    assert!(matches!(bad, Err(SetupError::Account(_))));
    // A refused try rolled back: the code still works.
    let (one, two) = tokio::join!(
        store.use_setup_token([1; 32], admin("linh"), now),
        store.use_setup_token([1; 32], admin("minh"), now)
    );
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(store.users().await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_audit_entry_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Serve).unwrap();
    for number in 1..=3 {
        store
            .audit(Timestamp::now(), "linh", "test", &number.to_string())
            .await
            .unwrap();
    }
    assert_eq!(store.audit_break().await.unwrap(), None);
    let db = rusqlite::Connection::open(dir.path().join("store.sqlite")).unwrap();
    db.execute("UPDATE audit SET actor = 'minh' WHERE number = 2", [])
        .unwrap();
    assert_eq!(store.audit_break().await.unwrap(), Some(2));
    assert!(
        store
            .check()
            .await
            .unwrap()
            .iter()
            .any(|finding| finding.fault)
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_box_announced_and_no_longer_has_is_a_gap() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    let stored = gate.events(vec![passage(), passage()]);
    gate.events(vec![passage(), passage(), passage()]);
    exchange.ask(gate.hello()).await.unwrap();
    exchange.ask(stored).await.unwrap();
    // After a restart its outbox, rolled back by a bad disk, ends at number 2.
    let before = gate.epoch;
    gate.restart();
    exchange
        .ask(gate.hello_with_rest(before, Lane::Events, 3))
        .await
        .unwrap();
    let gaps = centre.store.gaps(10).await.unwrap();
    assert_eq!(gaps.len(), 1);
    let gap = gaps.first().unwrap();
    assert_eq!((gap.from_seq, gap.to_seq, &*gap.reason), (3, 5, "rollback"));
    // Said again it is no second gap.
    exchange
        .ask(gate.hello_with_rest(before, Lane::Events, 3))
        .await
        .unwrap();
    assert_eq!(centre.store.gaps(10).await.unwrap().len(), 1);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_box_is_an_alert_until_it_is_heard_again() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let store = &centre.store;
    // One that was never heard calls for nobody.
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    let query = AlertQuery {
        limit: 10,
        ..AlertQuery::default()
    };
    assert!(store.alerts(query.clone()).await.unwrap().items.is_empty());

    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    let alert = store.alerts(query.clone()).await.unwrap().items.remove(0);
    assert_eq!((&*alert.kind, &*alert.camera), ("agent_silent", ""));
    assert_eq!((alert.condition, alert.occurrences), (Condition::Active, 1));
    assert_eq!(
        store.agent("gate").await.unwrap().unwrap().state,
        AgentState::Silent
    );

    exchange.ask(gate.events(vec![passage()])).await.unwrap();
    let alert = store.alerts(query).await.unwrap().items.remove(0);
    assert_eq!(alert.condition, Condition::Cleared);
    assert_eq!(
        store.agent("gate").await.unwrap().unwrap().state,
        AgentState::Online
    );
    centre.stop().await;
}

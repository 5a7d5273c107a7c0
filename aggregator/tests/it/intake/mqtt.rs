//! The embedded broker: who may connect, hear and say what; and what becomes of batches.

use aggregator::store::EventQuery;
use proto::{Lane, sign::Domain};
use rumqttc::{ConnectReturnCode, ConnectionError, LastWill, MqttOptions, QoS};

use super::{
    agent::{TestAgent, item, passage},
    centre::TestCentre,
    mqtt_client::{Answer, Client},
};

async fn stored(centre: &TestCentre) -> usize {
    let query = EventQuery {
        limit: 1000,
        ..EventQuery::default()
    };
    centre.store.events(query).await.unwrap().items.len()
}

async fn refused(mut client: Client) -> ConnectReturnCode {
    match client.next().await {
        Answer::Broken(ConnectionError::ConnectionRefused(code)) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_enrolled_box_with_its_password_and_its_own_id_may_connect() {
    let centre = TestCentre::start().await;
    let (gate, yard) = (
        TestAgent::enrol(&centre, "gate").await,
        TestAgent::enrol(&centre, "yard").await,
    );
    let connect =
        |id: &str, user: &str, password: &str| refused(Client::new(&centre, id, user, password));
    let bad = ConnectReturnCode::BadUserNamePassword;
    assert_eq!(connect("gate", "gate", "guess").await, bad);
    assert_eq!(connect("gate", "gate", &yard.password).await, bad);
    assert_eq!(connect("nobody", "nobody", &gate.password).await, bad);
    assert_eq!(
        connect("yard", "gate", &gate.password).await,
        ConnectReturnCode::NotAuthorized
    );

    let mqtt = centre.running.mqtt;
    let nameless = MqttOptions::new("gate", mqtt.ip().to_string(), mqtt.port());
    let code = refused(Client::with(&centre, "gate", nameless)).await;
    assert!(matches!(
        code,
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized
    ));

    let mut foreign_will = MqttOptions::new("gate", mqtt.ip().to_string(), mqtt.port());
    foreign_will.set_credentials("gate", &gate.password);
    let will = LastWill::new("vong/v1/agents/yard/ack", "x", QoS::AtLeastOnce, false);
    foreign_will.set_last_will(will);
    let code = refused(Client::with(&centre, "gate", foreign_will)).await;
    assert_eq!(code, ConnectReturnCode::NotAuthorized);

    let mut welcome = Client::new(&centre, "gate", "gate", &gate.password);
    assert!(matches!(welcome.next().await, Answer::Connected));
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_box_is_refused() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    centre
        .store
        .revoke_agent("test", "gate", aggregator::store::Timestamp::now())
        .await
        .unwrap();
    let code = refused(Client::new(&centre, "gate", "gate", &gate.password)).await;
    assert_eq!(code, ConnectReturnCode::BadUserNamePassword);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_hears_its_own_acks_and_nothing_else() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    let mut client = Client::of(&centre, &gate).await;
    for foreign in [
        "#",
        "vong/#",
        "vong/v1/agents/+/ack",
        "vong/v1/agents/yard/ack",
        "vong/v1/agents/gate/#",
        "vong/v1/agents/gate/batch",
        "$SYS/#",
    ] {
        assert!(!client.subscribe(foreign).await, "{foreign}");
    }
    assert!(client.subscribe("vong/v1/agents/gate/ack").await);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_cannot_speak_for_another() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut yard = TestAgent::enrol(&centre, "yard").await;
    let batch = yard.events(vec![passage()]);

    // Another's batch, to another's topic.
    let mut client = Client::of(&centre, &gate).await;
    client.ask_in_vain("yard/batch", &batch).await;
    // Another's batch, to the own topic.
    let mut client = Client::of(&centre, &gate).await;
    client.ask_in_vain("gate/batch", &batch).await;
    // The own batch, as an ack to another.
    let mut client = Client::of(&centre, &gate).await;
    let own = gate.events(vec![passage()]);
    client.ask_in_vain("yard/ack", &own).await;

    assert_eq!(stored(&centre).await, 0);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_box_is_not_stored() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let yard = TestAgent::enrol(&centre, "yard").await;
    let mut batch = gate.events(vec![passage()]);

    let Some(proto::v1::up::Message::Batch(envelope)) = &mut batch.message else {
        panic!()
    };
    let payload = envelope.payload.clone();
    envelope.signature[5] ^= 1;
    let mut client = Client::of(&centre, &gate).await;
    client.ask_in_vain("gate/batch", &batch).await;

    // Signed well, by another.
    let forged = yard.sealed(Domain::Batch, payload.clone());
    let mut client = Client::of(&centre, &gate).await;
    client.ask_in_vain("gate/batch", &forged).await;

    // Signed by the box, as something else.
    let mut other = gate.sealed(Domain::Hello, payload);
    let Some(proto::v1::up::Message::Hello(envelope)) = other.message.take() else {
        panic!()
    };
    other.message = Some(proto::v1::up::Message::Batch(envelope));
    let mut client = Client::of(&centre, &gate).await;
    client.ask_in_vain("gate/batch", &other).await;

    assert_eq!(stored(&centre).await, 0);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_stored_once_and_acknowledged_after() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut client = Client::of(&centre, &gate).await;
    let welcome = client.ask(&gate.hello()).await;
    assert_eq!(gate.up_to(&welcome, Lane::Events), 0);
    assert_eq!(gate.ack(&welcome).welcomes_mono_us, Some(1));

    let first = gate.batch(Lane::Events, (0..3).map(|_| item(passage())).collect());
    let second = gate.batch(Lane::Events, (0..2).map(|_| item(passage())).collect());

    // Ahead of what is stored: the answer is the mark, and nothing is taken.
    let answer = client.ask(&second).await;
    assert_eq!(gate.up_to(&answer, Lane::Events), 0);
    assert_eq!(stored(&centre).await, 0);

    let answer = client.ask(&first).await;
    assert_eq!(gate.up_to(&answer, Lane::Events), 3);
    assert_eq!(
        stored(&centre).await,
        3,
        "it is stored when it is acknowledged"
    );

    // Once more: acknowledged again, with no effect.
    let answer = client.ask(&first).await;
    assert_eq!(gate.up_to(&answer, Lane::Events), 3);
    assert_eq!(gate.up_to(&client.ask(&second).await, Lane::Events), 5);
    assert_eq!(stored(&centre).await, 5);

    let agent = centre.store.agent("gate").await.unwrap().unwrap();
    assert_eq!(agent.state, aggregator::store::AgentState::Online);
    assert_eq!(agent.software, "test 2");
    centre.stop().await;
}

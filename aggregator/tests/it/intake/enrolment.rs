//! From a one-time code to an agent.

use aggregator::store::Timestamp;
use tonic::Code;

use super::{agent::TestAgent, centre::TestCentre};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_used_once() {
    let centre = TestCentre::start().await;
    let code = centre.invite("gate").await;
    let grpc = centre.running.grpc.to_string();
    let ca_pem = centre.ca_pem();
    let enrol = || TestAgent::enrol_at(&grpc, &ca_pem, &code);
    let (first, second) = tokio::join!(enrol(), enrol());
    let outcomes = [&first, &second].map(|outcome| outcome.as_ref().err().map(tonic::Status::code));
    assert!(outcomes.contains(&None), "{outcomes:?}");
    assert!(
        outcomes.contains(&Some(Code::FailedPrecondition)),
        "{outcomes:?}"
    );
    let audit = centre.store.audit_entries(10).await.unwrap();
    assert_eq!(
        audit
            .iter()
            .filter(|entry| entry.action == "agent.enroll")
            .count(),
        1
    );
    assert_eq!(centre.store.audit_break().await.unwrap(), None);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_old_code_is_refused() {
    let centre = TestCentre::start().await;
    let grpc = centre.running.grpc.to_string();
    let unknown = TestAgent::enrol_at(&grpc, &centre.ca_pem(), &[7; 16])
        .await
        .err()
        .unwrap();
    assert_eq!(unknown.code(), Code::NotFound);
    let short = TestAgent::enrol_at(&grpc, &centre.ca_pem(), &[7; 15])
        .await
        .err()
        .unwrap();
    assert_eq!(short.code(), Code::InvalidArgument);

    let now = Timestamp::now();
    let hash = aggregator::identity::sha256(&[8; 16]);
    centre
        .store
        .add_invite("test", "gate", hash, now.plus_seconds(-61), now)
        .await
        .unwrap();
    let old = TestAgent::enrol_at(&grpc, &centre.ca_pem(), &[8; 16])
        .await
        .err()
        .unwrap();
    assert_eq!(old.code(), Code::FailedPrecondition);
    assert!(old.message().contains("expired"), "{}", old.message());
    assert!(centre.store.agents().await.unwrap().is_empty());
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let centre = TestCentre::start().await;
    let grpc = centre.running.grpc.to_string();
    let mut last = Code::Ok;
    for guess in 0..30_u8 {
        let refused = TestAgent::enrol_at(&grpc, &centre.ca_pem(), &[guess; 16]).await;
        last = refused.err().unwrap().code();
        if last == Code::ResourceExhausted {
            assert!(10 < guess);
            break;
        }
    }
    assert_eq!(last, Code::ResourceExhausted);
    centre.stop().await;
}

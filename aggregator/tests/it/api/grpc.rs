//! The same, as integrators call it.

use std::{fmt::Write, time::Duration};

use aggregator::store::Role;
use proto::v1::{
    AcknowledgeAlertRequest, EventFilter, Kind, ListAlertsRequest, QueryRequest, Severity,
    SubscribeRequest, alerts_client::AlertsClient, events_client::EventsClient,
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::Channel,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use uuid::Uuid;

use super::{centre::Centre, recorder::Recorder};

#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Called = InterceptedService<Channel, Bearer>;

async fn events(centre: &Centre, token: &str) -> EventsClient<Called> {
    let bearer = Bearer(format!("Bearer {token}").parse().unwrap());
    EventsClient::with_interceptor(centre.channel().await, bearer)
}

async fn alerts(centre: &Centre, token: &str) -> AlertsClient<Called> {
    let bearer = Bearer(format!("Bearer {token}").parse().unwrap());
    AlertsClient::with_interceptor(centre.channel().await, bearer)
}

#[tokio::test]
async fn health_and_reflection_answer_without_a_token() {
    let centre = Centre::start().await;
    let mut health = HealthClient::new(centre.channel().await);
    for service in ["", "vong.v1.Events", "vong.v1.Alerts"] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service} is serving");
    }
    let mut reflection = ServerReflectionClient::new(centre.channel().await);
    let ask = |message| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message),
    };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "vong.v1.StoredEvent".into(),
        )),
    ];
    let answer = reflection.server_reflection_info(futures::stream::iter(requests));
    let mut answers = answer.await.unwrap().into_inner();
    let list = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = list else {
        panic!("{list:?}");
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    for name in ["vong.v1.Events", "vong.v1.Alerts", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let file = answers.message().await.unwrap().unwrap().message_response;
    assert!(
        matches!(file, Some(MessageResponse::FileDescriptorResponse(_))),
        "{file:?}"
    );
}

#[tokio::test]
async fn every_call_by_every_role() {
    let centre = Centre::start().await;
    let mut tokens = vec![("nobody", "vong_made_up".to_owned())];
    for role in [
        Role::Service,
        Role::Viewer,
        Role::Operator,
        Role::Supervisor,
        Role::Admin,
    ] {
        tokens.push((role.as_str(), centre.token(role).await));
    }
    let mut table = String::new();
    for (name, token) in &tokens {
        let (mut events, mut alerts) = (events(&centre, token).await, alerts(&centre, token).await);
        let subscribe = events
            .subscribe(SubscribeRequest::default())
            .await
            .map(drop);
        let query = events.query(QueryRequest::default()).await.map(drop);
        let list = alerts.list(ListAlertsRequest::default()).await.map(drop);
        let acknowledge = alerts.acknowledge(AcknowledgeAlertRequest {
            id: Uuid::nil().to_string(),
            note: String::new(),
        });
        let outcomes = [subscribe, query, list, acknowledge.await.map(drop)];
        let codes = outcomes.map(|outcome| match outcome.map_err(|status| status.code()) {
            Ok(()) | Err(Code::NotFound) => "yes",
            Err(Code::PermissionDenied) => "no",
            Err(Code::Unauthenticated) => "who?",
            Err(code) => panic!("{name}: {code}"),
        });
        writeln!(table, "{name}: {}", codes.join(" ")).unwrap();
    }
    expect_test::expect![[r"
        nobody: who? who? who? who?
        service: yes yes yes no
        viewer: yes yes yes no
        operator: yes yes yes yes
        supervisor: yes yes yes yes
        admin: yes yes yes yes
    "]]
    .assert_eq(&table);
}

/// What the descriptors say there is, the access table must know, or it is refused to all.
#[test]
fn the_access_table_lists_the_calls_of_events_and_alerts() {
    use prost::Message;
    let set = prost_types::FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    let files = set.file.iter().filter(|file| file.package() == "vong.v1");
    let services = files.flat_map(|file| &file.service);
    let services = services.filter(|service| ["Events", "Alerts"].contains(&service.name()));
    let mut described: Vec<_> = services
        .flat_map(|service| {
            let name = service.name();
            service
                .method
                .iter()
                .map(move |call| format!("/vong.v1.{name}/{}", call.name()))
        })
        .collect();
    let table = aggregator::api::auth::table::GRPC
        .iter()
        .map(|(path, _)| (*path).to_owned());
    let mut known: Vec<_> = table.filter(|path| path.starts_with("/vong.")).collect();
    described.sort();
    known.sort();
    assert_eq!(known, described);
}

#[tokio::test]
async fn a_query_walks_through_all_events_in_order() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let made = recorder.passages(&centre.store, "cam-1", 25).await;
    recorder.intrusion(&centre.store, "cam-2", "fence").await;
    let mut client = events(&centre, &centre.token(Role::Service).await).await;
    let mut heard = Vec::new();
    let mut after = String::new();
    loop {
        let request = QueryRequest {
            filter: Some(EventFilter {
                kinds: vec![Kind::LineCrossed.into()],
                ..EventFilter::default()
            }),
            after_cursor: after,
            limit: 10,
        };
        let page = client.query(request).await.unwrap().into_inner();
        heard.extend(page.events.iter().map(|stored| {
            assert_eq!(stored.agent, "cong-1");
            Uuid::from_slice(&stored.event.as_ref().unwrap().id).unwrap()
        }));
        after = page.next_cursor;
        if after.is_empty() {
            break;
        }
    }
    assert_eq!(heard, made);
    for request in [
        QueryRequest {
            limit: 1001,
            ..QueryRequest::default()
        },
        QueryRequest {
            after_cursor: "x".into(),
            ..QueryRequest::default()
        },
    ] {
        let refused = client.query(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_subscriber_that_is_cut_off_resumes_exactly() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let token = centre.token(Role::Service).await;
    let mut client = events(&centre, &token).await;
    let filter = EventFilter {
        camera: "cam-1".into(),
        ..EventFilter::default()
    };
    let store = centre.store.clone();
    let writer = async {
        let mut made = Vec::new();
        for round in 0..50 {
            made.extend(recorder.passages(&store, "cam-1", round % 5 + 1).await);
            recorder.passages(&store, "cam-2", 2).await;
        }
        made
    };
    let reader = async {
        let mut heard = Vec::new();
        let mut cursor = "0".to_owned();
        for length in (1..=8).cycle() {
            let request = SubscribeRequest {
                filter: Some(filter.clone()),
                resume_cursor: cursor.clone(),
            };
            let mut stream = client.subscribe(request).await.unwrap().into_inner();
            for _ in 0..length {
                if heard.len() == 150 {
                    return heard;
                }
                let stored = stream.message().await.unwrap().unwrap();
                heard.push(Uuid::from_slice(&stored.event.unwrap().id).unwrap());
                cursor = stored.cursor;
            }
        }
        heard
    };
    let (made, heard) = tokio::join!(writer, reader);
    assert_eq!(heard, made);

    let request = SubscribeRequest {
        filter: None,
        resume_cursor: "1000000".into(),
    };
    let refused = client.subscribe(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_is_told_its_cursor() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let mut client = events(&centre, &centre.token(Role::Service).await).await;
    let stream = client.subscribe(SubscribeRequest::default()).await;
    let mut stream = stream.unwrap().into_inner();
    let mut made = Vec::new();
    for _ in 0..120 {
        made.extend(recorder.passages(&centre.store, "cam-1", 200).await);
    }
    let mut heard = Vec::new();
    let status = loop {
        match stream.message().await {
            Ok(stored) => heard.push(stored.unwrap()),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    let cursor = status
        .metadata()
        .get("vong-resume-cursor")
        .unwrap()
        .to_str()
        .unwrap();
    assert_eq!(heard.last().unwrap().cursor, cursor);
    let request = SubscribeRequest {
        filter: None,
        resume_cursor: cursor.into(),
    };
    let mut stream = client.subscribe(request).await.unwrap().into_inner();
    while heard.len() < made.len() {
        heard.push(stream.message().await.unwrap().unwrap());
    }
    let heard: Vec<_> = heard
        .into_iter()
        .map(|stored| Uuid::from_slice(&stored.event.unwrap().id).unwrap())
        .collect();
    assert_eq!(heard, made);
}

#[tokio::test]
async fn alerts_are_listed_and_acknowledged_once() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    recorder.intrusion(&centre.store, "cam-1", "fence").await;
    let mut client = alerts(&centre, &centre.token(Role::Operator).await).await;
    let request = ListAlertsRequest {
        open_only: true,
        limit: 0,
    };
    let list = client.list(request).await.unwrap().into_inner().alerts;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].severity, i32::from(Severity::Major));
    let request = AcknowledgeAlertRequest {
        id: list[0].id.clone(),
        note: "seen".into(),
    };
    let done = client
        .acknowledge(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(done.acknowledged_by, "token:operator-token");
    assert_eq!(done.history.last().unwrap().action, "acknowledge");
    let again = client.acknowledge(request).await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);
    let request = AcknowledgeAlertRequest {
        id: "../x".into(),
        note: String::new(),
    };
    let refused = client.acknowledge(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let centre = Centre::start().await;
    let mut client = events(&centre, &centre.token(Role::Service).await).await;
    let request = QueryRequest {
        after_cursor: "9".repeat(100_000),
        ..QueryRequest::default()
    };
    let refused = client.query(request);
    let refused = tokio::time::timeout(Duration::from_secs(5), refused)
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err().code(), Code::OutOfRange);
}

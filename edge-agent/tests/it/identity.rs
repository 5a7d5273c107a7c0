//! Enrolment against a real server.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use edge_agent::identity::{DialError, EnrollError, Identity, enroll};
use proto::invite::Invite;

use crate::centre::{AGENT, Authority, CODE, Centre, Server};

async fn server(centre: &Centre) -> Server {
    Server::start(
        centre,
        "127.0.0.1:0".parse().unwrap(),
        "127.0.0.1:1883".to_owned(),
    )
    .await
}

fn invite(code: [u8; 16], ca_sha256: [u8; 32], address: &str) -> String {
    Invite::new(code, ca_sha256, address.to_owned())
        .unwrap()
        .to_string()
}

#[tokio::test]
async fn a_box_gets_an_identity_once_and_finds_it_again() {
    let (centre, state) = (Centre::new(), tempfile::tempdir().unwrap());
    let server = server(&centre).await;
    let code = invite(CODE, centre.authority.sha256(), &server.address.to_string());
    assert!(!Identity::exists(state.path()));
    let identity = enroll(&code, state.path()).await.unwrap();
    assert_eq!(identity.agent, AGENT);
    let loaded = Identity::load(state.path()).unwrap();
    assert_eq!(loaded.agent, AGENT);
    assert_eq!(loaded.grpc_address, server.address.to_string());
    assert_eq!(
        loaded.store_id,
        centre.state.lock().unwrap().centre.store_id
    );
    for secret in ["key.pem", "signing.key", "mqtt.password"] {
        let mode = fs::metadata(state.path().join("identity").join(secret)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{secret}");
    }
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("box-password"), "{shown}");

    let again = enroll(&code, state.path()).await.unwrap_err();
    assert!(matches!(again, EnrollError::Spent(_)), "{again}");
    assert!(
        Identity::exists(state.path()),
        "a refusal leaves the identity alone"
    );
}

#[tokio::test]
async fn a_stranger_with_a_valid_certificate_of_another_authority_is_refused() {
    let (centre, state) = (Centre::new(), tempfile::tempdir().unwrap());
    let server = server(&centre).await;
    let address = server.address.to_string();
    let code = invite(CODE, Authority::new().sha256(), &address);
    let error = enroll(&code, state.path()).await.unwrap_err();
    assert!(
        matches!(error, EnrollError::Dial(DialError::Fingerprint { .. })),
        "{error}"
    );
    assert!(
        centre.state.lock().unwrap().agent_key.is_none(),
        "the code was not shown to it"
    );
    assert!(!Identity::exists(state.path()));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let (centre, state) = (Centre::new(), tempfile::tempdir().unwrap());
    let server = server(&centre).await;
    let ca = centre.authority.sha256();
    let try_with = async |code: String| enroll(&code, state.path()).await.unwrap_err();

    let wrong = try_with(invite([1; 16], ca, &server.address.to_string())).await;
    assert!(matches!(wrong, EnrollError::Unknown(_)), "{wrong}");
    assert!(wrong.to_string().contains("ask for a new invitation"));

    // The certificate names 127.0.0.1 only.
    let renamed = format!("localhost:{}", server.address.port());
    let renamed = try_with(invite(CODE, ca, &renamed)).await;
    assert!(
        matches!(renamed, EnrollError::Dial(DialError::Tls { .. })),
        "{renamed}"
    );

    let address = server.kill().await;
    let nobody = try_with(invite(CODE, ca, &address.to_string())).await;
    assert!(
        matches!(nobody, EnrollError::Dial(DialError::Unreachable { .. })),
        "{nobody}"
    );

    let torn = try_with("vong1.abc".to_owned()).await;
    assert!(matches!(torn, EnrollError::Invite(_)), "{torn}");
}

#[test]
fn a_damaged_identity_names_its_file() {
    let state = tempfile::tempdir().unwrap();
    let absent = Identity::load(state.path()).unwrap_err().to_string();
    assert!(absent.contains("edge-agent enroll"), "{absent}");
    let folder = state.path().join("identity");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(Path::new(name)), text).unwrap();
    write(
        "agent.toml",
        "id = \"a\"\ngrpc_address = \"c:1\"\nmqtt_address = \"c:2\"\nstore_id = \"00\"\n",
    );
    let error = Identity::load(state.path()).unwrap_err().to_string();
    assert!(
        error.contains("agent.toml") && error.contains("32 hexadecimal digits"),
        "{error}"
    );
}

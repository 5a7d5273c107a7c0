//! Clients that nobody here wrote.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::world::{AGENT, World};

/// Reads the events of a centre with Google's Python gRPC, by server reflection alone.
const PYTHON: &str = r"
import sys, grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.json_format import MessageToDict
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_health.v1 import health_pb2, health_pb2_grpc
address, ca, token = sys.argv[1:]
credentials = grpc.ssl_channel_credentials(open(ca, 'rb').read())
channel = grpc.secure_channel(address, credentials, [('grpc.ssl_target_name_override', 'localhost')])
print('health', health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest()).status)
database = ProtoReflectionDescriptorDatabase(channel)
print('services', ' '.join(sorted(database.get_services())))
pool = DescriptorPool(database)
request, reply = (GetMessageClass(pool.FindMessageTypeByName('vong.v1.' + n)) for n in ('QueryRequest', 'QueryReply'))
query = channel.unary_unary('/vong.v1.Events/Query', request.SerializeToString, reply.FromString)
for metadata in ([], [('authorization', 'Bearer vong_wrong')]):
    try: query(request(), metadata=metadata); print('refused no')
    except grpc.RpcError as error: print('refused', error.code().name)
events = query(request(limit=100), metadata=[('authorization', 'Bearer ' + token)]).events
print('events', len(events))
";

fn python() -> PathBuf {
    let installed =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.cache/venv/clients/bin/python");
    std::env::var_os("VONG_TEST_PYTHON").map_or(installed, PathBuf::from)
}

fn said(output: &Output) -> Result<String> {
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{problem}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn a_python_grpc_client_reads_events_by_reflection() -> Result<()> {
    let world = World::start("grpc").await?;
    let token = world.centre.administer(&["token", "add", "tester"], "")?;
    let token = token
        .split_whitespace()
        .find(|word| word.starts_with("vong_"));
    let token = token.context("no token was printed")?.to_owned();
    world
        .wait(Duration::from_mins(1), "/api/v1/events", |events| {
            !events.is_empty()
        })
        .await?;
    let ca = world.centre.data.join("ca/ca.pem");
    let output = Command::new(python())
        .args(["-c", PYTHON, &world.centre.addresses.grpc])
        .arg(&ca)
        .arg(&token)
        .output()
        .context("no Python with grpcio: run scripts/test")?;
    let said = said(&output)?;
    assert!(said.contains("health 1"), "{said}");
    for service in [
        "vong.v1.Events",
        "vong.v1.Alerts",
        "vong.v1.Uplink",
        "grpc.health.v1.Health",
    ] {
        assert!(said.contains(service), "{service} is missing: {said}");
    }
    assert_eq!(said.matches("refused UNAUTHENTICATED").count(), 2, "{said}");
    assert!(!said.contains("events 0"), "{said}");
    Ok(())
}

#[tokio::test]
async fn mosquittos_clients_get_nothing_from_the_embedded_broker() -> Result<()> {
    let world = World::start("mqtt").await?;
    world
        .wait(Duration::from_secs(30), "/api/v1/agents", |agents| {
            !agents.is_empty()
        })
        .await?;
    let (host, port) = world
        .centre
        .addresses
        .mqtt
        .rsplit_once(':')
        .context("no port")?;
    let ca = world.centre.data.join("ca/ca.pem");
    let ca = ca.to_str().context("path")?;
    for user in [None, Some(AGENT)] {
        let mut client = Command::new("mosquitto_sub");
        client.args([
            "-h",
            host,
            "-p",
            port,
            "--cafile",
            ca,
            "--insecure",
            "-t",
            "#",
            "-W",
            "3",
            "-i",
            AGENT,
        ]);
        if let Some(user) = user {
            client.args(["-u", user, "-P", "guessed"]);
        }
        let output = client.output()?;
        assert!(output.stdout.is_empty(), "it received something");
        assert!(!output.status.success(), "it was let in");
    }
    let is_online =
        |agents: &[serde_json::Value]| agents.iter().any(|agent| agent["state"] == "online");
    world
        .wait(Duration::from_secs(15), "/api/v1/agents", is_online)
        .await?;
    Ok(())
}

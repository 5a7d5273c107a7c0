//! Settings: as a person wrote them (`file`) become what the code uses, or a list of all faults.

pub mod file;
mod camera;
mod folder;
mod schema;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

pub use crate::document::Fault;
use crate::{
    document::{Document, read_text},
    identity::HostPort,
    vision::{Places, find_weights},
};
pub(crate) use camera::is_slug;
pub use camera::{Camera, motion_default, rules_of_none};
use file::{AgentFile, MqttSpec, UplinkKind};
pub use folder::Fingerprint;
pub use schema::{agent_schema, camera_schema};

/// More cameras than this in one box are refused.
pub const CAMERAS_MAX: usize = 256;
const OUTBOX_BYTES_MIN: u64 = 1 << 20;
const THREADS_MAX: usize = 64;

/// Everything a box needs to run, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Digest of all files, to tell versions apart.
    pub version: String,
    pub agent: Agent,
    pub cameras: Vec<Camera>,
}

/// The box. A change of these takes effect when the agent starts again, but for the folders of
/// models.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub state_dir: PathBuf,
    pub uplink: UplinkKind,
    pub fallback: Option<UplinkKind>,
    pub mqtt_address: Option<String>,
    pub mqtt_tls: bool,
    pub metrics_listen: Option<SocketAddr>,
    pub threads: usize,
    pub sessions: usize,
    pub outbox_bytes_max: u64,
    pub places: Places,
}

impl Agent {
    /// Whether `other`, read later, can be in force without a new start.
    pub fn is_in_force_as(&self, other: &Self) -> bool {
        let without_folders = |agent: &Self| Self {
            places: Places {
                runtimes: agent.places.runtimes.clone(),
                ..Places::default()
            },
            ..agent.clone()
        };
        without_folders(self) == without_folders(other)
    }
}

/// All faults of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if 0 < i {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads `dir/agent.toml` and `dir/cameras/*.toml`.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let mut faults = Vec::new();
        let mut digest = Sha256::new();
        let agent_file = dir.join("agent.toml");
        let read = read_agent(&agent_file, &mut digest, &mut faults);
        // Even with a faulty agent.toml the cameras are checked, against the usual places.
        let (file, agent) = read.unwrap_or_else(|| {
            let file = AgentFile::default();
            let agent = resolve(dir, &file, None);
            (file, agent)
        });
        let mut cameras: Vec<Camera> = Vec::new();
        let mut ids: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in folder::camera_files(dir, &mut faults) {
            let text = match read_text(&path) {
                Ok(text) => text,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            add_to(&mut digest, &path, &text);
            let mut document = Document::parse(&path, &text);
            let camera = Camera::read(&mut document, &agent.places, &file.inference.model);
            if let Some(camera) = camera {
                if let Err(error) = find_weights(&camera.manifest, &agent.places) {
                    camera::fault_of_model(&mut document, error);
                }
                match ids.get(&camera.id) {
                    Some(first) => document.fault(
                        "id",
                        format!("`{}` is already the id in {}", camera.id, first.display()),
                    ),
                    None => {
                        ids.insert(camera.id.clone(), path.clone());
                        cameras.push(camera);
                    }
                }
            }
            faults.append(&mut document.take_faults());
        }
        if !faults.is_empty() {
            return Err(ConfigError { faults });
        }
        let version = hex::encode(digest.finalize()).chars().take(16).collect();
        Ok(Self {
            version,
            agent,
            cameras,
        })
    }

    /// The settings of the box alone, for commands that do not look at cameras.
    pub fn load_agent(dir: &Path) -> Result<Agent, ConfigError> {
        let mut faults = Vec::new();
        let read = read_agent(&dir.join("agent.toml"), &mut Sha256::new(), &mut faults);
        read.map(|(_, agent)| agent)
            .filter(|_| faults.is_empty())
            .ok_or(ConfigError { faults })
    }
}

fn add_to(digest: &mut Sha256, path: &Path, text: &str) {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    for part in [name, text.as_bytes()] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
}

fn read_agent(
    path: &Path,
    digest: &mut Sha256,
    faults: &mut Vec<Fault>,
) -> Option<(AgentFile, Agent)> {
    let text = read_text(path).map_err(|fault| faults.push(fault)).ok()?;
    add_to(digest, path, &text);
    let mut document = Document::parse(path, &text);
    let file = document.read::<AgentFile>();
    let agent = file.map(|file| {
        let listen = check_agent(&file, &mut document);
        let dir = path.parent().unwrap_or(Path::new("."));
        let agent = resolve(dir, &file, listen);
        (file, agent)
    });
    faults.append(&mut document.take_faults());
    agent
}

fn check_agent(file: &AgentFile, document: &mut Document<'_>) -> Option<SocketAddr> {
    for (path, value) in [
        ("inference.threads", file.inference.threads),
        ("inference.sessions", file.inference.sessions),
    ] {
        if !(1..=THREADS_MAX).contains(&value) {
            document.fault(path, format!("is {value}, must be 1 to {THREADS_MAX}"));
        }
    }
    let bytes_max = file.outbox.bytes_max;
    if bytes_max < OUTBOX_BYTES_MIN {
        let message = format!("is {bytes_max}, must be at least {OUTBOX_BYTES_MIN}");
        document.fault("outbox.bytes_max", message);
    }
    if file.fallback == Some(file.uplink) {
        document.fault("fallback", "is the same as `uplink`");
    } else if file.fallback.is_some() && file.uplink == UplinkKind::None {
        document.fault("fallback", "is of no use with `uplink = \"none\"`");
    }
    check_broker(&file.mqtt, document);
    let text = file.metrics_listen.as_deref()?;
    let listen = text.parse().ok();
    if listen.is_none() {
        let message = format!("`{text}` is not an address with a port, such as 127.0.0.1:9464");
        document.fault("metrics_listen", message);
    }
    listen
}

fn check_broker(mqtt: &MqttSpec, document: &mut Document<'_>) {
    let Some(address) = &mqtt.address else {
        if !mqtt.tls {
            let message = "needs `address` with a broker on this machine, such as 127.0.0.1:1883";
            document.fault("mqtt.tls", message);
        }
        return;
    };
    match HostPort::parse(address) {
        Ok(broker) if !mqtt.tls && !broker.is_loopback() => document.fault(
            "mqtt.tls",
            "only a broker on this machine is spoken to without TLS; remove it, or use 127.0.0.1",
        ),
        Ok(_) => {}
        Err(error) => document.fault("mqtt.address", error),
    }
}

fn resolve(dir: &Path, file: &AgentFile, metrics_listen: Option<SocketAddr>) -> Agent {
    let dirs: Vec<_> = file
        .inference
        .model_dirs
        .iter()
        .map(|path| dir.join(path))
        .collect();
    let runtime = file.inference.runtime.as_ref().map(|path| dir.join(path));
    Agent {
        state_dir: dir.join(&file.state_dir),
        uplink: file.uplink,
        fallback: file.fallback,
        mqtt_address: file.mqtt.address.clone(),
        mqtt_tls: file.mqtt.tls,
        metrics_listen,
        threads: file.inference.threads,
        sessions: file.inference.sessions,
        outbox_bytes_max: file.outbox.bytes_max,
        places: Places::find(&dirs, runtime.as_deref()),
    }
}

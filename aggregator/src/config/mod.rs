//! Settings: what a person wrote, then what the program uses.

mod file;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub use file::{ConfigFile, Fault, KEYS};

const HTTP_LISTEN: &str = "127.0.0.1:8080";
const GRPC_LISTEN: &str = "127.0.0.1:8443";
const MQTT_LISTEN: &str = "127.0.0.1:8883";
/// A settings file larger than this is none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the server uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Holds everything.
    pub data: PathBuf,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub mqtt: SocketAddr,
    /// In the server's certificate.
    pub public_names: Vec<String>,
    /// The first one a person named, if any; told to agents.
    pub advertised_name: Option<String>,
}

/// What the command line says over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub http: Option<SocketAddr>,
    pub grpc: Option<SocketAddr>,
    pub mqtt: Option<SocketAddr>,
    pub public_names: Vec<String>,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults { faults: Vec<Fault> },
    #[error("{0}")]
    Address(#[from] AddressError),
}

/// Not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address and port, as in 127.0.0.1:8080 or [::]:8080")]
pub struct AddressError {
    text: String,
}

impl Settings {
    /// Reads `aggregator.toml` in the data folder, if there is one, under the command line.
    pub fn load(data: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        let path = data.join("aggregator.toml");
        let read = |source| ConfigError::Read {
            path: path.clone(),
            source,
        };
        let file = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => ConfigFile::default(),
            Err(error) => return Err(read(error)),
            Ok(metadata) if FILE_BYTES_MAX < metadata.len() => {
                return Err(read(io::ErrorKind::FileTooLarge.into()));
            }
            Ok(_) => {
                let text = fs::read_to_string(&path).map_err(read)?;
                ConfigFile::parse(&text, &path).map_err(|faults| ConfigError::Faults { faults })?
            }
        };
        Self::resolve(data, file, overrides)
    }

    fn resolve(data: &Path, file: ConfigFile, overrides: Overrides) -> Result<Self, ConfigError> {
        let address = |over: Option<SocketAddr>, written: Option<String>, default: &str| match over
        {
            Some(address) => Ok(address),
            None => parse_address(written.as_deref().unwrap_or(default)),
        };
        let named = if overrides.public_names.is_empty() {
            file.public_names.unwrap_or_default()
        } else {
            overrides.public_names
        };
        let advertised_name = named.first().cloned();
        let mut public_names = named;
        let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        for name in always.into_iter().chain(machine_name()) {
            if !public_names.contains(&name) {
                public_names.push(name);
            }
        }
        Ok(Self {
            data: data.to_owned(),
            http: address(overrides.http, file.http_listen, HTTP_LISTEN)?,
            grpc: address(overrides.grpc, file.grpc_listen, GRPC_LISTEN)?,
            mqtt: address(overrides.mqtt, file.mqtt_listen, MQTT_LISTEN)?,
            public_names,
            advertised_name,
        })
    }

    /// host:port under which others reach what listens on `bound`.
    pub fn advertised(&self, bound: SocketAddr) -> String {
        let name = self.advertised_name.clone();
        let own = || {
            if bound.ip().is_unspecified() {
                machine_name()
            } else {
                None
            }
        };
        match name.or_else(own) {
            Some(name) if name.contains(':') => format!("[{name}]:{}", bound.port()),
            Some(name) => format!("{name}:{}", bound.port()),
            None => bound.to_string(),
        }
    }
}

/// Reads an address to listen on.
pub fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => Err(AddressError {
            text: text.chars().take(100).collect(),
        }),
    }
}

/// The machine's own name, if it is one that a certificate can hold.
fn machine_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim().to_ascii_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name.len() <= 253 && name.chars().all(good)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
        let file = ConfigFile {
            http_listen: Some("127.0.0.1:1".to_owned()),
            grpc_listen: Some("127.0.0.1:2".to_owned()),
            ..ConfigFile::default()
        };
        let overrides = Overrides {
            grpc: Some("127.0.0.1:3".parse().unwrap()),
            ..Overrides::default()
        };
        let settings = Settings::resolve(Path::new("data"), file, overrides).unwrap();
        assert_eq!(settings.http.port(), 1);
        assert_eq!(settings.grpc.port(), 3);
        assert_eq!(settings.mqtt.port(), 8883);
    }

    #[test]
    fn agents_are_told_the_first_public_name_or_the_address_itself() {
        let bound = "127.0.0.1:8443".parse().unwrap();
        let settings = |names: &[&str]| {
            let public_names = names.iter().map(|name| (*name).to_owned()).collect();
            let overrides = Overrides {
                public_names,
                ..Overrides::default()
            };
            Settings::resolve(Path::new("data"), ConfigFile::default(), overrides).unwrap()
        };
        assert_eq!(settings(&[]).advertised(bound), "127.0.0.1:8443");
        assert_eq!(
            settings(&["vong.example", "10.0.0.1"]).advertised(bound),
            "vong.example:8443"
        );
        assert_eq!(
            settings(&["2001:db8::1"]).advertised(bound),
            "[2001:db8::1]:8443"
        );
    }
}

//! `aggregator.toml` as a person writes it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// Settings of the centre. Every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Where the console and REST listen; default: 127.0.0.1:8080. TLS as soon as it is not
    /// loopback.
    pub http_listen: Option<String>,
    /// Where gRPC listens, over TLS; default: 127.0.0.1:8443.
    pub grpc_listen: Option<String>,
    /// Where the embedded MQTT broker listens, over TLS; default: 127.0.0.1:8883.
    pub mqtt_listen: Option<String>,
    /// Host names and addresses by which agents and people reach this machine; the first is told
    /// to new agents. Default: localhost, 127.0.0.1, ::1 and the machine's name.
    pub public_names: Option<Vec<String>>,
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

impl ConfigFile {
    /// Reads the text of the file at `path`; all its faults at once.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults {
            text,
            path,
            found: Vec::new(),
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                faults.add(offset, error.message().to_owned());
                return Err(faults.found);
            }
        };
        let mut file = Self::default();
        for (key, value) in table {
            let offset = value.span().start;
            match key.get_ref().as_ref() {
                "http_listen" => file.http_listen = faults.address(&key, value),
                "grpc_listen" => file.grpc_listen = faults.address(&key, value),
                "mqtt_listen" => file.mqtt_listen = faults.address(&key, value),
                "public_names" => {
                    file.public_names = faults.value(&key, value);
                    if file.public_names.as_ref().is_some_and(Vec::is_empty) {
                        faults.add(offset, "public_names: name at least one".to_owned());
                    }
                }
                unknown => {
                    let message = format!(
                        "{unknown:?} is not a key here; keys are {}",
                        KEYS.join(", ")
                    );
                    faults.add(key.span().start, message);
                }
            }
        }
        if faults.found.is_empty() {
            Ok(file)
        } else {
            Err(faults.found)
        }
    }
}

/// The keys of the file.
pub const KEYS: [&str; 4] = ["http_listen", "grpc_listen", "mqtt_listen", "public_names"];

struct Faults<'a> {
    text: &'a str,
    path: &'a Path,
    found: Vec<Fault>,
}

impl Faults<'_> {
    fn add(&mut self, offset: usize, message: String) {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.found.push(Fault {
            path: self.path.to_owned(),
            line,
            message,
        });
    }

    fn value<T: DeserializeOwned>(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: Spanned<DeValue<'_>>,
    ) -> Option<T> {
        let offset = value.span().start;
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(offset, format!("{}: {}", key.get_ref(), error.message()));
                None
            }
        }
    }

    fn address(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: Spanned<DeValue<'_>>,
    ) -> Option<String> {
        let offset = value.span().start;
        let text: String = self.value(key, value)?;
        if let Err(error) = super::parse_address(&text) {
            self.add(offset, format!("{}: {error}", key.get_ref()));
            return None;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_line() {
        let text = "http_listen = \"nowhere\"\nmqtt_port = 1883\n\ngrpc_listen = 8443\n";
        let faults = ConfigFile::parse(text, Path::new("aggregator.toml")).unwrap_err();
        let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:#?}");
        let line = |n: usize| {
            shown
                .iter()
                .find(|s| s.starts_with(&format!("aggregator.toml:{n}:")))
        };
        assert!(
            line(1).is_some_and(|s| s.contains("127.0.0.1:8080")),
            "{shown:#?}"
        );
        assert!(
            line(2).is_some_and(|s| s.contains("\"mqtt_port\" is not a key")),
            "{shown:#?}"
        );
        assert!(
            line(4).is_some_and(|s| s.contains("grpc_listen")),
            "{shown:#?}"
        );
    }

    #[test]
    fn broken_toml_is_named_with_its_line() {
        let faults = ConfigFile::parse("\nhttp_listen = [", Path::new("a.toml")).unwrap_err();
        assert_eq!(faults.first().map(|fault| fault.line), Some(2));
    }

    #[test]
    fn the_keys_are_those_of_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(ConfigFile)).unwrap();
        let mut listed = KEYS.map(str::to_owned).to_vec();
        listed.sort();
        let properties = schema["properties"].as_object().unwrap();
        let mut known: Vec<_> = properties.keys().cloned().collect();
        known.sort();
        assert_eq!(known, listed);
    }
}

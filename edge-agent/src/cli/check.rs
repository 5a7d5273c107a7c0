//! `edge-agent check`.

use std::{collections::BTreeSet, path::Path};

use crate::{config::Config, failure::Failure, vision::Model};

/// Loads each model too: a wrong hash or shape shows only then.
pub(super) fn execute(dir: &Path) -> Result<String, Failure> {
    let config = Config::load(dir).map_err(Failure::usage)?;
    let mut names = BTreeSet::new();
    for camera in &config.cameras {
        if names.insert(camera.manifest.name.clone()) {
            Model::load(camera.manifest.clone(), &config.agent.places, 1, 1)
                .map_err(Failure::usage)?;
        }
    }
    Ok(format!(
        "{}: good, version {}, {} cameras, {} models",
        dir.display(),
        config.version,
        config.cameras.len(),
        names.len()
    ))
}

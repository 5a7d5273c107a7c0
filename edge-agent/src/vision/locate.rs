//! Where manifests, weights and the ONNX Runtime library are looked for.
//!
//! The programs should just work in a checkout, from a service's folder, and under a test: so each
//! is looked for in the folders of the configuration, then where the environment says, then in
//! the working folder and above the executable.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Folders in the order of search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub manifests: Vec<PathBuf>,
    pub weights: Vec<PathBuf>,
    /// Candidates for the library's file.
    pub runtimes: Vec<PathBuf>,
}

impl Places {
    /// `dirs` and `runtime` come from the configuration and are tried first.
    pub fn find(dirs: &[PathBuf], runtime: Option<&Path>) -> Self {
        let roots = roots();
        let variable = |name: &str| {
            env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let caches: Vec<_> = variable("VONG_CACHE")
            .into_iter()
            .chain(roots.iter().map(|root| root.join(".cache")))
            .collect();
        let manifests = dirs
            .iter()
            .cloned()
            .chain(variable("VONG_MODELS"))
            .chain(roots.iter().map(|root| root.join("models")));
        let weights = dirs
            .iter()
            .cloned()
            .chain(caches.iter().map(|cache| cache.join("models")))
            .chain(variable("VONG_MODEL_DIR"));
        let runtimes = runtime
            .map(Path::to_owned)
            .into_iter()
            .chain(variable("ORT_DYLIB_PATH"))
            .chain(
                caches
                    .iter()
                    .flat_map(|cache| libraries(&cache.join("onnxruntime"))),
            );
        Self {
            manifests: existing(manifests),
            weights: existing(weights),
            runtimes: runtimes.collect(),
        }
    }
}

/// The working folder, and the executable's folder with those above it.
fn roots() -> Vec<PathBuf> {
    let mut roots: Vec<_> = env::current_dir().into_iter().collect();
    if let Ok(executable) = env::current_exe() {
        roots.extend(executable.ancestors().skip(1).map(Path::to_owned));
    }
    roots
}

fn existing(dirs: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = Vec::new();
    for dir in dirs.filter(|dir| dir.is_dir()) {
        if !out.contains(&dir) {
            out.push(dir);
        }
    }
    out
}

/// `<dir>/<version>/libonnxruntime.so`, the last version first.
fn libraries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path().join("libonnxruntime.so"))
        .filter(|file| file.is_file())
        .collect();
    found.sort();
    found.reverse();
    found
}

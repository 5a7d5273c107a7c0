//! `edge-agent analyze`.

use scene::{Class, Classes};

use super::AnalyzeArgs;
use crate::{
    analyze::{Paths, Task, run},
    config::{Camera, motion_default, rules_of_none},
    failure::Failure,
    vision::{AUTO, Manifest, Model, Places, find_manifest},
};

pub(super) fn execute(args: &AnalyzeArgs) -> Result<String, Failure> {
    let places = Places::find(&[], None);
    let threads = usize::from(args.threads);
    let (manifest, mut wanted, rules, mut motion) = match &args.config {
        Some(path) => {
            let camera =
                Camera::load(path, &places, AUTO, args.model.as_deref()).map_err(Failure::usage)?;
            (camera.manifest, camera.wanted, camera.rules, camera.motion)
        }
        None => {
            let name = args.model.as_deref().unwrap_or(AUTO);
            let manifest = find_manifest(name, &places).map_err(Failure::usage)?;
            let rules = rules_of_none(&manifest);
            (manifest, Vec::new(), rules, motion_default())
        }
    };
    motion.is_enabled |= args.gate;
    if !args.classes.is_empty() {
        wanted = classes(&args.classes, &manifest)?;
    }
    let model = Model::load(manifest, &places, 1, threads).map_err(Failure::usage)?;
    let paths = Paths {
        video: args.video.clone(),
        events: args.events.clone(),
        tracks: args.tracks.clone(),
        stats: args.stats.clone(),
        detections: args.detections.clone(),
        annotate: args.annotate.clone(),
    };
    let stats = run(
        &paths,
        Task {
            model,
            wanted,
            rules,
            motion,
            threads,
        },
    )
    .map_err(Failure::work)?;
    Ok(format!(
        "{} frames, {} events, {:.2} s, {:.2} ms of CPU a frame",
        stats.frames, stats.events, stats.wall_seconds, stats.cpu_ms_per_frame
    ))
}

fn classes(names: &[String], manifest: &Manifest) -> Result<Vec<Class>, Failure> {
    let classes = Classes::new(manifest.classes.names.clone());
    let find = |name: &String| {
        classes.find(name).ok_or_else(|| {
            Failure::usage(format!(
                "--classes: `{name}` is not a class of {}",
                manifest.name
            ))
        })
    };
    names.iter().map(find).collect()
}

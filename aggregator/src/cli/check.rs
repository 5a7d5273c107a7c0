//! `aggregator check`

use std::path::Path;

use super::{Failure, failed, say};
use crate::{
    config::{Overrides, Settings},
    identity::Authority,
    store::{Access, Store},
};

/// Says what is found; fails if anything is wrong.
pub(super) async fn run(data: &Path) -> Result<(), Failure> {
    let settings = Settings::load(data, Overrides::default())?;
    say(&format!(
        "configuration: good; http {}, grpc {}, mqtt {}",
        settings.http, settings.grpc, settings.mqtt
    ))
    .map_err(failed)?;
    let store = Store::open(data, Access::Tool).map_err(failed)?;
    let authority = Authority::load_or_make(data).map_err(failed)?;
    let fingerprint = hex::encode(crate::identity::sha256(authority.certificate()));
    say(&format!(
        "certificates: own authority, sha256 {fingerprint}"
    ))
    .map_err(failed)?;
    let mut faults = 0;
    for finding in store.check().await.map_err(failed)? {
        faults += usize::from(finding.fault);
        let mark = if finding.fault { "FAULT " } else { "" };
        say(&format!("{mark}{}", finding.what)).map_err(failed)?;
    }
    match faults {
        0 => Ok(()),
        1 => Err("1 fault found".to_owned().into()),
        more => Err(format!("{more} faults found").into()),
    }
}

//! `aggregator check`

use std::path::Path;

use super::{Failure, failed, say};
use crate::{
    config::{Overrides, Settings},
    identity::Authority,
    store::{Access, Finding, Store, Timestamp},
};

/// A certificate that ends sooner is a fault.
const EXPIRY_WARNING_SECONDS: i64 = 30 * 86_400;

/// Says what is found; fails if anything is wrong.
pub(super) async fn run(data: &Path) -> Result<(), Failure> {
    let settings = Settings::load(data, Overrides::default())?;
    say(&format!(
        "configuration: good; http {}, grpc {}, mqtt {}",
        settings.http, settings.grpc, settings.mqtt
    ))
    .map_err(failed)?;
    let store = Store::open(data, Access::Tool).map_err(failed)?;
    let authority = Authority::load(data).map_err(failed)?;
    let fingerprint = hex::encode(crate::identity::sha256(authority.certificate()));
    let now = Timestamp::now();
    let mut findings = vec![expiry(
        &format!("own authority, sha256 {fingerprint}"),
        authority.ends_at(),
        now,
    )];
    if let Some(ends_at) = authority.server_ends_at() {
        findings.push(expiry(
            "of the server, renewed at every start",
            ends_at,
            now,
        ));
    }
    findings.extend(store.check().await.map_err(failed)?);
    let mut faults = 0;
    for finding in findings {
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

fn expiry(which: &str, ends_at: Timestamp, now: Timestamp) -> Finding {
    Finding {
        what: format!("certificate: {which}, until {ends_at}"),
        fault: ends_at < now.plus_seconds(EXPIRY_WARNING_SECONDS),
    }
}

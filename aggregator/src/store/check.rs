//! Looks whether a store is whole.

use super::{SCHEMA_VERSION, Store, StoreError, evidence, migrate};

/// Pictures looked for in the evidence folder; a larger folder is sampled by its newest.
const PICTURES_MAX: u32 = 100_000;

/// Something that `aggregator check` found; `fault` tells good news from bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub fault: bool,
}

impl Store {
    /// Reads through the whole store. Minutes, if it is large.
    pub async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        let dir = self.dir().to_owned();
        let mut findings = self
            .read(move |db| {
                let mut findings = Vec::new();
                let version = migrate::version(db)?;
                findings.push(Finding {
                    what: format!("store: schema version {version} of {SCHEMA_VERSION}"),
                    fault: version != SCHEMA_VERSION,
                });
                let integrity: String =
                    db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
                findings.push(Finding {
                    what: format!("store: integrity {integrity}"),
                    fault: integrity != "ok",
                });
                let mut query =
                    db.prepare("SELECT sha256 FROM evidence ORDER BY stored_us DESC LIMIT ?1")?;
                let (mut there, mut missing) = (0_u64, 0_u64);
                for sha256 in query.query_map([PICTURES_MAX], |row| row.get::<_, [u8; 32]>(0))? {
                    let found = evidence::path(&dir, &sha256?).is_file();
                    *(if found { &mut there } else { &mut missing }) += 1;
                }
                findings.push(Finding {
                    what: format!("evidence: {there} pictures there, {missing} missing"),
                    fault: missing != 0,
                });
                Ok::<_, StoreError>(findings)
            })
            .await?;
        let broken = self.audit_break().await?;
        findings.push(Finding {
            what: broken.map_or_else(
                || "audit: every entry is as it was written".to_owned(),
                |number| format!("audit: entry {number} was changed or removed"),
            ),
            fault: broken.is_some(),
        });
        Ok(findings)
    }
}

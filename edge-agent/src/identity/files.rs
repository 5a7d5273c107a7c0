//! The identity folder, written all or nothing.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};

pub(super) const NAMES: &str = "agent.toml";
pub(super) const KEY: &str = "key.pem";
pub(super) const CERTIFICATE: &str = "cert.pem";
pub(super) const CA: &str = "ca.pem";
pub(super) const SIGNING_KEY: &str = "signing.key";
pub(super) const ACK_KEY: &str = "ack.pub";
pub(super) const MQTT_PASSWORD: &str = "mqtt.password";

const PEM_LINE_BYTES: usize = 48;

/// Makes `folder` hold exactly `files`, or leaves it as it was. One that was there before is kept
/// beside it as `NAME.replaced`.
pub(super) fn write_folder(folder: &Path, files: &[(&str, String)]) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    let new = folder.with_extension("new");
    let replaced = folder.with_extension("replaced");
    fs::create_dir_all(parent)?;
    remove_folder(&new)?;
    DirBuilder::new().mode(0o700).create(&new)?;
    for (name, text) in files {
        write_synced(&new.join(name), text.as_bytes())?;
    }
    File::open(&new)?.sync_all()?;
    if folder.exists() {
        remove_folder(&replaced)?;
        fs::rename(folder, &replaced)?;
    }
    fs::rename(&new, folder)?;
    File::open(parent)?.sync_all()
}

/// Replaces one file.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_synced(&new, bytes)?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// RFC 7468.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(PEM_LINE_BYTES) {
        text.push_str(&STANDARD.encode(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn a_folder_is_replaced_whole_and_only_its_owner_reads_it() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("identity");
        write_folder(&folder, &[("a", "one".to_owned()), ("b", "two".to_owned())]).unwrap();
        write_folder(&folder, &[("a", "three".to_owned())]).unwrap();
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "three");
        assert!(!folder.join("b").exists());
        assert_eq!(
            fs::read_to_string(state.path().join("identity.replaced/b")).unwrap(),
            "two"
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("a"))), (0o700, 0o600));
    }

    #[test]
    fn pem_is_read_back() {
        let der: Vec<u8> = (0..=255).collect();
        let text = pem("CERTIFICATE", &der);
        assert_eq!(
            CertificateDer::from_pem_slice(text.as_bytes())
                .unwrap()
                .as_ref(),
            der
        );
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}

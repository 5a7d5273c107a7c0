//! Disks that are full or cannot be written. Needs root, for a small disk of its own.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use edge_agent::outbox::{Limits, Outbox};
use proto::Lane;
use tempfile::TempDir;

use super::drain;

/// A tmpfs of its own, gone when dropped.
struct Disk(TempDir);

impl Disk {
    /// `None` where this user may not mount.
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "vong-test"])
            .arg(folder.path())
            .output()
            .unwrap();
        if !mounted.status.success() {
            eprintln!("not tried: mount needs root");
            return None;
        }
        Some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Others write until there is no page left.
    fn fill(&self) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.others())
            .unwrap();
        for size in [1 << 20, 1 << 16, 1 << 12] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.others()).unwrap();
    }

    fn others(&self) -> PathBuf {
        self.path().join("of-others")
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.path())
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

async fn until(outbox: &Outbox, durable: bool) {
    let mut held = outbox.watch();
    let changed = held.wait_for(|held| held.stats.durable == durable);
    let changed = tokio::time::timeout(Duration::from_secs(15), changed).await;
    changed
        .unwrap_or_else(|_| panic!("durable is not {durable} after 15 s"))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_filled_by_others_costs_the_oldest_events_and_no_alarm() {
    let Some(disk) = Disk::new("12m") else { return };
    let outbox = Outbox::open(&disk.path().join("outbox.sqlite"), Limits::default()).unwrap();
    let put = async |lane, count: u32| {
        for _ in 1..count {
            outbox.put(lane, vec![5; 20_000]).await.unwrap();
        }
        outbox.put_durable(lane, vec![5; 20_000]).await.unwrap();
    };
    put(Lane::Evidence, 50).await;
    disk.fill();
    put(Lane::Alarms, 100).await;
    let stats = outbox.stats();
    assert_eq!(stats.lost_items[0], 0);
    assert!(stats.lost_items[4] > 0 || !stats.durable, "{stats:?}");
    let all = drain(&outbox).await;
    let lost = all.values().filter(|found| found.is_none()).count() as u64;
    assert_eq!(
        lost,
        stats.lost_items.iter().sum::<u64>(),
        "declared lost = missing"
    );
    assert_eq!(all.len(), 150);
    disk.make_room();
    until(&outbox, true).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    put(Lane::Evidence, 100).await;
    assert_eq!(
        outbox.stats().lost_items,
        stats.lost_items,
        "it grows again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stands_in_for_a_disk_that_cannot_be_written_until_it_can() {
    let Some(disk) = Disk::new("12m") else { return };
    let outbox = Outbox::open(&disk.path().join("outbox.sqlite"), Limits::default()).unwrap();
    let on_disk = outbox
        .put_durable(Lane::Alarms, b"disk".to_vec())
        .await
        .unwrap();
    disk.fill();
    // There is ballast for this one.
    outbox
        .put_durable(Lane::Alarms, b"disk too".to_vec())
        .await
        .unwrap();
    assert!(outbox.stats().durable);
    disk.fill();
    let in_memory = outbox
        .put_durable(Lane::Alarms, b"memory".to_vec())
        .await
        .unwrap();
    assert!(!outbox.stats().durable);
    assert_ne!(on_disk.id.epoch, in_memory.id.epoch);
    let all = drain(&outbox).await;
    assert_eq!(
        all[&(on_disk.id, 1)].as_deref(),
        Some(&b"disk"[..]),
        "it can still be read"
    );
    assert_eq!(all[&(in_memory.id, 1)].as_deref(), Some(&b"memory"[..]));
    outbox.ack(on_disk.id, 2);
    disk.make_room();
    until(&outbox, true).await;
    let after = outbox
        .put_durable(Lane::Alarms, b"after".to_vec())
        .await
        .unwrap();
    assert!(after.id.epoch != on_disk.id.epoch && after.id.epoch != in_memory.id.epoch);
    let streams = outbox.watch().borrow().streams.clone();
    let order: Vec<u64> = streams.iter().map(|stream| stream.id.epoch).collect();
    assert_eq!(
        order,
        [on_disk.id.epoch, in_memory.id.epoch, after.id.epoch],
        "oldest first"
    );
    assert_eq!(streams[0].acked, 2, "the ack was kept for the disk");
    assert_eq!(drain(&outbox).await.len(), 2);
    outbox.ack(in_memory.id, 1);
    let mut held = outbox.watch();
    let gone = held.wait_for(|held| held.streams.iter().all(|s| s.id != in_memory.id));
    tokio::time::timeout(Duration::from_secs(15), gone)
        .await
        .expect("memory is freed")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_be_written_at_the_start_does_not_stop_the_box() {
    let Some(disk) = Disk::new("12m") else { return };
    let path = disk.path().join("outbox.sqlite");
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    let before = outbox
        .put_durable(Lane::Events, b"before".to_vec())
        .await
        .unwrap();
    drop(outbox);
    disk.remount("ro");
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    assert!(!outbox.stats().durable);
    outbox
        .put_durable(Lane::Alarms, b"alarm".to_vec())
        .await
        .unwrap();
    disk.remount("rw");
    until(&outbox, true).await;
    let all = drain(&outbox).await;
    assert_eq!(all[&(before.id, 1)].as_deref(), Some(&b"before"[..]));
    assert_eq!(all.len(), 2);
}

//! Rows of `epoch`, `lane` and `item`, with their checksums.

use proto::{Chain, Lane, StreamId, chain};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::outbox::stream::Stream;

/// The lane of one epoch, as the database names it. Older epochs sort first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::outbox) struct Key {
    pub(in crate::outbox) ord: i64,
    pub(in crate::outbox) lane: Lane,
}

impl Key {
    pub(super) fn lane_column(self) -> i64 {
        i64::from(self.lane.number())
    }
}

/// One row of `lane`, together with its epoch's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::outbox) struct StreamRow {
    pub(in crate::outbox) epoch: u64,
    pub(in crate::outbox) base: u64,
    pub(in crate::outbox) next: u64,
    pub(in crate::outbox) acked: u64,
    pub(in crate::outbox) chain: Chain,
    pub(in crate::outbox) backlog_bytes: u64,
}

impl StreamRow {
    pub(in crate::outbox) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            base: 1,
            next: 1,
            acked: 0,
            chain: chain::START,
            backlog_bytes: 0,
        }
    }

    pub(in crate::outbox) fn stream(&self, lane: Lane) -> Stream {
        let id = StreamId {
            epoch: self.epoch,
            lane,
        };
        Stream {
            id,
            base: self.base,
            next: self.next,
            acked: self.acked,
        }
    }

    /// Whether nothing is left to be acknowledged.
    pub(in crate::outbox) fn is_drained(&self) -> bool {
        self.acked + 1 >= self.next
    }

    fn crc(&self, key: Key) -> u32 {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(&key.ord.to_le_bytes());
        bytes.extend_from_slice(&key.lane_column().to_le_bytes());
        for number in [self.base, self.next, self.acked, self.backlog_bytes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.chain);
        crc32c::crc32c(&bytes)
    }

    pub(super) fn write(&self, db: &Connection, key: Key) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT OR REPLACE INTO lane (epoch_ord, lane, base, next, acked, chain, \
             backlog_bytes, crc32c) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            key.ord,
            key.lane_column(),
            self.base.cast_signed(),
            self.next.cast_signed(),
            self.acked.cast_signed(),
            &self.chain[..],
            self.backlog_bytes.cast_signed(),
            self.crc(key),
        ])?;
        Ok(())
    }

    /// `None` when the row does not match its checksum.
    pub(super) fn read(row: &Row<'_>, epoch: u64) -> rusqlite::Result<Option<(Key, Self)>> {
        let number = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let lane = Lane::from_number(row.get("lane")?);
        let chain = Chain::try_from(row.get_ref("chain")?.as_blob()?);
        let (Some(lane), Ok(chain)) = (lane, chain) else {
            return Ok(None);
        };
        let key = Key {
            ord: row.get("epoch_ord")?,
            lane,
        };
        let stream = Self {
            epoch,
            base: number("base")?,
            next: number("next")?,
            acked: number("acked")?,
            chain,
            backlog_bytes: number("backlog_bytes")?,
        };
        let sound = row.get::<_, i64>("crc32c")? == i64::from(stream.crc(key));
        Ok(sound.then_some((key, stream)))
    }
}

/// One row of `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::outbox) struct EpochRow {
    pub(in crate::outbox) ord: i64,
    pub(in crate::outbox) id: u64,
}

impl EpochRow {
    fn crc(self) -> u32 {
        crc32c::crc32c_append(
            crc32c::crc32c(&self.ord.to_le_bytes()),
            &self.id.to_le_bytes(),
        )
    }

    pub(super) fn write(self, db: &Connection, opened_us: i64) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO epoch (ord, id, opened_us, crc32c) VALUES (?1, ?2, ?3, ?4)",
            params![self.ord, self.id.cast_signed(), opened_us, self.crc()],
        )?;
        Ok(())
    }

    /// `None` when the row does not match its checksum.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let epoch = Self {
            ord: row.get("ord")?,
            id: row.get::<_, i64>("id")?.cast_unsigned(),
        };
        Ok((row.get::<_, i64>("crc32c")? == i64::from(epoch.crc())).then_some(epoch))
    }
}

/// One row of `item` whose checksum holds.
pub(in crate::outbox) struct ItemRow {
    pub(in crate::outbox) chain_before: Chain,
    pub(in crate::outbox) bytes: Vec<u8>,
}

/// What is at one place of a stream.
pub(in crate::outbox) enum Found {
    Item(ItemRow),
    Damaged,
    Absent,
}

impl ItemRow {
    fn crc(&self, key: Key, epoch: u64, seq: u64) -> u32 {
        let mut crc = crc32c::crc32c(&key.lane_column().to_le_bytes());
        for number in [epoch, seq] {
            crc = crc32c::crc32c_append(crc, &number.to_le_bytes());
        }
        crc = crc32c::crc32c_append(crc, &self.chain_before);
        crc32c::crc32c_append(crc, &self.bytes)
    }

    pub(super) fn chain_after(&self) -> Chain {
        chain::after(&self.chain_before, &self.bytes)
    }

    pub(super) fn write(
        &self,
        db: &Connection,
        key: Key,
        epoch: u64,
        seq: u64,
    ) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO item (lane, epoch_ord, seq, crc32c, chain_before, bytes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.lane_column(),
            key.ord,
            seq.cast_signed(),
            self.crc(key, epoch, seq),
            &self.chain_before[..],
            &self.bytes[..],
        ])?;
        Ok(())
    }

    pub(in crate::outbox) fn find(
        db: &Connection,
        key: Key,
        epoch: u64,
        seq: u64,
    ) -> rusqlite::Result<Found> {
        let mut statement = db.prepare_cached(
            "SELECT crc32c, chain_before, bytes FROM item \
             WHERE lane = ?1 AND epoch_ord = ?2 AND seq = ?3",
        )?;
        let found = statement
            .query_row(
                params![key.lane_column(), key.ord, seq.cast_signed()],
                |row| Ok(Self::check(row, key, epoch, seq).map_or(Found::Damaged, Found::Item)),
            )
            .optional()?;
        Ok(found.unwrap_or(Found::Absent))
    }

    fn check(row: &Row<'_>, key: Key, epoch: u64, seq: u64) -> Option<Self> {
        // A flipped bit can change a column's type: that is damage, not a failure to read.
        let crc = row.get::<_, i64>(0).ok()?;
        let chain_before = row.get_ref(1).ok()?.as_blob().ok()?.try_into().ok()?;
        let item = Self {
            chain_before,
            bytes: row.get_ref(2).ok()?.as_blob().ok()?.to_vec(),
        };
        (crc == i64::from(item.crc(key, epoch, seq))).then_some(item)
    }
}

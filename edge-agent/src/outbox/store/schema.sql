-- The outbox of one box. One writer; WAL, synchronous=FULL: what a commit holds survives a power cut.
--
-- Invariants, for every row of `lane`:
--   1 <= base <= next, acked < next.
--   Every seq in base .. next-1 is either a row of `item` or within a row of `lost`.
--   Every seq below base was acknowledged, or is within a row of `lost` that is kept until it is.
-- Unsigned 64-bit values are stored as the signed number with the same bits.

PRAGMA application_id = 0x566F6E67;  -- "Vong"

-- One row for every start of the process. An epoch's id is random and never used again, so that no
-- sequence number is ever given out twice, even if the disk lost what it had promised to keep.
CREATE TABLE epoch (
    ord        INTEGER PRIMARY KEY,         -- counts up; lower is older
    id         INTEGER NOT NULL UNIQUE,     -- random, never 0; the `epoch` of the wire
    opened_us  INTEGER NOT NULL,            -- wall clock at the start, microseconds since 1970; may be wrong
    crc32c     INTEGER NOT NULL             -- over ord and id
) STRICT;

-- One row for every lane of an epoch that has been used.
CREATE TABLE lane (
    epoch_ord     INTEGER NOT NULL,         -- epoch.ord
    lane          INTEGER NOT NULL,         -- 0 alarms, 1 events, 2 counts, 3 tracks, 4 evidence
    base          INTEGER NOT NULL,         -- the oldest seq that may still be a row of `item`
    next          INTEGER NOT NULL,         -- the next seq to be given out; numbering starts at 1
    acked         INTEGER NOT NULL,         -- the centre has this seq and all before it; 0: none
    chain         BLOB    NOT NULL,         -- 32 bytes, chain value after seq next-1
    backlog_bytes INTEGER NOT NULL,         -- sum of length(item.bytes) above `acked`
    crc32c        INTEGER NOT NULL,         -- over all other columns
    PRIMARY KEY (epoch_ord, lane)
) STRICT, WITHOUT ROWID;

-- Encoded items, unchanged from `put` to the wire. Acknowledged ones stay until their space is needed,
-- for a centre that is restored from a backup.
CREATE TABLE item (
    lane         INTEGER NOT NULL,          -- as in `lane`
    epoch_ord    INTEGER NOT NULL,          -- epoch.ord
    seq          INTEGER NOT NULL,          -- consecutive within (lane, epoch_ord)
    crc32c       INTEGER NOT NULL,          -- over lane, epoch.id, seq, chain_before and bytes
    chain_before BLOB    NOT NULL,          -- 32 bytes, chain value before this item
    bytes        BLOB    NOT NULL,          -- an encoded `vong.v1.Item`
    PRIMARY KEY (lane, epoch_ord, seq)
) STRICT, WITHOUT ROWID;

-- What will never be sent, to be declared to the centre. Ranges of one lane do not overlap.
CREATE TABLE lost (
    epoch_ord  INTEGER NOT NULL,            -- epoch.ord
    lane       INTEGER NOT NULL,            -- as in `lane`
    first_seq  INTEGER NOT NULL,            -- first seq of the range
    last_seq   INTEGER NOT NULL,            -- last seq of the range, included
    reason     INTEGER NOT NULL,            -- vong.v1.LostReason
    at_us      INTEGER NOT NULL,            -- wall clock when it was found, microseconds since 1970; may be wrong
    PRIMARY KEY (epoch_ord, lane, first_seq)
) STRICT, WITHOUT ROWID;

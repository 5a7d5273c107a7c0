//! What goes wrong in one run.

use super::random::Random;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;

/// A mistake planted into the code around the protocol. Each must be caught: a check that has
/// never failed proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// The centre acknowledges before it commits.
    AckBeforeCommit,
    /// The centre commits items and marks separately.
    MarkApartFromItems,
    /// The centre takes a batch that is ahead of its mark.
    AheadTaken,
    /// The centre stores the overlap of a batch again.
    OverlapStored,
    /// The centre does not record declared losses.
    GapUnrecorded,
    /// The centre keeps its term when it is restored from a backup.
    TermKept,
    /// The centre does not look at the chain.
    ChainUnchecked,
    /// The box goes on with the epoch of its last run.
    EpochReused,
    /// The box frees rows when they are sent, as if a PUBACK meant anything.
    FreedWhenSent,
    /// The box sends rows that do not match their checksum.
    ChecksumOff,
    /// The box forgets its recorded losses when it restarts.
    LossesForgotten,
    /// The box does not go back for a restored centre.
    RestoreIgnored,
    /// The box closes the hole of a damaged row instead of declaring it.
    HolesClosed,
}

/// How bad things are in one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Chaos lasts this long; then everything is healed and has to drain.
    pub(crate) chaos_us: i64,
    pub(crate) puts: u64,
    pub(crate) faults: u64,
    pub(crate) loss_percent: u64,
    pub(crate) duplicate_percent: u64,
    pub(crate) delay_min_us: i64,
    pub(crate) delay_max_us: i64,
    /// Messages keep their order, as on one TCP connection.
    pub(crate) ordered: bool,
    /// Messages outlive the connection, as in a broker.
    pub(crate) kept: bool,
    /// A broker sits on a message for up to a minute and a half.
    pub(crate) held_up_percent: u64,
    /// The disk may lose rows that it said were written.
    pub(crate) disk_lies: bool,
    pub(crate) rows_per_batch: usize,
    pub(crate) commit_us: i64,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let delay_min_us = random.pick(&[1_000, 20_000, 300_000]);
        let kept = random.percent(50);
        let minutes = random.pick(&[1, 1, 2, 5, 20]);
        Self {
            chaos_us: minutes * MINUTE,
            puts: 10 + random.below(50),
            faults: random.pick(&[0, 3, 10, 25]),
            loss_percent: random.pick(&[0, 0, 5, 30]),
            duplicate_percent: random.pick(&[0, 0, 10, 30]),
            delay_min_us,
            delay_max_us: delay_min_us * random.pick(&[1, 3, 20]),
            ordered: !kept || random.percent(50),
            kept,
            held_up_percent: random.pick(&[0, 3, 20]),
            disk_lies: random.percent(25),
            rows_per_batch: random.pick(&[1, 2, 5, 50]),
            commit_us: random.pick(&[1_000, 50_000, 400_000]),
        }
    }
}

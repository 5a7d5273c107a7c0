use proptest::{collection::vec, prelude::*};
use prost::Message;

use super::*;
use crate::{lane::Lane, v1};

const STREAM: StreamId = StreamId {
    epoch: 7,
    lane: Lane::Events,
};

fn item(seq: u64) -> Vec<u8> {
    seq.to_le_bytes().to_vec()
}

fn chain_at(seq: u64) -> Chain {
    (1..=seq).fold(chain::START, |chain, seq| chain::after(&chain, &item(seq)))
}

/// The batch of items `seqs`, with losses from `lost_from` to just before them.
fn batch(seqs: std::ops::Range<u64>, lost_from: Option<u64>) -> CheckedBatch {
    let lost = lost_from.map(|from| v1::Lost {
        from,
        to: seqs.start - 1,
        reason: v1::LostReason::Full.into(),
    });
    let prev_chain = if seqs.is_empty() {
        vec![]
    } else {
        chain_at(seqs.start - 1).to_vec()
    };
    let wire = v1::Batch {
        agent: "box-1".into(),
        epoch: STREAM.epoch,
        lane: STREAM.lane.number().into(),
        first_seq: seqs.start,
        items: seqs.map(item).collect(),
        lost: lost.into_iter().collect(),
        prev_chain,
    };
    CheckedBatch::decode(&wire.encode_to_vec()).unwrap()
}

fn mark(up_to: u64) -> Mark {
    Mark {
        up_to,
        chain: Some(chain_at(up_to)),
    }
}

fn accept(skip: usize, up_to: u64, gaps: Vec<Lost>) -> Verdict {
    Verdict::Accept {
        skip,
        mark: mark(up_to),
        gaps,
    }
}

fn full(from: u64, to: u64) -> Lost {
    Lost {
        from,
        to,
        reason: LostReason::Full,
    }
}

#[test]
fn a_stream_begins_at_one() {
    assert_eq!(judge(None, &batch(1..4, None)), accept(0, 3, vec![]));
    assert_eq!(judge(None, &batch(2..4, None)), Verdict::Ahead { up_to: 0 });
}

#[test]
fn what_follows_is_taken_and_what_is_known_is_skipped() {
    assert_eq!(
        judge(Some(&mark(3)), &batch(4..6, None)),
        accept(0, 5, vec![])
    );
    assert_eq!(
        judge(Some(&mark(3)), &batch(2..6, None)),
        accept(2, 5, vec![])
    );
    assert_eq!(
        judge(Some(&mark(5)), &batch(2..6, None)),
        Verdict::Duplicate
    );
    assert_eq!(
        judge(Some(&mark(9)), &batch(2..6, None)),
        Verdict::Duplicate
    );
    assert_eq!(
        judge(Some(&mark(3)), &batch(5..6, None)),
        Verdict::Ahead { up_to: 3 }
    );
}

#[test]
fn only_the_part_of_a_loss_that_is_new_is_a_gap() {
    assert_eq!(
        judge(Some(&mark(3)), &batch(8..9, Some(4))),
        accept(0, 8, vec![full(4, 7)])
    );
    assert_eq!(
        judge(Some(&mark(5)), &batch(8..9, Some(4))),
        accept(0, 8, vec![full(6, 7)])
    );
    // Items that arrived before they were evicted are no loss.
    assert_eq!(
        judge(Some(&mark(7)), &batch(8..9, Some(4))),
        accept(0, 8, vec![])
    );
    assert_eq!(
        judge(Some(&mark(2)), &batch(8..9, Some(4))),
        Verdict::Ahead { up_to: 2 }
    );
}

#[test]
fn after_a_bare_loss_the_next_batch_tells_the_chain() {
    let Verdict::Accept { mark, gaps, .. } = judge(Some(&mark(3)), &batch(6..6, Some(4))) else {
        panic!("a bare loss is taken")
    };
    assert_eq!(
        (mark.clone(), gaps),
        (
            Mark {
                up_to: 5,
                chain: None
            },
            vec![full(4, 5)]
        )
    );
    assert_eq!(
        judge(Some(&mark), &batch(6..6, Some(4))),
        Verdict::Duplicate
    );
    assert_eq!(judge(Some(&mark), &batch(6..8, None)), accept(0, 7, vec![]));
}

#[test]
fn another_history_is_a_fork_wherever_it_shows() {
    let stored = Mark {
        up_to: 3,
        chain: Some([0xee; 32]),
    };
    // In what follows, in the overlap, and in a mere repetition.
    assert_eq!(judge(Some(&stored), &batch(4..6, None)), Verdict::Fork);
    assert_eq!(judge(Some(&stored), &batch(2..6, None)), Verdict::Fork);
    assert_eq!(judge(Some(&stored), &batch(2..4, None)), Verdict::Fork);
    // A declared loss that bridges nothing does not excuse it.
    assert_eq!(judge(Some(&stored), &batch(4..6, Some(2))), Verdict::Fork);
}

#[test]
fn only_what_was_announced_and_is_stored_nowhere_is_a_rollback() {
    let state = |next| StreamState {
        id: STREAM,
        base: 1,
        next,
        last_acked: 0,
    };
    let lost = |from, to| {
        Some(Lost {
            from,
            to,
            reason: LostReason::Rollback,
        })
    };
    assert_eq!(rollback(11, &state(8), 5), lost(8, 10));
    assert_eq!(rollback(11, &state(8), 9), lost(10, 10));
    assert_eq!(rollback(11, &state(8), 10), None);
    assert_eq!(rollback(11, &state(11), 5), None);
    assert_eq!(rollback(0, &state(1), 0), None);
}

proptest! {
    /// Batches of one history, in any order, as often as they like to come.
    #[test]
    fn each_item_is_taken_once_in_order_whatever_comes(
        arrivals in vec((1..30_u64, 0..6_u64, 0..4_u64), 0..60),
    ) {
        let mut current: Option<Mark> = None;
        let mut taken = Vec::new();
        for (first, count, lost) in arrivals {
            let lost_from = (0 < lost).then(|| first.saturating_sub(lost).max(1));
            let lost_from = lost_from.filter(|from| *from < first);
            if count == 0 && lost_from.is_none() {
                continue;
            }
            let batch = batch(first..first + count, lost_from);
            let verdict = judge(current.as_ref(), &batch);
            let up_to = current.as_ref().map_or(0, |mark| mark.up_to);
            match verdict {
                Verdict::Accept { skip, mark, gaps } => {
                    prop_assert!(up_to < mark.up_to);
                    taken.extend(gaps.iter().flat_map(|gap| gap.from..=gap.to));
                    let skip = u64::try_from(skip).unwrap();
                    taken.extend(batch.first_seq() + skip..first + count);
                    // The same again changes nothing.
                    prop_assert_eq!(judge(Some(&mark), &batch), Verdict::Duplicate);
                    current = Some(mark);
                }
                Verdict::Duplicate => prop_assert!(batch.last_seq() <= up_to),
                Verdict::Ahead { up_to: told } => {
                    prop_assert_eq!(told, up_to);
                    prop_assert!(up_to + 1 < batch.covers_from());
                }
                Verdict::Fork => prop_assert!(false, "there is one history"),
            }
        }
        let up_to = current.map_or(0, |mark| mark.up_to);
        prop_assert_eq!(taken, (1..=up_to).collect::<Vec<_>>());
    }
}

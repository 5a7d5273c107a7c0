//! The promise of delivery, over tens of thousands of bad days.
//!
//! `SEED=n cargo test -p proto delivery` replays one run; `SEEDS=n` runs that many.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::sim::{Bug, Outcome, Violation, run};

const SEEDS_DEFAULT: u64 = 20_000;

#[test]
fn nothing_is_lost_doubled_disordered_or_unexplained() {
    if let Some(seed) = variable("SEED") {
        let outcome = run(seed, Bug::None);
        println!("seed {seed}: {outcome:?}");
        assert_eq!(outcome.violations, []);
        return;
    }
    let seeds = variable("SEEDS").unwrap_or(SEEDS_DEFAULT);
    let begun = Instant::now();
    let outcomes = run_all(seeds, Bug::None);
    let took = begun.elapsed();
    let broken = outcomes
        .iter()
        .filter(|(_, outcome)| !outcome.violations.is_empty());
    let broken = broken.collect::<Vec<_>>();
    report(seeds, took, &outcomes, broken.len());
    if let Some((seed, outcome)) = broken.first() {
        panic!(
            "{} seeds broke the promise, SEED={seed}: {:?}",
            broken.len(),
            outcome.violations
        );
    }
}

fn report(seeds: u64, took: Duration, outcomes: &[(u64, Outcome)], broken: usize) {
    let sum = |field: fn(&Outcome) -> u64| outcomes.iter().map(|(_, o)| field(o)).sum::<u64>();
    let hours = outcomes.iter().map(|(_, o)| o.simulated_us).sum::<i64>() / 3_600_000_000;
    let slowest = outcomes
        .iter()
        .map(|(_, o)| o.drained_us)
        .max()
        .unwrap_or(0)
        / 1_000_000;
    println!(
        "delivery: {seeds} seeds, {broken} violations, {took:.1?}; {} steps, {hours} h simulated, \
         {} items stored, {} gaps and {} rollbacks named, slowest drain {slowest} s",
        sum(|o| o.steps),
        sum(|o| o.delivered),
        sum(|o| o.gaps),
        sum(|o| o.rollbacks),
    );
}

#[test]
fn every_planted_bug_is_caught() {
    const BUGS: [Bug; 12] = [
        Bug::AckBeforeCommit,
        Bug::MarkApartFromItems,
        Bug::AheadTaken,
        Bug::OverlapStored,
        Bug::GapUnrecorded,
        Bug::TermKept,
        Bug::EpochReused,
        Bug::FreedWhenSent,
        Bug::ChecksumOff,
        Bug::LossesForgotten,
        Bug::RestoreIgnored,
        Bug::HolesClosed,
    ];
    for bug in BUGS {
        let caught = (0..5_000).find_map(|seed| Some((seed, run(seed, bug).violations.pop()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?}: caught by seed {seed}, {violation:?}");
    }
}

/// A box that reuses its epoch writes a second history under the same numbers.
#[test]
fn the_chain_keeps_two_histories_apart() {
    let mixed = |bug| {
        let is_mixed = |v: &Violation| matches!(v, Violation::Mixed(..));
        (0..2_000)
            .filter(|seed| run(*seed, bug).violations.iter().any(is_mixed))
            .count()
    };
    assert_eq!(mixed(Bug::EpochReused), 0);
    assert_ne!(mixed(Bug::ChainUnchecked), 0, "the control has to fail");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        assert_eq!(run(seed, Bug::None), run(seed, Bug::None), "seed {seed}");
    }
}

/// Without faults no item is sent twice.
#[test]
fn a_good_day_costs_nothing_extra() {
    let quiet = (0..4_000)
        .map(|seed| (seed, run(seed, Bug::None)))
        .filter(|(_, o)| o.is_quiet);
    let mut count = 0;
    for (seed, outcome) in quiet {
        assert_eq!(outcome.items_sent, outcome.delivered, "seed {seed}");
        count += 1;
    }
    assert!(30 < count, "only {count} quiet seeds");
}

fn run_all(seeds: u64, bug: Bug) -> Vec<(u64, Outcome)> {
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    thread::scope(|scope| {
        let work = |worker| {
            move || {
                let mine = (worker..seeds).step_by(usize::try_from(workers).unwrap());
                mine.map(|seed| (seed, run(seed, bug))).collect::<Vec<_>>()
            }
        };
        let running = (0..workers)
            .map(|worker| scope.spawn(work(worker)))
            .collect::<Vec<_>>();
        let mut outcomes = running
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .expect("a panic inside a run prints its place")
            })
            .collect::<Vec<_>>();
        outcomes.sort_by_key(|(seed, _)| *seed);
        outcomes
    })
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value}")),
    )
}

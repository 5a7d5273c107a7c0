//! The life of an alert, case by case and by laws.

use proptest::prelude::*;
use scene::Severity;

use super::*;

const RUN: u64 = 1;
const NEXT_RUN: u64 = 2;

fn episode(epoch: u64, number: u64) -> Episode {
    Episode { epoch, number }
}

fn begin(epoch: u64, number: u64) -> Input {
    let episode = episode(epoch, number);
    Input::Begin {
        episode,
        severity: Severity::Major,
        watched: true,
    }
}

fn end(epoch: u64, number: u64) -> Input {
    Input::End {
        episode: episode(epoch, number),
    }
}

/// Plays inputs in order; what a person is told, and the alert at the end.
fn play(inputs: &[Input]) -> (Vec<Action>, Option<State>) {
    let (mut state, mut told) = (None, Vec::new());
    for input in inputs {
        if let Some(applied) = apply(state.as_ref(), *input) {
            told.extend(applied.action);
            state = Some(applied.state);
        }
    }
    (told, state)
}

#[test]
fn is_raised_bumped_and_cleared_by_the_last_end() {
    let (told, state) = play(&[begin(RUN, 1), begin(RUN, 2), end(RUN, 1), end(RUN, 2)]);
    assert_eq!(told, [Action::Raise, Action::Bump, Action::Clear]);
    let state = state.unwrap();
    assert_eq!(
        (state.condition, state.occurrences),
        (Condition::Cleared, 2)
    );
    assert!(state.is_open(), "nobody has acknowledged it");
    assert!(!acknowledge(&state).unwrap().is_open());
}

#[test]
fn begins_again_after_it_was_cleared_as_long_as_it_is_open() {
    let (told, state) = play(&[begin(RUN, 1), end(RUN, 1), begin(RUN, 2)]);
    assert_eq!(told, [Action::Raise, Action::Clear, Action::Bump]);
    assert_eq!(state.unwrap().condition, Condition::Active);
}

#[test]
fn what_nothing_ends_is_closed_by_acknowledging() {
    let severity = Severity::Warning;
    let (told, state) = play(&[Input::Instant { severity }, Input::Instant { severity }]);
    assert_eq!(told, [Action::Raise, Action::Bump]);
    let state = state.unwrap();
    assert!(!state.will_clear);
    let closed = acknowledge(&state).unwrap();
    assert!(!closed.is_open());
    assert_eq!(acknowledge(&closed), Err(AlreadyAcknowledged));
}

#[test]
fn acknowledging_does_not_end_what_goes_on() {
    let (_, state) = play(&[begin(RUN, 1)]);
    let state = acknowledge(&state.unwrap()).unwrap();
    assert!(state.is_open());
    let cleared = apply(Some(&state), end(RUN, 1)).unwrap();
    assert_eq!(cleared.action, Some(Action::Clear));
    assert!(!cleared.state.is_open());
}

#[test]
fn a_new_run_makes_it_unknown_until_something_is_seen() {
    let run = Input::Run { epoch: NEXT_RUN };
    let (told, state) = play(&[begin(RUN, 1), run, run]);
    assert_eq!(told, [Action::Raise, Action::Unknown]);
    assert_eq!(state.as_ref().unwrap().condition, Condition::Unknown);

    let again = apply(state.as_ref(), begin(NEXT_RUN, 1)).unwrap();
    assert_eq!(again.state.condition, Condition::Active);
    assert_eq!(
        again.state.episodes.len(),
        1,
        "the old run's episode is part of the new one"
    );

    for over in [
        end(NEXT_RUN, 9),
        Input::Absent { epoch: NEXT_RUN },
        end(RUN, 1),
    ] {
        let over = apply(state.as_ref(), over).unwrap();
        assert_eq!(over.state.condition, Condition::Cleared);
    }
}

#[test]
fn a_new_run_leaves_alone_what_it_began_itself() {
    let (told, state) = play(&[begin(NEXT_RUN, 1), Input::Run { epoch: NEXT_RUN }]);
    assert_eq!(told, [Action::Raise]);
    assert_eq!(state.unwrap().condition, Condition::Active);
}

#[test]
fn a_begin_that_comes_late_from_an_ended_run_is_unknown() {
    let late = Input::Begin {
        episode: episode(RUN, 1),
        severity: Severity::Major,
        watched: false,
    };
    let (told, state) = play(&[late]);
    assert_eq!(told, [Action::Raise]);
    assert_eq!(state.unwrap().condition, Condition::Unknown);
}

#[test]
fn a_blind_camera_makes_it_unknown_and_sight_active_again() {
    let episode = episode(RUN, 1);
    let (told, _) = play(&[
        begin(RUN, 1),
        Input::Unseen { episode },
        Input::Seen { episode },
        end(RUN, 1),
    ]);
    assert_eq!(
        told,
        [
            Action::Raise,
            Action::Unknown,
            Action::Resume,
            Action::Clear
        ]
    );
}

#[test]
fn the_end_of_something_else_changes_nothing() {
    assert_eq!(apply(None, end(RUN, 1)), None);
    let (_, state) = play(&[begin(RUN, 1)]);
    assert_eq!(apply(state.as_ref(), end(RUN, 2)), None);
    assert_eq!(apply(state.as_ref(), end(NEXT_RUN, 1)), None);
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let episode = (1..3_u64, 1..4_u64).prop_map(|(epoch, number)| Episode { epoch, number });
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Critical)];
    let one = prop_oneof![
        severity
            .clone()
            .prop_map(|severity| Input::Instant { severity }),
        (episode.clone(), severity, any::<bool>()).prop_map(|(episode, severity, watched)| {
            Input::Begin {
                episode,
                severity,
                watched,
            }
        }),
        episode
            .clone()
            .prop_map(|episode| Input::Unseen { episode }),
        episode.clone().prop_map(|episode| Input::Seen { episode }),
        episode.prop_map(|episode| Input::End { episode }),
        (1..3_u64).prop_map(|epoch| Input::Run { epoch }),
        (1..3_u64).prop_map(|epoch| Input::Absent { epoch }),
    ];
    proptest::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn said_twice_is_said_once(inputs in inputs()) {
        let doubled: Vec<_> = inputs
            .iter()
            .flat_map(|input| {
                // An instant has no identity here; the store knows its event's.
                let times = if matches!(input, Input::Instant { .. }) { 1 } else { 2 };
                std::iter::repeat_n(*input, times)
            })
            .collect();
        prop_assert_eq!(play(&inputs), play(&doubled));
    }

    #[test]
    fn what_is_cleared_has_no_open_episode_and_what_has_one_is_not(inputs in inputs()) {
        if let (_, Some(state)) = play(&inputs) {
            if state.condition == Condition::Cleared {
                prop_assert!(state.episodes.is_empty());
            }
            if state.will_clear && state.episodes.is_empty() {
                prop_assert_eq!(state.condition, Condition::Cleared);
            }
            prop_assert!(state.episodes.len() <= EPISODES_MAX);
            prop_assert!(SEVERITY_MIN <= state.severity);
        }
    }

    #[test]
    fn severity_and_occurrences_never_fall(inputs in inputs()) {
        let mut state: Option<State> = None;
        for input in inputs {
            if let Some(applied) = apply(state.as_ref(), input) {
                if let Some(before) = &state {
                    prop_assert!(before.severity <= applied.state.severity);
                    prop_assert!(before.occurrences <= applied.state.occurrences);
                    prop_assert_ne!(before, &applied.state, "no change is told as one");
                }
                state = Some(applied.state);
            }
        }
    }

    #[test]
    fn acknowledging_and_what_happens_do_not_touch_each_other(inputs in inputs(), at in 0..40_usize) {
        let (_, plain) = play(&inputs);
        let mut state: Option<State> = None;
        let mut closed = false;
        for (index, input) in inputs.iter().enumerate() {
            if let Some(applied) = apply(state.as_ref(), *input) {
                state = Some(applied.state);
            }
            if index == at && let Some(open) = &state && open.will_clear {
                state = Some(acknowledge(open).unwrap());
            }
            closed = closed || state.as_ref().is_some_and(|state| !state.is_open());
        }
        // Once closed, the store would raise another alert.
        if !closed && let (Some(plain), Some(mut state)) = (plain, state) {
            state.acknowledged = false;
            prop_assert_eq!(plain, state);
        }
    }
}

//! The queue of things to happen, and the faults.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{
    agent::{Agent, Kind, Wish},
    centre::CentreSim,
    network::{Network, Way},
    oracle::{Oracle, Violation},
    plan::{Bug, MINUTE, Plan, SECOND},
    random::Random,
};

/// After the end of the chaos, everything has to be delivered within this time.
const DRAIN_US: i64 = 30 * MINUTE;

enum Happening {
    Put,
    BoxCommit,
    BoxWake,
    BoxStart,
    LinkOpened,
    ToCentre {
        connection: u64,
        kind: Kind,
        payload: Vec<u8>,
    },
    ToBox {
        connection: u64,
        payload: Vec<u8>,
    },
    CentreCommit,
    CentreStart,
    LinkUp,
    Fault,
    Heal,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<Violation>,
    pub(crate) steps: u64,
    pub(crate) delivered: u64,
    pub(crate) gaps: u64,
    pub(crate) rollbacks: u64,
    pub(crate) items_sent: u64,
    pub(crate) simulated_us: i64,
    pub(crate) drained_us: i64,
    /// Nothing went wrong, and messages kept their order.
    pub(crate) is_quiet: bool,
    /// Over everything that happened, in order.
    pub(crate) trace: u64,
}

struct World {
    now: i64,
    order: u64,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    random: Random,
    plan: Plan,
    network: Network,
    agent: Agent,
    centre: CentreSim,
    oracle: Oracle,
    wake_at: Option<i64>,
    link_tries: bool,
    commit_queued: [bool; 2],
    healed_at: Option<i64>,
    trace: u64,
    steps: u64,
}

/// One life of a box and a centre.
pub(crate) fn run(seed: u64, bug: Bug) -> Outcome {
    let mut random = Random::new(seed);
    let mut plan = Plan::draw(&mut random);
    if matches!(bug, Bug::EpochReused | Bug::ChainUnchecked) {
        plan.disk_lies = true;
    }
    let mut world = World {
        now: 0,
        order: 0,
        queue: BinaryHeap::new(),
        happenings: BTreeMap::new(),
        agent: Agent::new(bug),
        centre: CentreSim::new(bug, &mut random),
        random,
        plan,
        network: Network::new(),
        oracle: Oracle::default(),
        wake_at: None,
        link_tries: false,
        commit_queued: [false; 2],
        healed_at: None,
        trace: 0,
        steps: 0,
    };
    world.prepare();
    world.live();
    world.judge()
}

impl World {
    fn prepare(&mut self) {
        let chaos_us = self.plan.chaos_us;
        for _ in 0..self.plan.puts {
            let at = self.random.within(0, chaos_us);
            self.at(at, Happening::Put);
        }
        for _ in 0..self.plan.faults {
            let at = self.random.within(0, chaos_us);
            self.at(at, Happening::Fault);
        }
        self.at(0, Happening::BoxStart);
        self.at(chaos_us, Happening::Heal);
    }

    fn live(&mut self) {
        while let Some(Reverse((at, order))) = self.queue.pop() {
            self.now = at;
            if self
                .healed_at
                .is_some_and(|healed| self.is_drained() || healed + DRAIN_US < at)
            {
                return;
            }
            let happening = self
                .happenings
                .remove(&order)
                .expect("queued once, popped once");
            self.steps += 1;
            let kind = std::mem::discriminant(&happening);
            let mut hasher = std::hash::DefaultHasher::new();
            std::hash::Hash::hash(&(self.trace, at, kind), &mut hasher);
            self.trace = std::hash::Hasher::finish(&hasher);
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Put => {
                self.agent.put(&mut self.random);
                if self.agent.is_running() {
                    self.queue_commit(0);
                }
            }
            Happening::BoxCommit => {
                self.commit_queued[0] = false;
                self.agent.commit(&mut self.oracle);
                self.drive();
            }
            Happening::BoxWake => {
                if self.wake_at == Some(self.now) {
                    self.wake_at = None;
                    self.drive();
                }
            }
            Happening::BoxStart => {
                if !self.agent.is_running() {
                    self.agent.start(self.now, &mut self.random);
                    self.link_tries = false;
                    self.drive();
                }
            }
            Happening::LinkOpened => self.link_opened(),
            Happening::ToCentre {
                connection,
                kind,
                payload,
            } => {
                if self.network.is_open(connection, &self.plan) && self.centre.running {
                    self.centre.receive(kind, payload);
                    self.queue_commit(1);
                }
            }
            Happening::ToBox {
                connection,
                payload,
            } => {
                if self.network.is_open(connection, &self.plan) {
                    self.agent.receive(&payload, self.now);
                    self.drive();
                }
            }
            Happening::CentreCommit => self.centre_commit(),
            Happening::CentreStart => {
                if !self.centre.running {
                    self.centre.start(&mut self.oracle, &mut self.random);
                }
            }
            Happening::LinkUp => self.network.up = true,
            Happening::Fault => self.fault(),
            Happening::Heal => self.heal(),
        }
    }

    fn drive(&mut self) {
        let (now, plan) = (self.now, &self.plan);
        let wishes = self
            .agent
            .drive(now, plan, &mut self.oracle, &mut self.random);
        for wish in wishes {
            match wish {
                Wish::Connect if !self.link_tries => {
                    self.link_tries = true;
                    let delay = self.random.within(1_000, 2 * SECOND);
                    self.at(now + delay, Happening::LinkOpened);
                }
                Wish::Connect => {}
                Wish::Send(payload, kind) => self.send_to_centre(payload, kind),
                Wish::WakeAt(at) => {
                    let at = at.max(now + 1);
                    if self.wake_at.is_none_or(|earlier| at != earlier) {
                        self.wake_at = Some(at);
                        self.at(at, Happening::BoxWake);
                    }
                }
            }
        }
    }

    fn send_to_centre(&mut self, payload: Vec<u8>, kind: Kind) {
        let connection = self.network.connection;
        let arrivals = self
            .network
            .arrivals(Way::ToCentre, self.now, &self.plan, &mut self.random);
        for at in arrivals {
            self.at(
                at,
                Happening::ToCentre {
                    connection,
                    kind,
                    payload: payload.clone(),
                },
            );
        }
    }

    fn link_opened(&mut self) {
        self.link_tries = false;
        let answers = self.network.up && (self.plan.kept || self.centre.running);
        if answers {
            self.network.connection += 1;
            self.agent.connected(self.now);
        } else {
            self.agent.disconnected(self.now);
        }
        self.drive();
    }

    fn centre_commit(&mut self) {
        self.commit_queued[1] = false;
        let crash_percent = if self.healed_at.is_none() && 0 < self.plan.faults {
            2
        } else {
            0
        };
        let acks = self
            .centre
            .commit(self.now, crash_percent, &mut self.oracle, &mut self.random);
        let connection = self.network.connection;
        for payload in acks {
            let arrivals =
                self.network
                    .arrivals(Way::ToBox, self.now, &self.plan, &mut self.random);
            for at in arrivals {
                self.at(
                    at,
                    Happening::ToBox {
                        connection,
                        payload: payload.clone(),
                    },
                );
            }
        }
        if !self.centre.running {
            self.centre_restarts();
        }
    }

    fn centre_restarts(&mut self) {
        let delay = self.random.within(SECOND, 60 * SECOND);
        self.at(self.now + delay, Happening::CentreStart);
        if !self.plan.kept {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.network.connection += 1;
        self.agent.disconnected(self.now);
        self.drive();
    }

    fn fault(&mut self) {
        let now = self.now;
        match self.random.below(12) {
            0 => {
                self.agent.crash();
                self.restart_box();
            }
            1 => {
                let lies = self.plan.disk_lies;
                self.agent
                    .lose_power(now, lies, &mut self.oracle, &mut self.random);
                self.restart_box();
            }
            2 if self.centre.running => {
                self.centre.crash();
                self.centre_restarts();
            }
            3 | 4 => self.centre.back_up(),
            5 | 6 if self.centre.running => {
                self.centre.crash();
                self.centre.restore(&mut self.random);
                self.centre_restarts();
            }
            7 if self.centre.running && self.random.percent(20) => {
                self.centre.crash();
                self.centre.replace_store(&mut self.random);
                self.centre_restarts();
            }
            8 => {
                self.network.up = false;
                let outage = self.random.within(SECOND, 5 * MINUTE);
                self.at(now + outage, Happening::LinkUp);
                self.cut();
            }
            9 => {
                self.agent.evict(&mut self.oracle, &mut self.random);
                self.drive();
            }
            10 => self.agent.damage(&mut self.oracle, &mut self.random),
            11 => self.centre.window = self.random.pick(&[0, 1, 2, 8]),
            _ => self.cut(),
        }
    }

    fn restart_box(&mut self) {
        self.network.connection += 1;
        self.commit_queued[0] = false;
        let delay = self.random.within(SECOND, 30 * SECOND);
        self.at(self.now + delay, Happening::BoxStart);
    }

    fn heal(&mut self) {
        self.healed_at = Some(self.now);
        self.network.healed = true;
        self.network.up = true;
        self.centre.window = 8;
        self.at(self.now, Happening::BoxStart);
        self.at(self.now, Happening::CentreStart);
    }

    fn is_drained(&self) -> bool {
        let quiet = self
            .healed_at
            .is_some_and(|healed| healed + SECOND < self.now);
        quiet
            && self.agent.is_running()
            && !self.commit_queued[0]
            && self
                .agent
                .streams()
                .all(|(id, next)| next <= self.centre.up_to(id) + 1)
    }

    fn judge(mut self) -> Outcome {
        if !self.is_drained() {
            let (agent, centre) = (&self.agent, &self.centre);
            let stuck = agent
                .streams()
                .find(|(id, next)| centre.up_to(*id) + 1 < *next);
            self.oracle
                .violations
                .extend(stuck.map(|(id, _)| Violation::Stuck(id)));
        }
        self.centre.audit(&mut self.oracle);
        Outcome {
            violations: self.oracle.violations,
            steps: self.steps,
            delivered: self.centre.store.effects.len() as u64,
            gaps: self.centre.store.gaps.len() as u64,
            rollbacks: self.centre.store.rollbacks.len() as u64,
            items_sent: self.agent.items_sent,
            simulated_us: self.now,
            drained_us: self.now - self.healed_at.unwrap_or(self.now),
            is_quiet: self.plan.ordered
                && self.plan.faults + self.plan.loss_percent + self.plan.duplicate_percent == 0
                && self.plan.held_up_percent == 0,
            trace: self.trace,
        }
    }

    fn queue_commit(&mut self, side: usize) {
        if !std::mem::replace(&mut self.commit_queued[side], true) {
            let at = self.now + self.plan.commit_us;
            let commits = if side == 0 {
                Happening::BoxCommit
            } else {
                Happening::CentreCommit
            };
            self.at(at, commits);
        }
    }

    fn at(&mut self, at: i64, happening: Happening) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order)));
        self.happenings.insert(self.order, happening);
    }
}

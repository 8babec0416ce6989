//! A seeded simulator: one session between a client, a server and a disk that cut,
//! delay and fail as the seed says. After every step it is asked what must hold in
//! any order of events; a run without faults must also end with every answer
//! complete and byte for byte as wanted.
//!
//! A failure names its seed; `SIMULATE_SEED=n` runs that one alone, `SIMULATE_RUNS=n`
//! changes how many are run.

#[path = "../session/rig.rs"]
#[allow(dead_code)]
mod rig;
mod world;

use world::{Faults, World};

const RUNS: u64 = 400;

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("SIMULATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATE_RUNS").unwrap_or(RUNS),
    }
}

#[test]
fn without_faults_every_answer_arrives_whole_and_masked() {
    for seed in seeds() {
        let mut world = World::new(seed, Faults::None);
        world.run();
        world.check_complete();
    }
}

#[test]
fn a_disk_that_fails_lets_no_unrecorded_answer_out() {
    for seed in seeds() {
        let mut world = World::new(seed, Faults::Disk);
        world.run();
        world.check_stopped_by_disk();
    }
}

#[test]
fn peers_that_vanish_or_talk_nonsense_leave_a_record_of_each_call() {
    for seed in seeds() {
        let mut world = World::new(seed, Faults::Peers);
        world.run();
        world.check_recorded();
    }
}

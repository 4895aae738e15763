//! The seeded scheduler of the simulation: one actor runs at a time, and at each call to the disk the seed decides who goes
//! on, what fails, what each clock shows and when the power is cut.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lakebed_core::sketch::hash_u64;

use crate::disk::{Call, Disk, EIO, ENOSPC, Fault, Pacer};

const HOUR_US: i64 = 3_600_000_000;
/// The year 2030.
const START_US: i64 = 1_893_456_000_000_000;

/// Numbers that follow from a seed.
#[derive(Clone)]
pub(crate) struct Noise {
    seed: u64,
    n_drawn: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, n_drawn: 0 }
    }

    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.n_drawn += 1;
        hash_u64(self.seed.rotate_left(17) ^ self.n_drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % end
    }
}

/// How bad a round is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a million calls, so many fail.
    fault_ppm: u64,
    /// Of a thousand calls, so many let another actor go on.
    switch_ppt: u64,
    /// When the power is cut: number of a call, counted behind a number of links, which decide everything.
    cut: Option<(usize, usize)>,
}

impl Weather {
    pub(crate) fn draw(noise: &mut Noise) -> Self {
        let fault_ppm = [0, 2_000, 10_000, 30_000][noise.below(4) as usize];
        let switch_ppt = [1_000, 300, 50][noise.below(3) as usize];
        let cut = (noise.below(2) == 0).then(|| (noise.below(24) as usize, noise.below(12) as usize));
        Self { fault_ppm, switch_ppt, cut }
    }
}

/// Gives turns.
pub(crate) struct Scheduler {
    turns: Mutex<Turns>,
    changed: Condvar,
    weather: Weather,
    disk: Disk,
    is_dead: AtomicBool,
}

struct Turns {
    noise: Noise,
    waiting: Vec<usize>,
    n_alive: usize,
    n_started: usize,
    n_actors: usize,
    current: Option<usize>,
    n_calls: usize,
    n_faults: usize,
    n_links: usize,
    /// Calls since the link behind which the power is cut.
    n_behind: usize,
    /// Actors that are held up, and until which call.
    stalls: Vec<(usize, usize)>,
}

impl Scheduler {
    pub(crate) fn new(n_actors: usize, seed: u64, weather: Weather, disk: Disk) -> Self {
        let noise = Noise::new(seed ^ 0x5eed);
        let turns = Turns {
            noise,
            waiting: Vec::new(),
            n_alive: n_actors,
            n_started: 0,
            n_actors,
            current: None,
            n_calls: 0,
            n_faults: 0,
            n_links: 0,
            n_behind: 0,
            stalls: Vec::new(),
        };
        let is_dead = AtomicBool::new(false);
        Self { turns: Mutex::new(turns), changed: Condvar::new(), weather, disk, is_dead }
    }

    /// Calls, faults, and whether the power was cut.
    pub(crate) fn counts(&self) -> (usize, usize, bool) {
        let turns = self.lock();
        (turns.n_calls, turns.n_faults, self.is_dead.load(Ordering::SeqCst))
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait until it is the actor's turn; behind a call that decides something, it may be held up for long.
    fn pause(&self, actor: usize, behind: Option<Call>) {
        let mut turns = self.lock();
        let odds = if behind == Some(Call::Link) { 3 } else { 200 };
        if turns.current.is_some() && turns.noise.below(odds) == 0 {
            let until = turns.n_calls + 20 + turns.noise.below(100) as usize;
            turns.stalls.push((actor, until));
        } else if turns.current == Some(actor) && turns.noise.below(1_000) >= self.weather.switch_ppt {
            return;
        }
        turns.waiting.push(actor);
        turns.current = None;
        self.choose(&mut turns);
        while turns.current != Some(actor) {
            turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Let one of the actors go on, once all of them wait.
    fn choose(&self, turns: &mut Turns) {
        if turns.n_started < turns.n_actors || turns.waiting.len() < turns.n_alive || turns.waiting.is_empty() {
            return;
        }
        // The order in which threads came here must not count.
        turns.waiting.sort_unstable();
        let n_calls = turns.n_calls;
        turns.stalls.retain(|(_, until)| *until > n_calls);
        let is_held = |actor: &usize| turns.stalls.iter().any(|(held, _)| held == actor);
        let free: Vec<usize> = turns.waiting.iter().copied().filter(|actor| !is_held(actor)).collect();
        let free = if free.is_empty() { turns.waiting.clone() } else { free };
        let picked = free[turns.noise.below(free.len() as u64) as usize];
        turns.waiting.retain(|actor| *actor != picked);
        turns.current = Some(picked);
        self.changed.notify_all();
    }

    fn leave(&self) {
        let mut turns = self.lock();
        turns.n_alive -= 1;
        turns.current = None;
        self.choose(&mut turns);
    }

    fn fault(&self, call: Call) -> Option<Fault> {
        let mut turns = self.lock();
        turns.n_calls += 1;
        if let Some((n_links, n_behind)) = self.weather.cut {
            turns.n_behind += usize::from(turns.n_links > n_links);
            if turns.n_behind > n_behind {
                self.is_dead.store(true, Ordering::SeqCst);
            }
        }
        turns.n_links += usize::from(call == Call::Link);
        if self.is_dead.load(Ordering::SeqCst) {
            return Some(Fault::Stop);
        }
        if turns.noise.below(20) == 0 {
            let pick = turns.noise.below(16) as usize;
            self.disk.deliver(pick);
        }
        // Links are few and decide everything, so they fail more often.
        let share = if call == Call::Link { 4 } else { 1 };
        if turns.noise.below(1_000_000) >= self.weather.fault_ppm * share {
            return None;
        }
        turns.n_faults += 1;
        Some(match turns.noise.below(4) {
            0 => Fault::Before(EIO),
            1 => Fault::Before(ENOSPC),
            2 if call == Call::Link => Fault::Late,
            _ => Fault::After(EIO),
        })
    }
}

/// One actor of a simulation, with its own clock.
#[derive(Clone)]
pub(crate) struct Actor {
    scheduler: Arc<Scheduler>,
    number: usize,
}

/// Tells the scheduler that an actor is done, even if it panicked.
pub(crate) struct End(Actor);

impl Drop for End {
    fn drop(&mut self) {
        self.0.scheduler.leave();
    }
}

impl Actor {
    pub(crate) fn new(scheduler: Arc<Scheduler>, number: usize) -> Self {
        Self { scheduler, number }
    }

    /// Wait for the first turn.
    pub(crate) fn begin(&self) -> End {
        self.scheduler.lock().n_started += 1;
        self.scheduler.pause(self.number, None);
        End(self.clone())
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.scheduler.is_dead.load(Ordering::SeqCst)
    }
}

impl Pacer for Actor {
    fn before(&self, call: Call, _path: &Path) -> Option<Fault> {
        self.scheduler.pause(self.number, None);
        self.scheduler.fault(call)
    }

    fn after(&self, call: Call) {
        if call.changes() {
            self.scheduler.pause(self.number, Some(call));
        }
    }

    /// An hour ahead, an hour behind, running backwards, or right.
    fn now_us(&self) -> i64 {
        let n_calls = self.scheduler.lock().n_calls as i64;
        match self.number % 4 {
            0 => START_US + n_calls * 1_000 + HOUR_US,
            1 => START_US + n_calls * 1_000 - HOUR_US,
            2 => START_US - n_calls * 1_000,
            _ => START_US + n_calls * 1_000,
        }
    }
}

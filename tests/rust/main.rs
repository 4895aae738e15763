//! Behaviour tests of `lakebed-core` through its public API, one module per behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::float_cmp)] // Tests fail by panicking.
#![allow(clippy::print_stdout)] // Fault tests tell how many faults they injected.

#[global_allocator]
static ALLOCATOR: allocations::Watched = allocations::Watched;

// The kernels.
mod asof;
mod quantiles;
mod sketch;
mod statistics;
mod statistics_agree;
mod statistics_decimals;
mod statistics_sums;
// The store.
mod allocations;
mod batches;
mod crafted;
mod crash;
mod decoders;
mod disk;
mod faults;
mod format;
mod leaves;
mod pruning;
mod scheduler;
mod simulation;
mod store;
mod types;
mod verify;
mod versions;

//! Behaviour tests of `lakebed-core` through its public API, one module per behaviour.

// The store.
mod batches;
mod crash;
mod decoders;
mod disk;
mod format;
mod leaves;
mod pruning;
mod store;
mod types;
mod versions;

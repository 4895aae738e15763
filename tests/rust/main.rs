//! Behaviour tests of `lakebed-core` through its public API, one module per behaviour.

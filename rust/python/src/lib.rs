//! Python bindings of `lakebed-core`: convert, release the interpreter lock, call the core, convert back. No logic.

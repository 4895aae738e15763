//! The one error type of the core. A variant is a situation that a caller can act on; each is one Python class.
//!
//! A message says what was asked, what was found and what to do.

use std::path::PathBuf;

/// Result of every fallible function of the core.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the core.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are the words of the messages.
pub enum Error {
    /// The folder exists but holds no warehouse.
    #[error("{path} is not a warehouse: {found}; open an empty or a new folder to create one")]
    NotAWarehouse { path: String, found: String },
    /// The file was written by a newer version of Lakebed.
    #[error("{path} has format version {found}, this Lakebed reads up to {supported}; upgrade Lakebed to open it")]
    FormatVersion { path: String, found: u32, supported: u32 },
    /// Stored bytes are not what was written.
    #[error("{path} is damaged: {problem} (expected {expected}, found {found}); restore the file from a copy")]
    Corruption { path: String, problem: String, expected: String, found: String },
    /// No table of that name at this version.
    #[error("table '{name}' not found at {version}{}; tables() lists what there is", did_you_mean(.nearest))]
    TableNotFound { name: String, version: String, nearest: Vec<String> },
    /// A table of that name is there already.
    #[error("table '{name}' exists already at {version}; choose another name, or drop the table first")]
    TableExists { name: String, version: String },
    /// No column of that name in the table.
    #[error("column '{name}' not found in {place}{}", did_you_mean(.nearest))]
    ColumnNotFound { name: String, place: String, nearest: Vec<String> },
    /// No branch, tag, commit or time matches.
    #[error("version '{name}' not found: {found}{}", did_you_mean(.nearest))]
    VersionNotFound { name: String, found: String, nearest: Vec<String> },
    /// No raw file of that path in the lake.
    #[error("lake object '{name}' not found{}", did_you_mean(.nearest))]
    ObjectNotFound { name: String, nearest: Vec<String> },
    /// A name or prefix matches several things.
    #[error("'{name}' is ambiguous: it matches {}; give more of it", .matches.join(", "))]
    Ambiguous { name: String, matches: Vec<String> },
    /// A name breaks the rule for its kind.
    #[error("{what} '{name}' is not allowed: use {rule}")]
    InvalidName { what: String, name: String, rule: String },
    /// Duplicate or empty column names.
    #[error("column names of {place} must be unique and not empty: {problem}; rename the columns first")]
    InvalidColumns { place: String, problem: String },
    /// A frame does not fit the table that it is written to.
    #[error("{place}: {problem}; {hint}")]
    SchemaMismatch { place: String, problem: String, hint: String },
    /// A null in a column that may not be null.
    #[error(
        "{place}: column '{column}' may not be null, but {n_rows} of its rows are; fill the nulls or leave those rows out"
    )]
    NullValue { place: String, column: String, n_rows: u64 },
    /// An Arrow type that the format cannot hold.
    #[error("column '{column}' has the unsupported type {found}; cast it to {hint}")]
    UnsupportedType { column: String, found: String, hint: String },
    /// The time column of a point-in-time join is missing or not a time.
    #[error("{problem}; {hint}")]
    TimeColumn { problem: String, hint: String },
    /// The tag or branch exists already.
    #[error("{kind} '{name}' exists already and points to {found}; choose another name")]
    RefExists { kind: String, name: String, found: String },
    /// A write to a tag, or to a commit.
    #[error("'{name}' is a tag, which never moves; begin a branch at it and write to the branch")]
    NotABranch { name: String },
    /// The file system cannot do what a commit stands on.
    #[error("the file system of {path} {problem}; keep the warehouse on a local file system such as ext4, xfs or apfs")]
    FileSystem { path: String, problem: String },
    /// The table has a column or field of that name.
    #[error(
        "{place} has a column '{name}' already, of type {found}; choose another name, or drop or rename that one first"
    )]
    ColumnExists { name: String, place: String, found: String },
    /// A type that does not hold all values of the present one was asked for without saying so.
    #[error(
        "{place}: column '{column}' is {from}, and {to} does not hold all its values; say narrowing=True if that is meant"
    )]
    Narrowing { place: String, column: String, from: String, to: String },
    /// A change of columns that the table or its rows contradict.
    #[error("{place} cannot be changed so: {problem}; nothing was changed")]
    Evolution { place: String, problem: String },
    /// Columns by which a table is sorted or bucketed are missing, or of no use for it.
    #[error("the layout of {place} does not fit its columns: {problem}; set another layout first")]
    Layout { place: String, problem: String },
    /// Two transactions changed the same thing.
    #[error(
        "{theirs} was committed to branch '{branch}' during this {ours} of '{table}'; read the new version and try again"
    )]
    WriteConflict { branch: String, table: String, ours: String, theirs: String },
    /// A transaction that is older than the grace of a removal of garbage.
    #[error(
        "this transaction on branch '{branch}' is older than what gc keeps: {path} may have been removed meanwhile; \
         begin another one, and give gc a longer grace"
    )]
    ExpiredTransaction { branch: String, path: String },
    /// The warehouse was opened read-only.
    #[error("{asked} needs to write, but {path} was opened read-only; open it without read_only=True")]
    ReadOnly { asked: String, path: String },
    /// An earlier sync failed: what the file system holds is unknown.
    #[error(
        "{path} refuses writes because an earlier sync failed ({cause}); check the disk, then reopen the warehouse"
    )]
    StoreFailed { path: String, cause: String },
    /// The ref entry may or may not be on disk.
    #[error(
        "the outcome of commit {commit} is unknown ({cause}); reopen the warehouse and look for it in the log before retrying"
    )]
    OutcomeUnknown { commit: String, cause: String },
    /// Somebody asked the work to stop.
    #[error("the work was stopped; nothing was changed")]
    Interrupted,
    /// An argument is out of its range.
    #[error("{0}")]
    InvalidArgument(String),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check the path, its permissions and the free space", .path.display())]
    Io {
        action: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Arrow refused the data.
    #[error("Arrow data cannot be read: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// Parquet refused the data.
    #[error("Parquet data cannot be processed: {0}")]
    Parquet(parquet::errors::ParquetError),
}

impl From<parquet::errors::ParquetError> for Error {
    /// A disk that refuses is an input/output error, whoever was writing to it.
    fn from(error: parquet::errors::ParquetError) -> Self {
        match error {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(source) => Self::Io { action: "write".into(), path: "a data file".into(), source: *source },
                Err(inner) => Self::Parquet(parquet::errors::ParquetError::External(inner)),
            },
            other => Self::Parquet(other),
        }
    }
}

/// `; did you mean 'a', 'b'?`, or nothing.
fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("; did you mean {}?", quoted.join(", "))
}

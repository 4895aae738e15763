"""Where the tables live: a SQLite file or memory, kept in step with the record log."""

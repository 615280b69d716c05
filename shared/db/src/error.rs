//! Database errors, classified in one place.

use std::{borrow::Cow, fmt};

use herald_base::telemetry::catalog::DB_ERRORS;

/// A database error, which says whether a retry can help.
#[derive(Debug)]
pub struct DbError {
    source: sqlx::Error,
}

/// The result of a database call.
pub type Result<T> = std::result::Result<T, DbError>;

impl DbError {
    /// Whether another row already has the unique key.
    pub fn is_unique_violation(&self) -> bool {
        self.source.as_database_error().is_some_and(|error| error.is_unique_violation())
    }

    /// Whether the row is named by others, or names one that is not there.
    pub fn is_foreign_key_violation(&self) -> bool {
        self.source.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
    }

    /// Whether a retry may succeed: the server is unavailable, the pool is exhausted, the file is busy, or two
    /// transactions collided.
    pub fn is_transient(&self) -> bool {
        match &self.source {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_) => true,
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                // PostgreSQL: class 08 connection, 40 serialisation/deadlock, 53 resources (disk full, too many
                // connections), 57 shutdown, 58 system error. SQLite (extended codes): busy 5, locked 6, full 13,
                // io 10.
                let postgres =
                    code.len() == 5 && ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class));
                // PostgreSQL states have five characters, SQLite codes at most four digits.
                let sqlite =
                    code.len() < 5 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13));
                postgres || sqlite
            }
            _ => false,
        }
    }

    /// Whether the disk of the database is full.
    pub fn is_disk_full(&self) -> bool {
        self.code().is_some_and(|code| matches!(code.as_str(), "13" | "53100"))
    }

    /// Whether the file is not a database, or a part of it cannot be read any more. SQLite only.
    pub fn is_damaged(&self) -> bool {
        // The codes are 11 (corrupt) and 26 (not a database), with their extended codes.
        let code = self.code().filter(|code| code.len() < 5).and_then(|code| code.parse::<u32>().ok());
        code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
    }

    /// Returns the database's code of the error, even from the middle of a migration.
    fn code(&self) -> Option<String> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&self.source);
        while let Some(error) = cause {
            let told = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
            if let Some(told) = told {
                return told.code().map(Cow::into_owned);
            }
            cause = error.source();
        }
        None
    }

    /// Returns the class under which the metrics count the error. A missing row or a duplicate key is the caller's
    /// concern and is not counted.
    fn class(&self) -> Option<&'static str> {
        match self {
            _ if self.is_missing_row() || self.is_unique_violation() || self.is_foreign_key_violation() => None,
            _ if self.is_disk_full() => Some("full"),
            _ if self.is_transient() => Some("transient"),
            _ => Some("other"),
        }
    }

    /// Whether no row matched although one was expected.
    pub fn is_missing_row(&self) -> bool {
        matches!(self.source, sqlx::Error::RowNotFound)
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_disk_full() {
            return write!(
                f,
                "the disk that holds the database is full: free some space and run again ({})",
                self.source
            );
        }
        write!(f, "database: {}", self.source)
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<sqlx::Error> for DbError {
    fn from(source: sqlx::Error) -> Self {
        let error = Self { source };
        if let Some(class) = error.class() {
            DB_ERRORS.add([class], 1);
        }
        error
    }
}

impl From<sqlx::migrate::MigrateError> for DbError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self { source: sqlx::Error::Migrate(Box::new(error)) }
    }
}

//! How long each test takes, for those who wonder why all of them take so long.
//!
//! Stable Rust's test programs do not tell. What the long tests have in common does: a database or a folder of their
//! own, from the beginning of the test to its end.

use std::{
    fs::OpenOptions,
    io::Write,
    thread,
    time::{Duration, Instant},
};

/// The variable that names the file to write to. Without it nothing is written.
const FILE: &str = "HERALD_TEST_TIMES";

/// Measures from when it is made until it is dropped, and then appends a line to the file: milliseconds and the test's
/// name. A test with several has several lines.
#[derive(Debug)]
pub struct Timed {
    began: Instant,
}

impl Timed {
    /// Begins to measure.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now() }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let Some(path) = std::env::var_os(FILE) else { return };
        let thread = thread::current();
        let line = line(self.began.elapsed(), thread.name());
        // In one piece, because the tests of several programs write to it. A time that is lost fails no test.
        let file = OpenOptions::new().create(true).append(true).open(path);
        drop(file.and_then(|mut file| file.write_all(line.as_bytes())));
    }
}

/// A line of the file. Test programs name the thread of a test after it.
fn line(elapsed: Duration, name: Option<&str>) -> String {
    format!("{} {}\n", elapsed.as_millis(), name.unwrap_or("unnamed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_milliseconds_and_the_test() {
        let here = thread::current();
        let written = line(Duration::from_millis(1_250), here.name());
        assert!(written.starts_with("1250 ") && written.ends_with('\n'), "{written}");
        assert_eq!(line(Duration::ZERO, None), "0 unnamed\n");
    }
}

//! CPU time, the measure that another program on the machine disturbs least.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// User and system time this process has used, in milliseconds.
pub(crate) fn process_ms() -> f64 {
    let used = getrusage(UsageWho::RUSAGE_SELF).expect("asking for one's own usage does not fail");
    millis(used.user_time()) + millis(used.system_time())
}

fn millis(time: TimeVal) -> f64 {
    time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0
}

/// CPU milliseconds that `work` takes, and what it returns.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = process_ms();
    let value = work();
    (process_ms() - start, value)
}

/// The middle value; the upper one of two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        assert_eq!(median(vec![9.0, 1.0, 2.0, 1e9, 3.0]), 3.0);
    }
}

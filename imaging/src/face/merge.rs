//! Merges windows that show the same face.
//!
//! A face is found at several adjacent places and sizes. The window with the highest certainty stays. The windows that
//! overlap it much are removed, and their certainty is added to it. A texture that looks like a face by chance does so
//! in one window, a face in many.

/// A square in the picture that may hold a face. It may extend beyond the picture's edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) size: u32,
    pub(super) score: f64,
}

/// Keeps the windows with the highest certainty, in descending order. A window that shares more than `limit` of the
/// union with a better one is merged into it.
pub(super) fn merge(windows: &mut Vec<Window>, limit: f32) {
    windows.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    while kept < windows.len() {
        let best = windows[kept];
        let mut score = best.score;
        let mut end = kept + 1;
        for next in kept + 1..windows.len() {
            let other = windows[next];
            if overlap(&best, &other) > limit {
                score += other.score;
            } else {
                windows[end] = other;
                end += 1;
            }
        }
        windows.truncate(end);
        windows[kept].score = score;
        kept += 1;
    }
}

/// The shared part of the two windows' union, 0 to 1.
fn overlap(a: &Window, b: &Window) -> f32 {
    let shared =
        |a_start: i32, b_start: i32| (a_start + a.size as i32).min(b_start + b.size as i32) - a_start.max(b_start);
    let (width, height) = (shared(a.x, b.x), shared(a.y, b.y));
    if width <= 0 || height <= 0 {
        return 0.0;
    }
    let area = |window: &Window| (window.size * window.size) as f32;
    let both = (width * height) as f32;
    both / (area(a) + area(b) - both)
}

#[cfg(test)]
mod tests {
    use super::{Window, merge};

    fn window(x: i32, size: u32, score: f64) -> Window {
        Window { x, y: 0, size, score }
    }

    #[test]
    fn the_surest_window_stays_with_the_certainty_of_those_it_covers() {
        let mut windows = vec![window(0, 40, 1.0), window(4, 40, 2.0), window(200, 40, 1.5)];
        merge(&mut windows, 0.3);
        assert_eq!(windows, [window(4, 40, 3.0), window(200, 40, 1.5)]);
    }

    #[test]
    fn a_small_window_inside_a_large_one_stays() {
        let mut windows = vec![window(0, 100, 1.0), window(10, 20, 1.0)];
        merge(&mut windows, 0.3);
        assert_eq!(windows.len(), 2);
    }
}

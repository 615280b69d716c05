//! Describes a window by the changes of brightness in its parts, as the input of the networks.
//!
//! Each pixel has one slope to the right and one downwards. A cell has eight numbers: the sums over its pixels of both
//! slopes and of their absolute values. Each sum is split into pixels where the other slope rises and pixels where it
//! falls. Four cells form a patch, whose 32 numbers are scaled to length 1. A network reads several patches of a fixed
//! pool.
//!
//! The cells of a network share few edges, so sums are kept only for the crossings of those edges, not for every pixel.

use super::WINDOW;

/// The number of values that describe a cell.
const CHANNELS: usize = 8;
/// The number of values that describe a patch.
pub(super) const PATCH_LENGTH: usize = 4 * CHANNELS;

/// The left, top, width and height of a patch in the window.
type Patch = [usize; 4];

/// The pixels of one window, scaled to the detector's size.
pub(super) type Pixels = [u8; WINDOW * WINDOW];

/// The patches that one network reads, as crossings of their edges.
#[derive(Debug)]
pub(super) struct Layout {
    columns: Vec<usize>,
    rows: Vec<usize>,
    /// The corners of each cell among the crossings: top left, top right, bottom left and right.
    cells: Vec<[usize; 4]>,
}

/// One number for each column of the window.
type Row = [i16; WINDOW];

/// The sums up to each crossing. They are kept between windows.
#[derive(Debug, Default)]
pub(super) struct Crossings(Vec<[i32; CHANNELS]>);

impl Layout {
    /// Creates the layout for patches of the pool. Returns `None` if a number is not in the pool.
    pub(super) fn of(patches: &[usize]) -> Option<Self> {
        let pool = pool();
        let patches: Vec<Patch> = patches.iter().map(|&patch| pool.get(patch).copied()).collect::<Option<_>>()?;
        let edges = |start: usize, length: usize| {
            let all = patches.iter().flat_map(|p| [p[start], p[start] + p[length] / 2, p[start] + p[length]]);
            let mut all: Vec<usize> = all.chain([0]).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (columns, rows) = (edges(0, 2), edges(1, 3));
        let crossing = |x, y| {
            let column = columns.binary_search(&x).expect("every edge is among the columns");
            let row = rows.binary_search(&y).expect("every edge is among the rows");
            row * columns.len() + column
        };
        let mut cells = Vec::new();
        for &[left, top, width, height] in &patches {
            let (width, height) = (width / 2, height / 2);
            for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (left, top) = (left + x * width, top + y * height);
                let (right, bottom) = (left + width, top + height);
                cells.push([
                    crossing(left, top),
                    crossing(right, top),
                    crossing(left, bottom),
                    crossing(right, bottom),
                ]);
            }
        }
        Some(Self { columns, rows, cells })
    }

    /// Appends the patches' numbers to `out`, one patch after the other.
    pub(super) fn describe(&self, pixels: &Pixels, crossings: &mut Crossings, out: &mut Vec<f32>) {
        self.sum(pixels, &mut crossings.0);
        for patch in self.cells.chunks_exact(4) {
            let mut numbers = [0; PATCH_LENGTH];
            for (numbers, cell) in numbers.chunks_exact_mut(CHANNELS).zip(patch) {
                let [top_left, top_right, bottom_left, bottom_right] = cell.map(|corner| crossings.0[corner]);
                for channel in 0..CHANNELS {
                    numbers[channel] =
                        bottom_right[channel] + top_left[channel] - top_right[channel] - bottom_left[channel];
                }
            }
            // This is 32-bit arithmetic: the squares of a harsh texture overflow, as they do in SeetaFace.
            let squares: i64 = numbers.iter().map(|&number| i64::from(i32::wrapping_mul(number, number))).sum();
            let length = (squares as f64).sqrt() as f32;
            out.extend(numbers.map(|number| if squares == 0 { 0.0 } else { number as f32 / length }));
        }
    }

    fn sum(&self, pixels: &Pixels, crossings: &mut Vec<[i32; CHANNELS]>) {
        crossings.clear();
        crossings.resize(self.columns.len(), [0; CHANNELS]);
        let framed = Framed::new(pixels);
        let mut sums = [[0; WINDOW]; CHANNELS];
        let mut from = 0;
        for &row in &self.rows[1..] {
            for y in from..row {
                framed.add_row(y, &mut sums);
            }
            from = row;
            let start = crossings.len();
            crossings.resize(start + self.columns.len(), [0; CHANNELS]);
            for (channel, sums) in sums.iter().enumerate() {
                let (mut total, mut from) = (0, 0);
                for (crossing, &column) in crossings[start..].iter_mut().zip(&self.columns) {
                    total += sums[from..column].iter().map(|&sum| i32::from(sum)).sum::<i32>();
                    crossing[channel] = total;
                    from = column;
                }
            }
        }
    }
}

/// The window with one more pixel on each side, which continues the slope at its edge.
struct Framed([Line; WINDOW + 2]);

type Line = [i16; WINDOW + 2];

impl Framed {
    fn new(pixels: &Pixels) -> Self {
        let mut framed = [[0; WINDOW + 2]; WINDOW + 2];
        for (framed, row) in framed[1..].iter_mut().zip(pixels.chunks_exact(WINDOW)) {
            for (framed, &pixel) in framed[1..].iter_mut().zip(row) {
                *framed = i16::from(pixel);
            }
            framed[0] = 2 * framed[1] - framed[2];
            framed[WINDOW + 1] = 2 * framed[WINDOW] - framed[WINDOW - 1];
        }
        let beyond = |edge: Line, inner: Line| -> Line { std::array::from_fn(|x| 2 * edge[x] - inner[x]) };
        framed[0] = beyond(framed[1], framed[2]);
        framed[WINDOW + 1] = beyond(framed[WINDOW], framed[WINDOW - 1]);
        Self(framed)
    }

    /// Adds a row's slopes to the sums of their columns, which stay below 40 × 510.
    fn add_row(&self, y: usize, sums: &mut [Row; CHANNELS]) {
        let [above, row, below] = [&self.0[y], &self.0[y + 1], &self.0[y + 2]];
        let right = each(|x| row[x + 2] - row[x]);
        let down = each(|x| below[x + 1] - above[x + 1]);
        // All bits are set where a slope falls, and none where it does not.
        let (right_falls, down_falls) = (each(|x| right[x] >> 15), each(|x| down[x] >> 15));
        let (right_steep, down_steep) = (each(|x| right[x].abs()), each(|x| down[x].abs()));
        let mut add = |channel: usize, of: &Row, falls: &Row| {
            let (rising, falling) = sums[channel..].split_at_mut(2);
            for x in 0..WINDOW {
                rising[0][x] += of[x] & !falls[x];
                falling[0][x] += of[x] & falls[x];
            }
        };
        add(0, &right, &down_falls);
        add(1, &right_steep, &down_falls);
        add(4, &down, &right_falls);
        add(5, &down_steep, &right_falls);
    }
}

fn each(value: impl Fn(usize) -> i16) -> Row {
    let mut row = [0; WINDOW];
    for (x, place) in row.iter_mut().enumerate() {
        *place = value(x);
    }
    row
}

/// Returns every patch that a network may name, in numerical order. Squares come first, then patches that are twice and
/// one and a half times as high or wide. They have every even size from 16 pixels on and are 16 pixels apart.
fn pool() -> Vec<Patch> {
    const LEAST: usize = 16;
    let mut pool = Vec::new();
    for (across, down) in [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)] {
        for height in (LEAST..=WINDOW).filter(|height| height % 2 == 0 && height % down == 0) {
            let width = height / down * across;
            if width % 2 != 0 || !(LEAST..=WINDOW).contains(&width) {
                continue;
            }
            for top in (0..=WINDOW - height).step_by(LEAST) {
                for left in (0..=WINDOW - width).step_by(LEAST) {
                    pool.push([left, top, width, height]);
                }
            }
        }
    }
    pool
}

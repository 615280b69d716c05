//! Which parts of a picture differ from the template's.

use image::RgbImage;

/// One answer for each tile of `width` × `height` pixels, row by row: does it differ? Every pixel is compared, whatever
/// was drawn, so what is said to be equal is equal. Both pictures have the same size.
pub(super) fn changed(base: &RgbImage, frame: &RgbImage, width: usize, height: usize) -> Vec<bool> {
    let line = base.width() as usize * 3;
    let columns = (base.width() as usize).div_ceil(width);
    let rows = (base.height() as usize).div_ceil(height);
    let mut tiles = vec![false; columns * rows];
    let bands = base.as_raw().chunks(line * height).zip(frame.as_raw().chunks(line * height));
    for ((base, frame), tiles) in bands.zip(tiles.chunks_mut(columns)) {
        if base == frame {
            continue;
        }
        for (base, frame) in base.chunks(line).zip(frame.chunks(line)) {
            let parts = base.chunks(width * 3).zip(frame.chunks(width * 3));
            for (tile, (base, frame)) in tiles.iter_mut().zip(parts) {
                *tile = *tile || base != frame;
            }
        }
    }
    tiles
}

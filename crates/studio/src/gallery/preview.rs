//! The picture that others show with a link: the gallery's first pictures as a sheet.

/// Pixels, as those who show previews ask for.
pub const WIDTH: u32 = 1200;
pub const HEIGHT: u32 = 630;
const GAP: f64 = 24.0;
const MARGIN: f64 = 33.0;
const MOST: usize = 8;

/// Left, top and side of the square for each of `pictures`, as many as there is room for.
pub fn tiles(pictures: usize) -> Vec<(f64, f64, f64)> {
    let shown = pictures.min(MOST);
    if shown == 0 {
        return Vec::new();
    }
    let rows = if shown > 3 { 2 } else { 1 };
    let columns = shown / rows;
    let fits = |length: u32, count: usize| {
        (f64::from(length) - 2.0 * MARGIN - GAP * (count - 1) as f64) / count as f64
    };
    let side = fits(WIDTH, columns).min(fits(HEIGHT, rows)).floor();
    let begin = |length: u32, count: usize| {
        ((f64::from(length) - side * count as f64 - GAP * (count - 1) as f64) / 2.0).floor()
    };
    let (left, top) = (begin(WIDTH, columns), begin(HEIGHT, rows));
    (0..rows * columns)
        .map(|n| {
            let (row, column) = (n / columns, n % columns);
            let at = |first: f64, place: usize| first + place as f64 * (side + GAP);
            (at(left, column), at(top, row), side)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tiles_are_on_the_sheet_and_none_on_another() {
        assert!(tiles(0).is_empty());
        for pictures in 1..20 {
            let tiles = tiles(pictures);
            assert!(!tiles.is_empty() && tiles.len() <= pictures.min(MOST));
            for (n, (x, y, side)) in tiles.iter().enumerate() {
                assert!(*x >= 0.0 && x + side <= f64::from(WIDTH));
                assert!(*y >= 0.0 && y + side <= f64::from(HEIGHT));
                assert!(*side >= 200.0, "{pictures} pictures of {side} pixels");
                let apart = |(a, b, s): &(f64, f64, f64)| {
                    a + s <= *x || x + side <= *a || b + s <= *y || y + side <= *b
                };
                assert!(tiles[..n].iter().all(apart));
            }
        }
        assert_eq!(tiles(8).len(), 8);
        assert_eq!(tiles(5).len(), 4, "a sheet without a hole");
    }
}

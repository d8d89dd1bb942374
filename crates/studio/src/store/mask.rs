//! Which part of the picture to start from is made anew: what the artist has painted over it.

use atelier_pictures::{Recipe, Rgb};

/// Pixels a side of the mask as the engine gets it.
const SIDE: usize = 512;
/// The share is counted in fewer pixels, for it is after every move of the brush.
const COARSE: usize = 64;

/// Lengths are in sides of the square that the engine takes from the picture, places from its left top
/// corner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// Only a part is to be made anew. What was painted stays while all of it is.
    pub wanted: bool,
    pub strokes: Vec<Stroke>,
}

/// One way of a round brush.
#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    pub points: Vec<(f32, f32)>,
    pub radius: f32,
    /// What it goes over is not made anew after all.
    pub erases: bool,
}

impl Mask {
    /// Sets the brush down.
    pub fn begin(&mut self, at: (f32, f32), radius: f32, erases: bool) {
        self.strokes.push(Stroke {
            points: vec![at],
            radius,
            erases,
        });
    }

    /// Moves the brush that is down. Places closer than shows are left out.
    pub fn go_on(&mut self, to: (f32, f32)) {
        if let Some(Stroke { points, radius, .. }) = self.strokes.last_mut()
            && let Some((x, y)) = points.last()
            && (to.0 - x).hypot(to.1 - y) > *radius / 4.0
        {
            points.push(to);
        }
    }

    /// Between 0 and 1.
    pub fn share(&self) -> f32 {
        let painted = self.pixels(COARSE).into_iter().filter(|p| *p).count();
        painted as f32 / (COARSE * COARSE) as f32
    }

    /// The mask as a PNG, white where it is painted. None where all of the picture is made anew.
    pub fn png(&self) -> Option<Vec<u8>> {
        if !self.wanted || self.strokes.is_empty() {
            return None;
        }
        let painted = self.pixels(SIDE);
        if !painted.contains(&true) {
            return None;
        }
        let rgb = painted
            .into_iter()
            .flat_map(|p| [if p { 255 } else { 0 }; 3]);
        let rgb = Rgb::new(SIDE as u32, SIDE as u32, rgb.collect()).ok()?;
        rgb.to_png(&Recipe::default()).ok()
    }

    /// Which of `side` by `side` pixels are painted, rows from the top.
    fn pixels(&self, side: usize) -> Vec<bool> {
        let mut painted = vec![false; side * side];
        for stroke in &self.strokes {
            let Stroke { points, radius, .. } = stroke;
            // A brush that was only set down went from there to there.
            let ends = points.iter().skip(1).chain(points.last());
            for (from, to) in points.iter().zip(ends) {
                let near = |from: f32, to: f32| {
                    let first = (from.min(to) - radius) * side as f32;
                    let end = (from.max(to) + radius) * side as f32;
                    first.max(0.0) as usize..(end.max(0.0).ceil() as usize).min(side)
                };
                for y in near(from.1, to.1) {
                    for x in near(from.0, to.0) {
                        let middle = |n: usize| (n as f32 + 0.5) / side as f32;
                        if distance((middle(x), middle(y)), *from, *to) <= *radius {
                            painted[y * side + x] = !stroke.erases;
                        }
                    }
                }
            }
        }
        painted
    }
}

/// From a place to the line between two others.
fn distance(at: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (x, y) = (at.0 - from.0, at.1 - from.1);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = match length > 0.0 {
        true => ((x * dx + y * dy) / length).clamp(0.0, 1.0),
        false => 0.0,
    };
    (x - along * dx).hypot(y - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Painted from (0.25, 0.5) to (0.5, 0.5), and set down once at (0.9, 0.1).
    fn mask() -> Mask {
        let mut mask = Mask {
            wanted: true,
            ..Mask::default()
        };
        mask.begin((0.25, 0.5), 0.05, false);
        mask.go_on((0.5, 0.5));
        mask.begin((0.9, 0.1), 0.05, false);
        mask
    }

    /// What the engine would see at a place.
    fn seen(mask: &Mask, places: &[(f32, f32)]) -> Vec<bool> {
        let picture = atelier_pictures::decode(&mask.png().unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (512, 512));
        let at = |(x, y): &(f32, f32)| {
            let place = (y * 512.0) as usize * 512 + (x * 512.0) as usize;
            match picture.rgba()[4 * place..][..4] {
                [0, 0, 0, 255] => false,
                [255, 255, 255, 255] => true,
                ref other => panic!("{other:?} is neither black nor white"),
            }
        };
        places.iter().map(at).collect()
    }

    #[test]
    fn white_where_the_brush_was() {
        let along = [
            (0.22, 0.5),
            (0.25, 0.53),
            (0.4, 0.5),
            (0.54, 0.5),
            (0.9, 0.1),
        ];
        assert_eq!(seen(&mask(), &along), [true; 5]);
        let beside = [
            (0.18, 0.5),
            (0.4, 0.57),
            (0.57, 0.5),
            (0.9, 0.5),
            (0.5, 0.9),
        ];
        assert_eq!(seen(&mask(), &beside), [false; 5]);
        // The line, half a circle at each end of it, and the dot.
        let circle = std::f32::consts::PI * 0.05 * 0.05;
        let share = 0.25 * 0.1 + 2.0 * circle;
        assert!((mask().share() - share).abs() < 0.003, "{}", mask().share());
    }

    #[test]
    fn erased_it_is_as_never_painted() {
        let mut mask = mask();
        mask.begin((0.25, 0.5), 0.1, true);
        assert_eq!(seen(&mask, &[(0.25, 0.5), (0.5, 0.5)]), [false, true]);
        mask.go_on((0.5, 0.5));
        mask.go_on((0.9, 0.1));
        assert_eq!(mask.png(), None, "nothing is left");
    }

    #[test]
    fn without_a_part_there_is_no_mask() {
        assert_eq!(Mask::default().png(), None);
        let all = Mask {
            wanted: false,
            ..mask()
        };
        assert_eq!(all.png(), None);
        let mut outside = Mask {
            strokes: Vec::new(),
            ..mask()
        };
        outside.begin((-0.5, 3.0), 0.1, false);
        assert_eq!((outside.png(), outside.share()), (None, 0.0));
    }

    #[test]
    fn a_trembling_hand_leaves_few_places() {
        let mut mask = mask();
        for n in 0..1000 {
            mask.go_on((0.9 + 1e-5 * n as f32, 0.1));
        }
        assert_eq!(mask.strokes[1].points.len(), 1);
    }
}

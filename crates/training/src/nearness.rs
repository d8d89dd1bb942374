//! Whether pictures are copies of works.

use crate::dataset::{Example, TrainingSet};

/// Works that are asked how near the others come; more would say the same.
const ASKED: usize = 64;
/// Fewer works say nothing of how near those of one hand come to each other.
const LEAST: usize = 3;

/// How near works come to each other, for pictures to be held against.
///
/// Distances are those of latents, in which the learned is the same as in pixels and the unseen is left out. A picture is
/// compared with each work and its mirror image.
pub struct Nearness {
    works: Vec<Vec<f32>>,
    /// From a work to the nearest of the others, the median.
    usual: f32,
}

impl Nearness {
    /// Of the works that are trained on and have this size, height and width. None where there are too few.
    pub fn new(set: &TrainingSet, size: [usize; 2]) -> Option<Self> {
        let of_size = set.train().iter().filter(|example| example.size == size);
        let examples: Vec<&Example> = of_size.collect();
        if examples.len() < LEAST {
            return None;
        }
        let all = |example: &Example| [Some(example.latents.clone()), example.flipped.clone()];
        let works = examples.iter().map(|example| all(example));
        let works: Vec<Vec<Vec<f32>>> = works
            .map(|both| both.into_iter().flatten().collect())
            .collect();
        let asked = (0..examples.len()).step_by(examples.len().div_ceil(ASKED));
        let mut to_nearest: Vec<f32> = asked
            .map(|work| {
                let others = works.iter().enumerate().filter(|(other, _)| *other != work);
                nearest(
                    &examples[work].latents,
                    others.flat_map(|(_, others)| others),
                )
            })
            .collect();
        to_nearest.sort_by(f32::total_cmp);
        let usual = to_nearest[to_nearest.len() / 2];
        // Where works are all the same picture, anything that is learned is a copy, and there is nothing to say.
        (usual > 0.0).then(|| Self {
            works: works.into_iter().flatten().collect(),
            usual,
        })
    }

    /// How far a picture's latents lie from the nearest work: 1 as far as works do from each other, near 0 for a copy.
    pub fn of(&self, latents: &[f32]) -> f32 {
        nearest(latents, &self.works) / self.usual
    }
}

/// Euclidean distance to the nearest.
fn nearest<'a>(from: &[f32], to: impl IntoIterator<Item = &'a Vec<f32>>) -> f32 {
    let squared = |to: &Vec<f32>| -> f32 {
        let differences = from.iter().zip(to).map(|(a, b)| a - b);
        differences.map(|difference| difference * difference).sum()
    };
    let least = to.into_iter().map(squared).fold(f32::INFINITY, f32::min);
    least.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(works: &[[f32; 2]]) -> TrainingSet {
        let examples = works.iter().map(|&[a, b]| Example {
            size: [1, 2],
            latents: vec![a, b],
            flipped: Some(vec![-a, -b]),
            prompt: vec![0.0],
        });
        TrainingSet::new(examples.collect(), vec![0.0], 1).unwrap()
    }

    #[test]
    fn copies_are_near_and_others_as_far_as_works_are() {
        // 3, 3, 4 and 4 from each other; the mirror images are far away.
        let works = [[100.0, 1.0], [103.0, 1.0], [103.0, 5.0], [107.0, 5.0]];
        let nearness = Nearness::new(&set(&works), [1, 2]).unwrap();
        for (picture, expected) in [
            ([103.0, 1.0], 0.0),
            ([-103.0, -1.0], 0.0),
            ([107.0, 9.0], 1.0),
            ([107.5, 5.0], 0.125),
        ] {
            assert_eq!(nearness.of(&picture), expected, "{picture:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_too_few_works_or_one_picture_over_and_over() {
        assert!(Nearness::new(&set(&[[0.0, 1.0], [3.0, 1.0]]), [1, 2]).is_none());
        assert!(Nearness::new(&set(&[[0.0, 1.0]; 5]), [1, 2]).is_none());
        assert!(Nearness::new(&set(&[[0.0, 1.0]; 5]), [2, 1]).is_none());
    }
}

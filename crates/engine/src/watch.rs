//! An eye on a run's previews, for copies of works.

use atelier_training::{Nearness, TrainingSet};

use crate::{sampling::Sampled, works::WorkInput};

/// The works of a run, as far as previews are held against them.
pub(crate) struct Watch<'a> {
    works: &'a [WorkInput<'a>],
    nearness: Option<Nearness>,
}

impl<'a> Watch<'a> {
    /// `size` is that of the previews' latents, height and width.
    pub fn new(works: &'a [WorkInput<'a>], set: &TrainingSet, size: [usize; 2]) -> Self {
        let nearness = Nearness::new(set, size);
        Self { works, nearness }
    }

    /// The [`Nearness`] of the picture that is nearest to a work. A picture of what a work is of may look like it, so it is
    /// left out. None where there is nothing to tell by.
    pub fn nearest(&self, prompts: &[String], pictures: &[Sampled]) -> Option<f32> {
        let nearness = self.nearness.as_ref()?;
        let said = |text: &str| text.trim().to_lowercase();
        let is_a_works = |prompt: &String| {
            let mut captions = self.works.iter().map(|work| said(work.caption));
            captions.any(|caption| caption == said(prompt))
        };
        let others = prompts.iter().zip(pictures);
        let others = others.filter(|(prompt, _)| !is_a_works(prompt));
        let each = others.map(|(_, picture)| nearness.of(&picture.latents));
        each.min_by(f32::total_cmp)
    }
}

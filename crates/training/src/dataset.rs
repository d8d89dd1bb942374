//! What the loop draws from: works as latents, captions as embeddings, and which are held back.

use std::collections::BTreeSet;

use atelier_diffusion::Gaussian;

use crate::error::TrainingError;

/// One work, encoded. Latents are flat `[channels, height, width]`, scaled as the UNet takes them.
#[derive(Clone, Debug)]
pub struct Example {
    /// Height and width of the latents.
    pub size: [usize; 2],
    pub latents: Vec<f32>,
    /// The mirrored work, where mirroring is allowed.
    pub flipped: Option<Vec<f32>>,
    /// The caption's embedding, flat `[tokens, width]`; where the text encoder is trained, which makes it anew each
    /// step, the numbers of its tokens.
    pub prompt: Vec<f32>,
}

/// The works of a run.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    train: Vec<Example>,
    held_back: Vec<Example>,
    prior: Vec<Example>,
    /// The empty prompt, for captions that are dropped.
    pub(crate) empty_prompt: Vec<f32>,
}

/// From this many works on, one in five is held back for validation.
const HOLD_BACK_FROM: usize = 10;

impl TrainingSet {
    /// Splits `examples`, seeded.
    ///
    /// # Errors
    /// When there are none, or they do not belong together.
    pub fn new(
        mut examples: Vec<Example>,
        empty_prompt: Vec<f32>,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        let Some(first) = examples.first() else {
            return Err(TrainingError::NoWorks);
        };
        let channels = channels(first);
        for example in &examples {
            check(example, channels, empty_prompt.len())?;
        }
        let mut random = Gaussian::new(seed, SPLIT_STREAM);
        for i in (1..examples.len()).rev() {
            examples.swap(i, random.below(i as u32 + 1) as usize);
        }
        let count = match examples.len() {
            n if n >= HOLD_BACK_FROM => n / 5,
            _ => 0,
        };
        let held_back = examples.split_off(examples.len() - count);
        Ok(Self {
            train: examples,
            held_back,
            prior: Vec::new(),
            empty_prompt,
        })
    }

    /// With pictures of the model's own, which every other step is about: so that the adapter changes what the trigger
    /// calls and leaves the rest as it was (prior preservation; Ruiz et al. 2022, "DreamBooth").
    ///
    /// # Errors
    /// When they do not belong with the works.
    pub fn with_prior(mut self, prior: Vec<Example>) -> Result<Self, TrainingError> {
        for example in &prior {
            check(example, channels(&self.train[0]), self.empty_prompt.len())?;
        }
        self.prior = prior;
        Ok(self)
    }

    /// What a step draws from.
    pub(crate) fn drawn_from(&self, step: u32) -> &[Example] {
        match !self.prior.is_empty() && !step.is_multiple_of(2) {
            true => &self.prior,
            false => &self.train,
        }
    }

    /// Height and width of all latents that there are.
    pub(crate) fn sizes(&self) -> BTreeSet<[usize; 2]> {
        let all = [&self.train, &self.held_back, &self.prior];
        all.into_iter()
            .flatten()
            .map(|example| example.size)
            .collect()
    }

    /// The works that are trained on.
    pub fn train(&self) -> &[Example] {
        &self.train
    }

    /// The works validation looks at: those held back, or all of them when there are too few.
    pub fn validation(&self) -> &[Example] {
        match self.holds_back() {
            true => &self.held_back,
            false => &self.train,
        }
    }

    /// Whether works are held back.
    pub fn holds_back(&self) -> bool {
        !self.held_back.is_empty()
    }
}

/// Latent channels.
fn channels(example: &Example) -> usize {
    example.latents.len() / (example.size[0] * example.size[1]).max(1)
}

fn check(example: &Example, channels: usize, prompt: usize) -> Result<(), TrainingError> {
    let fits = |what, expected, found| match expected == found {
        true => Ok(()),
        false => Err(TrainingError::Example {
            what,
            expected,
            found,
        }),
    };
    let latents = channels * example.size[0] * example.size[1];
    fits("picture", latents, example.latents.len())?;
    if let Some(flipped) = &example.flipped {
        fits("mirrored picture", latents, flipped.len())?;
    }
    fits("caption", prompt, example.prompt.len())
}

const SPLIT_STREAM: u64 = 2 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(count: usize) -> Vec<Example> {
        (0..count)
            .map(|i| Example {
                size: [2, 2],
                latents: vec![i as f32; 4],
                flipped: None,
                prompt: vec![0.0; 3],
            })
            .collect()
    }

    #[test]
    fn holds_one_in_five_back() {
        let set = TrainingSet::new(examples(20), vec![0.0; 3], 1).unwrap();
        assert_eq!((set.train().len(), set.validation().len()), (16, 4));
        let mut all: Vec<i32> = set
            .train()
            .iter()
            .chain(set.validation())
            .map(|e| e.latents[0] as i32)
            .collect();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn few_works_are_all_trained_on() {
        let set = TrainingSet::new(examples(5), vec![0.0; 3], 1).unwrap();
        assert!(!set.holds_back());
        assert_eq!((set.train().len(), set.validation().len()), (5, 5));
    }

    #[test]
    fn every_other_step_is_about_the_models_own() {
        let set = TrainingSet::new(examples(5), vec![0.0; 3], 1).unwrap();
        assert_eq!(set.drawn_from(1).len(), 5);
        let set = set.with_prior(examples(3)).unwrap();
        let counts = [0, 1, 2, 3].map(|step| set.drawn_from(step).len());
        assert_eq!(counts, [5, 3, 5, 3]);
        let other = Example {
            size: [3, 2],
            ..examples(1).remove(0)
        };
        assert!(set.with_prior(vec![other]).is_err());
    }

    #[test]
    fn refuses_none_and_strangers() {
        assert!(matches!(
            TrainingSet::new(vec![], vec![], 0),
            Err(TrainingError::NoWorks)
        ));
        assert!(matches!(
            TrainingSet::new(examples(2), vec![0.0; 9], 0),
            Err(TrainingError::Example {
                what: "caption",
                ..
            })
        ));
    }
}

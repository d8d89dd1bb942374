//! What the loop draws from: works as latents, captions as embeddings, and which are held back.

use atelier_diffusion::Gaussian;

use crate::error::TrainingError;

/// One work, encoded. Latents are flat `[channels, height, width]`, scaled as the UNet takes them;
/// embeddings flat `[tokens, width]`.
#[derive(Clone, Debug)]
pub struct Example {
    pub latents: Vec<f32>,
    /// The mirrored work, where mirroring is allowed.
    pub flipped: Option<Vec<f32>>,
    pub embedding: Vec<f32>,
}

/// The works of a run.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    train: Vec<Example>,
    held_back: Vec<Example>,
    /// Embedding of the empty prompt, for captions that are dropped.
    pub(crate) empty_embedding: Vec<f32>,
}

/// From this many works on, one in five is held back for validation.
const HOLD_BACK_FROM: usize = 10;

impl TrainingSet {
    /// Splits `examples`, seeded.
    ///
    /// # Errors
    /// When there are none, or their sizes differ.
    pub fn new(
        mut examples: Vec<Example>,
        empty_embedding: Vec<f32>,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        let Some(first) = examples.first() else {
            return Err(TrainingError::NoWorks);
        };
        let latents = first.latents.len();
        let fits = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(TrainingError::Example {
                what,
                expected,
                found,
            }),
        };
        for example in &examples {
            fits("picture", latents, example.latents.len())?;
            if let Some(flipped) = &example.flipped {
                fits("mirrored picture", latents, flipped.len())?;
            }
            fits("caption", empty_embedding.len(), example.embedding.len())?;
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
            empty_embedding,
        })
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

const SPLIT_STREAM: u64 = 2 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(count: usize) -> Vec<Example> {
        (0..count)
            .map(|i| Example {
                latents: vec![i as f32; 4],
                flipped: None,
                embedding: vec![0.0; 3],
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

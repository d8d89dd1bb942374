//! What the artist wants made: one picture or many, from noise or from a picture.

use atelier_protocol::SampleSettings;

use super::Bytes;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Each from the next seed.
    #[default]
    Single,
    /// The same seed with another noise mixed in.
    Variations,
    /// Each line of the prompt at each strength.
    Grid,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub kind: Kind,
    pub count: u32,
    /// How different variations are.
    pub variation: f32,
    /// Columns of the grid.
    pub strengths: Vec<f32>,
    pub image: Option<StartImage>,
}

/// A picture to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct StartImage {
    pub name: String,
    pub bytes: Bytes,
    /// As the browser shows it.
    pub url: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            kind: Kind::Single,
            count: 1,
            variation: 0.25,
            strengths: vec![0.0, 0.4, 0.7, 1.0],
            image: None,
        }
    }
}

/// More than this at once is nobody's wish.
pub const MOST_AT_ONCE: usize = 64;

impl Wish {
    /// Settings of each picture, in the order in which they are made. `roll` gives seeds.
    pub fn settings(
        &self,
        base: &SampleSettings,
        mut roll: impl FnMut() -> u64,
    ) -> Vec<SampleSettings> {
        let count = u64::from(self.count.max(1));
        let mut all: Vec<SampleSettings> = match self.kind {
            Kind::Single => (0..count)
                .map(|i| SampleSettings {
                    seed: base.seed.wrapping_add(i),
                    ..base.clone()
                })
                .collect(),
            Kind::Variations => (0..count)
                .map(|_| SampleSettings {
                    variation_seed: roll(),
                    variation_strength: self.variation,
                    ..base.clone()
                })
                .collect(),
            Kind::Grid => {
                let prompts = base.prompt.lines().map(str::trim);
                prompts
                    .filter(|line| !line.is_empty())
                    .flat_map(|prompt| self.strengths.iter().map(move |s| (prompt, *s)))
                    .map(|(prompt, strength)| SampleSettings {
                        prompt: prompt.to_owned(),
                        strength,
                        ..base.clone()
                    })
                    .collect()
            }
        };
        all.truncate(MOST_AT_ONCE);
        if all.is_empty() {
            all.push(base.clone());
        }
        // Of many, the base's side of each would only be in the way.
        if all.len() > 1 {
            for settings in &mut all {
                settings.compare = false;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_differ_in_what_they_should() {
        let base = SampleSettings {
            prompt: "a fox\n\na whale\n".into(),
            seed: u64::MAX,
            ..SampleSettings::default()
        };
        let wish = |kind, count| Wish {
            kind,
            count,
            strengths: vec![0.0, 0.5, 1.0],
            ..Wish::default()
        };
        let mut rolled = 0;
        let mut roll = || {
            rolled += 1;
            rolled
        };
        assert_eq!(
            wish(Kind::Single, 1).settings(&base, &mut roll),
            std::slice::from_ref(&base)
        );
        let seeds = wish(Kind::Single, 3).settings(&base, &mut roll);
        assert_eq!(
            seeds.iter().map(|s| s.seed).collect::<Vec<_>>(),
            [u64::MAX, 0, 1]
        );
        assert!(seeds.iter().all(|s| !s.compare));
        let variations = wish(Kind::Variations, 2).settings(&base, &mut roll);
        assert!(
            variations
                .iter()
                .all(|s| s.seed == base.seed && s.variation_strength == 0.25)
        );
        assert_ne!(variations[0].variation_seed, variations[1].variation_seed);
        let grid = wish(Kind::Grid, 1).settings(&base, &mut roll);
        assert_eq!(grid.len(), 6);
        assert_eq!(
            (grid[4].prompt.as_str(), grid[4].strength),
            ("a whale", 0.5)
        );
    }
}

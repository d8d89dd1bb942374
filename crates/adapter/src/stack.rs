//! Several adapters as one.

use std::collections::BTreeMap;

use atelier_models::{AdaptablePath, ProjectionKind};

use crate::{
    layers::Lora,
    layout::{Layout, Slot},
};

impl Lora {
    /// One adapter that does what `parts` do together, each at its strength: their factors lie side by side,
    /// so a module's rank is the sum of theirs, and nothing is lost. All are of one model.
    pub fn stack(parts: &[(Self, f32)]) -> Self {
        let mut modules: BTreeMap<&str, (ProjectionKind, usize)> = BTreeMap::new();
        for slot in parts.iter().flat_map(|(lora, _)| &lora.layout.slots) {
            modules.entry(&slot.path).or_insert((slot.kind, 0)).1 += slot.rank;
        }
        let projections = modules.into_iter().map(|(path, (kind, rank))| {
            let path = path.to_owned();
            (AdaptablePath { path, kind }, rank)
        });
        let layout = Layout::new(projections);
        let mut values = vec![0.0; layout.length];
        for whole in &layout.slots {
            let mut first = 0;
            for (lora, strength) in parts {
                let of_part = |slot: &&Slot| slot.path == whole.path;
                if let Some(part) = lora.layout.slots.iter().find(of_part) {
                    put(&mut values, whole, first, lora, part, *strength);
                    first += part.rank;
                }
            }
        }
        Self {
            layout,
            scale: 1.0,
            values,
        }
    }
}

/// Puts a part's factors into the whole's from rank `first` on; its scale and strength go into up.
fn put(values: &mut [f32], whole: &Slot, first: usize, lora: &Lora, part: &Slot, strength: f32) {
    let row = part.kind.fan_in();
    let down = whole.down.start + first * row;
    values[down..][..part.down.length].copy_from_slice(&lora.values[part.down.range()]);
    let scale = lora.scale * strength;
    let ups = lora.values[part.up.range()].chunks_exact(part.rank);
    for (output, up) in ups.enumerate() {
        let start = whole.up.start + output * whole.rank + first;
        for (value, up) in values[start..].iter_mut().zip(up) {
            *value = scale * up;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAR: ProjectionKind = ProjectionKind::Linear {
        inputs: 3,
        outputs: 5,
    };
    const CONV: ProjectionKind = ProjectionKind::Conv {
        inputs: 2,
        outputs: 4,
        kernel: 3,
    };

    /// An adapter with values of its own on the given modules.
    fn lora(modules: &[(&str, ProjectionKind, usize)], scale: f32, seed: u64) -> Lora {
        let layout = Layout::new(modules.iter().map(|(path, kind, rank)| {
            let (path, kind) = ((*path).to_owned(), *kind);
            (AdaptablePath { path, kind }, *rank)
        }));
        let mut values = vec![0.0; layout.length];
        let mut random = atelier_diffusion::Gaussian::new(seed, 0);
        for span in layout.spans() {
            for value in &mut values[span.range()] {
                *value = random.uniform() as f32 - 0.5;
            }
        }
        Lora {
            layout,
            scale,
            values,
        }
    }

    /// What an adapter adds to a module's weight, `[outputs, fan_in]`, in f64.
    fn change(lora: &Lora, path: &str) -> Vec<f64> {
        let Some(slot) = lora.layout.slots.iter().find(|slot| slot.path == path) else {
            return Vec::new();
        };
        let row = slot.kind.fan_in();
        let [down, up] = [slot.down, slot.up].map(|span| &lora.values[span.range()]);
        let mut change = vec![0.0; slot.kind.outputs() * row];
        for (i, sum) in change.iter_mut().enumerate() {
            let (output, column) = (i / row, i % row);
            let products = (0..slot.rank).map(|rank| {
                f64::from(up[output * slot.rank + rank]) * f64::from(down[rank * row + column])
            });
            *sum = f64::from(lora.scale) * products.sum::<f64>();
        }
        change
    }

    #[test]
    fn a_stack_adds_up_what_its_parts_change() {
        let parts = [
            (lora(&[("a", LINEAR, 2), ("b", CONV, 3)], 0.5, 1), 0.7),
            (lora(&[("b", CONV, 1), ("c", LINEAR, 4)], 2.0, 2), -1.25),
            (lora(&[("b", CONV, 2)], 1.0, 3), 1.0),
        ];
        let whole = Lora::stack(&parts);
        let ranks: Vec<_> = whole.layout.slots.iter().map(|slot| slot.rank).collect();
        assert_eq!(ranks, [2, 6, 4]);
        for path in ["a", "b", "c"] {
            let found = change(&whole, path);
            let mut wanted = vec![0.0; found.len()];
            for (part, strength) in &parts {
                for (sum, value) in wanted.iter_mut().zip(change(part, path)) {
                    *sum += f64::from(*strength) * value;
                }
            }
            assert!(wanted.iter().any(|value| value.abs() > 1e-3));
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 1e-6, "{path}: {found} {wanted}");
            }
        }
    }
}

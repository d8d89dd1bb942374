//! Gradients stage by stage, for less memory (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): the
//! forward pass keeps what lies between the UNet's stages and nothing within them; the backward pass runs each stage
//! once more, this time with all that its gradient needs.

use burn::tensor::{Gradients, Tensor};

use crate::UNet2DConditionModel;
use crate::unet_2d_blocks::Conditions;
use crate::unet_2d_condition::{Stage, size};

/// A forward pass: what lies between its stages.
pub struct Checkpointed {
    conditions: Conditions,
    /// Of these, a stage's inputs and its output are named by their places.
    values: Vec<Tensor<4>>,
    passes: Vec<Pass>,
}

/// A stage as it ran. Its output is the value after those before it.
struct Pass {
    stage: Stage,
    x: usize,
    skip: Option<usize>,
    next: Option<[usize; 2]>,
}

impl Checkpointed {
    /// Runs `unet` on inputs as those of [`UNet2DConditionModel::forward`]. Its branches must not collect gradients, or all
    /// that is saved here would be kept for them.
    pub fn forward(
        unet: &UNet2DConditionModel,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        encoder_hidden_states: Tensor<3>,
    ) -> Self {
        let conditions = unet.conditions(timesteps, encoder_hidden_states, None);
        let mut values = vec![unet.enter(sample)];
        let (mut passes, mut skips) = (Vec::new(), vec![0]);
        for stage in unet.stages() {
            let x = values.len() - 1;
            let skip = stage.takes_skip().then(|| skips.pop()).flatten();
            let next = skips.last().map(|&skip: &usize| size(&values[skip]));
            let at = |place: usize| values[place].clone();
            let out = unet.run(stage, at(x), skip.map(at), next, &conditions);
            if stage.gives_skip() {
                skips.push(values.len());
            }
            values.push(out);
            passes.push(Pass {
                stage,
                x,
                skip,
                next,
            });
        }
        Self {
            conditions,
            values,
            passes,
        }
    }

    /// The loss that `loss` makes of the prediction, `[1]`. `unet` is the one that ran, with branches that collect gradients;
    /// `found` is handed them stage by stage, each factor's once. With `text_trained` the gradient with respect to
    /// `encoder_hidden_states` comes along.
    pub fn backward(
        mut self,
        unet: &UNet2DConditionModel,
        text_trained: bool,
        loss: impl FnOnce(Tensor<4>) -> Tensor<1>,
        mut found: impl FnMut(&mut Gradients),
    ) -> (Tensor<1>, Option<Tensor<3>>) {
        let text = self.conditions.text.clone();
        let mut of_text = None;
        let mut wanted: Vec<Option<Tensor<4>>> = self.values.iter().map(|_| None).collect();
        let mut ask =
            |loss: &Tensor<1>, leaves: &[(usize, Tensor<4>)], wanted: &mut [Option<Tensor<4>>]| {
                let mut gradients = loss.backward();
                for (place, leaf) in leaves {
                    if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                        add(&mut wanted[*place], gradient);
                    }
                }
                found(&mut gradients);
                gradients
            };

        let last = self.values.len() - 1;
        let x = leaf(&self.values[last]);
        let loss = loss(unet.leave(x.clone()));
        ask(&loss, &[(last, x)], &mut wanted);

        for (i, pass) in self.passes.iter().enumerate().rev() {
            let Some(gradient) = wanted[i + 1].take() else {
                continue;
            };
            self.values.truncate(i + 1);
            if text_trained {
                self.conditions.text = leaf(&text);
            }
            let x = leaf(&self.values[pass.x]);
            let skip = pass.skip.map(|skip| (skip, leaf(&self.values[skip])));
            let tensor = skip.as_ref().map(|(_, skip)| skip.clone());
            let out = unet.run(pass.stage, x.clone(), tensor, pass.next, &self.conditions);
            // Whose gradient with respect to `out` is the one that is wanted.
            let stand_in = (out * gradient.autodiff()).sum();
            let leaves: Vec<_> = [(pass.x, x)].into_iter().chain(skip).collect();
            let mut gradients = ask(&stand_in, &leaves, &mut wanted);
            if text_trained && let Some(gradient) = self.conditions.text.grad_remove(&mut gradients)
            {
                add(&mut of_text, gradient);
            }
        }
        (loss.without_autodiff(), of_text)
    }
}

/// `value` as where a backward pass ends.
fn leaf<const D: usize>(value: &Tensor<D>) -> Tensor<D> {
    value.clone().without_autodiff().autodiff().require_grad()
}

fn add<const D: usize>(sum: &mut Option<Tensor<D>>, gradient: Tensor<D>) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + gradient,
        None => gradient,
    });
}

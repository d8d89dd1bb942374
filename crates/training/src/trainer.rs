use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use atelier_adapter::{Lora, Parts, TEXT_ENCODER, Targets};
use atelier_diffusion::NoiseSchedule;
use atelier_kernels::{
    AdamW, AdamWState, KernelError, Rates, Recorded, Timing, upload, write_into,
};
use burn::tensor::{Device, Tensor};

use crate::{
    batch::{Inputs, training_batch, validation_batches},
    checkpoint::Checkpoint,
    dataset::TrainingSet,
    error::TrainingError,
    rate::learning_rate,
    step::{Shapes, input_length, training_step},
};

/// How an adapter is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub steps: u32,
    pub rank: usize,
    pub alpha: f32,
    pub targets: Targets,
    pub learning_rate: f32,
    /// That of the text encoder's factors, where it is trained.
    pub text_encoder_learning_rate: f32,
    pub caption_dropout: f32,
    /// None for equal weights.
    pub min_snr_gamma: Option<f32>,
    /// The UNet is run stage by stage, which takes a forward pass longer and less memory.
    pub block_checkpointing: bool,
    pub seed: u64,
    pub optimizer: AdamW,
}

impl Settings {
    fn check(&self) -> Result<(), TrainingError> {
        let wrong = |name, expected, found: String| {
            Err(TrainingError::Setting {
                name,
                expected,
                found,
            })
        };
        if self.steps == 0 {
            return wrong("number of steps", "at least 1", self.steps.to_string());
        }
        if !(1..=256).contains(&self.rank) {
            return wrong("rank", "between 1 and 256", self.rank.to_string());
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return wrong("alpha", "above 0", self.alpha.to_string());
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return wrong(
                "learning rate",
                "above 0 and at most 1",
                self.learning_rate.to_string(),
            );
        }
        if !(0.0..=1.0).contains(&self.text_encoder_learning_rate) {
            return wrong(
                "text encoder's learning rate",
                "between 0 and 1",
                self.text_encoder_learning_rate.to_string(),
            );
        }
        if !(0.0..=1.0).contains(&self.caption_dropout) {
            return wrong(
                "caption dropout",
                "between 0 and 1",
                self.caption_dropout.to_string(),
            );
        }
        if let Some(gamma) = self
            .min_snr_gamma
            .filter(|gamma| !(gamma.is_finite() && *gamma > 0.0))
        {
            return wrong("min-SNR gamma", "above 0, or 0 for none", gamma.to_string());
        }
        Ok(())
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u32,
    pub loss: f32,
    /// Norm of all gradients before clipping.
    pub gradient_norm: f32,
}

impl StepReport {
    /// Whether the step was a good one. A bad one has changed nothing.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient_norm.is_finite()
    }
}

/// Trains one adapter on one model.
pub struct Trainer {
    /// By height and width of latents.
    recorded: BTreeMap<[usize; 2], Recorded>,
    state: Rc<RefCell<AdamWState>>,
    adapter: Lora,
    /// So many values of the adapter are the text encoder's; they come first.
    of_text: usize,
    set: TrainingSet,
    schedule: NoiseSchedule,
    shapes: Shapes,
    settings: Settings,
    validation: Vec<Inputs>,
    done: u32,
    /// Scales the learning rate; halved when a step was not finite.
    caution: f32,
}

impl Trainer {
    /// Prepares a run and records its step. `shapes.batch` samples a step; heights and widths are those of the examples.
    /// Where these differ the step is run kernel by kernel, for each of the recordings would have its own memory, and
    /// pictures large enough to come in several shapes keep the device busy that way too. A text encoder among `parts` is
    /// trained too: then prompts are token numbers.
    ///
    /// # Errors
    /// When a setting is out of its range, an example does not fit, or the device fails.
    pub async fn new(
        parts: Parts<'_>,
        schedule: NoiseSchedule,
        set: TrainingSet,
        shapes: Shapes,
        settings: Settings,
        device: &Device,
    ) -> Result<Self, TrainingError> {
        settings.check()?;
        let adapter = Lora::init(
            parts,
            settings.targets,
            settings.rank,
            settings.alpha,
            settings.seed,
        )?;
        let inner = device.clone().without_autodiff();
        let param = upload(&adapter.values, &inner);
        let state = Rc::new(RefCell::new(AdamWState::new(param)));
        let idle = settings.optimizer.hyper(false, 0.0, 1);
        let validation = validation_batches(&set, &schedule, &shapes, &idle)?;
        let gradient = Tensor::<1>::zeros([adapter.layout.length], &inner);
        let sizes = set.sizes();
        let mut recorded = BTreeMap::new();
        for &size in &sizes {
            let shapes = shapes.of_size(size);
            let closure = training_step(
                parts,
                &adapter,
                shapes,
                settings.block_checkpointing,
                state.clone(),
                gradient.clone(),
                &inner,
            )?;
            let step = match sizes.len() {
                1 => {
                    let first = training_batch(&set, &schedule, &shapes, &settings, 0, &idle)?;
                    Recorded::new(&inner, &first.inputs, closure).await?
                }
                _ => Recorded::eager(&inner, input_length(&shapes), closure),
            };
            recorded.insert(size, step);
        }
        Ok(Self {
            recorded,
            state,
            of_text: of_text(&adapter),
            adapter,
            set,
            schedule,
            shapes,
            settings,
            validation,
            done: 0,
            caution: 1.0,
        })
    }

    /// One optimizer step. A step whose loss or gradients are not finite changes nothing but the
    /// caution of those after it: their learning rate is halved.
    pub async fn step(&mut self) -> Result<StepReport, TrainingError> {
        let settings = &self.settings;
        let rate = |peak| learning_rate(peak, self.done, settings.steps) * self.caution;
        let rates = Rates {
            rate: rate(settings.learning_rate),
            first: self.of_text,
            of_first: rate(settings.text_encoder_learning_rate),
        };
        let hyper = settings.optimizer.hyper(true, rates, self.done + 1);
        let inputs = training_batch(
            &self.set,
            &self.schedule,
            &self.shapes,
            &self.settings,
            self.done,
            &hyper,
        )?;
        let (loss, gradient_norm) = self.run(inputs.size, &inputs.inputs).await?;
        self.done += 1;
        let report = StepReport {
            step: self.done,
            loss,
            gradient_norm,
        };
        if !report.is_finite() {
            self.caution *= 0.5;
        }
        Ok(report)
    }

    /// Mean loss over fixed works, noise and timesteps. Nothing is trained by it.
    pub async fn validate(&mut self) -> Result<f32, TrainingError> {
        let mut sum = 0.0;
        for i in 0..self.validation.len() {
            let inputs = std::mem::take(&mut self.validation[i].inputs);
            let result = self.run(self.validation[i].size, &inputs).await;
            self.validation[i].inputs = inputs;
            sum += result?.0;
        }
        Ok(sum / self.validation.len() as f32)
    }

    async fn run(&mut self, size: [usize; 2], inputs: &[f32]) -> Result<(f32, f32), TrainingError> {
        let step = self.recorded.get_mut(&size);
        let step = step.expect("there is a step for every size of the set's examples");
        let output = step.run_and_read(inputs).await?;
        Ok((output[0], output[1].sqrt()))
    }

    /// The adapter as it is now, read from the device.
    pub async fn adapter(&self) -> Result<Lora, TrainingError> {
        let param = self.state.borrow().param.clone();
        Ok(Lora {
            values: read(param).await?,
            ..self.adapter.clone()
        })
    }

    /// What the run has come to, to go on from with [`Self::resume`].
    pub async fn checkpoint(&self, fingerprint: &str) -> Result<Checkpoint, TrainingError> {
        let AdamWState {
            param,
            first,
            second,
        } = self.state.borrow().clone();
        Ok(Checkpoint {
            step: self.done,
            caution: self.caution,
            fingerprint: fingerprint.to_string(),
            param: read(param).await?,
            first: read(first).await?,
            second: read(second).await?,
        })
    }

    /// Puts the run where `checkpoint` was taken. From there on it is the same run, to the bit.
    ///
    /// # Errors
    /// When the checkpoint is of a run of another length or of an adapter of another size.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainingError> {
        let length = self.adapter.layout.length;
        let parts = [&checkpoint.param, &checkpoint.first, &checkpoint.second];
        if parts.iter().any(|part| part.len() != length) || checkpoint.step > self.settings.steps {
            return Err(TrainingError::OtherRun);
        }
        let mut state = self.state.borrow_mut();
        let held = [&state.param, &state.first, &state.second].map(Tensor::clone);
        let [param, first, second] = [0, 1, 2].map(|i| {
            let fresh = upload(parts[i], &held[i].device());
            write_into(held[i].clone(), fresh)
        });
        *state = AdamWState {
            param,
            first,
            second,
        };
        self.done = checkpoint.step;
        self.caution = checkpoint.caution;
        Ok(())
    }

    /// Steps done.
    pub fn steps_done(&self) -> u32 {
        self.done
    }

    /// Whether validation looks at works that are not trained on.
    pub fn holds_back(&self) -> bool {
        self.set.holds_back()
    }

    /// How long the recording's eager and replayed runs took; none where the step is run kernel by kernel.
    pub fn timing(&self) -> Option<Timing> {
        let mut steps = self.recorded.values();
        steps
            .next()
            .filter(|_| steps.len() == 0)
            .map(Recorded::timing)
    }
}

/// Values at the beginning of an adapter that are the text encoder's: its folder comes before the UNet's.
pub(crate) fn of_text(adapter: &Lora) -> usize {
    let slots = &adapter.layout.slots;
    let first = slots
        .iter()
        .find(|slot| !slot.path.starts_with(TEXT_ENCODER));
    first.map_or(adapter.layout.length, |slot| slot.down.start)
}

async fn read(values: Tensor<1>) -> Result<Vec<f32>, KernelError> {
    Ok(values.into_data_async().await?.iter::<f32>().collect())
}

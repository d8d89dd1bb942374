use std::{cell::RefCell, rc::Rc};

use atelier_adapter::{Lora, Targets};
use atelier_diffusion::NoiseSchedule;
use atelier_kernels::{AdamW, AdamWState, KernelError, Recorded, Timing, upload, write_into};
use atelier_models::UNet2DConditionModel;
use burn::tensor::{Device, Tensor};

use crate::{
    batch::{training_batch, validation_batches},
    checkpoint::Checkpoint,
    dataset::TrainingSet,
    error::TrainingError,
    rate::learning_rate,
    step::{Shapes, training_step},
};

/// How an adapter is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub steps: u32,
    pub rank: usize,
    pub alpha: f32,
    pub targets: Targets,
    pub learning_rate: f32,
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
    recorded: Recorded,
    state: Rc<RefCell<AdamWState>>,
    adapter: Lora,
    set: TrainingSet,
    schedule: NoiseSchedule,
    shapes: Shapes,
    settings: Settings,
    validation: Vec<Vec<f32>>,
    done: u32,
    /// Scales the learning rate; halved when a step was not finite.
    caution: f32,
}

impl Trainer {
    /// Prepares a run and records its step. `shapes.batch` samples a step.
    ///
    /// # Errors
    /// When a setting is out of its range, an example does not fit, or the device fails.
    pub async fn new(
        unet: &UNet2DConditionModel,
        schedule: NoiseSchedule,
        set: TrainingSet,
        shapes: Shapes,
        settings: Settings,
        device: &Device,
    ) -> Result<Self, TrainingError> {
        settings.check()?;
        let adapter = Lora::init(
            unet,
            settings.targets,
            settings.rank,
            settings.alpha,
            settings.seed,
        )?;
        let inner = device.clone().without_autodiff();
        let param = upload(&adapter.values, &inner);
        let state = Rc::new(RefCell::new(AdamWState::new(param)));
        let idle = settings.optimizer.hyper(false, 0.0, 1);
        let example = training_batch(&set, &schedule, &shapes, &settings, 0, &idle)?;
        let closure = training_step(
            unet.clone(),
            adapter.layout.clone(),
            adapter.scale,
            shapes,
            settings.block_checkpointing,
            state.clone(),
            &inner,
        )?;
        let validation = validation_batches(&set, &schedule, &shapes, &idle)?;
        Ok(Self {
            recorded: Recorded::new(&inner, &example, closure).await?,
            state,
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
        let rate = learning_rate(self.settings.learning_rate, self.done, self.settings.steps);
        let hyper = self
            .settings
            .optimizer
            .hyper(true, rate * self.caution, self.done + 1);
        let inputs = training_batch(
            &self.set,
            &self.schedule,
            &self.shapes,
            &self.settings,
            self.done,
            &hyper,
        )?;
        let (loss, gradient_norm) = self.run(&inputs).await?;
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
            let inputs = std::mem::take(&mut self.validation[i]);
            let result = self.run(&inputs).await;
            self.validation[i] = inputs;
            sum += result?.0;
        }
        Ok(sum / self.validation.len() as f32)
    }

    async fn run(&mut self, inputs: &[f32]) -> Result<(f32, f32), TrainingError> {
        let output = self.recorded.run_and_read(inputs).await?;
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

    /// How long the recording's eager and replayed runs took.
    pub fn timing(&self) -> Timing {
        self.recorded.timing()
    }
}

async fn read(values: Tensor<1>) -> Result<Vec<f32>, KernelError> {
    Ok(values.into_data_async().await?.iter::<f32>().collect())
}

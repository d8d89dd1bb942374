//! An adapter on the device: LoRA branches over one flat buffer (Hu et al. 2021).

use std::collections::BTreeMap;

use atelier_diffusion::Gaussian;
use atelier_kernels::{gather_into, view};
use atelier_models::{Adapt, AdaptablePath, LowRank, ModelError, ProjectionKind};
use burn::tensor::{Gradients, Tensor};

use crate::{
    error::AdapterError,
    file::{AdapterFile, Factor, Module},
    layout::{Layout, Slot, Span},
    metadata::Metadata,
    parts::Parts,
    targets::Targets,
};

/// A LoRA adapter's factors on the host, laid out for the device.
///
/// In the buffer factors lie as in files, down `[rank, inputs]` and up `[outputs, rank]`, but for
/// convolutions' down: `[rank, taps, inputs]` where files have the taps last.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    pub layout: Layout,
    /// Scale of every branch at strength 1: alpha / rank.
    pub scale: f32,
    /// The flat buffer's values; gaps are zero.
    pub values: Vec<f32>,
}

impl Lora {
    /// A new adapter for `parts`: down Kaiming uniform with a = sqrt 5, as PyTorch's linear layers and
    /// kohya's trainer have it, up zero, so that it changes nothing yet.
    pub fn init<'a>(
        parts: impl Into<Parts<'a>>,
        targets: Targets,
        rank: usize,
        alpha: f32,
        seed: u64,
    ) -> Result<Self, AdapterError> {
        if rank == 0 {
            return Err(AdapterError::RankZero);
        }
        // In the order of the file's modules, so that an adapter that was saved and loaded again has
        // the layout it was trained with, and recordings made for the one serve the other.
        let mut projections = parts.into().adaptable();
        projections.sort_by(|a, b| a.path.cmp(&b.path));
        let layout = Layout::new(
            projections
                .into_iter()
                .filter(|projection| targets.takes(projection))
                .map(|projection| (projection, rank)),
        );
        let mut values = vec![0.0; layout.length];
        for (stream, slot) in layout.slots.iter().enumerate() {
            // Kaiming uniform with a = sqrt 5 comes down to 1 / sqrt(fan_in).
            let bound = 1.0 / (slot.kind.fan_in() as f32).sqrt();
            let mut random = Gaussian::new(seed, INIT_STREAMS + stream as u64);
            for value in &mut values[slot.down.range()] {
                *value = (2.0 * random.uniform() as f32 - 1.0) * bound;
            }
        }
        Ok(Self {
            layout,
            scale: alpha / rank as f32,
            values,
        })
    }

    /// Reads an adapter file for a model with these parts.
    ///
    /// # Errors
    /// What is wrong with the file, or a module that the model lacks or has in other widths.
    pub fn read<'a>(
        bytes: &[u8],
        parts: impl Into<Parts<'a>>,
    ) -> Result<(Self, Metadata), AdapterError> {
        let known: BTreeMap<String, AdaptablePath> = parts
            .into()
            .adaptable()
            .into_iter()
            .map(|projection| (projection.path.clone(), projection))
            .collect();
        let file = AdapterFile::read(bytes, &known.keys().cloned().collect::<Vec<_>>())?;
        let shape = |kind: ProjectionKind| (kind.inputs(), kind.outputs(), kind.kernel());
        file.check(
            &known
                .iter()
                .map(|(path, projection)| (path.clone(), shape(projection.kind)))
                .collect(),
        )?;
        Ok((
            Self::from_modules(&file, &known),
            Metadata::from_map(&file.metadata),
        ))
    }

    fn from_modules(file: &AdapterFile, known: &BTreeMap<String, AdaptablePath>) -> Self {
        let layout = Layout::new(
            file.modules
                .iter()
                .filter_map(|(path, module)| Some((known.get(path)?.clone(), module.rank()))),
        );
        let mut values = vec![0.0; layout.length];
        for slot in &layout.slots {
            let module = &file.modules[&slot.path];
            // Every module may have its own alpha: it goes into up, and the common scale is 1.
            let scale = module.scale();
            values[slot.down.range()].copy_from_slice(&slot.down_to_device(&module.down.values));
            for (value, up) in values[slot.up.range()].iter_mut().zip(&module.up.values) {
                *value = up * scale;
            }
        }
        Self {
            layout,
            scale: 1.0,
            values,
        }
    }

    /// As a file's content: kohya's shapes, alpha on every module.
    pub fn to_file(&self, metadata: &Metadata) -> AdapterFile {
        let modules = self
            .layout
            .slots
            .iter()
            .map(|slot| {
                let [down, up] = slot.file_shapes();
                let module = Module {
                    down: Factor {
                        shape: down,
                        values: slot.down_to_file(&self.values[slot.down.range()]),
                    },
                    up: Factor {
                        shape: up,
                        values: self.values[slot.up.range()].to_vec(),
                    },
                    alpha: Some(self.scale * slot.rank as f32),
                };
                (slot.path.clone(), module)
            })
            .collect();
        AdapterFile {
            modules,
            metadata: metadata.to_map(),
        }
    }

    /// The largest rank of its modules.
    pub fn rank(&self) -> usize {
        self.layout
            .slots
            .iter()
            .map(|slot| slot.rank)
            .max()
            .unwrap_or(0)
    }
}

/// Hangs the branches that an adapter has in `folder` ([`UNET`](crate::UNET), [`TEXT_ENCODER`](crate::TEXT_ENCODER))
/// into `model`. `flat` has the values of a [`Lora`] with `layout`, on the device; `scale` is there too: the
/// strength times [`Lora::scale`], one value or one for each of as many equal parts of the batch. Both are views, so writing new values into their buffers changes what the model does.
pub fn attach(
    model: &mut impl Adapt,
    folder: &str,
    layout: &Layout,
    flat: &Tensor<1>,
    scale: &Tensor<1>,
) -> Result<(), ModelError> {
    for (path, slot) in layout.slots_in(folder) {
        let factors =
            [slot.down, slot.up].map(|span| view(flat.clone(), span.start, span.length).autodiff());
        let branch = slot.branch(factors, scale.clone().autodiff(), None);
        model.set_branch(path, branch)?;
    }
    Ok(())
}

/// Like [`attach`], with factors that collect gradients, in `gradient` where they can be put there.
pub fn attach_trainable(
    model: &mut impl Adapt,
    folder: &str,
    layout: &Layout,
    flat: &Tensor<1>,
    gradient: &Tensor<1>,
    scale: &Tensor<1>,
) -> Result<Leaves, ModelError> {
    let mut leaves = Vec::new();
    for (path, slot) in layout.slots_in(folder) {
        let spans = [slot.down, slot.up];
        let places = spans.map(|span| view(gradient.clone(), span.start, span.length).autodiff());
        let factors = spans.map(|span| {
            let leaf = view(flat.clone(), span.start, span.length)
                .autodiff()
                .require_grad();
            leaves.push((span, leaf.clone()));
            leaf
        });
        let branch = slot.branch(factors, scale.clone().autodiff(), Some(places));
        model.set_branch(path, branch)?;
    }
    Ok(Leaves { leaves })
}

/// The factors that collect gradients in one forward pass.
pub struct Leaves {
    leaves: Vec<(Span, Tensor<1>)>,
}

impl Leaves {
    /// These and those of another model.
    pub fn and(mut self, others: Self) -> Self {
        self.leaves.extend(others.leaves);
        self
    }

    /// The gradients that `gradients` has of them, with where they belong.
    pub fn take(&self, gradients: &mut Gradients) -> Vec<(usize, Tensor<1>)> {
        let each = self.leaves.iter();
        each.filter_map(|(span, leaf)| Some((span.start, leaf.grad_remove(gradients)?)))
            .collect()
    }

    /// Writes gradients that were taken into `flat` as the factors are laid out, zero where a factor took no part. Gaps keep
    /// what they hold.
    pub fn gather(&self, taken: Vec<(usize, Tensor<1>)>, flat: Tensor<1>) -> Tensor<1> {
        let device = flat.device();
        let mut taken: BTreeMap<usize, Tensor<1>> = taken.into_iter().collect();
        let pieces = self.leaves.iter().map(|(span, _)| {
            let gradient = taken.remove(&span.start);
            let gradient = gradient.unwrap_or_else(|| Tensor::zeros([span.length], &device));
            (span.start, gradient)
        });
        gather_into(flat, pieces.collect())
    }

    /// Both at once, of one backward pass.
    pub fn gradient(&self, gradients: &mut Gradients, flat: Tensor<1>) -> Tensor<1> {
        self.gather(self.take(gradients), flat)
    }
}

/// Streams of the random generator from here on are for initial factors.
const INIT_STREAMS: u64 = 1 << 40;

impl Span {
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.length
    }
}

impl Slot {
    fn branch(
        &self,
        [down, up]: [Tensor<1>; 2],
        scale: Tensor<1>,
        gradients: Option<[Tensor<1>; 2]>,
    ) -> LowRank {
        let (kind, rank) = (self.kind, self.rank);
        let taps = kind.kernel() * kind.kernel();
        LowRank {
            down: down.reshape([rank, taps, kind.inputs()]),
            up: up.reshape([kind.outputs(), rank]),
            scale,
            gradients,
        }
    }

    /// Shapes of down and up in kohya's files.
    fn file_shapes(&self) -> [Vec<usize>; 2] {
        let rank = self.rank;
        match self.kind {
            ProjectionKind::Linear { inputs, outputs } => [vec![rank, inputs], vec![outputs, rank]],
            ProjectionKind::Conv {
                inputs,
                outputs,
                kernel,
            } => [
                vec![rank, inputs, kernel, kernel],
                vec![outputs, rank, 1, 1],
            ],
        }
    }

    /// Down's values as files have them, `[rank, inputs, taps]`, to `[rank, taps, inputs]`. Linear
    /// layers have one tap, and nothing changes.
    fn down_to_device(&self, values: &[f32]) -> Vec<f32> {
        let taps = self.kind.kernel() * self.kind.kernel();
        transpose_each(values, self.kind.inputs(), taps)
    }

    fn down_to_file(&self, values: &[f32]) -> Vec<f32> {
        let taps = self.kind.kernel() * self.kind.kernel();
        transpose_each(values, taps, self.kind.inputs())
    }
}

/// Each `[rows, columns]` of `values` to `[columns, rows]`.
fn transpose_each(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    values
        .chunks_exact(rows * columns)
        .flat_map(|matrix| {
            (0..columns)
                .flat_map(move |column| (0..rows).map(move |row| matrix[row * columns + column]))
        })
        .collect()
}

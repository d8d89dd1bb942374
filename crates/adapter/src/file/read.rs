//! Reading an adapter file.

use std::collections::BTreeMap;

use atelier_weights::{File, Limits, TensorInfo, shown, to_f32};

use super::fit::{Unknown, reads_text};
use super::sound::{bad_shape, check_shapes, finite};
use super::{AdapterFile, Factor, Module};
use crate::error::AdapterError;
use crate::metadata::PeftAlphas;
use crate::names::{self, Modules, Part};

impl AdapterFile {
    /// Reads an adapter in kohya's, diffusers' or PEFT's spelling for a model whose modules are
    /// `known_modules` (paths as in [`AdapterFile::modules`]).
    ///
    /// Checked: the file itself, that it is a plain LoRA and not another method or a whole model,
    /// that every module is known, that both factors are there with one rank, and that every value
    /// is a finite number. Widths are [`AdapterFile::check`]'s matter.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(bytes: &[u8], known_modules: &[String]) -> Result<AdapterFile, AdapterError> {
        let file = File::parse(bytes, Limits::ADAPTER)?;
        let found = Found::collect(&file, &Modules::new(known_modules)?)?;
        let alphas = PeftAlphas::of(file.metadata());
        let mut modules = BTreeMap::new();
        // All shapes before any values: a file that does not fit is not converted first.
        for (&path, parts) in &found.modules {
            parts.check(path)?;
        }
        for (path, parts) in found.modules {
            modules.insert(path.to_owned(), parts.read(path, alphas.alpha(path))?);
        }
        Ok(AdapterFile {
            modules,
            metadata: file.metadata().clone(),
        })
    }
}

/// The tensors of a file, by module.
struct Found<'f, 'n> {
    modules: BTreeMap<&'n str, Parts<'f>>,
}

type Tensor<'f> = (&'f TensorInfo, &'f [u8]);

#[derive(Default)]
struct Parts<'f> {
    down: Option<Tensor<'f>>,
    up: Option<Tensor<'f>>,
    alpha: Option<Tensor<'f>>,
}

impl<'f, 'n> Found<'f, 'n> {
    fn collect(file: &'f File<'_>, known: &Modules<'n>) -> Result<Self, AdapterError> {
        let mut modules: BTreeMap<&'n str, Parts<'f>> = BTreeMap::new();
        let mut unknown = Unknown::default();
        let mut text_width = None;
        for (info, bytes) in file.tensors() {
            let (module, part) = names::split(&info.name)?;
            if part == Part::Down && reads_text(module) {
                text_width = info.shape.get(1).copied().or(text_width);
            }
            let Some(path) = known.find(module) else {
                unknown.add(module);
                continue;
            };
            let parts = modules.entry(path).or_default();
            let slot = match part {
                Part::Down => &mut parts.down,
                Part::Up => &mut parts.up,
                Part::Alpha => &mut parts.alpha,
            };
            if slot.replace((info, bytes)).is_some() {
                return Err(AdapterError::Twice {
                    module: shown(path),
                    part: part.name(),
                });
            }
        }
        unknown.refuse(modules.len() + unknown.count(), text_width)?;
        if modules.is_empty() {
            return Err(AdapterError::Empty);
        }
        Ok(Found { modules })
    }
}

impl Parts<'_> {
    fn check(&self, path: &str) -> Result<(), AdapterError> {
        let missing = |part: Part| AdapterError::MissingFactor {
            module: shown(path),
            part: part.name(),
        };
        let (down, _) = self.down.ok_or_else(|| missing(Part::Down))?;
        let (up, _) = self.up.ok_or_else(|| missing(Part::Up))?;
        check_shapes(path, &down.shape, &up.shape)?;
        for (info, part) in [(down, Part::Down), (up, Part::Up)] {
            if !info.dtype.is_float() {
                return Err(bad_shape(path, part, &info.shape));
            }
        }
        if let Some((alpha, _)) = self.alpha
            && alpha.shape.iter().any(|&dim| dim != 1)
        {
            return Err(bad_shape(path, Part::Alpha, &alpha.shape));
        }
        Ok(())
    }

    /// `alpha` is what the metadata says, for files that have none of their own.
    fn read(self, path: &str, alpha: Option<f32>) -> Result<Module, AdapterError> {
        let factor = |tensor: Option<Tensor<'_>>, part| match tensor {
            Some((info, bytes)) => {
                let values = to_f32(info.dtype, bytes)?;
                finite(path, part, &values)?;
                let shape = info.shape.clone();
                Ok(Factor { shape, values })
            }
            None => Err(AdapterError::MissingFactor {
                module: shown(path),
                part: part.name(),
            }),
        };
        let alpha = match self.alpha {
            Some(_) => factor(self.alpha, Part::Alpha)?.values.first().copied(),
            None => alpha,
        };
        Ok(Module {
            down: factor(self.down, Part::Down)?,
            up: factor(self.up, Part::Up)?,
            alpha,
        })
    }
}

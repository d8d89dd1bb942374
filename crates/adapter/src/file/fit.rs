//! Whether an adapter fits a model, and in which words it does not.

use std::collections::{BTreeMap, BTreeSet};

use atelier_weights::shown;

use super::AdapterFile;
use crate::error::AdapterError;

impl AdapterFile {
    /// Whether the adapter fits a model: `shapes` has inputs, outputs and the kernel's side (1 for a
    /// linear module) of each of its modules.
    ///
    /// # Errors
    /// The first mismatch, that of the text vectors before any other, for it names the family.
    pub fn check(
        &self,
        shapes: &BTreeMap<String, (usize, usize, usize)>,
    ) -> Result<(), AdapterError> {
        let mut pairs = Vec::with_capacity(self.modules.len());
        let mut unknown = Unknown::default();
        for (path, module) in &self.modules {
            match shapes.get(path) {
                Some(&shape) => pairs.push((path, module, shape)),
                None => unknown.add(path),
            }
        }
        for (path, module, (inputs, _, _)) in &pairs {
            if reads_text(path) && module.inputs() != *inputs {
                return Err(AdapterError::TextWidth {
                    file: module.inputs(),
                    model: *inputs,
                    family: family(module.inputs())
                        .map_or_else(String::new, |family| format!(" ({family})")),
                });
            }
        }
        let text = self.modules.iter().find(|(path, _)| reads_text(path));
        unknown.refuse(self.modules.len(), text.map(|(_, module)| module.inputs()))?;
        for (path, module, (inputs, outputs, kernel)) in pairs {
            let width = |does, file, model| AdapterError::Width {
                module: shown(path),
                does,
                file,
                model,
            };
            if module.inputs() != inputs {
                return Err(width("takes", module.inputs(), inputs));
            }
            if module.outputs() != outputs {
                return Err(width("gives", module.outputs(), outputs));
            }
            if module.kernel() != kernel {
                return Err(AdapterError::Kernel {
                    module: shown(path),
                    file: module.kernel(),
                    model: kernel,
                });
            }
        }
        Ok(())
    }
}

/// Modules that a model lacks, as they are met; tensors of one module may lie apart.
#[derive(Default)]
pub(super) struct Unknown<'a> {
    names: BTreeSet<&'a str>,
    first: Option<&'a str>,
}

impl<'a> Unknown<'a> {
    pub fn add(&mut self, name: &'a str) {
        self.first.get_or_insert(name);
        self.names.insert(name);
    }

    pub fn count(&self) -> usize {
        self.names.len()
    }

    pub fn refuse(&self, all: usize, text_width: Option<usize>) -> Result<(), AdapterError> {
        let Some(first) = self.first else {
            return Ok(());
        };
        let hint = text_width.map_or_else(String::new, |width| {
            let family = family(width).map_or_else(String::new, |family| format!(", {family}"));
            format!(", one whose text vectors are {width} wide{family}")
        });
        Err(AdapterError::OtherModel {
            unknown: self.count(),
            all,
            module: shown(first),
            hint,
        })
    }
}

/// Whether a module (in any spelling) takes the text encoder's vectors.
pub(super) fn reads_text(module: &str) -> bool {
    ["attn2.to_k", "attn2.to_v", "attn2_to_k", "attn2_to_v"]
        .iter()
        .any(|ending| module.ends_with(ending))
}

/// The family of models whose text vectors have this width.
fn family(text_width: usize) -> Option<&'static str> {
    match text_width {
        768 => Some("as in Stable Diffusion 1.x"),
        1024 => Some("as in Stable Diffusion 2.x"),
        2048 => Some("as in SDXL"),
        _ => None,
    }
}

//! Where each factor of an adapter lies in one flat buffer.
//!
//! One buffer holds all factors, so that the optimizer is one launch and an adapter is swapped in a
//! recorded graph by writing one buffer. Factors start at [`VIEW_ALIGNMENT`], since each is a view.

use atelier_kernels::VIEW_ALIGNMENT;
use atelier_models::{AdaptablePath, ProjectionKind};

/// The factors of one projection.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Module path as diffusers names it, with its folder: `unet.down_blocks...`.
    pub path: String,
    pub kind: ProjectionKind,
    pub rank: usize,
    pub down: Span,
    pub up: Span,
}

/// A range of the flat buffer, in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub length: usize,
}

/// All slots, in the order of the model's projections.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub slots: Vec<Slot>,
    /// Length of the flat buffer in values, gaps included.
    pub length: usize,
}

impl Layout {
    /// Lays out a slot for each projection with the rank given beside it.
    pub fn new(projections: impl IntoIterator<Item = (AdaptablePath, usize)>) -> Self {
        let mut length = 0;
        let mut span = |values: usize| {
            let start = length;
            length = (start + values).next_multiple_of(VIEW_ALIGNMENT);
            Span {
                start,
                length: values,
            }
        };
        let slots = projections
            .into_iter()
            .map(|(AdaptablePath { path, kind }, rank)| Slot {
                down: span(rank * kind.fan_in()),
                up: span(rank * kind.outputs()),
                path,
                kind,
                rank,
            })
            .collect();
        Self { slots, length }
    }

    /// Trainable values, gaps left out.
    pub fn parameters(&self) -> usize {
        self.spans().map(|span| span.length).sum()
    }

    /// The slots in `folder`, each with its path from there on.
    pub fn slots_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Slot)> {
        let slots = self.slots.iter();
        slots.filter_map(move |slot| Some((slot.path.strip_prefix(folder)?, slot)))
    }

    /// Every factor's place, down before up, in rising order.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.slots.iter().flat_map(|slot| [slot.down, slot.up])
    }
}

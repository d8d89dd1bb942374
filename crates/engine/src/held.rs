//! An adapter in a recording: its values can be exchanged there.

use std::{cell::RefCell, rc::Rc};

use atelier_adapter::{Layout, Lora, attach};
use atelier_kernels::{upload, write_into};
use atelier_models::{Adapt, ModelError};
use burn::tensor::{Device, Tensor};

/// An adapter's values on the device, and how they lie there.
pub struct Held {
    layout: Layout,
    scale: f32,
    flat: Rc<RefCell<Tensor<1>>>,
}

/// What a recording's closure hangs into its network.
#[derive(Clone)]
pub struct Branches {
    folder: &'static str,
    layout: Layout,
    flat: Rc<RefCell<Tensor<1>>>,
}

impl Held {
    /// Brings `lora` onto the device.
    ///
    /// # Errors
    /// When what it has in `folder` does not fit `model`.
    pub fn new<M: Adapt + Clone>(
        lora: &Lora,
        model: &M,
        folder: &'static str,
        device: &Device,
    ) -> Result<(Self, Branches), ModelError> {
        let flat = upload(&lora.values, device);
        let branches = Branches {
            folder,
            layout: lora.layout.clone(),
            flat: Rc::new(RefCell::new(flat)),
        };
        // Tried once, so that an adapter that does not fit is an error here.
        let one = Tensor::full([1], 1.0, device);
        attach(
            &mut model.clone(),
            folder,
            &lora.layout,
            &branches.flat.borrow(),
            &one,
        )?;
        let held = Self {
            layout: lora.layout.clone(),
            scale: lora.scale,
            flat: branches.flat.clone(),
        };
        Ok((held, branches))
    }

    /// Whether `lora` can take its place.
    pub fn takes(&self, lora: &Lora) -> bool {
        self.layout == lora.layout
    }

    /// Puts another adapter of the same layout in place.
    pub fn set(&mut self, lora: &Lora, device: &Device) {
        if self.takes(lora) {
            self.scale = lora.scale;
            let fresh = upload(&lora.values, device);
            let flat = self.flat.borrow().clone();
            *self.flat.borrow_mut() = write_into(flat, fresh);
        }
    }

    /// Scale of every branch at strength 1.
    pub fn scale(&self) -> f32 {
        self.scale
    }
}

impl Branches {
    /// `model` with them; `scale` is the strength times [`Held::scale`], one value or one for each image.
    pub fn on<M: Adapt + Clone>(&self, model: &M, scale: &Tensor<1>) -> M {
        let mut model = model.clone();
        attach(
            &mut model,
            self.folder,
            &self.layout,
            &self.flat.borrow(),
            scale,
        )
        .expect("the adapter was tried on this model when recording began");
        model
    }
}

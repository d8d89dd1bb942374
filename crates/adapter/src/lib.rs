//! LoRA adapters: what they change, how they lie on the device, and the files they travel in.
//!
//! [`Lora`] is an adapter on the host, [`attach`] hangs it into a network, [`AdapterFile`] is what is
//! read and written (kohya's names; diffusers' and PEFT's are read too).

mod error;
pub mod file;
mod layers;
mod layout;
mod metadata;
mod names;
mod parts;
mod stack;
mod targets;

pub use error::AdapterError;
pub use file::{AdapterFile, Factor, Module};
pub use layers::{Leaves, Lora, attach, attach_trainable};
pub use layout::{Layout, Slot, Span};
pub use metadata::{Base, Metadata, Share};
pub use parts::{Parts, TEXT_ENCODER, UNET};
pub use targets::Targets;

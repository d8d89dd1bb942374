//! Our models against diffusers, transformers and peft: the expected values are in the workspace's `tests/golden`,
//! with the scripts that made them. One test program, because linking burn takes longer than running it.

mod bert;
mod common;
mod config;
mod lora;
mod pipelines;
mod replay;
mod unet;
mod upscaler;
mod vae_tiny;

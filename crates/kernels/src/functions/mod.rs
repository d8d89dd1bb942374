//! What users of the crate call, a file a function.

mod adamw;
mod attention;
mod conv;
mod gather;
mod geglu;
mod group_norm;
mod view;
mod write_into;

pub use adamw::{AdamW, AdamWState, Rates, adamw};
pub use attention::attention;
pub use conv::{FrozenWeight, LowRank, Plus, conv, linear};
pub use gather::gather_into;
pub use geglu::geglu;
pub use group_norm::{group_norm, layer_norm};
pub use view::{VIEW_ALIGNMENT, view};
pub use write_into::write_into;

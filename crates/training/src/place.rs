/// Where in the UNet a projection is.
pub(crate) struct Place {
    /// In the order of the data's way.
    pub block: usize,
    pub part: Part,
    /// How often the picture was halved.
    pub level: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Part {
    Layer(usize),
    Downsampler,
    Upsampler,
}

impl Place {
    /// None for what belongs to no block: the time embedding and the two ends.
    pub fn of(path: &str, levels: usize) -> Option<Self> {
        let mut names = path.split('.');
        let (block, level) = match names.next()? {
            "down_blocks" => {
                let block = names.next()?.parse().ok()?;
                (block, block)
            }
            "mid_block" => (levels, levels - 1),
            "up_blocks" => {
                let block: usize = names.next()?.parse().ok()?;
                (levels + 1 + block, levels - 1 - block)
            }
            _ => return None,
        };
        let part = match (names.next()?, names.next()?.parse().ok()?) {
            ("downsamplers", _) => Part::Downsampler,
            ("upsamplers", _) => Part::Upsampler,
            // The middle is run as one.
            (_, _) if block == levels => Part::Layer(0),
            (_, number) => Part::Layer(number),
        };
        Some(Self { block, part, level })
    }
}

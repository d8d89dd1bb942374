//! PyTorch's CPU generator, so that a seed gives the noise that diffusers gives.

/// Normal numbers as `torch.randn(n, generator=torch.Generator().manual_seed(seed))` draws them in
/// f32, bit for bit, on processors with AVX2 (nearly every PC's; elsewhere PyTorch's own numbers
/// differ in the last bits). diffusers draws so when its pipelines are given such a generator.
///
/// The bits are those of Matsumoto and Nishimura's "Mersenne Twister" (MT19937, 1998) seeded with
/// one word. Tensors of 16 numbers or more are made by Box and Muller's method in blocks of 16, the
/// first eight of a block being its cosines, the last eight its sines; smaller ones number by
/// number in f64, and then the second of a pair waits for the next small tensor.
///
/// In f16 PyTorch draws the same numbers and rounds them, where a tensor has whole blocks (latents
/// have).
///
/// diffusers' pipelines draw the starting latents first, then each step's noise as it comes. Image-
/// to-image draws the autoencoder's noise before both. DPM++ SDE's noise is not drawn from the
/// generator there, so a seed gives other pictures with that sampler.
#[derive(Debug, Clone)]
pub struct TorchGenerator {
    words: Box<[u32; WORDS]>,
    /// The next of `words` to be given out; all are made anew after the last.
    next: usize,
    /// The second of a pair, when a small tensor ended with the first.
    spare: Option<f64>,
}

const WORDS: usize = 624;
const BLOCK: usize = 16;

impl TorchGenerator {
    /// At the beginning of `seed`, of which PyTorch uses the lower 32 bits.
    pub fn new(seed: u64) -> Self {
        let mut words = Box::new([seed as u32; WORDS]);
        for i in 1..WORDS {
            let before = words[i - 1];
            words[i] = (before ^ (before >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(i as u32);
        }
        Self {
            words,
            next: WORDS,
            spare: None,
        }
    }

    /// The numbers of one tensor of `count` elements, in row-major order: one call a tensor, for
    /// where tensors end is part of what comes out.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            return (0..count).map(|_| self.normal() as f32).collect();
        }
        let mut values: Vec<f32> = (0..count).map(|_| self.uniform()).collect();
        let (blocks, rest) = values.as_chunks_mut::<BLOCK>();
        blocks.iter_mut().for_each(box_muller);
        if !rest.is_empty() {
            // The last sixteen are drawn anew, over what is there already.
            if let Some(last) = values.last_chunk_mut::<BLOCK>() {
                last.iter_mut().for_each(|value| *value = self.uniform());
                box_muller(last);
            }
        }
        values
    }

    /// One number of a small tensor.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let mut uniform = || {
            let bits = (u64::from(self.word()) << 32) | u64::from(self.word());
            (bits & ((1 << 53) - 1)) as f64 * (1.0 / (1_u64 << 53) as f64)
        };
        let angle = std::f64::consts::TAU * uniform();
        let radius = (-2.0 * libm::log1p(-uniform())).sqrt();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// From 0 to 1, 1 excluded, in steps of 2^-24.
    fn uniform(&mut self) -> f32 {
        (self.word() & ((1 << 24) - 1)) as f32 * (1.0 / (1 << 24) as f32)
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        const MIDDLE: usize = 397;
        for i in 0..WORDS {
            let bits = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if bits & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + MIDDLE) % WORDS] ^ (bits >> 1) ^ odd;
        }
        self.next = 0;
    }
}

/// Uniform numbers to normal ones, in place.
fn box_muller(block: &mut [f32; BLOCK]) {
    let (lower, upper) = block.split_at_mut(BLOCK / 2);
    for (a, b) in lower.iter_mut().zip(upper) {
        let radius = (-2.0 * ln(1.0 - *a)).sqrt();
        let (sin, cos) = sin_cos(std::f32::consts::TAU * *b);
        (*a, *b) = (radius * cos, radius * sin);
    }
}

// The logarithm, sine and cosine that PyTorch's AVX2 code uses: Moshier's Cephes (`logf`, `sinf`,
// `cosf`) in vector form. To the bit: a product that is only added to something is one fused
// operation, as the compiler makes of it that PyTorch is built with.

/// `factor` * `x` + `rest`, rounded once.
fn fused(factor: f32, x: f32, rest: f32) -> f32 {
    libm::fmaf(factor, x, rest)
}

/// The natural logarithm of a positive normal number.
#[allow(clippy::excessive_precision, clippy::approx_constant)] // as Cephes writes them
fn ln(x: f32) -> f32 {
    const POLYNOMIAL: [f32; 9] = [
        7.037_683_629_2e-2,
        -1.151_461_031_0e-1,
        1.167_699_874_0e-1,
        -1.242_014_084_6e-1,
        1.424_932_278_7e-1,
        -1.666_805_766_5e-1,
        2.000_071_476_5e-1,
        -2.499_999_399_3e-1,
        3.333_333_117_4e-1,
    ];
    const LN_2: [f32; 2] = [-2.121_944_40e-4, 0.693_359_375];
    // x = mantissa * 2^exponent, the mantissa from sqrt(1/2) to sqrt(2)
    let mut exponent = (x.to_bits() >> 23) as f32 - 126.0;
    let mut mantissa = f32::from_bits((x.to_bits() & !0x7f80_0000) | 0x3f00_0000);
    if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        mantissa += mantissa;
    }
    let x = mantissa - 1.0;
    let square = x * x;
    let [first, rest @ ..] = POLYNOMIAL;
    let cubic = rest.iter().fold(first, |sum, &term| fused(sum, x, term)) * x;
    let series = fused(cubic, square, exponent * LN_2[0]);
    let series = fused(-square, 0.5, series);
    fused(exponent, LN_2[1], x + series)
}

/// Sine and cosine of an angle from 0 to a few turns.
#[allow(clippy::excessive_precision, clippy::approx_constant)] // as Cephes writes them
fn sin_cos(angle: f32) -> (f32, f32) {
    const QUARTER_PI: [f32; 3] = [
        0.785_156_25,
        2.418_756_484_985_351_562_5e-4,
        3.774_894_977_445_941_08e-8,
    ];
    const SIN: [f32; 3] = [-1.951_529_589_1e-4, 8.332_160_873_6e-3, -1.666_665_461_1e-1];
    const COS: [f32; 3] = [
        2.443_315_711_809_948e-5,
        -1.388_731_625_493_765e-3,
        4.166_664_568_298_827e-2,
    ];
    let octant = ((angle * 1.273_239_544_735_16) as i32 + 1) & !1;
    let octants = octant as f32;
    let x = QUARTER_PI
        .iter()
        .fold(angle, |x, &part| fused(octants, -part, x));
    let square = x * x;
    let cos = fused(fused(COS[0], square, COS[1]), square, COS[2]) * square;
    let cos = fused(cos, square, -(square * 0.5)) + 1.0;
    let sin = fused(fused(SIN[0], square, SIN[1]), square, SIN[2]) * square;
    let sin = fused(sin, x, x);
    let (sin, cos) = if octant & 2 == 0 {
        (sin, cos)
    } else {
        (cos, sin)
    };
    let negative = |value: f32, is: bool| if is { -value } else { value };
    (
        negative(sin, octant & 4 != 0),
        negative(cos, (octant - 2) & 4 == 0),
    )
}

//! Noise against PyTorch's own, bit by bit (tests/golden/noise.json; README.md there).

use atelier_diffusion::TorchGenerator;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    seed: String,
    sizes: Vec<usize>,
    first: Vec<f32>,
    fnv1a: String,
}

#[test]
fn every_bit_is_torchs() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/golden/noise.json")).unwrap();
    assert!(cases.len() > 60);
    for case in cases {
        let mut generator = TorchGenerator::new(case.seed.parse().unwrap());
        let numbers: Vec<f32> = (case.sizes.iter())
            .flat_map(|&size| generator.normals(size))
            .collect();
        let title = format!("seed {}, sizes {:?}", case.seed, case.sizes);
        let few = numbers.len().min(3);
        assert_eq!(numbers[..few], case.first, "{title}");
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = (numbers.iter())
            .flat_map(|value| value.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325, fnv);
        assert_eq!(format!("{hash:016x}"), case.fnv1a, "{title}");
    }
}

#[test]
fn no_numbers_are_no_numbers() {
    let mut generator = TorchGenerator::new(3);
    assert!(generator.normals(0).is_empty());
    assert_eq!(
        generator.normals(20),
        TorchGenerator::new(3).normals(20),
        "and none were used up"
    );
}

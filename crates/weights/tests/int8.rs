//! Matrices in 8 bits stand for what the recipe's own Python says (tests/golden/int8), bit for bit, in pieces too.

use std::error::Error;
use std::path::Path;

use atelier_weights::{
    Decoder, Dtype, File, Limits, Scales, TensorInfo, TensorView, WeightsError, to_f32,
    to_f32_scaled, write,
};

type Outcome = Result<(), Box<dyn Error>>;

fn golden(name: &str) -> std::io::Result<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/int8");
    std::fs::read(Path::new(folder).join(name))
}

/// A file's tensors as values, read `at_once` bytes of a tensor at a time.
fn values(file: &[u8], at_once: usize) -> Result<Vec<(String, Vec<f32>)>, WeightsError> {
    let mut decoder = Decoder::new(Limits::BASE);
    let (mut scales, mut all) = (Scales::default(), Vec::new());
    decoder.push(file, &mut |info: TensorInfo, bytes: Vec<u8>| {
        if scales.keep(&info, &bytes)? {
            return Ok(());
        }
        let own = scales.take(&info)?;
        let mut values = Vec::new();
        for piece in bytes.chunks(at_once) {
            values.extend(to_f32_scaled(
                info.dtype,
                piece,
                values.len(),
                own.as_deref(),
            )?);
        }
        all.push((info.name, values));
        Ok::<(), WeightsError>(())
    })?;
    decoder.finish()?;
    scales.finish()?;
    Ok(all)
}

#[test]
fn they_stand_for_what_the_recipe_wrote() -> Outcome {
    let file = golden("model.safetensors")?;
    let expected = golden("expected.safetensors")?;
    let expected = File::parse(&expected, Limits::BASE)?;
    for at_once in [128, usize::MAX] {
        let found = values(&file, at_once)?;
        assert_eq!(found.len(), expected.header().tensors.len());
        for (name, values) in found {
            let (info, bytes) = expected.tensor(&name).ok_or("one more than there are")?;
            assert_eq!(values, to_f32(info.dtype, bytes)?, "{name}");
        }
    }
    Ok(())
}

#[test]
fn scales_that_fit_nothing_are_refused() -> Outcome {
    let numbers = TensorView {
        name: "w",
        dtype: Dtype::I8,
        shape: &[1, 128],
        bytes: &[1; 128],
    };
    let of = |name, bytes| TensorView {
        name,
        dtype: Dtype::F16,
        shape: &[1, 2],
        bytes,
    };
    let scales = of("w.scales", &[0; 4]);
    let halves = TensorView {
        bytes: &[0; 256],
        ..TensorView {
            dtype: Dtype::F16,
            ..numbers
        }
    };
    for file in [
        vec![numbers, of("v.scales", &[0; 4])],
        vec![halves, scales],
        vec![
            TensorView {
                shape: &[1, 64],
                bytes: &[1; 64],
                ..numbers
            },
            scales,
        ],
    ] {
        let refused = values(&write(&file, &Default::default())?, usize::MAX);
        assert!(
            matches!(refused, Err(WeightsError::Scales { .. })),
            "{refused:?}"
        );
    }
    Ok(())
}

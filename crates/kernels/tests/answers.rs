//! Every kernel gives the known answers, on the CPU and on the GPU in every tier.

mod common;

use atelier_kernels::{Extent, FrozenWeight, Precision, known_answers, layer_norm, linear};
use common::{assert_close, each_place, noise, tensor, values};
use pollster::block_on;

#[test]
fn answers_are_the_known_ones() {
    each_place(|device, place| {
        let right = block_on(known_answers(device, Extent::Full));
        match right {
            Ok(count) => assert!(count > 100, "{count} answers on {place}"),
            Err(error) => panic!("{place}: {error}"),
        }
        assert!(block_on(known_answers(device, Extent::Quick)).is_ok());
    });
}

#[test]
fn linear_keeps_leading_axes() {
    each_place(|device, _| {
        let x = noise(2 * 3 * 5 * 4, 1);
        let w = noise(7 * 4, 2);
        let y = linear(
            tensor(&x, [2, 3, 5, 4], device),
            &FrozenWeight::new(tensor(&w, [7, 1, 4], device), Precision::F32),
            tensor(&[0.0; 7], [7], device),
            None,
            None,
        );
        assert_eq!(y.dims(), [2, 3, 5, 7]);
        let row = |row: usize, o: usize| {
            (0..4)
                .map(move |c| (row * 4 + c, o * 4 + c))
                .collect::<Vec<_>>()
        };
        let expected: Vec<f64> = (0..30 * 7)
            .map(|i| {
                let places = row(i / 7, i % 7).into_iter();
                places.map(|(a, b)| f64::from(x[a]) * f64::from(w[b])).sum()
            })
            .collect();
        assert_close(&values(y), &expected, "linear");
    });
}

#[test]
fn layer_norm_is_over_the_last_axis() {
    let x = noise(2 * 3 * 24, 1);
    let expected: Vec<f64> = x
        .chunks(24)
        .flat_map(|row| {
            let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / 24.0;
            let square = |&v: &f32| (f64::from(v) - mean).powi(2);
            let deviation = (row.iter().map(square).sum::<f64>() / 24.0).sqrt();
            row.iter().map(move |&v| (f64::from(v) - mean) / deviation)
        })
        .collect();
    each_place(|device, _| {
        let [one, zero] = [1.0, 0.0].map(|value| tensor(&[value; 24], [24], device));
        let y = layer_norm(tensor(&x, [2, 3, 24], device), one, zero, 1e-12);
        assert_close(&values(y), &expected, "layer_norm");
    });
}

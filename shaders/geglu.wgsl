// GEGLU (Shazeer 2020): x is [rows, 2 n], out [rows, n], out = x[.., ..n] * gelu(x[.., n..]) with the exact
// GELU. `backward`: from x and the gradient of out that of x. An invocation makes one value of out, or
// the two of x that it comes from.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> dims: array<u32>;
//@if backward
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;
//@end

// Abramowitz and Stegun 7.1.26: within 1.5e-7 of the error function.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return sign(x) * (1.0 - series * exp(-x * x));
}

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x + id.y * {{ width }}u;
    if (index >= dims[0]) {
        return;
    }
    let n = dims[1];
    let at = index / n * n + index;
    let hidden = x[at];
    let gate = x[at + n];
    let phi = 0.5 + 0.5 * erf(gate * 0.70710678);
//@if backward
    let g = grad[index];
    // The normal distribution's density is the slope of phi.
    let density = 0.3989422804 * exp(-0.5 * gate * gate);
    out[at] = g * gate * phi;
    out[at + n] = g * hidden * (phi + gate * density);
//@end
//@if !backward
    out[index] = hidden * gate * phi;
//@end
}

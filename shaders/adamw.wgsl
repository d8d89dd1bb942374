// AdamW (Loshchilov and Hutter 2019) over one flat buffer of parameters, in place, with clipping by
// the global norm. One invocation a value.
//
// hyper: [active, learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2,
//         max_norm, squared_norm]
// where correction is 1 - beta^step and squared_norm the sum of all squared gradients. Everything
// that changes from step to step is read from this buffer, so that a recorded step can be replayed.
// A squared norm that is not finite leaves everything as it was: the state stays the last good one.

@group(0) @binding(0) var<storage, read_write> param: array<f32>;
@group(0) @binding(1) var<storage, read_write> first: array<f32>;
@group(0) @binding(2) var<storage, read_write> second: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> hyper: array<f32>;

const LENGTH: u32 = {{ length }}u;
const WIDTH: u32 = {{ width }}u;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * WIDTH + id.x;
    // 3.4e38 is the largest f32: the comparison is false for infinities and for NaN.
    if (i >= LENGTH || hyper[0] == 0.0 || !(hyper[9] < 3.4e38)) {
        return;
    }
    let norm = sqrt(hyper[9]);
    let clip = min(1.0, hyper[8] / (norm + 1e-6));
    let g = grad[i] * clip;
    let m = hyper[2] * first[i] + (1.0 - hyper[2]) * g;
    let v = hyper[3] * second[i] + (1.0 - hyper[3]) * g * g;
    first[i] = m;
    second[i] = v;
    let decayed = param[i] * (1.0 - hyper[1] * hyper[5]);
    param[i] = decayed - hyper[1] * (m / hyper[6]) / (sqrt(v / hyper[7]) + hyper[4]);
}

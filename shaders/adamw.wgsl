// AdamW (Loshchilov and Hutter 2019) over one flat buffer of parameters, in place, with clipping by
// the global norm. One invocation a lane: four values where the length allows, for what all of them
// read is most of the work.
//
// hyper: [active, learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2,
//         max_norm, first, rate_of_first]
// where correction is 1 - beta^step, and so many values from the first on have a rate of their own. Everything that changes from step to step is read from buffers,
// so that a recorded step can be replayed.
// A squared norm (squares.wgsl) that is not finite leaves everything as it was: the state stays the
// last good one.

//@if vec
alias Lane = vec4<f32>;
const VALUES: u32 = 4u;
//@end
//@if !vec
alias Lane = f32;
const VALUES: u32 = 1u;
//@end

@group(0) @binding(0) var<storage, read_write> param: array<Lane>;
@group(0) @binding(1) var<storage, read_write> first: array<Lane>;
@group(0) @binding(2) var<storage, read_write> second: array<Lane>;
@group(0) @binding(3) var<storage, read_write> grad: array<Lane>;
@group(0) @binding(4) var<storage, read_write> hyper: array<f32>;
@group(0) @binding(5) var<storage, read_write> squared_norm: array<f32>;

const LENGTH: u32 = {{ length }}u;
const WIDTH: u32 = {{ width }}u;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * WIDTH + id.x;
    let squared = squared_norm[0];
    // 3.4e38 is the largest f32: the comparison is false for infinities and for NaN.
    if (i >= LENGTH || hyper[0] == 0.0 || !(squared < 3.4e38)) {
        return;
    }
    let rate = select(hyper[1], hyper[10], f32(VALUES * i) < hyper[9]);
    let beta1 = hyper[2];
    let beta2 = hyper[3];
    let clip = min(1.0, hyper[8] / (sqrt(squared) + 1e-6));
    let g = grad[i] * clip;
    let m = beta1 * first[i] + (1.0 - beta1) * g;
    let v = beta2 * second[i] + (1.0 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    let decayed = param[i] * (1.0 - rate * hyper[5]);
    param[i] = decayed - rate * (m / hyper[6]) / (sqrt(v / hyper[7]) + hyper[4]);
}

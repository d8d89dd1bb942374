// Gradient of group_norm_forward.wgsl for x; weight and bias are frozen. Shapes and `alone` as there.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_x: array<f32>;
// Only what is used may be bound.
//@if silu
@group(0) @binding(5) var<storage, read_write> bias: array<f32>;
//@end

const GROUPS: u32 = {{ groups }}u;
const PLACES: u32 = {{ places }}u;
const CHANNELS: u32 = {{ channels }}u;
const PER_GROUP: u32 = CHANNELS / GROUPS;
const COUNT: u32 = PLACES * PER_GROUP;
const WIDE: u32 = {{ workgroup }}u;

//@if !alone
var<workgroup> partial: array<vec2<f32>, WIDE>;

// Adds `value` up over the workgroup.
fn total(value: vec2<f32>, me: u32) -> vec2<f32> {
    partial[me] = value;
    workgroupBarrier();
    for (var step = WIDE / 2u; step > 0u; step /= 2u) {
        if (me < step) {
            partial[me] += partial[me + step];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}
//@end
//@if alone
fn total(value: vec2<f32>, me: u32) -> vec2<f32> {
    return value;
}
//@end

// Gradient for the normalised value, from that for the result.
fn before(g: f32, normalised: f32, c: u32) -> f32 {
    var d = g;
    //@if silu
    let z = normalised * weight[c] + bias[c];
    let s = 1.0 / (1.0 + exp(-z));
    d *= s * (1.0 + z * (1.0 - s));
    //@end
    return d * weight[c];
}

//@if alone
@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= {{ batch }}u * GROUPS) {
        return;
    }
    let image = id.x / GROUPS;
    let group = id.x % GROUPS;
    let me = 0u;
//@end
//@if !alone
@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) me: u32) {
    let image = id.y;
    let group = id.x;
//@end
    let first = image * PLACES * CHANNELS + group * PER_GROUP;
    let mean = stats[(image * GROUPS + group) * 2u];
    let scale = stats[(image * GROUPS + group) * 2u + 1u];
    var sums = vec2<f32>(0.0, 0.0);
    //@if alone
    for (var place = 0u; place < PLACES; place++) { for (var j = 0u; j < PER_GROUP; j++) {
        let at = first + place * CHANNELS + j;
    //@end
    //@if !alone
    for (var i = me; i < COUNT; i += WIDE) { {
        let j = i % PER_GROUP;
        let at = first + i / PER_GROUP * CHANNELS + j;
    //@end
        let n = (x[at] - mean) * scale;
        let d = before(grad[at], n, group * PER_GROUP + j);
        sums += vec2<f32>(d, d * n);
    } }
    let means = total(sums, me) / f32(COUNT);
    //@if alone
    for (var place = 0u; place < PLACES; place++) { for (var j = 0u; j < PER_GROUP; j++) {
        let at = first + place * CHANNELS + j;
    //@end
    //@if !alone
    for (var i = me; i < COUNT; i += WIDE) { {
        let j = i % PER_GROUP;
        let at = first + i / PER_GROUP * CHANNELS + j;
    //@end
        let n = (x[at] - mean) * scale;
        let d = before(grad[at], n, group * PER_GROUP + j);
        grad_x[at] = scale * (d - means.x - n * means.y);
    } }
}

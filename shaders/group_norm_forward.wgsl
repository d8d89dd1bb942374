// Group normalisation (Wu and He 2018), with SiLU where asked; with one place and one group it is layer
// normalisation. A workgroup an image and group, or (`alone`) one invocation: on software adapters every
// barrier costs more than what it shares.
//
// x and out are [batch, places, channels], weight and bias [channels]; stats is [batch, groups, 2]:
// the mean and one over the standard deviation, kept for backward.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;

const GROUPS: u32 = {{ groups }}u;
const PLACES: u32 = {{ places }}u;
const CHANNELS: u32 = {{ channels }}u;
const PER_GROUP: u32 = CHANNELS / GROUPS;
const COUNT: u32 = PLACES * PER_GROUP;
const EPS: f32 = {{ eps_1e12 }}e-12;
const WIDE: u32 = {{ workgroup }}u;

//@if !alone
var<workgroup> partial: array<f32, WIDE>;

// Adds `value` up over the workgroup.
fn total(value: f32, me: u32) -> f32 {
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
fn total(value: f32, me: u32) -> f32 {
    return value;
}
//@end

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
    var sum = 0.0;
    //@if alone
    for (var place = 0u; place < PLACES; place++) { for (var j = 0u; j < PER_GROUP; j++) {
        let at = first + place * CHANNELS + j;
    //@end
    //@if !alone
    for (var i = me; i < COUNT; i += WIDE) { {
        let j = i % PER_GROUP;
        let at = first + i / PER_GROUP * CHANNELS + j;
    //@end
        sum += x[at];
    } }
    let mean = total(sum, me) / f32(COUNT);
    // Squares of differences, not a difference of squares: that one loses its digits far from zero.
    var squares = 0.0;
    //@if alone
    for (var place = 0u; place < PLACES; place++) { for (var j = 0u; j < PER_GROUP; j++) {
        let at = first + place * CHANNELS + j;
    //@end
    //@if !alone
    for (var i = me; i < COUNT; i += WIDE) { {
        let j = i % PER_GROUP;
        let at = first + i / PER_GROUP * CHANNELS + j;
    //@end
        let d = x[at] - mean;
        squares += d * d;
    } }
    let scale = inverseSqrt(total(squares, me) / f32(COUNT) + EPS);
    //@if alone
    for (var place = 0u; place < PLACES; place++) { for (var j = 0u; j < PER_GROUP; j++) {
        let at = first + place * CHANNELS + j;
    //@end
    //@if !alone
    for (var i = me; i < COUNT; i += WIDE) { {
        let j = i % PER_GROUP;
        let at = first + i / PER_GROUP * CHANNELS + j;
    //@end
        let c = group * PER_GROUP + j;
        var y = (x[at] - mean) * scale * weight[c] + bias[c];
        //@if silu
        y = y / (1.0 + exp(-y));
        //@end
        out[at] = y;
    } }
    if (me == 0u) {
        stats[(image * GROUPS + group) * 2u] = mean;
        stats[(image * GROUPS + group) * 2u + 1u] = scale;
    }
}

// A weight, [rows, channels] of f32 in lanes of four channels, into the words that weight.wgsl reads.
//
// `int8`: each invocation a block of 16 lanes, symmetric, by its largest magnitude. Else a lane.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
// Lanes, lanes a row, and for `int8` blocks a row.
@group(0) @binding(2) var<storage, read_write> dims: array<u32>;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x + id.y * {{ width }}u;
    let total = dims[0];
//@if !int8
    if (index >= total) {
        return;
    }
    let value = x[index];
    words[2u * index] = pack2x16float(value.xy);
    words[2u * index + 1u] = pack2x16float(value.zw);
//@end
//@if int8
    let lanes = dims[1];
    let blocks = dims[2];
    let row = index / blocks;
    let first = row * lanes + index % blocks * 16u;
    if (row * lanes >= total) {
        return;
    }
    let end = min(first + 16u, (row + 1u) * lanes);
    var most = vec4<f32>(0.0);
    for (var at = first; at < end; at++) {
        most = max(most, abs(x[at]));
    }
    let largest = max(max(most.x, most.y), max(most.z, most.w));
    // A block of zeros stays one.
    let scale = select(1.0 / largest, 0.0, largest == 0.0);
    for (var at = first; at < end; at++) {
        words[at] = pack4x8snorm(x[at] * scale);
    }
    words[total + index] = bitcast<u32>(largest);
//@end
}

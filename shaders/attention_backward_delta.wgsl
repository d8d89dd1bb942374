// First part of attention's backward: delta = sum over head_dim of grad * out, for each query
// (Dao et al. 2022, section B.2). Shapes as in attention_forward.wgsl.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> out: array<Lane>;
@group(0) @binding(1) var<storage, read_write> grad: array<Lane>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;

const TOTAL: u32 = {{ total }}u;
const HEADS: u32 = {{ heads }}u;
const QUERIES: u32 = {{ queries }}u;
const LANES: u32 = {{ lanes }}u;

fn product(a: Lane, b: Lane) -> f32 {
//@if vec
    return dot(a, b);
//@end
//@if !vec
    return a * b;
//@end
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if (index >= TOTAL) {
        return;
    }
    let query = index % QUERIES;
    let head = index / QUERIES % HEADS;
    let batch = index / (QUERIES * HEADS);
    let at = ((batch * QUERIES + query) * HEADS + head) * LANES;
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) {
        sum += product(out[at + i], grad[at + i]);
    }
    delta[index] = sum;
}

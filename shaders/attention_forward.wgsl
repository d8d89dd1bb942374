// Scaled dot-product attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022):
// one invocation a query, the scores never stored.
//
// q and out are [batch, queries, heads, head_dim], k and v [batch, keys, heads, head_dim]; lse is
// [batch, heads, queries], the logarithm of each query's softmax denominator, kept for backward.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> q: array<Lane>;
@group(0) @binding(1) var<storage, read_write> k: array<Lane>;
@group(0) @binding(2) var<storage, read_write> v: array<Lane>;
@group(0) @binding(3) var<storage, read_write> out: array<Lane>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
//@if masked
// [batch, keys], added to the scores.
@group(0) @binding(5) var<storage, read_write> mask: array<f32>;
//@end

const TOTAL: u32 = {{ total }}u; // batch * heads * queries
const HEADS: u32 = {{ heads }}u;
const QUERIES: u32 = {{ queries }}u;
const KEYS: u32 = {{ keys }}u;
const LANES: u32 = {{ lanes }}u; // head_dim, in lanes
const SCALE: f32 = inverseSqrt({{ head_dim }}.0);

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
    let q_at = ((batch * QUERIES + query) * HEADS + head) * LANES;
    let kv_at = (batch * KEYS * HEADS + head) * LANES;
    //@for i lanes
    let q_<i> = q[q_at + <i>u] * SCALE;
    var sum_<i> = Lane(0.0);
    //@end
    var largest = -3.0e38;
    var denominator = 0.0;
    for (var key = 0u; key < KEYS; key++) {
        let at = kv_at + key * HEADS * LANES;
        var score = 0.0;
        //@for i lanes
        score += product(q_<i>, k[at + <i>u]);
        //@end
        //@if masked
        score += mask[batch * KEYS + key];
        //@end
        let now = max(largest, score);
        let shrink = exp(largest - now);
        let p = exp(score - now);
        denominator = denominator * shrink + p;
        largest = now;
        //@for i lanes
        sum_<i> = sum_<i> * shrink + v[at + <i>u] * p;
        //@end
    }
    let scale = 1.0 / denominator;
    //@for i lanes
    out[q_at + <i>u] = sum_<i> * scale;
    //@end
    lse[index] = largest + log(denominator);
}

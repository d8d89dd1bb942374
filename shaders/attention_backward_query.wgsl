// Attention's gradient for q: probabilities again from the scores and lse, one invocation a query.
// Shapes as in attention_forward.wgsl.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> q: array<Lane>;
@group(0) @binding(1) var<storage, read_write> k: array<Lane>;
@group(0) @binding(2) var<storage, read_write> v: array<Lane>;
@group(0) @binding(3) var<storage, read_write> grad: array<Lane>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad_q: array<Lane>;
//@if masked
// [batch, keys], added to the scores.
@group(0) @binding(7) var<storage, read_write> mask: array<f32>;
//@end

const TOTAL: u32 = {{ total }}u;
const HEADS: u32 = {{ heads }}u;
const QUERIES: u32 = {{ queries }}u;
const KEYS: u32 = {{ keys }}u;
const LANES: u32 = {{ lanes }}u;
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
    let g_<i> = grad[q_at + <i>u];
    var sum_<i> = Lane(0.0);
    //@end
    let denominator = lse[index];
    let offset = delta[index];
    for (var key = 0u; key < KEYS; key++) {
        let at = kv_at + key * HEADS * LANES;
        var score = 0.0;
        var dp = 0.0;
        //@for i lanes
        let k_<i> = k[at + <i>u];
        score += product(q_<i>, k_<i>);
        dp += product(g_<i>, v[at + <i>u]);
        //@end
        //@if masked
        score += mask[batch * KEYS + key];
        //@end
        let ds = exp(score - denominator) * (dp - offset) * SCALE;
        //@for i lanes
        sum_<i> += k_<i> * ds;
        //@end
    }
    //@for i lanes
    grad_q[q_at + <i>u] = sum_<i>;
    //@end
}

// Attention's gradients for k and v, one invocation a key. They lie one after the other in one buffer,
// v's from lane HALF on. Shapes as in attention_forward.wgsl.

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
@group(0) @binding(6) var<storage, read_write> grad_kv: array<Lane>;
//@if masked
// [batch, keys], added to the scores.
@group(0) @binding(7) var<storage, read_write> mask: array<f32>;
//@end

const TOTAL: u32 = {{ total }}u; // batch * heads * keys
const HEADS: u32 = {{ heads }}u;
const QUERIES: u32 = {{ queries }}u;
const KEYS: u32 = {{ keys }}u;
const LANES: u32 = {{ lanes }}u;
const HALF: u32 = {{ half }}u;
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
    let key = index % KEYS;
    let head = index / KEYS % HEADS;
    let batch = index / (KEYS * HEADS);
    let kv_at = ((batch * KEYS + key) * HEADS + head) * LANES;
    let q_first = (batch * QUERIES * HEADS + head) * LANES;
    let row = (batch * HEADS + head) * QUERIES;
    //@for i lanes
    let k_<i> = k[kv_at + <i>u] * SCALE;
    let v_<i> = v[kv_at + <i>u];
    var k_sum_<i> = Lane(0.0);
    var v_sum_<i> = Lane(0.0);
    //@end
    //@if masked
    let hidden = mask[batch * KEYS + key];
    //@end
    for (var query = 0u; query < QUERIES; query++) {
        let at = q_first + query * HEADS * LANES;
        var score = 0.0;
        var dp = 0.0;
        //@for i lanes
        let q_<i> = q[at + <i>u];
        let g_<i> = grad[at + <i>u];
        score += product(q_<i>, k_<i>);
        dp += product(g_<i>, v_<i>);
        //@end
        //@if masked
        score += hidden;
        //@end
        let p = exp(score - lse[row + query]);
        let ds = p * (dp - delta[row + query]) * SCALE;
        //@for i lanes
        v_sum_<i> += g_<i> * p;
        k_sum_<i> += q_<i> * ds;
        //@end
    }
    //@for i lanes
    grad_kv[kv_at + <i>u] = k_sum_<i>;
    grad_kv[HALF + kv_at + <i>u] = v_sum_<i>;
    //@end
}

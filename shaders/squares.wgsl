// Sums of many lanes each, of their squares where asked: launched again over its own output until one
// sum is left. Invocation i adds up the lanes i, i + OUTPUTS, ..., so that neighbours read
// neighbours.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> x: array<Lane>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

const LENGTH: u32 = {{ length }}u;
const OUTPUTS: u32 = {{ outputs }}u;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= OUTPUTS) {
        return;
    }
    var sum = Lane(0.0);
    for (var i = id.x; i < LENGTH; i += OUTPUTS) {
        let lane = x[i];
        //@if squared
        sum += lane * lane;
        //@end
        //@if !squared
        sum += lane;
        //@end
    }
    //@if vec
    out[id.x] = dot(sum, Lane(1.0));
    //@end
    //@if !vec
    out[id.x] = sum;
    //@end
}

// Copies source over destination, so that a buffer which a recorded graph reads keeps its place.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> source: array<Lane>;
@group(0) @binding(1) var<storage, read_write> destination: array<Lane>;

const LENGTH: u32 = {{ length }}u;
const WIDTH: u32 = {{ width }}u;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * WIDTH + id.x;
    if (i < LENGTH) {
        destination[i] = source[i];
    }
}

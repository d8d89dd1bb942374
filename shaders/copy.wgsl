// Copies source over destination, so that a buffer which a recorded graph reads keeps its place.

@group(0) @binding(0) var<storage, read_write> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> destination: array<f32>;

const LENGTH: u32 = {{ length }}u;
const WIDTH: u32 = {{ width }}u;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * WIDTH + id.x;
    if (i < LENGTH) {
        destination[i] = source[i];
    }
}

// Writes pieces into one buffer, each from its start on.

@group(0) @binding(0) var<storage, read_write> flat: array<f32>;
//@for i count
@group(0) @binding(<i+1>) var<storage, read_write> piece_<i>: array<f32>;
//@end
// Start and length of each piece.
@group(0) @binding({{ last }}) var<storage, read_write> spans: array<u32>;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // A row of the grid is a piece.
    let i = id.x;
    let start = spans[2u * id.y];
    if (i >= spans[2u * id.y + 1u]) {
        return;
    }
    //@for i count
    if (id.y == <i>u) {
        flat[start + i] = piece_<i>[i];
    }
    //@end
}

// As many multiply-adds as an adapter can do: what the bench measures the other kernels against.

@group(0) @binding(0) var<storage, read_write> seed: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let m = vec4<f32>(seed[0]);
    let a = vec4<f32>(seed[1]);
    // Eight chains, so that none waits for its own last result.
    //@for i chains
    var x_<i> = vec4<f32>(f32(id.x) + {{ start }}.0 * <i>.0);
    //@end
    for (var round = 0u; round < {{ rounds }}u; round++) {
        //@for i chains
        x_<i> = x_<i> * m + a;
        //@end
    }
    var sum = vec4<f32>(0.0);
    //@for i chains
    sum += x_<i>;
    //@end
    out[id.x] = sum.x + sum.y + sum.z + sum.w;
}

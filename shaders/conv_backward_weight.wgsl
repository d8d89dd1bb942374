// Gradient of conv_forward.wgsl with respect to its weight, for the factors of an adapter:
//
//   grad_w[o, tap, c] = sum over rows of grad[row, o] * x[source(row, tap), c]
//
// A register tile of tm outputs by tn lanes of channels an invocation, one tap each (id.y).

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> x: array<Lane>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad_w: array<Lane>;
// Sizes, in the order in which they are read below: one pipeline serves all of them.
@group(0) @binding(3) var<storage, read_write> dims: array<u32>;

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let rows = dims[0];
    let outputs = dims[1];
    let lanes = dims[2];
    let shift = dims[12];
    let height = i32(dims[3] << shift);
    let width = i32(dims[4] << shift);
    let out_height = dims[5];
    let out_width = dims[6];
    let kernel = dims[7];
    let stride = i32(dims[8]);
    let pad = i32(dims[9]);
    let columns = dims[11];
    let o = id.x / columns * {{ tm }}u;
    let c = id.x % columns * {{ tn }}u;
    let tap = id.y;
    if (o >= outputs) {
        return;
    }
    let dy = i32(tap / kernel) - pad;
    let dx = i32(tap % kernel) - pad;
    //@for i tm
    let o_<i> = min(o + <i>u, outputs - 1u);
    //@for j tn
    var sum_<i>_<j> = Lane(0.0);
    //@end
    //@end
    //@for j tn
    let c_<j> = min(c + <j>u, lanes - 1u);
    //@end
    for (var row = 0u; row < rows; row++) {
        //@if gathered
        let y = i32(row / out_width % out_height) * stride + dy;
        let x_at = i32(row % out_width) * stride + dx;
        if (y < 0 || y >= height || x_at < 0 || x_at >= width) {
            continue;
        }
        let image = row / (out_height * out_width) * dims[3];
        let at = ((image + (u32(y) >> shift)) * dims[4] + (u32(x_at) >> shift)) * lanes;
        //@end
        //@if !gathered
        let at = row * lanes;
        //@end
        //@for i tm
        let a_<i> = grad[row * outputs + o_<i>];
        //@end
        //@for j tn
        let b_<j> = x[at + c_<j>];
        //@for i tm
        sum_<i>_<j> = fma(Lane(a_<i>), b_<j>, sum_<i>_<j>);
        //@end
        //@end
    }
    //@for j tn
    if (c + <j>u < lanes) {
        //@for i tm
        if (o + <i>u < outputs) {
            grad_w[((o + <i>u) * kernel * kernel + tap) * lanes + c + <j>u] = sum_<i>_<j>;
        }
        //@end
    }
    //@end
}

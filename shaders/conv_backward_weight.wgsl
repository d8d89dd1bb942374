// Gradient of conv_forward.wgsl with respect to its weight, for the factors of an adapter:
//
//   grad_w[o, tap, c] = sum over rows of grad[row, o] * x[source(row, tap), c]
//
// A register tile of tm outputs by tn lanes of channels an invocation, one tap each (id.z).

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> x: array<Lane>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad_w: array<Lane>;

const ROWS: u32 = {{ rows }}u; // places of the output
const OUTPUTS: u32 = {{ outputs }}u;
const LANES: u32 = {{ lanes }}u;
const HEIGHT: i32 = {{ height }};
const WIDTH: i32 = {{ width }};
const OUT_HEIGHT: u32 = {{ out_height }}u;
const OUT_WIDTH: u32 = {{ out_width }}u;
const KERNEL: u32 = {{ kernel }}u;
const STRIDE: i32 = {{ stride }};
const PAD: i32 = {{ pad }};

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let o = id.y * {{ tm }}u;
    let c = id.x * {{ tn }}u;
    let tap = id.z;
    if (o >= OUTPUTS || c >= LANES) {
        return;
    }
    let dy = i32(tap / KERNEL) - PAD;
    let dx = i32(tap % KERNEL) - PAD;
    //@for i tm
    let o_<i> = min(o + <i>u, OUTPUTS - 1u);
    //@for j tn
    var sum_<i>_<j> = Lane(0.0);
    //@end
    //@end
    //@for j tn
    let c_<j> = min(c + <j>u, LANES - 1u);
    //@end
    for (var row = 0u; row < ROWS; row++) {
        //@if gathered
        let y = i32(row / OUT_WIDTH % OUT_HEIGHT) * STRIDE + dy;
        let x_at = i32(row % OUT_WIDTH) * STRIDE + dx;
        if (y < 0 || y >= HEIGHT || x_at < 0 || x_at >= WIDTH) {
            continue;
        }
        let image = i32(row / (OUT_HEIGHT * OUT_WIDTH)) * HEIGHT * WIDTH;
        let at = u32(image + y * WIDTH + x_at) * LANES;
        //@end
        //@if !gathered
        let at = row * LANES;
        //@end
        //@for i tm
        let a_<i> = grad[row * OUTPUTS + o_<i>];
        //@end
        //@for j tn
        let b_<j> = x[at + c_<j>];
        //@for i tm
        sum_<i>_<j> += a_<i> * b_<j>;
        //@end
        //@end
    }
    //@for j tn
    if (c + <j>u < LANES) {
        //@for i tm
        if (o + <i>u < OUTPUTS) {
            grad_w[((o + <i>u) * KERNEL * KERNEL + tap) * LANES + c + <j>u] = sum_<i>_<j>;
        }
        //@end
    }
    //@end
}

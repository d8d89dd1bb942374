// Gradient of conv_forward.wgsl with respect to its input, from the gradient of its output alone:
//
//   grad_x[row, c] = sum over taps and outputs of grad[target(row, tap), o] * w[o, tap, c]
//
// A row is a place of the input; its target under a tap is the place of the output that read it
// there, where there is one. A register tile of tm rows by tn lanes of channels an invocation.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> grad: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<Lane>;
@group(0) @binding(2) var<storage, read_write> grad_x: array<Lane>;

const ROWS: u32 = {{ rows }}u; // places of the input
const OUTPUTS: u32 = {{ outputs }}u;
const LANES: u32 = {{ lanes }}u;
const HEIGHT: u32 = {{ height }}u;
const WIDTH: u32 = {{ width }}u;
const OUT_HEIGHT: i32 = {{ out_height }};
const OUT_WIDTH: i32 = {{ out_width }};
const KERNEL: u32 = {{ kernel }}u;
const STRIDE: i32 = {{ stride }};
const PAD: i32 = {{ pad }};

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * {{ tm }}u;
    let c = id.x * {{ tn }}u;
    if (row >= ROWS || c >= LANES) {
        return;
    }
    //@for i tm
    let row_<i> = min(row + <i>u, ROWS - 1u);
    //@if gathered
    let image_<i> = i32(row_<i> / (HEIGHT * WIDTH)) * OUT_HEIGHT * OUT_WIDTH;
    let y_<i> = i32(row_<i> / WIDTH % HEIGHT) + PAD;
    let x_<i> = i32(row_<i> % WIDTH) + PAD;
    //@end
    //@for j tn
    var sum_<i>_<j> = Lane(0.0);
    //@end
    //@end
    //@for j tn
    let c_<j> = min(c + <j>u, LANES - 1u);
    //@end
    //@if gathered
    for (var tap = 0u; tap < KERNEL * KERNEL; tap++) {
        let dy = i32(tap / KERNEL);
        let dx = i32(tap % KERNEL);
    //@end
    //@if !gathered
        let tap = 0u;
    //@end
        //@for i tm
        //@if gathered
        // Both are non-negative where it counts: % of a negative number is not 0 or is masked below.
        let ty_<i> = (y_<i> - dy) / STRIDE;
        let tx_<i> = (x_<i> - dx) / STRIDE;
        let in_<i> = y_<i> >= dy && x_<i> >= dx && ty_<i> * STRIDE == y_<i> - dy && tx_<i> * STRIDE == x_<i> - dx
            && ty_<i> < OUT_HEIGHT && tx_<i> < OUT_WIDTH;
        let mask_<i> = select(0.0, 1.0, in_<i>);
        let at_<i> = u32(select(0, image_<i> + ty_<i> * OUT_WIDTH + tx_<i>, in_<i>)) * OUTPUTS;
        //@end
        //@if !gathered
        let at_<i> = row_<i> * OUTPUTS;
        //@end
        //@end
        for (var o = 0u; o < OUTPUTS; o++) {
            let w_at = (o * KERNEL * KERNEL + tap) * LANES;
            //@for i tm
            //@if gathered
            let a_<i> = grad[at_<i> + o] * mask_<i>;
            //@end
            //@if !gathered
            let a_<i> = grad[at_<i> + o];
            //@end
            //@end
            //@for j tn
            let b_<j> = w[w_at + c_<j>];
            //@for i tm
            sum_<i>_<j> += a_<i> * b_<j>;
            //@end
            //@end
        }
    //@if gathered
    }
    //@end
    //@for j tn
    if (c + <j>u < LANES) {
        //@for i tm
        if (row + <i>u < ROWS) {
            grad_x[(row + <i>u) * LANES + c + <j>u] = sum_<i>_<j>;
        }
        //@end
    }
    //@end
}

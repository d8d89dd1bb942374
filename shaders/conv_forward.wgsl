// Convolution, and with one tap a linear layer: implicit matrix product of gathered rows of x with w.
//
//   out[row, o] = bias[o] + sum over taps and channels of x[source(row, tap), c] * w[o, tap, c]
//
// x is [batch, height, width, channels], w [outputs, taps, channels], out [batch, out height, out
// width, outputs]. Each invocation makes a register tile of tm rows by tn outputs: no workgroup
// memory, so it serves CPU adapters too. Loads are vec4 along the channels where 4 divides them.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

@group(0) @binding(0) var<storage, read_write> x: array<Lane>;
@group(0) @binding(1) var<storage, read_write> w: array<Lane>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
//@if bias
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
//@end

const ROWS: u32 = {{ rows }}u;
const OUTPUTS: u32 = {{ outputs }}u;
const LANES: u32 = {{ lanes }}u; // channels, in lanes
const HEIGHT: i32 = {{ height }};
const WIDTH: i32 = {{ width }};
const OUT_HEIGHT: u32 = {{ out_height }}u;
const OUT_WIDTH: u32 = {{ out_width }}u;
const KERNEL: u32 = {{ kernel }}u;
const STRIDE: i32 = {{ stride }};
const PAD: i32 = {{ pad }};

fn product(a: Lane, b: Lane) -> f32 {
//@if vec
    return dot(a, b);
//@end
//@if !vec
    return a * b;
//@end
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * {{ tm }}u;
    let o = id.x * {{ tn }}u;
    if (row >= ROWS || o >= OUTPUTS) {
        return;
    }
    // Rows and outputs past the end are computed from the last ones and not stored.
    //@for i tm
    let row_<i> = min(row + <i>u, ROWS - 1u);
    //@if gathered
    let image_<i> = i32(row_<i> / (OUT_HEIGHT * OUT_WIDTH)) * HEIGHT * WIDTH;
    let y_<i> = i32(row_<i> / OUT_WIDTH % OUT_HEIGHT) * STRIDE - PAD;
    let x_<i> = i32(row_<i> % OUT_WIDTH) * STRIDE - PAD;
    //@end
    //@for j tn
    var sum_<i>_<j> = 0.0;
    //@end
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
        let in_<i> = y_<i> + dy >= 0 && y_<i> + dy < HEIGHT && x_<i> + dx >= 0 && x_<i> + dx < WIDTH;
        let mask_<i> = select(0.0, 1.0, in_<i>);
        let at_<i> = u32(select(0, image_<i> + (y_<i> + dy) * WIDTH + x_<i> + dx, in_<i>)) * LANES;
        //@end
        //@if !gathered
        let at_<i> = row_<i> * LANES;
        //@end
        //@end
        //@for j tn
        let w_at_<j> = (min(o + <j>u, OUTPUTS - 1u) * KERNEL * KERNEL + tap) * LANES;
        //@end
        for (var c = 0u; c < LANES; c++) {
            //@for i tm
            //@if gathered
            let a_<i> = x[at_<i> + c] * mask_<i>;
            //@end
            //@if !gathered
            let a_<i> = x[at_<i> + c];
            //@end
            //@end
            //@for j tn
            let b_<j> = w[w_at_<j> + c];
            //@for i tm
            sum_<i>_<j> += product(a_<i>, b_<j>);
            //@end
            //@end
        }
    //@if gathered
    }
    //@end
    //@for j tn
    if (o + <j>u < OUTPUTS) {
        var add_<j> = 0.0;
        //@if bias
        add_<j> = bias[o + <j>u];
        //@end
        //@for i tm
        if (row + <i>u < ROWS) {
            out[(row + <i>u) * OUTPUTS + o + <j>u] = sum_<i>_<j> + add_<j>;
        }
        //@end
    }
    //@end
}

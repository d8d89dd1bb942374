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
// Sizes, in the order in which they are read below: one pipeline serves all of them.
@group(0) @binding(3) var<storage, read_write> dims: array<u32>;

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let rows = dims[0];
    let outputs = dims[1];
    let lanes = dims[2];
    let height = dims[3];
    let width = dims[4];
    let out_height = i32(dims[5]);
    let out_width = i32(dims[6]);
    let kernel = dims[7];
    let stride = i32(dims[8]);
    let pad = i32(dims[9]);
    let row = id.y * {{ tm }}u;
    let c = id.x * {{ tn }}u;
    if (row >= rows || c >= lanes) {
        return;
    }
    //@for i tm
    let row_<i> = min(row + <i>u, rows - 1u);
    //@if gathered
    let image_<i> = i32(row_<i> / (height * width)) * out_height * out_width;
    let y_<i> = i32(row_<i> / width % height) + pad;
    let x_<i> = i32(row_<i> % width) + pad;
    //@end
    //@for j tn
    var sum_<i>_<j> = Lane(0.0);
    //@end
    //@end
    //@for j tn
    let c_<j> = min(c + <j>u, lanes - 1u);
    //@end
    //@if gathered
    for (var tap = 0u; tap < kernel * kernel; tap++) {
        let dy = i32(tap / kernel);
        let dx = i32(tap % kernel);
    //@end
    //@if !gathered
        let tap = 0u;
    //@end
        //@for i tm
        //@if gathered
        // Both are non-negative where it counts: % of a negative number is not 0 or is masked below.
        let ty_<i> = (y_<i> - dy) / stride;
        let tx_<i> = (x_<i> - dx) / stride;
        let in_<i> = y_<i> >= dy && x_<i> >= dx && ty_<i> * stride == y_<i> - dy && tx_<i> * stride == x_<i> - dx
            && ty_<i> < out_height && tx_<i> < out_width;
        let mask_<i> = select(0.0, 1.0, in_<i>);
        let at_<i> = u32(select(0, image_<i> + ty_<i> * out_width + tx_<i>, in_<i>)) * outputs;
        //@end
        //@if !gathered
        let at_<i> = row_<i> * outputs;
        //@end
        //@end
        for (var o = 0u; o < outputs; o++) {
            let w_at = (o * kernel * kernel + tap) * lanes;
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
    if (c + <j>u < lanes) {
        //@for i tm
        if (row + <i>u < rows) {
            grad_x[(row + <i>u) * lanes + c + <j>u] = sum_<i>_<j>;
        }
        //@end
    }
    //@end
}

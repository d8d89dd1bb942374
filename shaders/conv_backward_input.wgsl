// Gradient of conv_forward.wgsl with respect to its input, from the gradient of its output alone:
//
//   grad_x[row, c] = sum over taps and outputs of grad[target(row, tap), o] * w[o, tap, c]
//
// With a LoRA branch (`branch`) plus the same sum over the gradient of its middle and its factor down.
// `scaled` multiplies by the branch's scale, as in conv_forward.wgsl: from grad and the factor up it makes the middle's gradient.
//
// A row is a place of the input; its target under a tap is the place of the output that read it
// there, where there is one. With `enlarged` that goes for each of the 2^up by 2^up places that were
// read for it. A register tile of tm rows by tn lanes of channels an invocation.

@group(0) @binding(0) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad_x: array<Lane>;
// Sizes, in the order in which they are read below: one pipeline serves all of them.
@group(0) @binding(3) var<storage, read_write> dims: array<u32>;
//@if scaled
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;
//@end
//@if branch
@group(0) @binding(4) var<storage, read_write> middle_grad: array<f32>;
@group(0) @binding(5) var<storage, read_write> down: array<Lane>;
//@end

@compute @workgroup_size({{ workgroup }}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let rows = dims[0];
    let outputs = dims[1];
    let lanes = dims[2];
    let height = dims[3];
    let width = dims[4];
    let out_height = i32(dims[5]);
    let out_width = i32(dims[6]);
    let kernel = dims[7];
    // The stride is a power of two: places between two of the output's have these bits.
    let between = i32(dims[8]) - 1;
    let shift = countTrailingZeros(dims[8]);
    let pad = i32(dims[9]);
    // Tiles side by side first, so that no invocation of a workgroup idles at the end of each row of them.
    let columns = dims[11];
    let row = id.x / columns * {{ tm }}u;
    let c = id.x % columns * {{ tn }}u;
    if (row >= rows) {
        return;
    }
    //@if gathered
    // Rows as in conv_forward.wgsl.
    let images = i32(rows / (height * width));
    let image_0 = i32(row) % images;
    let place = row / u32(images);
    let y_0 = i32(place / width);
    let x_0 = i32(place % width);
    //@for i rest
    let image_end_<i> = image_<i> + 1 == images;
    let x_end_<i> = image_end_<i> & (x_<i> + 1 == i32(width));
    let image_<i+1> = select(image_<i> + 1, 0, image_end_<i>);
    let x_<i+1> = select(select(x_<i>, x_<i> + 1, image_end_<i>), 0, x_end_<i>);
    let y_<i+1> = select(y_<i>, y_<i> + 1, x_end_<i>);
    //@end
    //@for i tm
    let out_<i> = select(0u, u32((image_<i> * i32(height) + y_<i>) * i32(width) + x_<i>), row + <i>u < rows);
    //@end
    //@end
    //@if !gathered
    //@for i tm
    let out_<i> = min(row + <i>u, rows - 1u);
    //@end
    //@end
    //@for i tm
    //@for j tn
    var sum_<i>_<j> = Lane(0.0);
    //@end
    //@end
    //@for j tn
    let c_<j> = min(c + <j>u, lanes - 1u);
    //@end
    //@if enlarged
    let up = dims[12];
    for (var part = 0u; part < 1u << (2u * up); part++) {
    let part_y = i32(part >> up);
    let part_x = i32(part & ((1u << up) - 1u));
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
        //@if enlarged
        let oy_<i> = (y_<i> << up) + part_y + pad - dy;
        let ox_<i> = (x_<i> << up) + part_x + pad - dx;
        //@end
        //@if !enlarged
        let oy_<i> = y_<i> + pad - dy;
        let ox_<i> = x_<i> + pad - dx;
        //@end
        let ty_<i> = oy_<i> >> shift;
        let tx_<i> = ox_<i> >> shift;
        let in_<i> = (row + <i>u < rows) & (oy_<i> >= 0) & (ox_<i> >= 0) & (((oy_<i> | ox_<i>) & between) == 0)
            & (ty_<i> < out_height) & (tx_<i> < out_width);
        let mask_<i> = select(0.0, 1.0, in_<i>);
        let target_<i> = u32(select(0, (image_<i> * out_height + ty_<i>) * out_width + tx_<i>, in_<i>));
        //@end
        //@if !gathered
        let target_<i> = out_<i>;
        //@end
        let at_<i> = target_<i> * outputs;
        //@end
        //@if gathered
        var some = false;
        //@for i tm
        some = some | in_<i>;
        //@end
        if (!some) {
            continue;
        }
        //@end
        for (var o = 0u; o < outputs; o++) {
            let w_row = o * kernel * kernel + tap;
            let w_at = w_row * lanes;
            //@for i tm
            //@if gathered
            let a_<i> = grad[at_<i> + o] * mask_<i>;
            //@end
            //@if !gathered
            let a_<i> = grad[at_<i> + o];
            //@end
            //@end
            //@for j tn
            let b_<j> = weight(w_at + c_<j>, w_row, c_<j>);
            //@for i tm
            sum_<i>_<j> = fma(Lane(a_<i>), b_<j>, sum_<i>_<j>);
            //@end
            //@end
        }
        //@if branch
        let rank = dims[10];
        //@for i tm
        let middle_at_<i> = target_<i> * rank;
        //@end
        for (var r = 0u; r < rank; r++) {
            let down_at = (r * kernel * kernel + tap) * lanes;
            //@for i tm
            //@if gathered
            let m_<i> = middle_grad[middle_at_<i> + r] * mask_<i>;
            //@end
            //@if !gathered
            let m_<i> = middle_grad[middle_at_<i> + r];
            //@end
            //@end
            //@for j tn
            let d_<j> = down[down_at + c_<j>];
            //@for i tm
            sum_<i>_<j> = fma(Lane(m_<i>), d_<j>, sum_<i>_<j>);
            //@end
            //@end
        }
        //@end
    //@if gathered
    }
    //@end
    //@if enlarged
    }
    //@end
    //@for j tn
    if (c + <j>u < lanes) {
        //@for i tm
        if (row + <i>u < rows) {
            //@if scaled
            grad_x[out_<i> * lanes + c + <j>u] = sum_<i>_<j> * scale[out_<i> / dims[15]];
            //@end
            //@if !scaled
            grad_x[out_<i> * lanes + c + <j>u] = sum_<i>_<j>;
            //@end
        }
        //@end
    }
    //@end
}

// Convolution, and with one tap a linear layer: implicit matrix product of gathered rows of x with w.
//
//   out[row, o] = bias[o] + sum over taps and channels of x[source(row, tap), c] * w[o, tap, c]
//
// With a LoRA branch (`branch`) plus the sum over r of middle[row, r] * up[o, r]. The middle is made by
// this same shader, from the factor down in place of w, times the branch's scale (`scaled`), without bias.
// There may be a scale for each image, or for as many rows as dims says.
// Plus what another layer made, a value for each of out (`residual`) or for each image's outputs
// (`per_image`).
//
// x is [batch, height, width, channels], read as if each place were 2^up by 2^up of them, w [outputs,
// taps, channels] (weight.wgsl), out [batch, out height, out width, outputs]. Each invocation makes a
// register tile of tm rows by tn outputs: no workgroup memory, so it serves CPU adapters too. Loads are
// vec4 along the channels where 4 divides them.

@group(0) @binding(0) var<storage, read_write> x: array<Lane>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
// Sizes, in the order in which they are read below: one pipeline serves all of them.
@group(0) @binding(3) var<storage, read_write> dims: array<u32>;
//@if scaled
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;
//@end
//@if !scaled
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
//@end
//@if branch
@group(0) @binding(5) var<storage, read_write> middle: array<f32>;
@group(0) @binding(6) var<storage, read_write> up: array<f32>;
//@end
//@if residual
@group(0) @binding({{ plus_at }}) var<storage, read_write> plus: array<f32>;
//@end
//@if per_image
@group(0) @binding({{ plus_at }}) var<storage, read_write> plus: array<f32>;
//@end

// With the products of a and b. dot() would cost half as much again: it adds up apart.
fn plus_product(sum: f32, a: Lane, b: Lane) -> f32 {
//@if vec
    return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
//@end
//@if !vec
    return fma(a, b, sum);
//@end
}

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
    // Tiles side by side first, so that no invocation of a workgroup idles at the end of each row of them.
    let columns = dims[11];
    let row = id.x / columns * {{ tm }}u;
    let o = id.x % columns * {{ tn }}u;
    if (row >= rows) {
        return;
    }
    // Rows and outputs past the end are computed from the last ones and not stored.
    //@if gathered
    // A row is a place in one image, the same place of the next image the row after it: at the edges
    // most of a tile's rows then read beyond the input together, and that tap is left out.
    // The first row's place by division, the others' by stepping on: a software adapter makes many
    // branches of each integer division.
    let images = i32(rows / (out_height * out_width));
    let image_0 = i32(row) % images;
    let place = row / u32(images);
    let y_0 = i32(place / out_width);
    let x_0 = i32(place % out_width);
    //@for i rest
    let image_end_<i> = image_<i> + 1 == images;
    let x_end_<i> = image_end_<i> & (x_<i> + 1 == i32(out_width));
    let image_<i+1> = select(image_<i> + 1, 0, image_end_<i>);
    let x_<i+1> = select(select(x_<i>, x_<i> + 1, image_end_<i>), 0, x_end_<i>);
    let y_<i+1> = select(y_<i>, y_<i> + 1, x_end_<i>);
    //@end
    //@for i tm
    let out_<i> = select(0u, u32((image_<i> * i32(out_height) + y_<i>) * i32(out_width) + x_<i>), row + <i>u < rows);
    //@end
    //@end
    //@if !gathered
    //@for i tm
    let out_<i> = min(row + <i>u, rows - 1u);
    //@end
    //@end
    //@for i tm
    //@for j tn
    var sum_<i>_<j> = 0.0;
    //@end
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
        // & and not &&: each && is a branch, and compilers' work grows with their number to a power.
        let iy_<i> = y_<i> * stride - pad + dy;
        let ix_<i> = x_<i> * stride - pad + dx;
        let in_<i> = (row + <i>u < rows) & (iy_<i> >= 0) & (iy_<i> < height) & (ix_<i> >= 0) & (ix_<i> < width);
        let mask_<i> = select(0.0, 1.0, in_<i>);
        let at_<i> = u32(select(0, (image_<i> * i32(dims[3]) + (iy_<i> >> shift)) * i32(dims[4]) + (ix_<i> >> shift), in_<i>)) * lanes;
        //@end
        //@if !gathered
        let at_<i> = out_<i> * lanes;
        //@end
        //@end
        //@for j tn
        let w_row_<j> = min(o + <j>u, outputs - 1u) * kernel * kernel + tap;
        let w_at_<j> = w_row_<j> * lanes;
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
        for (var c = 0u; c < lanes; c++) {
            //@for i tm
            //@if gathered
            let a_<i> = x[at_<i> + c] * mask_<i>;
            //@end
            //@if !gathered
            let a_<i> = x[at_<i> + c];
            //@end
            //@end
            //@for j tn
            let b_<j> = weight(w_at_<j> + c, w_row_<j>, c);
            //@for i tm
            sum_<i>_<j> = plus_product(sum_<i>_<j>, a_<i>, b_<j>);
            //@end
            //@end
        }
    //@if gathered
    }
    //@end
    //@if branch
    let rank = dims[10];
    //@for i tm
    let middle_at_<i> = out_<i> * rank;
    //@end
    //@for j tn
    let up_at_<j> = min(o + <j>u, outputs - 1u) * rank;
    //@end
    for (var r = 0u; r < rank; r++) {
        //@for i tm
        let m_<i> = middle[middle_at_<i> + r];
        //@end
        //@for j tn
        let u_<j> = up[up_at_<j> + r];
        //@for i tm
        sum_<i>_<j> = fma(m_<i>, u_<j>, sum_<i>_<j>);
        //@end
        //@end
    }
    //@end
    //@if per_image
    //@for i tm
    let plus_at_<i> = out_<i> / (out_height * out_width) * outputs + o;
    //@end
    //@end
    //@for j tn
    if (o + <j>u < outputs) {
        //@if !scaled
        let add_<j> = bias[o + <j>u];
        //@end
        //@for i tm
        if (row + <i>u < rows) {
            //@if scaled
            out[out_<i> * outputs + o + <j>u] = sum_<i>_<j> * scale[out_<i> / dims[15]];
            //@end
            //@if !scaled
            let at = out_<i> * outputs + o + <j>u;
            //@if residual
            out[at] = sum_<i>_<j> + add_<j> + plus[at];
            //@end
            //@if per_image
            out[at] = sum_<i>_<j> + add_<j> + plus[plus_at_<i> + <j>u];
            //@end
            //@if bare
            out[at] = sum_<i>_<j> + add_<j>;
            //@end
            //@end
        }
        //@end
    }
    //@end
}

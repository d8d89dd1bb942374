//@if native
enable f16;
//@end
// A frozen weight, [rows, channels] in lanes of four channels, as each precision keeps it. Comes before
// the shaders that read one; they bind it and bring `dims`.

//@if vec
alias Lane = vec4<f32>;
//@end
//@if !vec
alias Lane = f32;
//@end

//@if full
@group(0) @binding(1) var<storage, read_write> w: array<Lane>;
//@end
//@if half
//@if native
@group(0) @binding(1) var<storage, read_write> w: array<vec4<f16>>;
//@end
//@if !native
@group(0) @binding(1) var<storage, read_write> w: array<vec2<u32>>;
//@end
//@end
//@if int8
// The numbers, then the largest magnitude of each block of 16 lanes.
@group(0) @binding(1) var<storage, read_write> w: array<u32>;
//@end

// The lane at `at`, which is `lane` in `row`.
fn weight(at: u32, row: u32, lane: u32) -> Lane {
//@if full
    return w[at];
//@end
//@if half
//@if native
    return vec4<f32>(w[at]);
//@end
//@if !native
    let words = w[at];
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
//@end
//@end
//@if int8
    // dims[13] lanes, and after them dims[14] blocks a row.
    return unpack4x8snorm(w[at]) * bitcast<f32>(w[dims[13] + row * dims[14] + lane / 16u]);
//@end
}


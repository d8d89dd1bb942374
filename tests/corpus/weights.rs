//! Hostile safetensors files.

mod common;

use std::collections::BTreeMap;

use atelier_weights::{
    Checkpoint, Decoder, Dtype, File, Folder, Header, Index, Limits, Pipeline, TensorView,
    WeightsError, check_loaders, write,
};
use common::{ALLOWANCE, Case, assert_refused, case, fuzz, peak_of, unreadable};

/// Three tensors of 64, 8 and 3 bytes.
fn sound() -> Vec<u8> {
    let views = [
        TensorView {
            name: "a.weight",
            dtype: Dtype::F32,
            shape: &[4, 4],
            bytes: &[1; 64],
        },
        TensorView {
            name: "b.weight",
            dtype: Dtype::F16,
            shape: &[4],
            bytes: &[2; 8],
        },
        TensorView {
            name: "c.weight",
            dtype: Dtype::U8,
            shape: &[3],
            bytes: &[3; 3],
        },
    ];
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    write(&views, &metadata).unwrap()
}

/// A file with this header and so many zero bytes behind it.
fn file(json: &str, data: usize) -> Vec<u8> {
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(json.as_bytes());
    out.resize(out.len() + data, 0);
    out
}

fn entry(dtype: &str, shape: &str, begin: &str, end: &str) -> String {
    format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

fn one(shape: &str, begin: &str, end: &str) -> Vec<u8> {
    file(
        &format!(r#"{{"a":{}}}"#, entry("F32", shape, begin, end)),
        16,
    )
}

fn lying_headers() -> Vec<Case> {
    let good = entry("U8", "[4]", "0", "4");
    let many = |n: usize, member: &dyn Fn(usize) -> String| {
        let members: Vec<String> = (0..n).map(member).collect();
        format!("{{{}}}", members.join(","))
    };
    vec![
        case("length 0", vec![0; 64]),
        case(
            "length over the file",
            [100u64.to_le_bytes().as_slice(), b"{}"].concat(),
        ),
        case(
            "length 2^63",
            [(1u64 << 63).to_le_bytes().as_slice(), b"{}"].concat(),
        ),
        case(
            "length 2^64-1",
            [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat(),
        ),
        case(
            "length 2^64-8",
            [(u64::MAX - 7).to_le_bytes().as_slice(), b"{}"].concat(),
        ),
        case(
            "length 11 MiB",
            [(11u64 << 20).to_le_bytes().as_slice(), b"{}"].concat(),
        ),
        case("header is a list", file("[]", 0)),
        case("header is a number", file("1", 0)),
        case("header begins with a space", file(" {}", 0)),
        case("header is cut inside", file(r#"{"a":"#, 0)),
        case("header has two objects", file("{}{}", 0)),
        case(
            "header is not UTF-8",
            [2u64.to_le_bytes().as_slice(), b"{\xff"].concat(),
        ),
        case("header ends in zeros", file("{}\0\0\0\0\0\0", 0)),
        case("lone surrogate", file(r#"{"\ud800":{}}"#, 0)),
        case("nested 100,000 deep", file(&"{\"a\":".repeat(100_000), 0)),
        case(
            "lists nested in a shape",
            file(
                &format!("{{\"a\":{}}}", entry("U8", &"[".repeat(9999), "0", "1")),
                1,
            ),
        ),
        case(
            "nested in the metadata",
            file(&format!("{{\"__metadata__\":{}", "[".repeat(100_000)), 0),
        ),
        case("entry is a string", file(r#"{"a":"b"}"#, 0)),
        case("entry is empty", file(r#"{"a":{}}"#, 0)),
        case(
            "entry without offsets",
            file(r#"{"a":{"dtype":"U8","shape":[4]}}"#, 4),
        ),
        case(
            "entry with more",
            file(
                r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}"#,
                4,
            ),
        ),
        case(
            "three offsets",
            file(
                r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,2,4]}}"#,
                4,
            ),
        ),
        case(
            "one offset",
            file(r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4]}}"#, 4),
        ),
        case(
            "tensor twice",
            file(&format!(r#"{{"a":{good},"a":{good}}}"#), 4),
        ),
        case(
            "escaped tensor twice",
            file(&format!(r#"{{"a":{good},"\u0061":{good}}}"#), 4),
        ),
        case(
            "dtype twice",
            file(
                r#"{"a":{"dtype":"U8","dtype":"F32","shape":[4],"data_offsets":[0,4]}}"#,
                4,
            ),
        ),
        case(
            "offsets twice",
            file(
                r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"data_offsets":[0,4]}}"#,
                4,
            ),
        ),
        case(
            "metadata twice",
            file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0),
        ),
        case(
            "metadata key twice",
            file(r#"{"__metadata__":{"a":"1","a":"2"}}"#, 0),
        ),
        case("metadata number", file(r#"{"__metadata__":{"a":1}}"#, 0)),
        case("metadata list", file(r#"{"__metadata__":["a"]}"#, 0)),
        case("metadata null", file(r#"{"__metadata__":null}"#, 0)),
        case(
            "5,000 metadata entries",
            file(
                &format!(
                    "{{\"__metadata__\":{}}}",
                    many(5_000, &|i| format!("\"{i}\":\"\""))
                ),
                0,
            ),
        ),
        case(
            "20,001 tensors",
            file(
                &many(20_001, &|i| {
                    format!("\"{i}\":{}", entry("U8", "[0]", "0", "0"))
                }),
                0,
            ),
        ),
        case(
            "dtype unknown",
            file(
                &format!(r#"{{"a":{}}}"#, entry("F8_E4M3", "[4]", "0", "4")),
                4,
            ),
        ),
        case(
            "dtype in small letters",
            file(&format!(r#"{{"a":{}}}"#, entry("u8", "[4]", "0", "4")), 4),
        ),
        case(
            "dtype hostile text",
            file(
                &format!(
                    r#"{{"a":{}}}"#,
                    entry(&"\\n\\u202e".repeat(999), "[4]", "0", "4")
                ),
                4,
            ),
        ),
        case(
            "dtype number",
            file(r#"{"a":{"dtype":1,"shape":[4],"data_offsets":[0,4]}}"#, 4),
        ),
        case("negative size", one("[-4]", "0", "16")),
        case("fraction of a size", one("[4.0]", "0", "16")),
        case("size 2^64", one("[18446744073709551616]", "0", "16")),
        case(
            "product overflows",
            one("[4294967296,4294967296,4]", "0", "16"),
        ),
        case(
            "product overflows before a zero",
            one("[4294967296,4294967296,0]", "0", "0"),
        ),
        case(
            "product times the dtype overflows",
            one("[4611686018427387904]", "0", "16"),
        ),
        case("9 dimensions", one("[1,1,1,1,1,1,1,1,4]", "0", "16")),
        case(
            "million dimensions",
            one(&format!("[{}4]", "1,".repeat(1_000_000)), "0", "16"),
        ),
        case("shape is a number", one("4", "0", "16")),
        case("shape too small", one("[3]", "0", "16")),
        case("shape too large", one("[5]", "0", "16")),
        case("negative begin", one("[4]", "-16", "0")),
        case("negative zero", one("[4]", "-0", "16")),
        case("begin over end", one("[4]", "16", "0")),
        case("begin not 0", one("[3]", "4", "16")),
        case("end over the file", one("[5]", "0", "20")),
        case(
            "end 2^64-1",
            one("[4]", "18446744073709551599", "18446744073709551615"),
        ),
        case(
            "2^62 bytes claimed",
            one("[1152921504606846976]", "0", "4611686018427387904"),
        ),
        case("400 MB claimed", one("[100000000]", "0", "400000000")),
        case(
            "overlap",
            file(
                &format!(r#"{{"a":{good},"b":{}}}"#, entry("U8", "[4]", "2", "6")),
                6,
            ),
        ),
        case(
            "same place",
            file(&format!(r#"{{"a":{good},"b":{good}}}"#), 4),
        ),
        case(
            "gap",
            file(
                &format!(r#"{{"a":{good},"b":{}}}"#, entry("U8", "[4]", "5", "9")),
                9,
            ),
        ),
        case(
            "hole at the front",
            file(&format!(r#"{{"b":{}}}"#, entry("U8", "[4]", "1", "5")), 5),
        ),
        case("bytes behind", file(&format!(r#"{{"a":{good}}}"#), 5)),
        case("bytes behind nothing", file("{}", 1)),
        case(
            "hostile name",
            file(
                &format!(
                    r#"{{"{}":{}}}"#,
                    "\\n\\u202e\\\"".repeat(500),
                    entry("U8", "[5]", "0", "4")
                ),
                4,
            ),
        ),
    ]
}

fn other_files() -> Vec<Case> {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
    vec![
        case("empty", []),
        case("one byte", [7]),
        case("zip", b"PK\x03\x04\x14\0\0\0archive/data.pkl".as_slice()),
        case(
            "empty zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(),
        ),
        case(
            "pickle",
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".as_slice(),
        ),
        case(
            "pickle of protocol 4",
            b"\x80\x04\x95\x10\0\0\0\0\0\0\0}q".as_slice(),
        ),
        case(
            "web page",
            b"<!DOCTYPE html><html><title>404</title>".as_slice(),
        ),
        case(
            "web page after blanks",
            b"\r\n\r\n  <html>not found</html>".as_slice(),
        ),
        case(
            "JSON answer",
            br#"{"error":"Repository not found"}"#.as_slice(),
        ),
        case("short JSON", b"{}".as_slice()),
        case(
            "LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n".as_slice(),
        ),
        case("png", png.as_slice()),
        case("jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0".as_slice()),
        case("gguf", b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0".as_slice()),
        case("hdf5", b"\x89HDF\r\n\x1a\n\0\0\0\0".as_slice()),
        case("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\0\0".as_slice()),
        case("pdf", b"%PDF-1.7\n%abcdefgh".as_slice()),
        case("text", b"just some words that are no weights".as_slice()),
        case("zeros", vec![0; 1 << 20]),
        case("ones", vec![0xff; 1 << 20]),
    ]
}

fn truncations() -> Vec<Case> {
    let file = sound();
    let data = file.len() - 75;
    [
        0,
        1,
        7,
        8,
        9,
        10,
        50,
        data - 1,
        data,
        data + 1,
        data + 63,
        data + 64,
        data + 72,
        data + 74,
    ]
    .into_iter()
    .map(|len| case(format!("cut to {len} bytes"), &file[..len]))
    .collect()
}

fn whole(bytes: &[u8]) -> Result<(), WeightsError> {
    for (info, data) in File::parse(bytes, Limits::ADAPTER)?.tensors() {
        atelier_weights::to_f32(info.dtype, data)?;
    }
    Ok(())
}

fn in_pieces(bytes: &[u8], piece: usize) -> Result<(), WeightsError> {
    let mut decoder = Decoder::new(Limits::BASE);
    for piece in bytes.chunks(piece) {
        decoder.push(piece, &mut |info, data| {
            assert_eq!(info.bytes(), data.len() as u64);
            Ok::<(), WeightsError>(())
        })?;
    }
    decoder.finish().map(|_| ())
}

#[test]
fn hostile_files_are_refused() {
    let cases: Vec<Case> = [lying_headers(), other_files(), truncations()]
        .into_iter()
        .flatten()
        .collect();
    println!("{} files", cases.len());
    assert_refused(&cases, |bytes| {
        whole(bytes).map_err(|error| error.to_string())
    });
    for piece in [5, 4096, usize::MAX] {
        assert_refused(&cases, |bytes| {
            in_pieces(bytes, piece).map_err(|error| error.to_string())
        });
    }
    assert!(whole(&sound()).is_ok() && in_pieces(&sound(), 3).is_ok());
}

#[test]
fn hostile_lists_are_refused() {
    let deep = "[".repeat(100_000);
    let cases = [
        case("empty", []),
        case("web page", b"<html>".as_slice()),
        case("deep", deep.as_bytes()),
        case("11 MB", vec![b' '; 11_000_000]),
        case("number", b"1".as_slice()),
        case("map of numbers", br#"{"weight_map":{"a":1}}"#.as_slice()),
        case(
            "path",
            br#"{"weight_map":{"a":"../../a.safetensors"}}"#.as_slice(),
        ),
        case(
            "address",
            br#"{"weight_map":{"a":"//evil/a.safetensors"}}"#.as_slice(),
        ),
        case(
            "class twice",
            br#"{"_class_name":"A","_class_name":"B","weight_map":{"a":"/x"}}"#.as_slice(),
        ),
    ];
    assert_refused(&cases, |b| {
        Index::parse(b).map(|_| ()).map_err(|e| e.to_string())
    });
    assert_refused(&cases, |b| {
        Pipeline::parse(b).map(|_| ()).map_err(|e| e.to_string())
    });
}

#[test]
fn fuzz_safetensors() {
    let seeds = [sound(), file("{}", 0), one("[4]", "0", "16")];
    fuzz(&seeds, |bytes| {
        let (peak, results) = peak_of(|| [whole(bytes), in_pieces(bytes, 64)]);
        assert!(peak <= 2 * bytes.len() + ALLOWANCE, "{peak} bytes");
        assert_eq!(results[0].is_ok(), results[1].is_ok(), "{results:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(unreadable(&error.to_string()), None, "{error}");
        }
    });
}

#[test]
fn fuzz_lists() {
    let seeds = [
        br#"{"metadata":{"total_size":1},"weight_map":{"a":"x-00001.safetensors"}}"#.to_vec(),
        br#"{"_class_name":"P","unet":["diffusers","UNet2DConditionModel"],"x":[null,null]}"#
            .to_vec(),
    ];
    fuzz(&seeds, |bytes| {
        for error in [Index::parse(bytes).err(), Pipeline::parse(bytes).err()]
            .into_iter()
            .flatten()
        {
            assert_eq!(unreadable(&error.to_string()), None, "{error}");
        }
    });
}

/// Headers of single-file checkpoints, changed at random: what is taken lies within the file.
#[test]
fn fuzz_checkpoints() {
    let seeds = [
        include_bytes!("../golden/ldm/sd1.safetensors").as_slice(),
        include_bytes!("../golden/ldm/sd2.safetensors"),
    ]
    .map(|file| file[..Header::len(file, Limits::BASE).unwrap() as usize].to_vec());
    fuzz(&seeds, |bytes| {
        let Ok(header) = Header::parse(bytes, Limits::BASE) else {
            return;
        };
        let (peak, read) = peak_of(|| {
            check_loaders(&header);
            Checkpoint::read(&header)
        });
        assert!(peak <= 2 * bytes.len() + ALLOWANCE, "{peak} bytes");
        match read {
            Err(error) => assert_eq!(unreadable(&error.to_string()), None, "{error}"),
            Ok(checkpoint) => {
                for folder in Folder::ALL {
                    for info in checkpoint.tensors(folder) {
                        let size = info.shape.iter().product::<usize>() * info.dtype.size();
                        assert_eq!(info.bytes(), size as u64);
                        assert!(info.end <= header.data_len());
                    }
                    assert!(checkpoint.config(folder).is_object());
                }
            }
        }
    });
}

/// Tensors left out, renamed or of another shape, in headers that are sound.
#[test]
fn checkpoints_of_pieces_are_refused_or_whole() {
    for file in [
        include_bytes!("../golden/ldm/sd1.safetensors").as_slice(),
        include_bytes!("../golden/ldm/sd2.safetensors"),
    ] {
        let header = Header::parse(file, Limits::BASE).unwrap();
        for at in 0..header.tensors.len() {
            let mut changed = header.clone();
            let info = &mut changed.tensors[at];
            match at % 4 {
                0 => info.shape = vec![],
                1 => info.shape = vec![usize::MAX, 0],
                2 => info.name = info.name.replace('0', "9999999999999999999999"),
                _ => info.name.push_str(".weight"),
            }
            if let Err(error) = Checkpoint::read(&changed) {
                assert_eq!(unreadable(&error.to_string()), None, "{error}");
            }
        }
    }
}

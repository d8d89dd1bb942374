//! Every shader, in all its variants, is WGSL that naga accepts.

use std::{collections::BTreeMap, path::Path};

use atelier_kernels::wgsl::{Values, render};

/// Values under which a shader is rendered: numbers that fit all of them, and every switch both ways.
fn variants(template: &str) -> Vec<Values> {
    let numbers = [
        ("length", 1000),
        ("width", 8),
        ("workgroup", 64),
        ("rows", 100),
        ("outputs", 24),
        ("lanes", 8),
        ("height", 8),
        ("out_height", 4),
        ("out_width", 4),
        ("kernel", 3),
        ("stride", 2),
        ("pad", 1),
        ("chains", 8),
        ("start", 64),
        ("rounds", 16),
        ("count", 6),
        ("last", 7),
        ("batch", 2),
        ("tm", 8),
        ("rest", 7),
        ("tn", 4),
        ("total", 128),
        ("heads", 2),
        ("queries", 16),
        ("keys", 16),
        ("head_dim", 32),
        ("half", 64),
        ("groups", 4),
        ("places", 16),
        ("channels", 32),
        ("eps_1e12", 10_000_000),
    ];
    let switches = ["vec", "gathered", "scaled", "branch", "silu", "alone"];
    let used: Vec<&str> = switches
        .into_iter()
        .filter(|switch| {
            template.contains(&format!("//@if {switch}"))
                || template.contains(&format!("//@if !{switch}"))
        })
        .collect();
    (0..1u64 << used.len())
        .map(|bits| {
            let mut values: Values = BTreeMap::from(numbers);
            for (i, switch) in used.iter().copied().enumerate() {
                let name = switches.into_iter().find(|s| *s == switch).unwrap();
                values.insert(name, bits >> i & 1);
            }
            values
        })
        // What makes a branch's middle has no branch of its own.
        .filter(|values| values.get("scaled") != Some(&1) || values.get("branch") != Some(&1))
        .collect()
}

#[test]
fn shaders_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let template = std::fs::read_to_string(&path).unwrap();
        for values in variants(&template) {
            let source = render(&template, &values);
            let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|error| {
                panic!(
                    "{}",
                    error.emit_to_string_with_path(&source, &path.display().to_string())
                )
            });
            naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                naga::valid::Capabilities::empty(),
            )
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} variants");
}

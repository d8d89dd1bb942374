//! Every shader, in all its variants, is WGSL that naga accepts.

use std::path::Path;

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
        ("plus_at", 7),
    ];
    let used = |switch: &str| {
        template.contains(&format!("//@if {switch}\n"))
            || template.contains(&format!("//@if !{switch}\n"))
    };
    // Alone each, or one of several: of those, none where a shader does not know all.
    let choices: [&[&'static str]; 13] = [
        &["full", "half", "int8"],
        &["bare", "residual", "per_image"],
        &["vec"],
        &["gathered"],
        &["scaled"],
        &["branch"],
        &["silu"],
        &["alone"],
        &["masked"],
        &["backward"],
        &["enlarged"],
        &["native"],
        &["squared"],
    ];
    let mut all = vec![Values::from(numbers)];
    for choice in choices {
        let known: Vec<&str> = choice.iter().copied().filter(|s| used(s)).collect();
        let may_be_none = choice.len() == 1 || known.len() < choice.len();
        let on = known.iter().copied().map(Some);
        let chosen: Vec<Option<&str>> = on.chain(may_be_none.then_some(None)).collect();
        all = all
            .into_iter()
            .flat_map(|values| {
                chosen.clone().into_iter().map(move |on| {
                    let mut values = values.clone();
                    values.extend(choice.iter().map(|&s| (s, u64::from(on == Some(s)))));
                    values
                })
            })
            .collect();
    }
    let is = |values: &Values, switch: &str| values.get(switch) == Some(&1);
    all.retain(|values| {
        // What makes a branch's middle has no branch of its own and nothing is added to it; packed
        // weights come in lanes; only f16 is read natively.
        (!is(values, "scaled") || (!is(values, "branch") && !used("bare") || is(values, "bare")))
            && (is(values, "vec") || is(values, "full") || !used("full"))
            && (!is(values, "native") || is(values, "half"))
    });
    all
}

#[test]
fn shaders_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut template = std::fs::read_to_string(&path).unwrap();
        if path.ends_with("weight.wgsl") {
            continue;
        }
        if template.contains(" weight(") {
            template.insert_str(0, include_str!("../../../shaders/weight.wgsl"));
        }
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
                naga::valid::Capabilities::SHADER_FLOAT16
                    | naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32,
            )
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} variants");
}

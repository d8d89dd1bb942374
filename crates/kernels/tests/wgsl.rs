//! Every shader, with values filled in, is WGSL that naga accepts.

use std::path::Path;

#[test]
fn shaders_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut source = std::fs::read_to_string(&path).unwrap();
        for (name, value) in [
            ("length", "1000"),
            ("width", "8388608"),
            ("workgroup", "256"),
        ] {
            source = source.replace(&format!("{{{{ {name} }}}}"), value);
        }
        assert!(
            !source.contains("{{"),
            "{}: a value has no example here",
            path.display()
        );
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &path)));
        naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        )
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        checked += 1;
    }
    assert!(checked >= 2);
}

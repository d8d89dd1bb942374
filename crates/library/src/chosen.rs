//! Files as the artist chose them: where the model begins among them.

/// What the choice is called, and each path inside the model; none for files outside of it.
///
/// A picked or dropped folder comes as paths that begin with its name. The model is where its
/// `model_index.json` is; without one, each file is by itself.
pub fn inside(paths: &[String]) -> (String, Vec<Option<String>>) {
    let index = paths
        .iter()
        .filter(|path| *path == "model_index.json" || path.ends_with("/model_index.json"))
        .min_by_key(|path| path.matches('/').count());
    if let Some(index) = index {
        let folder = index.strip_suffix("model_index.json").unwrap_or_default();
        let title = folder
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let inside = paths
            .iter()
            .map(|path| path.strip_prefix(folder).map(str::to_owned));
        return (title.to_owned(), inside.collect());
    }
    let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let model = paths
        .iter()
        .find(|path| path.ends_with(".safetensors"))
        .map(name);
    let title = model.unwrap_or_default();
    let title = title.trim_end_matches(".safetensors").to_owned();
    (title, paths.iter().map(|path| Some(name(path))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> (String, Vec<Option<String>>) {
        inside(
            &paths
                .iter()
                .map(|path| (*path).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_folder_is_known_by_its_index() {
        let some = |path: &str| Some(path.to_owned());
        let (title, inside) = of(&[
            "sd/ink/unet/config.json",
            "sd/ink/model_index.json",
            "sd/README.md",
        ]);
        assert_eq!(title, "ink");
        assert_eq!(
            inside,
            [some("unet/config.json"), some("model_index.json"), None]
        );
        let (title, inside) = of(&["old/x/model_index.json", "model_index.json"]);
        assert_eq!(
            (title.as_str(), inside[1].as_deref()),
            ("", Some("model_index.json"))
        );
    }

    #[test]
    fn a_single_file_is_known_by_its_name() {
        let (title, inside) = of(&["downloads/ink v3.safetensors", "downloads/x.txt"]);
        assert_eq!(title, "ink v3");
        assert_eq!(inside[0].as_deref(), Some("ink v3.safetensors"));
        assert_eq!(of(&[]), (String::new(), Vec::new()));
    }
}

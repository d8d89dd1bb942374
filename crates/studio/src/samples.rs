//! Works to try with, served beside the page (`samples/samples.json`).

use js_sys::{Array, encode_uri_component};
use wasm_bindgen::JsValue;
use web_sys::File;

use crate::{
    files,
    store::{DrawnPicture, SampleSet, SampleWork},
};

/// The sets that come with the site; none where it has none.
pub async fn sets() -> Vec<SampleSet> {
    let Ok(blob) = files::fetch("samples/samples.json").await else {
        return Vec::new();
    };
    let text = files::read_text(&blob).await.unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Where one of a set's works is, beside the page.
pub fn address(set: &SampleSet, work: &SampleWork) -> String {
    let path = work
        .file
        .split('/')
        .map(|part| String::from(encode_uri_component(part)));
    let path = path.collect::<Vec<_>>().join("/");
    format!("samples/{}/{path}", encode_uri_component(&set.id))
}

/// Where a picture is that the page drew.
pub fn drawn_address(picture: &DrawnPicture) -> String {
    format!("samples/drawn/{}", encode_uri_component(&picture.file))
}

/// One of a set's works, as if the artist had picked it.
pub async fn file(set: &SampleSet, work: &SampleWork) -> Result<File, JsValue> {
    let blob = files::fetch(&format!("samples/{}/{}", set.id, work.file)).await?;
    File::new_with_blob_sequence(&Array::of1(&blob), &work.file)
}

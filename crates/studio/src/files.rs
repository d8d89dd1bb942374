//! Files in (picked, dropped, pasted, whole folders) and out (downloads).

use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemEntry,
    FileSystemFileEntry, HtmlAnchorElement, Response, Url,
};

/// Folders inside folders are followed this deep.
const MAX_DEPTH: usize = 4;
/// No more files than this are taken from one drop.
const MAX_FILES: usize = 2_000;

pub fn from_list(list: Option<FileList>) -> Vec<File> {
    let list = list.into_iter();
    list.flat_map(|l| (0..l.length()).filter_map(move |i| l.get(i)))
        .filter(is_wanted)
        .collect()
}

/// Files of a drop, those in dropped folders too.
pub async fn from_drop(data: DataTransfer) -> Vec<File> {
    // The list is empty once the event is over, so everything is taken before the first await.
    let items = data.items();
    let mut waiting = Vec::new();
    for i in 0..items.length() {
        if let Some(Ok(Some(entry))) = items.get(i).map(|item| item.webkit_get_as_entry()) {
            waiting.push((entry, 0));
        }
    }
    if waiting.is_empty() {
        return from_list(data.files());
    }
    waiting.reverse();
    let mut files = Vec::new();
    while let Some((entry, depth)) = waiting.pop() {
        if files.len() >= MAX_FILES {
            break;
        }
        if entry.is_file() {
            files.extend(file_of(entry.unchecked_into()).await.filter(is_wanted));
        } else if depth < MAX_DEPTH {
            let mut inside = entries_of(entry.unchecked_into()).await;
            inside.sort_by_key(|e| std::cmp::Reverse(e.name()));
            waiting.extend(inside.into_iter().map(|e| (e, depth + 1)));
        }
    }
    files
}

/// Not one of the files that systems leave in every folder.
fn is_wanted(file: &File) -> bool {
    let name = file.name();
    !name.starts_with('.') && !["thumbs.db", "desktop.ini"].contains(&&*name.to_lowercase())
}

async fn file_of(entry: FileSystemFileEntry) -> Option<File> {
    called_back(|done, failed| entry.file_with_callback_and_callback(done, failed))
        .await
        .ok()
        .map(JsCast::unchecked_into)
}

async fn entries_of(folder: FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = folder.create_reader();
    let mut entries = Vec::new();
    // A reader hands out a hundred at a time, and nothing once it is through.
    while let Ok(batch) = called_back(|done, failed| {
        if let Err(error) = reader.read_entries_with_callback_and_callback(done, failed) {
            failed.call1(&JsValue::NULL, &error).ok();
        }
    })
    .await
    {
        let batch = Array::from(&batch);
        if batch.length() == 0 || entries.len() >= MAX_FILES {
            break;
        }
        entries.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
    entries
}

/// Awaits one of the old callback APIs.
async fn called_back(
    start: impl FnOnce(&js_sys::Function, &js_sys::Function),
) -> Result<JsValue, JsValue> {
    let mut start = Some(start);
    let promise = Promise::new(&mut |done, failed| {
        if let Some(start) = start.take() {
            start(&done, &failed);
        }
    });
    JsFuture::from(promise).await
}

pub async fn read(blob: &Blob) -> Result<ArrayBuffer, JsValue> {
    JsFuture::from(blob.array_buffer())
        .await
        .map(JsCast::unchecked_into)
}

pub async fn read_text(blob: &Blob) -> Option<String> {
    JsFuture::from(blob.text()).await.ok()?.as_string()
}

/// A file of the site, by its path there.
pub async fn fetch(path: &str) -> Result<Blob, JsValue> {
    let parts = path.split('/');
    let parts = parts.map(|part| String::from(js_sys::encode_uri_component(part)));
    let address = parts.collect::<Vec<_>>().join("/");
    let response = JsFuture::from(window().fetch_with_str(&address)).await?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(response.status_text().into());
    }
    Ok(JsFuture::from(response.blob()?).await?.unchecked_into())
}

pub fn blob(bytes: &[u8], kind: &str) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    Blob::new_with_u8_array_sequence_and_options(&Array::of1(&Uint8Array::from(bytes)), &options)
}

pub fn buffer(bytes: &[u8]) -> ArrayBuffer {
    Uint8Array::from(bytes).buffer()
}

/// Hands a file to the artist, as the browser does it.
pub fn download(file_name: &str, bytes: &[u8], kind: &str) -> Result<(), JsValue> {
    download_blob(file_name, &blob(bytes, kind)?)
}

pub fn download_blob(file_name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(file_name);
    link.click();
    // The browser reads the address a moment after the click.
    let revoke = Closure::once_into_js(move || Url::revoke_object_url(&url));
    window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(revoke.unchecked_ref(), 60_000)?;
    Ok(())
}

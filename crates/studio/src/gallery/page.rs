//! `index.html` of a published gallery: marked as one, and with its name where browsers and those who
//! show previews of links look for it. Everything else, the policy above all, stays as it is.

use atelier_link::clean;

use super::{Gallery, PREVIEW};

/// The mark, in the page's head: `content` is empty where there is no gallery, so that the page asks
/// for nothing that is not there.
pub const MARK: &str = r#"name="atelier-gallery""#;

/// The page is not as it should be; which of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageError(pub &'static str);

/// Longest description that is written, in characters.
const MAX_DESCRIPTION: usize = 300;

/// The page `html`, of this site or of a gallery published before, as that of `gallery`.
///
/// # Errors
/// [`PageError`] where it has not what is to be filled in.
pub fn page(html: &str, gallery: &Gallery, description: &str) -> Result<String, PageError> {
    let name = escaped(&gallery.name());
    let title = escaped(&gallery.title);
    let description = escaped(&clean(description, MAX_DESCRIPTION));
    let mut html = between(html, "<title>", "</title>", &name)?;
    for (which, content) in [
        (MARK, "1"),
        (r#"name="description""#, description.as_str()),
        (r#"property="og:title""#, name.as_str()),
        (r#"property="og:description""#, description.as_str()),
        (r#"property="og:image""#, PREVIEW),
        (r#"property="og:image:alt""#, title.as_str()),
    ] {
        html = fill_in(&html, which, content)?;
    }
    // It was where this site lies; where the gallery will lie nobody knows yet.
    without(html, r#"property="og:url""#)
}

/// The web app manifest with the gallery's name, by which the page is installed.
///
/// # Errors
/// [`PageError`] where it is no manifest.
pub fn manifest(json: &[u8], gallery: &Gallery, description: &str) -> Result<Vec<u8>, PageError> {
    const BAD: PageError = PageError("manifest");
    let mut manifest: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(json).map_err(|_| BAD)?;
    manifest.insert("name".into(), gallery.name().into());
    manifest.insert("short_name".into(), gallery.title.as_str().into());
    manifest.insert(
        "description".into(),
        clean(description, MAX_DESCRIPTION).into(),
    );
    serde_json::to_vec_pretty(&manifest).map_err(|_| BAD)
}

/// Sets the content of the one `<meta>` that `which` names.
fn fill_in(html: &str, which: &'static str, content: &str) -> Result<String, PageError> {
    let start = format!("<meta {which} content=\"");
    let changed = between(html, &start, "\"", content);
    changed.map_err(|_| PageError(which))
}

/// Puts `text` between `start`, which is there once, and the `end` after it.
fn between(html: &str, start: &str, end: &str, text: &str) -> Result<String, PageError> {
    const BAD: PageError = PageError("title");
    let (before, rest) = html.split_once(start).ok_or(BAD)?;
    let (_, after) = rest.split_once(end).ok_or(BAD)?;
    if after.contains(start) {
        return Err(BAD);
    }
    Ok(format!("{before}{start}{text}{end}{after}"))
}

/// Takes out the `<meta>` that `which` names, where there is one.
fn without(html: String, which: &'static str) -> Result<String, PageError> {
    let start = format!("<meta {which}");
    match html.split_once(&start) {
        None => Ok(html),
        Some((before, rest)) => {
            let (_, after) = rest.split_once('>').ok_or(PageError(which))?;
            Ok(format!("{}{}", before.trim_end(), after))
        }
    }
}

/// Text as it may stand in HTML, between tags and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::record::tests::gallery;

    /// The page as it is in the repository; Trunk leaves what is looked for here as it is.
    const PAGE: &str = include_str!("../../../../www/index.html");
    const MANIFEST: &[u8] = include_bytes!("../../../../www/manifest.webmanifest");

    fn policy(html: &str) -> &str {
        let at = html.find("<meta http-equiv=").unwrap();
        html[at..].lines().next().unwrap()
    }

    #[test]
    fn the_page_gets_the_gallerys_name_and_keeps_its_policy() {
        let made = page(PAGE, &gallery(), "Pictures by \"Änne\" <i>").unwrap();
        let name =
            "Foxes &amp; &lt;script&gt;alert(1)&lt;/script&gt; · Änne &quot;O&#39;Hara&quot;";
        assert!(made.contains(&format!("<title>{name}</title>")));
        assert!(made.contains(&format!(r#"<meta property="og:title" content="{name}" />"#)));
        let about = r#"content="Pictures by &quot;Änne&quot; &lt;i&gt;" />"#;
        assert_eq!(made.matches(about).count(), 2);
        assert!(made.contains(r#"<meta name="atelier-gallery" content="1" />"#));
        assert!(made.contains(r#"<meta property="og:image" content="gallery/preview.jpg" />"#));
        assert!(!made.contains("<script>alert"));
        assert_eq!(policy(&made), policy(PAGE));
        // Nothing but words has changed.
        let tags = |html: &str| html.matches('<').count();
        assert_eq!(tags(&made), tags(PAGE));
    }

    #[test]
    fn a_gallery_is_published_again_without_a_trace_of_the_first() {
        let first = page(PAGE, &gallery(), "One").unwrap();
        let other = Gallery {
            title: "Whales".into(),
            artist: "Bo".into(),
            ..gallery()
        };
        assert_eq!(
            page(&first, &other, "Two").unwrap(),
            page(PAGE, &other, "Two").unwrap()
        );
    }

    #[test]
    fn where_this_site_lies_is_no_matter_of_the_gallerys() {
        let published = PAGE.replace(
            r#"content="preview.jpg""#,
            "content=\"https://example.org/preview.jpg\" />\n    <meta property=\"og:url\" content=\"https://example.org/\"",
        );
        let made = page(&published, &gallery(), "One").unwrap();
        assert!(!made.contains("example.org"));
        assert_eq!(made, page(PAGE, &gallery(), "One").unwrap());
    }

    #[test]
    fn a_page_of_another_kind_is_refused() {
        assert_eq!(page("", &gallery(), ""), Err(PageError("title")));
        let unmarked = PAGE.replace(MARK, "name=\"other\"");
        assert_eq!(page(&unmarked, &gallery(), ""), Err(PageError(MARK)));
        let twice = PAGE.replace("</head>", "<title>Two</title></head>");
        assert!(page(&twice, &gallery(), "").is_err());
    }

    #[test]
    fn the_manifest_has_the_name_and_keeps_the_rest() {
        let made = manifest(MANIFEST, &gallery(), "One").unwrap();
        let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        let (made, before) = (read(&made), read(MANIFEST));
        assert_eq!(made["short_name"], gallery().title);
        assert_eq!(made["icons"], before["icons"]);
        assert_eq!(made["scope"], before["scope"]);
        assert_eq!(manifest(b"[]", &gallery(), ""), Err(PageError("manifest")));
    }
}

use atelier_pictures::{Recipe as Texts, Rgb};
use atelier_protocol::{AdapterInfo, SampleSettings};

use super::*;
use crate::{
    gallery::SiteFile,
    store::{Made, Picture, Shelved, Shot},
};

const OURS: &str = "ab";
const OTHER: &str = "cd";

fn shelved(hash: &str) -> Shelved {
    Shelved {
        bytes: Some(vec![0; 1_000].into()),
        ..Shelved::new(AdapterInfo {
            title: "My hand".into(),
            trigger: "in my hand".into(),
            rank: 4,
            parameters: 10,
            steps: 2,
            hash: hash.repeat(32),
        })
    }
}

fn made(job: u32, hash: &str) -> Made {
    let settings = SampleSettings {
        prompt: format!("a fox {job}"),
        ..SampleSettings::default()
    };
    let text = serde_json::json!({
        "version": 1, "model": "Sketch", "model_hash": "", "settings": settings,
        "adapter": { "title": "My hand", "hash": hash.repeat(32) },
    });
    let texts = Texts {
        parameters: None,
        atelier: Some(text.to_string()),
    };
    let png = Rgb::new(16, 16, vec![9; 768])
        .unwrap()
        .to_png(&texts)
        .unwrap();
    Made {
        job: JobId(job),
        batch: 0,
        settings,
        base: None,
        adapter: Some(Shot {
            picture: Picture {
                width: 16,
                height: 16,
                rgba: vec![0; 1024].into(),
            },
            png: png.into(),
        }),
        note: None,
        favourite: false,
    }
}

fn shown(hash: &str) -> Shown {
    Shown::Here(Arc::new(Gallery {
        title: "Foxes".into(),
        artist: "Änne".into(),
        licence: Licence::Attribution,
        adapter: hash.repeat(32).parse().unwrap(),
        pictures: vec![GalleryPicture {
            settings: SampleSettings::default(),
            from_image: false,
        }],
    }))
}

fn store() -> Store {
    let store = Store::default();
    store.shelf.set(vec![shelved(OURS), shelved(OTHER)]);
    store.current.set(Some(0));
    store
        .made
        .set(vec![made(1, OURS), made(2, OTHER), made(3, OURS)]);
    let mut site = Site::default();
    for (path, bytes) in [("index.html", 500), ("gallery/pictures/1.png", 70)] {
        site.put(
            path,
            SiteFile {
                sha256: OURS.repeat(32),
                bytes,
            },
        );
    }
    store.gallery.site.set(Some(Arc::new(site)));
    store
}

fn chosen(store: &Store) -> Vec<PictureKey> {
    let candidates = store.candidates().into_iter();
    candidates.filter(|c| c.chosen).map(|c| c.key).collect()
}

#[test]
fn pictures_of_the_adapter_in_use_may_go_in() {
    let owner = Owner::new();
    owner.set();
    let store = store();
    let of = |job| PictureKey::Made(JobId(job));
    assert_eq!(chosen(&store), [of(1), of(3)]);
    assert!(
        store
            .candidates()
            .iter()
            .all(|c| !c.picture.settings.compare)
    );
    store.made.update(|made| made[2].favourite = true);
    assert_eq!(chosen(&store), [of(3)], "the favourites");
    store
        .gallery
        .decided
        .update(|d| d.extend([(of(1), true), (of(3), false)]));
    assert_eq!(chosen(&store), [of(1)], "what the artist says");
    store.current.set(Some(1));
    assert_eq!(chosen(&store), [of(2)]);
    store.current.set(None);
    assert!(store.candidates().is_empty());
}

#[test]
fn a_gallery_published_again_keeps_what_was_in_it() {
    let owner = Owner::new();
    owner.set();
    let store = store();
    store.gallery.shown.set(shown(OURS));
    assert!(store.draws_as_gallery());
    assert_eq!(chosen(&store), [PictureKey::Published(0)]);
    assert_eq!(store.publish_title(), "Foxes");
    assert_eq!(store.publish_artist(), "Änne");
    assert_eq!(store.publish_licence(), Licence::Attribution);
    let [page, adapter, pictures] = store.publish_size(&store.candidates()).unwrap();
    assert_eq!((page, adapter, pictures), (500.0, 1_000.0, 70.0));
    assert_eq!(store.page_title(), Some("Foxes · Änne".into()));
    // With a hand of their own nothing of the gallery's is in a visitor's.
    store.current.set(Some(1));
    assert_eq!(chosen(&store), [PictureKey::Made(JobId(2))]);
    assert_eq!(store.publish_artist(), "");
    assert_eq!(store.publish_licence(), Licence::Reserved);
}

#[test]
fn a_draft_is_kept_with_its_project() {
    let owner = Owner::new();
    owner.set();
    let before = store();
    let draft = GalleryDraft {
        title: Some("Foxes".into()),
        artist: None,
        licence: Some(Licence::PublicDomain),
    };
    before.gallery.draft.set(draft.clone());
    let key = PictureKey::Made(JobId(3));
    before.gallery.decided.update(|d| _ = d.insert(key, false));
    let project = before.record();
    let files: HashMap<String, _> = project
        .files()
        .into_iter()
        .filter_map(|name| Some((name.clone(), before.file(&name)?)))
        .collect();

    let after = Store::default();
    after.restore(project, |name| files.get(name).cloned());
    assert_eq!(after.gallery.draft.get(), draft);
    assert_eq!(chosen(&after), [PictureKey::Made(JobId(1))]);
    // Another project has a draft of its own.
    after.clear_project();
    assert_eq!(after.gallery.draft.get(), GalleryDraft::default());
    assert!(after.gallery.decided.with(HashMap::is_empty));
}

#[test]
fn what_is_missing_is_said_in_order() {
    let owner = Owner::new();
    owner.set();
    let store = store();
    let gate = || store.publish_gate(&store.candidates());
    assert_eq!(gate(), PublishGate::NoTitle);
    let draft = |title: &str, artist: &str| {
        store.gallery.draft.set(GalleryDraft {
            title: Some(title.into()),
            artist: Some(artist.into()),
            licence: None,
        });
    };
    draft(" \u{200b} ", "Änne");
    assert_eq!(gate(), PublishGate::NoTitle);
    draft("Foxes", " ");
    assert_eq!(gate(), PublishGate::NoArtist);
    draft("Foxes", "Änne");
    assert_eq!(gate(), PublishGate::Open);
    store.gallery.packing.set(Some((1.0, 2.0)));
    assert_eq!(gate(), PublishGate::Making);
    store.gallery.packing.set(None);
    store.gallery.site.set(None);
    assert_eq!(gate(), PublishGate::Wait);
    store.current.set(None);
    assert_eq!(gate(), PublishGate::NoPictures);
    store.current.set(Some(0));
    let many = (0..=MAX_PICTURES as u32).map(|job| made(job, OURS));
    store.made.set(many.collect());
    assert_eq!(gate(), PublishGate::TooMany);
}

//! Recipes: offered by a link or a dropped picture, taken over, given away as a link.

use atelier_link::{Recipe, from_fragment, from_png, pack_adapter, packed_chars, to_link};
use js_sys::Uint8Array;
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use super::Studio;
use crate::{
    files,
    store::{Made, Offered, Place, Shelved, Tone},
    strings::t,
};

/// A picture larger than this was not made by a tool that writes recipes: it is not even looked at.
const MAX_WITH_RECIPE: f64 = 24e6;

impl Studio {
    /// Looks whether the page's address carries a recipe, now and whenever it changes.
    pub(super) fn heed_links(self) {
        let look = move || {
            let fragment = window().location().hash().unwrap_or_default();
            match from_fragment(&fragment) {
                None => {}
                Some(Ok(carried)) => self.store.offered.set(Some(Offered {
                    recipe: carried.recipe,
                    adapter: carried.adapter.map(Into::into),
                    file: None,
                })),
                Some(Err(error)) => {
                    self.store
                        .notify(Place::Page, Tone::Wrong, error.to_string());
                    self.tidy_address();
                }
            }
        };
        look();
        let handle = window_event_listener_untyped("hashchange", move |_| look());
        // It listens as long as the page lives.
        std::mem::forget(handle);
    }

    /// A reload must not ask again.
    fn tidy_address(self) {
        let location = window().location();
        if let (Ok(path), Ok(search), Ok(history)) =
            (location.pathname(), location.search(), window().history())
        {
            history
                .replace_state_with_url(&JsValue::NULL, "", Some(&(path + &search)))
                .ok();
        }
    }

    /// Whether a dropped file is a picture that carries its recipe; then it is offered.
    pub(super) async fn offers_recipe(self, file: &File) -> bool {
        if file.type_() != "image/png" || file.size() > MAX_WITH_RECIPE {
            return false;
        }
        let Ok(buffer) = files::read(file).await else {
            return false;
        };
        let Some(recipe) = from_png(&Uint8Array::new(&buffer).to_vec()) else {
            return false;
        };
        self.works_offered.set_value(Some(file.clone()));
        self.store.offered.set(Some(Offered {
            recipe,
            adapter: None,
            file: Some(file.name()),
        }));
        true
    }

    /// Puts what is offered into the fields; the picture is made when the artist says so.
    pub fn take_over(self) {
        let Some(offered) = self.store.offered.get_untracked() else {
            return;
        };
        self.dismiss_offer();
        let place = self.store.shelved_as(&offered.recipe);
        if let Some(bytes) = &offered.adapter {
            let title = offered.recipe.adapters.first().map(|a| a.title.clone());
            let name = crate::format::slug(&title.unwrap_or_default());
            let name = format!(
                "{}.safetensors",
                if name.is_empty() { "adapter" } else { &name }
            );
            let file = files::blob(bytes, "")
                .and_then(|blob| File::new_with_blob_sequence(&js_sys::Array::of1(&blob), &name));
            if let Ok(file) = file {
                self.load_adapter(file);
            }
        } else if let Some(place) = place {
            self.use_shelved(place);
        }
        self.store.sample.set(offered.recipe.settings);
        self.store.seed_locked.set(true);
        self.store.clear_notices(Place::Make);
        self.store
            .notify(Place::Make, Tone::Calm, t().link.taken_over);
        if let Some(make) = document().get_element_by_id("make") {
            make.scroll_into_view();
        }
    }

    /// The dropped picture was meant as a work.
    pub fn offered_as_work(self) {
        let file = self.works_offered.try_update_value(Option::take).flatten();
        self.dismiss_offer();
        if let Some(file) = file {
            let caption = crate::format::caption_from_file_name(&file.name());
            self.add_work(file, caption, None);
            self.send_works();
        }
    }

    pub fn dismiss_offer(self) {
        self.store.offered.set(None);
        self.works_offered.set_value(None);
        self.tidy_address();
    }

    /// Copies a link to a picture.
    pub fn share(self, made: &Made, with_adapter: bool) {
        self.store.clear_notices(Place::Make);
        self.store.link.set(None);
        let link = match self.link_to(made, with_adapter) {
            Ok(link) => link,
            Err(text) => {
                self.store.notify(Place::Make, Tone::Wrong, text);
                return;
            }
        };
        spawn_local(async move {
            let copied = window().navigator().clipboard().write_text(&link);
            match JsFuture::from(copied).await {
                Ok(_) => {
                    let text = (t().link.copied)(link.len());
                    self.store.notify(Place::Make, Tone::Calm, text);
                }
                Err(_) => {
                    self.store
                        .notify(Place::Make, Tone::Wrong, t().link.not_copied);
                    self.store.link.set(Some(link));
                }
            }
        });
    }

    fn link_to(self, made: &Made, with_adapter: bool) -> Result<String, String> {
        let shot = made.adapter.as_ref().or(made.base.as_ref());
        let recipe = shot.and_then(|shot| from_png(&shot.png));
        let mut recipe = recipe.ok_or(t().link.no_recipe)?;
        recipe.side = shot.map(|shot| shot.picture.width);
        let mut packed = None;
        if with_adapter
            && let Some(place) = self.store.shelved_as(&recipe)
            && let Some(bytes) = self
                .store
                .shelf
                .with_untracked(|s| s.get(place).and_then(|s| s.bytes.clone()))
        {
            let adapter = pack_adapter(&bytes).map_err(|e| e.to_string())?;
            if let Some(named) = recipe.adapters.first_mut() {
                named.hash = Some(adapter.hash.clone());
            }
            packed = Some(adapter);
        }
        let page = window().location().href().unwrap_or_default();
        to_link(&page, &recipe, packed.as_ref()).map_err(|e| e.to_string())
    }
}

impl crate::store::Store {
    /// Characters, roughly, by which a picture's adapter makes a link longer; none where it is not here.
    pub fn packed_chars(&self, made: &Made) -> Option<u64> {
        let recipe = from_png(&made.adapter.as_ref()?.png)?;
        let place = self.shelved_as(&recipe)?;
        self.shelf
            .with(|shelf| Some(packed_chars(shelf.get(place)?.info.parameters)))
    }

    /// Place on the shelf of the adapter that a recipe names.
    pub fn shelved_as(&self, recipe: &Recipe) -> Option<usize> {
        let hash = recipe.adapters.first()?.hash.as_ref()?;
        let same = |s: &Shelved| s.bytes.is_some() && hash.matches(&s.info.hash);
        self.shelf.with(|shelf| shelf.iter().position(same))
    }
}

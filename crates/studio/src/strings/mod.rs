//! Every word on the page. A language is one [`Strings`]; the compiler asks for each of them.

mod de;
mod en;
mod gallery;
mod keep;
mod link;
mod many;
mod models;

use std::cell::Cell;

use atelier_protocol::{AdapterInfo, Learns, Outcome, SampleSettings, Stage, ToolVerdict};

/// A language the page speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    German,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::German];

    /// As in `<html lang>`.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// As its speakers call it.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
        }
    }

    /// The first of the `wanted` language tags (`de-AT`) that the page speaks; English for none.
    pub fn first_of(wanted: impl IntoIterator<Item = String>) -> Self {
        let spoken = |tag: String| {
            let language = tag.split('-').next().unwrap_or_default().to_lowercase();
            Self::ALL.into_iter().find(|l| l.tag() == language)
        };
        wanted.into_iter().find_map(spoken).unwrap_or_default()
    }

    fn strings(self) -> &'static Strings {
        match self {
            Language::English => &en::EN,
            Language::German => &de::DE,
        }
    }
}

thread_local! {
    static SPOKEN: Cell<Language> = const { Cell::new(Language::English) };
}

/// From now on [`t`] speaks `language`. What is already on the page stays as it is; who changes the
/// language draws the page anew.
pub fn speak(language: Language) {
    SPOKEN.set(language);
}

/// The strings of the page's language.
pub fn t() -> &'static Strings {
    SPOKEN.get().strings()
}

/// Functions take what the sentence is about, so that each language orders it as it must.
pub struct Strings {
    // The page
    pub name: &'static str,
    pub document_title: &'static str,
    pub skip: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub private: &'static str,
    pub footer: &'static str,
    pub drop_here: &'static str,
    pub dismiss: &'static str,
    pub details: &'static str,
    pub stop: &'static str,
    pub stopping: &'static str,
    pub would_lose: &'static str,
    /// What the choice of language is called; in the page's language.
    pub language: &'static str,

    // First visit
    /// What one does, and what that is: works, training, pictures.
    pub welcome_steps: [(&'static str, &'static str); 3],
    /// What the finished example is called, for those who do not see it.
    pub example: &'static str,
    /// Number of sample works, author.
    pub example_works: fn(usize, &str) -> String,
    /// Steps.
    pub example_drawn: fn(u32) -> String,
    /// Prompt.
    pub example_picture: fn(&str) -> String,
    pub example_run: &'static str,
    pub example_running: &'static str,
    pub example_what: &'static str,
    pub how: &'static str,
    /// The file beside the page.
    pub how_page: &'static str,

    // Privacy
    pub requests_see: &'static str,
    pub requests_title: &'static str,
    pub requests_lead: &'static str,
    pub requests_guarded: &'static str,
    pub requests_unguarded: &'static str,
    pub requests_host: &'static str,
    /// Requests to the page's own address, to others, stopped ones, and bytes that came in.
    pub requests_sum: fn(u32, u32, u32, f64) -> String,
    pub requests_address: &'static str,
    pub requests_by: &'static str,
    pub requests_came: &'static str,
    pub who_page: &'static str,
    pub who_engine: &'static str,
    pub who_library: &'static str,
    pub who_gatekeeper: &'static str,
    pub from_copy: &'static str,
    pub was_stopped: &'static str,
    pub came: fn(f64) -> String,
    /// Files of the site on this machine, of how many.
    pub kept: fn(u32, u32) -> String,
    pub update_ready: &'static str,
    pub update_now: &'static str,
    pub update_other_tabs: &'static str,

    // Time and progress
    /// Seconds left, in words; none where it is not known.
    pub time_left: fn(f64) -> Option<String>,
    /// A length of time, roughly.
    pub about: fn(f64) -> Option<String>,
    pub stage: fn(Stage, u64, u64) -> String,
    pub steps: fn(u32) -> String,
    pub step_of: fn(u32, u32) -> String,

    // Engine
    pub status_starting: &'static str,
    pub status_loading: &'static str,
    pub status_ready: &'static str,
    pub status_unsupported: &'static str,
    pub status_model_failed: &'static str,
    pub status_lost: &'static str,
    pub software: &'static str,
    pub software_short: &'static str,
    pub model_failed_title: &'static str,
    pub try_again: &'static str,
    pub lost_title: &'static str,
    pub lost_kept: &'static str,
    pub restart: &'static str,
    pub restart_engine: &'static str,
    pub reload_model: &'static str,
    /// With what the browser said, which may be nothing.
    pub engine_crashed: fn(&str) -> String,
    pub unsupported_title: &'static str,
    pub unsupported_insecure: &'static str,
    pub unsupported_needs: &'static str,
    pub unsupported_ways: &'static [&'static str],

    // Works
    pub works_title: &'static str,
    pub works_lead: &'static str,
    pub works_rights: &'static str,
    pub works_count: fn(usize) -> String,
    pub drop_title: &'static str,
    pub drop_hint: &'static str,
    pub drop_more: &'static str,
    pub choose_files: &'static str,
    pub choose_folder: &'static str,
    pub remove: fn(&str) -> String,
    pub remove_all: &'static str,
    pub caption_of: fn(&str) -> String,
    pub caption_placeholder: &'static str,
    pub crop_of: fn(&str) -> String,
    pub crop_hint: &'static str,
    pub trigger: &'static str,
    pub trigger_help: fn(Learns) -> &'static str,
    pub trigger_default: fn(Learns) -> &'static str,
    pub learns: &'static str,
    pub learns_style: &'static str,
    pub learns_style_what: &'static str,
    pub learns_subject: &'static str,
    pub learns_subject_what: &'static str,
    /// File name, and the sentence on it.
    pub file_refused: fn(&str, &str) -> String,
    pub file_too_large: &'static str,
    pub file_unreadable: &'static str,
    pub try_samples: &'static str,
    pub fetching_samples: &'static str,
    pub sample_missing: &'static str,
    /// Title, author, number of works.
    pub sample_set: fn(&str, &str, usize) -> String,
    /// Title, author, licence.
    pub sample_credit: fn(&str, &str, &str) -> String,
    pub source: &'static str,

    // Train
    pub train_title: &'static str,
    pub train_lead: &'static str,
    pub presets: &'static str,
    pub quick: &'static str,
    pub quick_what: &'static str,
    pub balanced: &'static str,
    pub balanced_what: &'static str,
    pub thorough: &'static str,
    pub thorough_what: &'static str,
    pub own_settings: &'static str,
    pub train: fn(Learns) -> &'static str,
    pub train_needs_works: &'static str,
    pub train_needs_engine: &'static str,
    pub train_reads_works: &'static str,
    pub train_waits: &'static str,
    pub few_works: &'static str,
    pub training_started: &'static str,
    pub training_starts: &'static str,
    pub training_ended: fn(Outcome, u32) -> String,
    pub onward: &'static str,
    pub training_lost: &'static str,
    pub made_lighter: &'static str,
    pub too_large: &'static str,
    pub loss_training: &'static str,
    pub loss_held_back: &'static str,
    pub loss_fixed: &'static str,
    /// Training loss now, validation loss at first and now.
    pub loss_summary: fn(Option<f32>, Option<f32>, Option<f32>) -> String,
    pub previews: &'static str,
    pub preview_at: fn(u32) -> String,
    pub preview_of: fn(&str, u32) -> String,

    // Training settings
    pub steps_label: &'static str,
    pub steps_help: &'static str,
    pub rank: &'static str,
    pub rank_help: &'static str,
    pub alpha: &'static str,
    pub alpha_help: &'static str,
    pub learning_rate: &'static str,
    pub learning_rate_help: &'static str,
    pub text_encoder_rate: &'static str,
    pub text_encoder_rate_help: &'static str,
    pub batch_size: &'static str,
    pub batch_size_help: &'static str,
    pub caption_dropout: &'static str,
    pub caption_dropout_help: &'static str,
    pub min_snr: &'static str,
    pub min_snr_help: &'static str,
    pub accumulate: &'static str,
    pub accumulate_help: &'static str,
    pub block_checkpointing: &'static str,
    pub block_checkpointing_help: &'static str,
    /// Bytes of graphics memory.
    pub foretold: fn(f64) -> String,
    pub convolutions: &'static str,
    pub convolutions_help: &'static str,
    pub aspect_buckets: &'static str,
    pub aspect_buckets_help: &'static str,
    pub prior_pictures: &'static str,
    pub prior_pictures_help: &'static str,
    pub preview_every: &'static str,
    pub preview_every_help: &'static str,
    pub training_seed: &'static str,
    pub training_seed_help: &'static str,
    pub background: &'static str,
    pub background_help: &'static str,
    pub flip: &'static str,
    pub flip_help: &'static str,
    pub preview_prompts_label: &'static str,
    pub preview_prompts_help: &'static str,
    /// What previews show until the artist says otherwise.
    pub preview_prompts: &'static [&'static str],

    // Adapters
    pub adapter_title: &'static str,
    pub adapter_lead: &'static str,
    pub adapter_in_use: &'static str,
    pub adapter_facts: fn(&AdapterInfo) -> String,
    pub mix_title: &'static str,
    pub mix_lead: &'static str,
    pub mix_go: &'static str,
    pub adapter_name: &'static str,
    /// What an adapter is called that has neither a title nor a trigger.
    pub adapter_untitled: &'static str,
    pub save_adapter: &'static str,
    pub label_title: &'static str,
    pub label_lead: &'static str,
    pub label_author: &'static str,
    pub label_author_help: &'static str,
    pub label_license: &'static str,
    pub label_license_help: &'static str,
    pub loads_in: fn(&[ToolVerdict]) -> String,
    pub load_adapter: &'static str,
    pub adapter_loaded: fn(&str) -> String,
    pub adapter_needs_engine: &'static str,
    pub adapter_too_large: &'static str,
    pub not_saved: &'static str,
    pub download_failed: fn(&str) -> String,

    // Make
    pub make_title: &'static str,
    pub make_lead: &'static str,
    pub prompt: &'static str,
    pub prompt_placeholder: &'static str,
    /// In languages that the model does not read: that prompts are English. Otherwise empty.
    pub prompt_help: &'static str,
    pub trigger_added: fn(&str) -> String,
    pub make: &'static str,
    pub make_needs_engine: &'static str,
    pub making_starts: &'static str,
    /// Step, of how many.
    pub making: fn(u32, u32) -> String,
    pub picture_ready: &'static str,
    pub strength: &'static str,
    pub strength_help: &'static str,
    pub negative: &'static str,
    pub negative_help: &'static str,
    pub seed: &'static str,
    pub seed_help: &'static str,
    pub roll: &'static str,
    pub lock_seed: &'static str,
    pub sampler_steps: &'static str,
    pub sampler_steps_help: &'static str,
    pub guidance: &'static str,
    pub guidance_help: &'static str,
    pub from_base: &'static str,
    pub from_base_help: &'static str,
    pub sampler: &'static str,
    pub sampler_help: &'static str,
    pub compare: &'static str,
    pub compare_help: &'static str,
    pub base_side: &'static str,
    pub hand_side: &'static str,
    /// Prompt, side.
    pub picture_of: fn(&str, &str) -> String,
    pub save_picture: &'static str,
    pub save_picture_of: fn(&str) -> String,
    pub recipe: fn(&SampleSettings) -> String,
    pub show_again: fn(&str) -> String,

    /// Projects, and training that goes on.
    pub keep: &'static keep::Keep,
    /// Recipes.
    pub link: &'static link::Link,
    /// Studio models.
    pub models: &'static models::Models,
    /// Many pictures.
    pub many: &'static many::Many,
    /// Galleries.
    pub gallery: &'static gallery::Gallery,
}

/// The tools that load a file, and why others do not, or not all of it.
fn loading(tools: &[ToolVerdict]) -> (Vec<&str>, Vec<(&str, &str)>) {
    let loads = tools.iter().filter(|tool| tool.problem.is_none());
    let others = tools.iter();
    let others = others.filter_map(|tool| Some((tool.tool.as_str(), tool.problem.as_deref()?)));
    (
        loads.map(|tool| tool.tool.as_str()).collect(),
        others.collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_opens_with_the_words_it_begins_with() {
        let index = include_str!("../../../../www/index.html");
        for words in [en::EN.title, en::EN.lead, en::EN.document_title] {
            assert!(index.contains(&format!(">{words}<")), "{words}");
        }
    }

    #[test]
    fn the_first_language_spoken_is_taken() {
        let first = |tags: &[&str]| Language::first_of(tags.iter().map(|t| (*t).to_owned()));
        assert_eq!(first(&["fr-FR", "de-AT", "en"]), Language::German);
        assert_eq!(first(&["EN-gb", "de"]), Language::English);
        assert_eq!(first(&["fr"]), Language::English);
        assert_eq!(first(&[]), Language::English);
    }
}

use atelier_protocol::{Learns, Outcome, Stage};

use super::{Strings, loading};
use crate::format::{Span, loss, megabytes, number, shortened, size, span};

pub static EN: Strings = Strings {
    name: "Atelier",
    document_title: "Atelier: new pictures in your own hand",
    skip: "Skip to the works",
    title: "New pictures in your own hand.",
    lead: "Drop in works of yours. This page learns from them on your own graphics card, and draws new ones as you would.",
    private: "Nothing is uploaded. Your works, what is learned from them and what you make stay on this machine.",
    footer: "Pictures a model makes are not your works; your works stay yours. What this page learns is a small file that only you have.",
    drop_here: "Drop to add them",
    dismiss: "Dismiss",
    details: "Details",
    stop: "Stop",
    stopping: "Stopping …",
    would_lose: "What was learned has not been saved.",
    language: "Language",

    welcome_steps: [
        ("Drop in works", "Five or more of your own, by one hand."),
        (
            "Let it learn",
            "Minutes, on your own graphics card. What it learned is a small file, yours to keep.",
        ),
        (
            "Make pictures",
            "Say what to draw, and see it in your hand beside the model’s own.",
        ),
    ],
    example: "A finished example",
    example_works: |n, author| format!("{} by {author}", works(n)),
    example_drawn: |n| format!("Drawn by this page, after {} of learning", steps(n)),
    example_picture: |prompt| format!("{prompt}, drawn by this page"),
    example_run: "Run this example here",
    example_running: "The example is under way …",
    example_what: "One press: the works come in, your graphics card learns from them, and the pictures are drawn anew.",
    how: "How it works, and what it cannot do",
    how_page: "how.html",

    requests_see: "See every request",
    requests_title: "What left this machine",
    requests_lead: "Every request of this visit, as the browser recorded it. Each asked for a file, as opening any page does, and carried nothing of yours.",
    requests_guarded: "Two locks see to it: the page’s policy (Content-Security-Policy), by which the browser lets the page reach no address but its own and the Hub of models (huggingface.co), and the gatekeeper, a part of the page between it and the network, which lets nothing through but plain requests for this site’s files, and for those of a model that you ask for by name.",
    requests_unguarded: "The page’s policy (Content-Security-Policy) sees to it: by it the browser lets the page reach no address but its own and, for models that you ask for by name, their Hub (huggingface.co). This browser has not started the page’s gatekeeper, the second lock, so the page does not work without a network here.",
    requests_host: "Whoever hosts this page sees what every host sees: your network address, your browser’s name and language, and which of these files were asked for. The browser itself also looks now and then whether there is a newer version (sw.js).",
    requests_sum: |own, others, stopped, bytes| {
        let mut sum = format!(
            "{} to this page’s own address, {} to any other. {} came in.",
            requests(own),
            if others == 0 {
                "none".to_owned()
            } else {
                others.to_string()
            },
            size(bytes),
        );
        if stopped > 0 {
            sum += &format!(" {} stopped before leaving.", requests(stopped));
        }
        sum
    },
    requests_address: "Address",
    requests_by: "Asked by",
    requests_came: "Came in",
    who_page: "page",
    who_engine: "engine",
    who_library: "library of models",
    who_gatekeeper: "gatekeeper",
    from_copy: "from the copy here",
    was_stopped: "stopped",
    came: size,
    kept: |kept, of| {
        if kept == of {
            format!(
                "All {of} files of this page are kept on this machine: it opens, trains and draws without a network too."
            )
        } else {
            format!("{kept} of {of} files of this page are kept on this machine so far.")
        }
    },
    update_ready: "A newer version of this page is here. It takes over when you load the page again.",
    update_now: "Load it now",
    update_other_tabs: "This page is open in another tab, too. Close that one first.",

    time_left: |seconds| {
        Some(match span(seconds)? {
            Span::Seconds(s) if s <= 2 => "almost done".to_owned(),
            other => format!("{} left", time(other)),
        })
    },
    about: |seconds| span(seconds).map(|s| format!("about {}", time(s))),
    stage: |stage, done, total| match (stage, total) {
        (Stage::Download, 0) => "Loading the model".to_owned(),
        (Stage::Download, _) => format!(
            "Loading the model, {} of {} MB",
            megabytes(done),
            megabytes(total)
        ),
        (Stage::Warmup, _) => "Warming up the graphics card".to_owned(),
        (Stage::Prepare, 0) => "Looking at the works".to_owned(),
        (Stage::Prepare, _) => format!("Looking at the works, {done} of {total}"),
    },
    steps,
    step_of: |step, steps| format!("Step {step} of {steps}"),

    status_starting: "Starting",
    status_loading: "Loading the model",
    status_ready: "Ready",
    status_unsupported: "Cannot run here",
    status_model_failed: "The model is missing",
    status_lost: "Stopped",
    software: "This browser calculates without a graphics card. Everything works, but slowly: expect minutes where a graphics card needs seconds. A browser with hardware acceleration turned on is faster by far.",
    software_short: "without a graphics card",
    model_failed_title: "The model could not be loaded",
    try_again: "Try again",
    lost_title: "The engine stopped",
    lost_kept: "Your works, captions, settings, pictures and finished adapters are still here.",
    restart: "Start again",
    restart_engine: "Start the engine again",
    reload_model: "Load the model again",
    engine_crashed: |reason| {
        if reason.is_empty() {
            "The engine could not be started. Check the connection, then start again; if that does not help, reload the page.".to_owned()
        } else {
            format!(
                "The engine stopped working and said: “{}”. Start it again; if that does not help, close other pages that use the graphics card.",
                reason.trim()
            )
        }
    },
    unsupported_title: "This browser cannot run Atelier yet",
    unsupported_insecure: "The page was opened over an insecure connection. Browsers allow the graphics card only on https:// addresses and on localhost: open it there.",
    unsupported_needs: "Atelier trains on your own graphics card through WebGPU, a part of newer browsers. Any of these has it:",
    unsupported_ways: &[
        "Chrome or Edge, version 113 or newer, on Windows, macOS or ChromeOS; 121 or newer on Android.",
        "Safari 26 or newer, on a Mac, iPad or iPhone.",
        "Firefox 141 or newer on Windows, 145 or newer on a Mac with Apple silicon.",
        "On Linux, Chrome with Vulkan: turn on “Vulkan” and “Unsafe WebGPU Support” at chrome://flags.",
        "In every one of them: “Use graphics acceleration when available” turned on in the settings, and the graphics driver up to date.",
    ],

    works_title: "Works",
    works_lead: "Five to fifty pictures of one hand. The more they have in common, the fewer it takes.",
    works_rights: "Train only on works that you made or have the right to use.",
    works_count: works,
    drop_title: "Drop your works here",
    drop_hint: "PNG, JPEG or WebP. Dropping a folder and pasting work too.",
    drop_more: "Drop or paste more at any time. Text files of the same name become captions.",
    choose_files: "Choose works",
    choose_folder: "Choose a folder",
    remove: |name| format!("Remove {name}"),
    remove_all: "Remove all",
    caption_of: |name| format!("Caption of {name}"),
    caption_placeholder: "What is on it?",
    crop_of: |name| format!("Crop of {name}"),
    crop_hint: "Drag, or use the arrow keys, to choose the part that is learned",
    trigger: "Trigger phrase",
    trigger_help: |learns| match learns {
        Learns::Style => {
            "Goes with every caption while your hand is learned, and with every prompt once it is: these words call it."
        }
        Learns::Subject => {
            "What the subject is, in English: “my dog” is learned better than a name alone. Goes with every caption while it is learned, and with every prompt once it is."
        }
    },
    trigger_default: |learns| match learns {
        Learns::Style => "in this style",
        Learns::Subject => "my character",
    },
    learns: "What these works have in common",
    learns_style: "A hand",
    learns_style_what: "How they are drawn, whatever is on them.",
    learns_subject: "A subject",
    learns_subject_what: "Someone or something that is on each of them. Captions say the rest.",
    file_refused: |name, message| format!("{name}: {message}"),
    file_too_large: "The file is larger than 256 MB. Save the picture at a smaller size and drop it in again.",
    file_unreadable: "The browser could not read the file. It may have been moved or deleted; drop it in again.",
    try_samples: "Try with sample works",
    fetching_samples: "Fetching sample works …",
    sample_missing: "This sample work could not be fetched. The others will do.",
    sample_set: |title, author, n| format!("{title}, {author} ({})", works(n)),
    sample_credit: |title, author, licence| {
        format!("Sample works: {title}, by {author} ({licence}).")
    },
    source: "Source",

    train_title: "Train",
    train_lead: "The page looks at your works again and again, and learns a small adapter that turns the model towards your hand.",
    presets: "How long to train",
    quick: "Quick",
    quick_what: "A first impression.",
    balanced: "Balanced",
    balanced_what: "Good for most works.",
    thorough: "Thorough",
    thorough_what: "Closer to the hand; best with twenty works or more.",
    own_settings: "With settings of your own. Choose one of the three to go back.",
    train: |learns| match learns {
        Learns::Style => "Learn my hand",
        Learns::Subject => "Learn my subject",
    },
    train_needs_works: "Add works first",
    train_needs_engine: "Waiting for the model …",
    train_reads_works: "Reading the works …",
    train_waits: "Waiting for the picture …",
    few_works: "It will try with fewer than five works, but more will show it what they have in common.",
    training_started: "Training has begun.",
    training_starts: "Getting ready to train",
    training_ended: |outcome, n| match outcome {
        Outcome::Finished => format!("Done after {}", steps(n)),
        Outcome::Stopped => format!("Stopped after {}", steps(n)),
        Outcome::Failed => format!("Ended early, after {}", steps(n)),
    },
    onward: "Make pictures with it",
    made_lighter: "The graphics card’s memory was not enough, so the settings were turned down a little: the next training takes less of it. It begins anew.",
    too_large: "These settings take as little memory as there is a way to. Choose a smaller model, or a computer whose graphics card has more.",
    training_lost: "The training under way was lost with the engine. Once the engine runs again, start it anew: the works are still here.",
    loss_training: "Loss in training, smoothed",
    loss_held_back: "on works held back",
    loss_fixed: "at fixed noise",
    loss_summary: |training, first, latest| {
        let mut said = training.map_or("No training loss yet".to_owned(), |l| {
            format!("Training loss {}", loss(l))
        });
        if let (Some(first), Some(latest)) = (first, latest) {
            said += &format!(
                "; validation loss {} at first, {} now",
                loss(first),
                loss(latest)
            );
        }
        said
    },
    previews: "Previews",
    preview_at: |step| {
        if step == 0 {
            "before".to_owned()
        } else {
            format!("step {step}")
        }
    },
    preview_of: |prompt, step| {
        if step == 0 {
            format!("{prompt}, before training")
        } else {
            format!("{prompt}, after {step} steps")
        }
    },

    steps_label: "Steps",
    steps_help: "How often the adapter is corrected; more takes longer and comes closer, in the end too close.",
    rank: "Rank",
    rank_help: "How much the adapter can hold; larger holds more detail and makes a larger file.",
    alpha: "Alpha",
    alpha_help: "How strongly it speaks, against the rank; equal to the rank is usual.",
    learning_rate: "Learning rate",
    learning_rate_help: "How large each correction is; too large and it falls apart, too small and it learns little.",
    text_encoder_rate: "Text encoder’s rate",
    text_encoder_rate_help: "Lets the model learn new words too, with smaller corrections than its own: 0.00005 is usual, 0 leaves it as it is.",
    batch_size: "Batch size",
    batch_size_help: "How many works it looks at in one step; more is steadier, slower and takes more memory.",
    caption_dropout: "Caption dropout",
    caption_dropout_help: "Share of captions left out (0 to 1), so that the hand is learned without words too.",
    min_snr: "Min-SNR gamma",
    min_snr_help: "Keeps almost noiseless pictures from outweighing the rest; 0 turns it off, other trainers use 5.",
    foretold: |bytes| {
        format!(
            "With these settings it takes about {} of graphics memory.",
            size(bytes)
        )
    },
    accumulate: "Batches a step",
    accumulate_help: "So many batches make one step together: as steady as a larger batch, in the memory of this one, and as much slower.",
    block_checkpointing: "Save memory",
    block_checkpointing_help: "Takes a third longer a step, and much less of the graphics card’s memory.",
    convolutions: "Learn lines and surfaces too",
    convolutions_help: "Adapts the convolutions beside the attention: nearer to your hand, and a larger file.",
    aspect_buckets: "Keep the works’ shapes",
    aspect_buckets_help: "Trains on tall and wide works as they are, not on a square of them; where shapes differ a step takes longer.",
    prior_pictures: "Pictures to stay true to",
    prior_pictures_help: "So many pictures the model draws first and then keeps drawing alike, so that it forgets nothing beside your hand; twice the steps learn as much.",
    preview_every: "Previews every",
    preview_every_help: "Steps between previews; 0 makes none and saves the time.",
    training_seed: "Seed",
    training_seed_help: "The same works, settings and seed give the same adapter.",
    background: "Background",
    background_help: "What is put behind works with transparency.",
    flip: "Mirror works too",
    flip_help: "Doubles what there is to see; off for lettering and wherever left and right matter.",
    preview_prompts_label: "Preview prompts",
    preview_prompts_help: "One a line, without the trigger phrase; each is drawn from a seed that stays the same.",
    preview_prompts: &["a cat", "a house"],

    adapter_title: "Adapter",
    adapter_lead: "What is learned fits into one small .safetensors file. Save it to use it again, here or in other tools.",
    adapter_in_use: "Adapter in use",
    adapter_facts: |info| {
        let trigger = match info.trigger.trim() {
            "" => String::new(),
            trigger => format!("“{trigger}”, "),
        };
        let steps = match info.steps {
            0 => String::new(),
            some => format!(", {}", steps(some)),
        };
        format!("{trigger}rank {}{steps}", info.rank)
    },
    mix_title: "Mix several",
    mix_lead: "More than one hand in a picture: choose how much of each. The mixture is an adapter of its own.",
    mix_go: "Mix them",
    adapter_name: "Name",
    adapter_untitled: "My hand",
    save_adapter: "Save adapter",
    label_title: "What the file says",
    label_lead: "Beside these it says its name, the trigger phrase and how it was trained; never your captions or file names.",
    label_author: "By",
    label_author_help: "Your name, as others shall give it; empty says nothing.",
    label_license: "What others may do with it",
    label_license_help: "A licence, such as CC BY-NC 4.0, or a sentence of yours.",
    loads_in: |tools| {
        let (loads, others) = loading(tools);
        let loads = match &loads[..] {
            [] => "Saved.".to_owned(),
            tools => format!(
                "Saved. With the model it was made for, it loads in {}.",
                tools.join(", ")
            ),
        };
        others.into_iter().fold(loads, |said, (tool, problem)| {
            format!("{said} {tool}: {problem}")
        })
    },
    load_adapter: "Load an adapter",
    adapter_loaded: |title| format!("Adapter {title} is loaded."),
    adapter_needs_engine: "The model is not loaded yet. Load the adapter once it is.",
    adapter_too_large: "The file is larger than 256 MB, which no adapter of this model is. Choose the adapter's own file.",
    not_saved: ", not saved yet",
    download_failed: |name| {
        format!("The browser did not take {name}. Allow downloads for this page, then try again.")
    },

    make_title: "Make",
    make_lead: "Say what to draw. The model as it was and the model with your hand draw it from the same seed, side by side.",
    prompt: "Prompt",
    prompt_placeholder: "A lighthouse on a small island",
    prompt_help: "",
    trigger_added: |trigger| format!("Where your hand draws, “{trigger}” is added by itself."),
    make: "Make a picture",
    make_needs_engine: "Waiting for the model …",
    making_starts: "Getting ready to draw",
    making: |step, steps| format!("Drawing, step {step} of {steps}"),
    picture_ready: "The picture is ready.",
    strength: "Strength of your hand",
    strength_help: "0 is the model as it was; more shows more of your hand, and in the end less of the thing.",
    negative: "Negative prompt",
    negative_help: "What the picture should keep away from.",
    seed: "Seed",
    seed_help: "The same seed and settings give the same picture.",
    roll: "Roll",
    lock_seed: "Keep this seed",
    sampler_steps: "Steps",
    sampler_steps_help: "How often the picture is refined; beyond 30 little changes.",
    guidance: "Guidance",
    guidance_help: "How closely it keeps to the prompt; 1 leaves it free, much more looks harsh.",
    from_base: "Away from the model’s own look",
    from_base_help: "Guidance also leads away from how the model draws by itself, so that the hand shows more. Other tools do without.",
    sampler: "Sampler",
    sampler_help: "The way from noise to picture; each gives slightly other pictures.",
    compare: "Side by side",
    compare_help: "Also draws the model's own picture from the same seed, which takes twice as long.",
    base_side: "The model",
    hand_side: "Your hand",
    picture_of: |prompt, side| format!("{side}: {prompt}"),
    save_picture: "Save picture",
    save_picture_of: |side| format!("Save picture: {side}"),
    recipe: |s| {
        let prompt = if s.prompt.is_empty() {
            String::new()
        } else {
            format!("“{}” · ", shortened(&s.prompt))
        };
        format!(
            "{prompt}seed {} · {} steps · {} · guidance {} · strength {}",
            s.seed,
            s.steps,
            s.sampler.label(),
            number(f64::from(s.guidance_scale)),
            number(f64::from(s.strength)),
        )
    },
    show_again: |prompt| format!("Show again: {prompt}"),

    keep: &super::keep::EN,
    link: &super::link::EN,
    models: &super::models::EN,
    many: &super::many::EN,
    gallery: &super::gallery::EN,
};

fn works(n: usize) -> String {
    if n == 1 {
        "1 work".to_owned()
    } else {
        format!("{n} works")
    }
}

fn steps(n: u32) -> String {
    if n == 1 {
        "1 step".to_owned()
    } else {
        format!("{n} steps")
    }
}

fn time(span: Span) -> String {
    match span {
        Span::Seconds(s) => format!("{s} s"),
        Span::Minutes(m) => format!("{m} min"),
        Span::Hours { hours, minutes: 0 } => format!("{hours} h"),
        Span::Hours { hours, minutes } => format!("{hours} h {minutes} min"),
    }
}

fn requests(n: u32) -> String {
    if n == 1 {
        "1 request".to_owned()
    } else {
        format!("{n} requests")
    }
}

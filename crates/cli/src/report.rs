use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

/// Progress, as a bar or as lines of JSON.
pub struct Report {
    bar: Option<ProgressBar>,
}

impl Report {
    pub fn new(json: bool) -> Self {
        let bar = (!json).then(|| {
            let style = ProgressStyle::with_template(
                "{prefix:9} {wide_bar} {pos}/{len}  {eta} left  {msg}",
            );
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar }
    }

    /// `done` of `total` of `stage`; `message` is short.
    pub fn progress(&self, stage: &'static str, done: u64, total: u64, message: String) {
        if let Some(bar) = &self.bar {
            if bar.prefix() != stage {
                bar.set_prefix(stage);
                bar.reset();
            }
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(message);
        }
    }

    /// A fact for whoever reads the JSON, with its line for people.
    pub fn say(&self, value: Value, line: String) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{value}"),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

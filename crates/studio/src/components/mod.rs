//! What is on the page, a file a component.

mod adapters;
mod app;
mod chapter;
mod crop;
mod engine_trouble;
mod fields;
mod hidden;
mod history;
mod language_choice;
mod leaving;
mod loss_plot;
mod make;
mod make_details;
mod notices;
mod pair;
mod picker;
mod picture_canvas;
mod presets;
mod previews;
mod progress;
mod requests;
mod projects;
mod sample_works;
mod status;
mod train;
mod train_details;
mod train_progress;
mod update;
mod welcome;
mod work_tile;
mod works;

pub use app::App;

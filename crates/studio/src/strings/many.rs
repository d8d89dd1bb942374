//! Words on making many pictures, and on those that were made.

pub struct Many {
    pub what: &'static str,
    pub single: &'static str,
    pub variations: &'static str,
    pub grid: &'static str,
    pub count: &'static str,
    pub count_help: &'static str,
    pub variation: &'static str,
    pub variation_help: &'static str,
    pub strengths: &'static str,
    pub strengths_help: &'static str,
    /// Of how many pictures this is which.
    pub of: fn(u32, u32) -> String,
    pub begins: &'static str,
    pub start_from: &'static str,
    pub start_from_help: &'static str,
    pub starts_from: fn(&str) -> String,
    pub image_strength: &'static str,
    pub image_strength_help: &'static str,
    pub image_away: &'static str,
    pub part: &'static str,
    /// Name of the picture.
    pub paint: fn(&str) -> String,
    pub paint_help: &'static str,
    pub brush: &'static str,
    pub erase: &'static str,
    pub undo: &'static str,
    pub clear: &'static str,
    /// The share that is painted, between 0 and 1.
    pub painted: fn(f32) -> String,
    /// Where the brush is, between 0 and 1 from the left and the top.
    pub brush_at: fn(f32, f32) -> String,
    pub together: &'static str,
    pub favourite: &'static str,
    pub only_favourites: &'static str,
    pub remove: &'static str,
    pub save_all: &'static str,
    pub save_favourites: &'static str,
    pub zip_failed: &'static str,
    pub divider: &'static str,
    pub saved_side: &'static str,
    pub as_made: &'static str,
    pub divider_at: &'static str,
    /// Seed or strength of one of many.
    pub strength: fn(f32) -> String,
    pub history: &'static str,
}

fn percent(part: f32) -> u32 {
    (100.0 * part).round() as u32
}

pub static EN: Many = Many {
    what: "What to make",
    single: "New pictures",
    variations: "Variations around the seed",
    grid: "Prompts by strengths",
    count: "How many",
    count_help: "One after the other, each from the next seed.",
    variation: "How different",
    variation_help: "0 is the same picture, 1 another one.",
    strengths: "Strengths",
    strengths_help: "Each line of the prompt is a row, each strength a column.",
    of: |n, total| format!("picture {n} of {total}"),
    begins: "Beginning",
    start_from: "Start from a picture",
    start_from_help: "Or drop one here. It is made anew in your hand, as far as you say.",
    starts_from: |name| format!("Starts from {name}"),
    image_strength: "Made anew",
    image_strength_help: "Near 0 the picture stays as it is; 1 keeps nothing of it.",
    image_away: "Start from nothing again",
    part: "Only a part of it",
    paint: |name| format!("Paint over {name}"),
    paint_help: "Paint over what is to be made anew; the rest stays as it is. With the keyboard, the arrow keys move the brush and the space bar paints; with shift it paints as it moves.",
    brush: "Brush",
    erase: "Erase",
    undo: "Undo",
    clear: "Clear",
    painted: |share| match share > 0.0 {
        true => format!("{} % of it is made anew.", percent(share).max(1)),
        false => "Nothing is painted, so all of it is made anew.".to_owned(),
    },
    brush_at: |x, y| {
        let [x, y] = [x, y].map(percent);
        format!("Brush at {x} % from the left, {y} % from the top.")
    },
    together: "Made together",
    favourite: "Favourite",
    only_favourites: "Only favourites",
    remove: "Remove picture",
    save_all: "Save all as a zip",
    save_favourites: "Save favourites as a zip",
    zip_failed: "The pictures could not be packed. Close other pages to free memory, then try again.",
    divider: "One over the other",
    saved_side: "Saved as",
    as_made: "it was made",
    divider_at: "Divider between the model and your hand",
    strength: |s| format!("strength {}", crate::format::number(f64::from(s))),
    history: "Pictures",
};

pub static DE: Many = Many {
    what: "Was entstehen soll",
    single: "Neue Bilder",
    variations: "Variationen um den Seed",
    grid: "Prompts mal Stärken",
    count: "Wie viele",
    count_help: "Eins nach dem anderen, jedes mit dem nächsten Seed.",
    variation: "Wie verschieden",
    variation_help: "0 ist dasselbe Bild, 1 ein anderes.",
    strengths: "Stärken",
    strengths_help: "Jede Zeile des Prompts ist eine Reihe, jede Stärke eine Spalte.",
    of: |n, total| format!("Bild {n} von {total}"),
    begins: "Anfang",
    start_from: "Mit einem Bild beginnen",
    start_from_help: "Oder leg eins hierher. Es entsteht neu in deiner Handschrift, so weit du willst.",
    starts_from: |name| format!("Beginnt mit {name}"),
    image_strength: "Neu gemacht",
    image_strength_help: "Nahe 0 bleibt das Bild, wie es ist; 1 behält nichts davon.",
    image_away: "Wieder mit nichts beginnen",
    part: "Nur ein Teil davon",
    paint: |name| format!("{name} übermalen"),
    paint_help: "Übermale, was neu entstehen soll; alles andere bleibt, wie es ist. Mit der Tastatur bewegen die Pfeiltasten den Pinsel, und die Leertaste malt; mit der Umschalttaste malt er, während er sich bewegt.",
    brush: "Pinsel",
    erase: "Radieren",
    undo: "Rückgängig",
    clear: "Leeren",
    painted: |share| match share > 0.0 {
        true => format!("{} % davon entstehen neu.", percent(share).max(1)),
        false => "Nichts ist übermalt, also entsteht alles neu.".to_owned(),
    },
    brush_at: |x, y| {
        let [x, y] = [x, y].map(percent);
        format!("Pinsel bei {x} % von links, {y} % von oben.")
    },
    together: "Zusammen gemacht",
    favourite: "Favorit",
    only_favourites: "Nur Favoriten",
    remove: "Bild entfernen",
    save_all: "Alle als Zip sichern",
    save_favourites: "Favoriten als Zip sichern",
    zip_failed: "Die Bilder ließen sich nicht packen. Schließe andere Seiten, um Speicher frei zu machen, und versuche es noch einmal.",
    divider: "Übereinander",
    saved_side: "Gespeichert",
    as_made: "wie gemacht",
    divider_at: "Trenner zwischen dem Modell und deiner Handschrift",
    strength: |s| {
        format!(
            "Stärke {}",
            crate::format::number(f64::from(s)).replace('.', ",")
        )
    },
    history: "Bilder",
};

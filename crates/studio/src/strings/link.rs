//! Words on recipes: offered by links and files, and given away.

pub struct Link {
    pub offered_by_link: &'static str,
    pub offered_by_file: fn(&str) -> String,
    pub nothing_yet: &'static str,
    pub take_over: &'static str,
    pub take_over_with_adapter: &'static str,
    pub as_work: &'static str,
    pub not_now: &'static str,
    pub taken_over: &'static str,
    pub made_by_model: &'static str,
    pub other_model: fn(&str) -> String,
    pub adapter: &'static str,
    pub adapter_here: fn(&str) -> String,
    pub adapter_travels: fn(&str, f64) -> String,
    pub adapter_missing: fn(&str) -> String,
    pub adapter_at: &'static str,
    pub more_adapters: &'static str,
    pub from_image: &'static str,
    pub other_side: fn(u32) -> String,
    pub copy: &'static str,
    pub copied: fn(usize) -> String,
    pub not_copied: &'static str,
    pub link: &'static str,
    /// Characters it adds, roughly.
    pub with_adapter: fn(u64) -> String,
    pub with_adapter_help: &'static str,
    pub no_recipe: &'static str,
}

pub static EN: Link = Link {
    offered_by_link: "This link carries a picture’s recipe",
    offered_by_file: |name| format!("{name} carries its recipe"),
    nothing_yet: "Nothing is made or fetched until you say so.",
    take_over: "Take over the recipe",
    take_over_with_adapter: "Take over the recipe and its adapter",
    as_work: "Add the picture to the works",
    not_now: "Not now",
    taken_over: "The recipe is taken over. Make the picture when you like.",
    made_by_model: "Model",
    other_model: |name| {
        if name.is_empty() {
            "It was made with another model than the one on this page, so the picture will be another.".to_owned()
        } else {
            format!(
                "It was made with “{name}”, another model than the one on this page, so the picture will be another."
            )
        }
    },
    adapter: "Adapter",
    adapter_here: |title| format!("“{title}”, which you have"),
    adapter_travels: |title, bytes| {
        format!(
            "“{title}”, in the link itself ({})",
            crate::format::size(bytes)
        )
    },
    adapter_missing: |title| {
        format!(
            "“{title}”, which is not here. Ask whoever made the picture for the .safetensors file and load it under Train; without it the model draws by itself."
        )
    },
    adapter_at: "It can be had here:",
    more_adapters: "It was made with several adapters; this page uses the first.",
    from_image: "It was begun from another picture, which the recipe does not hold, so the picture will be another.",
    other_side: |side| {
        format!("It was made {side} pixels wide; this page draws at its model’s own size.")
    },
    copy: "Copy a link to this picture",
    copied: |chars| {
        format!(
            "The link is copied ({chars} characters). It holds the recipe; nothing was uploaded."
        )
    },
    not_copied: "The browser did not let the page copy. Here is the link to copy by hand:",
    link: "Link",
    with_adapter: |chars| {
        format!(
            "With the adapter in the link (adds about {} characters)",
            crate::format::thousands(chars, ',')
        )
    },
    with_adapter_help: "Up to 700,000 fit (rank 4 does). The link gets very long: some mail and chat programs cut it.",
    no_recipe: "This picture’s recipe could not be read, so there is no link to it. Make it again, then share.",
};

pub static DE: Link = Link {
    offered_by_link: "Dieser Link bringt das Rezept eines Bildes",
    offered_by_file: |name| format!("{name} bringt sein Rezept mit"),
    nothing_yet: "Nichts wird gemacht oder geholt, bevor du es sagst.",
    take_over: "Rezept übernehmen",
    take_over_with_adapter: "Rezept und Adapter übernehmen",
    as_work: "Bild zu den Werken legen",
    not_now: "Jetzt nicht",
    taken_over: "Das Rezept ist übernommen. Mach das Bild, wann du magst.",
    made_by_model: "Modell",
    other_model: |name| {
        if name.is_empty() {
            "Es entstand mit einem anderen Modell als dem dieser Seite; das Bild wird also ein anderes.".to_owned()
        } else {
            format!(
                "Es entstand mit „{name}“, einem anderen Modell als dem dieser Seite; das Bild wird also ein anderes."
            )
        }
    },
    adapter: "Adapter",
    adapter_here: |title| format!("„{title}“, den du hast"),
    adapter_travels: |title, bytes| {
        format!("„{title}“, im Link selbst ({})", super::de::size(bytes))
    },
    adapter_missing: |title| {
        format!(
            "„{title}“, der nicht hier ist. Bitte um die .safetensors-Datei und lade sie unter „Trainieren“; ohne sie zeichnet das Modell für sich."
        )
    },
    adapter_at: "Er ist hier zu haben:",
    more_adapters: "Es entstand mit mehreren Adaptern; diese Seite nimmt den ersten.",
    from_image: "Es begann mit einem anderen Bild, das nicht im Rezept steht; das Bild wird also ein anderes.",
    other_side: |side| {
        format!("Es war {side} Pixel breit; diese Seite zeichnet in der Größe ihres Modells.")
    },
    copy: "Link zu diesem Bild kopieren",
    copied: |chars| {
        format!(
            "Der Link ist kopiert ({chars} Zeichen). Er enthält das Rezept; hochgeladen wurde nichts."
        )
    },
    not_copied: "Der Browser ließ die Seite nicht kopieren. Hier ist der Link zum Kopieren:",
    link: "Link",
    with_adapter: |chars| {
        format!(
            "Mit dem Adapter im Link (etwa {} Zeichen mehr)",
            crate::format::thousands(chars, '.')
        )
    },
    with_adapter_help: "Bis zu 700.000 passen hinein (Rang 4 tut es). Der Link wird sehr lang: manche Mail- und Chatprogramme schneiden ihn ab.",
    no_recipe: "Das Rezept dieses Bildes ließ sich nicht lesen, also gibt es keinen Link. Mach es noch einmal und teile es dann.",
};

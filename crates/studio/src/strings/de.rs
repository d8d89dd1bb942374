use atelier_protocol::{Learns, Outcome, Stage};

use super::{Strings, loading};
use crate::format::{self, Span, span};

pub static DE: Strings = Strings {
    name: "Atelier",
    document_title: "Atelier: neue Bilder in deiner eigenen Handschrift",
    skip: "Zu den Werken springen",
    title: "Neue Bilder in deiner eigenen Handschrift.",
    lead: "Leg eigene Werke hinein. Diese Seite lernt auf deiner Grafikkarte von ihnen und zeichnet neue, wie du sie zeichnen würdest.",
    private: "Nichts wird hochgeladen. Deine Werke, das daraus Gelernte und deine Bilder bleiben auf diesem Gerät.",
    footer: "Bilder, die ein Modell macht, sind nicht deine Werke; deine Werke bleiben deine. Was diese Seite lernt, ist eine kleine Datei, die nur du hast.",
    drop_here: "Zum Hinzufügen loslassen",
    dismiss: "Schließen",
    details: "Einzelheiten",
    stop: "Anhalten",
    stopping: "Hält an …",
    would_lose: "Das Gelernte ist noch nicht gespeichert.",
    language: "Sprache",

    welcome_steps: [
        (
            "Werke hineinlegen",
            "Fünf oder mehr eigene, von einer Hand.",
        ),
        (
            "Lernen lassen",
            "Minuten, auf deiner Grafikkarte. Das Gelernte ist eine kleine Datei, und sie gehört dir.",
        ),
        (
            "Bilder machen",
            "Sag, was gezeichnet werden soll, und sieh es in deiner Handschrift neben dem Bild des Modells.",
        ),
    ],
    example: "Ein fertiges Beispiel",
    example_works: |n, author| format!("{} von {author}", works(n)),
    example_drawn: |n| {
        format!(
            "Von dieser Seite gezeichnet, nach {} Lernen",
            steps_dative(n)
        )
    },
    example_picture: |prompt| format!("{prompt}, gezeichnet von dieser Seite"),
    example_run: "Dieses Beispiel hier ausführen",
    example_running: "Das Beispiel läuft …",
    example_what: "Ein Druck: Die Werke kommen herein, deine Grafikkarte lernt aus ihnen, und die Bilder werden neu gezeichnet.",
    how: "Wie es geht und was es nicht kann",
    how_page: "how.de.html",

    requests_see: "Jede Anfrage ansehen",
    requests_title: "Was dieses Gerät verlassen hat",
    requests_lead: "Jede Anfrage dieses Besuchs, wie der Browser sie festgehalten hat. Jede bat um eine Datei, wie beim Öffnen jeder Seite, und trug nichts von dir.",
    requests_guarded: "Zwei Schlösser sorgen dafür: die Regeln der Seite (Content-Security-Policy), nach denen der Browser die Seite nur an ihre eigene Adresse und an den Hub der Modelle (huggingface.co) lässt, und der Torwächter, ein Teil der Seite zwischen ihr und dem Netz, der nur einfache Anfragen nach Dateien dieser Seite durchlässt und nach denen eines Modells, nach dem du mit Namen fragst.",
    requests_unguarded: "Die Regeln der Seite (Content-Security-Policy) sorgen dafür: Nach ihnen lässt der Browser die Seite nur an ihre eigene Adresse und, für Modelle, nach denen du mit Namen fragst, an deren Hub (huggingface.co). Den Torwächter, das zweite Schloss, hat dieser Browser nicht gestartet; ohne Netz geht die Seite hier darum nicht.",
    requests_host: "Wer diese Seite bereitstellt, sieht, was jeder Anbieter sieht: deine Netzadresse, Namen und Sprache deines Browsers und welche dieser Dateien geholt wurden. Der Browser selbst sieht außerdem gelegentlich nach, ob es eine neuere Fassung gibt (sw.js).",
    requests_sum: |own, others, stopped, bytes| {
        let mut sum = format!(
            "{} an die eigene Adresse dieser Seite, {} an eine andere. {} kamen herein.",
            requests(own),
            if others == 0 {
                "keine".to_owned()
            } else {
                others.to_string()
            },
            size(bytes),
        );
        if stopped > 0 {
            sum += &format!(" {} vorher aufgehalten.", requests(stopped));
        }
        sum
    },
    requests_address: "Adresse",
    requests_by: "Gefragt von",
    requests_came: "Kam herein",
    who_page: "Seite",
    who_engine: "Motor",
    who_library: "Bibliothek der Modelle",
    who_gatekeeper: "Torwächter",
    from_copy: "aus der Kopie hier",
    was_stopped: "aufgehalten",
    came: size,
    kept: |kept, of| {
        if kept == of {
            format!(
                "Alle {of} Dateien dieser Seite liegen auf diesem Gerät: Sie öffnet sich, lernt und zeichnet auch ohne Netz."
            )
        } else {
            format!("{kept} von {of} Dateien dieser Seite liegen bisher auf diesem Gerät.")
        }
    },
    update_ready: "Eine neuere Fassung dieser Seite ist da. Sie übernimmt, wenn du die Seite neu lädst.",
    update_now: "Jetzt laden",
    update_other_tabs: "Diese Seite ist noch in einem anderen Tab offen. Schließe ihn zuerst.",

    time_left: |seconds| {
        Some(match span(seconds)? {
            Span::Seconds(s) if s <= 2 => "gleich fertig".to_owned(),
            other => format!("noch {}", time(other)),
        })
    },
    about: |seconds| span(seconds).map(|s| format!("etwa {}", time(s))),
    stage: |stage, done, total| match (stage, total) {
        (Stage::Download, 0) => "Modell wird geladen".to_owned(),
        (Stage::Download, _) => format!(
            "Modell wird geladen, {} von {} MB",
            comma(format::megabytes(done)),
            comma(format::megabytes(total))
        ),
        (Stage::Warmup, _) => "Grafikkarte läuft warm".to_owned(),
        (Stage::Prepare, 0) => "Werke werden angesehen".to_owned(),
        (Stage::Prepare, _) => format!("Werke werden angesehen, {done} von {total}"),
    },
    steps,
    step_of: |step, steps| format!("Schritt {step} von {steps}"),

    status_starting: "Startet",
    status_loading: "Modell wird geladen",
    status_ready: "Bereit",
    status_unsupported: "Läuft hier nicht",
    status_model_failed: "Das Modell fehlt",
    status_lost: "Angehalten",
    software: "Dieser Browser rechnet ohne Grafikkarte. Alles geht, aber langsam: Minuten, wo eine Grafikkarte Sekunden braucht. Mit eingeschalteter Hardwarebeschleunigung ist ein Browser um ein Vielfaches schneller.",
    software_short: "ohne Grafikkarte",
    model_failed_title: "Das Modell konnte nicht geladen werden",
    try_again: "Noch einmal versuchen",
    lost_title: "Der Motor steht still",
    lost_kept: "Deine Werke, Bildtexte, Einstellungen, Bilder und fertigen Adapter sind noch da.",
    restart: "Neu starten",
    restart_engine: "Den Motor neu starten",
    reload_model: "Das Modell noch einmal laden",
    engine_crashed: |reason| {
        if reason.is_empty() {
            "Der Motor ließ sich nicht starten. Prüfe die Verbindung und starte neu; hilft das nicht, lade die Seite neu.".to_owned()
        } else {
            format!(
                "Der Motor ist stehen geblieben und meldet: „{}“. Starte ihn neu; hilft das nicht, schließe andere Seiten, die die Grafikkarte benutzen.",
                reason.trim()
            )
        }
    },
    unsupported_title: "In diesem Browser läuft Atelier noch nicht",
    unsupported_insecure: "Die Seite wurde über eine unsichere Verbindung geöffnet. Browser geben die Grafikkarte nur auf https://-Adressen und auf localhost frei: öffne sie dort.",
    unsupported_needs: "Atelier lernt auf deiner eigenen Grafikkarte, über WebGPU, das neuere Browser mitbringen. Jeder von diesen hat es:",
    unsupported_ways: &[
        "Chrome oder Edge ab Version 113 unter Windows, macOS oder ChromeOS; ab 121 unter Android.",
        "Safari ab Version 26, auf Mac, iPad oder iPhone.",
        "Firefox ab Version 141 unter Windows, ab 145 auf einem Mac mit Apple-Chip.",
        "Unter Linux Chrome mit Vulkan: schalte in chrome://flags „Vulkan“ und „Unsafe WebGPU Support“ ein.",
        "In jedem davon: „Grafikbeschleunigung verwenden, falls verfügbar“ in den Einstellungen eingeschaltet und der Grafiktreiber aktuell.",
    ],

    works_title: "Werke",
    works_lead: "Fünf bis fünfzig Bilder von einer Hand. Je mehr sie gemeinsam haben, desto weniger genügen.",
    works_rights: "Nimm nur Werke, die du selbst gemacht hast oder verwenden darfst.",
    works_count: works,
    drop_title: "Leg deine Werke hier ab",
    drop_hint: "PNG, JPEG oder WebP. Ein Ordner geht auch, ebenso Einfügen.",
    drop_more: "Weitere lassen sich jederzeit ablegen oder einfügen. Textdateien gleichen Namens werden zu Bildtexten.",
    choose_files: "Werke auswählen",
    choose_folder: "Ordner auswählen",
    remove: |name| format!("{name} entfernen"),
    remove_all: "Alle entfernen",
    caption_of: |name| format!("Bildtext zu {name}"),
    caption_placeholder: "Was ist zu sehen?",
    crop_of: |name| format!("Ausschnitt von {name}"),
    crop_hint: "Mit der Maus oder den Pfeiltasten den Teil wählen, der gelernt wird",
    trigger: "Stichwort",
    trigger_help: |learns| match learns {
        Learns::Style => {
            "Begleitet jeden Bildtext beim Lernen und danach jeden Prompt: Mit diesen Worten rufst du deine Handschrift. Englisch, denn das Modell liest Englisch."
        }
        Learns::Subject => {
            "Was das Motiv ist, auf Englisch: „my dog“ wird besser gelernt als nur ein Name. Begleitet jeden Bildtext beim Lernen und danach jeden Prompt."
        }
    },
    trigger_default: |learns| match learns {
        Learns::Style => "in this style",
        Learns::Subject => "my character",
    },
    learns: "Was diese Werke gemeinsam haben",
    learns_style: "Eine Handschrift",
    learns_style_what: "Wie sie gezeichnet sind, gleich was darauf ist.",
    learns_subject: "Ein Motiv",
    learns_subject_what: "Jemand oder etwas, das auf jedem von ihnen ist. Die Bildtexte sagen das Übrige.",
    file_refused: |name, message| format!("{name}: {message}"),
    file_too_large: "Die Datei ist größer als 256 MB. Speichere das Bild kleiner und leg es noch einmal hinein.",
    file_unreadable: "Der Browser konnte die Datei nicht lesen. Vielleicht wurde sie verschoben oder gelöscht; leg sie noch einmal hinein.",
    try_samples: "Mit Beispielwerken probieren",
    fetching_samples: "Beispielwerke werden geholt …",
    sample_missing: "Dieses Beispielwerk ließ sich nicht holen. Es geht auch mit den anderen.",
    sample_set: |title, author, n| format!("{title}, {author} ({})", works(n)),
    sample_credit: |title, author, licence| {
        format!("Beispielwerke: {title}, von {author} ({licence}).")
    },
    source: "Quelle",

    train_title: "Lernen",
    train_lead: "Die Seite sieht deine Werke wieder und wieder an und lernt einen kleinen Adapter, der das Modell zu deiner Handschrift hin dreht.",
    presets: "Wie lange gelernt wird",
    quick: "Kurz",
    quick_what: "Ein erster Eindruck.",
    balanced: "Mittel",
    balanced_what: "Gut für die meisten Werke.",
    thorough: "Gründlich",
    thorough_what: "Näher an der Handschrift; am besten ab zwanzig Werken.",
    own_settings: "Mit eigenen Einstellungen. Wähle eine der drei, um zurückzukehren.",
    train: |learns| match learns {
        Learns::Style => "Meine Handschrift lernen",
        Learns::Subject => "Mein Motiv lernen",
    },
    train_needs_works: "Erst Werke hinzufügen",
    train_needs_engine: "Wartet auf das Modell …",
    train_reads_works: "Werke werden gelesen …",
    train_waits: "Wartet auf das Bild …",
    few_works: "Es geht mit weniger als fünf Werken, aber mehr zeigen besser, was sie gemeinsam haben.",
    training_started: "Das Lernen hat begonnen.",
    training_starts: "Das Lernen wird vorbereitet",
    training_ended: |outcome, n| match outcome {
        Outcome::Finished => format!("Fertig nach {}", steps_dative(n)),
        Outcome::Stopped => format!("Angehalten nach {}", steps_dative(n)),
        Outcome::Failed => format!("Vorzeitig beendet, nach {}", steps_dative(n)),
    },
    onward: "Bilder damit machen",
    made_lighter: "Der Speicher der Grafikkarte reichte nicht, darum sind die Einstellungen etwas heruntergesetzt: Das nächste Lernen braucht weniger davon. Es beginnt von vorn.",
    too_large: "Mit weniger Speicher als bei diesen Einstellungen geht es nicht. Nimm ein kleineres Modell oder einen Rechner, dessen Grafikkarte mehr hat.",
    training_lost: "Das laufende Lernen ging mit dem Motor verloren. Läuft er wieder, beginne es neu: Die Werke sind noch da.",
    loss_training: "Verlust beim Lernen, geglättet",
    loss_held_back: "an zurückgehaltenen Werken",
    loss_fixed: "bei festem Rauschen",
    loss_summary: |training, first, latest| {
        let mut said = training.map_or("Noch kein Verlust".to_owned(), |l| {
            format!("Verlust beim Lernen {}", comma(format::loss(l)))
        });
        if let (Some(first), Some(latest)) = (first, latest) {
            said += &format!(
                "; Prüfverlust anfangs {}, jetzt {}",
                comma(format::loss(first)),
                comma(format::loss(latest))
            );
        }
        said
    },
    previews: "Vorschau",
    preview_at: |step| {
        if step == 0 {
            "vorher".to_owned()
        } else {
            format!("Schritt {step}")
        }
    },
    preview_of: |prompt, step| {
        if step == 0 {
            format!("{prompt}, vor dem Lernen")
        } else {
            format!("{prompt}, nach {}", steps_dative(step))
        }
    },

    steps_label: "Schritte",
    steps_help: "Wie oft der Adapter verbessert wird; mehr dauert länger und kommt näher heran, am Ende zu nah.",
    rank: "Rang",
    rank_help: "Wie viel der Adapter fasst; ein höherer hält mehr Einzelheiten und macht die Datei größer.",
    alpha: "Alpha",
    alpha_help: "Wie kräftig er spricht, gemessen am Rang; üblich ist derselbe Wert.",
    learning_rate: "Lernrate",
    learning_rate_help: "Wie groß jede Verbesserung ist; zu groß, und es zerfällt, zu klein, und es lernt wenig.",
    text_encoder_rate: "Rate des Textkodierers",
    text_encoder_rate_help: "Lässt das Modell auch neue Wörter lernen, mit kleineren Verbesserungen als sonst: üblich ist 0,00005, bei 0 bleibt er, wie er ist.",
    batch_size: "Stapelgröße",
    batch_size_help: "Wie viele Werke ein Schritt ansieht; mehr ist ruhiger, langsamer und braucht mehr Speicher.",
    caption_dropout: "Ohne Bildtext",
    caption_dropout_help: "Anteil der weggelassenen Bildtexte (0 bis 1), damit die Handschrift auch ohne Worte gelernt wird.",
    min_snr: "Min-SNR-Gamma",
    min_snr_help: "Verhindert, dass fast rauschfreie Bilder alles andere überwiegen; 0 schaltet es aus, andere Programme nehmen 5.",
    foretold: |bytes| {
        format!(
            "Mit diesen Einstellungen braucht es etwa {} Grafikspeicher.",
            size(bytes)
        )
    },
    accumulate: "Stapel je Schritt",
    accumulate_help: "So viele Stapel machen zusammen einen Schritt: so ruhig wie ein größerer Stapel, im Speicher von diesem, und um so viel langsamer.",
    block_checkpointing: "Speicher sparen",
    block_checkpointing_help: "Ein Schritt dauert ein Drittel länger und braucht viel weniger Speicher der Grafikkarte.",
    convolutions: "Auch Linien und Flächen lernen",
    convolutions_help: "Passt neben der Aufmerksamkeit auch die Faltungen an: näher an deiner Hand, aber eine größere Datei.",
    aspect_buckets: "Form der Werke behalten",
    aspect_buckets_help: "Lernt von hohen und breiten Werken, wie sie sind, und nicht von einem Quadrat daraus; wo die Formen verschieden sind, dauert ein Schritt länger.",
    prior_pictures: "Bilder, die gleich bleiben",
    prior_pictures_help: "So viele Bilder zeichnet das Modell zuerst und dann weiter so, damit es neben deiner Hand nichts vergisst; mit doppelt so vielen Schritten lernt es ebenso viel.",
    preview_every: "Vorschau alle",
    preview_every_help: "Schritte zwischen zwei Vorschauen; 0 macht keine und spart die Zeit.",
    training_seed: "Startzahl",
    training_seed_help: "Gleiche Werke, Einstellungen und Startzahl ergeben denselben Adapter.",
    background: "Hintergrund",
    background_help: "Was hinter Werke mit durchsichtigen Stellen kommt.",
    flip: "Werke auch gespiegelt",
    flip_help: "Verdoppelt, was es zu sehen gibt; ausschalten bei Schrift und wo es auf links und rechts ankommt.",
    preview_prompts_label: "Prompts der Vorschau",
    preview_prompts_help: "Einer je Zeile, ohne Stichwort und auf Englisch; jeder wird immer mit derselben Startzahl gezeichnet.",
    preview_prompts: &["a cat", "a house"],

    adapter_title: "Adapter",
    adapter_lead: "Was gelernt wurde, passt in eine kleine .safetensors-Datei. Speichere sie, um sie hier oder in anderen Programmen wieder zu benutzen.",
    adapter_in_use: "Benutzter Adapter",
    adapter_facts: |info| {
        let trigger = match info.trigger.trim() {
            "" => String::new(),
            trigger => format!("„{trigger}“, "),
        };
        let steps = match info.steps {
            0 => String::new(),
            some => format!(", {}", steps(some)),
        };
        format!("{trigger}Rang {}{steps}", info.rank)
    },
    mix_title: "Mehrere mischen",
    mix_lead: "Mehr als eine Handschrift in einem Bild: wähle, wie viel von jeder. Die Mischung ist ein eigener Adapter.",
    mix_go: "Mischen",
    adapter_name: "Name",
    adapter_untitled: "Meine Handschrift",
    save_adapter: "Adapter speichern",
    label_title: "Was die Datei sagt",
    label_lead: "Daneben sagt sie ihren Namen, das Stichwort und wie gelernt wurde; nie deine Bildtexte oder Dateinamen.",
    label_author: "Von",
    label_author_help: "Dein Name, wie andere ihn nennen sollen; leer sagt nichts.",
    label_license: "Was andere damit tun dürfen",
    label_license_help: "Eine Lizenz, etwa CC BY-NC 4.0, oder ein Satz von dir.",
    loads_in: |tools| {
        let (loads, others) = loading(tools);
        let loads = match &loads[..] {
            [] => "Gespeichert.".to_owned(),
            tools => format!(
                "Gespeichert. Mit dem Modell, für das er gemacht ist, öffnen ihn {}.",
                tools.join(", ")
            ),
        };
        others.into_iter().fold(loads, |said, (tool, problem)| {
            format!("{said} {tool}: {problem}")
        })
    },
    load_adapter: "Adapter laden",
    adapter_loaded: |title| format!("Der Adapter {title} ist geladen."),
    adapter_needs_engine: "Das Modell ist noch nicht geladen. Lade den Adapter, sobald es da ist.",
    adapter_too_large: "Die Datei ist größer als 256 MB, und so groß ist kein Adapter dieses Modells. Wähle die Datei des Adapters selbst.",
    not_saved: ", noch nicht gespeichert",
    download_failed: |name| {
        format!(
            "Der Browser hat {name} nicht angenommen. Erlaube Downloads für diese Seite und versuche es noch einmal."
        )
    },

    make_title: "Machen",
    make_lead: "Sag, was gezeichnet werden soll. Das Modell allein und das Modell mit deiner Handschrift zeichnen es mit derselben Startzahl, nebeneinander.",
    prompt: "Prompt",
    prompt_placeholder: "A lighthouse on a small island",
    prompt_help: "Das Modell liest Englisch.",
    trigger_added: |trigger| {
        format!("Wo deine Handschrift zeichnet, kommt „{trigger}“ von selbst dazu.")
    },
    make: "Ein Bild machen",
    make_needs_engine: "Wartet auf das Modell …",
    making_starts: "Das Zeichnen wird vorbereitet",
    making: |step, steps| format!("Zeichnet, Schritt {step} von {steps}"),
    picture_ready: "Das Bild ist fertig.",
    strength: "Stärke deiner Handschrift",
    strength_help: "0 ist das Modell, wie es war; mehr zeigt mehr von deiner Handschrift und am Ende weniger vom Ding.",
    negative: "Negativer Prompt",
    negative_help: "Wovon sich das Bild fernhalten soll.",
    seed: "Startzahl",
    seed_help: "Gleiche Startzahl und Einstellungen ergeben dasselbe Bild.",
    roll: "Würfeln",
    lock_seed: "Diese Startzahl behalten",
    sampler_steps: "Schritte",
    sampler_steps_help: "Wie oft das Bild verfeinert wird; ab 30 ändert sich wenig.",
    guidance: "Führung",
    guidance_help: "Wie genau es sich an den Prompt hält; 1 lässt ihm freie Hand, viel mehr wirkt hart.",
    from_base: "Weg vom eigenen Aussehen des Modells",
    from_base_help: "Die Führung lenkt auch davon weg, wie das Modell von sich aus zeichnet, damit die Handschrift mehr zu sehen ist. Andere Werkzeuge tun das nicht.",
    sampler: "Sampler",
    sampler_help: "Der Weg vom Rauschen zum Bild; jeder führt zu etwas anderen Bildern.",
    compare: "Nebeneinander",
    compare_help: "Zeichnet mit derselben Startzahl auch das Bild des Modells allein; das dauert doppelt so lange.",
    base_side: "Das Modell",
    hand_side: "Deine Handschrift",
    picture_of: |prompt, side| format!("{side}: {prompt}"),
    save_picture: "Bild speichern",
    save_picture_of: |side| format!("Bild speichern: {side}"),
    recipe: |s| {
        let prompt = if s.prompt.is_empty() {
            String::new()
        } else {
            format!("„{}“ · ", format::shortened(&s.prompt))
        };
        format!(
            "{prompt}Startzahl {} · {} · {} · Führung {} · Stärke {}",
            s.seed,
            steps(s.steps),
            s.sampler.label(),
            comma(format::number(f64::from(s.guidance_scale))),
            comma(format::number(f64::from(s.strength))),
        )
    },
    show_again: |prompt| format!("Wieder zeigen: {prompt}"),

    keep: &super::keep::DE,
    link: &super::link::DE,
    models: &super::models::DE,
    many: &super::many::DE,
    gallery: &super::gallery::DE,
};

fn works(n: usize) -> String {
    if n == 1 {
        "1 Werk".to_owned()
    } else {
        format!("{n} Werke")
    }
}

fn steps(n: u32) -> String {
    if n == 1 {
        "1 Schritt".to_owned()
    } else {
        format!("{n} Schritte")
    }
}

/// As after "nach".
fn steps_dative(n: u32) -> String {
    if n == 1 {
        "1 Schritt".to_owned()
    } else {
        format!("{n} Schritten")
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
        "1 Anfrage".to_owned()
    } else {
        format!("{n} Anfragen")
    }
}

/// A number with the comma of German.
fn comma(number: String) -> String {
    number.replace('.', ",")
}

/// As [`format::size`], with the comma that German has before its decimals.
pub(super) fn size(bytes: f64) -> String {
    comma(format::size(bytes))
}

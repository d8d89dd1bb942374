//! Words on Studio models.

use atelier_protocol::{AboutModel, Doing};

use super::de::size as de_size;
use crate::{format::size as en_size, models::UnderWay};

pub struct Models {
    pub title: &'static str,
    pub built_in: &'static str,
    pub in_use: &'static str,
    pub use_it: &'static str,
    /// Model's name.
    pub use_of: fn(&str) -> String,
    pub facts: fn(&AboutModel) -> String,
    /// Bytes that are here, of how many.
    pub part: fn(f64, f64) -> String,
    /// A date.
    pub used: fn(&str) -> String,
    pub unused: &'static str,
    pub go_on: &'static str,
    pub remove: &'static str,
    /// Model's name, bytes.
    pub remove_sure: fn(&str, f64) -> String,
    /// Bytes.
    pub removed: fn(f64) -> String,
    pub doing: fn(&UnderWay) -> String,
    pub kept: fn(&str) -> String,
    pub found: fn(&str) -> String,
    pub offer: &'static str,
    pub licence: fn(Option<&str>) -> String,
    pub its_page: &'static str,
    /// Parameters.
    pub needs: fn(f64) -> String,
    /// Bytes needed, bytes there are.
    pub room: fn(f64, f64) -> String,
    pub fetch: fn(f64) -> String,
    pub copy: fn(f64) -> String,
    pub not_now: &'static str,
    pub add: &'static str,
    pub add_lead: &'static str,
    pub name: &'static str,
    pub look_up: &'static str,
    pub looking: &'static str,
    pub published: &'static str,
    pub from_file: &'static str,
    pub from_folder: &'static str,
    /// What the browser said, which may be nothing.
    pub crashed: fn(&str) -> String,
}

pub static EN: Models = Models {
    title: "Model",
    built_in: "Comes with the page: small, quick, for icons and drawings.",
    in_use: "In use",
    use_it: "Use",
    use_of: |name| format!("Use {name}"),
    facts: |about| format!("{}, {}", about.family.name(), en_size(about.bytes as f64)),
    part: |here, bytes| format!("{} of {} are here", en_size(here), en_size(bytes)),
    used: |date| format!("Last used {date}"),
    unused: "Not used yet",
    go_on: "Go on",
    remove: "Remove",
    remove_sure: |name, bytes| {
        format!(
            "Remove {name} from this machine? That frees {}; to use it again it must be fetched again.",
            en_size(bytes)
        )
    },
    removed: |bytes| format!("The model is removed. That freed {}.", en_size(bytes)),
    doing: |way| {
        let doing = match way.doing {
            Doing::Checking => "Checking",
            Doing::Fetching => "Fetching",
            Doing::Copying => "Copying",
        };
        format!(
            "{doing} {}: {} of {}",
            way.title,
            en_size(way.done as f64),
            en_size(way.total as f64)
        )
    },
    kept: |name| format!("{name} is here, whole and checked."),
    found: |name| format!("{name} was found."),
    offer: "The model that was found",
    licence: |licence| match licence {
        Some(licence) => {
            format!("Licence: {licence}. It says what you may do with the model and what it draws.")
        }
        None => "No licence is named. Make sure that you may use it.".to_owned(),
    },
    its_page: "Its page on the Hub",
    needs: |parameters| {
        format!(
            "It takes at least {} of graphics memory, and more to learn.",
            en_size(2.0 * parameters)
        )
    },
    room: |needed, free| {
        format!(
            "It needs {} on this machine, and the browser has room for {}.",
            en_size(needed),
            en_size(free)
        )
    },
    fetch: |bytes| format!("Fetch {}", en_size(bytes)),
    copy: |bytes| format!("Copy {} into the browser", en_size(bytes)),
    not_now: "Not now",
    add: "Add a model",
    add_lead: "By its name on the Hub (huggingface.co), or from your own files: a .safetensors checkpoint, or a diffusers folder. Looking a model up asks the Hub, which then sees which model you asked for and what every site sees: your network address, your browser’s name and the address of this page. Weights are fetched only when you say so, and once.",
    name: "Name or address on the Hub",
    look_up: "Look it up",
    looking: "Looking …",
    published: "Published models",
    from_file: "Choose a file",
    from_folder: "Choose a folder",
    crashed: |reason| {
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        };
        format!(
            "The part of the page that fetches models stopped{reason}. What has come is kept: reload the page to go on."
        )
    },
};

pub static DE: Models = Models {
    title: "Modell",
    built_in: "Gehört zur Seite: klein, schnell, für Symbole und Zeichnungen.",
    in_use: "In Gebrauch",
    use_it: "Nehmen",
    use_of: |name| format!("{name} nehmen"),
    facts: |about| format!("{}, {}", about.family.name(), de_size(about.bytes as f64)),
    part: |here, bytes| format!("{} von {} sind da", de_size(here), de_size(bytes)),
    used: |date| format!("Zuletzt genommen am {date}"),
    unused: "Noch nicht genommen",
    go_on: "Weiter",
    remove: "Entfernen",
    remove_sure: |name, bytes| {
        format!(
            "{name} von diesem Gerät entfernen? Das macht {} frei; um es wieder zu nehmen, muss es noch einmal geholt werden.",
            de_size(bytes)
        )
    },
    removed: |bytes| {
        format!(
            "Das Modell ist entfernt. {} sind frei geworden.",
            de_size(bytes)
        )
    },
    doing: |way| {
        let doing = match way.doing {
            Doing::Checking => "wird geprüft",
            Doing::Fetching => "wird geholt",
            Doing::Copying => "wird kopiert",
        };
        format!(
            "{} {doing}: {} von {}",
            way.title,
            de_size(way.done as f64),
            de_size(way.total as f64)
        )
    },
    kept: |name| format!("{name} ist da, ganz und geprüft."),
    found: |name| format!("{name} ist gefunden."),
    offer: "Das gefundene Modell",
    licence: |licence| match licence {
        Some(licence) => format!(
            "Lizenz: {licence}. Sie sagt, was du mit dem Modell und seinen Bildern tun darfst."
        ),
        None => {
            "Eine Lizenz ist nicht genannt. Vergewissere dich, dass du es nehmen darfst.".to_owned()
        }
    },
    its_page: "Seine Seite auf dem Hub",
    needs: |parameters| {
        format!(
            "Es braucht mindestens {} Grafikspeicher, zum Lernen mehr.",
            de_size(2.0 * parameters)
        )
    },
    room: |needed, free| {
        format!(
            "Es braucht {} auf diesem Gerät; der Browser hat Platz für {}.",
            de_size(needed),
            de_size(free)
        )
    },
    fetch: |bytes| format!("{} holen", de_size(bytes)),
    copy: |bytes| format!("{} in den Browser kopieren", de_size(bytes)),
    not_now: "Nicht jetzt",
    add: "Ein Modell hinzufügen",
    add_lead: "Mit seinem Namen auf dem Hub (huggingface.co) oder aus deinen Dateien: ein .safetensors-Checkpoint oder ein diffusers-Ordner. Wer nach einem Modell sucht, fragt den Hub; der sieht dann, nach welchem Modell du fragst, und was jede Seite sieht: deine Netzadresse, den Namen deines Browsers und die Adresse dieser Seite. Gewichte werden nur geholt, wenn du es sagst, und nur einmal.",
    name: "Name oder Adresse auf dem Hub",
    look_up: "Suchen",
    looking: "Suche läuft …",
    published: "Veröffentlichte Modelle",
    from_file: "Datei wählen",
    from_folder: "Ordner wählen",
    crashed: |reason| {
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        };
        format!(
            "Der Teil der Seite, der Modelle holt, ist stehen geblieben{reason}. Was da ist, bleibt: lade die Seite neu, um weiterzumachen."
        )
    },
};

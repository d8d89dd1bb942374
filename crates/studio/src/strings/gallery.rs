//! Words on galleries: one that is visited, and one that is published.

use atelier_project::Licence;

use super::de::size as de_size;
use crate::{format, gallery::GalleryError};

pub struct Gallery {
    pub skip: &'static str,
    pub by: fn(&str) -> String,
    pub lead: &'static str,
    pub draw: &'static str,
    pub pictures: &'static str,
    /// Prompt.
    pub picture: fn(&str) -> String,
    pub recipe: &'static str,
    pub take: &'static str,
    pub save: &'static str,
    pub close: &'static str,
    /// What a visitor may do, with the artist's name.
    pub may: fn(Licence, &str) -> String,
    pub deed: fn(&str) -> String,
    pub broken: fn(GalleryError) -> String,
    pub adapter_broken: &'static str,
    pub make_title: &'static str,
    pub make_lead: &'static str,
    pub hand_side: &'static str,
    pub strength: &'static str,
    pub strength_help: &'static str,
    pub trigger_added: fn(&str) -> String,
    pub own_title: &'static str,
    pub own_lead: &'static str,

    pub publish_title: &'static str,
    pub publish_lead: &'static str,
    pub title: &'static str,
    pub artist: &'static str,
    pub choose: &'static str,
    pub chosen: fn(usize, usize) -> String,
    /// Licences in plain words: what it allows.
    pub allows: fn(Licence) -> (&'static str, &'static str),
    pub allow: &'static str,
    pub goes_in: &'static str,
    pub stays: &'static str,
    /// Bytes of page, adapter and pictures.
    pub size: fn([f64; 3]) -> String,
    pub publish: fn(Option<f64>) -> String,
    pub needs_title: &'static str,
    pub needs_artist: &'static str,
    pub needs_pictures: &'static str,
    pub too_many: fn(usize) -> String,
    pub wait: &'static str,
    /// Bytes packed, of how many.
    pub packing: fn(f64, f64) -> String,
    pub done: fn(&str) -> String,
    pub site_unread: &'static str,
    pub not_packed: &'static str,
    /// What search engines and previews of links say.
    pub description: fn(&str) -> String,
}

pub static EN: Gallery = Gallery {
    skip: "Skip to drawing",
    by: |artist| format!("by {artist}"),
    lead: "A model has learned the hand of these pictures. Draw in it yourself: on your own machine, with nothing installed and nothing uploaded.",
    draw: "Draw in this hand",
    pictures: "Pictures",
    picture: |prompt| format!("Show how it was made: {prompt}"),
    recipe: "How it was made",
    take: "Draw from this recipe",
    save: "Save picture",
    close: "Close",
    may: |licence, artist| match licence {
        Licence::Reserved => format!(
            "All rights are {artist}’s: look and try as you like, and ask before you use anything elsewhere."
        ),
        Licence::NonCommercial => format!(
            "You may use and change pictures and adapter, though not for money, and name {artist}."
        ),
        Licence::Attribution => {
            format!(
                "You may use and change pictures and adapter, also for money, and name {artist}."
            )
        }
        Licence::PublicDomain => {
            "You may do with pictures and adapter whatever you like.".to_owned()
        }
    },
    deed: |name| format!("Read {name}"),
    broken: |error| {
        match error {
        GalleryError::Newer => "This gallery was published by a newer Atelier than the page it came with. Ask whoever published it to put up all of its files.".to_owned(),
        GalleryError::Damaged => "The gallery of this page could not be read. Reload the page; if that does not help, ask whoever published it to put up all of its files. Everything else works.".to_owned(),
    }
    },
    adapter_broken: "The gallery’s adapter could not be fetched, so the model draws in its own hand. Reload the page once the connection is back.",
    make_title: "Draw",
    make_lead: "Say what to draw, and it is drawn in the hand of these pictures, on your own machine.",
    hand_side: "This hand",
    strength: "Strength of the hand",
    strength_help: "0 is the model without it; more shows more of the hand, and in the end less of the thing.",
    trigger_added: |trigger| format!("Where the hand draws, “{trigger}” is added by itself."),
    own_title: "Your own hand",
    own_lead: "This page can learn from works of yours, too, and draw as you would.",

    publish_title: "Publish",
    publish_lead: "Make a website of it: your pictures, and this page with your adapter in it, so that whoever visits can draw in your hand at once.",
    title: "Title",
    artist: "Your name",
    choose: "Pictures in the gallery",
    chosen: |n, of| format!("{n} of {of} chosen"),
    allow: "What others may do with pictures and adapter",
    allows: |licence| match licence {
        Licence::Reserved => (
            "Look and try",
            "For anything else they ask you. All rights reserved.",
        ),
        Licence::NonCommercial => (
            "Use them, not for money",
            "They may change them, and must name you.",
        ),
        Licence::Attribution => (
            "Use them for anything",
            "Also for money. They may change them, and must name you.",
        ),
        Licence::PublicDomain => ("Whatever they like", "You give up all rights, for good."),
    },
    goes_in: "What goes in: the chosen pictures with their recipes, your adapter whole (whoever visits can keep it), its trigger phrase, title and name, and this page with its model.",
    stays: "Your works never go in, nor their captions or file names.",
    size: |[page, adapter, pictures]| {
        format!(
            "The folder will have {}: page and model {}, adapter {}, pictures {}.",
            format::size(page + adapter + pictures),
            format::size(page),
            format::size(adapter),
            format::size(pictures)
        )
    },
    publish: |size| match size {
        Some(bytes) => format!("Make the website ({})", format::size(bytes)),
        None => "Make the website".to_owned(),
    },
    needs_title: "Give it a title first",
    needs_artist: "Say whose it is first",
    needs_pictures: "Choose a picture first",
    too_many: |most| format!("Choose {most} pictures at most"),
    wait: "Looking at the files …",
    packing: |done, of| {
        format!(
            "Packing, {} of {} MB",
            format::megabytes(done as u64),
            format::megabytes(of as u64)
        )
    },
    done: |name| {
        format!(
            "{name} is saved. Unzip it and put what is in it on any web host, such as GitHub Pages: there is nothing to set up. To look at it on this machine it needs a web server, too."
        )
    },
    site_unread: "The page’s own files could not be read whole. Reload the page while there is a connection, then publish.",
    not_packed: "The website could not be packed. Close other pages to free memory, then try again.",
    description: |artist| {
        format!(
            "Pictures in the hand of {artist}. Open the page and draw your own in it: in the browser, nothing installed, nothing uploaded."
        )
    },
};

pub static DE: Gallery = Gallery {
    skip: "Zum Zeichnen springen",
    by: |artist| format!("von {artist}"),
    lead: "Ein Modell hat die Handschrift dieser Bilder gelernt. Zeichne selbst darin: auf deinem Gerät, ohne Installation, ohne dass etwas hochgeladen wird.",
    draw: "In dieser Handschrift zeichnen",
    pictures: "Bilder",
    picture: |prompt| format!("Zeigen, wie es entstand: {prompt}"),
    recipe: "Wie es entstand",
    take: "Mit diesem Rezept zeichnen",
    save: "Bild sichern",
    close: "Schließen",
    may: |licence, artist| match licence {
        Licence::Reserved => format!(
            "Alle Rechte liegen bei {artist}: schau und probier, so viel du magst, und frag, bevor du etwas anderswo verwendest."
        ),
        Licence::NonCommercial => format!(
            "Du darfst Bilder und Adapter verwenden und verändern, aber nicht für Geld, und nennst {artist}."
        ),
        Licence::Attribution => format!(
            "Du darfst Bilder und Adapter verwenden und verändern, auch für Geld, und nennst {artist}."
        ),
        Licence::PublicDomain => {
            "Du darfst mit Bildern und Adapter machen, was du willst.".to_owned()
        }
    },
    deed: |name| format!("{name} lesen"),
    broken: |error| {
        match error {
        GalleryError::Newer => "Diese Galerie stammt von einem neueren Atelier als die Seite, mit der sie kam. Bitte darum, dass alle ihre Dateien veröffentlicht werden.".to_owned(),
        GalleryError::Damaged => "Die Galerie dieser Seite ließ sich nicht lesen. Lade die Seite neu; hilft das nicht, bitte darum, dass alle ihre Dateien veröffentlicht werden. Alles andere geht.".to_owned(),
    }
    },
    adapter_broken: "Der Adapter der Galerie ließ sich nicht holen; das Modell zeichnet also in seiner eigenen Handschrift. Lade die Seite neu, sobald die Verbindung steht.",
    make_title: "Zeichnen",
    make_lead: "Sag, was entstehen soll: es wird auf deinem Gerät in der Handschrift dieser Bilder gezeichnet.",
    hand_side: "Diese Handschrift",
    strength: "Stärke der Handschrift",
    strength_help: "0 ist das Modell ohne sie; mehr zeigt mehr von der Handschrift und am Ende weniger vom Ding.",
    trigger_added: |trigger| {
        format!("Wo die Handschrift zeichnet, kommt „{trigger}“ von selbst dazu.")
    },
    own_title: "Deine eigene Handschrift",
    own_lead: "Diese Seite kann auch aus deinen Werken lernen und zeichnen, wie du es tätest.",

    publish_title: "Veröffentlichen",
    publish_lead: "Mach eine Website daraus: deine Bilder und diese Seite mit deinem Adapter, damit alle, die sie besuchen, sofort in deiner Handschrift zeichnen können.",
    title: "Titel",
    artist: "Dein Name",
    choose: "Bilder in der Galerie",
    chosen: |n, of| format!("{n} von {of} gewählt"),
    allow: "Was andere mit Bildern und Adapter dürfen",
    allows: |licence| match licence {
        Licence::Reserved => (
            "Schauen und probieren",
            "Für alles andere fragen sie dich. Alle Rechte vorbehalten.",
        ),
        Licence::NonCommercial => (
            "Verwenden, nicht für Geld",
            "Sie dürfen verändern und müssen dich nennen.",
        ),
        Licence::Attribution => (
            "Für alles verwenden",
            "Auch für Geld. Sie dürfen verändern und müssen dich nennen.",
        ),
        Licence::PublicDomain => ("Was sie wollen", "Du gibst alle Rechte auf, für immer."),
    },
    goes_in: "Was hineinkommt: die gewählten Bilder mit ihren Rezepten, dein Adapter im Ganzen (wer sie besucht, kann ihn behalten), sein Stichwort, Titel und Name, und diese Seite mit ihrem Modell.",
    stays: "Deine Werke kommen nie hinein, auch nicht ihre Beschreibungen oder Dateinamen.",
    size: |[page, adapter, pictures]| {
        format!(
            "Der Ordner wird {} groß: Seite und Modell {}, Adapter {}, Bilder {}.",
            de_size(page + adapter + pictures),
            de_size(page),
            de_size(adapter),
            de_size(pictures)
        )
    },
    publish: |size| match size {
        Some(bytes) => format!("Website machen ({})", de_size(bytes)),
        None => "Website machen".to_owned(),
    },
    needs_title: "Gib ihr erst einen Titel",
    needs_artist: "Sag erst, von wem sie ist",
    needs_pictures: "Wähl erst ein Bild",
    too_many: |most| format!("Wähl höchstens {most} Bilder"),
    wait: "Die Dateien werden angesehen …",
    packing: |done, of| {
        format!(
            "Wird gepackt, {} von {} MB",
            format::megabytes(done as u64),
            format::megabytes(of as u64)
        )
        .replace('.', ",")
    },
    done: |name| {
        format!(
            "{name} ist gesichert. Entpack die Datei und leg, was darin ist, auf einen beliebigen Webspace, etwa GitHub Pages: einzurichten ist nichts. Auch auf diesem Gerät braucht es einen Webserver, um sie anzusehen."
        )
    },
    site_unread: "Die eigenen Dateien der Seite ließen sich nicht ganz lesen. Lade die Seite neu, solange eine Verbindung besteht, und veröffentliche dann.",
    not_packed: "Die Website ließ sich nicht packen. Schließe andere Seiten, um Speicher frei zu machen, und versuche es noch einmal.",
    description: |artist| {
        format!(
            "Bilder in der Handschrift von {artist}. Öffne die Seite und zeichne selbst darin: im Browser, ohne Installation, ohne dass etwas hochgeladen wird."
        )
    },
};

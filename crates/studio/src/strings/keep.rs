//! Words on projects, and on training that is paused and goes on.

use super::de::size as de_size;
use crate::format::size as en_size;

pub struct Keep {
    pub project: &'static str,
    pub untitled: &'static str,
    pub name: &'static str,
    pub switch: &'static str,
    pub new: &'static str,
    pub export: &'static str,
    pub import: &'static str,
    pub delete: &'static str,
    /// Project's name.
    pub delete_sure: fn(&str) -> String,
    pub delete_yes: &'static str,
    pub cancel: &'static str,
    /// Project's name, bytes.
    pub deleted: fn(&str, f64) -> String,
    pub opening: &'static str,
    pub kept: &'static str,
    pub writing: &'static str,
    pub failed: &'static str,
    pub off: &'static str,
    /// Bytes used, and whether the browser has promised to keep them.
    pub room: fn(f64, bool) -> String,
    /// Bytes left.
    pub room_low: fn(f64) -> String,
    pub disk_full: &'static str,
    pub not_written: &'static str,
    pub keeps_nothing: &'static str,
    pub open_elsewhere: &'static str,
    pub export_too_large: &'static str,
    pub export_failed: &'static str,

    pub training_kept: fn(u32) -> String,
    pub was_under_way: fn(u32, u32) -> String,
    pub pause: &'static str,
    pub go_on: &'static str,
    /// Step, of how many.
    pub paused: fn(u32, u32) -> String,
    pub start_over: &'static str,
    pub works_gone: &'static str,
    pub pause_and_make: &'static str,
    pub copies: &'static str,
    pub copies_preview: &'static str,
    pub before_and_now: &'static str,
    pub take_preview: &'static str,
    pub title_paused: &'static str,
    pub title_done: &'static str,
    /// Step when the tab was hidden, and now.
    pub went_on_hidden: fn(u32, u32) -> String,
    pub held_while_hidden: fn(u32) -> String,
}

pub static EN: Keep = Keep {
    project: "Project",
    untitled: "My project",
    name: "Name of the project",
    switch: "Open another project",
    new: "New project",
    export: "Export as a file",
    import: "Import from a file",
    delete: "Delete this project",
    delete_sure: |name| {
        format!(
            "Delete “{name}” with its works, adapters and pictures? Nothing brings them back, unless you export them first."
        )
    },
    delete_yes: "Delete for good",
    cancel: "Cancel",
    deleted: |name, bytes| format!("“{name}” is deleted. That freed {}.", en_size(bytes)),
    opening: "Opening …",
    kept: "Kept on this machine",
    writing: "Keeping …",
    failed: "Not kept",
    off: "Nothing is kept",
    room: |used, persisted| {
        let size = en_size(used);
        if persisted {
            format!("Projects take {size} in this browser, which has promised to keep them.")
        } else {
            format!(
                "Projects take {size} in this browser, which may clear them when the disk runs full. Export what must not be lost."
            )
        }
    },
    room_low: |left| {
        format!(
            "There is room for only {} more on this machine. Export and delete a project, or free space on the disk, before training.",
            en_size(left)
        )
    },
    disk_full: "The disk is full, so the latest changes are on this page only. Export the project or delete another one before you close the page.",
    not_written: "The browser did not keep the latest changes. Export the project before you close the page.",
    keeps_nothing: "This browser keeps nothing for this page, as in a private window. All goes well while the page is open; save adapter and pictures before you close it.",
    open_elsewhere: "That project is open in another tab, and stays there so that the two do not overwrite each other.",
    export_too_large: "The project is larger than 512 MB, too large for one file. Remove works or pictures, then export again.",
    export_failed: "The project could not be packed. Close other pages to free memory, then try again.",

    training_kept: |step| {
        format!(
            "The engine stopped during training. What was learned up to step {step} is safe: once the engine runs again, go on."
        )
    },
    was_under_way: |step, steps| {
        format!(
            "Training was under way: {step} of {steps} steps are done and kept. Go on where it stopped."
        )
    },
    pause: "Pause",
    go_on: "Go on training",
    paused: |step, steps| {
        format!(
            "Paused after {step} of {steps} steps. Try a prompt with what is learned so far, then go on."
        )
    },
    start_over: "Start over",
    works_gone: "Works it was learning from have been removed. Start over with those that are there.",
    pause_and_make: "Pause the training and draw",
    copies: "The loss on works held back has been rising for a while: it has begun to copy single works rather than learn the hand. An earlier preview may be better, and can be taken below; next time take fewer steps, or add works.",
    copies_preview: "The latest previews show a picture that is nearly one of the works, though something else was asked for: it has begun to copy rather than learn the hand. An earlier preview may be better, and can be taken below; next time take fewer steps, or add works.",
    before_and_now: "Between before and now",
    take_preview: "Draw with the hand as it was here",
    title_paused: "Paused",
    title_done: "Done",
    went_on_hidden: |from, to| {
        format!("Training went on while this tab was hidden: from step {from} to step {to}.")
    },
    held_while_hidden: |step| {
        format!(
            "The browser held this tab while it was hidden. Nothing is lost: training goes on from step {step}."
        )
    },
};

pub static DE: Keep = Keep {
    project: "Projekt",
    untitled: "Mein Projekt",
    name: "Name des Projekts",
    switch: "Anderes Projekt öffnen",
    new: "Neues Projekt",
    export: "Als Datei exportieren",
    import: "Aus Datei importieren",
    delete: "Dieses Projekt löschen",
    delete_sure: |name| {
        format!(
            "„{name}“ mit Werken, Adaptern und Bildern löschen? Nichts bringt sie zurück, wenn du sie nicht vorher exportierst."
        )
    },
    delete_yes: "Endgültig löschen",
    cancel: "Abbrechen",
    deleted: |name, bytes| {
        format!(
            "„{name}“ ist gelöscht. {} sind frei geworden.",
            de_size(bytes)
        )
    },
    opening: "Wird geöffnet …",
    kept: "Auf diesem Gerät bewahrt",
    writing: "Wird bewahrt …",
    failed: "Nicht bewahrt",
    off: "Nichts wird bewahrt",
    room: |used, persisted| {
        let size = de_size(used);
        if persisted {
            format!(
                "Projekte belegen {size} in diesem Browser, der versprochen hat, sie zu behalten."
            )
        } else {
            format!(
                "Projekte belegen {size} in diesem Browser, der sie löschen darf, wenn die Platte voll wird. Exportiere, was nicht verloren gehen darf."
            )
        }
    },
    room_low: |left| {
        format!(
            "Auf diesem Gerät ist nur noch Platz für {}. Exportiere und lösche ein Projekt oder schaffe Platz auf der Platte, bevor du trainierst.",
            de_size(left)
        )
    },
    disk_full: "Die Platte ist voll; die letzten Änderungen stehen nur auf dieser Seite. Exportiere das Projekt oder lösche ein anderes, bevor du die Seite schließt.",
    not_written: "Der Browser hat die letzten Änderungen nicht bewahrt. Exportiere das Projekt, bevor du die Seite schließt.",
    keeps_nothing: "Dieser Browser bewahrt für diese Seite nichts, wie in einem privaten Fenster. Solange die Seite offen ist, geht alles; sichere Adapter und Bilder, bevor du sie schließt.",
    open_elsewhere: "Das Projekt ist in einem anderen Tab offen und bleibt dort, damit sich beide nicht überschreiben.",
    export_too_large: "Das Projekt ist größer als 512 MB, zu groß für eine Datei. Entferne Werke oder Bilder und exportiere noch einmal.",
    export_failed: "Das Projekt ließ sich nicht packen. Schließe andere Seiten, um Speicher frei zu machen, und versuche es noch einmal.",

    training_kept: |step| {
        format!(
            "Die Engine ist während des Trainings stehen geblieben. Was bis Schritt {step} gelernt ist, ist sicher: sobald sie wieder läuft, geht es weiter."
        )
    },
    was_under_way: |step, steps| {
        format!(
            "Ein Training war im Gang: {step} von {steps} Schritten sind getan und bewahrt. Mach weiter, wo es stehen blieb."
        )
    },
    pause: "Pause",
    go_on: "Weiter trainieren",
    paused: |step, steps| {
        format!(
            "Pause nach {step} von {steps} Schritten. Probier einen Prompt mit dem bisher Gelernten, dann mach weiter."
        )
    },
    start_over: "Neu beginnen",
    works_gone: "Werke, aus denen gelernt wurde, sind entfernt. Beginne neu mit denen, die da sind.",
    pause_and_make: "Training anhalten und zeichnen",
    copies: "Der Verlust auf zurückgehaltenen Werken steigt seit einer Weile: es beginnt, einzelne Werke zu kopieren, statt die Handschrift zu lernen. Eine frühere Vorschau ist vielleicht besser und lässt sich unten nehmen; nimm nächstes Mal weniger Schritte oder mehr Werke.",
    copies_preview: "In der letzten Vorschau ist ein Bild fast eines der Werke, obwohl etwas anderes verlangt war: es beginnt zu kopieren, statt die Handschrift zu lernen. Eine frühere Vorschau ist vielleicht besser und lässt sich unten nehmen; nimm nächstes Mal weniger Schritte oder mehr Werke.",
    before_and_now: "Zwischen vorher und jetzt",
    take_preview: "Mit der Handschrift von hier zeichnen",
    title_paused: "Pause",
    title_done: "Fertig",
    went_on_hidden: |from, to| {
        format!(
            "Das Training ging weiter, während dieser Tab verdeckt war: von Schritt {from} bis {to}."
        )
    },
    held_while_hidden: |step| {
        format!(
            "Der Browser hat diesen Tab angehalten, während er verdeckt war. Nichts ist verloren: es geht bei Schritt {step} weiter."
        )
    },
};

use leptos::{html, prelude::*};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::store::Picture;

/// Pixels from the engine, as large as its place allows.
#[component]
pub fn PictureCanvas(
    picture: Picture,
    #[prop(into)] label: String,
    #[prop(optional)] testid: &'static str,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let (width, height) = (picture.width, picture.height);
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            draw(&canvas, &picture);
        }
    });
    let testid = Some(testid).filter(|t| !t.is_empty());
    // Where what surrounds it says what it is, it is decoration.
    let label = Some(label).filter(|label| !label.is_empty());
    view! {
        <canvas
            node_ref=canvas
            width=width
            height=height
            role=label.is_some().then_some("img")
            aria-label=label
            data-testid=testid
        ></canvas>
    }
}

fn draw(canvas: &HtmlCanvasElement, picture: &Picture) {
    let data = ImageData::new_with_u8_clamped_array_and_sh(
        Clamped(&picture.rgba),
        picture.width,
        picture.height,
    );
    let context = canvas.get_context("2d").ok().flatten();
    let context = context.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok());
    // A canvas without a context (out of memory) stays blank; its label still says what it is.
    if let (Ok(data), Some(context)) = (data, context) {
        context.put_image_data(&data, 0.0, 0.0).ok();
    }
}

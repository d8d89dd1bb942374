//! Preflight and the device itself.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use atelier_kernels::Tier;
use atelier_protocol::Adapter;
use burn::tensor::Device;
use js_sys::Reflect;

/// Commands put together before they are handed to the GPU. More cost less, fewer answer sooner.
const TASKS_MAX: usize = 64;

/// What went wrong on the device outside of any call's answer: a kernel that does not compile, a
/// buffer that could not be had, the device lost. The first one is kept.
#[derive(Clone, Default)]
pub struct Faults(Rc<RefCell<Noted>>);

#[derive(Default)]
struct Noted {
    first: Option<Fault>,
    waker: Option<Waker>,
}

/// What went wrong, as a sentence.
#[derive(Clone)]
pub struct Fault {
    pub message: String,
    pub out_of_memory: bool,
}

impl Faults {
    pub fn first(&self) -> Option<Fault> {
        self.0.borrow().first.clone()
    }

    /// Ready as soon as there is one.
    pub fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut noted = self.0.borrow_mut();
        if noted.first.is_some() {
            return Poll::Ready(());
        }
        noted.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn note(&self, message: String, out_of_memory: bool) {
        let mut noted = self.0.borrow_mut();
        noted.first.get_or_insert(Fault {
            message,
            out_of_memory,
        });
        if let Some(waker) = noted.waker.take() {
            waker.wake();
        }
    }
}

/// Shares the note of a fault with callbacks that wgpu wants to be `Send`. In the browser there is
/// one thread, the worker's own.
struct OneThread<T>(T);
unsafe impl<T> Send for OneThread<T> {}
unsafe impl<T> Sync for OneThread<T> {}

/// Looks at the adapter, and makes burn's device on it.
///
/// # Errors
/// A sentence or two: what is missing, and what to do.
pub async fn open() -> Result<(Device, Adapter, Faults), String> {
    if Reflect::get(&js_sys::global(), &"navigator".into())
        .and_then(|navigator| Reflect::get(&navigator, &"gpu".into()))
        .map_or(true, |gpu| gpu.is_falsy())
    {
        return Err("This browser has no WebGPU, with which Atelier reaches your graphics card. \
            Open this page in a current Chrome, Edge or Safari, or in Firefox 141 or later on Windows."
            .into());
    }
    let instance = wgpu::Instance::default();
    let adapter = instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        })
        .await
        .map_err(|_| {
            "This browser knows WebGPU but gives no graphics card to use. Turn on hardware \
             acceleration in its settings, update the graphics driver, and start the browser again."
                .to_string()
        })?;
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err("The graphics card or its driver lacks \u{201c}timestamp-query\u{201d}, which the \
            engine needs. Update the graphics driver or the browser, or open this page in another one."
            .into());
    }
    let limits = adapter.limits();
    let needs = [
        (
            u64::from(limits.max_compute_invocations_per_workgroup),
            256,
            "workgroups of 256",
        ),
        (
            u64::from(limits.max_storage_buffers_per_shader_stage),
            8,
            "8 storage buffers a shader",
        ),
        (
            limits.max_storage_buffer_binding_size,
            128 << 20,
            "storage buffers of 128 MiB",
        ),
    ];
    for (has, least, what) in needs {
        if has < least {
            return Err(format!(
                "The graphics card does not allow {what}, which the engine needs. Open this page on \
                 another computer, or in another browser."
            ));
        }
    }
    let info = adapter.get_info();
    drop(adapter);

    let (device, setup) = Device::wgpu_options()
        .tasks_max(TASKS_MAX)
        .init_with_setup_async()
        .await
        .map_err(|error| {
            format!(
                "The graphics card could not be opened ({error}). Close other pages and programs \
                 that use it, then load this page again."
            )
        })?;
    let faults = Faults::default();
    let uncaptured = OneThread(faults.clone());
    setup
        .device
        .on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let OneThread(faults) = &uncaptured;
            match error {
                wgpu::Error::OutOfMemory { .. } => {
                    let message = "The graphics card has not enough free memory for this. Close other \
                                   pages and programs that use it.";
                    faults.note(message.into(), true);
                }
                error => {
                    let error = error.to_string();
                    let reason = error.lines().next().unwrap_or_default();
                    let message =
                        format!("The graphics card did not do what was asked of it ({reason}).");
                    faults.note(message, false);
                }
            }
        }));
    let lost = OneThread(faults.clone());
    // The reason is the browser's, and says nothing that helps: a driver that was updated, a laptop that slept.
    setup.device.set_device_lost_callback(move |_, _| {
        let OneThread(faults) = &lost;
        let message = "The browser took the graphics card away from this page.";
        faults.note(message.into(), false);
    });

    let name = match (info.name.as_str(), info.vendor) {
        ("", _) => "your graphics card".to_string(),
        (name, _) => name.to_string(),
    };
    let tier = Tier::of(&info, setup.device.features());
    tier.choose();
    let software = tier == Tier::Software;
    Ok((device, Adapter { name, software }, faults))
}

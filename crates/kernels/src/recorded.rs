//! Record once, replay: the one place that owns graph capture.
//!
//! In a browser, handing over a step's work kernel by kernel keeps the processor busy for longer than a
//! good graphics card takes to do it (docs/DESIGN.md). A [`Recorded`] computation is run eagerly a few times, captured
//! into a GPU graph, checked against its eager result, and from then on replayed.
//!
//! # The contract
//! A replay runs the recorded kernels against the very buffers of the capture. So:
//! - What changes from run to run comes in through `inputs`, one flat buffer that keeps its place;
//!   the closure cuts it up with [`crate::view`]. Nothing that changes may be a Rust number.
//! - State lives in tensors the closure owns and updates in place with [`crate::adamw`] and
//!   [`crate::write_into`], after [`settle`], with everything that reads the old state before it.
//! - Everything the closure touches is owned by the closure, and so lives as long as the graph.
//! - One thread: the graph is replayed from the thread (burn's stream) that recorded it, which
//!   `Recorded` not being `Send` sees to.
//!
//! Where capture is refused (on the CPU, or when a recorded run does not equal the eager one bit for
//! bit) the closure is run each time instead, with equal results.

use std::{future::poll_fn, pin::pin};

use burn::{
    backend::{Backend, BackendGraph, Dispatch},
    tensor::{Device, Tensor, TensorData},
};
use web_time::{Duration, Instant};

use crate::{KernelError, meter::Watch, write_into};

/// Runs before the capture, at least. The first allocates and compiles; from the second on burn's fusion
/// takes the path that the capture must find warm.
const WARM_UP_RUNS: u32 = 2;
/// And at most. A capture may not allocate, so the runs go on until one has needed no more memory than
/// the one before it: beside another graph, whose memory is not to be touched, that takes some more.
const MOST_WARM_UP_RUNS: u32 = 8;

type Closure = Box<dyn Fn(Tensor<1>) -> Tensor<1>>;

/// A computation from one flat f32 buffer to another, replayed where the device can.
pub struct Recorded {
    device: Device,
    // Before `closure`: a graph is dropped ahead of the tensors it points at.
    graph: Option<BackendGraph<Dispatch>>,
    inputs: Tensor<1>,
    output: Tensor<1>,
    closure: Closure,
    timing: Timing,
}

/// How long the runs of a recording took, for benches and for the page's own estimate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// The last eager run, its result read.
    pub eager: Duration,
    /// The part of it before the processor had handed the work over, which is what a replay saves. (Natively
    /// reading waits for the device, so that it is all of it.)
    pub eager_launch: Duration,
    /// The first replay, its result read; none where the closure is run each time.
    pub replay: Option<Duration>,
    /// As `eager_launch`.
    pub replay_launch: Option<Duration>,
    /// How often recording ran the computation kernel by kernel.
    pub runs: u32,
}

impl Recorded {
    /// Records `closure`, warmed up with `example` inputs. State the closure updates must stay as it
    /// is under these (a step of [`crate::adamw`] that is not active).
    ///
    /// # Errors
    /// When the device fails, or a capture that had begun: what it was to write is lost then, state too. A
    /// device that captures nothing is no error.
    pub async fn new(
        device: &Device,
        example: &[f32],
        closure: impl Fn(Tensor<1>) -> Tensor<1> + 'static,
    ) -> Result<Self, KernelError> {
        let closure: Closure = Box::new(closure);
        let inputs = upload(example, device);
        let dispatch = device.as_dispatch();
        let can_capture = Dispatch::graph_prepare(dispatch).is_ok();

        let watch = Watch::start();
        let slack = slack(device);
        settle(device)?;
        let (mut runs, mut held) = (0, None);
        let eager = loop {
            let run = timed(|| Ok(closure(inputs.clone()))).await?;
            runs += 1;
            let before = held.replace(watch.held());
            if runs == MOST_WARM_UP_RUNS || runs >= WARM_UP_RUNS && before == held {
                break run;
            }
        };
        drop((watch, slack));

        let mut graph = None;
        let mut output = None;
        if can_capture && Dispatch::graph_start_capture(dispatch).is_ok() {
            output = Some(closure(inputs.clone()));
            graph = Some(Dispatch::graph_stop_capture(dispatch)?);
        }
        let mut recorded = Self {
            device: device.clone(),
            output: match (&graph, output) {
                (Some(_), Some(output)) => output,
                _ => closure(inputs.clone()),
            },
            graph,
            inputs,
            closure,
            timing: Timing {
                eager: eager.whole,
                eager_launch: eager.launch,
                runs: runs + 1,
                ..Timing::default()
            },
        };
        if recorded.graph.is_some() {
            let replayed = timed(|| recorded.replay().map(|()| recorded.output.clone())).await?;
            if replayed.result.bytes() == eager.result.bytes() {
                recorded.timing.replay = Some(replayed.whole);
                recorded.timing.replay_launch = Some(replayed.launch);
            } else {
                recorded.graph = None;
            }
        }
        Ok(recorded)
    }

    /// `closure` as it is, run each time with `length` inputs: nothing is recorded.
    pub fn eager(
        device: &Device,
        length: usize,
        closure: impl Fn(Tensor<1>) -> Tensor<1> + 'static,
    ) -> Self {
        Self {
            device: device.clone(),
            graph: None,
            inputs: Tensor::zeros([length], device),
            output: Tensor::zeros([1], device),
            closure: Box::new(closure),
            timing: Timing::default(),
        }
    }

    /// Runs with `inputs` in place of the last ones, without waiting for the device.
    ///
    /// # Errors
    /// When their number differs from the example's, or the device refuses.
    pub fn run(&mut self, inputs: &[f32]) -> Result<(), KernelError> {
        let expected = self.inputs.dims()[0];
        if inputs.len() != expected {
            return Err(KernelError::Inputs {
                expected,
                found: inputs.len(),
            });
        }
        let fresh = upload(inputs, &self.device);
        self.inputs = write_into(self.inputs.clone(), fresh);
        self.replay()
    }

    /// Runs with `inputs` and reads the result: the barrier that keeps a loop from running ahead of
    /// the device.
    pub async fn run_and_read(&mut self, inputs: &[f32]) -> Result<Vec<f32>, KernelError> {
        self.run(inputs)?;
        let data = self.read_data().await?;
        Ok(data.iter::<f32>().collect())
    }

    /// Whether runs are replays of a graph.
    pub fn is_replayed(&self) -> bool {
        self.graph.is_some()
    }

    /// How long the eager and the replayed run took when recording.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    fn replay(&mut self) -> Result<(), KernelError> {
        match &self.graph {
            // Safety: inputs, output and whatever the closure holds are fields of `self` and alive;
            // `self` is neither `Send` nor `Sync`, so all of it happens on the capture's stream.
            Some(graph) => unsafe { Dispatch::graph_replay(self.device.as_dispatch(), graph) }?,
            None => self.output = (self.closure)(self.inputs.clone()),
        }
        Ok(())
    }

    async fn read_data(&self) -> Result<TensorData, KernelError> {
        Ok(self.output.clone().into_data_async().await?)
    }
}

/// A run with its result read, and how long that and its beginning took.
struct Timed {
    result: TensorData,
    launch: Duration,
    whole: Duration,
}

async fn timed(run: impl FnOnce() -> Result<Tensor<1>, KernelError>) -> Result<Timed, KernelError> {
    let start = Instant::now();
    let mut launch = None;
    let mut reading = pin!(run()?.into_data_async());
    // Reading hands over what is still held back, and then waits for the device.
    let result = poll_fn(|context| {
        let read = reading.as_mut().poll(context);
        launch.get_or_insert_with(|| start.elapsed());
        read
    })
    .await?;
    Ok(Timed {
        result,
        launch: launch.unwrap_or_default(),
        whole: start.elapsed(),
    })
}

/// Hands everything so far to the device, in order. Inside a recorded closure, call it between what
/// reads state and what overwrites it: burn's fusion orders operations by the tensors they name and
/// cannot know that two of them share a buffer.
///
/// # Errors
/// When the device refuses.
pub fn settle(device: &Device) -> Result<(), KernelError> {
    Ok(device.flush()?)
}

/// Some memory of each size. A capture takes a little more than a run does, and may not allocate: what is
/// held while the runs warm up and let go before the capture is there for it then. Beside another graph,
/// whose pages are closed, nothing else is.
fn slack(device: &Device) -> Vec<Tensor<1>> {
    let each = SLACK.iter().flat_map(|values| [*values; OF_EACH]);
    each.map(|values| Tensor::zeros([values], device)).collect()
}

const OF_EACH: usize = 4;
/// Values, [`OF_EACH`] times each.
const SLACK: [usize; 7] = [1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18];

/// Bytes of memory that a recording holds for itself.
pub fn slack_bytes() -> u64 {
    (OF_EACH * SLACK.iter().sum::<usize>() * size_of::<f32>()) as u64
}

/// A flat f32 tensor on `device` with these values.
pub fn upload(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

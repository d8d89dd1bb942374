//! What every parser is held to, and the machinery to hold it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A file that must be refused.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
}

pub fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Case {
    Case {
        name: name.into(),
        bytes: bytes.into(),
    }
}

/// A refusal comes this fast; an unoptimized build, some ten times slower,
/// is given five times as long. Tried three times, for a loaded machine may stall any one of them.
const FAST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 200 });
/// Memory a parser may take beside twice its input.
pub const ALLOWANCE: usize = 16 << 20;

/// Asserts that each file is refused as it should be. All failures are shown, not only the first.
pub fn assert_refused(cases: &[Case], parse: impl Fn(&[u8]) -> Result<(), String>) {
    let mut failures = Vec::new();
    for Case { name, bytes } in cases {
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let start = Instant::now();
            let (peak, result) = peak_of(|| catch_unwind(AssertUnwindSafe(|| parse(bytes))));
            fastest = fastest.min(start.elapsed());
            match result {
                Err(_) => failures.push(format!("{name}: panicked")),
                Ok(Ok(())) => failures.push(format!("{name}: accepted")),
                Ok(Err(message)) => {
                    if let Some(fault) = unreadable(&message) {
                        failures.push(format!("{name}: {fault}: {message}"));
                    }
                }
            }
            let allowed = 2 * bytes.len() + ALLOWANCE;
            if peak > allowed {
                failures.push(format!("{name}: took {peak} bytes, {allowed} allowed"));
            }
            if fastest <= FAST {
                break;
            }
        }
        if fastest > FAST {
            failures.push(format!("{name}: took {fastest:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What keeps a message from being shown to an artist, if anything.
pub fn unreadable(message: &str) -> Option<&'static str> {
    if message.len() < 20 || message.len() > 500 {
        return Some("too short or too long");
    }
    if !message.ends_with('.') {
        return Some("no sentence");
    }
    if !message.starts_with(|c: char| c.is_uppercase() || c.is_numeric()) {
        return Some("does not begin as a sentence");
    }
    if message.chars().any(char::is_control) {
        return Some("control characters");
    }
    if message.contains("Some(") || message.contains("Error {") {
        return Some("a programmer's words");
    }
    None
}

/// Parses mutations of `seeds` for two seconds, or `ATELIER_FUZZ_SECONDS`. `run` panics when it finds
/// a fault.
pub fn fuzz(seeds: &[Vec<u8>], run: impl Fn(&[u8])) {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let only = variable("ATELIER_FUZZ_RUN");
    let seconds = variable("ATELIER_FUZZ_SECONDS").unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut number = only.unwrap_or(0);
    loop {
        let bytes = mutation(seeds, number);
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        let took = start.elapsed();
        assert!(
            result.is_ok() && took < Duration::from_secs(20),
            "run {number} ({} bytes, {took:?}) failed; ATELIER_FUZZ_RUN={number} runs it alone",
            bytes.len()
        );
        number += 1;
        if only.is_some() || Instant::now() >= end {
            break;
        }
    }
    println!("{number} runs");
}

/// The `number`th mutation: the same on every machine.
pub fn mutation(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        // Headers are where the decisions are: half of all changes go there.
        let reach = if random.below(2) == 0 {
            bytes.len().min(256)
        } else {
            bytes.len()
        };
        let at = random.below(reach);
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => {
                bytes[at] =
                    [0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'"', b'{', b'}', b'-'][random.below(11)]
            }
            3 => bytes.truncate(at),
            4 => {
                let value = [0u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX][random.below(5)];
                for (to, from) in bytes[at..].iter_mut().zip(value.to_be_bytes()) {
                    *to = from;
                }
            }
            5 => bytes.insert(at, random.next() as u8),
            6 => {
                let end = (at + random.below(64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Runs `work` and says how much memory its thread held at most, beyond what it held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (usize::try_from(PEAK.get() - before).unwrap_or(0), result)
}

struct Counting;

thread_local! {
    // Constant and without a destructor, so that the allocator may use them at any time.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    let held = HELD.get() + change;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    // `realloc` may hold both at once: the provided one, which allocates and copies, counts so.
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

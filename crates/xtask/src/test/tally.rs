use std::{fmt, ops::AddAssign};

/// How many tests passed, failed and were skipped, read from what the runners print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    pub fn one(passed: bool) -> Self {
        Self {
            passed: passed.into(),
            failed: (!passed).into(),
            skipped: 0,
        }
    }

    /// Something ran, and nothing failed.
    pub fn good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    /// A runner that failed without a failed test (it did not compile, it crashed) counts as one.
    pub fn held_to(mut self, succeeded: bool) -> Self {
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// `test result: ok. 5 passed; 0 failed; 1 ignored; ...`, one for each test program.
    pub fn read_cargo(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        for count in counts.split([';', '.']) {
            let mut words = count.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.skipped += number,
                _ => {}
            }
        }
    }

    /// `ℹ pass 5`, once a run.
    pub fn read_node(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ℹ" | "#", what, number] = words[..] else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        match what {
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.skipped += number,
            _ => {}
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_understood() {
        let mut tally = Tally::default();
        tally.read_cargo("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s");
        tally.read_cargo(
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        tally.read_cargo("test tests::it ... ok");
        tally.read_node("ℹ tests 4");
        tally.read_node("ℹ pass 3");
        tally.read_node("ℹ fail 1");
        tally.read_node("ℹ duration_ms 1234.5");
        assert_eq!(tally.to_string(), "10 passed, 4 failed, 1 skipped");
        assert!(!tally.good());
    }

    #[test]
    fn a_crash_is_a_failure_and_nothing_run_is_not_a_success() {
        assert_eq!(Tally::default().held_to(false), Tally::one(false));
        assert_eq!(Tally::one(true).held_to(true), Tally::one(true));
        assert!(!Tally::default().good());
    }
}

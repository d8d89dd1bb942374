use std::fmt::{self, Display};

/// A recipe as A1111's web UI writes it under `parameters`: the prompt, the negative prompt on a
/// line of its own, then one line of `Name: value` pairs.
///
/// Source: `create_infotext` and `parse_generation_parameters` in A1111's `modules/`. The prompt
/// may call an adapter by `<lora:name:0.8>`, as other tools expect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    pub prompt: String,
    pub negative_prompt: String,
    pub steps: Option<u32>,
    /// By its usual name, for example "DPM++ 2M Karras".
    pub sampler: Option<String>,
    pub guidance_scale: Option<f32>,
    pub seed: Option<u64>,
    /// Width and height, in pixels.
    pub size: Option<(u32, u32)>,
    pub model: Option<String>,
    /// Name and hash of each adapter.
    pub lora_hashes: Vec<(String, String)>,
}

const NEGATIVE: &str = "Negative prompt: ";

impl Parameters {
    /// Reads as much as can be understood; the rest of the last line is passed over. Text without
    /// such a line is all prompt.
    pub fn parse(text: &str) -> Parameters {
        let text = text.trim();
        let (body, pairs) = match text.rsplit_once('\n') {
            Some((body, last)) if last.starts_with("Steps: ") => (body, pairs(last)),
            None if text.starts_with("Steps: ") => ("", pairs(text)),
            _ => (text, Vec::new()),
        };
        let (prompt, negative) = match body.strip_prefix(NEGATIVE) {
            Some(negative) => ("", negative),
            None => body
                .split_once(&format!("\n{NEGATIVE}"))
                .unwrap_or((body, "")),
        };
        let mut out = Parameters {
            prompt: prompt.trim().into(),
            negative_prompt: negative.trim().into(),
            ..Parameters::default()
        };
        for (name, value) in pairs {
            match name.as_str() {
                "Steps" => out.steps = value.parse().ok(),
                "Sampler" => out.sampler = Some(value),
                "CFG scale" => {
                    out.guidance_scale = value.parse().ok().filter(|scale: &f32| scale.is_finite());
                }
                "Seed" => out.seed = value.parse().ok(),
                "Size" => {
                    out.size = value
                        .split_once('x')
                        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
                }
                "Model" => out.model = Some(value),
                "Lora hashes" => {
                    out.lora_hashes = value
                        .split(", ")
                        .filter_map(|pair| pair.rsplit_once(": "))
                        .map(|(name, hash)| (name.into(), hash.into()))
                        .collect();
                }
                _ => {}
            }
        }
        out
    }
}

impl Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prompt)?;
        if !self.negative_prompt.is_empty() {
            write!(f, "\n{NEGATIVE}{}", self.negative_prompt)?;
        }
        let size = self.size.map(|(width, height)| format!("{width}x{height}"));
        let hashes: Vec<String> = self
            .lora_hashes
            .iter()
            .map(|(name, hash)| format!("{name}: {hash}"))
            .collect();
        let pairs = [
            ("Steps", Some(self.steps.unwrap_or(0).to_string())),
            ("Sampler", self.sampler.clone()),
            (
                "CFG scale",
                self.guidance_scale.map(|scale| scale.to_string()),
            ),
            ("Seed", self.seed.map(|seed| seed.to_string())),
            ("Size", size),
            ("Model", self.model.clone()),
            (
                "Lora hashes",
                (!hashes.is_empty()).then(|| hashes.join(", ")),
            ),
        ];
        let line: Vec<String> = pairs
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", quoted(&value?))))
            .collect();
        write!(f, "\n{}", line.join(", "))
    }
}

/// As JSON where it would otherwise end early.
fn quoted(value: &str) -> String {
    if value.contains([',', '\n', ':', '"']) {
        serde_json::Value::from(value).to_string()
    } else {
        value.to_owned()
    }
}

/// `Name: value, Name: "quoted, value"`.
fn pairs(line: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some((name, after)) = rest.split_once(": ") {
        let (value, after) = if after.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<String>();
            match values.next() {
                Some(Ok(value)) => {
                    let end = values.byte_offset();
                    (value, after.get(end..).unwrap_or_default())
                }
                _ => break,
            }
        } else {
            let end = after.find(", ").unwrap_or(after.len());
            let (value, after) = after.split_at(end);
            (value.to_owned(), after)
        };
        out.push((name.trim().to_owned(), value));
        rest = after.strip_prefix(", ").unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_others_write_it_and_read_back() {
        let parameters = Parameters {
            prompt: "a fox, <lora:hand:0.8>\nby the river".into(),
            negative_prompt: "blurry".into(),
            steps: Some(20),
            sampler: Some("DPM++ 2M Karras".into()),
            guidance_scale: Some(7.5),
            seed: Some(u64::MAX),
            size: Some((512, 768)),
            model: Some("a, \"b\": c".into()),
            lora_hashes: vec![
                ("my: hand".into(), "ab12".into()),
                ("x".into(), "cd".into()),
            ],
        };
        let text = parameters.to_string();
        assert_eq!(
            text,
            "a fox, <lora:hand:0.8>\nby the river\nNegative prompt: blurry\nSteps: 20, \
             Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x768, \
             Model: \"a, \\\"b\\\": c\", Lora hashes: \"my: hand: ab12, x: cd\""
        );
        assert_eq!(Parameters::parse(&text), parameters);
    }

    #[test]
    fn nonsense_is_all_prompt() {
        assert_eq!(Parameters::parse("just words").prompt, "just words");
        assert_eq!(Parameters::parse("").prompt, "");
        let odd = Parameters::parse("x\nSteps: many, Size: 1x, Model: \"unended, Seed: 3");
        assert_eq!((odd.steps, odd.size, odd.seed), (None, None, None));
    }
}

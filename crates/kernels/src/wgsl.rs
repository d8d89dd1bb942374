//! Unrolling and choice in WGSL, before burn's `{{ name }}` placeholders are filled.
//!
//! Register tiles need named variables and unrolled loops: compilers of shading languages keep indexed
//! private arrays in memory. Two directives, each on a line of its own and ended by `//@end`:
//! `//@for i tm` repeats its lines for i = 0 .. tm - 1 with `<i>` and `<i+1>` replaced, `//@if name` (or
//! `//@if !name`) keeps or drops them.

use std::collections::BTreeMap;

/// Values of a variant: numbers for `{{ name }}` and `//@for`, nonzero is true for `//@if`.
pub type Values = BTreeMap<&'static str, u64>;

/// The WGSL of a variant of `template`.
///
/// # Panics
/// When the template names a value that is not there or its directives do not pair: both are faults
/// of the shader, which a test over all shaders finds.
pub fn render(template: &str, values: &Values) -> String {
    let lines: Vec<&str> = template.lines().collect();
    let mut out = String::new();
    expand(&lines, values, &mut out);
    for (name, value) in values {
        out = out.replace(&format!("{{{{ {name} }}}}"), &value.to_string());
    }
    assert!(!out.contains("{{"), "a value is missing in:\n{out}");
    out
}

fn expand(lines: &[&str], values: &Values, out: &mut String) {
    let value = |name: &str| {
        *values
            .get(name)
            .unwrap_or_else(|| panic!("no value {name}"))
    };
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let Some(directive) = line.trim().strip_prefix("//@") else {
            out.push_str(line);
            out.push('\n');
            at += 1;
            continue;
        };
        let end = at + matching_end(&lines[at..]);
        let inside = &lines[at + 1..end];
        match directive.split_whitespace().collect::<Vec<_>>()[..] {
            ["for", variable, count] => {
                for i in 0..value(count) {
                    let marker = format!("<{variable}>");
                    let number = i.to_string();
                    let (next_marker, next) = (format!("<{variable}+1>"), (i + 1).to_string());
                    let lines: Vec<String> = inside
                        .iter()
                        .map(|line| line.replace(&marker, &number).replace(&next_marker, &next))
                        .collect();
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    expand(&lines, values, out);
                }
            }
            ["if", name] => {
                let keep = match name.strip_prefix('!') {
                    Some(name) => value(name) == 0,
                    None => value(name) != 0,
                };
                if keep {
                    expand(inside, values, out);
                }
            }
            _ => panic!("no such directive: {line}"),
        }
        at = end + 1;
    }
}

/// How many lines after the first the `//@end` of the directive on it is.
fn matching_end(lines: &[&str]) -> usize {
    let mut depth = 0;
    for (i, line) in lines.iter().enumerate() {
        match line.trim().strip_prefix("//@") {
            Some("end") => depth -= 1,
            Some(_) => depth += 1,
            None => {}
        }
        if depth == 0 {
            return i;
        }
    }
    panic!("a directive without its end: {}", lines[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_chooses_and_fills() {
        let template = "//@for i n\n//@for j m\na<i>_<j> {{ n }}\n//@end\n//@end\n//@if yes\nkept\n//@end\n//@if !yes\ngone\n//@end\n";
        let values = Values::from([("n", 2), ("m", 1), ("yes", 1)]);
        assert_eq!(render(template, &values), "a0_0 2\na1_0 2\nkept\n");
    }
}
